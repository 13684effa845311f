//! Threads.

use chrono::{DateTime, Utc};

use crate::Caller;
use crate::db::{Cx, each, exec, in_list, keys, keyset, lists, lock, sight};
use crate::error::Result;
use crate::forum::threads::NewThread;
use crate::forum::{Thread, ThreadFilter, ThreadKind, ThreadOrder};
use crate::id::{DocumentId, ForumId, PostId, SpaceId, ThreadId};
use crate::page::{Slice, TimeKey};

/// The columns of a thread, of `threads t` and its `forums f`, for `concat!`.
macro_rules! thread_columns {
    () => {
        "t.id, t.forum_id, f.space_id, f.audience_id, t.kind, t.title, t.author_id, t.created_at, t.last_activity_at, t.post_count,
         t.next_ordinal, t.accepted_post_id, t.solved_at, t.locked_at, t.pinned_at, t.hidden_at, t.document_id"
    };
}
pub(crate) use thread_columns;

pub(in crate::forum) async fn insert_thread(cx: &mut Cx, new: &NewThread<'_>) -> Result<()> {
    exec!(
        cx,
        "insert into threads (id, forum_id, kind, title, author_id, created_at, last_activity_at, post_count, next_ordinal,
                              document_id)
         values ($1, $2, $3, $4, $5, $6, $6, 1, 1, $7)",
        new.id,
        new.forum,
        new.kind,
        new.title,
        new.author,
        new.at,
        new.document
    )?;
    Ok(())
}

/// `lock_where!(cx, "t.id = $1", id)`: the thread, kept as it is until the transaction ends. Its forum is not: it is not joined.
///
/// Whoever held it until now may have made the forum where it is. On PostgreSQL the statement that waited does not see that forum
/// yet, and so finds no thread; the same statement, begun anew, does.
macro_rules! lock_where {
    ($cx:expr, $condition:literal, $bind:expr) => {{
        match lock_once!($cx, $condition, $bind) {
            Ok(None) => lock_once!($cx, $condition, $bind),
            found => found,
        }
    }};
}

macro_rules! lock_once {
    ($cx:expr, $condition:literal, $bind:expr) => {
        lock!(
            $cx,
            Thread,
            concat!(
                "select t.id, t.forum_id, (select f.space_id from forums f where f.id = t.forum_id) as space_id,
                        (select f.audience_id from forums f where f.id = t.forum_id) as audience_id, t.kind, t.title, t.author_id,
                        t.created_at, t.last_activity_at, t.post_count, t.next_ordinal, t.accepted_post_id, t.solved_at,
                        t.locked_at, t.pinned_at, t.hidden_at, t.document_id
                 from threads t where exists (select 1 from forums f where f.id = t.forum_id) and ",
                $condition
            ),
            $bind
        )
    };
}

/// The thread, kept as it is until the transaction ends.
pub(crate) async fn lock_thread(cx: &mut Cx, id: ThreadId) -> Result<Option<Thread>> {
    Ok(lock_where!(cx, "t.id = $1", id)?)
}

/// The thread of that post, kept as it is until the transaction ends.
pub(in crate::forum) async fn lock_thread_of(cx: &mut Cx, post: PostId) -> Result<Option<Thread>> {
    Ok(lock_where!(cx, "t.id = (select p.thread_id from posts p where p.id = $1)", post)?)
}

/// The thread of the remarks on that document, kept as it is until the transaction ends.
pub(in crate::forum) async fn lock_thread_about(cx: &mut Cx, document: DocumentId) -> Result<Option<Thread>> {
    Ok(lock_where!(cx, "t.document_id = $1", document)?)
}

/// The thread as it is, whoever sees it.
pub(crate) async fn thread_row(cx: &mut Cx, id: ThreadId) -> Result<Option<Thread>> {
    Ok(threads_by_id(cx, &[id]).await?.pop())
}

/// The threads of the remarks on these documents.
pub(in crate::forum) async fn threads_about(cx: &mut Cx, documents: &[DocumentId]) -> Result<Vec<Thread>> {
    Ok(in_list!(
        cx,
        Thread,
        concat!("select ", thread_columns!(), " from threads t join forums f on f.id = t.forum_id where t.document_id in ("),
        documents,
        ")"
    )?)
}

pub(in crate::forum) async fn threads_by_id(cx: &mut Cx, ids: &[ThreadId]) -> Result<Vec<Thread>> {
    Ok(in_list!(
        cx,
        Thread,
        concat!("select ", thread_columns!(), " from threads t join forums f on f.id = t.forum_id where t.id in ("),
        ids,
        ")"
    )?)
}

/// What a list of threads leaves out, pushed to a query on `threads t join forums f` after a condition.
macro_rules! only {
    ($query:expr, $filter:expr) => {{
        let filter: &ThreadFilter = $filter;
        $query.push(if filter.hidden { " and t.hidden_at is not null" } else { " and t.hidden_at is null" });
        if let Some(forum) = filter.forum {
            $query.push(" and t.forum_id = ").push_bind(forum);
        }
        if let Some(space) = filter.space {
            $query.push(" and f.space_id = ").push_bind(space);
        }
        if let Some(kind) = filter.kind {
            $query.push(" and t.kind = ").push_bind(kind);
        }
        if let Some(author) = filter.author {
            $query.push(" and t.author_id = ").push_bind(author);
        }
        if let Some(unanswered) = filter.unanswered {
            $query.push(if unanswered { " and t.post_count = 1" } else { " and t.post_count > 1" });
        }
        match filter.solved {
            None => {}
            Some(true) => {
                $query.push(" and t.solved_at is not null");
            }
            Some(false) => {
                // A report that is closed without a fix waits for nothing.
                $query.push(
                    " and t.solved_at is null and (t.kind = 'QUESTION' or t.kind = 'SIGNALEMENT' and not exists
                        (select 1 from reports r where r.id = t.id and r.state in ('DOUBLON', 'SANS_SUITE')))",
                );
            }
        }
    }};
}

/// The order and the limit of a slice of threads.
macro_rules! ordered {
    ($query:expr, $order:expr, $slice:expr) => {
        match $order {
            ThreadOrder::Activity => keyset!($query, $slice, "t.last_activity_at", "t.id", true),
            ThreadOrder::Date => keyset!($query, $slice, "t.created_at", "t.id", true),
        }
    };
}

pub(in crate::forum) async fn threads(
    cx: &mut Cx,
    caller: &Caller,
    filter: &ThreadFilter,
    order: ThreadOrder,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Thread>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!(
            "select ",
            thread_columns!(),
            " from threads t join forums f on f.id = t.forum_id where "
        ));
        sight!(query, caller, "f.audience_id");
        only!(query, filter);
        ordered!(query, order, slice);
        query.build_query_as::<Thread>().fetch_all(&mut *c).await
    })?)
}

pub(in crate::forum) async fn count_threads(cx: &mut Cx, caller: &Caller, filter: &ThreadFilter) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from threads t join forums f on f.id = t.forum_id where ");
        sight!(query, caller, "f.audience_id");
        only!(query, filter);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

/// What waits for a first answer, pushed to a query that ends in `where`; in the words of the index `threads_unanswered`, which
/// SQLite takes because a cross join keeps its order.
macro_rules! unanswered {
    ($query:expr, $caller:expr, $spaces:expr) => {{
        $query.push(
            " f.id = t.forum_id and t.kind = 'QUESTION' and t.post_count = 1 and t.hidden_at is null and t.locked_at is null and",
        );
        sight!($query, $caller, "f.audience_id");
        if !$spaces.is_empty() {
            $query.push(" and f.space_id in (");
            keys!($query, $spaces);
            $query.push(")");
        }
    }};
}

pub(in crate::forum) async fn unanswered_threads(
    cx: &mut Cx,
    caller: &Caller,
    spaces: &[SpaceId],
    slice: &Slice<TimeKey>,
) -> Result<Vec<Thread>> {
    Ok(each!(cx, |c: DB| {
        let mut query =
            sqlx::QueryBuilder::<DB>::new(concat!("select ", thread_columns!(), " from threads t cross join forums f where"));
        unanswered!(query, caller, spaces);
        keyset!(query, slice, "t.created_at", "t.id", false);
        query.build_query_as::<Thread>().fetch_all(&mut *c).await
    })?)
}

pub(in crate::forum) async fn count_unanswered(cx: &mut Cx, caller: &Caller, spaces: &[SpaceId]) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from threads t cross join forums f where");
        unanswered!(query, caller, spaces);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

/// Of each of these forums, which the caller sees.
pub(in crate::forum) async fn threads_of_forums(
    cx: &mut Cx,
    forums: &[ForumId],
    filter: &ThreadFilter,
    order: ThreadOrder,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Vec<Thread>>> {
    Ok(lists!(cx, Thread, forums, |query, forum| {
        query.push(concat!(
            "select ",
            thread_columns!(),
            " from threads t join forums f on f.id = t.forum_id where t.forum_id = "
        ));
        query.push_bind(*forum);
        only!(query, filter);
        ordered!(query, order, slice);
    }))
}

/// Of each of these forums, which the caller sees; one without any is left out.
pub(in crate::forum) async fn thread_counts(
    cx: &mut Cx,
    forums: &[ForumId],
    filter: &ThreadFilter,
) -> Result<Vec<(ForumId, i64)>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select t.forum_id, count(*) from threads t join forums f on f.id = t.forum_id where t.forum_id in (",
        );
        keys!(query, forums);
        query.push(")");
        only!(query, filter);
        query.push(" group by t.forum_id");
        query.build_query_as::<(ForumId, i64)>().fetch_all(&mut *c).await
    })?)
}

pub(in crate::forum) async fn pinned_threads(cx: &mut Cx, forums: &[ForumId]) -> Result<Vec<Vec<Thread>>> {
    Ok(lists!(cx, Thread, forums, |query, forum| {
        query.push(concat!(
            "select ",
            thread_columns!(),
            " from threads t join forums f on f.id = t.forum_id
             where t.pinned_at is not null and t.hidden_at is null and t.forum_id = "
        ));
        query.push_bind(*forum).push(" order by t.pinned_at desc, t.id desc limit 20");
    }))
}

pub(in crate::forum) async fn set_title(cx: &mut Cx, id: ThreadId, title: &str) -> Result<()> {
    exec!(cx, "update threads set title = $2 where id = $1", id, title)?;
    Ok(())
}

pub(in crate::forum) async fn set_kind(cx: &mut Cx, id: ThreadId, kind: ThreadKind) -> Result<()> {
    exec!(cx, "update threads set kind = $2 where id = $1", id, kind)?;
    Ok(())
}

pub(crate) async fn set_locked(cx: &mut Cx, id: ThreadId, at: Option<DateTime<Utc>>) -> Result<()> {
    exec!(cx, "update threads set locked_at = $2 where id = $1", id, at)?;
    Ok(())
}

pub(crate) async fn set_pinned(cx: &mut Cx, id: ThreadId, at: Option<DateTime<Utc>>) -> Result<()> {
    exec!(cx, "update threads set pinned_at = $2 where id = $1", id, at)?;
    Ok(())
}

pub(crate) async fn set_hidden_thread(cx: &mut Cx, id: ThreadId, at: Option<DateTime<Utc>>) -> Result<()> {
    exec!(cx, "update threads set hidden_at = $2 where id = $1", id, at)?;
    Ok(())
}

pub(crate) async fn set_thread_forum(cx: &mut Cx, id: ThreadId, forum: ForumId) -> Result<()> {
    exec!(cx, "update threads set forum_id = $2 where id = $1", id, forum)?;
    Ok(())
}

pub(crate) async fn accept(cx: &mut Cx, id: ThreadId, post: Option<PostId>, at: Option<DateTime<Utc>>) -> Result<()> {
    exec!(cx, "update threads set accepted_post_id = $2, solved_at = $3 where id = $1", id, post, at)?;
    Ok(())
}

pub(crate) async fn add_to_post_count(cx: &mut Cx, id: ThreadId, by: i64) -> Result<()> {
    exec!(cx, "update threads set post_count = post_count + $2 where id = $1", id, by)?;
    Ok(())
}
