//! What the product remembers for finding: one contract over an index in the data folder ([`Index::open_folder`]) and one on a
//! Meilisearch server ([`Index::open_server`]). It knows entries, questions and answers; what is written in it, and what somebody
//! may see, is told by its callers. `docs/search.md` says how French is read, how hits rank, and where the engines differ.
//!
//! An index is a copy: everything in it can be read again from where it came. It keeps how far the event log was read, in the same
//! act as the entries ([`Index::apply`]); so a crash, a restart and a second node are no special cases.

mod answers;
mod documents;
mod error;
mod french;
mod highlight;
mod meilisearch;
mod query;
mod rebuild;
mod settings;
mod similar;
mod tantivy;
mod typed;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use self::answers::Found;
pub use self::answers::{FacetCounts, Hit, Page, Suggestion, Suggestions};
pub use self::documents::{Change, Entry, Kind, Stored, StoredPage};
pub use self::error::{Error, Result};
pub use self::highlight::{Highlighted, Range};
pub use self::meilisearch::Server;
pub use self::query::{DEEPEST, Facet, Filters, Held, MOST_HITS, MOST_VALUES, Query, Sight, Sort};
pub use self::rebuild::Rebuild;
pub use self::settings::{MOST_EXPRESSIONS, MOST_SYNONYMS, Synonyms};
use self::similar::Likeness;
use self::typed::{Asked, Lexicon};

/// The most entries of one [`Index::stored`] page and one [`Rebuild::put`], changes of one [`Index::apply`], and keys of one
/// [`Index::versions`].
pub const MOST_WRITTEN: usize = 10_000;
/// The most suggestions or similar threads at once.
pub const MOST_SUGGESTED: usize = 20;

/// An index, to be shared by all who search and the one who writes.
#[derive(Debug)]
pub struct Index {
    engine: Engine,
    lexicon: RwLock<Arc<Lexicon>>,
    /// At most as many searches at a time as there are processors: more would only slow each other.
    places: Arc<tokio::sync::Semaphore>,
}

#[derive(Debug)]
enum Engine {
    Folder(Arc<tantivy::Engine>),
    Server(Arc<meilisearch::Engine>),
}

impl Index {
    /// Opens the index in a folder, or begins an empty one where there is none, or one that is damaged; removes what is left of
    /// rebuilds that did not end. `entries` is a number that whoever makes entries raises whenever they would be made otherwise.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the folder cannot be read or written.
    pub async fn open_folder(folder: &Path, synonyms: &Synonyms, entries: u64) -> Result<Self> {
        let lexicon = Lexicon::new(synonyms)?;
        let folder = folder.to_owned();
        let engine = blocking(move || tantivy::Engine::open(&folder, settings::EDITION + entries)).await?;
        Ok(Self::new(Engine::Folder(Arc::new(engine)), lexicon))
    }

    /// An index on a server, which is made and set when it is first needed, or was removed: a server that is away is told by what
    /// asks it, not here.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the key cannot be sent.
    pub fn open_server(server: Server, synonyms: &Synonyms, entries: u64) -> Result<Self> {
        let engine = meilisearch::Engine::new(server, synonyms.clone(), settings::EDITION + entries)?;
        Ok(Self::new(Engine::Server(Arc::new(engine)), Lexicon::new(synonyms)?))
    }

    fn new(engine: Engine, lexicon: Lexicon) -> Self {
        let places = std::thread::available_parallelism().map_or(1, usize::from);
        Self { engine, lexicon: RwLock::new(Arc::new(lexicon)), places: Arc::new(tokio::sync::Semaphore::new(places)) }
    }

    fn lexicon(&self) -> Arc<Lexicon> {
        self.lexicon.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes other synonyms, for every question from now on; no entry is written again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the engine is away.
    pub async fn set_synonyms(&self, synonyms: &Synonyms) -> Result<()> {
        let lexicon = Arc::new(Lexicon::new(synonyms)?);
        match &self.engine {
            Engine::Folder(_) => {}
            Engine::Server(engine) => engine.set_synonyms(synonyms).await?,
        }
        *self.lexicon.write().unwrap_or_else(PoisonError::into_inner) = lexicon;
        Ok(())
    }

    /// Finds what was asked for, among what the asker may see. Every word is wanted; when nothing has them all, words are left out
    /// from the last on, then from the first, until something is found, and told in [`Page::left_out`]. Symbols and stop words alone
    /// find nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the text, the page or the cursor is not sound; [`Error::Unavailable`] when the engine is away.
    pub async fn search(&self, query: &Query) -> Result<Page> {
        let offset = query.offset()?;
        // No page goes beyond the last hit that a cursor may name.
        let query = &Query { first: query.first.min(DEEPEST - offset), ..query.clone() };
        let asked = self.lexicon().read(&query.text)?;
        if query.finds_nothing() || asked.is_void() {
            return Ok(Page::nothing(query, &asked));
        }
        let page = self.find(query, &asked, offset).await?;
        if page.total > 0 {
            return Ok(page);
        }
        for fewer in asked.fewer() {
            let page = self.find(query, &fewer, offset).await?;
            if page.total > 0 {
                return Ok(page);
            }
        }
        Ok(page)
    }

    async fn find(&self, query: &Query, asked: &Asked, offset: usize) -> Result<Page> {
        match &self.engine {
            Engine::Folder(engine) => {
                let (engine, lexicon, query, asked) = (engine.clone(), self.lexicon(), query.clone(), asked.clone());
                self.searching(move || {
                    let found = engine.search(&lexicon, &query, &asked, offset)?;
                    Ok(Page::of(&query, &asked, offset, found))
                })
                .await
            }
            Engine::Server(engine) => {
                let found = engine.search(query, asked, offset).await?;
                self.page(query, asked, offset, found).await
            }
        }
    }

    /// To mark what was found in long texts takes too long for a thread on which requests wait.
    async fn page(&self, query: &Query, asked: &Asked, offset: usize, found: Found) -> Result<Page> {
        let (query, asked) = (query.clone(), asked.clone());
        self.searching(move || Ok(Page::of(&query, &asked, offset, found))).await
    }

    /// What somebody may be typing: titles, and tags, of what they may see; 1 to 20 of each. No word is left out.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn suggest(&self, text: &str, sight: &Sight, filters: &Filters, first: usize) -> Result<Suggestions> {
        let mut query = Query { filters: filters.clone(), first: bounded(first)?, ..Query::new(sight.clone(), text) };
        let asked = self.lexicon().read_unfinished(text)?;
        if query.finds_nothing() || asked.clauses.is_empty() {
            return Ok(Suggestions::default());
        }
        query.first = MOST_SUGGESTED;
        let found = match &self.engine {
            Engine::Folder(engine) => {
                let (engine, lexicon, asked) = (engine.clone(), self.lexicon(), asked.clone());
                self.searching(move || engine.suggest(&lexicon, &query.sight, &query.filters, &asked, query.first)).await?
            }
            Engine::Server(engine) => engine.suggest(&query.sight, &query.filters, &asked, query.first).await?,
        };
        Ok(Suggestions::of(&asked, &found.entries, first))
    }

    /// What is like a title and a text, among what the asker may see; 1 to 20. To find the threads that a question repeats, filter on
    /// threads, and on a forum when there is one.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn similar(&self, title: &str, body: &str, sight: &Sight, filters: &Filters, first: usize) -> Result<Vec<Hit>> {
        let likeness = Likeness::of(&self.lexicon(), title, body);
        self.alike(likeness, sight, filters, first).await
    }

    /// What is like the entry of a key, without its own group; nothing when there is no such entry. Whether the asker may see that
    /// entry is not asked: they are told nothing of it.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn related(&self, key: &str, sight: &Sight, filters: &Filters, first: usize) -> Result<Vec<Hit>> {
        let Some(entry) = self.entry(key).await? else { return Ok(Vec::new()) };
        let mut likeness = Likeness::of(&self.lexicon(), &entry.title, &entry.body);
        likeness.without = Some(entry.group);
        self.alike(likeness, sight, filters, first).await
    }

    async fn alike(&self, likeness: Likeness, sight: &Sight, filters: &Filters, first: usize) -> Result<Vec<Hit>> {
        let query = Query { filters: filters.clone(), first: bounded(first)?, ..Query::new(sight.clone(), "") };
        if query.finds_nothing() || likeness.words.is_empty() {
            return Ok(Vec::new());
        }
        let found = match &self.engine {
            Engine::Folder(engine) => {
                let (engine, query) = (engine.clone(), query.clone());
                self.searching(move || engine.similar(&likeness, &query.sight, &query.filters, query.first)).await?
            }
            Engine::Server(engine) => engine.similar(&likeness, &query.sight, &query.filters, query.first).await?,
        };
        Ok(self.page(&query, &Asked::default(), 0, found).await?.hits)
    }

    async fn entry(&self, key: &str) -> Result<Option<Entry>> {
        if !documents::is_code(key) {
            return Ok(None);
        }
        match &self.engine {
            Engine::Folder(engine) => {
                let (engine, key) = (engine.clone(), key.to_owned());
                blocking(move || engine.entry(&key)).await
            }
            Engine::Server(engine) => engine.entry(key).await,
        }
    }

    /// How far the event log was read into the index; none when it was never filled.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the engine is away.
    pub async fn position(&self) -> Result<Option<u64>> {
        match &self.engine {
            Engine::Folder(engine) => {
                let engine = engine.clone();
                blocking(move || engine.position()).await
            }
            Engine::Server(engine) => engine.position().await,
        }
    }

    /// Whether the index was never filled, or made by an earlier version that read texts otherwise: it is to be made anew
    /// ([`Self::rebuild`]), and answers meanwhile as well as it can.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the engine is away.
    pub async fn needs_rebuild(&self) -> Result<bool> {
        match &self.engine {
            Engine::Folder(engine) => {
                let engine = engine.clone();
                blocking(move || engine.needs_rebuild()).await
            }
            Engine::Server(engine) => engine.needs_rebuild().await,
        }
    }

    /// Whether a later version made the index, which is then not for this one to write: nodes of both may share it for a while.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the engine is away.
    pub async fn is_newer(&self) -> Result<bool> {
        match &self.engine {
            Engine::Folder(engine) => {
                let engine = engine.clone();
                blocking(move || engine.is_newer()).await
            }
            Engine::Server(engine) => engine.is_newer().await,
        }
    }

    /// Writes changes and, in the same act, how far the log is read by then: seen by every search that begins after this returns. When
    /// it fails, the position is the old one, and so is the folder's content; a server may have deleted already. Done again, it makes
    /// no difference. At most 10,000 at once; changes of one key count in their order.
    ///
    /// False, and nothing is written, when the index is not read up to `from`: it was made anew meanwhile. Ask [`Self::position`],
    /// and read the log from there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the engine is away or the disk is full; [`Error::Internal`] when an entry is not sound.
    pub async fn apply(&self, changes: Vec<Change>, from: Option<u64>, to: u64) -> Result<bool> {
        if changes.len() > MOST_WRITTEN {
            return Err(Error::internal("more than 10,000 changes at once"));
        }
        for change in &changes {
            match change {
                Change::Put(entry) => sound(entry)?,
                Change::Delete(key) => code("key", key)?,
            }
        }
        match &self.engine {
            Engine::Folder(engine) => {
                let engine = engine.clone();
                blocking(move || engine.apply(&changes, from, to)).await
            }
            Engine::Server(engine) => engine.apply(changes, from, to).await,
        }
    }

    /// What the index holds, page by page: those after the page that told `after`, 1 to 10,000 of them. What is written meanwhile may
    /// be missed, or told twice.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the engine is away.
    pub async fn stored(&self, after: Option<&str>, first: usize) -> Result<StoredPage> {
        if !(1..=MOST_WRITTEN).contains(&first) {
            return Err(Error::internal("a page has 1 to 10,000 entries"));
        }
        match &self.engine {
            Engine::Folder(engine) => {
                let (engine, after) = (engine.clone(), after.map(str::to_owned));
                let entries = blocking(move || engine.stored(after.as_deref(), first)).await?;
                let next = entries.last().filter(|_| entries.len() == first).map(|last| last.key.clone());
                Ok(StoredPage { entries, next })
            }
            Engine::Server(engine) => {
                let offset = after.map_or(Ok(0), str::parse).map_err(|_| Error::internal("no page was told so"))?;
                let entries = engine.stored(offset, first).await?;
                let next = (entries.len() == first).then(|| (offset + first).to_string());
                Ok(StoredPage { entries, next })
            }
        }
    }

    /// The versions of what the index holds of these keys; at most 10,000.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the engine is away.
    pub async fn versions(&self, keys: Vec<String>) -> Result<BTreeMap<String, u64>> {
        if keys.len() > MOST_WRITTEN {
            return Err(Error::internal("more than 10,000 keys at once"));
        }
        match &self.engine {
            Engine::Folder(engine) => {
                let engine = engine.clone();
                blocking(move || engine.versions(&keys)).await
            }
            Engine::Server(engine) => engine.versions(&keys).await,
        }
    }

    async fn searching<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.map_err(|_| Error::internal("the places of searches are closed"))?;
        // Kept until the work is done, whether or not somebody still waits for it.
        blocking(move || {
            let _place = place;
            work()
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| Error::internal(cause.to_string()))?
}

fn bounded(first: usize) -> Result<usize> {
    if (1..=MOST_SUGGESTED).contains(&first) {
        Ok(first)
    } else {
        Err(Error::invalid("first", "Demandez de 1 à 20 résultats."))
    }
}

/// Whether an entry is what its description says.
fn sound(entry: &Entry) -> Result<()> {
    code("key", &entry.key)?;
    if entry.key.starts_with('_') {
        return Err(Error::internal("keys that begin with _ are the index's own"));
    }
    code("group", &entry.group)?;
    code("audience", &entry.audience)?;
    let values = [&entry.space, &entry.forum, &entry.thread_kind, &entry.state, &entry.organisation, &entry.author];
    values.into_iter().flatten().chain(&entry.collections).try_for_each(|value| code("a field to filter by", value))
}

fn code(what: &str, text: &str) -> Result<()> {
    if documents::is_code(text) { Ok(()) } else { Err(Error::internal(format!("{what} is no id: {text:?}"))) }
}
