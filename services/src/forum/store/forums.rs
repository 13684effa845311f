//! Spaces and forums.

use crate::db::{Cx, all, exec, in_list, lock, opt};
use crate::error::Result;
use crate::forum::{Forum, Space, ThreadKind};
use crate::id::{AudienceId, ForumId, SpaceId};

/// The columns of a forum, for `concat!`.
macro_rules! columns {
    () => {
        "id, space_id, slug, name, description, position, audience_id, opening_audience_id, thread_count, created_at, remarks"
    };
}

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

pub(in crate::forum) async fn spaces(cx: &mut Cx) -> Result<Vec<Space>> {
    Ok(all!(cx, Space, "select id, slug, name, description, position, created_at from spaces order by position, id")?)
}

pub(in crate::forum) async fn lock_space(cx: &mut Cx, id: SpaceId) -> Result<Option<Space>> {
    Ok(lock!(cx, Space, "select id, slug, name, description, position, created_at from spaces where id = $1", id)?)
}

pub(crate) async fn space_row(cx: &mut Cx, id: SpaceId) -> Result<Option<Space>> {
    Ok(opt!(cx, Space, "select id, slug, name, description, position, created_at from spaces where id = $1", id)?)
}

pub(crate) async fn insert_forum(cx: &mut Cx, forum: &Forum) -> Result<()> {
    exec!(
        cx,
        "insert into forums (id, space_id, slug, name, description, position, audience_id, opening_audience_id, created_at, remarks)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        forum.id,
        forum.space_id,
        &forum.slug,
        &forum.name,
        &forum.description,
        forum.position,
        forum.audience_id,
        forum.opening_audience_id,
        forum.created_at,
        forum.remarks
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
    Ok(opt!(cx, Forum, concat!("select ", columns!(), " from forums where id = $1"), id)?)
}

pub(crate) async fn lock_forum(cx: &mut Cx, id: ForumId) -> Result<Option<Forum>> {
    Ok(lock!(cx, Forum, concat!("select ", columns!(), " from forums where id = $1"), id)?)
}

/// The forum of remarks of that audience.
pub(crate) async fn remarks_forum(cx: &mut Cx, audience: AudienceId) -> Result<Option<ForumId>> {
    Ok(opt!(cx, (ForumId,), "select id from forums where audience_id = $1 and remarks", audience)?.map(|row| row.0))
}

pub(crate) async fn forum_by_slug(cx: &mut Cx, space: SpaceId, slug: &str) -> Result<Option<ForumId>> {
    Ok(opt!(cx, (ForumId,), "select id from forums where space_id = $1 and slug = $2", space, slug)?.map(|row| row.0))
}

/// Every forum, in the order of its space: there are tens, not thousands.
pub(in crate::forum) async fn forums(cx: &mut Cx) -> Result<Vec<Forum>> {
    Ok(all!(cx, Forum, concat!("select ", columns!(), " from forums order by space_id, position, id"))?)
}

pub(in crate::forum) async fn forums_by_id(cx: &mut Cx, ids: &[ForumId]) -> Result<Vec<Forum>> {
    Ok(in_list!(cx, Forum, concat!("select ", columns!(), " from forums where id in ("), ids, ")")?)
}

pub(crate) async fn forum_kinds(cx: &mut Cx, id: ForumId) -> Result<Vec<ThreadKind>> {
    let rows = all!(cx, (ThreadKind,), "select kind from forum_kinds where forum_id = $1 order by position", id)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub(in crate::forum) async fn kinds_of(cx: &mut Cx, ids: &[ForumId]) -> Result<Vec<(ForumId, ThreadKind)>> {
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
