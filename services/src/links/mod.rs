//! What links threads with what they are about, both ways: trainings and documents, chosen by somebody, or found because a post
//! holds an address of theirs (docs/links.md). A link that ends keeps its row.
//!
//! [`found`] and [`chosen`] write; what reads is here. What targets went through is not stored again: a thread's system events are
//! derived from the histories of the catalogue and the library.

mod chosen;
mod found;
mod rules;
mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Caller;
use crate::clock::Clock;
use crate::db::{Cx, Tx};
use crate::error::Result;
use crate::events::{Event, tell};
use crate::forum::Thread;
use crate::id::{AudienceId, DocumentId, MemberId, ThreadId, TrainingId};
use crate::page::{Page, Paging, Slice, TimeKey, gathered};

pub(crate) use chosen::{add_chosen, choose};
pub use chosen::{link, unlink};
pub(crate) use found::{
    addresses_changed, before_addresses_change, from_here, link_training, post_away, post_edited, post_shown, post_written,
    trainings_merged,
};
pub(crate) use rules::chosen;

/// How many targets of a kind are chosen for a thread at most.
pub const MOST_CHOSEN: usize = 20;
/// How many links of a thread are shown.
const MOST_SHOWN: i64 = 50;
/// How many trainings of a thread are followed with it: those that are shown, and others that the reader does not see.
const MOST_FOLLOWED: i64 = 200;

/// What a thread is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Target {
    Training(TrainingId),
    Document(DocumentId),
}

impl Target {
    /// Its id, whatever it is.
    fn id(self) -> Uuid {
        match self {
            Self::Training(id) => id.0,
            Self::Document(id) => id.0,
        }
    }

    fn training(self) -> Option<TrainingId> {
        match self {
            Self::Training(id) => Some(id),
            Self::Document(_) => None,
        }
    }

    fn document(self) -> Option<DocumentId> {
        match self {
            Self::Document(id) => Some(id),
            Self::Training(_) => None,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Training(_) => Kind::Training,
            Self::Document(_) => Kind::Document,
        }
    }
}

impl From<TrainingId> for Target {
    fn from(id: TrainingId) -> Self {
        Self::Training(id)
    }
}

impl From<DocumentId> for Target {
    fn from(id: DocumentId) -> Self {
        Self::Document(id)
    }
}

/// A kind of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Training,
    Document,
}

impl Kind {
    /// The field of a thread's input that lists them.
    fn field(self) -> &'static str {
        match self {
            Self::Training => "trainings",
            Self::Document => "documents",
        }
    }

    fn unknown(self) -> &'static str {
        match self {
            Self::Training => "Formation inconnue.",
            Self::Document => "Document inconnu.",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Training => "formations",
            Self::Document => "documents",
        }
    }
}

/// How a link came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// Somebody chose it.
    Choix,
    /// A post holds an address of the target.
    Adresse,
}

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum End {
    /// Somebody took it away: no address brings it back.
    Retrait,
    /// No post holds an address of the target any more.
    Disparition,
    /// The training was merged into another one, which is linked from then on.
    Fusion,
}

/// A link of a thread to one target, from when to when.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct ThreadLink {
    pub thread_id: ThreadId,
    pub training_id: Option<TrainingId>,
    pub document_id: Option<DocumentId>,
    pub origin: Origin,
    pub linked_at: DateTime<Utc>,
    pub linked_by: Option<MemberId>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_by: Option<MemberId>,
    pub ended_how: Option<End>,
}

/// A link that stands, with who sees its target. `kept` is what that is by now: a training that was merged is the other one, also
/// while a job has not come to its link.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    target: Target,
    kept: Target,
    origin: Origin,
    audience_id: AudienceId,
    kept_audience_id: AudienceId,
}

/// Which of the threads linked to a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ThreadsOf {
    #[default]
    All,
    OpenQuestions,
    SolvedQuestions,
    GoodPractices,
    Reports,
}

impl ThreadsOf {
    /// All of them.
    pub const EACH: [Self; 5] = [Self::All, Self::OpenQuestions, Self::SolvedQuestions, Self::GoodPractices, Self::Reports];
}

/// How many threads are linked to a target, and when the last word was said in them, as far as the caller sees them.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LinkedThreads {
    target_id: Uuid,
    every: i64,
    last_at: Option<DateTime<Utc>>,
    open_questions: i64,
    open_questions_at: Option<DateTime<Utc>>,
    solved_questions: i64,
    solved_questions_at: Option<DateTime<Utc>>,
    good_practices: i64,
    good_practices_at: Option<DateTime<Utc>>,
    reports: i64,
    reports_at: Option<DateTime<Utc>>,
}

impl LinkedThreads {
    /// How many there are of those, and the date of the last word.
    #[must_use]
    pub fn of(&self, kind: ThreadsOf) -> (i64, Option<DateTime<Utc>>) {
        match kind {
            ThreadsOf::All => (self.every, self.last_at),
            ThreadsOf::OpenQuestions => (self.open_questions, self.open_questions_at),
            ThreadsOf::SolvedQuestions => (self.solved_questions, self.solved_questions_at),
            ThreadsOf::GoodPractices => (self.good_practices, self.good_practices_at),
            ThreadsOf::Reports => (self.reports, self.reports_at),
        }
    }
}

/// What of a target changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SystemEventKind {
    /// The state of a training.
    Etat,
    /// The day the publication of a training is planned for.
    Date,
    /// The latest version of a document.
    Version,
}

/// Something that happened to a training or a document while a thread was linked to it. The values are codes of states, days, or
/// numbers of versions.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct SystemEvent {
    /// Of the change; of the document, whose versions never come at the same moment.
    pub id: Uuid,
    pub training_id: Option<TrainingId>,
    pub document_id: Option<DocumentId>,
    pub kind: SystemEventKind,
    pub from_value: Option<String>,
    pub to_value: Option<String>,
    pub changed_at: DateTime<Utc>,
}

async fn told(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    thread: ThreadId,
    (linked, ended): (Vec<Target>, Vec<Target>),
) -> Result<()> {
    let parted = |targets: &[Target]| -> (Vec<TrainingId>, Vec<DocumentId>) {
        (
            targets.iter().copied().filter_map(Target::training).collect(),
            targets.iter().copied().filter_map(Target::document).collect(),
        )
    };
    if !linked.is_empty() {
        let (trainings, documents) = parted(&linked);
        tell(tx, clock, Some(by), &Event::ThreadLinked { thread, trainings, documents }).await?;
    }
    if !ended.is_empty() {
        let (trainings, documents) = parted(&ended);
        tell(tx, clock, Some(by), &Event::ThreadUnlinked { thread, trainings, documents }).await?;
    }
    Ok(())
}

/// The trainings that each of these threads is linked to and the caller sees, oldest link first, at most 50. Threads are theirs
/// to check.
///
/// # Errors
/// When the database fails.
pub async fn trainings_of(cx: &mut Cx, caller: &Caller, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Vec<TrainingId>>> {
    let lists = store::targets_of(cx, caller, threads, Kind::Training, MOST_SHOWN).await?;
    Ok(by_thread(threads, lists, TrainingId))
}

/// The trainings that a thread is linked to, also those that nobody but who works on them sees: what comes into sight is followed
/// before it does. At most 200.
///
/// # Errors
/// When the database fails.
pub(crate) async fn followed_trainings(cx: &mut Cx, thread: ThreadId) -> Result<Vec<TrainingId>> {
    store::trainings_linked(cx, thread, MOST_FOLLOWED).await
}

/// The documents that each of these threads is linked to, in the same way.
///
/// # Errors
/// When the database fails.
pub async fn documents_of(cx: &mut Cx, caller: &Caller, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Vec<DocumentId>>> {
    let lists = store::targets_of(cx, caller, threads, Kind::Document, MOST_SHOWN).await?;
    Ok(by_thread(threads, lists, DocumentId))
}

fn by_thread<T>(threads: &[ThreadId], lists: Vec<Vec<store::TargetRow>>, id: fn(Uuid) -> T) -> HashMap<ThreadId, Vec<T>> {
    let lists = lists.into_iter().map(|rows| rows.into_iter().map(|row| id(row.target_id)).collect());
    threads.iter().copied().zip(lists).collect()
}

/// The links of each of these threads to what the caller sees, those that ended too, the latest first, at most 50.
///
/// # Errors
/// When the database fails.
pub async fn links_of(cx: &mut Cx, caller: &Caller, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Vec<ThreadLink>>> {
    let found = store::links_of(cx, caller, threads, MOST_SHOWN).await?;
    Ok(gathered(found.into_iter().map(|link| (link.thread_id, link))))
}

/// The threads linked to each of these targets that the caller sees, the last word first. Targets are theirs to check.
///
/// # Errors
/// [`crate::Error::Invalid`] on the paging.
pub async fn threads_of(
    cx: &mut Cx,
    caller: &Caller,
    targets: &[Target],
    kind: ThreadsOf,
    paging: &Paging,
) -> Result<HashMap<Target, Page<Thread>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let lists = store::threads_of(cx, caller, targets, kind, &slice).await?;
    Ok(slice.pages(targets, lists))
}

/// How many they are, and the date of the last word in them; a target without any is left out.
///
/// # Errors
/// When the database fails.
pub async fn threads_counted(cx: &mut Cx, caller: &Caller, targets: &[Target]) -> Result<HashMap<Target, LinkedThreads>> {
    let counted = store::threads_counted(cx, caller, targets).await?;
    let by_id: HashMap<_, _> = targets.iter().map(|target| (target.id(), *target)).collect();
    Ok(counted.into_iter().filter_map(|counted| Some((*by_id.get(&counted.target_id)?, counted))).collect())
}

/// What happened to the trainings and documents of each of these threads while it was linked to them, the earliest first, as far
/// as the caller sees them.
///
/// # Errors
/// [`crate::Error::Invalid`] on the paging.
pub async fn system_events(
    cx: &mut Cx,
    caller: &Caller,
    threads: &[ThreadId],
    paging: &Paging,
) -> Result<HashMap<ThreadId, Page<SystemEvent>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let lists = store::system_events(cx, caller, threads, &slice).await?;
    Ok(slice.pages(threads, lists))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_system_events(cx: &mut Cx, caller: &Caller, threads: &[ThreadId]) -> Result<HashMap<ThreadId, i64>> {
    let counts = store::count_system_events(cx, caller, threads).await?;
    Ok(threads.iter().copied().zip(counts).collect())
}
