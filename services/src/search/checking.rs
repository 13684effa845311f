//! The index compared with the database, entry by entry, and mended.
//!
//! Nothing here is held for long: a page of rows with what the index holds of them, then a page of the index with its rows. What
//! differs is looked at again once the index has read the log, since it may only have been behind.

use std::collections::BTreeMap;

use search_index::{Change, Kind};
use uuid::Uuid;

use super::keeping::catch_up;
use super::right::{Right, Write};
use super::{Progress, entries, keeping, store};
use crate::App;
use crate::error::{Error, Result};

/// Entries that are compared at once.
const PART: usize = 1_000;
/// How often a part is looked at again when somebody else writes into the index meanwhile.
const ATTEMPTS: usize = 10;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Entries that there should be.
    pub entries: u64,
    /// Those of them that the index had not.
    pub missing: u64,
    /// Those that it had otherwise.
    pub stale: u64,
    /// What it had besides.
    pub orphaned: u64,
}

impl Checked {
    /// How many were wrong.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.missing + self.stale + self.orphaned
    }

    fn count(&mut self, faults: &BTreeMap<String, Fault>) {
        for fault in faults.values() {
            match fault {
                Fault::Missing => self.missing += 1,
                Fault::Stale { .. } => self.stale += 1,
                Fault::Orphaned => self.orphaned += 1,
            }
        }
    }
}

/// What is wrong with an entry. Two looks at one that is being written see other versions, and are not the same fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Missing,
    Stale { wanted: u64, held: u64 },
    Orphaned,
}

/// Compares the index with the database once the log is read to its end, and mends what is wrong when `repair`; makes it anew then when it
/// was never filled or is of an earlier version.
///
/// # Errors
/// When the database or the index fails; [`Error::Startup`] when it is to be made anew, and not to be mended.
pub async fn check(app: &App, repair: bool, told: impl Fn(Progress)) -> Result<Checked> {
    if !repair && (app.search.index.position().await?.is_none() || app.search.index.needs_rebuild().await?) {
        return Err(Error::Startup("L'index de recherche est à refaire : ciam reindex.".into()));
    }
    caught_up(app).await?;
    let all = u64::try_from(store::count(&mut *app.db.reader().await?).await?).unwrap_or(0);
    let (mut checked, mut done) = (Checked::default(), 0);
    told(Progress { done, all });
    for kind in Kind::ALL {
        let mut after = Uuid::nil();
        while let Some(page) = keeping::page(&mut *app.db.reader().await?, kind, after).await? {
            after = page.last;
            done += page.read as u64;
            checked.entries += page.changes.iter().filter(|change| matches!(change, Change::Put(_))).count() as u64;
            let held = app.search.index.versions(keys(&page.changes)).await?;
            let mut suspected = faults(&page.changes, &held);
            // What the index has besides is looked for below, whether or not there is a row.
            suspected.retain(|_, fault| *fault != Fault::Orphaned);
            checked.count(&confirmed(app, repair, suspected).await?);
            told(Progress { done, all });
        }
    }
    let mut after = None;
    loop {
        let page = app.search.index.stored(after.as_deref(), PART).await?;
        let held = page.entries.into_iter().map(|stored| (stored.key, stored.version)).collect::<BTreeMap<_, _>>();
        let wanted = entries::under(&mut *app.db.reader().await?, &Vec::from_iter(held.keys().cloned())).await?;
        let mut suspected = faults(&wanted, &held);
        suspected.retain(|_, fault| *fault == Fault::Orphaned);
        let found = confirmed(app, repair, suspected).await?;
        checked.count(&found);
        if repair && !found.is_empty() {
            // A server pages by places: what was behind is here now.
            continue;
        }
        after = page.next;
        if after.is_none() {
            return Ok(checked);
        }
    }
}

/// Reads the log to its end, beside whoever keeps the index.
async fn caught_up(app: &App) -> Result<()> {
    catch_up(app).await?;
    app.search.knows_all(app).await
}

fn keys(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| change.key().to_owned()).collect()
}

fn faults(wanted: &[Change], held: &BTreeMap<String, u64>) -> BTreeMap<String, Fault> {
    let fault = |change: &Change| match (change, held.get(change.key())) {
        (Change::Put(_), None) => Some(Fault::Missing),
        (Change::Put(entry), Some(held)) if entry.version != *held => Some(Fault::Stale { wanted: entry.version, held: *held }),
        (Change::Delete(_), Some(_)) => Some(Fault::Orphaned),
        _ => None,
    };
    wanted.iter().filter_map(|change| Some((change.key().to_owned(), fault(change)?))).collect()
}

/// Those of `suspected` that are still so once the log is read, mended when `repair`.
async fn confirmed(app: &App, repair: bool, suspected: BTreeMap<String, Fault>) -> Result<BTreeMap<String, Fault>> {
    if suspected.is_empty() {
        return Ok(suspected);
    }
    let keys = Vec::from_iter(suspected.keys().cloned());
    for _ in 0..ATTEMPTS {
        caught_up(app).await?;
        let index = &app.search.index;
        let stands = index.position().await?;
        // Before the rows are read: who writes them has read them last.
        let _right = if repair { Some(Right::wait(app, Write::Live).await?) } else { None };
        let wanted = entries::under(&mut *app.db.reader().await?, &keys).await?;
        let mut found = faults(&wanted, &index.versions(keys.clone()).await?);
        found.retain(|key, fault| suspected.get(key) == Some(fault));
        let mend: Vec<_> = wanted.into_iter().filter(|change| found.contains_key(change.key())).collect();
        if !repair || mend.is_empty() || index.apply(mend, stands, stands.unwrap_or(0)).await? {
            return Ok(found);
        }
    }
    Err(Error::unavailable("the search index is written too often to be mended"))
}
