//! The remarks on a document: a thread of its own, opened by the first one. It stands in a forum that holds the remarks on all
//! documents of one audience, so that whoever sees the document sees it, by the rule of every thread; when the document is given
//! another audience, the thread moves. What a document is, is [`crate::library`]'s.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::mentions::{Mentions, Within, must_address, render};
use super::posts::{NewPost, add_answer};
use super::threads::{NewThread, add_thread};
use super::{Forum, Thread, ThreadKind, attachments, posts, rules, store};
use crate::App;
use crate::caller::{Actor, Caller};
use crate::clock::Clock;
use crate::db::{Cx, Tx, alone};
use crate::error::{Code, Error, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{AudienceId, DocumentId, FileId, ForumId, MemberId, PostId, SpaceId, ThreadId};
use crate::reports::ReportFields;
use crate::text::Rendered;

/// A remark, checked and rendered before the write.
#[derive(Clone, Debug)]
pub struct Remark {
    body: String,
    rendered: Rendered,
    mentioned: Mentions,
    files: Vec<FileId>,
    /// Posts a day that address organisations.
    most_a_day: u32,
}

impl Remark {
    /// Of Markdown and files that its author, the caller, sent; it is to stand in that space.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `body` or `attachments`.
    pub async fn new(app: &App, caller: &Caller, space: SpaceId, body: &str, files: Vec<FileId>) -> Result<Self> {
        let mut problems = Problems::default();
        let body = problems.take(rules::body(body)).unwrap_or_default();
        let files = problems.take(attachments::wanted(files)).unwrap_or_default();
        problems.refuse()?;
        let (rendered, mentioned) = render(app, caller, Within::Space(space), &body).await?;
        Ok(Self { body, rendered, mentioned, files, most_a_day: app.config.limits.group_day_posts })
    }
}

/// The document that remarks are on, locked.
pub(crate) struct About<'a> {
    pub(crate) document: DocumentId,
    pub(crate) title: &'a str,
    pub(crate) audience: AudienceId,
    /// The library's.
    pub(crate) space: SpaceId,
}

/// Writes a remark: the first one opens the thread, the others answer it. The lock on the document makes one first of two.
pub(crate) async fn put_remark(tx: &mut Tx, clock: &Clock, actor: &Actor, about: &About<'_>, remark: &Remark) -> Result<PostId> {
    let (body, rendered, mentioned) = (remark.body.as_str(), &remark.rendered, &remark.mentioned);
    let id = PostId::new(clock);
    let thread = store::lock_thread_about(tx, about.document).await?;
    must_address(tx, actor, about.space, (id, clock.now()), mentioned, remark.most_a_day).await?;
    match thread {
        None => {
            let thread = NewThread {
                id: ThreadId::new(clock),
                post: id,
                forum: forum_of(tx, clock, actor.id, about).await?,
                kind: ThreadKind::Discussion,
                title: &title(about),
                author: actor.id,
                body,
                rendered,
                mentioned,
                at: clock.now(),
                document: Some(about.document),
            };
            add_thread(tx, clock, &thread, &ReportFields::default()).await?;
        }
        Some(thread) => {
            rules::takes_remark(actor, &thread)?;
            show_if_emptied(tx, clock, actor.id, &thread).await?;
            let opening = store::openings(tx, &[thread.id]).await?.pop();
            let opening = opening.ok_or_else(|| Error::internal("a thread without an opening post"))?;
            let post = NewPost { id, author: actor.id, body, rendered, mentioned, at: clock.now() };
            let place = (thread.id, opening.id, thread.next_ordinal);
            add_answer(tx, clock, &post, place, (&opening.path, opening.depth)).await?;
        }
    }
    attachments::attach(tx, actor, id, &remark.files).await?;
    Ok(id)
}

/// A thread that was hidden because nothing was left to read in it is there again; one that a moderator hid is not.
async fn show_if_emptied(tx: &mut Tx, clock: &Clock, actor: MemberId, thread: &Thread) -> Result<()> {
    if thread.hidden_at.is_none() {
        return Ok(());
    }
    if thread.post_count > 1 || !store::is_opening_away(tx, thread.id).await? {
        return Err(Error::conflict("documentId", Code::Refused, "Les remarques sur ce document sont fermées."));
    }
    store::set_hidden_thread(tx, thread.id, None).await?;
    store::add_to_thread_count(tx, thread.forum_id, 1).await?;
    tell(tx, clock, Some(actor), &Event::ThreadHidden { thread: thread.id, hidden: false }).await
}

/// The forum of the remarks on documents of that audience, found or made. Nobody opens a thread in it by hand.
async fn forum_of(tx: &mut Tx, clock: &Clock, actor: MemberId, about: &About<'_>) -> Result<ForumId> {
    // Two documents of one audience may get their first remarks at once.
    alone(tx, "remarks").await?;
    if let Some(forum) = store::remarks_forum(tx, about.audience).await? {
        return Ok(forum);
    }
    let forum = Forum {
        id: ForumId::new(clock),
        space_id: about.space,
        slug: format!("remarques-{}", about.audience.0.simple()),
        name: "Remarques sur les documents".into(),
        description: "Les remarques sur les documents de la bibliothèque, un fil par document.".into(),
        position: 1000,
        audience_id: about.audience,
        opening_audience_id: about.audience,
        thread_count: 0,
        created_at: clock.now(),
        remarks: true,
    };
    store::insert_forum(tx, &forum).await?;
    store::insert_forum_kinds(tx, forum.id, &[ThreadKind::Discussion]).await?;
    tell(tx, clock, Some(actor), &Event::ForumCreated { forum: forum.id, space: forum.space_id }).await?;
    Ok(forum.id)
}

fn title(about: &About<'_>) -> String {
    format!("Remarques : {}", about.title)
}

/// The document has another title or audience: the thread has the same.
pub(crate) async fn follow(tx: &mut Tx, clock: &Clock, actor: MemberId, about: &About<'_>) -> Result<()> {
    let Some(thread) = store::lock_thread_about(tx, about.document).await? else { return Ok(()) };
    let title = title(about);
    if title != thread.title {
        store::set_title(tx, thread.id, &title).await?;
        tell(tx, clock, Some(actor), &Event::ThreadChanged { thread: thread.id }).await?;
    }
    if about.audience != thread.audience_id {
        let to = forum_of(tx, clock, actor, about).await?;
        relocate(tx, clock, actor, &thread, to).await?;
    }
    Ok(())
}

/// The document was archived then: the thread takes no more remarks; or it is taken out of the archives, and the thread is open
/// again if it was closed with the document.
pub(crate) async fn close(
    tx: &mut Tx,
    clock: &Clock,
    actor: MemberId,
    document: DocumentId,
    (before, now): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
) -> Result<()> {
    let Some(thread) = store::lock_thread_about(tx, document).await? else { return Ok(()) };
    if thread.locked_at != before || before == now {
        return Ok(());
    }
    store::set_locked(tx, thread.id, now).await?;
    tell(tx, clock, Some(actor), &Event::ThreadLocked { thread: thread.id, locked: now.is_some() }).await
}

/// Brings a thread, locked, to another forum, and tells it.
pub(crate) async fn relocate(tx: &mut Tx, clock: &Clock, actor: MemberId, thread: &Thread, to: ForumId) -> Result<()> {
    store::set_thread_forum(tx, thread.id, to).await?;
    posts::unpin(tx, clock, actor, thread).await?;
    if thread.hidden_at.is_none() {
        // In the order of their ids, so that two moves that cross never wait for each other.
        let mut counts = [(thread.forum_id, -1), (to, 1)];
        counts.sort_unstable();
        for (forum, by) in counts {
            store::add_to_thread_count(tx, forum, by).await?;
        }
    }
    let (from, hidden) = (thread.forum_id, thread.hidden_at.is_some());
    tell(tx, clock, Some(actor), &Event::ThreadLeft { thread: thread.id, forum: from, hidden }).await?;
    tell(tx, clock, Some(actor), &Event::ThreadMoved { thread: thread.id, from, to }).await
}

/// The thread of the remarks on each of these documents, where there is one and this caller sees it.
///
/// # Errors
/// When the database fails.
pub async fn threads_about(cx: &mut Cx, caller: &Caller, documents: &[DocumentId]) -> Result<HashMap<DocumentId, Vec<Thread>>> {
    let threads = store::threads_about(cx, documents).await?.into_iter();
    let seen = threads.filter(|thread| rules::sees_thread(caller, thread));
    Ok(crate::page::gathered(seen.filter_map(|thread| Some((thread.document_id?, thread)))))
}
