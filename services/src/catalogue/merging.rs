//! Merging a training into another one, which takes over what hangs on it.

use super::trainings::{enter, managed, put_training};
use super::{TrainingState, store};
use crate::App;
use crate::caller::{Caller, Scope};
use crate::error::{Code, Error, Result};
use crate::events::{Event, tell};
use crate::id::TrainingId;
use crate::idempotency::act;
use crate::{following, links};

/// Merges a training into another one: who manages both. Its addresses on Mentor and its sessions become the other's, and so
/// does what was merged into it; it is archived, and its id and short name go on to name it and tell where it went.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when they are one, or when one of them was merged before.
pub async fn merge_trainings(app: &App, caller: &Caller, from: TrainingId, into: TrainingId) -> Result<TrainingId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            if from == into {
                return Err(Error::conflict("intoId", Code::Refused, "On ne fond pas une formation dans elle-même."));
            }
            // In one order, so that two merges at once wait for one another.
            let (one, other) = (from.min(into), from.max(into));
            let (one, other) = (managed(tx, &actor, one).await?, managed(tx, &actor, other).await?);
            let (mut gone, mut kept) = if one.id == from { (one, other) } else { (other, one) };
            for (field, training) in [("fromId", &gone), ("intoId", &kept)] {
                if training.merged_into_id.is_some() {
                    return Err(Error::conflict(field, Code::Refused, "Cette formation a déjà été fondue dans une autre."));
                }
            }
            links::before_addresses_change(tx).await?;
            store::merge(tx, from, into).await?;
            gone.merged_into_id = Some(into);
            let targets: Vec<_> = store::targets(tx, &[from]).await?.into_iter().map(|row| row.1).collect();
            if gone.state == TrainingState::Archivee {
                put_training(tx, &clock, &mut gone, &targets).await?;
            } else {
                enter(tx, &clock, actor.id, gone, &targets, TrainingState::Archivee).await?;
            }
            // The sessions that came are seen as those that were there.
            let targets: Vec<_> = store::targets(tx, &[into]).await?.into_iter().map(|row| row.1).collect();
            put_training(tx, &clock, &mut kept, &targets).await?;
            tell(tx, &clock, Some(actor.id), &Event::TrainingMerged { training: from, into }).await?;
            // Who follows the other one alone is told too: it has more addresses and sessions.
            tell(tx, &clock, Some(actor.id), &Event::TrainingChanged { training: into }).await?;
            links::trainings_merged(tx, &clock, actor.id, (from, into)).await?;
            following::training_merged(tx, from, into).await?;
            Ok(into)
        })
    })
    .await
}
