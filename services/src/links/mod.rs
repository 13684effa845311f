//! What links threads with trainings, both ways: chosen by somebody, or found because a post holds an address of Mentor that a
//! training declares (docs/links.md). A link that ends keeps its row.
//!
//! Whoever writes links holds the lock of their thread, and lets none declare an address or merge trainings meanwhile
//! ([`Writes::Thread`]); who does that waits for all of them ([`Writes::Training`]): on PostgreSQL neither would see the other's
//! rows. What trainings went through is not stored again: a thread's system events are derived from the catalogue's histories.

mod rules;
mod store;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::caller::{Actor, Caller, Scope};
use crate::catalogue::{self, MentorAddress};
use crate::clock::Clock;
use crate::db::{Cx, Tx, alone, beside};
use crate::error::{Code, Error, Result};
use crate::events::{Event, tell};
use crate::forum::{self, Thread};
use crate::id::{AudienceId, MemberId, PostId, ThreadId, TrainingId};
use crate::idempotency::act;
use crate::page::{Page, Paging, Slice, TimeKey, gathered};
use crate::{App, organisations};

pub(crate) use rules::chosen;
pub use rules::may_link;

/// How many trainings are chosen for a thread at most.
pub const MOST_CHOSEN: usize = 20;
/// How many addresses of Mentor are looked at in a post.
const MOST_FOUND: usize = 20;
/// How many links of a thread are shown.
const MOST_SHOWN: i64 = 50;

/// How a link came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// Somebody chose it.
    Choix,
    /// A post holds an address of the training.
    Adresse,
}

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum End {
    /// Somebody took it away: no address brings it back.
    Retrait,
    /// No post holds an address of the training any more.
    Disparition,
    /// The training was merged into another one, which is linked from then on.
    Fusion,
}

/// A link of a thread to a training, from when to when.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct ThreadLink {
    pub thread_id: ThreadId,
    pub training_id: TrainingId,
    pub origin: Origin,
    pub linked_at: DateTime<Utc>,
    pub linked_by: Option<MemberId>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_by: Option<MemberId>,
    pub ended_how: Option<End>,
}

/// A link that stands, with who sees the training.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Linked {
    training_id: TrainingId,
    origin: Origin,
    audience_id: AudienceId,
}

/// Which of the threads linked to a training.
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

/// How many threads are linked to a training, and when the last word was said in them, as far as the caller sees them.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TrainingThreads {
    training_id: TrainingId,
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

impl TrainingThreads {
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

/// What of a training changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SystemEventKind {
    /// Its state.
    Etat,
    /// The day its publication is planned for.
    Date,
}

/// Something that happened to a training while a thread was linked to it. The values are codes of states or days.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct SystemEvent {
    pub id: Uuid,
    pub training_id: TrainingId,
    pub kind: SystemEventKind,
    pub from_value: Option<String>,
    pub to_value: Option<String>,
    pub changed_at: DateTime<Utc>,
}

/// Who must not write links at the same time.
#[derive(Clone, Copy)]
enum Writes {
    /// Those of a thread, whose row is locked: beside other threads.
    Thread,
    /// Those of a training, to any thread: alone.
    Training,
}

/// Before a training's row is written together with its addresses: who links it meanwhile would wait for that row, and be waited
/// for.
pub(crate) async fn before_addresses_change(tx: &mut Tx) -> Result<()> {
    enter(tx, Writes::Training).await
}

async fn enter(tx: &mut Tx, writes: Writes) -> Result<()> {
    match writes {
        Writes::Thread => beside(tx, "links").await?,
        Writes::Training => alone(tx, "links").await?,
    }
    Ok(())
}

// Found links.

/// The addresses of Mentor among the links of a text, each once, as they are stored; the first 20.
fn addresses(links: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let found = links.iter().filter_map(|link| MentorAddress::parse(link)).map(MentorAddress::key);
    found.filter(|address| seen.insert(address.clone())).take(MOST_FOUND).collect()
}

/// Links the thread of a new post to the trainings whose addresses it holds. The thread is locked, or new.
pub(crate) async fn post_written(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (thread, post): (ThreadId, PostId),
    links: &[String],
) -> Result<()> {
    let addresses = addresses(links);
    if addresses.is_empty() {
        return Ok(());
    }
    store::insert_addresses(tx, thread, post, &addresses).await?;
    post_shown(tx, clock, by, (thread, post)).await
}

/// The same for a post whose text changed: what it no longer holds ends, unless another post of the thread does.
pub(crate) async fn post_edited(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (thread, post): (ThreadId, PostId),
    links: &[String],
) -> Result<()> {
    let (before, mut after) = (store::addresses_of(tx, post).await?, addresses(links));
    after.sort_unstable();
    if before == after {
        return Ok(());
    }
    store::clear_addresses(tx, post).await?;
    if !after.is_empty() {
        store::insert_addresses(tx, thread, post, &after).await?;
    }
    if before.iter().any(|address| !after.contains(address)) {
        post_away(tx, clock, by, thread).await?;
    }
    post_shown(tx, clock, by, (thread, post)).await
}

/// A post is there to be read: its thread is linked to the trainings whose addresses it holds.
pub(crate) async fn post_shown(tx: &mut Tx, clock: &Clock, by: MemberId, (thread, post): (ThreadId, PostId)) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    let trainings = store::link_found(tx, thread, post, by, clock.now()).await?;
    told(tx, clock, by, thread, (trainings, Vec::new())).await
}

/// A post of the thread, or an address in one, is there no more: links that nothing holds any more end.
pub(crate) async fn post_away(tx: &mut Tx, clock: &Clock, by: MemberId, thread: ThreadId) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    let trainings = store::end_lost(tx, thread, clock.now()).await?;
    told(tx, clock, by, thread, (Vec::new(), trainings)).await
}

/// The addresses that a training declares changed: it is linked to the threads that hold one of them, and to no others.
pub(crate) async fn addresses_changed(tx: &mut Tx, clock: &Clock, by: MemberId, training: TrainingId) -> Result<()> {
    enter(tx, Writes::Training).await?;
    let now = clock.now();
    let ended = store::end_undeclared(tx, training, now).await?;
    if ended + store::link_declared(tx, training, by, now).await? > 0 {
        tell(tx, clock, Some(by), &Event::TrainingLinksChanged { training }).await?;
    }
    Ok(())
}

/// A training was merged into another one, which has its addresses by now: its links are the other's from now on.
pub(crate) async fn trainings_merged(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (from, into): (TrainingId, TrainingId),
) -> Result<()> {
    enter(tx, Writes::Training).await?;
    if store::merge(tx, from, into, by, clock.now()).await? > 0 {
        tell(tx, clock, Some(by), &Event::TrainingLinksChanged { training: into }).await?;
    }
    Ok(())
}

// Chosen links.

/// Links a thread with a training: the thread's author while it is not locked, the moderators of its space, who manages the
/// training. One that is found already becomes chosen.
///
/// # Errors
/// [`Error::NotFound`] for a thread out of sight; [`Error::Invalid`] on `trainingId` for a training out of sight;
/// [`Error::Forbidden`]; [`Error::Conflict`] when it has 20 by choice.
pub async fn link_training(app: &App, caller: &Caller, thread: ThreadId, training: TrainingId) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (thread, training) = both(tx, &actor, thread, training).await?;
            let standing = store::standing(tx, thread.id).await?;
            let seen: Vec<_> = standing.iter().filter(|linked| actor.sees(linked.audience_id)).collect();
            let known = seen.iter().find(|linked| linked.training_id == training).map(|linked| linked.origin);
            if known == Some(Origin::Choix) {
                return Ok(thread.id);
            }
            rules::has_room(&seen)?;
            if known.is_some() {
                store::set_chosen(tx, thread.id, &[training], actor.id).await?;
                return Ok(thread.id);
            }
            store::insert_chosen(tx, thread.id, &[training], actor.id, clock.now()).await?;
            told(tx, &clock, actor.id, thread.id, (vec![training], Vec::new())).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// Parts a thread from a training, for whoever may link them. An address in a post does not bring the link back.
///
/// # Errors
/// As [`link_training`]; [`Error::Conflict`] when they are not linked.
pub async fn unlink_training(app: &App, caller: &Caller, thread: ThreadId, training: TrainingId) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (thread, training) = both(tx, &actor, thread, training).await?;
            let standing = store::standing(tx, thread.id).await?;
            if !standing.iter().any(|linked| linked.training_id == training) {
                return Err(Error::conflict("trainingId", Code::Refused, "Ce fil n'est pas lié à cette formation."));
            }
            store::end(tx, thread.id, &[training], actor.id, clock.now()).await?;
            told(tx, &clock, actor.id, thread.id, (Vec::new(), vec![training])).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// The thread, locked, and the training (or what it was merged into), when the actor sees both and may link them.
async fn both(tx: &mut Tx, actor: &Actor, thread: ThreadId, training: TrainingId) -> Result<(Thread, TrainingId)> {
    let thread = forum::seen(forum::lock_thread(tx, thread).await?, actor)?;
    enter(tx, Writes::Thread).await?;
    let training = seen_trainings(tx, actor, "trainingId", &[training]).await?[0].clone();
    rules::must_link(actor, &thread, &organisations::ancestors(tx, training.organisation_id).await?)?;
    Ok((thread, training.id))
}

/// These trainings, or what they were merged into, as far as they are all in sight.
async fn seen_trainings(
    tx: &mut Tx,
    actor: &Caller,
    field: &'static str,
    ids: &[TrainingId],
) -> Result<Vec<catalogue::Training>> {
    let found = catalogue::trainings_by_id(tx, actor, ids).await?;
    let kept: BTreeSet<_> = found.values().map(|training| training.merged_into_id.unwrap_or(training.id)).collect();
    let whole = found.len() == ids.len();
    let kept: Vec<_> = kept.into_iter().collect();
    let trainings: Vec<_> = catalogue::trainings_by_id(tx, actor, &kept).await?.into_values().collect();
    if !whole || trainings.len() != kept.len() {
        return Err(Error::invalid(field, Code::Unknown, "Formation inconnue."));
    }
    Ok(trainings)
}

/// Gives a thread, locked or `new`, the trainings that its author or a moderator chose: of those in their sight it
/// is linked to these and no others; a new thread to those of its addresses too.
pub(crate) async fn choose(
    tx: &mut Tx,
    clock: &Clock,
    actor: &Actor,
    thread: ThreadId,
    new: bool,
    trainings: &[TrainingId],
) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    let chosen: BTreeSet<_> =
        seen_trainings(tx, actor, "trainings", trainings).await?.into_iter().map(|training| training.id).collect();
    let standing = store::standing(tx, thread).await?;
    let of = |origin: Option<Origin>| -> BTreeSet<TrainingId> {
        let wanted = |linked: &&Linked| actor.sees(linked.audience_id) && origin.is_none_or(|origin| linked.origin == origin);
        standing.iter().filter(wanted).map(|linked| linked.training_id).collect()
    };
    let (seen, found) = (of(None), of(Some(Origin::Adresse)));
    let added: Vec<_> = chosen.difference(&seen).copied().collect();
    let ended: Vec<_> = if new { Vec::new() } else { seen.difference(&chosen).copied().collect() };
    let kept: Vec<_> = found.intersection(&chosen).copied().collect();
    if !added.is_empty() {
        store::insert_chosen(tx, thread, &added, actor.id, clock.now()).await?;
    }
    if !ended.is_empty() {
        store::end(tx, thread, &ended, actor.id, clock.now()).await?;
    }
    if !kept.is_empty() {
        store::set_chosen(tx, thread, &kept, actor.id).await?;
    }
    told(tx, clock, actor.id, thread, (added, ended)).await
}

/// The same without asking who sees what, for a new thread of the demo.
pub(crate) async fn add_chosen(tx: &mut Tx, clock: &Clock, by: MemberId, thread: ThreadId, training: TrainingId) -> Result<()> {
    if store::standing(tx, thread).await?.iter().any(|linked| linked.training_id == training) {
        return store::set_chosen(tx, thread, &[training], by).await;
    }
    store::insert_chosen(tx, thread, &[training], by, clock.now()).await?;
    told(tx, clock, by, thread, (vec![training], Vec::new())).await
}

async fn told(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    thread: ThreadId,
    (linked, ended): (Vec<TrainingId>, Vec<TrainingId>),
) -> Result<()> {
    if !linked.is_empty() {
        tell(tx, clock, Some(by), &Event::ThreadLinked { thread, trainings: linked }).await?;
    }
    if !ended.is_empty() {
        tell(tx, clock, Some(by), &Event::ThreadUnlinked { thread, trainings: ended }).await?;
    }
    Ok(())
}

// What is read.

/// The trainings that each of these threads is linked to and the caller sees, oldest link first, at most 50. Threads are theirs
/// to check.
///
/// # Errors
/// When the database fails.
pub async fn trainings_of(cx: &mut Cx, caller: &Caller, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Vec<TrainingId>>> {
    Ok(gathered(store::trainings_of(cx, caller, threads, MOST_SHOWN).await?))
}

/// The links of each of these threads to trainings that the caller sees, those that ended too, the latest first, at most 50.
///
/// # Errors
/// When the database fails.
pub async fn links_of(cx: &mut Cx, caller: &Caller, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Vec<ThreadLink>>> {
    let mut found: HashMap<ThreadId, Vec<ThreadLink>> = HashMap::new();
    for link in store::links_of(cx, caller, threads, MOST_SHOWN).await? {
        found.entry(link.thread_id).or_default().push(link);
    }
    Ok(found)
}

/// The threads linked to each of these trainings that the caller sees, the last word first. Trainings are theirs to check.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn threads_of(
    cx: &mut Cx,
    caller: &Caller,
    trainings: &[TrainingId],
    kind: ThreadsOf,
    paging: &Paging,
) -> Result<HashMap<TrainingId, Page<Thread>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let lists = store::threads_of(cx, caller, trainings, kind, &slice).await?;
    Ok(slice.pages(trainings, lists))
}

/// How many they are, and the date of the last word in them; a training without any is left out.
///
/// # Errors
/// When the database fails.
pub async fn threads_counted(
    cx: &mut Cx,
    caller: &Caller,
    trainings: &[TrainingId],
) -> Result<HashMap<TrainingId, TrainingThreads>> {
    let counted = store::threads_counted(cx, caller, trainings).await?;
    Ok(counted.into_iter().map(|counted| (counted.training_id, counted)).collect())
}

/// What happened to the trainings of each of these threads while it was linked to them, the earliest first, as far as the caller
/// sees the trainings.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_once_each_and_few() {
        let links = ["https://mentor.gouv.fr/catalog/52", "http://mentor.gouv.fr/catalog/52/", "https://exemple.test/catalog/9"];
        assert_eq!(addresses(&links.map(String::from)), ["CATALOGUE 52"]);
        let many: Vec<_> = (1..10_000).map(|n| format!("https://mentor.gouv.fr/course/view.php?id={n}")).collect();
        assert_eq!(addresses(&many).len(), MOST_FOUND);
    }
}
