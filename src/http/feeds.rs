//! The publication calendar's public feeds, for readers that come back: most leave with a 304. What they say is
//! `services::feeds`'s; who asks changes nothing.

use poem::http::{HeaderMap, Method, StatusCode, header};
use poem::web::Data;
use poem::web::headers::{ETag, HeaderMapExt, IfModifiedSince, IfNoneMatch, LastModified};
use poem::{Request, Response, handler};
use services::feeds::{self, Asked, Feed, Format};
use services::{App, Error};

use super::{Door, pages};

#[derive(serde::Deserialize)]
struct Page {
    after: Option<String>,
}

/// `/calendrier.ics`, `/calendrier/<slug>.ics`; the others alike.
#[handler]
pub(super) async fn take(door: Data<&Door>, request: &Request) -> Response {
    let file = request.uri().path().strip_prefix("/calendrier").and_then(|file| file.rsplit_once('.'));
    let Some((name, format)) = file.and_then(|(name, ending)| Some((name, Format::of(ending)?))) else { return super::nowhere() };
    let slug = name.strip_prefix('/').map(str::to_owned);
    let Ok(Page { after }) = request.params() else {
        return super::sentence_only(StatusCode::BAD_REQUEST, "Cette adresse est illisible.");
    };
    match serve(&door.api.app, request, &Asked { format, slug, after }).await {
        Ok(response) => response,
        Err(Error::NotFound) => super::nowhere(),
        Err(error) => pages::failed(&error),
    }
}

async fn serve(app: &App, request: &Request, asked: &Asked) -> services::Result<Response> {
    let mut reader = app.db.reader().await?;
    let feed = feeds::feed(app, &mut reader, asked).await?;
    let etag: ETag = format!("W/\"{}\"", feed.tag).parse().map_err(|_| Error::internal("a feed's tag that is none"))?;
    let modified = feed.modified.map(|at| LastModified::from(std::time::SystemTime::from(at)));
    // Kept by caches, and asked for again each time: what is withdrawn must not be shown any longer.
    let mut response = Response::builder().header(header::CACHE_CONTROL, "public, no-cache").typed_header(etag.clone());
    if let Some(modified) = modified {
        response = response.typed_header(modified);
    }
    if is_known(request.headers(), &etag, &feed) {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    let text = feed.text(&mut reader).await?;
    drop(reader);
    let response = response.content_type(asked.format.media_type()).header(header::CONTENT_LENGTH, text.len());
    Ok(if request.method() == Method::HEAD { response.finish() } else { response.body(text) })
}

/// Whether the client has it already; a tag says it better than a moment (RFC 9110, 13.2.2).
fn is_known(headers: &HeaderMap, etag: &ETag, feed: &Feed) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        return headers.typed_get::<IfNoneMatch>().is_some_and(|tags| !tags.precondition_passes(etag));
    }
    let since = headers.typed_get::<IfModifiedSince>();
    since.zip(feed.modified).is_some_and(|(since, at)| !since.is_modified(at.into()))
}
