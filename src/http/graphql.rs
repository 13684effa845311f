//! GraphQL over HTTP (graphql.github.io/graphql-over-http): POST of JSON; GET for what only reads.

use graphql::{Ask, Cookies, Outcome, Refusal};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::web::Data;
use poem::{Body, Request, Response, handler};
use services::Error;

use super::body::{self, Unread};
use super::{Door, session};

const RESPONSE_TYPE: &str = "application/graphql-response+json";

#[handler]
pub(super) async fn post(door: Data<&Door>, request: &Request, body: Body) -> Response {
    let Some(typed) = negotiated(request.headers()) else { return not_acceptable() };
    let is_json = content_type(request.headers()).is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    if !is_json {
        return failure(typed, StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", "Envoyez la demande en application/json.");
    }
    let limits = &door.api.app.config.limits;
    let bytes = match body::read(body, limits).await {
        Ok(bytes) => bytes,
        Err(Unread::Slow) => {
            return failure(typed, StatusCode::REQUEST_TIMEOUT, "TIMEOUT", "La demande a mis trop de temps à arriver.");
        }
        Err(Unread::Large) => {
            let sentence = format!("Une demande compte au plus {} octets, en JSON.", limits.body_bytes);
            return failure(typed, StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", &sentence);
        }
    };
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return failure(typed, StatusCode::BAD_REQUEST, "BAD_REQUEST", "Une demande à la fois : les lots ne sont pas acceptés.");
    }
    match serde_json::from_slice::<Ask>(&bytes) {
        Ok(ask) => answer(&door, request, typed, ask, false).await,
        Err(_) => {
            let sentence = "La demande n'est pas un objet JSON de la forme {\"query\": \"…\", \"variables\": {…}}.";
            failure(typed, StatusCode::BAD_REQUEST, "BAD_REQUEST", sentence)
        }
    }
}

/// What a GET says in its address.
#[derive(serde::Deserialize)]
struct Query {
    query: Option<String>,
    variables: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    extensions: Option<String>,
}

/// Reads only. Forged from another site it changes nothing, and that site cannot read the answer.
#[handler]
pub(super) async fn get(door: Data<&Door>, request: &Request) -> Response {
    let Some(typed) = negotiated(request.headers()) else { return not_acceptable() };
    let malformed = |sentence| failure(typed, StatusCode::BAD_REQUEST, "BAD_REQUEST", sentence);
    let Ok(query) = request.params::<Query>() else { return malformed("Les paramètres de l'adresse sont illisibles.") };
    let Some(text) = query.query else { return malformed("Il manque le paramètre query.") };
    let object = |text: Option<String>| match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => serde_json::from_str(&text),
    };
    let (Ok(variables), Ok(extensions)) = (object(query.variables), object(query.extensions)) else {
        return malformed("Les paramètres variables et extensions sont des objets JSON.");
    };
    let ask = Ask { query: text, operation_name: query.operation_name, variables, extensions };
    answer(&door, request, typed, ask, true).await
}

async fn answer(door: &Door, request: &Request, typed: bool, ask: Ask, queries_only: bool) -> Response {
    let proof = session::proof(door, request.headers());
    if matches!(proof, session::Proof::Cookie(_)) && !session::is_same_origin(door, request.headers()) {
        let sentence = "Cette demande vient d'un autre site.";
        return failure(typed, StatusCode::FORBIDDEN, "FORBIDDEN", sentence);
    }
    let origin = session::origin(door, request);
    let client = match session::client(door, &proof, origin, session::agent(request.headers()), true).await {
        Ok(client) => client,
        Err(error) => {
            let status = match error {
                Error::Unauthenticated => StatusCode::UNAUTHORIZED,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            if let Some(cause) = error.cause() {
                tracing::error!(cause, "a caller could not be recognised");
            }
            let sentence = match error {
                Error::Unauthenticated => "Ce jeton n'est pas ou plus valable.".into(),
                _ => error.sentence(),
            };
            return failure(typed, status, error.code(), &sentence);
        }
    };
    let outcome = door.api.execute(ask, client, queries_only).await;
    let status = status(&outcome, typed);
    let mut response = match outcome.to_json() {
        Ok(body) => reply(typed, status, body.into_bytes()),
        Err(_) => return failure(typed, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Une erreur interne s'est produite."),
    };
    if let Some(cookie) = &outcome.cookies {
        let cookie = match cookie {
            Cookies::Set(secret) => session::set_cookie(door, secret),
            Cookies::Clear => session::clear_cookie(door),
        };
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// With the new media type a document that was not executed is a 400; with `application/json` it is a 200, as the specification
/// would have it of clients from before that type.
fn status(outcome: &Outcome, typed: bool) -> StatusCode {
    match outcome.refusal {
        Some(Refusal::Write) => StatusCode::METHOD_NOT_ALLOWED,
        _ if typed && !outcome.executed => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get(header::CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim())
}

/// Which of the two media types the client takes: true for the new one; none when it takes neither.
fn negotiated(headers: &HeaderMap) -> Option<bool> {
    let accepted: Vec<_> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
            let kind = parts.next()?;
            // A weight of nought refuses the type (RFC 9110, 12.4.2).
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            (weight != Some(0.0)).then_some(kind)
        })
        .collect();
    let takes = |kind: &str| accepted.iter().any(|range| range == kind);
    if takes(RESPONSE_TYPE) {
        Some(true)
    } else if headers.get(header::ACCEPT).is_none() || takes("application/json") || takes("application/*") || takes("*/*") {
        Some(false)
    } else {
        None
    }
}

fn not_acceptable() -> Response {
    failure(
        false,
        StatusCode::NOT_ACCEPTABLE,
        "NOT_ACCEPTABLE",
        "Le service répond en application/graphql-response+json ou application/json.",
    )
}

fn failure(typed: bool, status: StatusCode, code: &str, sentence: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "message": sentence, "extensions": { "code": code } }] });
    reply(typed, status, body.to_string().into_bytes())
}

fn reply(typed: bool, status: StatusCode, body: Vec<u8>) -> Response {
    let kind = if typed { "application/graphql-response+json; charset=utf-8" } else { "application/json; charset=utf-8" };
    let builder = Response::builder().status(status).content_type(kind);
    let builder = match status {
        StatusCode::METHOD_NOT_ALLOWED => builder.header(header::ALLOW, Method::POST.as_str()),
        StatusCode::UNAUTHORIZED => builder.header(header::WWW_AUTHENTICATE, "Bearer"),
        _ => builder,
    };
    builder.body(body)
}
