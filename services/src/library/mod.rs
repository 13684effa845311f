//! The library: documents in the guide's nine categories (4; docs/library.md), with their versions, whoever may see them.
//!
//! What writes is in [`writing`], [`publishing`] (posts that become documents) and [`remarks`], what the foundation lays in
//! [`entries`]; what reads is here.

mod entries;
mod publishing;
mod remarks;
mod rules;
mod store;
mod writing;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::App;
use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Cx;
use crate::error::Result;
use crate::files::File;
use crate::id::{AudienceId, DocumentCategoryId, DocumentId, FileId, MemberId, OrganisationId, PostId, SpaceId};
use crate::page::{NameKey, Page, Paging, Slice, TimeKey, gathered};

pub(crate) use entries::lay;
pub use publishing::{PublishPost, publish_post};
pub(crate) use publishing::{file_name, put_published};
pub(crate) use remarks::put_remark;
pub use remarks::remark_document;
pub use rules::{may_edit, may_remark};
pub(crate) use store::shows_file;
pub use writing::{
    AddVersion, CreateDocument, Owner, Source, UpdateDocument, add_document_version, archive_document, create_document,
    update_document, vote_document,
};
pub(crate) use writing::{NewVersion, may_change, put_archived, put_document, put_version, put_vote, sight};

/// The slug of the space that holds the library.
pub const SPACE: &str = "accompagnement";

/// One of the nine parts of the library.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct DocumentCategory {
    pub id: DocumentCategoryId,
    pub slug: String,
    pub name: String,
    pub position: i64,
}

/// What others may do with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Licence {
    /// Licence Ouverte 2.0 (Etalab).
    Ouverte,
    CcBy,
    CcBySa,
    CcByNd,
    CcByNc,
    CcByNcSa,
    CcByNcNd,
    DomainePublic,
    TousDroitsReserves,
}

/// A document of the library.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Document {
    pub id: DocumentId,
    pub category_id: DocumentCategoryId,
    pub title: String,
    pub summary: String,
    /// BCP 47.
    pub language: String,
    /// The owner, a member.
    pub member_id: Option<MemberId>,
    /// The owner, an organisation; with neither it is the programme's.
    pub organisation_id: Option<OrganisationId>,
    pub audience_id: AudienceId,
    pub licence: Option<Licence>,
    pub review_by: Option<DateTime<Utc>>,
    /// There is an accessible version (RGAA).
    pub accessible: bool,
    /// Number of the latest version; 0 while there is none.
    pub latest: i64,
    pub useful_count: i64,
    pub download_count: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub archived_at: Option<DateTime<Utc>>,
    /// The post that it was made of.
    pub post_id: Option<PostId>,
}

impl Document {
    /// A fresh one without words, owner and version.
    pub(crate) fn new(clock: &Clock, category_id: DocumentCategoryId, audience_id: AudienceId) -> Self {
        let now = clock.now();
        Self {
            id: DocumentId::new(clock),
            category_id,
            title: String::new(),
            summary: String::new(),
            language: "fr".into(),
            member_id: None,
            organisation_id: None,
            audience_id,
            licence: None,
            review_by: None,
            accessible: false,
            latest: 0,
            useful_count: 0,
            download_count: 0,
            created_at: now,
            updated_at: now,
            archived_at: None,
            post_id: None,
        }
    }

    /// The path of its latest version, whichever that is.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        (self.latest > 0).then(|| format!("/documents/{}/latest", self.id))
    }

    /// Whether it should have been reviewed by `now`.
    #[must_use]
    pub fn is_review_due(&self, now: DateTime<Utc>) -> bool {
        self.archived_at.is_none() && self.review_by.is_some_and(|by| by <= now)
    }
}

/// A version of a document: a file or a link.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Version {
    pub document_id: DocumentId,
    /// 1, 2, 3 …
    pub number: i64,
    pub file_id: Option<FileId>,
    pub link: Option<String>,
    pub note: String,
    /// None for what the foundation laid.
    pub author_id: Option<MemberId>,
    pub created_at: DateTime<Utc>,
}

impl Version {
    /// Its path on the public address.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/documents/{}/versions/{}", self.document_id, self.number)
    }
}

/// Which documents a list holds; every condition given must hold. Archived ones only when asked for.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct DocumentFilter {
    pub category: Option<DocumentCategoryId>,
    pub tag: Option<String>,
    pub language: Option<String>,
    pub member: Option<MemberId>,
    pub organisation: Option<OrganisationId>,
    /// Without a version yet.
    pub to_confirm: bool,
    /// To be reviewed by then.
    pub review_due: Option<DateTime<Utc>>,
    /// Archived ones, rather than the others.
    pub archived: bool,
}

/// The categories, in their order.
///
/// # Errors
/// When the database fails.
pub async fn categories(cx: &mut Cx) -> Result<Vec<DocumentCategory>> {
    store::categories(cx).await
}

/// Documents that this caller sees, by title.
///
/// # Errors
/// [`crate::Error::Invalid`] on the paging.
pub async fn documents(cx: &mut Cx, caller: &Caller, filter: &DocumentFilter, paging: &Paging) -> Result<Page<Document>> {
    let slice = Slice::<NameKey>::new(paging)?;
    if !filter.can_match() {
        return Ok(slice.page(Vec::new()));
    }
    Ok(slice.page(store::documents_by_title(cx, caller, filter, &slice).await?))
}

/// The same, the last changed first.
///
/// # Errors
/// [`crate::Error::Invalid`] on the paging.
pub async fn latest_documents(cx: &mut Cx, caller: &Caller, filter: &DocumentFilter, paging: &Paging) -> Result<Page<Document>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    if !filter.can_match() {
        return Ok(slice.page(Vec::new()));
    }
    Ok(slice.page(store::documents_by_date(cx, caller, filter, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_documents(cx: &mut Cx, caller: &Caller, filter: &DocumentFilter) -> Result<i64> {
    if !filter.can_match() {
        return Ok(0);
    }
    store::count_documents(cx, caller, filter).await
}

impl DocumentFilter {
    /// PostgreSQL refuses a text with a null character; nothing has one.
    fn can_match(&self) -> bool {
        [&self.tag, &self.language].into_iter().flatten().all(|text| !text.contains('\0'))
    }
}

/// Those of these documents that this caller sees.
///
/// # Errors
/// When the database fails.
pub async fn documents_by_id(cx: &mut Cx, caller: &Caller, ids: &[DocumentId]) -> Result<HashMap<DocumentId, Document>> {
    let found = store::documents_by_id(cx, ids).await?;
    Ok(found.into_iter().filter(|document| caller.sees(document.audience_id)).map(|document| (document.id, document)).collect())
}

/// The document that each of these posts became, where there is one and this caller sees it. Posts are theirs to check.
///
/// # Errors
/// When the database fails.
pub async fn documents_of_posts(cx: &mut Cx, caller: &Caller, posts: &[PostId]) -> Result<HashMap<PostId, Vec<Document>>> {
    let found = store::documents_of_posts(cx, posts).await?.into_iter().filter(|document| caller.sees(document.audience_id));
    Ok(gathered(found.filter_map(|document| Some((document.post_id?, document)))))
}

/// The files that came with the versions of each of these documents, which the caller sees: with the number of the version.
///
/// # Errors
/// When the database fails.
pub async fn attachments(cx: &mut Cx, ids: &[DocumentId]) -> Result<HashMap<DocumentId, Vec<(i64, FileId)>>> {
    let found = store::attachments(cx, ids).await?;
    Ok(gathered(found.into_iter().map(|(document, number, file)| (document, (number, file)))))
}

/// The tags of these documents, which the caller sees.
///
/// # Errors
/// When the database fails.
pub async fn tags(cx: &mut Cx, ids: &[DocumentId]) -> Result<HashMap<DocumentId, Vec<String>>> {
    Ok(gathered(store::tags(cx, ids).await?))
}

/// The latest version of each of these documents, which the caller sees.
///
/// # Errors
/// When the database fails.
pub async fn latest_versions(cx: &mut Cx, ids: &[DocumentId]) -> Result<HashMap<DocumentId, Version>> {
    Ok(store::latest_versions(cx, ids).await?.into_iter().map(|version| (version.document_id, version)).collect())
}

/// The versions of each of these documents, which the caller sees, the first one first.
///
/// # Errors
/// [`crate::Error::Invalid`] on the paging.
pub async fn versions(cx: &mut Cx, ids: &[DocumentId], paging: &Paging) -> Result<HashMap<DocumentId, Page<Version>>> {
    let slice = Slice::<i64>::new(paging)?;
    let lists = store::versions(cx, ids, &slice).await?;
    Ok(slice.pages(ids, lists))
}

/// Which of these documents this caller found useful.
///
/// # Errors
/// When the database fails.
pub async fn found_useful(cx: &mut Cx, caller: &Caller, ids: &[DocumentId]) -> Result<HashSet<DocumentId>> {
    match caller.id() {
        None => Ok(HashSet::new()),
        Some(member) => Ok(store::found_useful(cx, member, ids).await?.into_iter().collect()),
    }
}

/// The document whose address on this service that path is: of its latest version or another one.
pub(crate) fn document_at(path: &str) -> Option<DocumentId> {
    let path = path.split(['?', '#']).next()?;
    let (id, version) = path.strip_prefix("/documents/")?.split_once('/')?;
    let is_version = version == "latest" || version.strip_prefix("versions/").is_some_and(|number| number.parse::<u32>().is_ok());
    is_version.then(|| id.parse().ok()).flatten()
}

/// What an address of a document leads to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A file.
    File(File),
    /// Another address.
    Link(String),
}

/// Where a version of a document leads, the latest one when none is named; nowhere for who does not see the document.
///
/// # Errors
/// When the database fails.
pub async fn target(cx: &mut Cx, caller: &Caller, id: DocumentId, number: Option<i64>) -> Result<Option<Target>> {
    let Some(document) = store::documents_by_id(cx, &[id]).await?.pop().filter(|document| caller.sees(document.audience_id))
    else {
        return Ok(None);
    };
    let Some(version) = store::version(cx, id, number.unwrap_or(document.latest)).await? else { return Ok(None) };
    Ok(match (version.file_id, version.link) {
        (Some(file), _) => crate::files::files_by_id(cx, &[file]).await?.remove(&file).map(Target::File),
        (None, link) => link.map(Target::Link),
    })
}

/// Counts a download, of which nothing else is kept.
///
/// # Errors
/// When the database fails.
pub async fn count_download(app: &App, id: DocumentId) -> Result<()> {
    app.db.write(move |tx| Box::pin(async move { store::add_download(tx, id).await })).await
}

/// The space whose moderators keep the library.
pub(crate) async fn space(cx: &mut Cx) -> Result<SpaceId> {
    let spaces = crate::forum::spaces(cx).await?;
    let found = spaces.into_iter().find(|space| space.slug == SPACE);
    found.map(|space| space.id).ok_or_else(|| crate::Error::internal("there is no space for the library"))
}

/// Whether the categories are there.
pub(crate) async fn is_laid(cx: &mut Cx) -> Result<bool> {
    Ok(!store::categories(cx).await?.is_empty())
}

/// A category with its place, for the foundation.
pub(crate) fn new_category(clock: &Clock, (slug, name): (&str, &str), position: i64) -> DocumentCategory {
    DocumentCategory { id: DocumentCategoryId::new(clock), slug: slug.into(), name: name.into(), position }
}
