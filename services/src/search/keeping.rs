//! Keeps the index true: reads the log from where the index stands, reads what entries are about as it is now, and puts or deletes it.
//!
//! How far the log was read is kept by the index in the same act, so that a crash, a restart and a second node with an index of its
//! own are one case: everything after that place is read again, and doing it again makes no difference.

use std::collections::BTreeSet;
use std::time::Duration;

use search_index::{Change, Kind};
use tokio::sync::watch;
use uuid::Uuid;

use super::right::{Right, Write};
use super::{entries, store, synonyms};
use crate::App;
use crate::db::{Cx, Work};
use crate::error::{Error, Result};
use crate::events::{self, Event};
use crate::id::{DocumentId, PostId, ThreadId, TrainingId};

/// Entries of the log that a turn reads at most.
const ENTRIES: i64 = 500;
/// Rows that are read and written at once.
const PART: usize = 1_000;
const ROWS: i64 = PART as i64;
/// Before a turn: a commit of the index costs some 30 ms, whatever is in it, and whoever follows what happens is told first.
const GATHER: Duration = Duration::from_millis(300);
const POLL: Duration = Duration::from_secs(1);

/// How far an index that is made anew is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Posts, trainings and documents that were read.
    pub done: u64,
    /// How many there were when it began.
    pub all: u64,
}

/// Keeps the index true until `stop` turns true.
pub async fn keep(app: App, mut stop: watch::Receiver<bool>) {
    let mut wakes = app.db.wakes(Work::Events);
    while !*stop.borrow() {
        let turned = tokio::select! {
            turned = turn(&app) => turned,
            // An index in the making is left; the live one stays as it is.
            _ = stop.wait_for(|stop| *stop) => return,
        };
        app.search.is_kept(turned.is_ok());
        if let Err(error) = &turned {
            tracing::warn!(cause = error.cause(), "the search index is not kept");
        }
        if matches!(turned, Ok(Turn::Idle) | Err(_)) {
            tokio::select! {
                () = wakes.next() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
        // What waits in the log for long is not gathered further.
        if !matches!(turned, Ok(Turn::More)) {
            drop(tokio::time::timeout(GATHER, stop.wait_for(|stop| *stop)).await);
        }
    }
}

/// Reads everything that is in the log. For tests and commands.
///
/// # Errors
/// When the database or the index fails.
pub async fn catch_up(app: &App) -> Result<()> {
    while turn(app).await? != Turn::Idle {}
    Ok(())
}

/// What there was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing, or nothing that another process is not doing.
    Idle,
    /// Something was read, or the index was made anew.
    Read,
    /// So much was read that there may be more.
    More,
}

/// Reads on in the log; makes the index anew when it was never filled, or by an earlier version.
///
/// # Errors
/// When the database or the index fails, or an entry is of a kind that this binary does not know.
pub async fn turn(app: &App) -> Result<Turn> {
    let index = &app.search.index;
    if index.is_newer().await? {
        // Nodes of a later version keep it.
        app.search.has_read(index.position().await?.unwrap_or(0));
        return Ok(Turn::Idle);
    }
    synonyms::learn(app).await?;
    let stands = match index.position().await? {
        Some(stands) if !index.needs_rebuild().await? => stands,
        _ => return rebuild_unless_another_does(app).await,
    };
    app.search.has_read(app.search.read_from(stands));
    let mut cx = app.db.reader().await?;
    let from = i64::try_from(app.search.read_from(stands)).map_err(|_| Error::internal("an index beyond any log"))?;
    let entries = events::after(&mut cx, from, ENTRIES).await?;
    let Some(last) = entries.last().map(|last| u64::try_from(last.seq).unwrap_or(stands)) else {
        if from <= events::last(&mut cx).await? {
            return Ok(Turn::Idle);
        }
        // The database came back from a copy: the index tells of what never was.
        drop(cx);
        return rebuild_unless_another_does(app).await;
    };
    let turned = if entries.len() < ENTRIES as usize { Turn::Read } else { Turn::More };
    let mut touched = Touched::default();
    entries.iter().for_each(|entry| touched.by(&entry.event));
    if touched.is_empty() {
        app.search.pass(stands, last);
        app.search.has_read(last);
        return Ok(turned);
    }
    drop(cx);
    // Before the rows are read: who writes them has read them last.
    let Some(_right) = Right::take(app, Write::Live).await? else { return Ok(Turn::Idle) };
    let mut cx = app.db.reader().await?;
    let mut changes = Vec::new();
    for thread in std::mem::take(&mut touched.threads) {
        let mut beyond = -1;
        loop {
            let rows = store::posts_of(&mut cx, thread, beyond, ROWS).await?;
            let Some(last) = rows.last().map(|row| row.ordinal) else { break };
            beyond = last;
            changes.extend(entries::posts(rows).await?);
            // A thread may be longer than what is held at once. Until the last part the index stays where it is.
            if changes.len() >= PART && !index.apply(std::mem::take(&mut changes), Some(stands), stands).await? {
                return Ok(Turn::Read);
            }
        }
    }
    changes.extend(touched.changes(&mut cx).await?);
    drop(cx);
    // Not written when it was made anew meanwhile, or another node was faster: the next turn goes on from there.
    if index.apply(changes, Some(stands), last).await? {
        app.search.has_read(last);
    }
    Ok(turned)
}

/// Idle when another node makes the index that they share. What happens meanwhile gets into it afterwards.
async fn rebuild_unless_another_does(app: &App) -> Result<Turn> {
    let Some(right) = Right::take(app, Write::Beside).await? else { return Ok(Turn::Idle) };
    app.search.health().making = true;
    let made = rebuild_by(app, right, |_| ()).await;
    app.search.health().making = false;
    made.map(|_| Turn::Read)
}

/// Makes the index anew beside the live one, which goes on answering until it is there.
///
/// # Errors
/// When the database or the index fails, or when somebody else makes it anew already; the live one stays then.
pub async fn rebuild(app: &App, told: impl Fn(Progress)) -> Result<u64> {
    let busy = || Error::unavailable("another process makes the search index anew");
    let right = Right::take(app, Write::Beside).await?.ok_or_else(busy)?;
    rebuild_by(app, right, told).await
}

async fn rebuild_by(app: &App, mut right: Right, told: impl Fn(Progress)) -> Result<u64> {
    synonyms::learn(app).await?;
    let (position, all) = {
        let mut cx = app.db.reader().await?;
        // Before the first row: what happens meanwhile is read again.
        (events::last(&mut cx).await?, store::count(&mut cx).await?)
    };
    let all = u64::try_from(all).unwrap_or(0);
    let mut making = app.search.index.rebuild().await?;
    let mut done = 0;
    told(Progress { done, all });
    for kind in Kind::ALL {
        let mut after = Uuid::nil();
        while let Some(page) = page(&mut *app.db.reader().await?, kind, after).await? {
            after = page.last;
            done += page.read as u64;
            // What is not to be found is not there yet.
            let entries = page.changes.into_iter().filter_map(|change| match change {
                Change::Put(entry) => Some(*entry),
                Change::Delete(_) => None,
            });
            // Who lost the right writes into what another one makes.
            right.hold().await?;
            making = making.put(entries.collect()).await?;
            told(Progress { done, all });
        }
    }
    let written = making.written();
    let live = Right::wait(app, Write::Live).await?;
    synonyms::learn_by(app, &live).await?;
    right.hold().await?;
    let position = u64::try_from(position).unwrap_or(0);
    making.finish(position).await?;
    app.search.has_read(position);
    Ok(written)
}

/// Some of all rows of a kind.
pub(super) struct Rows {
    pub(super) changes: Vec<Change>,
    pub(super) read: usize,
    pub(super) last: Uuid,
}

/// Rows of a kind in the order of their ids after one; none behind the last.
pub(super) async fn page(cx: &mut Cx, kind: Kind, after: Uuid) -> Result<Option<Rows>> {
    let (last, read, changes) = match kind {
        Kind::Thread => {
            let rows = store::posts_after(cx, PostId(after), ROWS).await?;
            (rows.last().map(|row| row.id.0), rows.len(), entries::posts(rows).await?)
        }
        Kind::Training => {
            let ids = store::trainings_after(cx, TrainingId(after), ROWS).await?;
            (ids.last().map(|id| id.0), ids.len(), entries::trainings(cx, &ids).await?)
        }
        Kind::Document => {
            let ids = store::documents_after(cx, DocumentId(after), ROWS).await?;
            (ids.last().map(|id| id.0), ids.len(), entries::documents(cx, &ids).await?)
        }
    };
    Ok(last.map(|last| Rows { changes, read, last }))
}

/// What entries of the log may have changed of the index.
#[derive(Default)]
struct Touched {
    posts: BTreeSet<PostId>,
    /// With all their posts, which carry what the thread is.
    threads: BTreeSet<ThreadId>,
    trainings: BTreeSet<TrainingId>,
    documents: BTreeSet<DocumentId>,
}

impl Touched {
    fn by(&mut self, event: &Event) {
        match *event {
            Event::PostAdded { post, .. }
            | Event::PostDeleted { post, .. }
            | Event::PostEdited { post, .. }
            | Event::PostHidden { post, .. }
            | Event::ThreadOpened { post, .. } => _ = self.posts.insert(post),
            Event::AnswerAccepted { thread, .. }
            | Event::ThreadChanged { thread }
            | Event::ThreadHidden { thread, .. }
            | Event::ThreadMoved { thread, .. }
            | Event::ThreadReopened { thread } => _ = self.threads.insert(thread),
            Event::ReportOpened { report } | Event::ReportStateChanged { report, .. } => {
                _ = self.threads.insert(ThreadId(report.0));
            }
            Event::DocumentArchived { document, .. }
            | Event::DocumentChanged { document }
            | Event::DocumentCreated { document }
            | Event::DocumentVersionAdded { document, .. } => _ = self.documents.insert(document),
            Event::TrainingMerged { training, into } => self.trainings.extend([training, into]),
            Event::TrainingChanged { training }
            | Event::TrainingCreated { training, .. }
            | Event::TrainingFramed { training }
            | Event::TrainingPlanned { training, .. }
            | Event::TrainingSeenByOthers { training, .. }
            | Event::TrainingStateChanged { training, .. } => _ = self.trainings.insert(training),
            // Of nothing that is found, or that is read anew with each question: who people are and what they hold, what forums,
            // collections and organisations are called, who sees a forum.
            Event::AccessTokenCreated { .. }
            | Event::AccessTokenRevoked { .. }
            | Event::AffiliationDecided { .. }
            | Event::AffiliationEnded { .. }
            | Event::AffiliationRequested { .. }
            | Event::CollectionChanged { .. }
            | Event::CollectionCreated { .. }
            | Event::DocumentVoted { .. }
            | Event::ForumChanged { .. }
            | Event::ForumCreated { .. }
            | Event::MemberChanged { .. }
            | Event::MemberJoined { .. }
            | Event::MemberReinstated { .. }
            | Event::MemberSuspended { .. }
            | Event::OrganisationChanged { .. }
            | Event::OrganisationCreated { .. }
            | Event::ReportChanged { .. }
            | Event::ReportNoted { .. }
            | Event::RoleEnded { .. }
            | Event::RoleGranted { .. }
            | Event::SessionOpened { .. }
            | Event::SessionRevoked { .. }
            // Learnt before the log is read.
            | Event::SynonymsChanged { .. }
            | Event::ThreadLeft { .. }
            | Event::ThreadLinked { .. }
            | Event::ThreadLinksChanged { .. }
            | Event::ThreadLocked { .. }
            | Event::ThreadPinned { .. }
            | Event::ThreadUnlinked { .. }
            | Event::TrainingLinksChanged { .. }
            | Event::TrainingSessionChanged { .. }
            | Event::TrainingSessionCreated { .. }
            | Event::TrainingSessionStateChanged { .. } => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.posts.is_empty() && self.threads.is_empty() && self.trainings.is_empty() && self.documents.is_empty()
    }

    /// What becomes of the index, as things are now; but for whole threads.
    async fn changes(self, cx: &mut Cx) -> Result<Vec<Change>> {
        let mut changes = entries::posts(store::posts(cx, &Vec::from_iter(self.posts)).await?).await?;
        changes.extend(entries::trainings(cx, &Vec::from_iter(self.trainings)).await?);
        changes.extend(entries::documents(cx, &Vec::from_iter(self.documents)).await?);
        Ok(changes)
    }
}
