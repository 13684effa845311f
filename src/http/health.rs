//! Whether the process lives, and whether it can serve.

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, handler};

use super::Door;

/// The process answers.
#[handler]
pub(super) fn live() -> Response {
    json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// The database answers, and the process is not stopping.
#[handler]
pub(super) async fn ready(door: Data<&Door>) -> Response {
    let database = door.api.app.db.ping().await.is_ok();
    let stopping = *door.stopped.borrow();
    match (database, stopping) {
        (true, false) => json(StatusCode::OK, r#"{"status":"ok","database":"ok"}"#),
        (true, true) => json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"stopping","database":"ok"}"#),
        (false, _) => json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"unavailable","database":"unavailable"}"#),
    }
}

fn json(status: StatusCode, body: &'static str) -> Response {
    Response::builder().status(status).content_type("application/json").body(body)
}
