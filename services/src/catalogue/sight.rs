//! Who sees a training and its sessions, kept as audiences: written anew whenever what they depend on changes.

use super::{Training, rules};
use crate::audience;
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{AudienceId, OrganisationId};

/// Who sees a training, and who sees what is only for those who work on it.
pub(super) struct Sight {
    pub(super) viewers: AudienceId,
    pub(super) workers: AudienceId,
}

/// The audiences of a training that is open to `targets` when it is restricted.
pub(super) async fn of(tx: &mut Tx, clock: &Clock, training: &Training, targets: &[OrganisationId]) -> Result<Sight> {
    Ok(Sight {
        viewers: audience::ensure(tx, clock, &rules::viewers(training, targets)).await?,
        workers: audience::ensure(tx, clock, &rules::workers(training)).await?,
    })
}
