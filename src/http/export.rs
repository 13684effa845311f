//! Trainings for others: a table, or JSON-LD; of those whom the caller sees, as they come by cookie or by token. What they say is
//! `services::catalogue`'s.

use futures_util::stream;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::web::headers::{ETag, HeaderMapExt, IfNoneMatch};
use poem::web::{Data, Path};
use poem::{Body, Request, Response, handler};
use services::Error;
use services::catalogue::{self, Export, ExportFormat};
use services::id::TrainingId;

use super::{Door, files, session};

/// `/formations.csv`, `/formations.jsonld`: all of them.
#[handler]
pub(super) async fn all(door: Data<&Door>, request: &Request) -> Response {
    let format = [ExportFormat::Csv, ExportFormat::JsonLd].into_iter();
    let Some(format) = format.into_iter().find(|format| request.uri().path().ends_with(format.ending())) else {
        return super::nowhere();
    };
    let proof = session::proof(&door, request.headers());
    let client = match files::client(&door, request, &proof).await {
        Ok(client) => client,
        Err(response) => return response,
    };
    let Some(mut reader) = client.reader else { return files::refused(&Error::internal("a reader that is not there")) };
    let tag = catalogue::export_tag(&client.app, &mut reader, &client.caller, format).await;
    drop(reader);
    let tag = match tag {
        Ok(tag) => tag,
        Err(error) => return files::refused(&error),
    };
    answered(request, &tag, format, || {
        let export = Export::new(&client.app, &client.caller, format);
        Body::from_bytes_stream(stream::try_unfold(export, |mut export| async move {
            match export.next().await {
                Ok(part) => Ok(part.map(|part| (part.into_bytes(), export))),
                // The head has left: the client sees that the text is cut.
                Err(error) => {
                    tracing::error!(code = error.code(), cause = error.cause(), "an export was cut short");
                    Err(std::io::Error::other("cut short"))
                }
            }
        }))
    })
}

/// `/formations/<id>.jsonld`: one of them.
#[handler]
pub(super) async fn one(door: Data<&Door>, request: &Request, Path(file): Path<String>) -> Response {
    let Some(id) = file.strip_suffix(".jsonld").and_then(|id| id.parse::<TrainingId>().ok()) else { return super::nowhere() };
    let proof = session::proof(&door, request.headers());
    let client = match files::client(&door, request, &proof).await {
        Ok(client) => client,
        Err(response) => return response,
    };
    let Some(mut reader) = client.reader else { return files::refused(&Error::internal("a reader that is not there")) };
    match catalogue::course(&client.app, &mut reader, &client.caller, id).await {
        Ok(Some((text, tag))) => answered(request, &tag, ExportFormat::JsonLd, || Body::from(text)),
        Ok(None) => super::nowhere(),
        Err(error) => files::refused(&error),
    }
}

/// The text, unless the client has it already.
fn answered(request: &Request, tag: &str, format: ExportFormat, body: impl FnOnce() -> Body) -> Response {
    let Ok(etag) = format!("W/\"{tag}\"").parse::<ETag>() else {
        return files::refused(&Error::internal("a tag that is none"));
    };
    let response = Response::builder()
        // Kept by nobody but the one who asks, and asked for again: who sees what changes.
        .header(header::CACHE_CONTROL, "private, no-cache")
        .header(header::VARY, "Authorization, Cookie")
        .typed_header(etag.clone());
    if is_known(request.headers(), &etag) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    let mut response = response.content_type(format.media_type());
    if format == ExportFormat::Csv {
        let kept = HeaderValue::from_static("attachment; filename=\"formations.csv\"");
        response = response.header(header::CONTENT_DISPOSITION, kept);
    }
    if request.method() == Method::HEAD { response.finish() } else { response.body(body()) }
}

fn is_known(headers: &HeaderMap, etag: &ETag) -> bool {
    headers.typed_get::<IfNoneMatch>().is_some_and(|tags| !tags.precondition_passes(etag))
}
