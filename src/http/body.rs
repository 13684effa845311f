//! The body of a request, bounded in bytes and in time.

use poem::Body;
use services::config::Limits;

/// Why a body is not read to its end.
pub(super) enum Unread {
    /// It did not arrive in time.
    Slow,
    /// It is longer than a body may be, or its sender broke off.
    Large,
}

pub(super) async fn read(body: Body, limits: &Limits) -> Result<Vec<u8>, Unread> {
    match tokio::time::timeout(limits.body_time, body.into_bytes_limit(limits.body_bytes)).await {
        Err(_) => Err(Unread::Slow),
        Ok(Err(_)) => Err(Unread::Large),
        Ok(Ok(bytes)) => Ok(bytes.into()),
    }
}
