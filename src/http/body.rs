//! The body of a request, bounded in bytes and in time; or, of a file, in the pace at which it comes.

use std::time::Duration;

use poem::Body;
use services::config::Limits;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

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

/// A body that is taken by parts and may be as long as it likes, while it brings so many bytes in each stretch of time.
pub(super) struct Parts {
    reader: std::pin::Pin<Box<dyn AsyncRead + Send>>,
    buffer: Vec<u8>,
    stretch: Duration,
    /// What a stretch has to bring.
    least: u64,
    brought: u64,
    until: Instant,
}

/// Bytes of a part, at most.
const PART: usize = 64 * 1024;

impl Parts {
    pub(super) fn new(body: Body, limits: &Limits) -> Self {
        Self {
            reader: Box::pin(body.into_async_read()),
            buffer: vec![0; PART],
            stretch: limits.body_time,
            least: limits.file_pace.saturating_mul(limits.body_time.as_secs().max(1)),
            brought: 0,
            until: Instant::now() + limits.body_time,
        }
    }

    /// The next part; empty at the end. An error when it comes too slowly, or its sender broke off.
    pub(super) async fn next(&mut self) -> std::io::Result<&[u8]> {
        let read = tokio::time::timeout_at(self.until, self.reader.read(&mut self.buffer)).await;
        let read = read.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        self.brought = self.brought.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if self.brought >= self.least {
            (self.brought, self.until) = (0, Instant::now() + self.stretch);
        }
        Ok(&self.buffer[..read])
    }

    /// Takes some more and throws it away: who is cut off while sending does not read why.
    pub(super) async fn forget(mut self, limits: &Limits) {
        let most = u64::try_from(limits.body_bytes).unwrap_or(u64::MAX).saturating_mul(PAST);
        let rest = async { drop(tokio::io::copy(&mut (&mut self.reader).take(most), &mut tokio::io::sink()).await) };
        drop(tokio::time::timeout(limits.body_time, rest).await);
    }
}
