//! Links that are found: a post holds an address of Mentor that a training declares, or the address of a document on this service.
//!
//! Whoever writes links holds the lock of their thread, and lets none declare an address or merge trainings meanwhile
//! ([`Writes::Thread`]); who does that waits for all of them ([`Writes::Training`]): on PostgreSQL neither would see the other's
//! rows. A document has its address from its beginning, before any post can hold it.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{store, told};
use crate::App;
use crate::catalogue::MentorAddress;
use crate::clock::Clock;
use crate::db::{Tx, alone, beside};
use crate::error::Result;
use crate::events::{Event, tell_all};
use crate::id::{DocumentId, MemberId, PostId, ThreadId, TrainingId};
use crate::jobs::{self, Job, Verdict};
use crate::library;

/// How many addresses are looked at in a post.
const MOST_FOUND: usize = 20;
/// How many threads a write links with a training.
const AT_ONCE: usize = 500;
/// Before every thread.
const FIRST: ThreadId = ThreadId(Uuid::nil());

/// Who must not write links at the same time.
#[derive(Clone, Copy)]
pub(super) enum Writes {
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

pub(super) async fn enter(tx: &mut Tx, writes: Writes) -> Result<()> {
    match writes {
        Writes::Thread => beside(tx, "links").await?,
        Writes::Training => alone(tx, "links").await?,
    }
    Ok(())
}

/// The links of a text, those to this service as paths: a post names a document by the address that people reach it at.
pub(crate) fn from_here(public_url: &str, links: Vec<String>) -> Vec<String> {
    let path = |link: String| match link.strip_prefix(public_url) {
        Some(path) if path.starts_with('/') => path.to_owned(),
        _ => link,
    };
    links.into_iter().map(path).collect()
}

/// What a post holds of what links lead to, in order, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Addresses of Mentor, as they are stored.
    pub(super) addresses: BTreeSet<String>,
    pub(super) documents: BTreeSet<DocumentId>,
}

impl Held {
    /// The first 20 among the links of a text.
    fn of(links: &[String]) -> Self {
        let mut held = Self::default();
        for link in links {
            if held.addresses.len() + held.documents.len() == MOST_FOUND {
                break;
            }
            if let Some(address) = MentorAddress::parse(link) {
                held.addresses.insert(address.key());
            } else if let Some(document) = library::document_at(link) {
                held.documents.insert(document);
            }
        }
        held
    }

    fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.documents.is_empty()
    }

    /// Whether something of it is not in `other`.
    fn exceeds(&self, other: &Self) -> bool {
        !self.addresses.is_subset(&other.addresses) || !self.documents.is_subset(&other.documents)
    }
}

/// Links the thread of a new post to what it holds addresses of. The thread is locked, or new.
pub(crate) async fn post_written(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (thread, post): (ThreadId, PostId),
    links: &[String],
) -> Result<()> {
    let held = Held::of(links);
    if held.is_empty() {
        return Ok(());
    }
    store::insert_held(tx, thread, post, &held).await?;
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
    let (before, after) = (store::held(tx, post).await?, Held::of(links));
    if before == after {
        return Ok(());
    }
    store::clear_held(tx, post).await?;
    store::insert_held(tx, thread, post, &after).await?;
    if before.exceeds(&after) {
        post_away(tx, clock, by, thread).await?;
    }
    post_shown(tx, clock, by, (thread, post)).await
}

/// A post is there to be read: its thread is linked to what it holds addresses of.
pub(crate) async fn post_shown(tx: &mut Tx, clock: &Clock, by: MemberId, (thread, post): (ThreadId, PostId)) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    let linked = store::link_found(tx, thread, post, by, clock.now()).await?;
    told(tx, clock, by, thread, (linked, Vec::new())).await
}

/// A post of the thread, or an address in one, is there no more: links that nothing holds any more end.
pub(crate) async fn post_away(tx: &mut Tx, clock: &Clock, by: MemberId, thread: ThreadId) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    let ended = store::end_lost(tx, thread, clock.now()).await?;
    told(tx, clock, by, thread, (Vec::new(), ended)).await
}

/// The addresses that a training declares changed: it is linked to the threads that hold one of them, and to no others.
pub(crate) async fn addresses_changed(tx: &mut Tx, clock: &Clock, by: MemberId, training: TrainingId) -> Result<()> {
    enter(tx, Writes::Training).await?;
    relink(tx, clock, by, (training, None), FIRST).await
}

/// A training was merged into another one, which has its addresses by now: its links are the other's from now on.
pub(crate) async fn trainings_merged(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (from, into): (TrainingId, TrainingId),
) -> Result<()> {
    enter(tx, Writes::Training).await?;
    relink(tx, clock, by, (from, Some(into)), FIRST).await
}

/// Goes on with the links of a training, with the threads after one: what a job does. It looks at what the training is by now.
pub(crate) async fn link_training(app: &App, training: TrainingId, by: MemberId, after: ThreadId) -> Result<Verdict> {
    let clock = app.clock.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                // Before it is asked what became of the training: a merge on its way would not be seen.
                enter(tx, Writes::Training).await?;
                let into = store::merged_into(tx, training).await?;
                relink(tx, &clock, by, (training, into), after).await?;
                Ok(Verdict::Done)
            })
        })
        .await
}

/// Brings the links of a training in line with its addresses, or with what it was merged into.
async fn relink(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (training, into): (TrainingId, Option<TrainingId>),
    after: ThreadId,
) -> Result<()> {
    let done = relink_some(tx, clock, by, (training, into), after).await?;
    if let (true, Some(into)) = (done, into) {
        // What its addresses had not found yet is the other's to find.
        relink_some(tx, clock, by, (into, None), FIRST).await?;
    }
    Ok(())
}

/// The same with the first threads after one; whether there are no more. The others are left to a job, so that nobody waits for
/// all the threads of a training that is much talked about.
async fn relink_some(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (training, into): (TrainingId, Option<TrainingId>),
    after: ThreadId,
) -> Result<bool> {
    let threads = store::concerned(tx, training, after, AT_ONCE).await?;
    let Some(last) = threads.last().copied() else { return Ok(true) };
    let (span, now) = ((after, last), clock.now());
    let changed = match into {
        Some(into) => store::merge(tx, (training, into), span, by, now).await?,
        None => {
            let ended = store::end_undeclared(tx, training, span, now).await?;
            [ended, store::link_declared(tx, training, span, by, now).await?].concat()
        }
    };
    if !changed.is_empty() {
        let training = into.unwrap_or(training);
        let each = changed.into_iter().map(|thread| Event::ThreadLinksChanged { thread, training });
        let events: Vec<_> = each.chain([Event::TrainingLinksChanged { training }]).collect();
        tell_all(tx, clock, Some(by), &events).await?;
    }
    let done = threads.len() < AT_ONCE;
    if !done {
        jobs::enqueue(tx, clock, Job::LinkTraining { training, by, after: last }, now).await?;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_once_each_and_few() {
        let links = ["https://mentor.gouv.fr/catalog/52", "http://mentor.gouv.fr/catalog/52/", "https://exemple.test/catalog/9"];
        assert_eq!(Held::of(&links.map(String::from)).addresses, BTreeSet::from(["CATALOGUE 52".to_owned()]));
        let many: Vec<_> = (1..10_000).map(|n| format!("https://mentor.gouv.fr/course/view.php?id={n}")).collect();
        assert_eq!(Held::of(&many).addresses.len(), MOST_FOUND);
    }

    #[test]
    fn documents_are_named_by_their_own_addresses_here() {
        let id = format!("doc_{:032x}", 7);
        let found = |link: String| !Held::of(&from_here("https://ciam.example", vec![link])).is_empty();
        for (link, expected) in [
            (format!("https://ciam.example/documents/{id}/latest"), true),
            (format!("https://ciam.example/documents/{id}/latest?download#page=3"), true),
            (format!("https://ciam.example/documents/{id}/versions/12"), true),
            (format!("/documents/{id}/latest"), true),
            (format!("https://ciam.example/documents/{id}/versions/douze"), false),
            (format!("https://ciam.example/documents/{id}/versions/"), false),
            (format!("https://ciam.example/documents/{id}"), false),
            (format!("https://ciam.example.test/documents/{id}/latest"), false),
            (format!("https://ailleurs.example/documents/{id}/latest"), false),
            (format!("https://ciam.example/documents/thr_{:032x}/latest", 7), false),
        ] {
            assert_eq!(found(link.clone()), expected, "{link}");
        }
    }
}
