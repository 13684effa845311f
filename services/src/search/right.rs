//! The right to write an index that several processes share: one at a time, whatever the node. An index in a folder keeps its own.

use std::fs::{File, TryLockError};
use std::time::Duration;

use crate::App;
use crate::db::{Cx, in_time, ping, try_hold};
use crate::error::{Error, Result};

/// How long the database may take to say who has it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long who must write waits for others, each of which may have a server do two things, and how often it looks.
const WAIT: Duration = Duration::from_secs(150);
const LOOK: Duration = Duration::from_millis(100);

/// What is written.
#[derive(Clone, Copy)]
pub(super) enum Write {
    /// Changes of the live index, or another one in its place.
    Live,
    /// An index beside it.
    Beside,
}

impl Write {
    fn name(self) -> &'static str {
        match self {
            Self::Live => "search-live",
            Self::Beside => "search-beside",
        }
    }
}

/// The right, until it is dropped.
pub(super) enum Right {
    /// The index is in a folder, and sees to it itself.
    Folder,
    /// Nodes of one PostgreSQL: a lock of a connection, which ends with it.
    Nodes(Cx),
    /// Processes of one machine beside SQLite: a locked file.
    Processes(#[expect(dead_code, reason = "it is locked for as long as it is open")] File),
}

impl Right {
    /// The right to write that; none while another process has it.
    ///
    /// # Errors
    /// When the database or the data folder fails.
    pub(super) async fn take(app: &App, what: Write) -> Result<Option<Self>> {
        if app.search.is_shared() && app.db.is_postgres() {
            let mut cx = in_time(PATIENCE, app.db.own_connection()).await?;
            let taken = in_time(PATIENCE, held(&mut cx, what)).await?;
            return Ok(taken.then_some(Self::Nodes(cx)));
        }
        Self::take_here(app, what)
    }

    /// The same without nodes.
    fn take_here(app: &App, what: Write) -> Result<Option<Self>> {
        if !app.search.is_shared() {
            return Ok(Some(Self::Folder));
        }
        let path = app.config.data_dir.join(format!("{}.lock", what.name()));
        let failed = |cause: std::io::Error| Error::unavailable(format!("{}: {cause}", path.display()));
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self::Processes(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }

    /// The same, once others are done.
    ///
    /// # Errors
    /// As [`Self::take`]; [`Error::Unavailable`] when they take too long.
    pub(super) async fn wait(app: &App, what: Write) -> Result<Self> {
        let waited = async {
            if app.search.is_shared() && app.db.is_postgres() {
                let mut cx = in_time(PATIENCE, app.db.own_connection()).await?;
                while !in_time(PATIENCE, held(&mut cx, what)).await? {
                    tokio::time::sleep(LOOK).await;
                }
                return Ok(Self::Nodes(cx));
            }
            loop {
                if let Some(right) = Self::take_here(app, what)? {
                    return Ok(right);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(WAIT, waited).await.map_err(|_| Error::unavailable("others write into the search index"))?
    }

    /// Whether it is still had: a lock ends with its connection, and another node has it then.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is not.
    pub(super) async fn hold(&mut self) -> Result<()> {
        match self {
            Self::Folder | Self::Processes(_) => Ok(()),
            Self::Nodes(cx) => in_time(PATIENCE, async { Ok(ping(cx).await?) }).await,
        }
    }
}

async fn held(cx: &mut Cx, what: Write) -> Result<bool> {
    Ok(try_hold(cx, what.name()).await?)
}
