use chrono::{DateTime, Utc};

use super::trainings::columns;
use crate::Caller;
use crate::catalogue::{CalendarChange, CalendarFilter, MonthCount, Training};
use crate::db::{Cx, each, exec, in_list, keyset, sight};
use crate::error::Result;
use crate::id::TrainingId;
use crate::page::{NameKey, Slice, TimeKey};

pub(crate) async fn insert_calendar_change(cx: &mut Cx, change: &CalendarChange) -> Result<()> {
    exec!(
        cx,
        "insert into calendar_changes (id, training_id, kind, from_on, to_on, reason, changed_at, changed_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        change.id,
        change.training_id,
        change.kind,
        &change.from_on,
        &change.to_on,
        &change.reason,
        change.changed_at,
        change.changed_by
    )?;
    Ok(())
}

/// What the calendar holds, pushed to a query that ends in `where`.
macro_rules! only {
    ($query:expr, $caller:expr, $filter:expr) => {{
        let filter: &CalendarFilter = $filter;
        sight!($query, $caller, "t.audience_id");
        $query.push(" and t.opening = 'TOUS_PUBLICS' and t.calendar_on is not null");
        if let Some(from) = &filter.from {
            $query.push(" and t.calendar_on >= ").push_bind(from.clone());
        }
        if let Some(until) = &filter.until {
            $query.push(" and t.calendar_on < ").push_bind(until.clone());
        }
        if let Some(collection) = filter.collection {
            $query.push(" and t.collection_id = ").push_bind(collection);
        }
    }};
}

pub(crate) async fn calendar(
    cx: &mut Cx,
    caller: &Caller,
    filter: &CalendarFilter,
    slice: &Slice<NameKey>,
) -> Result<Vec<Training>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!("select ", columns!(), " from trainings t where"));
        only!(query, caller, filter);
        keyset!(query, slice, "t.calendar_on", "t.id", false);
        query.build_query_as::<Training>().fetch_all(&mut *c).await
    })?)
}

pub(crate) async fn count_calendar(cx: &mut Cx, caller: &Caller, filter: &CalendarFilter) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from trainings t where");
        only!(query, caller, filter);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

pub(crate) async fn calendar_months(cx: &mut Cx, caller: &Caller, filter: &CalendarFilter) -> Result<Vec<MonthCount>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select substr(t.calendar_on, 1, 7) as month, t.collection_id,
                    count(case when t.state = 'PUBLIEE' then 1 end) as published,
                    count(case when t.state <> 'PUBLIEE' then 1 end) as planned
             from trainings t join collections k on k.id = t.collection_id where",
        );
        only!(query, caller, filter);
        query.push(
            " group by substr(t.calendar_on, 1, 7), t.collection_id, k.position order by month, k.position, t.collection_id limit 2000",
        );
        query.build_query_as::<MonthCount>().fetch_all(&mut *c).await
    })?)
}

/// What moved after a moment, pushed to a query that ends in `where`.
macro_rules! moved {
    ($query:expr, $caller:expr, $since:expr) => {{
        sight!($query, $caller, "t.audience_id");
        $query.push(" and t.opening = 'TOUS_PUBLICS' and c.changed_at > ").push_bind($since);
    }};
}

pub(crate) async fn calendar_changes(
    cx: &mut Cx,
    caller: &Caller,
    since: DateTime<Utc>,
    slice: &Slice<TimeKey>,
) -> Result<Vec<CalendarChange>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select c.id, c.training_id, c.kind, c.from_on, c.to_on, c.reason, c.changed_at, c.changed_by
             from calendar_changes c join trainings t on t.id = c.training_id where",
        );
        moved!(query, caller, since);
        keyset!(query, slice, "c.changed_at", "c.id", false);
        query.build_query_as::<CalendarChange>().fetch_all(&mut *c).await
    })?)
}

pub(crate) async fn count_calendar_changes(cx: &mut Cx, caller: &Caller, since: DateTime<Utc>) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select count(*) from calendar_changes c join trainings t on t.id = c.training_id where",
        );
        moved!(query, caller, since);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

/// The last 50 of each, the latest first.
pub(crate) async fn changes_of(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<CalendarChange>> {
    Ok(in_list!(
        cx,
        CalendarChange,
        "select id, training_id, kind, from_on, to_on, reason, changed_at, changed_by
         from (select c.*, row_number() over (partition by training_id order by changed_at desc, id desc) as place
               from calendar_changes c where training_id in (",
        ids,
        ")) as placed where place <= 50 order by training_id, place"
    )?)
}
