//! Opening a thread, and changing its title or kind.

use chrono::{DateTime, Utc};

use super::reads::render;
use super::{Thread, ThreadKind, attachments, posts, rules, seen, store};
use crate::App;
use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Error, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{FileId, ForumId, MemberId, PostId, ThreadId};
use crate::idempotency::act;
use crate::text::Rendered;

/// What is needed to open a thread.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct OpenThread {
    pub forum: ForumId,
    pub kind: ThreadKind,
    pub title: String,
    /// Markdown of the opening post.
    pub body: String,
    /// Files that the caller sent.
    pub attachments: Vec<FileId>,
}

/// Opens a thread with its opening post.
///
/// # Errors
/// [`Error::NotFound`] for a forum out of sight; [`Error::Forbidden`] when the caller may not open threads there;
/// [`Error::Invalid`] on `title`, `body`, `attachments` or `kind`.
pub async fn open_thread(app: &App, caller: &Caller, new: OpenThread) -> Result<ThreadId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let title = problems.take(rules::title(&new.title)).unwrap_or_default();
    let body = problems.take(rules::body(&new.body)).unwrap_or_default();
    let files = problems.take(attachments::wanted(new.attachments)).unwrap_or_default();
    problems.refuse()?;
    let (rendered, mentioned) = render(app, &body).await?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let forum = store::forum_row(tx, new.forum).await?.filter(|forum| actor.sees(forum.audience_id));
            let forum = forum.ok_or(Error::NotFound)?;
            rules::may_open(&actor, &forum)?;
            rules::takes_kind(&store::forum_kinds(tx, forum.id).await?, new.kind)
                .map_err(|problem| Error::Invalid(vec![problem]))?;
            let thread = NewThread {
                id: ThreadId::new(&clock),
                post: PostId::new(&clock),
                forum: forum.id,
                kind: new.kind,
                title: &title,
                author: actor.id,
                body: &body,
                rendered: &rendered,
                mentioned: &mentioned,
                at: now,
            };
            add_thread(tx, &clock, &thread).await?;
            attachments::attach(tx, &actor, thread.post, &files).await?;
            Ok(thread.id)
        })
    })
    .await
}

/// A thread and its opening post, checked and rendered.
pub(crate) struct NewThread<'a> {
    pub(crate) id: ThreadId,
    pub(crate) post: PostId,
    pub(crate) forum: ForumId,
    pub(crate) kind: ThreadKind,
    pub(crate) title: &'a str,
    pub(crate) author: MemberId,
    pub(crate) body: &'a str,
    pub(crate) rendered: &'a Rendered,
    pub(crate) mentioned: &'a [MemberId],
    pub(crate) at: DateTime<Utc>,
}

/// Writes a thread with its opening post and tells it.
pub(crate) async fn add_thread(tx: &mut Tx, clock: &Clock, new: &NewThread<'_>) -> Result<()> {
    store::insert_thread(tx, new).await?;
    store::insert_post(
        tx,
        &posts::NewPost {
            id: new.post,
            author: new.author,
            body: new.body,
            rendered: new.rendered,
            mentioned: new.mentioned,
            at: new.at,
        },
        &store::Place { thread: new.id, parent: None, ordinal: 0, path: Vec::new(), depth: 0 },
    )
    .await?;
    store::add_to_thread_count(tx, new.forum, 1).await?;
    tell(tx, clock, Some(new.author), &Event::ThreadOpened { thread: new.id, forum: new.forum, post: new.post }).await
}

/// A new title or kind; what is none stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct EditThread {
    pub title: Option<String>,
    pub kind: Option<ThreadKind>,
}

/// Changes the title or the kind: its author while it is not locked, and the moderators of its space. A kind that cannot be
/// solved forgets the accepted answer.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] on `title` or `kind`.
pub async fn edit_thread(app: &App, caller: &Caller, id: ThreadId, edit: EditThread) -> Result<ThreadId> {
    caller.signed_in()?;
    let title = edit.title.map(|title| rules::title(&title)).transpose().map_err(|problem| Error::Invalid(vec![problem]))?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let thread: Thread = seen(store::lock_thread(tx, id).await?, &actor)?;
            let own = thread.author_id == actor.id && thread.locked_at.is_none();
            if !own && !actor.moderates(thread.space_id) {
                return Err(Error::forbidden("Seuls l'auteur du fil, tant qu'il est ouvert, et les modérateurs le modifient."));
            }
            let kind = edit.kind.unwrap_or(thread.kind);
            if kind == thread.kind && title.as_ref().is_none_or(|title| *title == thread.title) {
                return Ok(id);
            }
            if kind != thread.kind {
                rules::takes_kind(&store::forum_kinds(tx, thread.forum_id).await?, kind)
                    .map_err(|problem| Error::Invalid(vec![problem]))?;
                store::set_kind(tx, id, kind).await?;
            }
            if !kind.can_be_solved() && thread.accepted_post_id.is_some() {
                store::accept(tx, id, None, None).await?;
                tell(tx, &clock, Some(actor.id), &Event::ThreadReopened { thread: id }).await?;
            }
            if let Some(title) = title {
                store::set_title(tx, id, &title).await?;
            }
            tell(tx, &clock, Some(actor.id), &Event::ThreadChanged { thread: id }).await?;
            Ok(id)
        })
    })
    .await
}
