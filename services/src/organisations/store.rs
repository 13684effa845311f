use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Affiliation, AffiliationState, AffiliationWords, Affiliations, Organisation};
use crate::db::{Count, Cx, all, each, exec, in_list, keys, keyset, lists, lock, opt};
use crate::error::Result;
use crate::id::{AffiliationId, MemberId, OrganisationId};
use crate::page::{NameKey, Slice, TimeKey, gathered};

pub(crate) async fn insert_organisation(cx: &mut Cx, new: &Organisation) -> sqlx::Result<()> {
    exec!(
        cx,
        "insert into organisations (id, slug, kind, name, short_name, parent_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        &new.slug,
        new.kind,
        &new.name,
        &new.short_name,
        new.parent_id,
        new.created_at
    )?;
    exec!(
        cx,
        "insert into organisation_ancestors (organisation_id, ancestor_id, distance)
         select $1, ancestor_id, distance + 1 from organisation_ancestors where organisation_id = $2",
        new.id,
        new.parent_id
    )?;
    exec!(cx, "insert into organisation_ancestors (organisation_id, ancestor_id, distance) values ($1, $1, 0)", new.id)?;
    Ok(())
}

pub(super) async fn rename(cx: &mut Cx, id: OrganisationId, name: &str, short_name: &str) -> Result<()> {
    exec!(cx, "update organisations set name = $2, short_name = $3 where id = $1", id, name, short_name)?;
    Ok(())
}

pub(super) async fn organisation(cx: &mut Cx, id: OrganisationId) -> Result<Option<Organisation>> {
    Ok(opt!(
        cx,
        Organisation,
        "select id, slug, kind, name, short_name, parent_id, created_at from organisations where id = $1",
        id
    )?)
}

pub(super) async fn lock_organisation(cx: &mut Cx, id: OrganisationId) -> Result<Option<Organisation>> {
    Ok(lock!(
        cx,
        Organisation,
        "select id, slug, kind, name, short_name, parent_id, created_at from organisations where id = $1",
        id
    )?)
}

pub(super) async fn organisation_by_slug(cx: &mut Cx, slug: &str) -> Result<Option<Organisation>> {
    Ok(opt!(
        cx,
        Organisation,
        "select id, slug, kind, name, short_name, parent_id, created_at from organisations where slug = $1",
        slug
    )?)
}

/// These organisations; unknown ones are left out.
///
/// # Errors
/// When the database fails.
pub async fn organisations_by_id(cx: &mut Cx, ids: &[OrganisationId]) -> Result<Vec<Organisation>> {
    Ok(in_list!(
        cx,
        Organisation,
        "select id, slug, kind, name, short_name, parent_id, created_at from organisations where id in (",
        ids,
        ")"
    )?)
}

/// The organisations with these slugs; unknown ones are left out.
pub(crate) async fn ids_by_slug(cx: &mut Cx, slugs: &[String]) -> Result<HashMap<String, OrganisationId>> {
    let rows = in_list!(cx, (String, OrganisationId), "select slug, id from organisations where slug in (", slugs, ")")?;
    Ok(rows.into_iter().collect())
}

/// The organisations with one of these slugs, short names or names.
pub(crate) async fn named(cx: &mut Cx, names: &[String]) -> Result<Vec<Organisation>> {
    let mut found: HashMap<OrganisationId, Organisation> = HashMap::new();
    for some in names.chunks(500) {
        let rows = each!(cx, |c: DB| {
            let mut query = sqlx::QueryBuilder::<DB>::new(
                "select id, slug, kind, name, short_name, parent_id, created_at from organisations where slug in (",
            );
            keys!(query, some);
            query.push(") or short_name in (");
            keys!(query, some);
            query.push(") or name in (");
            keys!(query, some);
            query.push(")");
            query.build_query_as::<Organisation>().fetch_all(&mut *c).await
        })?;
        found.extend(rows.into_iter().map(|one| (one.id, one)));
    }
    Ok(found.into_values().collect())
}

/// Itself and what it stands under, nearest first; empty when it does not exist.
pub(crate) async fn ancestors(cx: &mut Cx, id: OrganisationId) -> Result<Vec<OrganisationId>> {
    let rows = all!(
        cx,
        (OrganisationId,),
        "select ancestor_id from organisation_ancestors where organisation_id = $1 order by distance",
        id
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Each of these with what it stands under, itself included, in no order.
///
/// # Errors
/// When the database fails.
pub async fn lines(cx: &mut Cx, ids: &[OrganisationId]) -> Result<HashMap<OrganisationId, Vec<OrganisationId>>> {
    let rows = in_list!(
        cx,
        (OrganisationId, OrganisationId),
        "select organisation_id, ancestor_id from organisation_ancestors where organisation_id in (",
        ids,
        ")"
    )?;
    Ok(gathered(rows))
}

/// What stands under each of these, or at the top.
pub(super) async fn organisations(
    cx: &mut Cx,
    parents: &[Option<OrganisationId>],
    slice: &Slice<NameKey>,
) -> Result<Vec<Vec<Organisation>>> {
    Ok(lists!(cx, Organisation, parents, |query, parent| {
        query.push("select id, slug, kind, name, short_name, parent_id, created_at from organisations where parent_id ");
        match parent {
            Some(parent) => query.push("= ").push_bind(*parent),
            None => query.push("is null"),
        };
        keyset!(query, slice, "name", "id", false);
    }))
}

/// Those of the top first, so that no unit is without what it is of.
pub(super) async fn all_by_name(cx: &mut Cx) -> Result<Vec<Organisation>> {
    Ok(all!(
        cx,
        Organisation,
        "select o.id, o.slug, o.kind, o.name, o.short_name, o.parent_id, o.created_at
         from organisations o join organisation_ancestors a on a.organisation_id = o.id
         group by o.id, o.slug, o.kind, o.name, o.short_name, o.parent_id, o.created_at
         order by count(*), o.name, o.id limit 1000"
    )?)
}

pub(super) async fn count_organisations(cx: &mut Cx, parents: &[Option<OrganisationId>]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, parents, |query, parent| {
        query.push("select count(*) as many from organisations where parent_id ");
        match parent {
            Some(parent) => query.push("= ").push_bind(*parent),
            None => query.push("is null"),
        };
    });
    Ok(Count::each(lists).collect())
}

pub(super) async fn insert_request(
    cx: &mut Cx,
    id: AffiliationId,
    member: MemberId,
    organisation: OrganisationId,
    now: DateTime<Utc>,
) -> Result<()> {
    exec!(
        cx,
        "insert into affiliations (id, member_id, organisation_id, state, requested_at) values ($1, $2, $3, 'DEMANDEE', $4)",
        id,
        member,
        organisation,
        now
    )?;
    Ok(())
}

/// An affiliation approved from the start; the member's own row is the caller's to set.
pub(crate) async fn insert_home(
    cx: &mut Cx,
    id: AffiliationId,
    member: MemberId,
    organisation: OrganisationId,
    (requested_at, decided_at): (DateTime<Utc>, DateTime<Utc>),
    decided_by: Option<MemberId>,
) -> Result<()> {
    exec!(
        cx,
        "insert into affiliations (id, member_id, organisation_id, state, requested_at, decided_at, decided_by)
         values ($1, $2, $3, 'APPROUVEE', $4, $5, $6)",
        id,
        member,
        organisation,
        requested_at,
        decided_at,
        decided_by
    )?;
    Ok(())
}

pub(super) async fn withdraw_request(
    cx: &mut Cx,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Option<(AffiliationId, OrganisationId)>> {
    Ok(opt!(
        cx,
        (AffiliationId, OrganisationId),
        "update affiliations set state = 'RETIREE', ended_at = $2 where member_id = $1 and state = 'DEMANDEE'
         returning id, organisation_id",
        member,
        now
    )?)
}

pub(super) async fn end_home(
    cx: &mut Cx,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Option<(AffiliationId, OrganisationId)>> {
    Ok(opt!(
        cx,
        (AffiliationId, OrganisationId),
        "update affiliations set state = 'TERMINEE', ended_at = $2 where member_id = $1 and state = 'APPROUVEE'
         returning id, organisation_id",
        member,
        now
    )?)
}

pub(super) async fn decide(
    cx: &mut Cx,
    id: AffiliationId,
    state: AffiliationState,
    by: MemberId,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    exec!(
        cx,
        "update affiliations set state = $2, decided_by = $3, reason = $4, decided_at = $5 where id = $1",
        id,
        state,
        by,
        reason,
        now
    )?;
    Ok(())
}

pub(super) async fn affiliation(cx: &mut Cx, id: AffiliationId) -> Result<Option<Affiliation>> {
    Ok(opt!(
        cx,
        Affiliation,
        "select id, member_id, organisation_id, state, requested_at, decided_at, decided_by, reason, ended_at
         from affiliations where id = $1",
        id
    )?)
}

pub(super) async fn lock_affiliation(cx: &mut Cx, id: AffiliationId) -> Result<Option<Affiliation>> {
    Ok(lock!(
        cx,
        Affiliation,
        "select id, member_id, organisation_id, state, requested_at, decided_at, decided_by, reason, ended_at
         from affiliations where id = $1",
        id
    )?)
}

pub(super) async fn affiliations_by_id(cx: &mut Cx, ids: &[AffiliationId]) -> Result<Vec<Affiliation>> {
    Ok(in_list!(
        cx,
        Affiliation,
        "select id, member_id, organisation_id, state, requested_at, decided_at, decided_by, reason, ended_at
         from affiliations where id in (",
        ids,
        ")"
    )?)
}

/// Which affiliations a list holds, pushed to a query that ends in `where`.
macro_rules! only {
    ($query:expr, $which:expr) => {
        match $which {
            Affiliations::Of(member) => $query.push(" member_id = ").push_bind(*member),
            Affiliations::WaitingFor(organisation) => $query
                .push(
                    " state = 'DEMANDEE' and organisation_id in
                      (select organisation_id from organisation_ancestors where ancestor_id = ",
                )
                .push_bind(*organisation)
                .push(")"),
        }
    };
}

pub(super) async fn affiliations(cx: &mut Cx, which: &[Affiliations], slice: &Slice<TimeKey>) -> Result<Vec<Vec<Affiliation>>> {
    Ok(lists!(cx, Affiliation, which, |query, which| {
        query.push(
            "select id, member_id, organisation_id, state, requested_at, decided_at, decided_by, reason, ended_at
             from affiliations where",
        );
        only!(query, which);
        keyset!(query, slice, "requested_at", "id", false);
    }))
}

pub(super) async fn count_affiliations(cx: &mut Cx, which: &[Affiliations]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, which, |query, which| {
        query.push("select count(*) as many from affiliations where");
        only!(query, which);
    });
    Ok(Count::each(lists).collect())
}

pub(crate) async fn affiliation_words(cx: &mut Cx, id: AffiliationId) -> Result<Option<AffiliationWords>> {
    Ok(opt!(
        cx,
        AffiliationWords,
        "select m.name as member, m.handle, o.name as organisation, a.state, a.reason
         from affiliations a join members m on m.id = a.member_id join organisations o on o.id = a.organisation_id
         where a.id = $1",
        id
    )?)
}
