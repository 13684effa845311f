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
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use search_index::{Index, Server, Synonyms};

use crate::App;
use crate::caller::Caller;
use crate::config::Config;
use crate::db::Cx;
use crate::error::{Code, Error, Result};
use crate::events;
use crate::id::PostId;

pub use checking::{Checked, check};
pub use keeping::{Progress, catch_up, keep, rebuild, turn};
pub use search_index::{Facet, FacetCounts, Filters, Held, Highlighted, Hit, Kind, Page, Query, Sight, Sort, Suggestions};
pub use synonyms::{
    MOST_GROUPS, SynonymGroup, create_synonyms, remove_synonyms, synonym_groups, synonym_groups_by_id, update_synonyms,
};
pub(crate) use synonyms::{are_laid as synonyms_are_laid, lay as lay_synonyms};

/// How long somebody waits for what they wrote to be found, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// How long a Meilisearch may take to answer, and to do what it is told to write.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// The index of this process.
#[derive(Debug)]
pub struct Search {
    index: Index,
    /// Other processes write into it too.
    shared: bool,
    well: AtomicBool,
    /// The stamp of the last change of synonyms that the index knows; -1 when it has those that the product brings.
    synonyms: AtomicI64,
    passed: Mutex<Passed>,
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
                Index::open_server(server, &synonyms).map_err(fault)?
            }
            None => Index::open_folder(&config.data_dir.join("search"), &synonyms).await.map_err(fault)?,
        };
        Ok(Arc::new(Self {
            index,
            shared: config.search_server.is_some(),
            well: AtomicBool::new(true),
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
