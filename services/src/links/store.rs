//! SQL and rows of links, nothing else.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::found::Held;
use super::{Kind, Linked, LinkedThreads, Origin, SystemEvent, Target, ThreadLink, ThreadsOf};
use crate::Caller;
use crate::db::{Count, Cx, all, each, exec, keys, keyset, lists, opt, sight};
use crate::error::{Error, Result};
use crate::forum::{Thread, thread_columns};
use crate::id::{AudienceId, DocumentId, MemberId, PostId, ThreadId, TrainingId};
use crate::page::{Slice, TimeKey};

/// The two columns of a target, of which one is filled.
type Columns = (Option<TrainingId>, Option<DocumentId>);

fn target((training, document): Columns) -> Result<Target> {
    let target = training.map(Target::Training).or(document.map(Target::Document));
    target.ok_or_else(|| Error::internal("a link to nothing"))
}

// What posts hold.

pub(super) async fn held(cx: &mut Cx, post: PostId) -> Result<Held> {
    let addresses = all!(cx, (String,), "select address from post_addresses where post_id = $1", post)?;
    let documents = all!(cx, (DocumentId,), "select document_id from post_documents where post_id = $1", post)?;
    Ok(Held {
        addresses: addresses.into_iter().map(|row| row.0).collect(),
        documents: documents.into_iter().map(|row| row.0).collect(),
    })
}

pub(super) async fn clear_held(cx: &mut Cx, post: PostId) -> Result<()> {
    exec!(cx, "delete from post_addresses where post_id = $1", post)?;
    exec!(cx, "delete from post_documents where post_id = $1", post)?;
    Ok(())
}

/// Documents that are none are left out: one that comes later has another id.
pub(super) async fn insert_held(cx: &mut Cx, thread: ThreadId, post: PostId, held: &Held) -> Result<()> {
    if !held.addresses.is_empty() {
        each!(cx, |c: DB| {
            let mut query = sqlx::QueryBuilder::<DB>::new("insert into post_addresses (post_id, address, thread_id) ");
            query.push_values(&held.addresses, |mut row, address| {
                row.push_bind(post).push_bind(address).push_bind(thread);
            });
            query.build().execute(&mut *c).await.map(drop)
        })?;
    }
    if !held.documents.is_empty() {
        let documents: Vec<_> = held.documents.iter().copied().collect();
        each!(cx, |c: DB| {
            let mut query = sqlx::QueryBuilder::<DB>::new("insert into post_documents (post_id, document_id, thread_id) select ");
            query.push_bind(post).push(", d.id, ").push_bind(thread).push(" from documents d where d.id in (");
            keys!(query, &documents);
            query.push(")");
            query.build().execute(&mut *c).await.map(drop)
        })?;
    }
    Ok(())
}

// Links that are found.

/// `taken_away!("p.thread_id", "$1")`: somebody took the target, or what was merged into it, away from the thread. No address
/// brings it back.
macro_rules! taken_away {
    ($thread:literal, $target:literal) => {
        concat!(
            "exists (select 1 from thread_links l left join trainings t on t.id = l.training_id
                     where l.thread_id = ",
            $thread,
            " and l.ended_how = 'RETRAIT' and (l.target_id = ",
            $target,
            " or t.merged_into_id = ",
            $target,
            "))"
        )
    };
}

/// Links the thread to what the post holds addresses of, but what somebody took away from it; to what.
pub(super) async fn link_found(
    cx: &mut Cx,
    thread: ThreadId,
    post: PostId,
    by: MemberId,
    at: DateTime<Utc>,
) -> Result<Vec<Target>> {
    let rows = all!(
        cx,
        Columns,
        concat!(
            "insert into thread_links (thread_id, target_id, training_id, document_id, origin, linked_at, linked_by)
         select $1, h.target_id, h.training_id, h.document_id, 'ADRESSE', $3, $4
         from (select a.training_id as target_id, a.training_id, cast(null as uuid) as document_id
               from post_addresses p join training_addresses a on a.address = p.address where p.post_id = $2
               union
               select p.document_id, cast(null as uuid), p.document_id from post_documents p where p.post_id = $2) h
         where exists (select 1 from posts o where o.id = $2 and o.deleted_at is null and o.hidden_at is null)
           and not exists (select 1 from thread_links l
                           where l.thread_id = $1 and l.target_id = h.target_id and l.ended_at is null)
           and not ",
            taken_away!("$1", "h.target_id"),
            " on conflict do nothing returning training_id, document_id"
        ),
        thread,
        post,
        at,
        by
    )?;
    rows.into_iter().map(target).collect()
}

/// Ends the found links of the thread that no post of it holds an address for any more; to what.
pub(super) async fn end_lost(cx: &mut Cx, thread: ThreadId, at: DateTime<Utc>) -> Result<Vec<Target>> {
    let rows = all!(
        cx,
        Columns,
        "update thread_links set ended_at = $2, ended_how = 'DISPARITION'
         where thread_id = $1 and ended_at is null and origin = 'ADRESSE'
           and not exists (select 1 from training_addresses a join post_addresses p on p.address = a.address
                           join posts o on o.id = p.post_id
                           where a.training_id = thread_links.training_id and p.thread_id = $1
                             and o.deleted_at is null and o.hidden_at is null)
           and not exists (select 1 from post_documents p join posts o on o.id = p.post_id
                           where p.document_id = thread_links.document_id and p.thread_id = $1
                             and o.deleted_at is null and o.hidden_at is null)
         returning training_id, document_id",
        thread,
        at
    )?;
    rows.into_iter().map(target).collect()
}

// Links of a training, with the threads after the first one of a span, up to the second.

/// What the training was merged into.
pub(super) async fn merged_into(cx: &mut Cx, training: TrainingId) -> Result<Option<TrainingId>> {
    let row = opt!(cx, (Option<TrainingId>,), "select merged_into_id from trainings where id = $1", training)?;
    Ok(row.and_then(|row| row.0))
}

/// The first threads after one that hold an address of the training or are linked to it: so many at most.
pub(super) async fn concerned(cx: &mut Cx, training: TrainingId, after: ThreadId, most: usize) -> Result<Vec<ThreadId>> {
    let addresses = all!(cx, (String,), "select address from training_addresses where training_id = $1", training)?;
    let places: Vec<_> = addresses.into_iter().map(|row| Some(row.0)).chain([None]).collect();
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let lists = lists!(cx, ThreadRow, places, |query, place| {
        match place {
            Some(address) => {
                query.push("select distinct thread_id from post_addresses where address = ").push_bind(address.clone());
            }
            None => {
                query.push("select thread_id from thread_links where ended_at is null and target_id = ").push_bind(training);
            }
        }
        query.push(" and thread_id > ").push_bind(after).push(" order by thread_id limit ").push_bind(limit);
    });
    let threads: BTreeSet<_> = lists.into_iter().flatten().map(|row| row.thread_id).collect();
    Ok(threads.into_iter().take(most).collect())
}

/// Links the training to the threads in which a post holds one of its addresses; which.
pub(super) async fn link_declared(
    cx: &mut Cx,
    training: TrainingId,
    (after, last): (ThreadId, ThreadId),
    by: MemberId,
    at: DateTime<Utc>,
) -> Result<Vec<ThreadId>> {
    let rows = all!(
        cx,
        (ThreadId,),
        concat!(
            "insert into thread_links (thread_id, target_id, training_id, origin, linked_at, linked_by)
         select p.thread_id, a.training_id, a.training_id, 'ADRESSE', $2, $3
         from training_addresses a join post_addresses p on p.address = a.address join posts o on o.id = p.post_id
         where a.training_id = $1 and p.thread_id > $4 and p.thread_id <= $5 and o.deleted_at is null and o.hidden_at is null
           and not exists (select 1 from thread_links l
                           where l.thread_id = p.thread_id and l.target_id = $1 and l.ended_at is null)
           and not ",
            taken_away!("p.thread_id", "$1"),
            " group by p.thread_id, a.training_id on conflict do nothing returning thread_id"
        ),
        training,
        at,
        by,
        after,
        last
    )?;
    Ok(threads(rows))
}

fn threads(rows: Vec<(ThreadId,)>) -> Vec<ThreadId> {
    rows.into_iter().map(|row| row.0).collect()
}

/// Ends the found links of the training to threads in which no post holds an address of it any more; which.
pub(super) async fn end_undeclared(
    cx: &mut Cx,
    training: TrainingId,
    (after, last): (ThreadId, ThreadId),
    at: DateTime<Utc>,
) -> Result<Vec<ThreadId>> {
    let rows = all!(
        cx,
        (ThreadId,),
        "update thread_links set ended_at = $2, ended_how = 'DISPARITION'
         where target_id = $1 and thread_id > $3 and thread_id <= $4 and ended_at is null and origin = 'ADRESSE'
           and not exists (select 1 from training_addresses a join post_addresses p on p.address = a.address
                           join posts o on o.id = p.post_id
                           where a.training_id = $1 and p.thread_id = thread_links.thread_id
                             and o.deleted_at is null and o.hidden_at is null)
         returning thread_id",
        training,
        at,
        after,
        last
    )?;
    Ok(threads(rows))
}

/// What is linked to `from` is linked to `into` from now on, once, but for what an address alone holds and somebody took away from
/// `into`; of which threads links ended.
pub(super) async fn merge(
    cx: &mut Cx,
    (from, into): (TrainingId, TrainingId),
    (after, last): (ThreadId, ThreadId),
    by: MemberId,
    at: DateTime<Utc>,
) -> Result<Vec<ThreadId>> {
    // A link that was chosen stays one.
    exec!(
        cx,
        "update thread_links set origin = 'CHOIX'
         where target_id = $2 and thread_id > $3 and thread_id <= $4 and ended_at is null and origin = 'ADRESSE'
           and exists (select 1 from thread_links l where l.target_id = $1 and l.thread_id = thread_links.thread_id
                       and l.ended_at is null and l.origin = 'CHOIX')",
        from,
        into,
        after,
        last
    )?;
    exec!(
        cx,
        concat!(
            "insert into thread_links (thread_id, target_id, training_id, origin, linked_at, linked_by)
             select f.thread_id, $2, $2, f.origin, $3, f.linked_by from thread_links f
             where f.target_id = $1 and f.thread_id > $4 and f.thread_id <= $5 and f.ended_at is null
               and not exists (select 1 from thread_links l
                               where l.thread_id = f.thread_id and l.target_id = $2 and l.ended_at is null)
               and (f.origin = 'CHOIX' or not ",
            taken_away!("f.thread_id", "$2"),
            ")"
        ),
        from,
        into,
        at,
        after,
        last
    )?;
    let rows = all!(
        cx,
        (ThreadId,),
        "update thread_links set ended_at = $2, ended_by = $3, ended_how = 'FUSION'
         where target_id = $1 and thread_id > $4 and thread_id <= $5 and ended_at is null returning thread_id",
        from,
        at,
        by,
        after,
        last
    )?;
    Ok(threads(rows))
}

// Links that are chosen.

/// The links of the thread that stand, oldest first.
pub(super) async fn standing(cx: &mut Cx, thread: ThreadId) -> Result<Vec<Linked>> {
    type Row = (Option<TrainingId>, Option<DocumentId>, Option<TrainingId>, Origin, AudienceId, AudienceId);
    let rows = all!(
        cx,
        Row,
        "select l.training_id, l.document_id, t.merged_into_id, l.origin,
                coalesce(t.audience_id, d.audience_id) as audience_id,
                coalesce(k.audience_id, t.audience_id, d.audience_id) as kept_audience_id
         from thread_links l left join trainings t on t.id = l.training_id left join trainings k on k.id = t.merged_into_id
           left join documents d on d.id = l.document_id
         where l.thread_id = $1 and l.ended_at is null order by l.linked_at, l.target_id",
        thread
    )?;
    rows.into_iter()
        .map(|(training, document, merged_into, origin, audience_id, kept_audience_id)| {
            let target = target((training, document))?;
            let kept = merged_into.map_or(target, Target::Training);
            Ok(Linked { target, kept, origin, audience_id, kept_audience_id })
        })
        .collect()
}

pub(super) async fn insert_chosen(
    cx: &mut Cx,
    thread: ThreadId,
    targets: &[Target],
    by: MemberId,
    at: DateTime<Utc>,
) -> Result<()> {
    each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "insert into thread_links (thread_id, target_id, training_id, document_id, origin, linked_at, linked_by) ",
        );
        query.push_values(targets, |mut row, target| {
            row.push_bind(thread).push_bind(target.id()).push_bind(target.training()).push_bind(target.document());
            row.push("'CHOIX'").push_bind(at).push_bind(by);
        });
        query.build().execute(&mut *c).await.map(drop)
    })?;
    Ok(())
}

/// Links that were found become chosen ones.
pub(super) async fn set_chosen(cx: &mut Cx, thread: ThreadId, targets: &[Target], by: MemberId) -> Result<()> {
    let ids: Vec<_> = targets.iter().map(|target| target.id()).collect();
    each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("update thread_links set origin = 'CHOIX', linked_by = ");
        query.push_bind(by).push(" where thread_id = ").push_bind(thread).push(" and ended_at is null and target_id in (");
        keys!(query, &ids);
        query.push(")");
        query.build().execute(&mut *c).await.map(drop)
    })?;
    Ok(())
}

pub(super) async fn end(cx: &mut Cx, thread: ThreadId, targets: &[Target], by: MemberId, at: DateTime<Utc>) -> Result<()> {
    let ids: Vec<_> = targets.iter().map(|target| target.id()).collect();
    each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("update thread_links set ended_how = 'RETRAIT', ended_at = ");
        query.push_bind(at).push(", ended_by = ").push_bind(by);
        query.push(" where thread_id = ").push_bind(thread).push(" and ended_at is null and target_id in (");
        keys!(query, &ids);
        query.push(")");
        query.build().execute(&mut *c).await.map(drop)
    })?;
    Ok(())
}

// What is read.

#[derive(sqlx::FromRow)]
struct ThreadRow {
    thread_id: ThreadId,
}

#[derive(sqlx::FromRow)]
pub(super) struct TargetRow {
    pub(super) target_id: Uuid,
}

/// The trainings that a thread is linked to, whoever sees them, so many, oldest link first.
pub(super) async fn trainings_linked(cx: &mut Cx, thread: ThreadId, most: i64) -> Result<Vec<TrainingId>> {
    let rows = all!(
        cx,
        (TrainingId,),
        "select k.id from thread_links h join trainings g on g.id = h.training_id
           join trainings k on k.id = coalesce(g.merged_into_id, g.id)
         where h.ended_at is null and h.thread_id = $1 group by k.id order by min(h.linked_at), k.id limit $2",
        thread,
        most
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The targets of one kind that each of these threads is linked to and the caller sees, so many of each, oldest link first.
pub(super) async fn targets_of(
    cx: &mut Cx,
    caller: &Caller,
    threads: &[ThreadId],
    kind: Kind,
    most: i64,
) -> Result<Vec<Vec<TargetRow>>> {
    Ok(lists!(cx, TargetRow, threads, seen by caller, |query, thread| {
        query.push("select k.id as target_id from thread_links h join ").push(match kind {
            // One that was merged is the other one, also before a job has moved its link there or ended it.
            Kind::Training => concat!(
                "trainings g on g.id = h.training_id join trainings k on k.id = coalesce(g.merged_into_id, g.id)
                   and (g.merged_into_id is null or not ",
                taken_away!("h.thread_id", "k.id"),
                ")"
            ),
            Kind::Document => "documents k on k.id = h.document_id",
        });
        query.push(" where h.ended_at is null and k.audience_id in (select id from seen) and h.thread_id = ").push_bind(*thread);
        query.push(" group by k.id order by min(h.linked_at), k.id limit ").push_bind(most);
    }))
}

/// The links of each of these threads to what the caller sees, those that ended too, so many of each, the latest first.
pub(super) async fn links_of(cx: &mut Cx, caller: &Caller, threads: &[ThreadId], most: i64) -> Result<Vec<ThreadLink>> {
    if threads.is_empty() {
        return Ok(Vec::new());
    }
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select thread_id, training_id, document_id, origin, linked_at, linked_by, ended_at, ended_by, ended_how from (
               select l.*, row_number() over (partition by l.thread_id order by l.linked_at desc, l.target_id desc) as place
               from thread_links l left join trainings t on t.id = l.training_id left join documents d on d.id = l.document_id
               where l.thread_id in (",
        );
        keys!(query, threads);
        query.push(") and");
        sight!(query, caller, "coalesce(t.audience_id, d.audience_id)");
        query.push(") as placed where place <= ").push_bind(most).push(" order by thread_id, place");
        query.build_query_as::<ThreadLink>().fetch_all(&mut *c).await
    })?)
}

/// Of which threads a list below a target is, pushed to a query on `threads t` after a condition.
macro_rules! of_kind {
    ($query:expr, $kind:expr) => {
        $query.push(match $kind {
            ThreadsOf::All => "",
            ThreadsOf::OpenQuestions => " and t.kind = 'QUESTION' and t.solved_at is null",
            ThreadsOf::SolvedQuestions => " and t.kind = 'QUESTION' and t.solved_at is not null",
            ThreadsOf::GoodPractices => " and t.kind = 'BONNE_PRATIQUE'",
            ThreadsOf::Reports => " and t.kind = 'SIGNALEMENT'",
        })
    };
}

/// The threads linked to each of these targets that the caller sees.
pub(super) async fn threads_of(
    cx: &mut Cx,
    caller: &Caller,
    targets: &[Target],
    kind: ThreadsOf,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Vec<Thread>>> {
    Ok(lists!(cx, Thread, targets, seen by caller, |query, target| {
        query.push(
            concat!("select ", thread_columns!(), " from thread_links l join threads t on t.id = l.thread_id join forums f on f.id = t.forum_id
             where l.ended_at is null and t.hidden_at is null and f.audience_id in (select id from seen) and l.target_id = "),
        );
        query.push_bind(target.id());
        of_kind!(query, kind);
        keyset!(query, slice, "t.last_activity_at", "t.id", true);
    }))
}

/// How many threads linked to each of these targets the caller sees, and the date of the last word in them; one without any is
/// left out.
pub(super) async fn threads_counted(cx: &mut Cx, caller: &Caller, targets: &[Target]) -> Result<Vec<LinkedThreads>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = targets.iter().map(|target| target.id()).collect();
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select l.target_id, count(*) as every, max(t.last_activity_at) as last_at,
                    count(case when t.kind = 'QUESTION' and t.solved_at is null then 1 end) as open_questions,
                    max(case when t.kind = 'QUESTION' and t.solved_at is null then t.last_activity_at end) as open_questions_at,
                    count(case when t.kind = 'QUESTION' and t.solved_at is not null then 1 end) as solved_questions,
                    max(case when t.kind = 'QUESTION' and t.solved_at is not null then t.last_activity_at end) as solved_questions_at,
                    count(case when t.kind = 'BONNE_PRATIQUE' then 1 end) as good_practices,
                    max(case when t.kind = 'BONNE_PRATIQUE' then t.last_activity_at end) as good_practices_at,
                    count(case when t.kind = 'SIGNALEMENT' then 1 end) as reports,
                    max(case when t.kind = 'SIGNALEMENT' then t.last_activity_at end) as reports_at
             from thread_links l join threads t on t.id = l.thread_id join forums f on f.id = t.forum_id
             where l.ended_at is null and t.hidden_at is null and l.target_id in (",
        );
        keys!(query, &ids);
        query.push(") and");
        sight!(query, caller, "f.audience_id");
        query.push(" group by l.target_id");
        query.build_query_as::<LinkedThreads>().fetch_all(&mut *c).await
    })?)
}

/// What happened to what a thread is linked to while it was, pushed to a query: changes of state that touch what others than those
/// who work on a training see (of one that was announced also into the archive and back), planned days, versions of documents. Ends
/// after the thread and the sight of it.
macro_rules! happened {
    ($query:expr, $thread:expr) => {{
        $query.push(
            "(select c.id, c.training_id, cast(null as uuid) as document_id, 'ETAT' as kind, c.from_state as from_value,
                     c.to_state as to_value, c.changed_at, t.audience_id
              from thread_links l join training_state_changes c on c.training_id = l.training_id and c.changed_at > l.linked_at
               and (l.ended_at is null or c.changed_at <= l.ended_at) join trainings t on t.id = l.training_id
              where c.from_state is not null and (c.from_state in ('ELABORATION_TERMINEE', 'PUBLIEE')
                 or c.to_state in ('ELABORATION_TERMINEE', 'PUBLIEE')
                 or 'ARCHIVEE' in (c.from_state, c.to_state) and c.changed_at >= t.announced_at) and l.thread_id = ",
        );
        $query.push_bind(*$thread);
        $query.push(
            " union all
              select c.id, c.training_id, cast(null as uuid), 'DATE', c.from_on, c.to_on, c.changed_at, t.audience_id
              from thread_links l join calendar_changes c on c.training_id = l.training_id and c.changed_at > l.linked_at
               and (l.ended_at is null or c.changed_at <= l.ended_at) join trainings t on t.id = l.training_id
              where c.kind = 'PLANIFICATION' and l.thread_id = ",
        );
        $query.push_bind(*$thread);
        $query.push(
            " union all
              select v.document_id, cast(null as uuid), v.document_id, 'VERSION', cast(null as text), cast(v.number as text),
                     v.created_at, d.audience_id
              from thread_links l join document_versions v on v.document_id = l.document_id and v.created_at > l.linked_at
               and (l.ended_at is null or v.created_at <= l.ended_at) join documents d on d.id = l.document_id
              where l.thread_id = ",
        );
        $query.push_bind(*$thread);
        $query.push(") as e where e.audience_id in (select id from seen)");
    }};
}

pub(super) async fn system_events(
    cx: &mut Cx,
    caller: &Caller,
    threads: &[ThreadId],
    slice: &Slice<TimeKey>,
) -> Result<Vec<Vec<SystemEvent>>> {
    Ok(lists!(cx, SystemEvent, threads, seen by caller, |query, thread| {
        query.push("select e.id, e.training_id, e.document_id, e.kind, e.from_value, e.to_value, e.changed_at from ");
        happened!(query, thread);
        keyset!(query, slice, "e.changed_at", "e.id", false);
    }))
}

pub(super) async fn count_system_events(cx: &mut Cx, caller: &Caller, threads: &[ThreadId]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, threads, seen by caller, |query, thread| {
        query.push("select count(*) as many from ");
        happened!(query, thread);
    });
    Ok(Count::each(lists).collect())
}
