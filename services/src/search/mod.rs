//! Finding: an index of threads, trainings and documents, kept true by the log ([`keep`]), and what people ask of it (docs/search.md).
//!
//! The index is a copy, in the data folder of each node or on a server that they share: whatever becomes of it, it is made anew from
//! the database.

mod checking;
mod entries;
mod keeping;
mod right;
mod store;
mod synonyms;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use search_index::{Index, Server, Synonyms};
use tokio::sync::watch;

use crate::App;
use crate::caller::Caller;
use crate::config::Config;
use crate::db::Cx;
use crate::error::{Code, Error, Result};
use crate::events;
use crate::id::PostId;

pub use checking::{Checked, check};
pub use keeping::{Progress, Turn, catch_up, keep, rebuild, turn};
pub use search_index::{
    Facet, FacetCounts, Filters, Held, Highlighted, Hit, Kind, MOST_SYNONYMS, Page, Query, Sight, Sort, Suggestions,
};
pub use synonyms::{SynonymGroup, create_synonyms, remove_synonyms, synonym_groups, synonym_groups_by_id, update_synonyms};
pub(crate) use synonyms::{are_laid as synonyms_are_laid, lay as lay_synonyms};

/// How long somebody waits for what they wrote to be found, and how often the index is asked where nobody in this process keeps it.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(250);
/// An index that could not be kept for so long is not asked any more: what it holds may have been taken away since.
const OUT_OF_DATE: Duration = Duration::from_secs(10);

/// How long a Meilisearch may take to answer, and to do what it is told to write.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// The index of this process.
#[derive(Debug)]
pub struct Search {
    index: Index,
    /// Other processes write into it too.
    shared: bool,
    /// It was filled, by whatever version.
    filled: AtomicBool,
    health: Mutex<Health>,
    /// How far the log is read, to be waited for.
    read: watch::Sender<u64>,
    /// The stamp of the last change of synonyms that the index knows; -1 when it has those that the product brings.
    synonyms: AtomicI64,
    passed: Mutex<Passed>,
}

/// What keeps it from saying what the database says.
#[derive(Debug, Default)]
struct Health {
    /// Since when it cannot be written, or the database cannot be read.
    failing: Option<Instant>,
    /// It is made anew in the background.
    making: bool,
}

/// How far the log was read beyond where the index stands, since nothing there concerned it: not worth a commit.
#[derive(Debug, Default)]
struct Passed {
    stands: u64,
    read: u64,
}

impl Search {
    /// Opens the index on the server that `config` names, which may be away; else the one in the data folder, or begins an empty one
    /// where there is none or a damaged one, which [`keep`] fills.
    ///
    /// # Errors
    /// [`Error::Startup`] when the folder cannot be read or written, or the key cannot be sent.
    pub async fn open(config: &Config) -> Result<Arc<Self>> {
        let fault = |error: search_index::Error| Error::Startup(format!("L'index de recherche ne s'ouvre pas : {error}"));
        let synonyms = Synonyms::brought().map_err(fault)?;
        let index = match &config.search_server {
            Some(server) => {
                let server = Server {
                    url: server.url.clone(),
                    key: server.key.clone(),
                    index: server.index.clone(),
                    answer_within: ANSWER_WITHIN,
                    written_within: WRITTEN_WITHIN,
                };
                Index::open_server(server, &synonyms, entries::EDITION).map_err(fault)?
            }
            None => {
                let folder = config.data_dir.join("search");
                Index::open_folder(&folder, &synonyms, entries::EDITION).await.map_err(fault)?
            }
        };
        // A server is asked later, by whoever keeps the index.
        let filled = config.search_server.is_none() && index.position().await.map_err(fault)?.is_some();
        Ok(Arc::new(Self {
            index,
            shared: config.search_server.is_some(),
            filled: AtomicBool::new(filled),
            health: Mutex::default(),
            read: watch::Sender::new(0),
            synonyms: AtomicI64::new(-1),
            passed: Mutex::default(),
        }))
    }

    fn is_shared(&self) -> bool {
        self.shared
    }

    fn synonyms_known(&self) -> i64 {
        self.synonyms.load(Ordering::Relaxed)
    }

    fn know_synonyms(&self, stamp: i64) {
        self.synonyms.store(stamp, Ordering::Relaxed);
    }

    /// How far the log is read, when the index stands there.
    fn read_from(&self, stands: u64) -> u64 {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was made anew meanwhile stands elsewhere: all after that is read again.
        if passed.stands == stands { passed.read.max(stands) } else { stands }
    }

    fn pass(&self, stands: u64, read: u64) {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner) = Passed { stands, read };
    }

    /// The index is filled, and the log read up to there.
    fn has_read(&self, position: u64) {
        self.filled.store(true, Ordering::Relaxed);
        self.read.send_if_modified(|read| std::mem::replace(read, position) != position);
    }

    fn is_kept(&self, kept: bool) {
        let mut health = self.health();
        health.failing = if kept { None } else { health.failing.or_else(|| Some(Instant::now())) };
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what happens gets into the index.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let health = self.health();
        health.failing.is_none() && !health.making
    }

    /// # Errors
    /// [`Error::Unavailable`] when what the index says is nothing to go by: it was never filled, or is out of date.
    fn must_answer(&self) -> Result<()> {
        if !self.filled.load(Ordering::Relaxed) {
            return Err(Error::unavailable("the search index is not filled yet"));
        }
        if self.health().failing.is_some_and(|since| since.elapsed() > OUT_OF_DATE) {
            return Err(Error::unavailable("the search index is out of date"));
        }
        Ok(())
    }

    /// What was asked for, best first or newest first, among what `sight` lets see.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `query` when it is too long, on `first`, on `after` when it is not of that question; [`Error::Unavailable`].
    pub async fn search(&self, query: &Query) -> Result<Page> {
        self.must_answer()?;
        Ok(self.index.search(query).await?)
    }

    /// What somebody may be typing.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn suggest(&self, text: &str, sight: &Sight, filters: &Filters, first: usize) -> Result<Suggestions> {
        self.must_answer()?;
        self.index.suggest(text, sight, filters, first).await.map_err(|error| match error {
            // What is searched is called so there.
            search_index::Error::Invalid("query", sentence) => search_index::Error::Invalid("prefix", sentence).into(),
            other => other.into(),
        })
    }

    /// Threads like a title and a text that are being written.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn similar(&self, title: &str, body: &str, sight: &Sight, filters: &Filters, first: usize) -> Result<Vec<Hit>> {
        self.must_answer()?;
        Ok(self.index.similar(title, body, sight, filters, first).await?)
    }

    /// What is like the thread that a post opens.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn related(&self, opening: PostId, sight: &Sight, filters: &Filters, first: usize) -> Result<Vec<Hit>> {
        self.must_answer()?;
        Ok(self.index.related(&opening.to_string(), sight, filters, first).await?)
    }

    /// Waits until everything that was written before is found.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that takes too long, or the database fails.
    pub async fn knows_all(&self, app: &App) -> Result<()> {
        let known = async {
            let mut cx = app.db.reader().await?;
            let last = events::numbered(&mut cx).await?;
            drop(cx);
            let (last, mut waited) = (u64::try_from(last).unwrap_or(0), false);
            let mut read = self.read.subscribe();
            loop {
                // Asked in any case: another process may have put one in its place that is made of less.
                if (*read.borrow_and_update() >= last || waited)
                    && self.index.position().await?.is_some_and(|stands| self.read_from(stands) >= last)
                {
                    return Ok(());
                }
                waited = tokio::time::timeout(LOOK, read.changed()).await.is_err();
            }
        };
        let late = || Error::unavailable("the search index is behind the log");
        tokio::time::timeout(PATIENCE, known).await.map_err(|_| late())?
    }
}

/// What the caller may find: what they see, and what is hidden where they moderate.
///
/// # Errors
/// When the database fails.
pub async fn sight(cx: &mut Cx, caller: &Caller) -> Result<Sight> {
    let audiences = match caller.is_administrator() {
        true => Held::All,
        false => {
            let forums = store::forums_seen(cx, caller).await?;
            let audiences = caller.audiences().iter().map(ToString::to_string);
            Held::only(audiences.chain(forums.iter().map(ToString::to_string)))
        }
    };
    let hidden_in = match caller.moderates_everywhere() {
        true => Held::All,
        false => Held::only(caller.moderated_spaces().map(|space| space.to_string())),
    };
    Ok(Sight { audiences, hidden_in })
}

impl From<search_index::Error> for Error {
    fn from(error: search_index::Error) -> Self {
        match error {
            search_index::Error::Unavailable(cause) => Self::unavailable(cause.into_owned()),
            search_index::Error::Invalid(part, sentence) => Self::invalid(part, Code::Malformed, sentence.into_owned()),
            search_index::Error::Internal(cause) => Self::internal(cause.into_owned()),
        }
    }
}
