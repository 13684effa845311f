//! The few pages of the service itself: opening a one-time link, and the outbox of a development machine.
//!
//! They work without script, at any width, and say what they need in labels. The community's own pages are the front end's.

use std::sync::LazyLock;

use minijinja::{Environment, Value, context};
use poem::http::{StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{Body, Request, Response, handler};
use services::error::Problem;
use services::sessions::{self, SessionKind, SignUp};
use services::{Error, organisations};

use super::body::{self, Unread};
use super::{Door, session};

macro_rules! templates {
    ($environment:ident, $($name:literal),*) => {
        $($environment.add_template($name, include_str!(concat!("pages/", $name)))?;)*
    };
}

static TEMPLATES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    templates!(environment, "layout.html", "link.html", "spent.html", "outbox.html", "mail.html");
    Ok(environment)
});

/// The explorer is what there is to see here.
#[handler]
pub(super) fn home() -> Response {
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, "/explorer").finish()
}

#[handler]
pub(super) fn style() -> Response {
    Response::builder()
        .content_type("text/css; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-cache")
        .body(include_str!("pages/style.css"))
}

#[derive(serde::Deserialize)]
struct LinkQuery {
    #[serde(default)]
    jeton: String,
}

/// The page of a link. Opening it uses nothing up: mail scanners open links too; the button does.
#[handler]
pub(super) async fn open_link(door: Data<&Door>, Query(query): Query<LinkQuery>) -> Response {
    match link_page(&door, &query.jeton, &Entry::default(), &[]).await {
        Ok(page) => page,
        Err(error) => failed(&error),
    }
}

/// What the form of a link sends.
#[derive(serde::Deserialize, Default)]
struct Entry {
    #[serde(default)]
    jeton: String,
    #[serde(default)]
    handle: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    organisation: String,
}

#[handler]
pub(super) async fn enter(door: Data<&Door>, request: &Request, body: Body) -> Response {
    if !session::is_same_origin(&door, request.headers()) {
        return super::sentence_only(StatusCode::FORBIDDEN, "Ce formulaire vient d'un autre site.");
    }
    let entry: Entry = match body::read(body, &door.api.app.config.limits).await {
        Err(Unread::Slow) => {
            return super::sentence_only(StatusCode::REQUEST_TIMEOUT, "Ce formulaire a mis trop de temps à arriver.");
        }
        Err(Unread::Large) => return super::sentence_only(StatusCode::PAYLOAD_TOO_LARGE, "Ce formulaire est trop long."),
        Ok(bytes) => match serde_urlencoded::from_bytes(&bytes) {
            Ok(entry) => entry,
            Err(_) => return super::sentence_only(StatusCode::BAD_REQUEST, "Ce formulaire est illisible."),
        },
    };
    let agent = session::agent(request.headers());
    match use_link(&door, &entry, agent).await {
        Ok(secret) => Response::builder()
            .status(StatusCode::SEE_OTHER)
            .header(header::LOCATION, "/explorer")
            .header(header::SET_COOKIE, session::set_cookie(&door, &secret))
            .finish(),
        Err(Error::Invalid(problems)) => match link_page(&door, &entry.jeton, &entry, &problems).await {
            Ok(page) => page,
            Err(error) => failed(&error),
        },
        Err(error) => failed(&error),
    }
}

async fn use_link(door: &Door, entry: &Entry, agent: &str) -> services::Result<String> {
    let app = &door.api.app;
    let link = sessions::link(&mut *app.db.reader().await?, &entry.jeton, app.clock.now()).await?;
    if !link.joins {
        return Ok(sessions::sign_in(app, None, &entry.jeton, SessionKind::Browser, agent).await?.secret.unwrap_or_default());
    }
    let organisation = match entry.organisation.as_str() {
        "" => None,
        id => Some(
            id.parse().map_err(|_| Error::invalid("organisationId", services::error::Code::Unknown, "Organisation inconnue."))?,
        ),
    };
    let new = SignUp { handle: entry.handle.clone(), name: entry.name.clone(), organisation };
    Ok(sessions::sign_up(app, None, &entry.jeton, new, SessionKind::Browser, agent).await?.secret.unwrap_or_default())
}

async fn link_page(door: &Door, token: &str, entry: &Entry, problems: &[Problem]) -> services::Result<Response> {
    let app = &door.api.app;
    let mut reader = app.db.reader().await?;
    let link = match sessions::link(&mut reader, token, app.clock.now()).await {
        Ok(link) => link,
        Err(Error::Invalid(_)) => return Ok(page(StatusCode::GONE, "spent.html", context! {})),
        Err(error) => return Err(error),
    };
    let mut choices = Vec::new();
    if link.joins {
        for (depth, organisation) in organisations::tree(&mut reader).await? {
            let name = format!("{}{}", "\u{a0}\u{a0}\u{a0}".repeat(depth), organisation.name);
            choices.push(context! { id => organisation.id.to_string(), name });
        }
    }
    let problem = |field: &str| problems.iter().find(|problem| problem.field == field).map(|problem| problem.message.clone());
    let words = context! {
        token, joins => link.joins, address => link.address, choices,
        handle => &entry.handle, name => &entry.name, organisation => &entry.organisation,
        handle_problem => problem("handle"), name_problem => problem("name"), organisation_problem => problem("organisationId"),
    };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(status, "link.html", words))
}

/// The mails of the outbox, the latest first.
#[handler]
pub(super) async fn outbox_list(door: Data<&Door>, request: &Request) -> Response {
    if !outbox_is_open(&door, request) {
        return super::nowhere();
    }
    let mut mails = Vec::new();
    for file in newest(&door, 50).await {
        let Some(read) = read_mail(&door, &file).await else { continue };
        mails.push(context! { file, to => read.to, subject => read.subject, date => read.date });
    }
    page(StatusCode::OK, "outbox.html", context! { mails })
}

/// One mail, as text; its links can be followed.
#[handler]
pub(super) async fn outbox_mail(door: Data<&Door>, request: &Request, Path(file): Path<String>) -> Response {
    if !outbox_is_open(&door, request) {
        return super::nowhere();
    }
    match read_mail(&door, &file).await {
        Some(read) => {
            let lines: Vec<_> = read
                .text
                .lines()
                .map(|line| context! { text => line, link => line.trim().starts_with(&door.api.app.config.public_url) })
                .collect();
            page(StatusCode::OK, "mail.html", context! { to => read.to, subject => read.subject, date => read.date, lines })
        }
        None => super::nowhere(),
    }
}

/// Readable only on the machine itself: the public address, the listener, the peer and the `Host` are loopback, and nothing
/// forwarded it. A proxy that says nothing of itself is known by the public address, or by the setting that names it.
fn outbox_is_open(door: &Door, request: &Request) -> bool {
    let headers = request.headers();
    let forwarded = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    door.api.app.mailer.outbox().is_some()
        && !door.behind_proxy
        && is_loopback(door.api.app.config.public_host())
        && door.address.ip().is_loopback()
        && request.remote_addr().as_socket_addr().is_some_and(|peer| peer.ip().is_loopback())
        && headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(is_loopback)
        && !forwarded.iter().any(|name| headers.contains_key(*name))
}

/// Whether a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((name, port)) if port.is_empty() || port.starts_with(':') => name,
            _ => "",
        },
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

struct ReadMail {
    to: String,
    subject: String,
    date: String,
    text: String,
}

/// Ids begin with their time: the names in reverse are the mails from the latest.
async fn newest(door: &Door, most: usize) -> Vec<String> {
    let Some(outbox) = door.api.app.mailer.outbox() else { return Vec::new() };
    let mut files = Vec::new();
    if let Ok(mut entries) = tokio::fs::read_dir(outbox).await {
        while let Ok(Some(entry)) = entries.next_entry().await {
            if let Some(name) = entry.file_name().to_str().filter(|name| is_mail(name)) {
                files.push(name.to_owned());
            }
        }
    }
    files.sort_unstable_by(|a, b| b.cmp(a));
    files.truncate(most);
    files
}

/// The name of a mail and nothing else: no folder, no other file.
fn is_mail(name: &str) -> bool {
    name.strip_suffix(".eml").is_some_and(|id| id.parse::<services::id::MailId>().is_ok())
}

async fn read_mail(door: &Door, file: &str) -> Option<ReadMail> {
    let outbox = door.api.app.mailer.outbox().filter(|_| is_mail(file))?;
    let bytes = tokio::fs::read(outbox.join(file)).await.ok()?;
    let message = mail_parser::MessageParser::default().parse(&bytes)?;
    Some(ReadMail {
        to: message.to().and_then(|to| to.first()?.address().map(str::to_owned)).unwrap_or_default(),
        subject: message.subject().unwrap_or_default().to_owned(),
        date: message.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default(),
        text: message.body_text(0).unwrap_or_default().into_owned(),
    })
}

fn page(status: StatusCode, name: &str, words: Value) -> Response {
    let rendered = TEMPLATES.as_ref().map_err(ToString::to_string).and_then(|environment| {
        environment.get_template(name).and_then(|template| template.render(words)).map_err(|error| error.to_string())
    });
    match rendered {
        Ok(html) => Response::builder().status(status).content_type("text/html; charset=utf-8").body(html),
        Err(cause) => failed(&Error::internal(cause)),
    }
}

pub(super) fn failed(error: &Error) -> Response {
    if let Some(cause) = error.cause() {
        tracing::error!(cause, "a page failed");
    }
    let status = match error {
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) | Error::Startup(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    Response::builder().status(status).content_type("text/plain; charset=utf-8").body(error.sentence().into_owned())
}
