//! Finding: an index of threads, trainings and documents, kept true by the log ([`keep`]), and what people ask of it (docs/search.md).
//!
//! The index is a copy, in the data folder: whatever becomes of it, it is made anew from the database.

mod entries;
mod keeping;
mod store;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use search_index::{Index, Synonyms};

use crate::App;
use crate::caller::Caller;
use crate::db::Cx;
use crate::error::{Code, Error, Result};
use crate::events;
use crate::id::PostId;

pub use keeping::{Progress, catch_up, keep, rebuild, turn};
pub use search_index::{Facet, FacetCounts, Filters, Held, Highlighted, Hit, Kind, Page, Query, Sight, Sort, Suggestions};

/// How long somebody waits for what they wrote to be found, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// The index of this process.
#[derive(Debug)]
pub struct Search {
    index: Index,
    well: AtomicBool,
    passed: Mutex<Passed>,
}

/// How far the log was read beyond where the index stands, since nothing there concerned it: not worth a commit.
#[derive(Debug, Default)]
struct Passed {
    stands: u64,
    read: u64,
}

impl Search {
    /// Opens the index in `folder`, or begins an empty one where there is none or a damaged one, which [`keep`] fills.
    ///
    /// # Errors
    /// [`Error::Startup`] when the folder cannot be read or written.
    pub async fn open(folder: &Path) -> Result<Arc<Self>> {
        let fault = |error: search_index::Error| Error::Startup(format!("L'index de recherche ne s'ouvre pas : {error}"));
        let synonyms = Synonyms::brought().map_err(fault)?;
        let index = Index::open_folder(folder, &synonyms).await.map_err(fault)?;
        Ok(Arc::new(Self { index, well: AtomicBool::new(true), passed: Mutex::default() }))
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

    /// Whether what happens gets into the index.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.well.load(Ordering::Relaxed)
    }

    /// What was asked for, best first or newest first, among what `sight` lets see.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `query` when it is too long, on `first`, on `after` when it is not of that question; [`Error::Unavailable`].
    pub async fn search(&self, query: &Query) -> Result<Page> {
        Ok(self.index.search(query).await?)
    }

    /// What somebody may be typing.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn suggest(&self, text: &str, sight: &Sight, filters: &Filters, first: usize) -> Result<Suggestions> {
        Ok(self.index.suggest(text, sight, filters, first).await?)
    }

    /// Threads like a title and a text that are being written.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn similar(&self, title: &str, body: &str, sight: &Sight, filters: &Filters, first: usize) -> Result<Vec<Hit>> {
        Ok(self.index.similar(title, body, sight, filters, first).await?)
    }

    /// What is like the thread that a post opens.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn related(&self, opening: PostId, sight: &Sight, filters: &Filters, first: usize) -> Result<Vec<Hit>> {
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
            let last = u64::try_from(last).unwrap_or(0);
            while self.index.position().await?.is_none_or(|stands| self.read_from(stands) < last) {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
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
