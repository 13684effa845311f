//! The routes, on one screen.

mod body;
mod explorer;
mod export;
mod feeds;
mod files;
mod graphql;
mod health;
mod pages;
pub mod server;
mod session;
mod socket;

use std::net::SocketAddr;

use ::graphql::Api;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Endpoint, EndpointExt, Request, Response, Route, get, post};
use services::places::Places;
use tokio::sync::{mpsc, watch};

/// What every handler is given.
#[derive(Clone)]
pub struct Door {
    /// The GraphQL service.
    pub api: Api,
    /// Who holds how many WebSockets.
    pub sockets: Places<socket::Holder>,
    /// Where the process listens.
    pub address: SocketAddr,
    /// A proxy stands in front.
    pub behind_proxy: bool,
    /// Turns true when the process stops.
    pub stopped: watch::Receiver<bool>,
    /// Held by whoever is being served: the process ends when nobody holds it.
    pub served: mpsc::Sender<()>,
}

/// Every route.
pub fn routes(door: Door) -> impl Endpoint<Output = Response> {
    Route::new()
        .at("/", get(pages::home))
        .at("/graphql", get(graphql::get).post(graphql::post))
        .at("/graphql/ws", get(socket::upgrade))
        .at("/explorer", get(explorer::page))
        .at("/explorer/:file", get(explorer::file))
        .at("/connexion", get(pages::open_link).post(pages::enter))
        .at("/style.css", get(pages::style))
        .at("/outbox", get(pages::outbox_list))
        .at("/outbox/:file", get(pages::outbox_mail))
        .at("/files", post(files::send))
        .at("/files/:id", get(files::take).head(files::take))
        .at("/documents/:id/latest", get(files::document).head(files::document))
        .at("/documents/:id/versions/:number", get(files::document_version).head(files::document_version))
        .at("/calendrier.ics", get(feeds::take).head(feeds::take))
        .at("/calendrier.atom", get(feeds::take).head(feeds::take))
        .at("/calendrier.json", get(feeds::take).head(feeds::take))
        .at("/calendrier/:file", get(feeds::take).head(feeds::take))
        .at("/formations.csv", get(export::all).head(export::all))
        .at("/formations.jsonld", get(export::all).head(export::all))
        .at("/formations/:file", get(export::one).head(export::one))
        .at("/health/live", get(health::live))
        .at("/health/ready", get(health::ready))
        .around(guard)
        .data(door)
}

/// The answer's head, within the time that a body and an answer may take: what stands behind can fall silent without closing
/// anything. A file that comes in has a pace of its own.
async fn in_time<E: Endpoint<Output = Response>>(next: &E, request: Request) -> poem::Result<Response> {
    let limits = request.data::<Door>().map(|door| &door.api.app.config.limits);
    let Some(time) = limits.filter(|_| request.uri().path() != "/files").map(|limits| limits.body_time + limits.answer_time)
    else {
        return next.call(request).await;
    };
    let answered = tokio::time::timeout(time, next.call(request)).await;
    let away = || sentence_only(StatusCode::SERVICE_UNAVAILABLE, services::Error::unavailable("nothing came in time").sentence());
    answered.unwrap_or_else(|_| Ok(away()))
}

/// Headers of every answer; a path that leads nowhere gets a sentence.
async fn guard<E: Endpoint<Output = Response>>(next: std::sync::Arc<E>, request: Request) -> poem::Result<Response> {
    let mut response = match in_time(&*next, request).await {
        Ok(response) => response,
        Err(error) => {
            let status = error.status();
            let sentence = match status.as_u16() {
                404 => NOWHERE,
                405 => "Cette adresse ne se demande pas ainsi.",
                _ => "Cette demande n'a pas pu être traitée.",
            };
            sentence_only(status, sentence)
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: with it browsers send `Origin: null` with our own forms, which are then taken for another site's.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::CONTENT_SECURITY_POLICY, CSP),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A path that leads nowhere, or is not to be seen from there.
fn nowhere() -> Response {
    sentence_only(StatusCode::NOT_FOUND, NOWHERE)
}

fn sentence_only(status: StatusCode, sentence: impl Into<String>) -> Response {
    Response::builder().status(status).content_type("text/plain; charset=utf-8").body(sentence.into())
}

const NOWHERE: &str = "Cette adresse ne mène nulle part.";

/// Pages take nothing from elsewhere and run no script written in them.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
