//! Files: sent as the body of a POST, taken by GET with ranges (RFC 9110). What they are and who may is `services::files`'s.

use std::io::SeekFrom;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::web::headers::{ETag, HeaderMapExt, IfMatch, IfNoneMatch, IfRange};
use poem::web::{Data, Path};
use poem::{Body, Request, Response, handler};
use serde_json::json;
use services::error::Code;
use services::files::{self, File};
use services::id::DocumentId;
use services::library::{self, Target};
use services::{App, Error};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::body::Parts;
use super::{Door, session};

/// Bytes read of a file at a time.
const READ: usize = 64 * 1024;

#[derive(serde::Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

/// Receives a file: its bytes are the body, its name is in the address.
#[handler]
pub(super) async fn send(door: Data<&Door>, request: &Request, body: Body) -> Response {
    let limits = &door.api.app.config.limits;
    let mut parts = Parts::new(body, limits);
    // Who waits to be told to go on has sent nothing yet.
    let waits = request.headers().contains_key(header::EXPECT);
    match receive(&door, request, &mut parts).await {
        Ok(file) => kept(&door.api.app, &file),
        Err(response) => {
            if !waits && response.status() != StatusCode::REQUEST_TIMEOUT {
                parts.forget(limits).await;
            }
            response
        }
    }
}

async fn receive(door: &Door, request: &Request, parts: &mut Parts) -> Result<File, Response> {
    let headers = request.headers();
    let proof = session::proof(door, headers);
    if matches!(proof, session::Proof::Cookie(_)) && !session::is_same_origin(door, headers) {
        return Err(failure(StatusCode::FORBIDDEN, "FORBIDDEN", "Cette demande vient d'un autre site.", &[]));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("").to_ascii_lowercase();
    // The kind of other forms is also what curl says of any file unless told.
    if kind.starts_with("multipart/") {
        let sentence = "Envoyez le fichier lui-même comme corps de la demande, sans formulaire autour.";
        return Err(failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", sentence, &[]));
    }
    let Ok(Named { name }) = request.params::<Named>() else {
        let sentence = "Le nom du fichier est illisible : donnez-le à l'adresse, en UTF-8 (?name=guide.pdf).";
        return Err(failure(StatusCode::BAD_REQUEST, "BAD_REQUEST", sentence, &["name"]));
    };
    let size = headers.get(header::CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse().ok());
    let mut upload = {
        let client = client(door, request, &proof).await?;
        let mut reader = client.reader.ok_or_else(|| refused(&Error::internal("a reader that is not there")))?;
        files::begin_upload(&mut reader, &client.app, &client.caller, &name, size).await.map_err(|error| refused(&error))?
    };
    loop {
        let part = parts.next().await.map_err(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => {
                failure(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", "Ce fichier met trop de temps à arriver.", &[])
            }
            // Nobody reads this answer.
            _ => failure(StatusCode::BAD_REQUEST, "BAD_REQUEST", "Cet envoi a été interrompu.", &[]),
        })?;
        if part.is_empty() {
            return upload.finish().await.map_err(|error| refused(&error));
        }
        upload.write(part).await.map_err(|error| refused(&error))?;
    }
}

/// What was kept, and where it is found.
fn kept(app: &App, file: &File) -> Response {
    let url = format!("{}{}", app.config.public_url, file.path());
    let body = json!({
        "id": file.id.to_string(), "name": file.name, "mediaType": file.media_type, "size": file.size,
        "sha256": files::hex(&file.sha256), "url": url,
    });
    let builder = Response::builder().status(StatusCode::CREATED).content_type("application/json; charset=utf-8");
    builder.header(header::LOCATION, url).body(body.to_string())
}

/// Gives a file to whoever sees what refers to it; to others it leads nowhere.
#[handler]
pub(super) async fn take(door: Data<&Door>, request: &Request, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse() else { return super::nowhere() };
    let proof = session::proof(&door, request.headers());
    let client = match client(&door, request, &proof).await {
        Ok(client) => client,
        Err(response) => return response,
    };
    let Some(mut reader) = client.reader else { return refused(&Error::internal("a reader that is not there")) };
    match files::file(&mut reader, &client.caller, id).await {
        Ok(Some(file)) => {
            drop(reader);
            serve(&door.api.app, request, &file).await
        }
        Ok(None) => super::nowhere(),
        Err(error) => refused(&error),
    }
}

/// Where a document's versions are found: the file itself, or the way to another address.
#[handler]
pub(super) async fn document(door: Data<&Door>, request: &Request, Path(id): Path<String>) -> Response {
    version(&door, request, &id, None).await
}

#[handler]
pub(super) async fn document_version(
    door: Data<&Door>,
    request: &Request,
    Path((id, number)): Path<(String, String)>,
) -> Response {
    match number.parse() {
        Ok(number) => version(&door, request, &id, Some(number)).await,
        Err(_) => super::nowhere(),
    }
}

async fn version(door: &Door, request: &Request, id: &str, number: Option<i64>) -> Response {
    let Ok(id) = id.parse::<DocumentId>() else { return super::nowhere() };
    let proof = session::proof(door, request.headers());
    let client = match client(door, request, &proof).await {
        Ok(client) => client,
        Err(response) => return response,
    };
    let Some(mut reader) = client.reader else { return refused(&Error::internal("a reader that is not there")) };
    let target = library::target(&mut reader, &client.caller, id, number).await;
    drop(reader);
    let app = &door.api.app;
    let response = match target {
        Ok(Some(Target::File(file))) => serve(app, request, &file).await,
        Ok(Some(Target::Link(link))) => Response::builder()
            .status(StatusCode::FOUND)
            .header(header::LOCATION, link)
            .header(header::CACHE_CONTROL, "private, no-cache")
            .finish(),
        Ok(None) => return super::nowhere(),
        Err(error) => return refused(&error),
    };
    if begins(request, &response) {
        count(app.clone(), id);
    }
    response
}

/// Whether a document begins to be given: not only looked at, nor gone on with.
fn begins(request: &Request, response: &Response) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    request.method() == Method::GET
        && match response.status() {
            StatusCode::OK | StatusCode::FOUND => true,
            StatusCode::PARTIAL_CONTENT => range.is_some_and(|range| range.starts_with("bytes 0-")),
            _ => false,
        }
}

/// Counts it, aside: nobody waits for it.
fn count(app: App, id: DocumentId) {
    tokio::spawn(async move {
        if let Err(error) = library::count_download(&app, id).await {
            tracing::warn!(%error, "a download was not counted");
        }
    });
}

pub(super) async fn client(door: &Door, request: &Request, proof: &session::Proof) -> Result<graphql::Client, Response> {
    let origin = session::origin(door, request);
    let client = session::client(door, proof, origin, session::agent(request.headers()), false).await;
    client.map_err(|error| match error {
        Error::Unauthenticated => {
            failure(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "Ce jeton n'est pas ou plus valable.", &[])
        }
        other => refused(&other),
    })
}

/// The file, or the part of it that is asked for.
async fn serve(app: &App, request: &Request, file: &File) -> Response {
    let headers = request.headers();
    let size = u64::try_from(file.size).unwrap_or(0);
    let Ok(etag) = format!("\"{}\"", files::hex(&file.sha256)).parse::<ETag>() else {
        return refused(&Error::internal("a SHA-256 that is no tag"));
    };
    let mut response = Response::builder().status(StatusCode::OK);
    for (name, value) in dressing(request, file) {
        response = response.header(name, value);
    }
    let mut response = response.typed_header(etag.clone());
    if headers.typed_get::<IfMatch>().is_some_and(|tags| !tags.precondition_passes(&etag)) {
        return response.status(StatusCode::PRECONDITION_FAILED).finish();
    }
    if headers.typed_get::<IfNoneMatch>().is_some_and(|tags| !tags.precondition_passes(&etag)) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response = response.header(header::ACCEPT_RANGES, "bytes");
    // A part of what the client has begun, unless it changed meanwhile.
    let ranged = request.method() == Method::GET
        && headers.typed_get::<IfRange>().is_none_or(|range| !range.is_modified(Some(&etag), None));
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).filter(|_| ranged);
    let (first, length) = match asked.map_or(Asked::Whole, |range| part(range, size)) {
        Asked::Whole => (0, size),
        Asked::Part(first, last) => {
            response = response.status(StatusCode::PARTIAL_CONTENT);
            response = response.header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
            (first, last - first + 1)
        }
        Asked::Nothing => {
            let range = format!("bytes */{size}");
            return response.status(StatusCode::RANGE_NOT_SATISFIABLE).header(header::CONTENT_RANGE, range).finish();
        }
    };
    response = response.content_type(&file.media_type).header(header::CONTENT_LENGTH, length);
    if request.method() == Method::HEAD {
        return response.finish();
    }
    let opened = async {
        let mut content = files::content(app, file).await?;
        let moved = if first > 0 { content.seek(SeekFrom::Start(first)).await.map(drop) } else { Ok(()) };
        moved.map_err(|error| Error::unavailable(format!("a content: {}", error.kind())))?;
        Ok(content.take(length))
    };
    match opened.await {
        Ok(content) => response.body(Body::from_bytes_stream(ReaderStream::with_capacity(content, READ))),
        Err(error) => refused(&error),
    }
}

/// Headers that keep a content what it is, and in its place.
fn dressing(request: &Request, file: &File) -> Vec<(header::HeaderName, HeaderValue)> {
    let shown = file.is_shown() && !request.uri().query().unwrap_or("").split('&').any(|pair| pair.starts_with("download"));
    // Browsers show no PDF in a sandboxed page; their viewers keep what it holds away from this site.
    let policy = match file.media_type.as_str() {
        "application/pdf" if shown => "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'",
        _ => "default-src 'none'; sandbox; frame-ancestors 'self'",
    };
    let mut dressing = vec![
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        // Asked for again each time, since who may read it changes; mostly answered by 304.
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    if let Ok(disposition) = HeaderValue::from_str(&disposition(if shown { "inline" } else { "attachment" }, &file.name)) {
        dressing.push((header::CONTENT_DISPOSITION, disposition));
    }
    dressing
}

/// The file's name as RFC 6266 and RFC 8187 say it: for old clients in ASCII, for the others whole.
fn disposition(kind: &str, name: &str) -> String {
    let ascii: String =
        name.chars().map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' }).collect();
    let mut whole = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9'
            | b'A'..=b'Z'
            | b'a'..=b'z'
            | b'!'
            | b'#'
            | b'$'
            | b'&'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~' => {
                whole.push(char::from(byte));
            }
            _ => whole.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{whole}")
}

/// What a range asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// No range, one of another unit, a malformed one, or several: RFC 9110 lets all these have the whole.
    Whole,
    /// From one byte to another, both included.
    Part(u64, u64),
    /// What lies beyond the end.
    Nothing,
}

/// RFC 9110, 14.1.2. The parser of the library at hand refuses an end longer than the content, which is the whole of it.
fn part(range: &str, size: u64) -> Asked {
    let Some((unit, set)) = range.split_once('=') else { return Asked::Whole };
    let Some((first, last)) = set.trim().split_once('-') else { return Asked::Whole };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    match (first.is_empty(), number(first), last.is_empty(), number(last)) {
        (false, Some(first), open, Some(last)) if open || first <= last => match first < size {
            true => Asked::Part(first, if open { size - 1 } else { last.min(size - 1) }),
            false => Asked::Nothing,
        },
        (true, _, false, Some(last)) => match last > 0 && size > 0 {
            true => Asked::Part(size.saturating_sub(last), size - 1),
            false => Asked::Nothing,
        },
        _ => Asked::Whole,
    }
}

/// An error of a use-case.
pub(super) fn refused(error: &Error) -> Response {
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code(), cause, "a file could not be sent or taken");
    }
    let of_file = |code| match code {
        Code::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Refused => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let (status, fields) = match error {
        Error::Unauthenticated => (StatusCode::UNAUTHORIZED, Vec::new()),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, Vec::new()),
        Error::NotFound => (StatusCode::NOT_FOUND, Vec::new()),
        Error::Invalid(problems) => {
            let status =
                problems.iter().find(|one| one.field == "file").map_or(StatusCode::UNPROCESSABLE_ENTITY, |one| of_file(one.code));
            (status, problems.iter().map(|one| one.field).collect())
        }
        Error::Conflict(problem) => (StatusCode::TOO_MANY_REQUESTS, vec![problem.field]),
        Error::Limited(_) => (StatusCode::TOO_MANY_REQUESTS, Vec::new()),
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
        Error::Internal(_) | Error::Startup(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    let mut response = failure(status, error.code(), &error.sentence(), &fields);
    if let Error::Limited(after) = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    response
}

/// As GraphQL tells its errors.
fn failure(status: StatusCode, code: &str, sentence: &str, fields: &[&str]) -> Response {
    let mut extensions = json!({ "code": code });
    if !fields.is_empty() {
        extensions["fields"] = json!(fields);
    }
    let body = json!({ "errors": [{ "message": sentence, "extensions": extensions }] });
    let builder = Response::builder().status(status).content_type("application/json; charset=utf-8");
    let builder = match status {
        StatusCode::UNAUTHORIZED => builder.header(header::WWW_AUTHENTICATE, "Bearer"),
        _ => builder,
    };
    builder.body(body.to_string())
}
