//! The right to write an index that several processes share: one at a time, whatever the node. An index in a folder keeps its own.

use std::fs::{File, TryLockError};
use std::time::Duration;

use super::store;
use crate::App;
use crate::db::{Cx, in_time};
use crate::error::{Error, Result};

/// How long the database may take to say who has it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long who must write waits for others, and how often it looks.
const WAIT: Duration = Duration::from_secs(30);
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
#[expect(dead_code, reason = "what holds the right is kept, not read")]
pub(super) enum Right {
    /// The index is in a folder, and sees to it itself.
    Folder,
    /// Nodes of one PostgreSQL: a lock of a connection, which ends with it.
    Nodes(Cx),
    /// Processes of one machine beside SQLite: a locked file.
    Processes(File),
}

impl Right {
    /// The right to write that; none while another process has it.
    ///
    /// # Errors
    /// When the database or the data folder fails.
    pub(super) async fn take(app: &App, what: Write) -> Result<Option<Self>> {
        if !app.search.is_shared() {
            return Ok(Some(Self::Folder));
        }
        if app.db.is_postgres() {
            let taken = async {
                let mut cx = app.db.own_connection().await?;
                Ok(store::try_lock(&mut cx, what.name()).await?.then_some(Self::Nodes(cx)))
            };
            return in_time(PATIENCE, taken).await;
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
        let taken = async {
            loop {
                if let Some(right) = Self::take(app, what).await? {
                    return Ok(right);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(WAIT, taken).await.map_err(|_| Error::unavailable("others write into the search index"))?
    }
}
