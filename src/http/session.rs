//! Who comes: by cookie or by bearer token, from where.

use graphql::Client;
use poem::Request;
use poem::http::{HeaderMap, header};
use services::caller::Credential;
use services::db::{Reader, in_time};
use services::sessions::{self, Origin};
use services::{App, Caller, Error, Result};

use super::Door;

/// By what a request says who it is.
#[derive(Clone)]
pub(super) enum Proof {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// The browser's cookie.
    Cookie(String),
    /// Nothing.
    Nothing,
}

/// What the headers prove. A bearer token wins over a cookie.
pub(super) fn proof(door: &Door, headers: &HeaderMap) -> Proof {
    if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        return Proof::Bearer(token.map_or("", |(_, token)| token.trim()).to_owned());
    }
    match cookie(headers, cookie_name(door)) {
        Some(value) => Proof::Cookie(value.to_owned()),
        None => Proof::Nothing,
    }
}

/// Recognises the caller. A cookie that is no longer good is nobody's; a bearer token that is not good is refused.
pub(super) async fn client(door: &Door, proof: &Proof, origin: Origin, agent: &str, takes_cookies: bool) -> Result<Client> {
    let app = door.api.app.counted();
    let recognised = async {
        match recognise(&app, proof).await {
            // A connection that was held may have lost its server since. Nothing has been done yet: a fresh one is tried.
            Err(Error::Unavailable(_)) => recognise(&app, proof).await,
            recognised => recognised,
        }
    };
    let (caller, reader) = in_time(app.config.limits.answer_time, recognised).await?;
    let request_id = app.clock.id().simple().to_string();
    Ok(Client { app, caller, reader: Some(reader), origin, takes_cookies, agent: agent.to_owned(), request_id })
}

async fn recognise(app: &App, proof: &Proof) -> Result<(Caller, Reader)> {
    let now = app.clock.now();
    let mut reader = app.db.reader().await?;
    let caller = match proof {
        Proof::Nothing => Caller::anonymous(&mut reader).await?,
        Proof::Bearer(secret) | Proof::Cookie(secret) => match sessions::authenticate(&mut reader, now, secret).await {
            Ok((caller, stale)) => {
                if stale {
                    touch(app, caller.credential().cloned());
                }
                caller
            }
            Err(Error::Unauthenticated) if matches!(proof, Proof::Cookie(_)) => Caller::anonymous(&mut reader).await?,
            Err(error) => return Err(error),
        },
    };
    Ok((caller, reader))
}

/// Writes the last use down, aside: nobody waits for it.
fn touch(app: &App, credential: Option<Credential>) {
    let (app, Some(credential)) = (app.counted(), credential) else { return };
    tokio::spawn(async move {
        if let Err(error) = sessions::touch(&app, credential).await {
            tracing::warn!(%error, "a last use was not written down");
        }
    });
}

/// Where a request comes from: the peer, or what the proxy in front says of it.
pub(super) fn origin(door: &Door, request: &Request) -> Origin {
    let forwarded = || {
        let last = request.headers().get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
    let address = if door.behind_proxy { forwarded().or(peer) } else { peer };
    Origin::new(address.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into()))
}

/// How the client names itself.
pub(super) fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// Whether a browser sends this from a page of ours. Requests that no browser makes carry neither header.
pub(super) fn is_same_origin(door: &Door, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &poem::http::HeaderValue| value.to_str().ok());
    if let Some(site) = text(poem::http::HeaderName::from_static("sec-fetch-site"))
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    match text(header::ORIGIN) {
        None => true,
        Some(origin) => {
            origin.eq_ignore_ascii_case(&door.api.app.config.public_url)
                || text(header::HOST)
                    .is_some_and(|host| origin.split_once("://").is_some_and(|(_, own)| own.eq_ignore_ascii_case(host)))
        }
    }
}

/// The cookie that opens a session: the `__Host-` prefix binds it to this host, over TLS.
pub(super) fn set_cookie(door: &Door, secret: &str) -> String {
    let secure = if door.api.app.config.is_https() { "; Secure" } else { "" };
    format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000{secure}", cookie_name(door))
}

/// The cookie that ends it.
pub(super) fn clear_cookie(door: &Door) -> String {
    let secure = if door.api.app.config.is_https() { "; Secure" } else { "" };
    format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", cookie_name(door))
}

fn cookie_name(door: &Door) -> &'static str {
    if door.api.app.config.is_https() { "__Host-ciam" } else { "ciam" }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
