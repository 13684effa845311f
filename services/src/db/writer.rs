//! The only door to a write.
//!
//! SQLite has one writer: what arrives while it works rides together in the next `BEGIN IMMEDIATE`, with a savepoint each
//! (group commit), so that one `fsync` acknowledges them all. PostgreSQL groups commits itself: a small set of held
//! connections, a transaction each.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::readers::AWAKE;
use super::wake::{Left, Wake, Work};
use super::{Access, Cx, Source, exec};
use crate::error::{Error, Result};

/// How many ride in one transaction at most.
const GROUP: usize = 128;
/// How many may wait; beyond that a write is refused rather than queued without end.
const QUEUE: usize = 4096;
/// SQLite looks this often, in steps of its machine (some milliseconds), whether it is to give up.
const STEPS: i32 = 100_000;
/// One work may hold the writer this long.
const DEADLINE: Duration = Duration::from_secs(10);
const POSTGRES_WRITERS: usize = 8;
/// A write that has not begun by then is refused: its caller has given up, and may have tried again.
const PATIENCE: Duration = Duration::from_secs(15);

/// A write transaction: its connection, and what to wake once it is committed.
pub struct Tx {
    cx: Cx,
    left: Left,
    /// Has SQLite end the statement it is in.
    give_up: Arc<AtomicBool>,
}

impl Tx {
    async fn connect(source: &Source) -> sqlx::Result<Self> {
        let (mut cx, give_up) = (source.connect(Access::Write).await?, Arc::new(AtomicBool::new(false)));
        if let Cx::Sqlite(held) = &mut cx {
            let asked = Arc::clone(&give_up);
            held.connection().lock_handle().await?.set_progress_handler(STEPS, move || !asked.load(Ordering::Relaxed));
        }
        Ok(Self { cx, left: Left::default(), give_up })
    }

    /// Ends a statement that was cut short, which SQLite's thread would go on with, the whole queue behind it. PostgreSQL has
    /// its own limit (`statement_timeout`).
    async fn interrupt(&mut self) {
        if matches!(self.cx, Cx::Sqlite(_)) {
            self.give_up.store(true, Ordering::Relaxed);
            // Answered, one way or the other, when that statement has ended.
            drop(exec!(&mut self.cx, "select 1"));
            self.give_up.store(false, Ordering::Relaxed);
        }
    }

    /// Says that jobs or events were written: who takes them up is woken after the commit.
    pub(crate) fn leaves(&mut self, work: Work) {
        match work {
            Work::Jobs => self.left.jobs = true,
            Work::Events => self.left.events = true,
        }
    }
}

impl Deref for Tx {
    type Target = Cx;
    fn deref(&self) -> &Cx {
        &self.cx
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Cx {
        &mut self.cx
    }
}

pub(super) enum Writer {
    Sqlite { queue: Mutex<Option<mpsc::Sender<Box<dyn Rider>>>>, ended: Arc<Semaphore> },
    Postgres(Arc<Postgres>),
}

impl Writer {
    pub(super) async fn start(source: Source, wake: Wake) -> sqlx::Result<Self> {
        match &source {
            Source::Sqlite(_) => {
                let tx = Tx::connect(&source).await?;
                let (queue, riders) = mpsc::channel(QUEUE);
                let ended = Arc::new(Semaphore::new(0));
                let sqlite = Sqlite { source, tx: Some(tx), wake };
                let end = Arc::clone(&ended);
                tokio::spawn(async move {
                    sqlite.run(riders).await;
                    end.add_permits(1);
                });
                Ok(Self::Sqlite { queue: Mutex::new(Some(queue)), ended })
            }
            Source::Postgres(_) => Ok(Self::Postgres(Arc::new(Postgres {
                source,
                free: Mutex::default(),
                permits: Semaphore::new(POSTGRES_WRITERS),
                queue: Arc::new(Semaphore::new(QUEUE)),
                wake,
            }))),
        }
    }

    pub(super) async fn write<T, F>(&self, work: F, statements: Arc<AtomicU64>) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let seat = Box::new(Seat { work: Some(work), outcome: None, statements, reply });
        match self {
            Self::Sqlite { queue, .. } => {
                let queue = queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let queue = queue.ok_or_else(|| Error::unavailable("the writer is closed"))?;
                queue.try_send(seat).map_err(|_| Error::unavailable("the writer's queue is full"))?;
            }
            Self::Postgres(postgres) => {
                let place = Arc::clone(&postgres.queue).try_acquire_owned();
                let place = place.map_err(|_| Error::unavailable("the writer's queue is full"))?;
                let postgres = Arc::clone(postgres);
                tokio::spawn(async move {
                    postgres.run(seat).await;
                    drop(place);
                });
            }
        }
        answer.await.unwrap_or_else(|_| Err(Error::unavailable("the writer went away")))
    }

    /// Refuses new work and waits for what is under way.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { queue, ended } => {
                drop(queue.lock().unwrap_or_else(PoisonError::into_inner).take());
                if let Ok(permit) = ended.acquire().await {
                    permit.forget();
                    ended.add_permits(1);
                }
            }
            Self::Postgres(postgres) => {
                let all = u32::try_from(POSTGRES_WRITERS).unwrap_or(u32::MAX);
                if let Ok(permits) = postgres.permits.acquire_many(all).await {
                    permits.forget();
                    postgres.permits.close();
                    postgres.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
                }
            }
        }
    }
}

/// One work with its caller, its result type hidden.
pub(super) trait Rider: Send {
    /// Runs the work; true when it is to be kept.
    fn ride<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;
    /// Tells the caller, once the transaction's fate is known.
    fn settle(self: Box<Self>, committed: bool);
}

struct Seat<T, F> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    statements: Arc<AtomicU64>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Rider for Seat<T, F>
where
    T: Send,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send,
{
    fn ride<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let (left, before) = (tx.left, tx.statements());
            tx.cx.take_refused();
            let run = std::panic::AssertUnwindSafe(work(tx)).catch_unwind();
            let outcome = match tokio::time::timeout(DEADLINE, run).await {
                // PostgreSQL keeps nothing of such a transaction, and its COMMIT does not fail.
                Ok(Ok(Ok(_))) if tx.cx.take_refused() => Err(Error::internal("a write passed over a refused statement")),
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_panic)) => Err(Error::internal("a write panicked")),
                Err(_elapsed) => {
                    tx.interrupt().await;
                    Err(Error::unavailable("a write passed its deadline"))
                }
            };
            self.statements.fetch_add(tx.statements() - before, Ordering::Relaxed);
            let keep = outcome.is_ok();
            if !keep {
                tx.left = left;
                tx.cx.forget_busy();
            }
            self.outcome = Some(outcome);
            keep
        })
    }

    fn settle(self: Box<Self>, committed: bool) {
        let outcome = match self.outcome {
            Some(outcome) if committed => outcome,
            _ => Err(Error::unavailable("the transaction was not committed")),
        };
        // The caller may have hung up: the work is done all the same.
        drop(self.reply.send(outcome));
    }
}

struct Sqlite {
    source: Source,
    tx: Option<Tx>,
    wake: Wake,
}

impl Sqlite {
    async fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Rider>>) {
        let mut riders = Vec::with_capacity(GROUP);
        while queue.recv_many(&mut riders, GROUP).await > 0 {
            let committed = match self.group(&mut riders).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(%error, riders = riders.len(), "a group of writes was not committed");
                    self.rescue().await;
                    false
                }
            };
            let left = self.tx.as_mut().map(|tx| std::mem::take(&mut tx.left)).unwrap_or_default();
            for rider in riders.drain(..) {
                rider.settle(committed);
            }
            if committed {
                self.wake.all(left);
            }
        }
    }

    /// One transaction for all of `riders`. An error means that nothing of it was kept.
    async fn group(&mut self, riders: &mut [Box<dyn Rider>]) -> sqlx::Result<()> {
        if self.tx.is_none() {
            self.tx = Some(Tx::connect(&self.source).await?);
        }
        let Some(tx) = &mut self.tx else { return Err(sqlx::Error::WorkerCrashed) };
        if let [rider] = riders {
            exec!(tx, "begin immediate")?;
            // A lone rider needs no savepoint: a third of its time.
            if rider.ride(tx).await {
                exec!(tx, "commit")?;
            } else {
                exec!(tx, "rollback")?;
            }
            return Ok(());
        }
        // Two statements in one go wherever they follow each other: each trip to SQLite's thread is a tenth of a rider's time.
        let mut next = "begin immediate; savepoint rider";
        for rider in riders {
            exec!(tx, next)?;
            if !rider.ride(tx).await {
                // After a full disk SQLite may have rolled back the whole transaction: then the savepoint is gone, this
                // fails, and so does the group.
                exec!(tx, "rollback to rider")?;
            }
            next = "release rider; savepoint rider";
        }
        exec!(tx, "release rider; commit")?;
        Ok(())
    }

    /// After a failure: no transaction stays open, and a connection that is no good is opened anew by the next group.
    async fn rescue(&mut self) {
        if let Some(tx) = &mut self.tx {
            tx.left = Left::default();
            // "No transaction is active" is what is wanted.
            drop(exec!(tx, "rollback"));
            if tx.is_broken() {
                self.tx = None;
            }
        }
    }
}

pub(super) struct Postgres {
    source: Source,
    free: Mutex<Vec<Tx>>,
    permits: Semaphore,
    queue: Arc<Semaphore>,
    wake: Wake,
}

impl Postgres {
    async fn run(&self, mut rider: Box<dyn Rider>) {
        let permit = tokio::time::timeout(PATIENCE, self.permits.acquire()).await;
        let Ok(Ok(_permit)) = permit else { return rider.settle(false) };
        // A server that answers nothing any more must not keep the connection for ever.
        let alone = tokio::time::timeout(DEADLINE * 2, self.alone(&mut rider)).await;
        match alone.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))) {
            Ok(mut tx) => {
                let left = std::mem::take(&mut tx.left);
                if tx.is_clean() {
                    self.free.lock().unwrap_or_else(PoisonError::into_inner).push(tx);
                }
                rider.settle(true);
                self.wake.all(left);
            }
            Err(error) => {
                tracing::error!(%error, "a write was not committed");
                // The server may have been restarted: its other connections are as dead as this one.
                self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
                rider.settle(false);
            }
        }
    }

    async fn alone(&self, rider: &mut Box<dyn Rider>) -> sqlx::Result<Tx> {
        let mut tx = self.begin().await?;
        if rider.ride(&mut tx).await {
            exec!(&mut tx, "commit")?;
        } else {
            exec!(&mut tx, "rollback")?;
            tx.left = Left::default();
        }
        Ok(tx)
    }

    /// An open transaction. A connection that rested may have lost its server: then a fresh one is tried, once.
    async fn begin(&self) -> sqlx::Result<Tx> {
        let rested = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut tx) = rested {
            let begun = tokio::time::timeout(AWAKE, async { exec!(&mut tx, "begin") }).await;
            if matches!(begun, Ok(Ok(_))) {
                return Ok(tx);
            }
            self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let mut tx = Tx::connect(&self.source).await?;
        exec!(&mut tx, "begin")?;
        Ok(tx)
    }
}
