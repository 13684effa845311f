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
            let (thread, target) = both(tx, &actor, thread, target).await?;
            let standing = store::standing(tx, thread.id).await?;
            let kind = target.kind();
            let seen: Vec<_> =
                standing.iter().filter(|linked| linked.target.kind() == kind && actor.sees(linked.audience_id)).collect();
            let known = seen.iter().find(|linked| linked.target == target).map(|linked| linked.origin);
            if known == Some(Origin::Choix) {
                return Ok(thread.id);
            }
            rules::has_room(kind, &seen)?;
            if known.is_some() {
                store::set_chosen(tx, thread.id, &[target], actor.id).await?;
                return Ok(thread.id);
            }
            store::insert_chosen(tx, thread.id, &[target], actor.id, clock.now()).await?;
            told(tx, &clock, actor.id, thread.id, (vec![target], Vec::new())).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// Parts a thread from a training or a document, for whoever may link them. An address in a post does not bring the link back.
///
/// # Errors
/// As [`link`]; [`Error::Conflict`] when they are not linked.
pub async fn unlink(app: &App, caller: &Caller, thread: ThreadId, target: Target) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (thread, target) = both(tx, &actor, thread, target).await?;
            if !store::standing(tx, thread.id).await?.iter().any(|linked| linked.target == target) {
                let sentence = match target {
                    Target::Training(_) => "Ce fil n'est pas lié à cette formation.",
                    Target::Document(_) => "Ce fil n'est pas lié à ce document.",
                };
                return Err(Error::conflict("targetId", Code::Refused, sentence));
            }
            store::end(tx, thread.id, &[target], actor.id, clock.now()).await?;
            told(tx, &clock, actor.id, thread.id, (Vec::new(), vec![target])).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// The thread, locked, and the target (or what it was merged into), when the actor sees both and may link them.
async fn both(tx: &mut Tx, actor: &Actor, thread: ThreadId, target: Target) -> Result<(Thread, Target)> {
    let thread = forum::seen(forum::lock_thread(tx, thread).await?, actor)?;
    enter(tx, Writes::Thread).await?;
    let (target, keeps) = match target {
        Target::Training(id) => {
            let training = seen_trainings(tx, actor, "targetId", &[id]).await?.remove(0);
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
        return Err(Error::invalid(field, Code::Unknown, Kind::Training.unknown()));
    }
    Ok(trainings)
}

/// Whether these documents are all in sight, archived or not.
async fn seen_documents(tx: &mut Tx, actor: &Caller, field: &'static str, ids: &[DocumentId]) -> Result<()> {
    if library::documents_by_id(tx, actor, ids).await?.len() == ids.len() {
        return Ok(());
    }
    Err(Error::invalid(field, Code::Unknown, Kind::Document.unknown()))
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
    let of = |origin: Option<Origin>| -> BTreeSet<Target> {
        let wanted = |linked: &&Linked| {
            linked.target.kind() == kind && actor.sees(linked.audience_id) && origin.is_none_or(|origin| linked.origin == origin)
        };
        standing.iter().filter(wanted).map(|linked| linked.target).collect()
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

/// Links a thread, locked or new, with one target, which is known to be in order.
pub(crate) async fn add_chosen(tx: &mut Tx, clock: &Clock, by: MemberId, thread: ThreadId, target: Target) -> Result<()> {
    enter(tx, Writes::Thread).await?;
    if store::standing(tx, thread).await?.iter().any(|linked| linked.target == target) {
        return store::set_chosen(tx, thread, &[target], by).await;
    }
    store::insert_chosen(tx, thread, &[target], by, clock.now()).await?;
    told(tx, clock, by, thread, (vec![target], Vec::new())).await
}
