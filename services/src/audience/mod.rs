//! Who may see what: an audience is a set of grants, everything that can be seen carries an audience, and a viewer is
//! resolved once to the set of audiences they hold.
//!
//! Equal sets of grants share one row, so that a viewer holds tens of ids and a query tests one small set.

mod store;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::id::{AudienceId, CollectionId, MemberId, OrganisationId, SpaceId, TrainingId};
use crate::roles::Role;

pub use store::grants;
pub(crate) use store::{held, public};

/// More grants than that belong in an organisation of their own.
pub const MOST_GRANTS: usize = 50;

/// One way into an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// Everyone, without an account.
    Public,
    /// Every member.
    Members,
    /// Who belongs to an organisation or a unit of it, or holds a role there.
    Organisation(OrganisationId),
    /// Who holds a Mentor role in an organisation or a unit of it.
    RoleIn(Role, OrganisationId),
    /// Who holds a community role, everywhere or (moderators) in that space at least.
    CommunityRole(Role, Option<SpaceId>),
    /// A named member.
    Member(MemberId),
    /// Who holds a Mentor role in an organisation or above it: those who answer for it.
    RoleOver(Role, OrganisationId),
    /// The chefs de file of a collection.
    CollectionLeads(CollectionId),
    /// Who designs a training, and who leads a session of it that is neither archived nor cancelled.
    Team(TrainingId),
}

/// The audience of these grants, found or made.
///
/// # Errors
/// [`Error::Invalid`] on `audience` when there is none or too many, or when one names what does not exist.
pub async fn ensure(tx: &mut Tx, clock: &Clock, grants: &[Grant]) -> Result<AudienceId> {
    let mut grants = grants.to_vec();
    grants.sort_unstable();
    grants.dedup();
    // Wider grants swallow narrower ones, so that equal sights share a row.
    if grants.contains(&Grant::Public) {
        grants = vec![Grant::Public];
    } else if grants.contains(&Grant::Members) {
        grants = vec![Grant::Members];
    }
    if grants.is_empty() || grants.len() > MOST_GRANTS {
        return Err(Error::invalid("audience", Code::Malformed, format!("Une audience compte de 1 à {MOST_GRANTS} accès.")));
    }
    if grants.iter().any(|grant| matches!(grant, Grant::CommunityRole(role, _) if role.needs_organisation())) {
        return Err(Error::invalid("audience", Code::Refused, "Un rôle de Mentor ouvre une audience dans une organisation."));
    }
    let key = grants.iter().map(Grant::key).collect::<Vec<_>>().join(" ");
    let now: DateTime<Utc> = clock.now();
    store::ensure(tx, AudienceId::new(clock), &key, &grants, now).await
}

impl Grant {
    /// Its canonical text.
    fn key(&self) -> String {
        match self {
            Self::Public => "public".into(),
            Self::Members => "members".into(),
            Self::Organisation(id) => id.to_string(),
            Self::RoleIn(role, id) => format!("{}@{id}", role.code()),
            Self::CommunityRole(role, None) => role.code().into(),
            Self::CommunityRole(role, Some(space)) => format!("{}@{space}", role.code()),
            Self::Member(id) => id.to_string(),
            Self::RoleOver(role, id) => format!("{}^{id}", role.code()),
            Self::CollectionLeads(id) => id.to_string(),
            Self::Team(id) => id.to_string(),
        }
    }
}
