use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::Grant;
use crate::caller::HeldRole;
use crate::db::{Cx, each, exec, keys, lists, one};
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

/// The audiences of everyone.
pub(crate) async fn public(cx: &mut Cx) -> Result<Vec<AudienceId>> {
    let rows = crate::db::all!(
        cx,
        (AudienceId,),
        "select distinct audience_id from audience_grants where kind = 'PUBLIC' order by audience_id"
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The audiences a member holds, who is at home in `home`; those of moderators only when what they came with lets them moderate
/// (`moderates`). The community's administrators then moderate every space. Only what somebody with these roles can hold is
/// looked for: this is read twice by each write.
pub(crate) async fn held(
    cx: &mut Cx,
    member: MemberId,
    home: Option<OrganisationId>,
    roles: &[HeldRole],
    moderates: bool,
) -> Result<Vec<AudienceId>> {
    let mut places: Vec<_> = home.into_iter().collect();
    let (mut in_organisations, mut in_community) = (BTreeMap::<Role, Vec<OrganisationId>>::new(), Vec::new());
    for held in roles.iter().filter(|held| moderates || held.role != Role::Moderateur) {
        match held.organisation {
            Some(organisation) => {
                places.push(organisation);
                in_organisations.entry(held.role).or_default().push(organisation);
            }
            None => in_community.push((held.role, held.space)),
        }
        if moderates && matches!(held.role, Role::Administrateur | Role::AdministrateurPilote) {
            in_community.push((Role::Moderateur, None));
        }
    }
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select audience_id from audience_grants where kind in ('PUBLIC', 'MEMBERS')
             union
             select audience_id from audience_grants where kind = 'MEMBER' and member_id = ",
        );
        query.push_bind(member);
        query.push(
            " union
             select g.audience_id from collection_chefs c join audience_grants g on g.collection_id = c.collection_id
             where c.member_id = ",
        );
        query.push_bind(member);
        query.push(
            " union
             select g.audience_id from training_designers d join audience_grants g on g.training_id = d.training_id
             where d.member_id = ",
        );
        query.push_bind(member);
        query.push(
            " union
             select g.audience_id from training_session_formateurs f join training_sessions s on s.id = f.session_id
               join audience_grants g on g.training_id = s.training_id
             where s.state not in ('ARCHIVEE', 'ANNULEE') and f.member_id = ",
        );
        query.push_bind(member);
        if !places.is_empty() {
            query.push(
                " union
                 select audience_id from audience_grants where kind = 'ORGANISATION' and organisation_id in
                   (select ancestor_id from organisation_ancestors where organisation_id in (",
            );
            keys!(query, &places);
            query.push("))");
        }
        for (role, organisations) in &in_organisations {
            query.push(" union select audience_id from audience_grants where kind = 'ROLE' and role = ").push_bind(*role);
            query.push(" and organisation_id in (select ancestor_id from organisation_ancestors where organisation_id in (");
            keys!(query, organisations);
            query.push(")) union select audience_id from audience_grants where kind = 'ROLE_OVER' and role = ").push_bind(*role);
            query.push(" and organisation_id in (select organisation_id from organisation_ancestors where ancestor_id in (");
            keys!(query, organisations);
            query.push("))");
        }
        for (role, space) in &in_community {
            query.push(
                " union select audience_id from audience_grants where kind = 'ROLE' and organisation_id is null and role = ",
            );
            query.push_bind(*role);
            if let Some(space) = space {
                query.push(" and space_id = ").push_bind(*space);
            }
        }
        query.push(" order by audience_id");
        query.build_query_as::<(AudienceId,)>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
