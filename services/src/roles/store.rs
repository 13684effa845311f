use chrono::{DateTime, Utc};

use super::{GrantRole, Holders, RoleGrant};
use crate::db::{Count, Cx, all, exec, in_list, keyset, lists, lock, opt};
use crate::error::Result;
use crate::id::{MemberId, OrganisationId, RoleGrantId};
use crate::page::{Slice, TimeKey};

pub(crate) async fn insert_grant(cx: &mut Cx, grant: &RoleGrant) -> Result<()> {
    exec!(
        cx,
        "insert into role_grants (id, member_id, role, organisation_id, space_id, granted_by, starts_at, ends_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        grant.id,
        grant.member_id,
        grant.role,
        grant.organisation_id,
        grant.space_id,
        grant.granted_by,
        grant.starts_at,
        grant.ends_at,
        grant.created_at
    )?;
    Ok(())
}

pub(super) async fn grant(cx: &mut Cx, id: RoleGrantId) -> Result<Option<RoleGrant>> {
    Ok(opt!(
        cx,
        RoleGrant,
        "select id, member_id, role, organisation_id, space_id, granted_by, starts_at, ends_at, ended_at, ended_by, created_at
         from role_grants where id = $1",
        id
    )?)
}

pub(super) async fn grants(cx: &mut Cx, ids: &[RoleGrantId]) -> Result<Vec<RoleGrant>> {
    Ok(in_list!(
        cx,
        RoleGrant,
        "select id, member_id, role, organisation_id, space_id, granted_by, starts_at, ends_at, ended_at, ended_by, created_at
         from role_grants where id in (",
        ids,
        ")"
    )?)
}

pub(super) async fn lock_grant(cx: &mut Cx, id: RoleGrantId) -> Result<Option<RoleGrant>> {
    Ok(lock!(
        cx,
        RoleGrant,
        "select id, member_id, role, organisation_id, space_id, granted_by, starts_at, ends_at, ended_at, ended_by, created_at
         from role_grants where id = $1",
        id
    )?)
}

pub(super) async fn end_grant(cx: &mut Cx, id: RoleGrantId, by: MemberId, now: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update role_grants set ended_at = $2, ended_by = $3 where id = $1", id, now, by)?;
    Ok(())
}

/// Whether the member holds that role there already at some moment of what is to be granted.
pub(super) async fn held(cx: &mut Cx, new: &GrantRole, starts_at: DateTime<Utc>) -> Result<bool> {
    Ok(opt!(
        cx,
        (RoleGrantId,),
        "select id from role_grants
         where member_id = $1 and role = $2 and organisation_id is not distinct from $3 and space_id is not distinct from $4
           and ended_at is null and (ends_at is null or ends_at > $5) and ($6 is null or starts_at < $6) limit 1",
        new.member,
        new.role,
        new.organisation,
        new.space,
        starts_at,
        new.ends_at
    )?
    .is_some())
}

/// The grants by which somebody who is not suspended administers the community until further notice, locked in the order of
/// their ids. One with an end does not count: the community would be left alone on that day.
pub(super) async fn lock_administrators(cx: &mut Cx, now: DateTime<Utc>) -> Result<Vec<(RoleGrantId,)>> {
    Ok(if matches!(cx, Cx::Postgres(_)) {
        all!(
            cx,
            (RoleGrantId,),
            "select g.id from role_grants g join members m on m.id = g.member_id
             where g.role in ('ADMINISTRATEUR', 'ADMINISTRATEUR_PILOTE') and g.starts_at <= $1 and g.ended_at is null
               and g.ends_at is null and (m.suspended_at is null or m.suspended_until <= $1)
             order by g.id for no key update of g",
            now
        )?
    } else {
        all!(
            cx,
            (RoleGrantId,),
            "select g.id from role_grants g join members m on m.id = g.member_id
             where g.role in ('ADMINISTRATEUR', 'ADMINISTRATEUR_PILOTE') and g.starts_at <= $1 and g.ended_at is null
               and g.ends_at is null and (m.suspended_at is null or m.suspended_until <= $1)
             order by g.id",
            now
        )?
    })
}

/// What a list of grants holds, pushed to a query that ends in `where`.
macro_rules! only {
    ($query:expr, $of:expr, $active_at:expr) => {{
        match $of {
            Holders::One(member) => $query.push(" member_id = ").push_bind(*member),
            Holders::In(organisation) => $query
                .push(" organisation_id in (select organisation_id from organisation_ancestors where ancestor_id = ")
                .push_bind(*organisation)
                .push(")"),
        };
        if let Some(now) = $active_at {
            $query.push(" and ended_at is null and starts_at <= ").push_bind(now);
            $query.push(" and (ends_at is null or ends_at > ").push_bind(now).push(")");
        }
    }};
}

/// The grants of each of these members and organisations: those active at a moment, or all.
pub(super) async fn grants_of(
    cx: &mut Cx,
    of: &[Holders],
    active_at: Option<DateTime<Utc>>,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Vec<RoleGrant>>> {
    Ok(lists!(cx, RoleGrant, of, |query, holders| {
        query.push(
            "select id, member_id, role, organisation_id, space_id, granted_by, starts_at, ends_at, ended_at, ended_by, created_at
             from role_grants where",
        );
        only!(query, holders, active_at);
        keyset!(query, slice, "starts_at", "id", false);
    }))
}

pub(super) async fn count_grants_of(cx: &mut Cx, of: &[Holders], active_at: Option<DateTime<Utc>>) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, of, |query, holders| {
        query.push("select count(*) as many from role_grants where");
        only!(query, holders, active_at);
    });
    Ok(Count::each(lists).collect())
}

/// The addresses of those who decide for an organisation: its administrators or those above it, else the community's. Who
/// is suspended cannot decide.
pub(crate) async fn deciders(cx: &mut Cx, organisation: OrganisationId, now: DateTime<Utc>) -> Result<Vec<String>> {
    let own = all!(
        cx,
        (String,),
        "select distinct m.address from role_grants g join members m on m.id = g.member_id
           join organisation_ancestors a on a.ancestor_id = g.organisation_id
         where a.organisation_id = $1 and g.role = 'ADMINISTRATEUR_ESPACE_DEDIE' and g.starts_at <= $2 and g.ended_at is null
           and (g.ends_at is null or g.ends_at > $2) and (m.suspended_at is null or m.suspended_until <= $2)
         order by m.address limit 20",
        organisation,
        now
    )?;
    let rows = if own.is_empty() {
        all!(
            cx,
            (String,),
            "select distinct m.address from role_grants g join members m on m.id = g.member_id
             where g.role in ('ADMINISTRATEUR', 'ADMINISTRATEUR_PILOTE') and g.starts_at <= $1 and g.ended_at is null
               and (g.ends_at is null or g.ends_at > $1) and (m.suspended_at is null or m.suspended_until <= $1)
             order by m.address limit 20",
            now
        )?
    } else {
        own
    };
    Ok(rows.into_iter().map(|row| row.0).collect())
}
