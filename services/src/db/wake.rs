//! Who sleeps until there is work: the workers, and those who read the log.
//!
//! A commit wakes those of its own process at once whom it left something, and tells the other nodes, at most every 20 ms: over Redis
//! when there is one, else, on PostgreSQL, by `NOTIFY`; there everybody wakes. A missed sign costs only time: everyone who waits here
//! also polls.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::{Notify, watch};

use crate::nodes::{Nodes, Word};

const CHANNEL: &str = "ciam_work";
const COALESCE: Duration = Duration::from_millis(20);
/// A line looks that often whether anybody is left to hear it, and whether the server still answers.
const ALONE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(5);

/// What a commit leaves to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// For the workers.
    Jobs,
    /// For those who read the log.
    Events,
}

/// All that a transaction leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) jobs: bool,
    pub(super) events: bool,
}

impl Left {
    const BOTH: Self = Self { jobs: true, events: true };
}

#[derive(Clone)]
pub(super) struct Wake {
    here: Here,
    others: Arc<Notify>,
}

/// Those who wait in this process.
#[derive(Clone)]
struct Here {
    jobs: watch::Sender<u64>,
    events: watch::Sender<u64>,
}

impl Here {
    fn wake(&self, left: Left) {
        for (signs, is_left) in [(&self.jobs, left.jobs), (&self.events, left.events)] {
            if is_left {
                signs.send_modify(|signs| *signs += 1);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.jobs.receiver_count() + self.events.receiver_count() == 0
    }
}

/// Resolves at the next sign of one kind of work.
pub struct Wakes(watch::Receiver<u64>);

impl Wakes {
    /// Waits for a sign given since the last call.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Wake {
    pub(super) fn new() -> Self {
        let here = Here { jobs: watch::Sender::new(0), events: watch::Sender::new(0) };
        Self { here, others: Arc::new(Notify::new()) }
    }

    pub(super) fn subscribe(&self, to: Work) -> Wakes {
        Wakes(match to {
            Work::Jobs => self.here.jobs.subscribe(),
            Work::Events => self.here.events.subscribe(),
        })
    }

    /// After a commit that left that.
    pub(super) fn all(&self, left: Left) {
        if left != Left::default() {
            self.here.wake(left);
            self.others.notify_one();
        }
    }

    /// Hears the other nodes over Redis and speaks to them, until the last clone is gone. `NOTIFY` is then left alone, even while
    /// Redis is away: it takes a lock of the whole server and two connections a node, and whoever waits here polls anyway.
    pub(super) fn meet(&self, nodes: Nodes) {
        let (here, others) = (self.here.clone(), Arc::clone(&self.others));
        let mut words = nodes.hear();
        tokio::spawn(async move {
            while Arc::strong_count(&others) > 1 {
                tokio::select! {
                    word = words.recv() => if matches!(word, Ok(Word::Work) | Err(_)) {
                        here.wake(Left::BOTH);
                    },
                    () = others.notified() => {
                        tokio::time::sleep(COALESCE).await;
                        nodes.say(Word::Work);
                    }
                    () = tokio::time::sleep(ALONE) => {}
                }
            }
        });
    }

    /// Keeps a connection that hears the other nodes and speaks to them, until the last clone is gone.
    pub(super) fn listen(&self, url: String) {
        let (here, others) = (self.here.clone(), Arc::clone(&self.others));
        tokio::spawn(async move {
            loop {
                if let Err(error) = exchange(&url, &here, &others).await {
                    tracing::warn!(%error, "the line to the other nodes is cut; polling goes on");
                }
                if here.is_empty() && Arc::strong_count(&others) == 1 {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }
}

async fn exchange(url: &str, here: &Here, others: &Arc<Notify>) -> sqlx::Result<()> {
    let mut hears = PgListener::connect(url).await?;
    hears.listen(CHANNEL).await?;
    let mut speaks = <sqlx::PgConnection as sqlx::Connection>::connect(url).await?;
    loop {
        tokio::select! {
            heard = hears.try_recv() => match heard? {
                Some(_) => here.wake(Left::BOTH),
                None => return Ok(()),
            },
            () = others.notified() => {
                tokio::time::sleep(COALESCE).await;
                answered(sqlx::query("select pg_notify($1, '')").bind(CHANNEL).execute(&mut speaks)).await?;
            }
            () = tokio::time::sleep(ALONE) => {
                if Arc::strong_count(others) == 1 {
                    return Ok(());
                }
                answered(sqlx::query("select 1").execute(&mut hears)).await?;
                answered(sqlx::query("select 1").execute(&mut speaks)).await?;
            }
        }
    }
}

/// A server that went away may close nothing: a line on which it says nothing is opened anew.
async fn answered<T>(asked: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
