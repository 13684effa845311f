use chrono::{DateTime, Utc};

use crate::Caller;
use crate::db::{Cx, each, sight};
use crate::error::Result;
use crate::id::{MemberId, OrganisationId};

/// What rows depend on: whatever enters was written last, whatever changes has another revision, whatever leaves is one less.
type State = (i64, i64, Option<DateTime<Utc>>);

/// Of the trainings that the caller sees.
pub(crate) async fn export_state(cx: &mut Cx, caller: &Caller) -> Result<State> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select count(*), cast(coalesce(sum(t.revision), 0) as bigint), max(t.updated_at) from trainings t where",
        );
        sight!(query, caller, "t.audience_id");
        query.push(" and t.merged_into_id is null");
        query.build_query_as::<State>().fetch_one(&mut *c).await
    })?)
}

/// Of the sessions that the caller sees.
pub(crate) async fn sessions_state(cx: &mut Cx, caller: &Caller) -> Result<State> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select count(*), cast(coalesce(sum(s.revision), 0) as bigint), max(s.updated_at) from training_sessions s where",
        );
        sight!(query, caller, "s.audience_id");
        query.build_query_as::<State>().fetch_one(&mut *c).await
    })?)
}

/// The organisations that produce trainings which the caller sees: their names may change.
pub(crate) async fn producers_seen(cx: &mut Cx, caller: &Caller) -> Result<Vec<(OrganisationId, String, String)>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select o.id, o.name, o.short_name from organisations o
             where o.id in (select t.organisation_id from trainings t where",
        );
        sight!(query, caller, "t.audience_id");
        query.push(") order by o.id");
        query.build_query_as::<(OrganisationId, String, String)>().fetch_all(&mut *c).await
    })?)
}

/// The members who design trainings which the caller sees: their handles may change.
pub(crate) async fn designers_seen(cx: &mut Cx, caller: &Caller) -> Result<Vec<(MemberId, String)>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select m.id, m.handle from members m
             where m.id in (select d.member_id from training_designers d join trainings t on t.id = d.training_id where",
        );
        sight!(query, caller, "t.audience_id");
        query.push(" and d.member_id is not null) order by m.id");
        query.build_query_as::<(MemberId, String)>().fetch_all(&mut *c).await
    })?)
}
