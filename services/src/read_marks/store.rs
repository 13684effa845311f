//! SQL and rows of read marks, nothing else.

use chrono::{DateTime, Utc};

use super::MOST_COUNTED;
use crate::db::{Count, Cx, each, exec, keys, lists};
use crate::error::Result;
use crate::id::{ForumId, MemberId, ThreadId};

pub(super) async fn set_thread_read(cx: &mut Cx, member: MemberId, thread: ThreadId, ordinal: i64) -> Result<()> {
    exec!(
        cx,
        "insert into thread_reads (member_id, thread_id, ordinal) values ($1, $2, $3)
         on conflict (member_id, thread_id) do update set ordinal = excluded.ordinal
         where thread_reads.ordinal < excluded.ordinal",
        member,
        thread,
        ordinal
    )?;
    Ok(())
}

pub(super) async fn set_forum_read(cx: &mut Cx, member: MemberId, forum: ForumId, at: DateTime<Utc>) -> Result<()> {
    exec!(
        cx,
        "insert into forum_reads (member_id, forum_id, read_at) values ($1, $2, $3)
         on conflict (member_id, forum_id) do update set read_at = excluded.read_at
         where forum_reads.read_at < excluded.read_at",
        member,
        forum,
        at
    )?;
    Ok(())
}

/// Since when the threads of the forum of a thread `t` can be unread, pushed to a query.
macro_rules! floor {
    ($query:expr, $member:expr) => {{
        $query.push("coalesce((select r.read_at from forum_reads r where r.forum_id = t.forum_id and r.member_id = ");
        $query.push_bind($member).push("), (select m.created_at from members m where m.id = ").push_bind($member).push("))");
    }};
}

/// The unread posts of a thread `t`, pushed to a query after `from`.
macro_rules! unread {
    ($query:expr, $member:expr, $since:expr) => {{
        $query.push(
            " posts p where p.thread_id = t.id and p.deleted_at is null and p.hidden_at is null
              and p.ordinal > coalesce((select r.ordinal from thread_reads r where r.thread_id = t.id and r.member_id = ",
        );
        $query.push_bind($member).push("), -1) and p.author_id <> ").push_bind($member);
        $query.push(" and p.created_at > ").push_bind($since).push(" and p.created_at > ");
        floor!($query, $member);
    }};
}

pub(super) async fn unread_posts(cx: &mut Cx, member: MemberId, since: DateTime<Utc>, threads: &[ThreadId]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, threads, |query, thread| {
        query.push("select count(*) as many from (select 1 from threads t cross join");
        unread!(query, member, since);
        query.push(" and t.id = ").push_bind(*thread).push(" limit ").push_bind(MOST_COUNTED).push(") as unread");
    });
    Ok(Count::each(lists).collect())
}

pub(super) async fn unread_threads(cx: &mut Cx, member: MemberId, since: DateTime<Utc>, forums: &[ForumId]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, forums, |query, forum| {
        query.push("select count(*) as many from (select 1 from threads t where t.hidden_at is null and t.forum_id = ");
        query.push_bind(*forum).push(" and t.last_activity_at > ").push_bind(since).push(" and t.last_activity_at > ");
        floor!(query, member);
        query.push(" and exists (select 1 from");
        unread!(query, member, since);
        query.push(") limit ").push_bind(MOST_COUNTED).push(") as unread");
    });
    Ok(Count::each(lists).collect())
}

/// Which of these people have read the thread as far as that post.
pub(crate) async fn have_read(cx: &mut Cx, thread: ThreadId, ordinal: i64, members: &[MemberId]) -> Result<Vec<MemberId>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select member_id from thread_reads where thread_id = ");
        query.push_bind(thread).push(" and ordinal >= ").push_bind(ordinal).push(" and member_id in (");
        keys!(query, members);
        query.push(")");
        query.build_query_as::<(MemberId,)>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
