use chrono::{DateTime, Utc};

use super::posts::NewPost;
use super::threads::NewThread;
use super::{Forum, Post, PostFilter, Revision, Space, Thread, ThreadFilter, ThreadKind, ThreadOrder};
use crate::Caller;
use crate::db::{Cx, all, each, exec, in_list, keyset, lock, one, opt};
use crate::error::Result;
use crate::id::{ForumId, MemberId, PostId, SpaceId, ThreadId};
use crate::page::{PathKey, Slice, TimeKey};

/// Where a post stands.
pub(super) struct Place {
    pub(super) thread: ThreadId,
    pub(super) parent: Option<PostId>,
    pub(super) ordinal: i64,
    pub(super) path: PathKey,
    pub(super) depth: i64,
}

/// A condition, the order and the limit of a slice whose key is one column that is unique in the list.
macro_rules! numbered {
    ($query:expr, $slice:expr, $key:literal) => {{
        let slice = $slice;
        if let Some(after) = &slice.after {
            $query.push(concat!(" and ", $key, " > ")).push_bind(after.clone());
        }
        if let Some(before) = &slice.before {
            $query.push(concat!(" and ", $key, " < ")).push_bind(before.clone());
        }
        $query.push(if slice.backward {
            concat!(" order by ", $key, " desc limit ")
        } else {
            concat!(" order by ", $key, " limit ")
        });
        $query.push_bind(slice.rows());
    }};
}

// Spaces and forums.

pub(crate) async fn insert_space(cx: &mut Cx, space: &Space) -> Result<()> {
    exec!(
        cx,
        "insert into spaces (id, slug, name, description, position, created_at) values ($1, $2, $3, $4, $5, $6)",
        space.id,
        &space.slug,
        &space.name,
        &space.description,
        space.position,
        space.created_at
    )?;
    Ok(())
}

pub(super) async fn spaces(cx: &mut Cx) -> Result<Vec<Space>> {
    Ok(all!(cx, Space, "select id, slug, name, description, position, created_at from spaces order by position, id")?)
}

pub(super) async fn lock_space(cx: &mut Cx, id: SpaceId) -> Result<Option<Space>> {
    Ok(lock!(cx, Space, "select id, slug, name, description, position, created_at from spaces where id = $1", id)?)
}

pub(crate) async fn space_row(cx: &mut Cx, id: SpaceId) -> Result<Option<Space>> {
    Ok(opt!(cx, Space, "select id, slug, name, description, position, created_at from spaces where id = $1", id)?)
}

pub(crate) async fn insert_forum(cx: &mut Cx, forum: &Forum) -> Result<()> {
    exec!(
        cx,
        "insert into forums (id, space_id, slug, name, description, position, audience_id, opening_audience_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        forum.id,
        forum.space_id,
        &forum.slug,
        &forum.name,
        &forum.description,
        forum.position,
        forum.audience_id,
        forum.opening_audience_id,
        forum.created_at
    )?;
    Ok(())
}

pub(crate) async fn insert_forum_kinds(cx: &mut Cx, forum: ForumId, kinds: &[ThreadKind]) -> Result<()> {
    exec!(cx, "delete from forum_kinds where forum_id = $1", forum)?;
    for (position, kind) in (0_i64..).zip(kinds) {
        exec!(
            cx,
            "insert into forum_kinds (forum_id, kind, position) values ($1, $2, $3) on conflict (forum_id, kind) do nothing",
            forum,
            *kind,
            position
        )?;
    }
    Ok(())
}

pub(crate) async fn set_forum(cx: &mut Cx, forum: &Forum) -> Result<()> {
    exec!(
        cx,
        "update forums set name = $2, description = $3, position = $4, audience_id = $5, opening_audience_id = $6 where id = $1",
        forum.id,
        &forum.name,
        &forum.description,
        forum.position,
        forum.audience_id,
        forum.opening_audience_id
    )?;
    Ok(())
}

pub(crate) async fn forum_row(cx: &mut Cx, id: ForumId) -> Result<Option<Forum>> {
    Ok(opt!(
        cx,
        Forum,
        "select id, space_id, slug, name, description, position, audience_id, opening_audience_id, thread_count, created_at
         from forums where id = $1",
        id
    )?)
}

pub(crate) async fn lock_forum(cx: &mut Cx, id: ForumId) -> Result<Option<Forum>> {
    Ok(lock!(
        cx,
        Forum,
        "select id, space_id, slug, name, description, position, audience_id, opening_audience_id, thread_count, created_at
         from forums where id = $1",
        id
    )?)
}

pub(crate) async fn forum_by_slug(cx: &mut Cx, space: SpaceId, slug: &str) -> Result<Option<ForumId>> {
    Ok(opt!(cx, (ForumId,), "select id from forums where space_id = $1 and slug = $2", space, slug)?.map(|row| row.0))
}

/// Every forum, in the order of its space: there are tens, not thousands.
pub(super) async fn forums(cx: &mut Cx) -> Result<Vec<Forum>> {
    Ok(all!(
        cx,
        Forum,
        "select id, space_id, slug, name, description, position, audience_id, opening_audience_id, thread_count, created_at
         from forums order by space_id, position, id"
    )?)
}

pub(super) async fn forums_by_id(cx: &mut Cx, ids: &[ForumId]) -> Result<Vec<Forum>> {
    Ok(in_list!(
        cx,
        Forum,
        "select id, space_id, slug, name, description, position, audience_id, opening_audience_id, thread_count, created_at
         from forums where id in (",
        ids,
        ")"
    )?)
}

pub(crate) async fn forum_kinds(cx: &mut Cx, id: ForumId) -> Result<Vec<ThreadKind>> {
    let rows = all!(cx, (ThreadKind,), "select kind from forum_kinds where forum_id = $1 order by position", id)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub(super) async fn kinds_of(cx: &mut Cx, ids: &[ForumId]) -> Result<Vec<(ForumId, ThreadKind)>> {
    Ok(in_list!(
        cx,
        (ForumId, ThreadKind),
        "select forum_id, kind from forum_kinds where forum_id in (",
        ids,
        ") order by forum_id, position"
    )?)
}

pub(crate) async fn add_to_thread_count(cx: &mut Cx, forum: ForumId, by: i64) -> Result<()> {
    exec!(cx, "update forums set thread_count = thread_count + $2 where id = $1", forum, by)?;
    Ok(())
}

// Threads.

pub(super) async fn insert_thread(cx: &mut Cx, new: &NewThread<'_>) -> Result<()> {
    exec!(
        cx,
        "insert into threads (id, forum_id, kind, title, author_id, created_at, last_activity_at, post_count, next_ordinal)
         values ($1, $2, $3, $4, $5, $6, $6, 1, 1)",
        new.id,
        new.forum,
        new.kind,
        new.title,
        new.author,
        new.at
    )?;
    Ok(())
}

/// The thread, kept as it is until the transaction ends.
pub(crate) async fn lock_thread(cx: &mut Cx, id: ThreadId) -> Result<Option<Thread>> {
    Ok(lock!(
        cx,
        Thread,
        "select t.id, t.forum_id, (select f.space_id from forums f where f.id = t.forum_id) as space_id,
                (select f.audience_id from forums f where f.id = t.forum_id) as audience_id, t.kind, t.title, t.author_id,
                t.created_at, t.last_activity_at, t.post_count, t.next_ordinal, t.accepted_post_id, t.solved_at, t.locked_at,
                t.pinned_at, t.hidden_at
         from threads t where t.id = $1",
        id
    )?)
}

/// The thread of that post, kept as it is until the transaction ends.
pub(super) async fn lock_thread_of(cx: &mut Cx, post: PostId) -> Result<Option<Thread>> {
    Ok(lock!(
        cx,
        Thread,
        "select t.id, t.forum_id, (select f.space_id from forums f where f.id = t.forum_id) as space_id,
                (select f.audience_id from forums f where f.id = t.forum_id) as audience_id, t.kind, t.title, t.author_id,
                t.created_at, t.last_activity_at, t.post_count, t.next_ordinal, t.accepted_post_id, t.solved_at, t.locked_at,
                t.pinned_at, t.hidden_at
         from threads t where t.id = (select p.thread_id from posts p where p.id = $1)",
        post
    )?)
}

pub(super) async fn threads_by_id(cx: &mut Cx, ids: &[ThreadId]) -> Result<Vec<Thread>> {
    Ok(in_list!(
        cx,
        Thread,
        "select t.id, t.forum_id, f.space_id, f.audience_id, t.kind, t.title, t.author_id, t.created_at, t.last_activity_at,
                t.post_count, t.next_ordinal, t.accepted_post_id, t.solved_at, t.locked_at, t.pinned_at, t.hidden_at
         from threads t join forums f on f.id = t.forum_id where t.id in (",
        ids,
        ")"
    )?)
}

/// What a list of threads leaves out, pushed to a query on `threads t join forums f`.
macro_rules! only {
    ($query:expr, $caller:expr, $filter:expr) => {{
        let (caller, filter): (&Caller, &ThreadFilter) = ($caller, $filter);
        $query.push(" where f.audience_id in (");
        let mut list = $query.separated(",");
        for audience in caller.audiences() {
            list.push_bind(*audience);
        }
        list.push_unseparated(")");
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
                $query.push(" and t.solved_at is null and t.kind in ('QUESTION', 'SIGNALEMENT')");
            }
        }
    }};
}

pub(super) async fn threads(
    cx: &mut Cx,
    caller: &Caller,
    filter: &ThreadFilter,
    order: ThreadOrder,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Thread>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select t.id, t.forum_id, f.space_id, f.audience_id, t.kind, t.title, t.author_id, t.created_at, t.last_activity_at,
                    t.post_count, t.next_ordinal, t.accepted_post_id, t.solved_at, t.locked_at, t.pinned_at, t.hidden_at
             from threads t join forums f on f.id = t.forum_id",
        );
        only!(query, caller, filter);
        match order {
            ThreadOrder::Activity => keyset!(query, slice, "t.last_activity_at", "t.id", true),
            ThreadOrder::Date => keyset!(query, slice, "t.created_at", "t.id", true),
        }
        query.build_query_as::<Thread>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn count_threads(cx: &mut Cx, caller: &Caller, filter: &ThreadFilter) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from threads t join forums f on f.id = t.forum_id");
        only!(query, caller, filter);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

pub(super) async fn pinned_threads(cx: &mut Cx, forum: ForumId) -> Result<Vec<Thread>> {
    Ok(all!(
        cx,
        Thread,
        "select t.id, t.forum_id, f.space_id, f.audience_id, t.kind, t.title, t.author_id, t.created_at, t.last_activity_at,
                t.post_count, t.next_ordinal, t.accepted_post_id, t.solved_at, t.locked_at, t.pinned_at, t.hidden_at
         from threads t join forums f on f.id = t.forum_id
         where t.forum_id = $1 and t.pinned_at is not null and t.hidden_at is null
         order by t.pinned_at desc, t.id desc limit 20",
        forum
    )?)
}

pub(super) async fn set_title(cx: &mut Cx, id: ThreadId, title: &str) -> Result<()> {
    exec!(cx, "update threads set title = $2 where id = $1", id, title)?;
    Ok(())
}

pub(crate) async fn set_kind(cx: &mut Cx, id: ThreadId, kind: ThreadKind) -> Result<()> {
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

// Posts.

pub(super) async fn insert_post(cx: &mut Cx, post: &NewPost<'_>, place: &Place) -> Result<()> {
    exec!(
        cx,
        "insert into posts (id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11)",
        post.id,
        place.thread,
        place.parent,
        place.ordinal,
        &place.path,
        place.depth,
        post.author,
        post.body,
        &post.rendered.html,
        &post.rendered.excerpt,
        post.at
    )?;
    insert_mentions(cx, post).await
}

/// Inserts an answer and counts it in its thread, in one go: a trip to the database less for what is written most.
pub(super) async fn insert_answer(cx: &mut Cx, post: &NewPost<'_>, place: &Place) -> Result<()> {
    let sql = if matches!(cx, Cx::Sqlite(_)) {
        "insert into posts (id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11);
         update threads set next_ordinal = next_ordinal + 1, post_count = post_count + 1,
                last_activity_at = case when last_activity_at < $11 then $11 else last_activity_at end
         where id = $2"
    } else {
        "with post as (
           insert into posts (id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11)
         )
         update threads set next_ordinal = next_ordinal + 1, post_count = post_count + 1,
                last_activity_at = case when last_activity_at < $11 then $11 else last_activity_at end
         where id = $2"
    };
    exec!(
        cx,
        sql,
        post.id,
        place.thread,
        place.parent,
        place.ordinal,
        &place.path,
        place.depth,
        post.author,
        post.body,
        &post.rendered.html,
        &post.rendered.excerpt,
        post.at
    )?;
    insert_mentions(cx, post).await
}

pub(super) async fn update_post(cx: &mut Cx, edit: &NewPost<'_>) -> Result<()> {
    exec!(
        cx,
        "update posts set body = $2, html = $3, excerpt = $4, edited_at = $5, revision = revision + 1 where id = $1",
        edit.id,
        edit.body,
        &edit.rendered.html,
        &edit.rendered.excerpt,
        edit.at
    )?;
    exec!(cx, "delete from mentions where post_id = $1", edit.id)?;
    insert_mentions(cx, edit).await
}

async fn insert_mentions(cx: &mut Cx, post: &NewPost<'_>) -> Result<()> {
    if !post.mentioned.is_empty() {
        each!(cx, |c: DB| {
            let mut query = sqlx::QueryBuilder::<DB>::new("insert into mentions (post_id, member_id) ");
            query.push_values(post.mentioned, |mut row, member| {
                row.push_bind(post.id).push_bind(*member);
            });
            query.build().execute(&mut *c).await.map(drop)
        })?;
    }
    Ok(())
}

pub(super) async fn keep_revision(cx: &mut Cx, id: PostId) -> Result<()> {
    exec!(
        cx,
        "insert into post_revisions (post_id, revision, body, html, editor_id, written_at)
         select id, revision, body, html, author_id, coalesce(edited_at, created_at) from posts where id = $1",
        id
    )?;
    Ok(())
}

pub(super) async fn revisions(cx: &mut Cx, post: PostId, slice: &Slice<i64>) -> Result<Vec<Revision>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select post_id, revision, body, html, editor_id, written_at from post_revisions where post_id = ",
        );
        query.push_bind(post);
        numbered!(query, slice, "revision");
        query.build_query_as::<Revision>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn count_revisions(cx: &mut Cx, post: PostId) -> Result<i64> {
    Ok(one!(cx, (i64,), "select count(*) from post_revisions where post_id = $1", post)?.0)
}

pub(super) async fn delete_post(cx: &mut Cx, id: PostId, by: MemberId, at: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update posts set deleted_at = $2, deleted_by = $3 where id = $1", id, at, by)?;
    Ok(())
}

pub(crate) async fn set_hidden_post(
    cx: &mut Cx,
    id: PostId,
    at: Option<DateTime<Utc>>,
    by: Option<MemberId>,
    reason: Option<&str>,
) -> Result<()> {
    exec!(cx, "update posts set hidden_at = $2, hidden_by = $3, hidden_reason = $4 where id = $1", id, at, by, reason)?;
    Ok(())
}

pub(super) async fn post(cx: &mut Cx, id: PostId) -> Result<Option<Post>> {
    Ok(opt!(
        cx,
        Post,
        "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
                edited_at, deleted_at, hidden_at, hidden_reason
         from posts where id = $1",
        id
    )?)
}

pub(crate) async fn lock_post(cx: &mut Cx, id: PostId) -> Result<Option<Post>> {
    Ok(lock!(
        cx,
        Post,
        "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
                edited_at, deleted_at, hidden_at, hidden_reason
         from posts where id = $1",
        id
    )?)
}

pub(super) async fn posts_by_id(cx: &mut Cx, ids: &[PostId]) -> Result<Vec<Post>> {
    Ok(in_list!(
        cx,
        Post,
        "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
                edited_at, deleted_at, hidden_at, hidden_reason
         from posts where id in (",
        ids,
        ")"
    )?)
}

/// Posts of a thread in reading order; with `under`, only what stands below that path.
pub(super) async fn posts(cx: &mut Cx, filter: &PostFilter, slice: &Slice<PathKey>) -> Result<Vec<Post>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
                    edited_at, deleted_at, hidden_at, hidden_reason
             from posts where thread_id = ",
        );
        query.push_bind(filter.thread);
        numbered!(query, slice, "path");
        query.build_query_as::<Post>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn is_opening_away(cx: &mut Cx, thread: ThreadId) -> Result<bool> {
    Ok(opt!(
        cx,
        (PostId,),
        "select id from posts where thread_id = $1 and ordinal = 0 and (deleted_at is not null or hidden_at is not null)",
        thread
    )?
    .is_some())
}

pub(super) async fn openings(cx: &mut Cx, threads: &[ThreadId]) -> Result<Vec<Post>> {
    Ok(in_list!(
        cx,
        Post,
        "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
                edited_at, deleted_at, hidden_at, hidden_reason
         from posts where ordinal = 0 and thread_id in (",
        threads,
        ")"
    )?)
}

/// How many posts the connection of a thread holds, tombstones included.
pub(super) async fn count_posts(cx: &mut Cx, filter: &PostFilter) -> Result<i64> {
    Ok(one!(cx, (i64,), "select count(*) from posts where thread_id = $1", filter.thread)?.0)
}

/// The direct answers to each of these posts, so many of each, in the order of their arrival; one statement for all.
pub(super) async fn replies(cx: &mut Cx, parents: &[PostId], slice: &Slice<i64>) -> Result<Vec<Post>> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(if slice.backward {
            "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
                    edited_at, deleted_at, hidden_at, hidden_reason
             from (select p.*, row_number() over (partition by parent_id order by ordinal desc) as place from posts p
                   where parent_id in ("
        } else {
            "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
                    edited_at, deleted_at, hidden_at, hidden_reason
             from (select p.*, row_number() over (partition by parent_id order by ordinal) as place from posts p
                   where parent_id in ("
        });
        let mut list = query.separated(",");
        for i in 0..parents.len().next_power_of_two() {
            list.push_bind(parents[i.min(parents.len() - 1)]);
        }
        query.push(")");
        if let Some(after) = slice.after {
            query.push(" and ordinal > ").push_bind(after);
        }
        if let Some(before) = slice.before {
            query.push(" and ordinal < ").push_bind(before);
        }
        query.push(") as placed where place <= ").push_bind(slice.rows());
        query.push(" order by parent_id, place");
        query.build_query_as::<Post>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn reply_counts(cx: &mut Cx, parents: &[PostId]) -> Result<Vec<(PostId, i64)>> {
    Ok(in_list!(
        cx,
        (PostId, i64),
        "select parent_id, count(*) from posts where parent_id in (",
        parents,
        ") group by parent_id"
    )?)
}

pub(super) async fn mentioned(cx: &mut Cx, posts: &[PostId]) -> Result<Vec<(PostId, MemberId)>> {
    Ok(in_list!(
        cx,
        (PostId, MemberId),
        "select post_id, member_id from mentions where post_id in (",
        posts,
        ") order by post_id, member_id"
    )?)
}
