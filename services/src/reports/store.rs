//! SQL and rows of reports, nothing else.

use super::{Report, ReportChange, ReportFilter, ReportOrder, Reporter, StateCount};
use crate::Caller;
use crate::db::{Count, Cx, all, each, exec, in_list, keyset, lists, lock, opt, sight};
use crate::error::Result;
use crate::id::{ReportId, ThreadId};
use crate::page::{Slice, TimeKey};

/// The columns of a report, for `concat!`.
macro_rules! columns {
    () => {
        "r.id, r.component, r.browser, r.steps, r.expected, r.observed, r.state, r.fixed_in, r.fixed_at, r.fixed_seconds,
         r.duplicate_of_id, r.revision, r.reported_at, r.changed_at"
    };
}

/// What is a report to this caller: the thread is one still and is in sight. Pushed to a query that ends in `where`, on `reports r
/// join threads t join forums f`.
macro_rules! is_report {
    ($query:expr, $caller:expr) => {{
        $query.push(" t.kind = 'SIGNALEMENT' and t.hidden_at is null and");
        sight!($query, $caller, "f.audience_id");
    }};
}

pub(super) async fn insert_report(cx: &mut Cx, report: &Report) -> Result<()> {
    exec!(
        cx,
        "insert into reports (id, component, component_key, browser, steps, expected, observed, state, revision, reported_at, changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing",
        report.id,
        &report.component,
        report.component.as_deref().map(key),
        &report.browser,
        &report.steps,
        &report.expected,
        &report.observed,
        report.state,
        report.revision,
        report.reported_at,
        report.changed_at
    )?;
    Ok(())
}

/// How components are compared.
pub(super) fn key(component: &str) -> String {
    component.to_lowercase()
}

pub(super) async fn set_report(cx: &mut Cx, report: &Report) -> Result<()> {
    exec!(
        cx,
        "update reports set component = $2, component_key = $3, browser = $4, steps = $5, expected = $6, observed = $7, state = $8,
                fixed_in = $9, fixed_at = $10, fixed_seconds = $11, duplicate_of_id = $12, revision = $13, changed_at = $14
         where id = $1",
        report.id,
        &report.component,
        report.component.as_deref().map(key),
        &report.browser,
        &report.steps,
        &report.expected,
        &report.observed,
        report.state,
        &report.fixed_in,
        report.fixed_at,
        report.fixed_seconds,
        report.duplicate_of_id,
        report.revision,
        report.changed_at
    )?;
    Ok(())
}

/// Kept as it is until the transaction ends.
pub(super) async fn lock_report(cx: &mut Cx, id: ReportId) -> Result<Option<Report>> {
    Ok(lock!(cx, Report, concat!("select ", columns!(), " from reports r where r.id = $1"), id)?)
}

pub(super) async fn report(cx: &mut Cx, id: ReportId) -> Result<Option<Report>> {
    Ok(opt!(cx, Report, concat!("select ", columns!(), " from reports r where r.id = $1"), id)?)
}

/// Those of these that are still reports; whether the caller sees their threads is the caller's to check.
pub(super) async fn reports_by_id(cx: &mut Cx, ids: &[ReportId]) -> Result<Vec<Report>> {
    Ok(in_list!(
        cx,
        Report,
        concat!(
            "select ",
            columns!(),
            " from reports r join threads t on t.id = r.id where t.kind = 'SIGNALEMENT' and r.id in ("
        ),
        ids,
        ")"
    )?)
}

/// The duplicates of `of` become those of `root`; which.
pub(super) async fn move_duplicates(cx: &mut Cx, of: ReportId, root: ReportId) -> Result<Vec<ReportId>> {
    let sql = "update reports set duplicate_of_id = $2 where duplicate_of_id = $1 returning id";
    Ok(all!(cx, (ReportId,), sql, of, root)?.into_iter().map(|row| row.0).collect())
}

pub(super) async fn insert_change(cx: &mut Cx, change: &ReportChange) -> Result<()> {
    exec!(
        cx,
        "insert into report_changes (id, report_id, from_state, to_state, note, fixed_in, duplicate_of_id, changed_at, changed_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        change.id,
        change.report_id,
        change.from_state,
        change.to_state,
        &change.note,
        &change.fixed_in,
        change.duplicate_of_id,
        change.changed_at,
        change.changed_by
    )?;
    Ok(())
}

/// A thread that has no accepted answer is solved as long as its report is fixed.
pub(crate) async fn settle_thread(cx: &mut Cx, thread: ThreadId) -> Result<()> {
    exec!(
        cx,
        "update threads set solved_at = (select r.fixed_at from reports r
                                         where r.id = threads.id and r.state = 'CORRIGE' and threads.kind = 'SIGNALEMENT')
         where id = $1 and accepted_post_id is null",
        thread
    )?;
    Ok(())
}

pub(super) async fn changes_of(cx: &mut Cx, reports: &[ReportId], slice: &Slice<TimeKey>) -> Result<Vec<Vec<ReportChange>>> {
    Ok(lists!(cx, ReportChange, reports, |query, report| {
        query.push(
            "select id, report_id, from_state, to_state, note, fixed_in, duplicate_of_id, changed_at, changed_by
             from report_changes where report_id = ",
        );
        query.push_bind(*report);
        keyset!(query, slice, "changed_at", "id", false);
    }))
}

pub(super) async fn count_changes(cx: &mut Cx, reports: &[ReportId]) -> Result<Vec<(ReportId, i64)>> {
    Ok(in_list!(
        cx,
        (ReportId, i64),
        "select report_id, count(*) from report_changes where report_id in (",
        reports,
        ") group by report_id"
    )?)
}

pub(super) async fn duplicates_of(
    cx: &mut Cx,
    caller: &Caller,
    reports: &[ReportId],
    slice: &Slice<TimeKey>,
) -> Result<Vec<Vec<Report>>> {
    Ok(lists!(cx, Report, reports, seen by caller, |query, report| {
        query.push(concat!(
            "select ",
            columns!(),
            " from reports r join threads t on t.id = r.id join forums f on f.id = t.forum_id
              where t.kind = 'SIGNALEMENT' and t.hidden_at is null and f.audience_id in (select id from seen)
                and r.duplicate_of_id = "
        ));
        query.push_bind(*report);
        keyset!(query, slice, "r.reported_at", "r.id", false);
    }))
}

pub(super) async fn count_duplicates(cx: &mut Cx, caller: &Caller, reports: &[ReportId]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, reports, seen by caller, |query, report| {
        query.push(
            "select count(*) as many from reports r join threads t on t.id = r.id join forums f on f.id = t.forum_id
             where t.kind = 'SIGNALEMENT' and t.hidden_at is null and f.audience_id in (select id from seen)
               and r.duplicate_of_id = ",
        );
        query.push_bind(*report);
    });
    Ok(Count::each(lists).collect())
}

/// A report, which is the caller's to check, and its duplicates that they see: pushed to a query that ends in what is told of `reports r
/// join threads t`. One that is a duplicate has none.
macro_rules! reported {
    ($query:expr, $report:expr) => {
        $query.push(" from reports r join threads t on t.id = r.id join forums f on f.id = t.forum_id where (r.id = ");
        $query.push_bind(*$report).push(" or r.duplicate_of_id = ").push_bind(*$report);
        $query.push(" and t.kind = 'SIGNALEMENT' and t.hidden_at is null and f.audience_id in (select id from seen))");
    };
}

pub(super) async fn reporters_of(
    cx: &mut Cx,
    caller: &Caller,
    reports: &[ReportId],
    slice: &Slice<TimeKey>,
) -> Result<Vec<Vec<Reporter>>> {
    Ok(lists!(cx, Reporter, reports, seen by caller, |query, report| {
        query.push(
            "select m.id, m.address, m.handle, m.name, m.organisation_id, m.created_at, m.suspended_at, m.suspended_until,
                    m.suspension_reason, p.reported_at
             from (select t.author_id, min(r.reported_at) as reported_at",
        );
        reported!(query, report);
        query.push(" group by t.author_id) as p join members m on m.id = p.author_id where true");
        keyset!(query, slice, "p.reported_at", "m.id", false);
    }))
}

pub(super) async fn count_reporters(cx: &mut Cx, caller: &Caller, reports: &[ReportId]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, reports, seen by caller, |query, report| {
        query.push("select count(distinct t.author_id) as many");
        reported!(query, report);
    });
    Ok(Count::each(lists).collect())
}

/// What a list of reports holds, pushed to a query that ends in `where`.
macro_rules! only {
    ($query:expr, $caller:expr, $filter:expr) => {{
        let filter: &ReportFilter = $filter;
        is_report!($query, $caller);
        if let Some(state) = filter.state {
            $query.push(" and r.state = ").push_bind(state);
        }
        if let Some(component) = &filter.component {
            $query.push(" and r.component_key = ").push_bind(key(component));
        }
        if let Some(space) = filter.space {
            $query.push(" and f.space_id = ").push_bind(space);
        }
        if let Some(author) = filter.author {
            $query.push(" and t.author_id = ").push_bind(author);
        }
        if let Some(training) = filter.training {
            $query.push(
                " and exists (select 1 from thread_links l join trainings g on g.id = l.training_id
                              where l.thread_id = r.id and l.ended_at is null and l.target_id = ",
            );
            $query.push_bind(training).push(" and");
            sight!($query, $caller, "g.audience_id");
            $query.push(")");
        }
        if let Some(from) = filter.from {
            $query.push(" and r.reported_at >= ").push_bind(from);
        }
        if let Some(to) = filter.to {
            $query.push(" and r.reported_at < ").push_bind(to);
        }
    }};
}

pub(super) async fn reports(
    cx: &mut Cx,
    caller: &Caller,
    filter: &ReportFilter,
    order: ReportOrder,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Report>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!(
            "select ",
            columns!(),
            " from reports r join threads t on t.id = r.id join forums f on f.id = t.forum_id where"
        ));
        only!(query, caller, filter);
        match order {
            ReportOrder::Date => keyset!(query, slice, "r.reported_at", "r.id", true),
            ReportOrder::Change => keyset!(query, slice, "r.changed_at", "r.id", true),
        }
        query.build_query_as::<Report>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn count_reports(cx: &mut Cx, caller: &Caller, filter: &ReportFilter) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select count(*) from reports r join threads t on t.id = r.id join forums f on f.id = t.forum_id where",
        );
        only!(query, caller, filter);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

/// How many there are in each state, and how long the fixed ones took: the nearest ranks at a half and at nine tenths.
pub(super) async fn statistics(cx: &mut Cx, caller: &Caller, filter: &ReportFilter) -> Result<Vec<StateCount>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select state, many, max(case when place = (many + 1) / 2 then fixed_seconds end) as median,
                    max(case when place = (9 * many + 9) / 10 then fixed_seconds end) as ninetieth
             from (select r.state, r.fixed_seconds, count(*) over (partition by r.state) as many,
                          row_number() over (partition by r.state order by r.fixed_seconds, r.id) as place
                   from reports r join threads t on t.id = r.id join forums f on f.id = t.forum_id where",
        );
        only!(query, caller, filter);
        query.push(") as placed group by state, many order by state");
        query.build_query_as::<StateCount>().fetch_all(&mut *c).await
    })?)
}
