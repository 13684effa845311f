use chrono::{DateTime, Utc};

use super::{GrantRole, Role};
use crate::caller::Caller;
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::id::OrganisationId;

/// Whether `caller` may grant or end `role` in the organisation with these ancestors (itself included).
pub(super) fn may_grant(caller: &Caller, role: Role, ancestors: &[OrganisationId]) -> Result<()> {
    if caller.is_administrator() || role.needs_organisation() && caller.administers(ancestors) {
        return Ok(());
    }
    Err(Error::forbidden(if role.needs_organisation() {
        "Seuls l'administrateur de cette organisation et ceux de la communauté donnent ce rôle."
    } else {
        "Seuls les administrateurs de la communauté donnent ce rôle."
    }))
}

/// Whether the role, where it is held and when go together.
pub(super) fn new_grant(new: &GrantRole, now: DateTime<Utc>) -> Result<()> {
    let mut problems = Problems::default();
    match (new.role.needs_organisation(), new.organisation) {
        (true, None) => problems.add(Problem::new("organisationId", Code::Required, "Ce rôle se tient dans une organisation.")),
        (false, Some(_)) => {
            problems.add(Problem::new("organisationId", Code::Refused, "Ce rôle ne se tient pas dans une organisation."));
        }
        _ => {}
    }
    if new.space.is_some() && new.role != Role::Moderateur {
        problems.add(Problem::new("spaceId", Code::Refused, "Seul le rôle de modérateur se limite à un espace."));
    }
    let start = new.starts_at.unwrap_or(now);
    if new.ends_at.is_some_and(|end| end <= start || end <= now) {
        problems.add(Problem::new("endsAt", Code::Malformed, "La fin doit venir après le début, et être à venir."));
    }
    problems.refuse()
}
