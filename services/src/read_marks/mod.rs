//! How far members have read: a mark in each thread, by the order in which posts arrived, and one in each forum
//! (docs/notifications.md). One's own posts are never unread, so that writing one marks nothing.

mod store;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::caller::Caller;
use crate::db::Cx;
use crate::error::{Code, Error, Result};
use crate::id::{ForumId, PostId, ThreadId};
use crate::idempotency::act_privately;
use crate::{App, forum, inbox};

pub(crate) use store::have_read;

/// What is older than that counts as read, so that who comes back after a year does not find everything new, and no count reads
/// through all that was ever said.
pub const UNREAD_FOR: TimeDelta = TimeDelta::days(90);
/// Unread posts and threads are counted up to that many.
pub const MOST_COUNTED: i64 = 100;

/// Marks a thread as read up to a post of it, in the order of arrival, with what was told of it; never back.
///
/// # Errors
/// [`Error::NotFound`] for a thread out of sight; [`Error::Invalid`] on `upTo` for a post that is not of it.
pub async fn mark_thread_read(app: &App, caller: &Caller, id: ThreadId, up_to: PostId) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act_privately(app, caller, move |tx, actor| {
        Box::pin(async move {
            forum::seen(forum::thread_row(tx, id).await?, &actor)?;
            let post = forum::posts_by_id(tx, &[up_to]).await?.remove(&up_to).filter(|post| post.thread_id == id);
            let post = post.ok_or_else(|| Error::invalid("upTo", Code::Unknown, "Ce message n'est pas de ce fil."))?;
            store::set_thread_read(tx, actor.id, id, post.ordinal).await?;
            inbox::read_up_to(tx, actor.id, id, post.ordinal, clock.now()).await?;
            Ok(id)
        })
    })
    .await
}

/// Marks what is in a forum by now as read.
///
/// # Errors
/// [`Error::NotFound`] for a forum out of sight.
pub async fn mark_forum_read(app: &App, caller: &Caller, id: ForumId) -> Result<ForumId> {
    let clock = app.clock.clone();
    act_privately(app, caller, move |tx, actor| {
        Box::pin(async move {
            let forum = forum::forum_row(tx, id).await?.filter(|forum| actor.sees(forum.audience_id));
            let forum = forum.ok_or(Error::NotFound)?;
            store::set_forum_read(tx, actor.id, forum.id, clock.now()).await?;
            Ok(id)
        })
    })
    .await
}

/// How many posts of each of these threads the caller has not read, up to [`MOST_COUNTED`]: those of others that are neither
/// deleted nor hidden, after their mark in the thread, and after they joined or marked the forum.
///
/// # Errors
/// When the database fails.
pub async fn unread_posts(
    cx: &mut Cx,
    caller: &Caller,
    now: DateTime<Utc>,
    threads: &[ThreadId],
) -> Result<HashMap<ThreadId, i64>> {
    let Some(member) = caller.id() else { return Ok(HashMap::new()) };
    let counts = store::unread_posts(cx, member, now - UNREAD_FOR, threads).await?;
    Ok(threads.iter().copied().zip(counts).collect())
}

/// How many threads of each of these forums hold such posts, up to [`MOST_COUNTED`].
///
/// # Errors
/// When the database fails.
pub async fn unread_threads(
    cx: &mut Cx,
    caller: &Caller,
    now: DateTime<Utc>,
    forums: &[ForumId],
) -> Result<HashMap<ForumId, i64>> {
    let Some(member) = caller.id() else { return Ok(HashMap::new()) };
    let counts = store::unread_threads(cx, member, now - UNREAD_FOR, forums).await?;
    Ok(forums.iter().copied().zip(counts).collect())
}
