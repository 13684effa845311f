//! The explorer: a page of ours, held in the binary, that needs nothing from outside.

use poem::web::Path;
use poem::{Response, handler};

#[handler]
pub(super) fn page() -> Response {
    asset("text/html; charset=utf-8", include_str!("explorer/index.html"))
}

#[handler]
pub(super) fn file(Path(file): Path<String>) -> Response {
    match file.as_str() {
        "explorer.css" => asset("text/css; charset=utf-8", include_str!("explorer/explorer.css")),
        "explorer.js" => asset("text/javascript; charset=utf-8", include_str!("explorer/explorer.js")),
        "line.js" => asset("text/javascript; charset=utf-8", include_str!("explorer/line.js")),
        "examples.js" => asset("text/javascript; charset=utf-8", include_str!("explorer/examples.js")),
        _ => super::nowhere(),
    }
}

fn asset(content_type: &'static str, body: &'static str) -> Response {
    Response::builder().content_type(content_type).header("cache-control", "no-cache").body(body)
}
