use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Grant;
use crate::db::{Cx, exec, lists, one};
use crate::error::{Code, Error, Result};
use crate::id::{AudienceId, CollectionId, MemberId, OrganisationId, SpaceId, TrainingId};
use crate::roles::Role;

#[derive(sqlx::FromRow)]
struct GrantRow {
    kind: String,
    organisation_id: Option<OrganisationId>,
    role: Option<Role>,
    space_id: Option<SpaceId>,
    member_id: Option<MemberId>,
    collection_id: Option<CollectionId>,
    training_id: Option<TrainingId>,
}

impl From<Grant> for GrantRow {
    fn from(grant: Grant) -> Self {
        let mut row = Self {
            kind: String::new(),
            organisation_id: None,
            role: None,
            space_id: None,
            member_id: None,
            collection_id: None,
            training_id: None,
        };
        row.kind = match grant {
            Grant::Public => "PUBLIC",
            Grant::Members => "MEMBERS",
            Grant::Organisation(id) => {
                row.organisation_id = Some(id);
                "ORGANISATION"
            }
            Grant::RoleIn(role, id) => {
                (row.role, row.organisation_id) = (Some(role), Some(id));
                "ROLE"
            }
            Grant::CommunityRole(role, space) => {
                (row.role, row.space_id) = (Some(role), space);
                "ROLE"
            }
            Grant::Member(id) => {
                row.member_id = Some(id);
                "MEMBER"
            }
            Grant::RoleOver(role, id) => {
                (row.role, row.organisation_id) = (Some(role), Some(id));
                "ROLE_OVER"
            }
            Grant::CollectionLeads(id) => {
                row.collection_id = Some(id);
                "COLLECTION"
            }
            Grant::Team(id) => {
                row.training_id = Some(id);
                "TEAM"
            }
        }
        .into();
        row
    }
}

impl TryFrom<GrantRow> for Grant {
    type Error = Error;
    fn try_from(row: GrantRow) -> Result<Self> {
        match (row.kind.as_str(), row.role, row.organisation_id, row.member_id) {
            ("PUBLIC", ..) => Ok(Self::Public),
            ("MEMBERS", ..) => Ok(Self::Members),
            ("ORGANISATION", _, Some(id), _) => Ok(Self::Organisation(id)),
            ("ROLE", Some(role), Some(id), _) => Ok(Self::RoleIn(role, id)),
            ("ROLE", Some(role), None, _) => Ok(Self::CommunityRole(role, row.space_id)),
            ("MEMBER", _, _, Some(id)) => Ok(Self::Member(id)),
            ("ROLE_OVER", Some(role), Some(id), _) => Ok(Self::RoleOver(role, id)),
            (kind, ..) => match (kind, row.collection_id, row.training_id) {
                ("COLLECTION", Some(id), _) => Ok(Self::CollectionLeads(id)),
                ("TEAM", _, Some(id)) => Ok(Self::Team(id)),
                _ => Err(Error::internal(format!("a grant of kind {kind}"))),
            },
        }
    }
}

pub(super) async fn ensure(cx: &mut Cx, id: AudienceId, key: &str, grants: &[Grant], now: DateTime<Utc>) -> Result<AudienceId> {
    // The update that changes nothing makes the row come back, and waits for another node that inserts the same key.
    let (found,) = one!(
        cx,
        (AudienceId,),
        "insert into audiences (id, grants_key, created_at) values ($1, $2, $3)
         on conflict (grants_key) do update set grants_key = excluded.grants_key returning id",
        id,
        key,
        now
    )?;
    if found != id {
        return Ok(found);
    }
    for (position, grant) in (0_i64..).zip(grants) {
        let row = GrantRow::from(*grant);
        exec!(
            cx,
            "insert into audience_grants (audience_id, position, kind, organisation_id, role, space_id, member_id,
                                          collection_id, training_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id,
            position,
            row.kind,
            row.organisation_id,
            row.role,
            row.space_id,
            row.member_id,
            row.collection_id,
            row.training_id
        )
        .map_err(|error| match error.as_database_error().map(sqlx::error::DatabaseError::kind) {
            Some(sqlx::error::ErrorKind::ForeignKeyViolation) => {
                Error::invalid("audience", Code::Unknown, "Un accès désigne ce qui n'existe pas.")
            }
            _ => error.into(),
        })?;
    }
    Ok(id)
}

/// The grants of each of these audiences, in their order.
///
/// # Errors
/// When the database fails.
pub async fn grants(cx: &mut Cx, ids: &[AudienceId]) -> Result<HashMap<AudienceId, Vec<Grant>>> {
    let lists = lists!(cx, GrantRow, ids, |query, id| {
        query.push(
            "select kind, organisation_id, role, space_id, member_id, collection_id, training_id
             from audience_grants where audience_id = ",
        );
        query.push_bind(*id).push(" order by position");
    });
    let grants = |rows: Vec<GrantRow>| rows.into_iter().map(Grant::try_from).collect::<Result<Vec<_>>>();
    ids.iter().copied().zip(lists).map(|(id, rows)| Ok((id, grants(rows)?))).collect()
}

/// Every audience: what an administrator holds.
pub(crate) async fn all(cx: &mut Cx) -> Result<Vec<AudienceId>> {
    Ok(crate::db::all!(cx, (AudienceId,), "select id from audiences order by id")?.into_iter().map(|row| row.0).collect())
}

/// The audiences of everyone.
pub(crate) async fn public(cx: &mut Cx) -> Result<Vec<AudienceId>> {
    let rows = crate::db::all!(
        cx,
        (AudienceId,),
        "select distinct audience_id from audience_grants where kind = 'PUBLIC' order by audience_id"
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The audiences a member holds; those of moderators only when what they came with lets them moderate (`moderates`). The
/// community's administrators then moderate every space.
pub(crate) async fn held(cx: &mut Cx, member: MemberId, moderates: bool, now: DateTime<Utc>) -> Result<Vec<AudienceId>> {
    Ok(crate::db::all!(
        cx, (AudienceId,),
        "with granted as (
           select role, organisation_id, space_id from role_grants
           where member_id = $1 and starts_at <= $2 and ended_at is null and (ends_at is null or ends_at > $2)
         ), active as (
           select role, organisation_id, space_id from granted where role <> 'MODERATEUR' or $3
           union all
           select 'MODERATEUR', null, null from granted where $3 and role in ('ADMINISTRATEUR', 'ADMINISTRATEUR_PILOTE')
         ), held as (
           select organisation_id from members where id = $1 and organisation_id is not null
           union
           select organisation_id from active where organisation_id is not null
         ), belongs as (
           select a.ancestor_id as organisation_id from organisation_ancestors a join held on held.organisation_id = a.organisation_id
         )
         select audience_id from audience_grants where kind in ('PUBLIC', 'MEMBERS')
         union
         select audience_id from audience_grants where kind = 'MEMBER' and member_id = $1
         union
         select g.audience_id from belongs join audience_grants g on g.organisation_id = belongs.organisation_id
         where g.kind = 'ORGANISATION'
         union
         select g.audience_id from active join organisation_ancestors a on a.organisation_id = active.organisation_id
           join audience_grants g on g.organisation_id = a.ancestor_id and g.kind = 'ROLE' and g.role = active.role
         union
         select g.audience_id from active join organisation_ancestors a on a.ancestor_id = active.organisation_id
           join audience_grants g on g.organisation_id = a.organisation_id and g.kind = 'ROLE_OVER' and g.role = active.role
         union
         select g.audience_id from active join audience_grants g on g.kind = 'ROLE' and g.organisation_id is null
           and g.role = active.role and (active.space_id is null or active.space_id = g.space_id)
         union
         select g.audience_id from collection_chefs c join audience_grants g on g.collection_id = c.collection_id
         where c.member_id = $1
         union
         select g.audience_id from training_designers d join audience_grants g on g.training_id = d.training_id
         where d.member_id = $1
         union
         select g.audience_id from training_session_formateurs f join training_sessions s on s.id = f.session_id
           join audience_grants g on g.training_id = s.training_id
         where f.member_id = $1 and s.state not in ('ARCHIVEE', 'ANNULEE')
         order by audience_id",
        member, now, moderates
    )?
    .into_iter()
    .map(|row| row.0)
    .collect())
}
