//! The database: SQLite or PostgreSQL behind one type, with one SQL text for both.
//!
//! A store function takes [`&mut Cx`](Cx), a held connection, and nothing else, so any two compose, in a read
//! ([`Db::reader`]) or in a write ([`Db::write`]). What is not here: SQL of any domain, and rules.

mod constraint;
mod cx;
mod migrations;
mod readers;
mod wake;
mod writer;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

pub(crate) use constraint::{duplicate, violates};
pub(crate) use cx::{
    Count, Listed, all, alone, beside, each, exec, in_list, keys, keyset, lists, lock, numbered, one, opt, ping, sight, try_hold,
};
pub use cx::{Cx, Held};
pub use readers::Reader;
pub use wake::{Wakes, Work};
pub use writer::Tx;

use crate::error::{Error, Result};
use crate::nodes::{Line, Nodes};
use readers::Readers;
use wake::{Left, Wake};
use writer::Writer;

/// Where the data lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One file, in WAL mode.
    Sqlite(PathBuf),
    /// A server, `postgres://…`.
    Postgres(String),
}

impl Source {
    /// In a box: it takes four kilobytes, which each read that may have to connect would make room for.
    fn connect(&self, access: Access) -> BoxFuture<'_, sqlx::Result<Cx>> {
        Box::pin(self.connect_now(access))
    }

    async fn connect_now(&self, access: Access) -> sqlx::Result<Cx> {
        Ok(match self {
            Self::Sqlite(file) => {
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .create_if_missing(access == Access::Long)
                    .read_only(access == Access::Read)
                    .journal_mode(SqliteJournalMode::Wal)
                    // FULL costs a quarter of a lone write and nothing in a group; an acknowledged write is never lost.
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10))
                    .statement_cache_capacity(256)
                    // What is not mapped is copied at each read, which costs a page a sixth more. More than this gave nothing, and what
                    // was read of it counts to the process, though the system takes it back.
                    .pragma("mmap_size", "268435456")
                    .pragma("cache_size", "-32000")
                    .pragma("temp_store", "MEMORY");
                Cx::Sqlite(Held::new(sqlx::ConnectOptions::connect(&options).await?))
            }
            Self::Postgres(url) => {
                let options = PgConnectOptions::from_str(url)?
                    .application_name("ciam")
                    .statement_cache_capacity(256)
                    // Short statements, many at once: the cores are for other requests, and a list read with others keeps its
                    // order.
                    .options([("timezone", "UTC"), ("max_parallel_workers_per_gather", "0")])
                    // A client that lost its power holds no lock for hours.
                    .options([("tcp_keepalives_idle", "15"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")]);
                // The server gives up where we do: a statement nobody waits for holds no row.
                let options = match access {
                    Access::Long => options,
                    Access::Read | Access::Write => options.options([("statement_timeout", "15s")]),
                };
                Cx::Postgres(Held::new(sqlx::ConnectOptions::connect(&options).await?))
            }
        })
    }
}

/// What a connection is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    /// Migrations, statistics, the sequencer: as long as it takes.
    Long,
}

/// The database of one process, with a count of what runs through this handle. Cheap to clone; clones share both.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    statements: Arc<AtomicU64>,
}

struct Inner {
    source: Source,
    readers: Arc<Readers>,
    writer: Writer,
    wake: Wake,
}

impl Db {
    /// Opens `source`, brings its tables to this binary's version and starts its writer. `nodes` are those that share it.
    ///
    /// # Errors
    /// [`Error::Startup`] with a sentence for the operator: not reachable, not writable, newer than this binary.
    pub async fn open(source: Source, nodes: &Nodes) -> Result<Self> {
        let mut cx = source.connect(Access::Long).await.map_err(|e| unreachable_source(&source, &e))?;
        migrations::run(&mut cx).await?;
        drop(cx);
        let wake = Wake::new();
        let writer = Writer::start(source.clone(), wake.clone()).await.map_err(|e| unreachable_source(&source, &e))?;
        match (&source, nodes.line()) {
            (Source::Postgres(url), Line::None) => wake.listen(url.clone()),
            (Source::Sqlite(_), Line::None) => {}
            (_, Line::Open | Line::Cut) => wake.meet(nodes.clone()),
        }
        let inner = Inner { readers: Arc::new(Readers::new(source.clone())), source, writer, wake };
        Ok(Self { inner: Arc::new(inner), statements: Arc::default() })
    }

    /// A held connection for the reads of one request. It goes back when dropped, unless a read was cut short on it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no connection can be had.
    pub async fn reader(&self) -> Result<Reader> {
        self.inner.readers.acquire(Arc::clone(&self.statements)).await
    }

    /// Runs `work` in one durable transaction and returns once it is committed: the only door to a write.
    ///
    /// `work` runs to its end whether or not the caller still waits. Only SQL belongs inside. On SQLite what arrives
    /// together shares one transaction, with a savepoint each; a refused one undoes only itself.
    ///
    /// # Errors
    /// What `work` answered; [`Error::Unavailable`] when the commit failed, so that nothing of it was kept.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.inner.writer.write(work, Arc::clone(&self.statements)).await
    }

    /// The same database with a count that starts anew, for one request.
    #[must_use]
    pub fn counted(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), statements: Arc::default() }
    }

    /// Statements that ran through this handle: in writes, and in reads whose connection was handed back.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Resolves at the next sign of that: a commit of this process that left some, or any of another node's.
    #[must_use]
    pub fn wakes(&self, to: Work) -> Wakes {
        self.inner.wake.subscribe(to)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<()> {
        Ok(ping(&mut *self.reader().await?).await?)
    }

    /// Whether this is PostgreSQL, where a sequencer has to number the events.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.inner.source, Source::Postgres(_))
    }

    /// A connection of its own, for what holds one for long (the sequencer's lock).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none can be opened.
    pub(crate) async fn own_connection(&self) -> Result<Cx> {
        Ok(self.inner.source.connect(Access::Long).await?)
    }

    /// Wakes everyone who reads the log, on every node.
    pub(crate) fn wake_readers_of_the_log(&self) {
        self.inner.wake.all(Left { jobs: false, events: true });
    }

    /// Refreshes the planner's statistics; after bulk loads.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn analyse(&self) -> Result<()> {
        let mut cx = self.own_connection().await?;
        exec!(&mut cx, "analyze")?;
        if matches!(cx, Cx::Sqlite(_)) {
            // Samples of values: with them SQLite plans a statement anew each time other values are bound, which costs more
            // than most statements do.
            exec!(&mut cx, "delete from sqlite_stat4")?;
        }
        self.inner.readers.clear();
        Ok(())
    }

    /// Lets the last writes finish and closes the connections.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        self.inner.readers.clear();
    }
}

/// What is read within that time. A server can fall silent without closing anything: what waits for it is given up, and its connection
/// with it.
///
/// # Errors
/// What `read` answers; [`Error::Unavailable`] when the time is over.
pub async fn in_time<T>(patience: Duration, read: impl Future<Output = Result<T>>) -> Result<T> {
    let done = tokio::time::timeout(patience, read).await;
    done.unwrap_or_else(|_| Err(Error::unavailable("the database says nothing")))
}

fn unreachable_source(source: &Source, cause: &sqlx::Error) -> Error {
    Error::Startup(match source {
        Source::Sqlite(file) => format!(
            "La base {} ne peut pas être ouverte ({cause}). Vérifiez que le dossier existe et que vous pouvez y écrire, \
             ou choisissez-en un autre avec --data-dir.",
            file.display()
        ),
        // The address may hold a password: it is not repeated.
        Source::Postgres(_) => {
            format!("La base PostgreSQL ne répond pas ({cause}). Vérifiez DATABASE_URL et que le serveur est démarré.")
        }
    })
}
