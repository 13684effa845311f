//! Whom posts mention: members, and groups.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::db::{Cx, each, exec, in_list, one, opt};
use crate::error::Result;
use crate::forum::posts::NewPost;
use crate::id::{MemberId, OrganisationId, PostId, SpaceId};

pub(super) async fn insert_mentions(cx: &mut Cx, post: &NewPost<'_>) -> Result<()> {
    if !post.mentioned.members.is_empty() {
        each!(cx, |c: DB| {
            let mut query = sqlx::QueryBuilder::<DB>::new("insert into mentions (post_id, member_id) ");
            query.push_values(&post.mentioned.members, |mut row, member| {
                row.push_bind(post.id).push_bind(*member);
            });
            query.build().execute(&mut *c).await.map(drop)
        })?;
    }
    if !post.mentioned.groups.is_empty() {
        each!(cx, |c: DB| {
            let mut query = sqlx::QueryBuilder::<DB>::new(
                "insert into group_mentions (post_id, group_id, organisation_id, author_id, addressed_at) ",
            );
            query.push_values(&post.mentioned.groups, |mut row, group| {
                let organisation = group.organisation();
                row.push_bind(post.id).push_bind(organisation.map_or(Uuid::nil(), |id| id.0)).push_bind(organisation);
                row.push_bind(post.author).push_bind(post.at);
            });
            query.push(" on conflict (post_id, group_id) do update set ended_at = null");
            query.build().execute(&mut *c).await.map(drop)
        })?;
    }
    Ok(())
}

/// Takes out whom the post mentioned before its edit.
pub(super) async fn end_mentions(cx: &mut Cx, edit: &NewPost<'_>) -> Result<()> {
    exec!(cx, "delete from mentions where post_id = $1", edit.id)?;
    exec!(cx, "update group_mentions set ended_at = $2 where post_id = $1 and ended_at is null", edit.id, edit.at)?;
    Ok(())
}

pub(in crate::forum) async fn mentioned(cx: &mut Cx, posts: &[PostId]) -> Result<Vec<(PostId, MemberId)>> {
    Ok(in_list!(
        cx,
        (PostId, MemberId),
        "select post_id, member_id from mentions where post_id in (",
        posts,
        ") order by post_id, member_id"
    )?)
}

/// The moderators first, who have no organisation.
pub(in crate::forum) async fn groups_mentioned(cx: &mut Cx, posts: &[PostId]) -> Result<Vec<(PostId, Option<OrganisationId>)>> {
    Ok(in_list!(
        cx,
        (PostId, Option<OrganisationId>),
        "select post_id, organisation_id from group_mentions where ended_at is null and post_id in (",
        posts,
        ") order by post_id, group_id"
    )?)
}

/// Whether the post addresses an organisation, or did before an edit.
pub(in crate::forum) async fn ever_addressed(cx: &mut Cx, post: PostId) -> Result<bool> {
    let sql = "select post_id from group_mentions where post_id = $1 and organisation_id is not null limit 1";
    Ok(opt!(cx, (PostId,), sql, post)?.is_some())
}

/// How many posts of a member addressed organisations after `since`.
pub(in crate::forum) async fn count_addressing(cx: &mut Cx, author: MemberId, since: DateTime<Utc>) -> Result<i64> {
    Ok(one!(
        cx,
        (i64,),
        "select count(distinct post_id) from group_mentions
         where author_id = $1 and organisation_id is not null and addressed_at > $2",
        author,
        since
    )?
    .0)
}

/// The space that a post stands in.
pub(in crate::forum) async fn space_of_post(cx: &mut Cx, post: PostId) -> Result<Option<SpaceId>> {
    let found = opt!(
        cx,
        (SpaceId,),
        "select f.space_id from posts p join threads t on t.id = p.thread_id join forums f on f.id = t.forum_id where p.id = $1",
        post
    )?;
    Ok(found.map(|row| row.0))
}
