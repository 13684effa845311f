//! A post that becomes a document in one act: an accepted answer, or a good practice (docs/library.md).
//!
//! Its Markdown is kept as a file, as any version's is, so that addresses, ranges and counts work as they do. What is attached to it
//! is not sent again: the document has rows of its own on the same contents.

use super::writing::{NewVersion, Source, known_category, put_document, put_version};
use super::{Document, Licence, rules, space, store};
use crate::audience::{self, Grant};
use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Code, Error, Problems, Result};
use crate::files::{self, Prepared};
use crate::forum::{self, Post, Thread};
use crate::id::{DocumentCategoryId, DocumentId, OrganisationId, PostId};
use crate::idempotency::act;
use crate::{App, links, organisations, text};

/// What is needed to make a document of a post.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct PublishPost {
    pub post: PostId,
    pub category: DocumentCategoryId,
    pub title: String,
    pub summary: String,
    pub tags: Vec<String>,
    /// BCP 47; French when none.
    pub language: Option<String>,
    /// Who sees the post when none.
    pub audience: Option<Vec<Grant>>,
    pub licence: Option<Licence>,
}

/// Makes a document of a post: who keeps the library. The post's author owns it; who did it is the author of its first version. It is
/// seen by those who see the post, or fewer; only the post's author and the moderators of its space let more people see it. Its thread
/// is linked to it.
///
/// # Errors
/// [`Error::NotFound`] for a post out of sight; [`Error::Forbidden`]; [`Error::Invalid`] on the input; [`Error::Conflict`] when the
/// post was taken away, is neither accepted nor a good practice, is a document already, or was changed meanwhile.
pub async fn publish_post(app: &App, caller: &Caller, new: PublishPost) -> Result<DocumentId> {
    caller.may(Scope::Write)?;
    let mut problems = Problems::default();
    let title = problems.take(rules::title(&new.title)).unwrap_or_default();
    let summary = problems.take(rules::summary(&new.summary)).unwrap_or_default();
    let tags = problems.take(rules::tags(&new.tags)).unwrap_or_default();
    let language = problems.take(rules::language(new.language.as_deref().unwrap_or("fr"))).unwrap_or_default();
    problems.refuse()?;
    // The content is kept before the write, which holds only SQL. A refusal waits for it: what was done under its key is answered as
    // it was, whatever became of the post.
    let name = file_name(&title);
    let read = keep(app, caller, new.post, &name).await;
    let kept = read.as_ref().ok().map(|(body, content)| (body.clone(), content.sha256()));
    let clock = app.clock.clone();
    let done = act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (written, content) = read?;
            let (thread, post) = forum::locked(tx, &actor, new.post).await?;
            let space = space(tx).await?;
            rules::may_create(&actor, space)?;
            rules::can_be_published(&thread, &post)?;
            if let Some(known) = store::documents_of_posts(tx, &[post.id]).await?.pop() {
                return Err(Error::conflict("postId", Code::Taken, taken(&actor, &known)));
            }
            if post.body != written {
                return Err(Error::conflict("postId", Code::Refused, "Ce message a été modifié entre-temps : relisez-le."));
            }
            known_category(tx, new.category).await?;
            let grants = match new.audience {
                Some(grants) => grants,
                None => audience::grants(tx, &[thread.audience_id]).await?.remove(&thread.audience_id).unwrap_or_default(),
            };
            let grants = rules::with_writers(grants, space, Some(post.author_id), None);
            let document = Document {
                title,
                summary,
                language,
                member_id: Some(post.author_id),
                licence: new.licence,
                post_id: Some(post.id),
                ..Document::new(&clock, new.category, audience::ensure(tx, &clock, &grants).await?)
            };
            must_stay_within(tx, &actor, (&thread, &post), &grants).await?;
            put_published(tx, &clock, actor.id, &document, &tags, &content).await?;
            links::add_chosen(tx, &clock, actor.id, thread.id, document.id.into()).await?;
            Ok(document.id)
        })
    })
    .await?;
    if let Some((body, sha256)) = kept
        && !app.files.holds(&sha256).await
    {
        // A sweep of the same content passed just before the row was there.
        files::prepare(app, &name, body.as_bytes()).await?;
    }
    Ok(done)
}

/// What the post says, kept under that name, when this caller may make a document of it as far as it can be told before the write.
async fn keep(app: &App, caller: &Caller, id: PostId, name: &str) -> Result<(String, Prepared)> {
    let body = read(app, caller, id).await?;
    let content = files::prepare(app, name, body.as_bytes()).await?;
    Ok((body, content))
}

async fn read(app: &App, caller: &Caller, id: PostId) -> Result<String> {
    let cx = &mut *app.db.reader().await?;
    let post = forum::posts_by_id(cx, &[id]).await?.remove(&id).ok_or(Error::NotFound)?;
    let thread = forum::threads_by_id(cx, caller, &[post.thread_id]).await?.remove(&post.thread_id).ok_or(Error::NotFound)?;
    rules::may_create(caller, space(cx).await?)?;
    rules::can_be_published(&thread, &post)?;
    Ok(post.body)
}

/// The name of the file of a document with that title.
pub(crate) fn file_name(title: &str) -> String {
    let slug = text::slug(title);
    format!("{}.md", if slug.is_empty() { "message" } else { &slug })
}

fn taken(actor: &Actor, known: &Document) -> String {
    if actor.sees(known.audience_id) {
        format!("Ce message est déjà le document « {} » ({}).", known.title, known.id)
    } else {
        "Ce message est déjà un document.".into()
    }
}

/// Writes a document made of a post, with its first version, and tells it.
pub(crate) async fn put_published(
    tx: &mut Tx,
    clock: &Clock,
    by: crate::id::MemberId,
    document: &Document,
    tags: &[String],
    content: &Prepared,
) -> Result<()> {
    put_document(tx, clock, Some(by), document, tags).await?;
    let source = Source::File(files::put(tx, clock, content, by).await?);
    let version = NewVersion { document: document.id, number: 1, source, note: String::new(), author: Some(by) };
    put_version(tx, clock, version).await?;
    if let Some(post) = document.post_id {
        let attached = forum::present_attachments(tx, post).await?;
        let again = files::put_again(tx, clock, &attached).await?;
        store::insert_attachments(tx, document.id, 1, &again).await?;
    }
    Ok(())
}

/// That a document made of a post is seen by nobody who does not see the post, unless its author or a moderator of its space says so.
pub(super) async fn must_stay_within(
    tx: &mut Tx,
    actor: &Actor,
    (thread, post): (&Thread, &Post),
    grants: &[Grant],
) -> Result<()> {
    if actor.id == post.author_id || actor.moderates(thread.space_id) {
        return Ok(());
    }
    let seen = audience::grants(tx, &[thread.audience_id]).await?.remove(&thread.audience_id).unwrap_or_default();
    let named: Vec<_> = grants.iter().filter_map(organisation_of).collect();
    let lines = organisations::lines(tx, &named).await?;
    let above = |grant| organisation_of(grant).and_then(|id| lines.get(&id)).map_or(&[][..], Vec::as_slice);
    if grants.iter().all(|grant| rules::is_within(*grant, &seen, above(grant), post.author_id)) {
        return Ok(());
    }
    let sentence = "Ce document serait vu de personnes qui ne voient pas le message : seuls son auteur et les modérateurs de son \
                    espace en décident.";
    Err(Error::invalid("audience", Code::Refused, sentence))
}

fn organisation_of(grant: &Grant) -> Option<OrganisationId> {
    match grant {
        Grant::Organisation(id) | Grant::RoleIn(_, id) => Some(*id),
        _ => None,
    }
}

/// The same for a document that is given another audience, whatever it was made of.
pub(super) async fn must_stay_within_source(tx: &mut Tx, actor: &Actor, document: &Document, grants: &[Grant]) -> Result<()> {
    let Some(id) = document.post_id else { return Ok(()) };
    let Some(post) = forum::posts_by_id(tx, &[id]).await?.remove(&id) else { return Ok(()) };
    match forum::thread_row(tx, post.thread_id).await? {
        Some(thread) => must_stay_within(tx, actor, (&thread, &post), grants).await,
        None => Ok(()),
    }
}
