//! Adding documents and versions, changing, archiving, finding useful.

use chrono::{DateTime, Utc};

use super::{Document, Licence, Version, publishing, remarks, rules, space, store};
use crate::App;
use crate::audience::{self, Grant};
use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{AudienceId, DocumentCategoryId, DocumentId, FileId, MemberId, OrganisationId};
use crate::idempotency::act;
use crate::{accounts, files, forum, organisations};

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file that the caller sent.
    File(FileId),
    /// An address on the web.
    Link(String),
}

impl Source {
    /// One of the two, or none.
    ///
    /// # Errors
    /// A problem of `link` when both are given.
    pub fn of(file: Option<FileId>, link: Option<String>) -> Result<Option<Self>, Problem> {
        match (file, link) {
            (Some(_), Some(_)) => Err(Problem::new("link", Code::Refused, "Donnez un fichier ou une adresse, pas les deux.")),
            (Some(file), None) => Ok(Some(Self::File(file))),
            (None, Some(link)) => Ok(Some(Self::Link(link))),
            (None, None) => Ok(None),
        }
    }

    /// With its address in one form.
    fn checked(self) -> Result<Self, Problem> {
        match self {
            Self::Link(link) => rules::link(&link).map(Self::Link),
            file @ Self::File(_) => Ok(file),
        }
    }
}

/// Whose a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they hold")]
pub enum Owner {
    Member(MemberId),
    Organisation(OrganisationId),
}

impl Owner {
    /// One of the two, or none.
    ///
    /// # Errors
    /// A problem of `ownerOrganisationId` when both are given.
    pub fn of(member: Option<MemberId>, organisation: Option<OrganisationId>) -> Result<Option<Self>, Problem> {
        match (member, organisation) {
            (Some(_), Some(_)) => {
                let sentence = "Un document est à un membre ou à une organisation, pas aux deux.";
                Err(Problem::new("ownerOrganisationId", Code::Refused, sentence))
            }
            (Some(member), None) => Ok(Some(Self::Member(member))),
            (None, Some(organisation)) => Ok(Some(Self::Organisation(organisation))),
            (None, None) => Ok(None),
        }
    }

    /// The two columns, of an owner that exists.
    async fn known(self, tx: &mut Tx) -> Result<(Option<MemberId>, Option<OrganisationId>)> {
        match self {
            Self::Member(id) if accounts::members_by_id(tx, &[id]).await?.is_empty() => {
                Err(Error::invalid("ownerMemberId", Code::Unknown, "Membre inconnu."))
            }
            Self::Organisation(id) if organisations::ancestors(tx, id).await?.is_empty() => {
                Err(Error::invalid("ownerOrganisationId", Code::Unknown, "Organisation inconnue."))
            }
            Self::Member(id) => Ok((Some(id), None)),
            Self::Organisation(id) => Ok((None, Some(id))),
        }
    }
}

/// What is needed to add a document.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct CreateDocument {
    pub category: DocumentCategoryId,
    pub title: String,
    pub summary: String,
    pub tags: Vec<String>,
    /// BCP 47; French when none.
    pub language: Option<String>,
    /// The caller when none.
    pub owner: Option<Owner>,
    pub audience: Vec<Grant>,
    pub licence: Option<Licence>,
    pub review_by: Option<DateTime<Utc>>,
    pub accessible: bool,
    /// The first version; without one its address is to be confirmed.
    pub source: Option<Source>,
    pub note: String,
}

/// Adds a document: editors, those who moderate the library's space, administrators. They see it, and so does its owner,
/// whoever else may.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on the input.
pub async fn create_document(app: &App, caller: &Caller, new: CreateDocument) -> Result<DocumentId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let title = problems.take(rules::title(&new.title)).unwrap_or_default();
    let summary = problems.take(rules::summary(&new.summary)).unwrap_or_default();
    let tags = problems.take(rules::tags(&new.tags)).unwrap_or_default();
    let language = problems.take(rules::language(new.language.as_deref().unwrap_or("fr"))).unwrap_or_default();
    let source = new.source.and_then(|source| problems.take(source.checked()));
    let note = problems.take(rules::note(&new.note)).unwrap_or_default();
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            rules::may_create(&actor, space(tx).await?)?;
            known_category(tx, new.category).await?;
            let (member, organisation) = new.owner.unwrap_or(Owner::Member(actor.id)).known(tx).await?;
            let audience = sight(tx, &clock, new.audience, member, organisation).await?;
            let document = Document {
                title,
                summary,
                language,
                member_id: member,
                organisation_id: organisation,
                licence: new.licence,
                review_by: new.review_by,
                accessible: new.accessible,
                ..Document::new(&clock, new.category, audience)
            };
            put_document(tx, &clock, Some(actor.id), &document, &tags).await?;
            if let Some(source) = source {
                hold(tx, &actor, &source).await?;
                put_version(tx, &clock, NewVersion { document: document.id, number: 1, source, note, author: Some(actor.id) })
                    .await?;
            }
            Ok(document.id)
        })
    })
    .await
}

/// The audience of a document: these grants, and whoever writes in it.
pub(crate) async fn sight(
    tx: &mut Tx,
    clock: &Clock,
    grants: Vec<Grant>,
    member: Option<MemberId>,
    organisation: Option<OrganisationId>,
) -> Result<AudienceId> {
    let space = space(tx).await?;
    audience::ensure(tx, clock, &rules::with_writers(grants, space, member, organisation)).await
}

/// Writes a document without a version, and tells it.
pub(crate) async fn put_document(
    tx: &mut Tx,
    clock: &Clock,
    actor: Option<MemberId>,
    document: &Document,
    tags: &[String],
) -> Result<()> {
    store::insert_document(tx, document).await?;
    store::set_tags(tx, document.id, tags).await?;
    tell(tx, clock, actor, &Event::DocumentCreated { document: document.id }).await
}

/// A version, checked.
pub(crate) struct NewVersion {
    pub(crate) document: DocumentId,
    pub(crate) number: i64,
    pub(crate) source: Source,
    pub(crate) note: String,
    /// None for the foundation.
    pub(crate) author: Option<MemberId>,
}

/// Writes a version, and tells it.
pub(crate) async fn put_version(tx: &mut Tx, clock: &Clock, new: NewVersion) -> Result<()> {
    let (file_id, link) = match new.source {
        Source::File(file) => (Some(file), None),
        Source::Link(link) => (None, Some(link)),
    };
    let version = Version {
        document_id: new.document,
        number: new.number,
        file_id,
        link,
        note: new.note,
        author_id: new.author,
        created_at: clock.now(),
    };
    store::insert_version(tx, &version).await?;
    tell(tx, clock, new.author, &Event::DocumentVersionAdded { document: new.document, version: new.number }).await
}

async fn hold(tx: &mut Tx, actor: &Actor, source: &Source) -> Result<()> {
    match source {
        Source::File(file) => files::hold(tx, actor, "fileId", &[*file]).await,
        Source::Link(_) => Ok(()),
    }
}

/// What changes in a document; what is none stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct UpdateDocument {
    pub category: Option<DocumentCategoryId>,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub tags: Option<Vec<String>>,
    pub language: Option<String>,
    /// Given by who keeps the library.
    pub owner: Option<Owner>,
    pub audience: Option<Vec<Grant>>,
    /// None inside: unknown.
    pub licence: Option<Option<Licence>>,
    /// None inside: never.
    pub review_by: Option<Option<DateTime<Utc>>>,
    pub accessible: Option<bool>,
}

/// Changes what is told of a document: who keeps the library, its owner, those who administer the organisation that owns it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] on the input.
pub async fn update_document(app: &App, caller: &Caller, id: DocumentId, change: UpdateDocument) -> Result<DocumentId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let title = change.title.and_then(|title| problems.take(rules::title(&title)));
    let summary = change.summary.and_then(|summary| problems.take(rules::summary(&summary)));
    let tags = change.tags.and_then(|tags| problems.take(rules::tags(&tags)));
    let language = change.language.and_then(|language| problems.take(rules::language(&language)));
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let mut document = editable(tx, &actor, id).await?;
            if let Some(category) = change.category {
                known_category(tx, category).await?;
                document.category_id = category;
            }
            document.title = title.unwrap_or(document.title);
            document.summary = summary.unwrap_or(document.summary);
            document.language = language.unwrap_or(document.language);
            document.licence = change.licence.unwrap_or(document.licence);
            document.review_by = change.review_by.unwrap_or(document.review_by);
            document.accessible = change.accessible.unwrap_or(document.accessible);
            document.updated_at = clock.now();
            let grants = match (change.owner, change.audience) {
                (None, grants) => grants,
                (Some(owner), grants) => {
                    rules::may_create(&actor, space(tx).await?)?;
                    let grants = match grants {
                        Some(grants) => grants,
                        None => {
                            let grants = audience::grants(tx, &[document.audience_id]).await?.into_values().flatten().collect();
                            rules::without_owner(grants, &document)
                        }
                    };
                    (document.member_id, document.organisation_id) = owner.known(tx).await?;
                    Some(grants)
                }
            };
            if let Some(grants) = grants {
                let grants = rules::with_writers(grants, space(tx).await?, document.member_id, document.organisation_id);
                publishing::must_stay_within_source(tx, &actor, &document, &grants).await?;
                document.audience_id = audience::ensure(tx, &clock, &grants).await?;
            }
            store::set_document(tx, &document).await?;
            let space = space(tx).await?;
            forum::follow_remarks(tx, &clock, actor.id, &remarks::about(&document, space)).await?;
            if let Some(tags) = tags {
                store::set_tags(tx, id, &tags).await?;
            }
            tell(tx, &clock, Some(actor.id), &Event::DocumentChanged { document: id }).await?;
            Ok(id)
        })
    })
    .await
}

/// What is needed to add a version.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct AddVersion {
    pub source: Option<Source>,
    pub note: String,
}

/// Adds a version, which is the latest from now on; the former ones stay.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when it is archived; [`Error::Invalid`] on the input.
pub async fn add_document_version(app: &App, caller: &Caller, id: DocumentId, new: AddVersion) -> Result<DocumentId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    if new.source.is_none() {
        problems.add(Problem::new("fileId", Code::Required, "Donnez un fichier ou une adresse."));
    }
    let source = new.source.and_then(|source| problems.take(source.checked()));
    let note = problems.take(rules::note(&new.note)).unwrap_or_default();
    problems.refuse()?;
    let source = source.ok_or_else(|| Error::internal("a version of nothing"))?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let document = editable(tx, &actor, id).await?;
            if document.archived_at.is_some() {
                let sentence = "Ce document est archivé : sortez-le des archives d'abord.";
                return Err(Error::conflict("documentId", Code::Refused, sentence));
            }
            hold(tx, &actor, &source).await?;
            let number = document.latest + 1;
            put_version(tx, &clock, NewVersion { document: id, number, source, note, author: Some(actor.id) }).await?;
            Ok(id)
        })
    })
    .await
}

/// Archives a document, which lists then leave out, or takes it back. Its addresses stay good.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`].
pub async fn archive_document(app: &App, caller: &Caller, id: DocumentId, archived: bool) -> Result<DocumentId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let document = editable(tx, &actor, id).await?;
            if document.archived_at.is_some() != archived {
                put_archived(tx, &clock, actor.id, id, (document.archived_at, archived)).await?;
            }
            Ok(id)
        })
    })
    .await
}

/// Says that a document is useful to the caller, or no more.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn vote_document(app: &App, caller: &Caller, id: DocumentId, useful: bool) -> Result<DocumentId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            seen(tx, &actor, id).await?;
            put_vote(tx, &clock, id, actor.id, useful).await?;
            Ok(id)
        })
    })
    .await
}

/// Archives a document, or takes it out of the archives where it is since `before`, and tells it; its remarks are closed with it.
pub(crate) async fn put_archived(
    tx: &mut Tx,
    clock: &Clock,
    actor: MemberId,
    id: DocumentId,
    (before, archived): (Option<DateTime<Utc>>, bool),
) -> Result<()> {
    let at = archived.then(|| clock.now());
    store::set_archived(tx, id, at).await?;
    tell(tx, clock, Some(actor), &Event::DocumentArchived { document: id, archived }).await?;
    forum::close_remarks(tx, clock, actor, id, (before, at)).await
}

/// Writes whether a member finds a document useful, and tells it when it changes.
pub(crate) async fn put_vote(tx: &mut Tx, clock: &Clock, id: DocumentId, member: MemberId, useful: bool) -> Result<()> {
    if store::set_vote(tx, id, member, useful).await? {
        tell(tx, clock, Some(member), &Event::DocumentVoted { document: id, useful }).await?;
    }
    Ok(())
}

/// The document, locked, when this member sees it.
pub(super) async fn seen(tx: &mut Tx, actor: &Actor, id: DocumentId) -> Result<Document> {
    store::lock_document(tx, id).await?.filter(|document| actor.sees(document.audience_id)).ok_or(Error::NotFound)
}

/// The same when they may change it.
async fn editable(tx: &mut Tx, actor: &Actor, id: DocumentId) -> Result<Document> {
    let document = seen(tx, actor, id).await?;
    if edits(tx, actor, &document).await? {
        return Ok(document);
    }
    Err(Error::forbidden("Seuls son propriétaire et celles et ceux qui tiennent la bibliothèque modifient ce document."))
}

async fn edits(tx: &mut Tx, actor: &Actor, document: &Document) -> Result<bool> {
    let above = match document.organisation_id {
        Some(organisation) => organisations::ancestors(tx, organisation).await?,
        None => Vec::new(),
    };
    Ok(rules::may_edit(actor, document, space(tx).await?, &above))
}

/// Whether they may change a document, which they see.
pub(crate) async fn may_change(tx: &mut Tx, actor: &Actor, id: DocumentId) -> Result<bool> {
    match store::documents_by_id(tx, &[id]).await?.pop() {
        Some(document) => edits(tx, actor, &document).await,
        None => Ok(false),
    }
}

pub(super) async fn known_category(tx: &mut Tx, id: DocumentCategoryId) -> Result<()> {
    if store::category_exists(tx, id).await? {
        return Ok(());
    }
    Err(Error::invalid("categoryId", Code::Unknown, "Catégorie inconnue."))
}
