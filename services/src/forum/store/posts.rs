//! Posts and their former versions.

use chrono::{DateTime, Utc};

use super::mentions::{end_mentions, insert_mentions};
use crate::db::{Cx, exec, in_list, lists, lock, numbered, opt};
use crate::error::Result;
use crate::forum::posts::NewPost;
use crate::forum::{Post, Revision};
use crate::id::{MemberId, PostId, ThreadId};
use crate::page::{PathKey, Slice};

/// The columns of a post, for `concat!`.
macro_rules! columns {
    () => {
        "id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at, edited_at, deleted_at,
         hidden_at, hidden_reason"
    };
}

/// Where a post stands.
pub(in crate::forum) struct Place {
    pub(in crate::forum) thread: ThreadId,
    pub(in crate::forum) parent: Option<PostId>,
    pub(in crate::forum) ordinal: i64,
    pub(in crate::forum) path: PathKey,
    pub(in crate::forum) depth: i64,
}

pub(in crate::forum) async fn insert_post(cx: &mut Cx, post: &NewPost<'_>, place: &Place) -> Result<()> {
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
pub(in crate::forum) async fn insert_answer(cx: &mut Cx, post: &NewPost<'_>, place: &Place) -> Result<()> {
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

pub(in crate::forum) async fn update_post(cx: &mut Cx, edit: &NewPost<'_>) -> Result<()> {
    exec!(
        cx,
        "update posts set body = $2, html = $3, excerpt = $4, edited_at = $5, revision = revision + 1 where id = $1",
        edit.id,
        edit.body,
        &edit.rendered.html,
        &edit.rendered.excerpt,
        edit.at
    )?;
    end_mentions(cx, edit).await?;
    insert_mentions(cx, edit).await
}

pub(in crate::forum) async fn keep_revision(cx: &mut Cx, id: PostId) -> Result<()> {
    exec!(
        cx,
        "insert into post_revisions (post_id, revision, body, html, editor_id, written_at)
         select id, revision, body, html, author_id, coalesce(edited_at, created_at) from posts where id = $1",
        id
    )?;
    Ok(())
}

pub(in crate::forum) async fn revisions(cx: &mut Cx, posts: &[PostId], slice: &Slice<i64>) -> Result<Vec<Vec<Revision>>> {
    Ok(lists!(cx, Revision, posts, |query, post| {
        query.push("select post_id, revision, body, html, editor_id, written_at from post_revisions where post_id = ");
        query.push_bind(*post);
        numbered!(query, slice, "revision");
    }))
}

pub(in crate::forum) async fn revision_counts(cx: &mut Cx, posts: &[PostId]) -> Result<Vec<(PostId, i64)>> {
    Ok(in_list!(
        cx,
        (PostId, i64),
        "select post_id, count(*) from post_revisions where post_id in (",
        posts,
        ") group by post_id"
    )?)
}

pub(in crate::forum) async fn delete_post(cx: &mut Cx, id: PostId, by: MemberId, at: DateTime<Utc>) -> Result<()> {
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

pub(in crate::forum) async fn post(cx: &mut Cx, id: PostId) -> Result<Option<Post>> {
    Ok(opt!(cx, Post, concat!("select ", columns!(), " from posts where id = $1"), id)?)
}

pub(crate) async fn lock_post(cx: &mut Cx, id: PostId) -> Result<Option<Post>> {
    Ok(lock!(cx, Post, concat!("select ", columns!(), " from posts where id = $1"), id)?)
}

pub(in crate::forum) async fn posts_by_id(cx: &mut Cx, ids: &[PostId]) -> Result<Vec<Post>> {
    Ok(in_list!(cx, Post, concat!("select ", columns!(), " from posts where id in ("), ids, ")")?)
}

/// Posts of each of these threads, in reading order.
pub(in crate::forum) async fn posts(cx: &mut Cx, threads: &[ThreadId], slice: &Slice<PathKey>) -> Result<Vec<Vec<Post>>> {
    Ok(lists!(cx, Post, threads, |query, thread| {
        query.push(concat!("select ", columns!(), " from posts where thread_id = "));
        query.push_bind(*thread);
        numbered!(query, slice, "path");
    }))
}

pub(in crate::forum) async fn is_opening_away(cx: &mut Cx, thread: ThreadId) -> Result<bool> {
    Ok(opt!(
        cx,
        (PostId,),
        "select id from posts where thread_id = $1 and ordinal = 0 and (deleted_at is not null or hidden_at is not null)",
        thread
    )?
    .is_some())
}

pub(in crate::forum) async fn openings(cx: &mut Cx, threads: &[ThreadId]) -> Result<Vec<Post>> {
    Ok(in_list!(cx, Post, concat!("select ", columns!(), " from posts where ordinal = 0 and thread_id in ("), threads, ")")?)
}

/// The direct answers to each of these posts, in the order of their arrival.
pub(in crate::forum) async fn replies(cx: &mut Cx, parents: &[PostId], slice: &Slice<i64>) -> Result<Vec<Vec<Post>>> {
    Ok(lists!(cx, Post, parents, |query, parent| {
        query.push(concat!("select ", columns!(), " from posts where parent_id = "));
        query.push_bind(*parent);
        numbered!(query, slice, "ordinal");
    }))
}

pub(in crate::forum) async fn reply_counts(cx: &mut Cx, parents: &[PostId]) -> Result<Vec<(PostId, i64)>> {
    Ok(in_list!(
        cx,
        (PostId, i64),
        "select parent_id, count(*) from posts where parent_id in (",
        parents,
        ") group by parent_id"
    )?)
}
