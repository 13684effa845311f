//! Opening a thread, and changing its title or kind.

use chrono::{DateTime, Utc};

use super::mentions::{Mentions, Within, must_address, render};
use super::{Thread, ThreadKind, attachments, posts, rules, seen, store};
use crate::App;
use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{DocumentId, FileId, ForumId, MemberId, PostId, ThreadId, TrainingId};
use crate::idempotency::act;
use crate::links::Kind;
use crate::reports::ReportFields;
use crate::text::Rendered;
use crate::{links, reports};

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
    /// The trainings it is about.
    pub trainings: Vec<TrainingId>,
    /// The documents it is about.
    pub documents: Vec<DocumentId>,
    /// For a malfunction report alone.
    pub report: Option<ReportFields>,
}

/// Opens a thread with its opening post.
///
/// # Errors
/// [`Error::NotFound`] for a forum out of sight; [`Error::Forbidden`] when the caller may not open threads there;
/// [`Error::Conflict`] when organisations were addressed too often; [`Error::Invalid`] on `title`, `body`, `kind`, `attachments`,
/// `trainings`, `documents`, `report` or a field of it.
pub async fn open_thread(app: &App, caller: &Caller, new: OpenThread) -> Result<ThreadId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let title = problems.take(rules::title(&new.title)).unwrap_or_default();
    let body = problems.take(rules::body(&new.body)).unwrap_or_default();
    let files = problems.take(attachments::wanted(new.attachments)).unwrap_or_default();
    let trainings = problems.take(links::chosen(Kind::Training, new.trainings)).unwrap_or_default();
    let documents = problems.take(links::chosen(Kind::Document, new.documents)).unwrap_or_default();
    let report = match new.report {
        Some(_) if new.kind != ThreadKind::Signalement => {
            problems.add(Problem::new("report", Code::Refused, "Seul un signalement décrit un dysfonctionnement."));
            ReportFields::default()
        }
        Some(fields) => reports::sound_fields(fields).unwrap_or_else(|wrong| {
            wrong.into_iter().for_each(|problem| problems.add(problem));
            ReportFields::default()
        }),
        None => ReportFields::default(),
    };
    problems.refuse()?;
    let (rendered, mentioned) = render(app, caller, Within::Forum(new.forum), &body).await?;
    let (clock, most) = (app.clock.clone(), app.config.limits.group_day_posts);
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let forum = store::forum_row(tx, new.forum).await?.filter(|forum| actor.sees(forum.audience_id));
            let forum = forum.ok_or(Error::NotFound)?;
            rules::must_open(&actor, &forum)?;
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
                document: None,
            };
            must_address(tx, &actor, forum.space_id, (thread.post, now), &mentioned, most).await?;
            add_thread(tx, &clock, &thread, &report).await?;
            attachments::attach(tx, &actor, thread.post, &files).await?;
            for (kind, targets) in [(Kind::Training, &trainings), (Kind::Document, &documents)] {
                if !targets.is_empty() {
                    links::choose(tx, &clock, &actor, (thread.id, true), kind, targets).await?;
                }
            }
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
    pub(crate) mentioned: &'a Mentions,
    pub(crate) at: DateTime<Utc>,
    /// The document that it holds the remarks on.
    pub(crate) document: Option<DocumentId>,
}

/// Writes a thread with its opening post and tells it.
pub(crate) async fn add_thread(tx: &mut Tx, clock: &Clock, new: &NewThread<'_>, report: &ReportFields) -> Result<()> {
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
    tell(tx, clock, Some(new.author), &Event::ThreadOpened { thread: new.id, forum: new.forum, post: new.post }).await?;
    if new.kind == ThreadKind::Signalement {
        reports::open(tx, clock, new.author, (new.id, new.at), report).await?;
    }
    links::post_written(tx, clock, new.author, (new.id, new.post), &new.rendered.links).await
}

/// Turns a thread into another kind. One that cannot be solved forgets its answer; a malfunction report stands beside one that
/// becomes it.
pub(crate) async fn change_kind(tx: &mut Tx, clock: &Clock, actor: MemberId, thread: &Thread, kind: ThreadKind) -> Result<()> {
    store::set_kind(tx, thread.id, kind).await?;
    if kind == ThreadKind::Signalement {
        reports::open(tx, clock, actor, (thread.id, clock.now()), &ReportFields::default()).await?;
    }
    if !kind.can_be_solved() && thread.accepted_post_id.is_some() {
        store::accept(tx, thread.id, None, None).await?;
        tell(tx, clock, Some(actor), &Event::ThreadReopened { thread: thread.id }).await?;
    }
    reports::settle_thread(tx, thread.id).await
}

/// A new title or kind, other trainings or documents; what is none stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct EditThread {
    pub title: Option<String>,
    pub kind: Option<ThreadKind>,
    pub trainings: Option<Vec<TrainingId>>,
    pub documents: Option<Vec<DocumentId>>,
}

/// Changes the title, the kind, the trainings or the documents in sight: its author while it is not locked, and the moderators of
/// its space. A kind that cannot be solved forgets the accepted answer.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] on `title`, `kind`, `trainings` or `documents`.
pub async fn edit_thread(app: &App, caller: &Caller, id: ThreadId, edit: EditThread) -> Result<ThreadId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let title = edit.title.and_then(|title| problems.take(rules::title(&title)));
    let trainings = edit.trainings.and_then(|trainings| problems.take(links::chosen(Kind::Training, trainings)));
    let documents = edit.documents.and_then(|documents| problems.take(links::chosen(Kind::Document, documents)));
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let thread: Thread = seen(store::lock_thread(tx, id).await?, &actor)?;
            let own = thread.author_id == actor.id && thread.locked_at.is_none();
            if !own && !actor.moderates(thread.space_id) {
                return Err(Error::forbidden("Seuls l'auteur du fil, tant qu'il est ouvert, et les modérateurs le modifient."));
            }
            for (kind, targets) in [(Kind::Training, &trainings), (Kind::Document, &documents)] {
                if let Some(targets) = targets {
                    links::choose(tx, &clock, &actor, (id, false), kind, targets).await?;
                }
            }
            let kind = edit.kind.unwrap_or(thread.kind);
            if kind == thread.kind && title.as_ref().is_none_or(|title| *title == thread.title) {
                return Ok(id);
            }
            if kind != thread.kind {
                rules::takes_kind(&store::forum_kinds(tx, thread.forum_id).await?, kind)
                    .map_err(|problem| Error::Invalid(vec![problem]))?;
                change_kind(tx, &clock, actor.id, &thread, kind).await?;
            }
            if let Some(title) = title {
                rules::takes_title(&thread)?;
                store::set_title(tx, id, &title).await?;
            }
            tell(tx, &clock, Some(actor.id), &Event::ThreadChanged { thread: id }).await?;
            Ok(id)
        })
    })
    .await
}
