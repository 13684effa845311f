//! Answering, editing, deleting, accepting, reopening.

use chrono::{DateTime, Utc};

use super::mentions::{Mentions, Within, must_address, render};
use super::{Thread, attachments, path, rules, seen, store};
use crate::App;
use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Code, Error, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{FileId, MemberId, PostId, ThreadId};
use crate::idempotency::act;
use crate::text::Rendered;
use crate::{links, reports};

/// A post, checked and rendered.
pub(crate) struct NewPost<'a> {
    pub(crate) id: PostId,
    pub(crate) author: MemberId,
    pub(crate) body: &'a str,
    pub(crate) rendered: &'a Rendered,
    pub(crate) mentioned: &'a Mentions,
    pub(crate) at: DateTime<Utc>,
}

/// Answers a post, with files that the caller sent.
///
/// # Errors
/// [`Error::NotFound`] for a post out of sight; [`Error::Conflict`] when the thread is locked or full, the post was taken away, or
/// organisations were addressed too often; [`Error::Invalid`] on `body` or `attachments`.
pub async fn answer_post(app: &App, caller: &Caller, parent: PostId, body: &str, files: Vec<FileId>) -> Result<PostId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let body = problems.take(rules::body(body)).unwrap_or_default();
    let files = problems.take(attachments::wanted(files)).unwrap_or_default();
    problems.refuse()?;
    let (rendered, mentioned) = render(app, caller, Within::ThreadOf(parent), &body).await?;
    let (clock, most) = (app.clock.clone(), app.config.limits.group_day_posts);
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let thread = seen(store::lock_thread_of(tx, parent).await?, &actor)?;
            let parent = store::post(tx, parent).await?.ok_or(Error::NotFound)?;
            rules::can_be_answered(&actor, &thread, &parent)?;
            let post = NewPost {
                id: PostId::new(&clock),
                author: actor.id,
                body: &body,
                rendered: &rendered,
                mentioned: &mentioned,
                at: now,
            };
            must_address(tx, &actor, thread.space_id, (post.id, now), &mentioned, most).await?;
            let place = (thread.id, parent.id, thread.next_ordinal);
            add_answer(tx, &clock, &post, place, (&parent.path, parent.depth)).await?;
            attachments::attach(tx, &actor, post.id, &files).await?;
            Ok(post.id)
        })
    })
    .await
}

/// Writes an answer to a post whose place is known, and tells it.
pub(crate) async fn add_answer(
    tx: &mut Tx,
    clock: &Clock,
    post: &NewPost<'_>,
    (thread, parent, ordinal): (ThreadId, PostId, i64),
    (parent_path, parent_depth): (&[u8], i64),
) -> Result<(Vec<u8>, i64)> {
    let path = path::child(parent_path, ordinal);
    let place = store::Place { thread, parent: Some(parent), ordinal, path, depth: parent_depth + 1 };
    store::insert_answer(tx, post, &place).await?;
    tell(tx, clock, Some(post.author), &Event::PostAdded { thread, post: post.id, parent }).await?;
    links::post_written(tx, clock, post.author, (thread, post.id), &post.rendered.links).await?;
    Ok((place.path, place.depth))
}

/// What a post becomes.
#[derive(Clone, Debug)]
pub struct EditPost {
    /// Markdown.
    pub body: String,
    /// Files that the post has or that the caller sent; the same ones when none.
    pub attachments: Option<Vec<FileId>>,
    /// The revision that was read: with another one now, nothing is done.
    pub expected: Option<i64>,
}

/// Edits one's own post; the former version is kept for the moderators, with its files.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when deleted, locked or edited since, or when organisations were
/// addressed too often; [`Error::Invalid`] on `body` or `attachments`.
pub async fn edit_post(app: &App, caller: &Caller, id: PostId, edit: EditPost) -> Result<PostId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let body = problems.take(rules::body(&edit.body)).unwrap_or_default();
    let files = edit.attachments.map(|files| problems.take(attachments::wanted(files)).unwrap_or_default());
    problems.refuse()?;
    let expected = edit.expected;
    let (rendered, mentioned) = render(app, caller, Within::ThreadOf(id), &body).await?;
    let (clock, most) = (app.clock.clone(), app.config.limits.group_day_posts);
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let (thread, post) = locked(tx, &actor, id).await?;
            rules::can_be_edited(&actor, &thread, &post, expected)?;
            if attachments::is_unchanged(tx, &post, &body, files.as_deref()).await? {
                return Ok(id);
            }
            must_address(tx, &actor, thread.space_id, (id, now), &mentioned, most).await?;
            let edit = NewPost { id, author: actor.id, body: &body, rendered: &rendered, mentioned: &mentioned, at: now };
            put_edit(tx, &clock, thread.id, &edit).await?;
            if let Some(files) = files {
                attachments::replace(tx, &actor, id, post.revision + 1, &files).await?;
            }
            Ok(id)
        })
    })
    .await
}

/// Keeps the version there is and writes the new one.
pub(crate) async fn put_edit(tx: &mut Tx, clock: &Clock, thread: ThreadId, edit: &NewPost<'_>) -> Result<()> {
    store::keep_revision(tx, edit.id).await?;
    store::update_post(tx, edit).await?;
    tell(tx, clock, Some(edit.author), &Event::PostEdited { thread, post: edit.id }).await?;
    links::post_edited(tx, clock, edit.author, (thread, edit.id), &edit.rendered.links).await
}

/// Deletes a post: its author, or a moderator of its space. A tombstone keeps the answers in place. An accepted answer that
/// is deleted reopens its thread; a thread of which nothing is left to read is hidden.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when it is deleted already or the thread is locked.
pub async fn delete_post(app: &App, caller: &Caller, id: PostId) -> Result<PostId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let (thread, post) = locked(tx, &actor, id).await?;
            rules::can_be_deleted(&actor, &thread, &post)?;
            store::delete_post(tx, id, actor.id, now).await?;
            let counted = post.is_visible() && !post.is_opening();
            if counted {
                store::add_to_post_count(tx, thread.id, -1).await?;
            }
            tell(tx, &clock, Some(actor.id), &Event::PostDeleted { thread: thread.id, post: id }).await?;
            forget_accepted(tx, &clock, actor.id, &thread, id).await?;
            links::post_away(tx, &clock, actor.id, thread.id).await?;
            hide_if_empty(tx, &clock, actor.id, &thread, thread.post_count - 1 - i64::from(counted)).await?;
            Ok(id)
        })
    })
    .await
}

/// A thread whose opening post was taken away and that has no answer left to read is hidden.
pub(crate) async fn hide_if_empty(tx: &mut Tx, clock: &Clock, actor: MemberId, thread: &Thread, answers: i64) -> Result<()> {
    if answers > 0 || thread.hidden_at.is_some() || !store::is_opening_away(tx, thread.id).await? {
        return Ok(());
    }
    hide_thread(tx, clock, actor, thread).await
}

/// Puts a thread out of sight, where it holds no place on top of its forum.
pub(crate) async fn hide_thread(tx: &mut Tx, clock: &Clock, actor: MemberId, thread: &Thread) -> Result<()> {
    store::set_hidden_thread(tx, thread.id, Some(clock.now())).await?;
    store::add_to_thread_count(tx, thread.forum_id, -1).await?;
    unpin(tx, clock, actor, thread).await?;
    tell(tx, clock, Some(actor), &Event::ThreadHidden { thread: thread.id, hidden: true }).await
}

/// Takes a thread from the top of its forum, when it is there.
pub(crate) async fn unpin(tx: &mut Tx, clock: &Clock, actor: MemberId, thread: &Thread) -> Result<()> {
    if thread.pinned_at.is_none() {
        return Ok(());
    }
    store::set_pinned(tx, thread.id, None).await?;
    tell(tx, clock, Some(actor), &Event::ThreadPinned { thread: thread.id, pinned: false }).await
}

/// A post that was the accepted answer and is taken away reopens its thread.
pub(crate) async fn forget_accepted(tx: &mut Tx, clock: &Clock, actor: MemberId, thread: &Thread, post: PostId) -> Result<()> {
    if thread.accepted_post_id == Some(post) {
        store::accept(tx, thread.id, None, None).await?;
        reports::settle_thread(tx, thread.id).await?;
        tell(tx, clock, Some(actor), &Event::ThreadReopened { thread: thread.id }).await?;
    }
    Ok(())
}

/// Accepts an answer: the thread's author or a moderator. Another one accepted before is replaced.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when it cannot be accepted.
pub async fn accept_answer(app: &App, caller: &Caller, id: PostId) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let (thread, post) = locked(tx, &actor, id).await?;
            rules::may_settle(&actor, &thread)?;
            rules::can_be_accepted(&thread, &post)?;
            store::accept(tx, thread.id, Some(id), Some(now)).await?;
            tell(tx, &clock, Some(actor.id), &Event::AnswerAccepted { thread: thread.id, post: id }).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// Takes the acceptance back: the thread's author or a moderator.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when it is not solved.
pub async fn reopen_thread(app: &App, caller: &Caller, id: ThreadId) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let thread = seen(store::lock_thread(tx, id).await?, &actor)?;
            rules::may_settle(&actor, &thread)?;
            if thread.accepted_post_id.is_none() {
                let sentence = match thread.solved_at {
                    Some(_) => "Ce signalement est corrigé : c'est son état qui rouvre le fil.",
                    None => "Ce fil n'est pas résolu.",
                };
                return Err(Error::conflict("threadId", Code::Refused, sentence));
            }
            store::accept(tx, id, None, None).await?;
            reports::settle_thread(tx, id).await?;
            tell(tx, &clock, Some(actor.id), &Event::ThreadReopened { thread: id }).await?;
            Ok(id)
        })
    })
    .await
}

/// The thread, locked, and its post, when `caller` sees them. The thread first, always, so that two writes never wait for
/// each other.
pub(crate) async fn locked(tx: &mut Tx, caller: &Caller, post: PostId) -> Result<(Thread, super::Post)> {
    let thread = seen(store::lock_thread_of(tx, post).await?, caller)?;
    let post = store::lock_post(tx, post).await?.ok_or(Error::NotFound)?;
    Ok((thread, post))
}
