use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Member;
use crate::db::{Cx, each, exec, in_list, keyset, lock, one, opt};
use crate::error::Result;
use crate::id::{MemberId, OrganisationId};
use crate::page::{NameKey, Slice};

/// A member's row as it is made.
pub(crate) async fn insert_member(
    cx: &mut Cx,
    id: MemberId,
    (address, address_key): (&str, &str),
    handle: &str,
    name: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    exec!(
        cx,
        "insert into members (id, address, address_key, handle, name, created_at) values ($1, $2, $3, $4, $5, $6)",
        id,
        address,
        address_key,
        handle,
        name,
        now
    )?;
    Ok(())
}

pub(super) async fn update_profile(cx: &mut Cx, id: MemberId, name: &str, handle: &str) -> sqlx::Result<()> {
    exec!(cx, "update members set name = $2, handle = $3 where id = $1", id, name, handle)?;
    Ok(())
}

pub(crate) async fn set_home(cx: &mut Cx, id: MemberId, organisation: Option<OrganisationId>) -> Result<()> {
    exec!(cx, "update members set organisation_id = $2 where id = $1", id, organisation)?;
    Ok(())
}

pub(crate) async fn set_suspension(
    cx: &mut Cx,
    id: MemberId,
    at: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    reason: Option<&str>,
) -> Result<()> {
    exec!(
        cx,
        "update members set suspended_at = $2, suspended_until = $3, suspension_reason = $4 where id = $1",
        id,
        at,
        until,
        reason
    )?;
    Ok(())
}

pub(crate) async fn lock_member(cx: &mut Cx, id: MemberId) -> Result<Option<Member>> {
    Ok(lock!(
        cx,
        Member,
        "select id, address, handle, name, organisation_id, created_at, suspended_at, suspended_until, suspension_reason
         from members where id = $1",
        id
    )?)
}

/// Where these members are at home; those who have none are left out.
pub(crate) async fn homes(cx: &mut Cx, ids: &[MemberId]) -> Result<HashMap<MemberId, OrganisationId>> {
    let rows = in_list!(
        cx,
        (MemberId, OrganisationId),
        "select id, organisation_id from members where organisation_id is not null and id in (",
        ids,
        ")"
    )?;
    Ok(rows.into_iter().collect())
}

pub(crate) async fn member_by_address(cx: &mut Cx, address_key: &str) -> Result<Option<Member>> {
    Ok(opt!(
        cx,
        Member,
        "select id, address, handle, name, organisation_id, created_at, suspended_at, suspended_until, suspension_reason
         from members where address_key = $1",
        address_key
    )?)
}

pub(super) async fn member_by_handle(cx: &mut Cx, handle: &str) -> Result<Option<Member>> {
    Ok(opt!(
        cx,
        Member,
        "select id, address, handle, name, organisation_id, created_at, suspended_at, suspended_until, suspension_reason
         from members where handle = $1",
        handle
    )?)
}

pub(super) async fn members_by_id(cx: &mut Cx, ids: &[MemberId]) -> Result<Vec<Member>> {
    Ok(in_list!(
        cx,
        Member,
        "select id, address, handle, name, organisation_id, created_at, suspended_at, suspended_until, suspension_reason
         from members where id in (",
        ids,
        ")"
    )?)
}

pub(super) async fn ids_by_handle(cx: &mut Cx, handles: &[String]) -> Result<HashMap<String, MemberId>> {
    let rows = in_list!(cx, (String, MemberId), "select handle, id from members where handle in (", handles, ")")?;
    Ok(rows.into_iter().collect())
}

pub(super) async fn members(cx: &mut Cx, organisation: Option<OrganisationId>, slice: &Slice<NameKey>) -> Result<Vec<Member>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select id, address, handle, name, organisation_id, created_at, suspended_at, suspended_until, suspension_reason
             from members where 1 = 1",
        );
        if let Some(organisation) = organisation {
            query.push(" and organisation_id in (select organisation_id from organisation_ancestors where ancestor_id = ");
            query.push_bind(organisation).push(")");
        }
        keyset!(query, slice, "name", "id", false);
        query.build_query_as::<Member>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn count_members(cx: &mut Cx, organisation: Option<OrganisationId>) -> Result<i64> {
    let row = match organisation {
        None => one!(cx, (i64,), "select count(*) from members")?,
        Some(organisation) => one!(
            cx,
            (i64,),
            "select count(*) from members
             where organisation_id in (select organisation_id from organisation_ancestors where ancestor_id = $1)",
            organisation
        )?,
    };
    Ok(row.0)
}
