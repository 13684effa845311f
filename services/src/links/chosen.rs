//! Links that somebody chooses and takes away.

use std::collections::BTreeSet;

use super::found::{Writes, enter};
use super::{Kind, Linked, Origin, Target, rules, store, told};
use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::forum::{self, Thread};
use crate::id::{DocumentId, MemberId, ThreadId, TrainingId};
use crate::idempotency::act;
use crate::{App, catalogue, library, organisations};

/// Links a thread with a training or a document: the thread's author while it is not locked, the moderators of its space, who
/// manages the training or may change the document. One that is found already becomes chosen.
///
/// # Errors
/// [`Error::NotFound`] for a thread out of sight; [`Error::Invalid`] on `targetId` for a target out of sight;
/// [`Error::Forbidden`]; [`Error::Conflict`] when it has 20 of that kind by choice.
pub async fn link(app: &App, caller: &Caller, thread: ThreadId, target: Target) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (thread, target) = both(tx, &actor, thread, target, false).await?;
            let standing = store::standing(tx, thread.id).await?;
            let kind = target.kind();
            let seen = in_sight(&standing, &actor, kind);
            let known: Vec<_> = seen.iter().filter(|linked| linked.kept == target).collect();
            if known.iter().any(|linked| linked.origin == Origin::Choix) {
                return Ok(thread.id);
            }
            rules::has_room(kind, &seen)?;
            if !known.is_empty() {
                let found: Vec<_> = known.iter().map(|linked| linked.target).collect();
                store::set_chosen(tx, thread.id, &found, actor.id).await?;
                return Ok(thread.id);
            }
            store::insert_chosen(tx, thread.id, &[target], actor.id, clock.now()).await?;
            told(tx, &clock, actor.id, thread.id, (vec![target], Vec::new())).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// Parts a thread from a training or a document, for whoever may link them, and from what was merged into that training. Neither
/// an address in a post nor what is left of a merge brings the link back.
///
/// # Errors
/// As [`link`]; [`Error::Conflict`] when they are not linked.
pub async fn unlink(app: &App, caller: &Caller, thread: ThreadId, target: Target) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (thread, target) = both(tx, &actor, thread, target, true).await?;
            let standing = store::standing(tx, thread.id).await?;
            let of_target = standing.iter().filter(|linked| linked.kept == target || linked.target == target);
            let ended: Vec<_> = of_target.map(|linked| linked.target).collect();
            if ended.is_empty() {
                let sentence = match target {
                    Target::Training(_) => "Ce fil n'est pas lié à cette formation.",
                    Target::Document(_) => "Ce fil n'est pas lié à ce document.",
                };
                return Err(Error::conflict("targetId", Code::Refused, sentence));
            }
            store::end(tx, thread.id, &ended, actor.id, clock.now()).await?;
            told(tx, &clock, actor.id, thread.id, (Vec::new(), ended)).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// The thread, locked, and the target, when the actor sees both and may link them. A training that was merged is the other one; to
/// end a link (`ends`) it may still be itself, while what it was merged into is out of sight.
async fn both(tx: &mut Tx, actor: &Actor, thread: ThreadId, target: Target, ends: bool) -> Result<(Thread, Target)> {
    let thread = forum::seen(forum::lock_thread(tx, thread).await?, actor)?;
    enter(tx, Writes::Thread).await?;
    let (target, keeps) = match target {
        Target::Training(id) => {
            let named = catalogue::trainings_by_id(tx, actor, &[id]).await?.remove(&id);
            let kept = match named.as_ref().and_then(|training| training.merged_into_id) {
                Some(into) => catalogue::trainings_by_id(tx, actor, &[into]).await?.remove(&into),
                None => named.clone(),
            };
            let training = kept.or(named.filter(|_| ends)).ok_or_else(|| unknown("targetId", Kind::Training))?;
            let above = organisations::ancestors(tx, training.organisation_id).await?;
            (training.id.into(), catalogue::may_manage(actor, &above))
        }
        Target::Document(id) => {
            seen_documents(tx, actor, "targetId", &[id]).await?;
            (target, library::may_change(tx, actor, id).await?)
        }
    };
    rules::must_link(actor, &thread, keeps)?;
    Ok((thread, target))
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
        return Err(unknown(field, Kind::Training));
    }
    Ok(trainings)
}

fn unknown(field: &'static str, kind: Kind) -> Error {
    Error::invalid(field, Code::Unknown, kind.unknown())
}

/// The links of that kind that the actor sees, under the name of one training or the other.
fn in_sight<'l>(standing: &'l [Linked], actor: &Caller, kind: Kind) -> Vec<&'l Linked> {
    let seen = |linked: &&Linked| actor.sees(linked.audience_id) || actor.sees(linked.kept_audience_id);
    standing.iter().filter(|linked| linked.target.kind() == kind).filter(seen).collect()
}

/// Whether these documents are all in sight, archived or not.
async fn seen_documents(tx: &mut Tx, actor: &Caller, field: &'static str, ids: &[DocumentId]) -> Result<()> {
    if library::documents_by_id(tx, actor, ids).await?.len() == ids.len() {
        return Ok(());
    }
    Err(unknown(field, Kind::Document))
}

/// Gives a thread, locked or `new`, the targets of this kind that its author or a moderator chose: of those in their sight it is
/// linked to these and no others; a new thread to those of its addresses too.
pub(crate) async fn choose(
    tx: &mut Tx,
    clock: &Clock,
    actor: &Actor,
    (thread, new): (ThreadId, bool),
    kind: Kind,
    targets: &[Target],
) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    let chosen: BTreeSet<Target> = match kind {
        Kind::Training => {
            let ids: Vec<_> = targets.iter().copied().filter_map(Target::training).collect();
            seen_trainings(tx, actor, kind.field(), &ids).await?.into_iter().map(|training| training.id.into()).collect()
        }
        Kind::Document => {
            let ids: Vec<_> = targets.iter().copied().filter_map(Target::document).collect();
            seen_documents(tx, actor, kind.field(), &ids).await?;
            targets.iter().copied().collect()
        }
    };
    let standing = store::standing(tx, thread).await?;
    let seen = in_sight(&standing, actor, kind);
    let added: Vec<_> = chosen.iter().copied().filter(|target| !seen.iter().any(|linked| linked.kept == *target)).collect();
    let (kept, left): (Vec<_>, Vec<_>) = seen.into_iter().partition(|linked| chosen.contains(&linked.kept));
    let found: Vec<_> = kept.iter().filter(|linked| linked.origin == Origin::Adresse).map(|linked| linked.target).collect();
    let ended: Vec<_> = left.iter().filter(|_| !new).map(|linked| linked.target).collect();
    if !added.is_empty() {
        store::insert_chosen(tx, thread, &added, actor.id, clock.now()).await?;
    }
    if !ended.is_empty() {
        store::end(tx, thread, &ended, actor.id, clock.now()).await?;
    }
    if !found.is_empty() {
        store::set_chosen(tx, thread, &found, actor.id).await?;
    }
    told(tx, clock, actor.id, thread, (added, ended)).await
}

/// Links a thread, locked or new, with one target, which is known to be in order.
pub(crate) async fn add_chosen(tx: &mut Tx, clock: &Clock, by: MemberId, thread: ThreadId, target: Target) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    let standing = store::standing(tx, thread).await?;
    let known: Vec<_> = standing.iter().filter(|linked| linked.kept == target).map(|linked| linked.target).collect();
    if !known.is_empty() {
        return store::set_chosen(tx, thread, &known, by).await;
    }
    store::insert_chosen(tx, thread, &[target], by, clock.now()).await?;
    told(tx, clock, by, thread, (vec![target], Vec::new())).await
}
