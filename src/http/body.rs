//! The body of a request, bounded in bytes and in time.

use poem::Body;
use services::config::Limits;
use tokio::io::AsyncReadExt;

/// Why a body is not read to its end.
pub(super) enum Unread {
    /// It did not arrive in time.
    Slow,
    /// It is longer than a body may be, or its sender broke off.
    Large,
}

/// How many times the limit is still taken of a longer body, and thrown away: who is cut off while sending does not read why.
const PAST: u64 = 16;

pub(super) async fn read(body: Body, limits: &Limits) -> Result<Vec<u8>, Unread> {
    tokio::time::timeout(limits.body_time, bytes(body, limits.body_bytes)).await.unwrap_or(Err(Unread::Slow))
}

async fn bytes(body: Body, most: usize) -> Result<Vec<u8>, Unread> {
    let most_read = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut reader = body.into_async_read();
    let mut bytes = Vec::new();
    (&mut reader).take(most_read).read_to_end(&mut bytes).await.map_err(|_| Unread::Large)?;
    if bytes.len() <= most {
        return Ok(bytes);
    }
    drop(bytes);
    drop(tokio::io::copy(&mut reader.take(most_read.saturating_mul(PAST)), &mut tokio::io::sink()).await);
    Err(Unread::Large)
}
