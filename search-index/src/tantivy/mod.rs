//! The embedded engine: an index of tantivy in the data folder. What it does is asked of threads that may block; how it is laid out
//! is in the files beside.

mod any_of;
mod asking;
mod collect;
mod folder;
mod live;
mod points;
mod schema;
mod unpacked;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::tantivy::query::{BooleanQuery, Occur, Query as TantivyQuery, TermQuery};
use ::tantivy::schema::IndexRecordOption;
use ::tantivy::{Searcher, Term};

use self::asking::{Asking, Where};
use self::collect::{Collected, Wanted, collect};
use self::folder::{Folder, RebuildLock};
use self::live::{Live, Writer, failed};
use crate::answers::Found;
use crate::documents::{Change, Entry, Stored};
use crate::error::{Error, Result};
use crate::query::{Filters, Query, Sight, Sort};
use crate::similar::Likeness;
use crate::typed::{Asked, Lexicon};

/// What the writer keeps in memory before it writes a segment, in bytes: of the live index, and of one made anew.
const WRITER_MEMORY: usize = 32_000_000;
const REBUILD_MEMORY: usize = 128_000_000;
/// How long who wants to write waits for another process that does, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// The live index of a folder.
pub(crate) struct Engine {
    folder: Folder,
    /// Of what it makes.
    edition: u64,
    live: RwLock<Arc<Live>>,
    /// Who holds it writes, or names another live index.
    writing: Mutex<Option<Writer>>,
}

/// An index that is made beside the live one.
pub(crate) struct Rebuild {
    live: Live,
    writer: Writer,
    lock: RebuildLock,
}

impl Engine {
    /// Opens the index of a folder, or begins an empty one where there is none, or a damaged one; removes what rebuilds left that did
    /// not end.
    pub(crate) fn open(root: &Path, edition: u64) -> Result<Self> {
        let folder = Folder::new(root)?;
        let live = match current(&folder)? {
            Some((_, Ok(live))) => live,
            // What it held can be read again from where it came.
            Some((name, Err(Error::Internal(cause)))) => {
                tracing::error!("the search index is damaged, another one is begun: {cause}");
                begin(&folder, Some(&name))?
            }
            Some((_, Err(cause))) => return Err(cause),
            None => begin(&folder, None)?,
        };
        match folder.lock() {
            Ok(lock) => folder.sweep(&lock)?,
            Err(_) => tracing::debug!("another process makes the search index anew"),
        }
        Ok(Self { folder, edition, live: RwLock::new(Arc::new(live)), writing: Mutex::new(None) })
    }

    fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn writing(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whether another process named another live index, wrote into this one, or wants to.
    fn refresh(&self, writing: &mut Option<Writer>) -> Result<Arc<Live>> {
        if self.folder.is_wished()?
            && let Some(writer) = writing.take()
        {
            writer.end()?;
        }
        let live = self.live();
        if self.folder.current()?.is_none_or(|name| name == live.name) {
            live.reload()?;
            return Ok(live);
        }
        let Some((_, other)) = current(&self.folder)? else { return Ok(live) };
        let other = Arc::new(other?);
        *writing = None;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = other.clone();
        Ok(other)
    }

    /// The writer of the live index, of which one process has one at a time: who has it gives it up to who wishes for it, the next
    /// time it looks at the index.
    fn writer(&self, live: &Live) -> Result<Writer> {
        if let Some(writer) = live.writer(WRITER_MEMORY)? {
            return Ok(writer);
        }
        let _wish = self.folder.wish()?;
        let limit = Instant::now() + PATIENCE;
        while Instant::now() < limit {
            std::thread::sleep(LOOK);
            if let Some(writer) = live.writer(WRITER_MEMORY)? {
                return Ok(writer);
            }
        }
        Err(Error::unavailable("another process writes into the index"))
    }

    pub(crate) fn position(&self) -> Result<Option<u64>> {
        let mut writing = self.writing();
        Ok(self.refresh(&mut writing)?.payload()?.position)
    }

    pub(crate) fn needs_rebuild(&self) -> Result<bool> {
        let live = self.live();
        let payload = live.payload()?;
        Ok(payload.edition <= self.edition && (!live.readable || payload.position.is_none() || payload.edition < self.edition))
    }

    pub(crate) fn is_newer(&self) -> Result<bool> {
        Ok(self.live().payload()?.edition > self.edition)
    }

    pub(crate) fn apply(&self, changes: &[Change], from: Option<u64>, to: u64) -> Result<bool> {
        let mut writing = self.writing();
        let live = self.refresh(&mut writing)?;
        let payload = live.payload()?;
        if payload.position != from {
            return Ok(false);
        }
        let mut writer = match writing.take() {
            Some(writer) => writer,
            None => {
                let writer = self.writer(&live)?;
                // Who had it may have written since we looked.
                if live.payload()?.position != from {
                    *writing = Some(writer);
                    return Ok(false);
                }
                writer
            }
        };
        // A writer that failed is dropped with what it wrote; the next one begins from what is committed.
        writer.write(&live, changes)?;
        writer.commit(&live, Some(to), self.edition)?;
        *writing = Some(writer);
        Ok(true)
    }

    pub(crate) fn search(&self, lexicon: &Lexicon, query: &Query, asked: &Asked, offset: usize) -> Result<Found> {
        let sort = if asked.clauses.is_empty() { Sort::Date } else { query.sort };
        let wanted = Wanted {
            sight: &query.sight,
            filters: &query.filters,
            sort,
            most: offset + query.first,
            facets: &query.facets,
            without: None,
        };
        self.found(lexicon, asked, Where::Everywhere, &wanted, offset)
    }

    pub(crate) fn suggest(
        &self,
        lexicon: &Lexicon,
        sight: &Sight,
        filters: &Filters,
        asked: &Asked,
        first: usize,
    ) -> Result<Found> {
        let wanted = Wanted { sight, filters, sort: Sort::Relevance, most: first, facets: &[], without: None };
        self.found(lexicon, asked, Where::Titles, &wanted, 0)
    }

    fn found(&self, lexicon: &Lexicon, asked: &Asked, place: Where, wanted: &Wanted<'_>, offset: usize) -> Result<Found> {
        let live = self.live();
        let searcher = live.searcher()?;
        let asking = Asking { searcher: &searcher, fields: &live.fields, lexicon, place };
        let query = asking.query(asked).map_err(failed)?;
        shown(&live, &searcher, query.as_ref(), wanted, offset)
    }

    pub(crate) fn similar(&self, likeness: &Likeness, sight: &Sight, filters: &Filters, first: usize) -> Result<Found> {
        let live = self.live();
        let searcher = live.searcher()?;
        let without = match &likeness.without {
            Some(group) => live.number(&searcher, group)?,
            None => None,
        };
        let Some(query) = alike(&live, &searcher, likeness).map_err(failed)? else { return Ok(Found::default()) };
        let wanted = Wanted { sight, filters, sort: Sort::Relevance, most: first, facets: &[], without };
        shown(&live, &searcher, &query, &wanted, 0)
    }

    pub(crate) fn entry(&self, key: &str) -> Result<Option<Entry>> {
        let live = self.live();
        let searcher = live.searcher()?;
        live.find(&searcher, key)?.map(|at| live.entry(&searcher, at)).transpose()
    }

    pub(crate) fn stored(&self, after: Option<&str>, first: usize) -> Result<Vec<Stored>> {
        self.refresh(&mut self.writing())?.stored(after.unwrap_or_default(), first)
    }

    pub(crate) fn versions(&self, keys: &[String]) -> Result<BTreeMap<String, u64>> {
        let live = self.refresh(&mut self.writing())?;
        let searcher = live.searcher()?;
        let mut versions = BTreeMap::new();
        for key in keys {
            if let Some(at) = live.find(&searcher, key)? {
                versions.insert(key.clone(), live.version(&searcher, at)?);
            }
        }
        Ok(versions)
    }

    pub(crate) fn rebuild(&self) -> Result<Rebuild> {
        let lock = self.folder.lock()?;
        self.folder.sweep(&lock)?;
        let name = self.folder.next()?;
        let live = Live::create(&self.folder.path(&name), name)?;
        let busy = || Error::internal("another process writes into an index that is not named yet");
        let writer = live.writer(REBUILD_MEMORY)?.ok_or_else(busy)?;
        Ok(Rebuild { live, writer, lock })
    }

    /// Commits what was written, and makes it the live index.
    pub(crate) fn swap(&self, rebuild: Rebuild, position: u64) -> Result<()> {
        let Rebuild { live, mut writer, lock } = rebuild;
        writer.commit(&live, Some(position), self.edition)?;
        writer.end()?;
        live.reload()?;
        let mut writing = self.writing();
        *writing = None;
        self.folder.name(&live.name)?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        drop(writing);
        if let Err(cause) = self.folder.sweep(&lock) {
            tracing::warn!("the former search index is left until the next start: {cause}");
        }
        Ok(())
    }
}

impl Rebuild {
    /// Writes entries, each key once. Nothing is committed before the swap, so that nobody takes this for an index.
    pub(crate) fn put(&mut self, entries: &[Entry]) -> Result<()> {
        self.writer.write_new(&self.live, entries)
    }
}

/// The name of the live index, and itself unless it cannot be read; none where there is none. Another process may name another one,
/// and remove this, while it is opened.
fn current(folder: &Folder) -> Result<Option<(String, Result<Live>)>> {
    let mut named = folder.current()?;
    loop {
        let Some(name) = named.filter(|name| folder.path(name).is_dir()) else { return Ok(None) };
        let opened = Live::open(&folder.path(&name), name.clone());
        named = folder.current()?;
        if opened.is_ok() || named.as_ref() == Some(&name) {
            return Ok(Some((name, opened)));
        }
    }
}

/// How entries lie, as a text.
#[cfg(test)]
pub(crate) fn layout() -> String {
    serde_json::to_string(&schema::schema().0).unwrap_or_default()
}

/// An empty index, as the live one.
fn begin(folder: &Folder, damaged: Option<&str>) -> Result<Live> {
    // Held, so that nobody takes what is not named yet for what a rebuild left.
    let _lock = folder.wait_for_lock()?;
    // Another process that found none either was faster.
    if let Some(name) = folder.current()?.filter(|name| Some(&**name) != damaged && folder.path(name).is_dir()) {
        return Live::open(&folder.path(&name), name);
    }
    let name = folder.next()?;
    let live = Live::create(&folder.path(&name), name.clone())?;
    folder.name(&name)?;
    Ok(live)
}

fn shown(live: &Live, searcher: &Searcher, query: &dyn TantivyQuery, wanted: &Wanted<'_>, offset: usize) -> Result<Found> {
    let Collected { best, total, facets } = collect(searcher, &live.segments, query, wanted).map_err(failed)?;
    let entries = best.into_iter().skip(offset).map(|at| live.entry(searcher, at)).collect::<Result<_>>()?;
    Ok(Found { entries, total, facets })
}

/// In how many entries a stem is rare.
const RARE: u64 = 10;

/// The stems of a text that tell it from others, as a query: some of them must be there.
fn alike(live: &Live, searcher: &Searcher, likeness: &Likeness) -> ::tantivy::Result<Option<BooleanQuery>> {
    let all = searcher.num_docs() as f32;
    let mut stems: Vec<(f32, &str)> = Vec::new();
    for (stem, count) in &likeness.stems {
        let documents = searcher.doc_freq(&Term::from_field_text(live.fields.body_stems, stem))?
            + searcher.doc_freq(&Term::from_field_text(live.fields.title_stems, stem))?;
        // A rare stem counts like one that is nowhere: what is compared tells nobody what stands where they may not see.
        stems.push((count * (1.0 + all / documents.max(RARE) as f32).ln(), stem));
    }
    stems.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    stems.truncate(crate::similar::MOST_STEMS);
    if stems.is_empty() {
        return Ok(None);
    }
    let needed = crate::similar::needed(stems.len());
    let each = stems.into_iter().map(|(_, stem)| {
        let term = |field| -> Box<dyn TantivyQuery> {
            Box::new(TermQuery::new(Term::from_field_text(field, stem), IndexRecordOption::WithFreqs))
        };
        let title = Box::new(::tantivy::query::BoostQuery::new(term(live.fields.title_stems), 3.0));
        let either = BooleanQuery::union(vec![title, term(live.fields.body_stems)]);
        (Occur::Should, Box::new(either) as Box<dyn TantivyQuery>)
    });
    Ok(Some(BooleanQuery::with_minimum_required_clauses(each.collect(), needed)))
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Rebuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuild").field("index", &self.live.name).finish_non_exhaustive()
    }
}
