//! A small pool of held connections for reads.
//!
//! Not sqlx's: its acquire and release cost twenty times a simple statement (a ping and a spawned task each time).

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Access, Cx, Source, exec};
use crate::error::{Error, Result};

/// More would not read faster on the machines this is meant for, and a server's connections are dear.
const CONNECTIONS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);
/// A server may have been restarted since: a connection that rested this long is asked first.
const RESTED: Duration = Duration::from_secs(2);
/// How long one that rested may take to answer, before it and its neighbours are given up: the line may be dead, and nobody told.
pub(super) const AWAKE: Duration = Duration::from_secs(3);

pub(super) struct Readers {
    source: Source,
    free: Mutex<VecDeque<(Cx, Instant)>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(source: Source) -> Self {
        Self { source, free: Mutex::default(), permits: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    pub(super) async fn acquire(self: &Arc<Self>, statements: Arc<AtomicU64>) -> Result<Reader> {
        let permit = tokio::time::timeout(PATIENCE, self.permits.clone().acquire_owned())
            .await
            .map_err(|_| Error::unavailable("no free reader"))?
            .map_err(|_| Error::unavailable("readers closed"))?;
        let cx = match self.rested().await {
            Some(cx) => cx,
            None => self.source.connect(Access::Read).await?,
        };
        let before = cx.statements();
        Ok(Reader { cx: Some(cx), before, statements, readers: Arc::clone(self), _permit: permit })
    }

    async fn rested(&self) -> Option<Cx> {
        let (mut cx, since) = self.free().pop_back()?;
        if matches!(self.source, Source::Postgres(_)) && since.elapsed() > RESTED {
            let answers = tokio::time::timeout(AWAKE, async { exec!(&mut cx, "select 1") }).await;
            if !matches!(answers, Ok(Ok(_))) {
                self.clear();
                return None;
            }
        }
        Some(cx)
    }

    pub(super) fn clear(&self) {
        self.free().clear();
    }

    fn free(&self) -> std::sync::MutexGuard<'_, VecDeque<(Cx, Instant)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection lent to one request.
pub struct Reader {
    cx: Option<Cx>,
    before: u64,
    /// Where its statements are counted when it is handed back.
    statements: Arc<AtomicU64>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Deref for Reader {
    type Target = Cx;
    #[expect(clippy::expect_used, reason = "the connection is taken in drop only")]
    fn deref(&self) -> &Cx {
        self.cx.as_ref().expect("held until dropped")
    }
}

impl DerefMut for Reader {
    #[expect(clippy::expect_used, reason = "the connection is taken in drop only")]
    fn deref_mut(&mut self) -> &mut Cx {
        self.cx.as_mut().expect("held until dropped")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(cx) = self.cx.take() else { return };
        self.statements.fetch_add(cx.statements() - self.before, Ordering::Relaxed);
        if cx.is_clean() {
            self.readers.free().push_back((cx, Instant::now()));
        } else if cx.is_broken() {
            // Its neighbours were opened to the same server.
            self.readers.clear();
        }
    }
}
