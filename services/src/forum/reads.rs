//! What is read: spaces, forums, threads, posts, each as this caller sees it.

use std::collections::HashMap;

use super::{Forum, Post, Revision, Space, Thread, ThreadKind, rules, store};
use crate::Caller;
use crate::db::Cx;
use crate::error::{Error, Result};
use crate::id::{ForumId, MemberId, PostId, SpaceId, ThreadId};
use crate::page::{Page, Paging, PathKey, Slice, TimeKey, gathered};

/// By what a list of threads is sorted, the latest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ThreadOrder {
    /// The last post.
    #[default]
    Activity,
    /// The opening.
    Date,
}

/// Which threads a list holds; every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct ThreadFilter {
    pub forum: Option<ForumId>,
    pub space: Option<SpaceId>,
    pub kind: Option<ThreadKind>,
    pub author: Option<MemberId>,
    /// Without any answer, or with one.
    pub unanswered: Option<bool>,
    /// With an accepted answer, or waiting for one.
    pub solved: Option<bool>,
    /// Hidden ones, for moderators, rather than the others.
    pub hidden: bool,
}

/// The three spaces.
///
/// # Errors
/// When the database fails.
pub async fn spaces(cx: &mut Cx) -> Result<Vec<Space>> {
    store::spaces(cx).await
}

/// The forums this caller sees, by space; but those of remarks, which are reached from their documents.
///
/// # Errors
/// When the database fails.
pub async fn forums_of(cx: &mut Cx, caller: &Caller) -> Result<HashMap<SpaceId, Vec<Forum>>> {
    let mut by_space: HashMap<SpaceId, Vec<Forum>> = HashMap::new();
    for forum in store::forums(cx).await?.into_iter().filter(|forum| !forum.remarks && caller.sees(forum.audience_id)) {
        by_space.entry(forum.space_id).or_default().push(forum);
    }
    Ok(by_space)
}

/// These forums; whether the caller sees them is the caller's to check.
///
/// # Errors
/// When the database fails.
pub async fn forums_by_id(cx: &mut Cx, ids: &[ForumId]) -> Result<HashMap<ForumId, Forum>> {
    Ok(store::forums_by_id(cx, ids).await?.into_iter().map(|forum| (forum.id, forum)).collect())
}

/// The kinds of threads that each of these forums takes.
///
/// # Errors
/// When the database fails.
pub async fn forum_kinds(cx: &mut Cx, ids: &[ForumId]) -> Result<HashMap<ForumId, Vec<ThreadKind>>> {
    Ok(gathered(store::kinds_of(cx, ids).await?))
}

/// Threads this caller sees.
///
/// # Errors
/// [`Error::Invalid`] on the paging; [`Error::Forbidden`] for hidden ones to whoever does not moderate.
pub async fn threads(
    cx: &mut Cx,
    caller: &Caller,
    filter: &ThreadFilter,
    order: ThreadOrder,
    paging: &Paging,
) -> Result<Page<Thread>> {
    sees_hidden(caller, filter)?;
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::threads(cx, caller, filter, order, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// As [`threads`].
pub async fn count_threads(cx: &mut Cx, caller: &Caller, filter: &ThreadFilter) -> Result<i64> {
    sees_hidden(caller, filter)?;
    store::count_threads(cx, caller, filter).await
}

/// The questions without any answer that this caller sees, of these spaces or of all, the one that waits longest first; not those
/// that are locked, which nobody can answer.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn unanswered_threads(cx: &mut Cx, caller: &Caller, spaces: &[SpaceId], paging: &Paging) -> Result<Page<Thread>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::unanswered_threads(cx, caller, spaces, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_unanswered(cx: &mut Cx, caller: &Caller, spaces: &[SpaceId]) -> Result<i64> {
    store::count_unanswered(cx, caller, spaces).await
}

/// The threads of each of these forums, as `filter` says. Forums that the caller does not see are left out, and those whose
/// hidden threads are not for them.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn threads_of_forums(
    cx: &mut Cx,
    caller: &Caller,
    forums: &[ForumId],
    filter: &ThreadFilter,
    order: ThreadOrder,
    paging: &Paging,
) -> Result<HashMap<ForumId, Page<Thread>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let seen = seen_forums(cx, caller, forums, filter).await?;
    let seen: Vec<_> = seen.iter().map(|forum| forum.id).collect();
    let lists = store::threads_of_forums(cx, &seen, filter, order, &slice).await?;
    Ok(slice.pages(&seen, lists))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_threads_of_forums(
    cx: &mut Cx,
    caller: &Caller,
    forums: &[ForumId],
    filter: &ThreadFilter,
) -> Result<HashMap<ForumId, i64>> {
    let seen = seen_forums(cx, caller, forums, filter).await?;
    if *filter == ThreadFilter::default() {
        return Ok(seen.iter().map(|forum| (forum.id, forum.thread_count)).collect());
    }
    let mut counts: HashMap<_, _> = seen.iter().map(|forum| (forum.id, 0)).collect();
    let seen: Vec<_> = counts.keys().copied().collect();
    if !seen.is_empty() {
        counts.extend(store::thread_counts(cx, &seen, filter).await?);
    }
    Ok(counts)
}

async fn seen_forums(cx: &mut Cx, caller: &Caller, forums: &[ForumId], filter: &ThreadFilter) -> Result<Vec<Forum>> {
    let mut forums = store::forums_by_id(cx, forums).await?;
    forums.retain(|forum| caller.sees(forum.audience_id) && (!filter.hidden || caller.moderates(forum.space_id)));
    Ok(forums)
}

/// Whether this caller may ask for what `filter` says.
///
/// # Errors
/// [`Error::Forbidden`] for hidden threads to whoever does not moderate the space.
pub fn sees_hidden(caller: &Caller, filter: &ThreadFilter) -> Result<()> {
    let moderates = || filter.space.map_or_else(|| caller.moderates_everywhere(), |space| caller.moderates(space));
    if filter.hidden && !moderates() {
        return Err(Error::forbidden("Les fils masqués sont réservés aux modérateurs : indiquez votre espace."));
    }
    Ok(())
}

/// The pinned threads of each of these forums, which the caller sees, the last pinned first; at most 20.
///
/// # Errors
/// When the database fails.
pub async fn pinned_threads(cx: &mut Cx, forums: &[ForumId]) -> Result<HashMap<ForumId, Vec<Thread>>> {
    Ok(forums.iter().copied().zip(store::pinned_threads(cx, forums).await?).collect())
}

/// Those of these threads that this caller sees.
///
/// # Errors
/// When the database fails.
pub async fn threads_by_id(cx: &mut Cx, caller: &Caller, ids: &[ThreadId]) -> Result<HashMap<ThreadId, Thread>> {
    let threads = store::threads_by_id(cx, ids).await?;
    Ok(threads.into_iter().filter(|thread| rules::sees_thread(caller, thread)).map(|thread| (thread.id, thread)).collect())
}

/// These posts; of threads that the caller sees, which is theirs to check.
///
/// # Errors
/// When the database fails.
pub async fn posts_by_id(cx: &mut Cx, ids: &[PostId]) -> Result<HashMap<PostId, Post>> {
    Ok(store::posts_by_id(cx, ids).await?.into_iter().map(|post| (post.id, post)).collect())
}

/// The opening posts of these threads.
///
/// # Errors
/// When the database fails.
pub async fn openings(cx: &mut Cx, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Post>> {
    Ok(store::openings(cx, threads).await?.into_iter().map(|post| (post.thread_id, post)).collect())
}

/// The posts of each of these threads, which the caller sees, in reading order, tombstones included. How many there are is
/// [`Thread::next_ordinal`]: a post keeps its place.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn posts(cx: &mut Cx, threads: &[ThreadId], paging: &Paging) -> Result<HashMap<ThreadId, Page<Post>>> {
    let slice = Slice::<PathKey>::new(paging)?;
    let lists = store::posts(cx, threads, &slice).await?;
    Ok(slice.pages(threads, lists))
}

/// The direct answers to each of these posts, a page of each, in the order of their arrival.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn replies(cx: &mut Cx, parents: &[PostId], paging: &Paging) -> Result<HashMap<PostId, Page<Post>>> {
    let slice = Slice::<i64>::new(paging)?;
    let lists = store::replies(cx, parents, &slice).await?;
    Ok(slice.pages(parents, lists))
}

/// How many direct answers each of these posts has, tombstones included.
///
/// # Errors
/// When the database fails.
pub async fn reply_counts(cx: &mut Cx, parents: &[PostId]) -> Result<HashMap<PostId, i64>> {
    let mut counts: HashMap<_, _> = parents.iter().map(|parent| (*parent, 0)).collect();
    counts.extend(store::reply_counts(cx, parents).await?);
    Ok(counts)
}

/// The former versions of each of these posts, oldest first; for the moderators of their space, which is theirs to check.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn revisions(cx: &mut Cx, posts: &[PostId], paging: &Paging) -> Result<HashMap<PostId, Page<Revision>>> {
    let slice = Slice::<i64>::new(paging)?;
    let lists = store::revisions(cx, posts, &slice).await?;
    Ok(slice.pages(posts, lists))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_revisions(cx: &mut Cx, posts: &[PostId]) -> Result<HashMap<PostId, i64>> {
    let mut counts: HashMap<_, _> = posts.iter().map(|post| (*post, 0)).collect();
    counts.extend(store::revision_counts(cx, posts).await?);
    Ok(counts)
}
