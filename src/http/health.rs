//! Whether the process lives, and whether it can serve.

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, handler};
use services::nodes::Line;

use super::Door;

/// The process answers.
#[handler]
pub(super) fn live() -> Response {
    json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// The database answers, and the process is not stopping. Without its Redis, or with a search index that is not kept, it serves all
/// the same, and says so.
#[handler]
pub(super) async fn ready(door: Data<&Door>) -> Response {
    let database = door.api.app.db.ping().await.is_ok();
    let (redis, stopping) = (door.api.app.nodes.line(), *door.stopped.borrow());
    let search = door.api.app.search.is_well();
    let (status, code) = match (database, stopping, redis) {
        (false, ..) => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        (true, true, _) => ("stopping", StatusCode::SERVICE_UNAVAILABLE),
        (true, false, Line::Open | Line::None) if search => ("ok", StatusCode::OK),
        (true, false, _) => ("degraded", StatusCode::OK),
    };
    let database = if database { "ok" } else { "unavailable" };
    let redis = match redis {
        Line::None => "",
        Line::Open => r#","redis":"ok""#,
        Line::Cut => r#","redis":"unavailable""#,
    };
    let search = if search { "" } else { r#","search":"unavailable""# };
    json(code, format!(r#"{{"status":"{status}","database":"{database}"{redis}{search}}}"#))
}

fn json(code: StatusCode, body: impl Into<String>) -> Response {
    Response::builder().status(code).content_type("application/json").body(body.into())
}
