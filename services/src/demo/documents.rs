//! The demo's documents: their files are kept first, their rows are written act by act.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::content::WrittenDocument;
use super::plan::{Plan, PlannedDocument, What};
use super::{NOW, pdf};
use crate::audience::Grant;
use crate::caller::{Actor, Caller, Credential};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::files::{self, Prepared};
use crate::forum::Remark;
use crate::id::{AudienceId, DocumentCategoryId, DocumentId, MemberId, OrganisationId, PostId, ThreadId};
use crate::library::{self, Document, NewVersion, Source};
use crate::{App, links};

/// The file of each version of each document, when it has one.
pub(super) type Files = Vec<Vec<Option<Prepared>>>;

/// The remarks on each document, in the order they are written.
pub(super) type Remarks = Vec<Vec<Remark>>;

/// Keeps the contents; what a document is made of is its one file.
pub(super) async fn prepare(app: &App, plan: &Plan, documents: &[WrittenDocument]) -> Result<Files> {
    let mut files = Vec::with_capacity(documents.len());
    for (own, document) in documents.iter().enumerate() {
        let mut of_versions = Vec::with_capacity(document.versions.len());
        let source = plan.acts.iter().find_map(|act| match act.what {
            What::Publish(made, post) if made == own => Some(&plan.bodies[plan.posts[post].body]),
            _ => None,
        });
        if let Some(body) = source {
            of_versions.push(Some(files::prepare(app, &library::file_name(&document.title), body.as_bytes()).await?));
        }
        for version in &document.versions {
            of_versions.push(match &version.file {
                Some(name) if name.ends_with(".pdf") => Some(files::prepare(app, name, &pdf::page(&version.text)).await?),
                Some(name) => Some(files::prepare(app, name, version.text.as_bytes()).await?),
                None => None,
            });
        }
        files.push(of_versions);
    }
    Ok(files)
}

/// Renders the remarks, once there are members to mention; they address no group.
pub(super) async fn remarks(app: &App, documents: &[WrittenDocument]) -> Result<Remarks> {
    let (nobody, space) = {
        let cx = &mut *app.db.reader().await?;
        (Caller::anonymous(cx).await?, library::space(cx).await?)
    };
    let mut remarks = Vec::with_capacity(documents.len());
    for document in documents {
        let mut of_document = Vec::with_capacity(document.remarks.len());
        for remark in &document.remarks {
            of_document.push(Remark::new(app, &nobody, space, &remark.body, Vec::new()).await?);
        }
        remarks.push(of_document);
    }
    Ok(remarks)
}

/// What is needed to write them, and those that are written, by their place in the plan.
pub(super) struct Library {
    files: Files,
    remarks: Remarks,
    organisations: HashMap<String, OrganisationId>,
    categories: HashMap<String, DocumentCategoryId>,
    documents: HashMap<usize, DocumentId>,
}

impl Library {
    pub(super) fn new(
        (files, remarks): (Files, Remarks),
        organisations: HashMap<String, OrganisationId>,
        categories: HashMap<String, DocumentCategoryId>,
    ) -> Self {
        Self { files, remarks, organisations, categories, documents: HashMap::new() }
    }

    pub(super) async fn add(
        &mut self,
        tx: &mut Tx,
        clock: &Clock,
        own: usize,
        planned: &PlannedDocument,
        author: MemberId,
    ) -> Result<()> {
        let written = &planned.written;
        let organisation = match &written.organisation {
            Some(slug) => Some(*self.organisations.get(slug).ok_or_else(|| unknown(slug))?),
            None => None,
        };
        let grant = organisation.filter(|_| written.restricted).map_or(Grant::Public, Grant::Organisation);
        let member = organisation.is_none().then_some(author);
        let audience = library::sight(tx, clock, vec![grant], member, organisation).await?;
        let document = Document { organisation_id: organisation, ..self.described(clock, own, written, (member, audience))? };
        library::put_document(tx, clock, Some(author), &document, &written.tags).await
    }

    /// Makes a document of a post, which everybody sees, as who keeps the library does.
    pub(super) async fn publish(
        &mut self,
        tx: &mut Tx,
        clock: &Clock,
        own: usize,
        (planned, by): (&PlannedDocument, MemberId),
        (post, author, thread): (PostId, MemberId, ThreadId),
    ) -> Result<()> {
        let written = &planned.written;
        let audience = library::sight(tx, clock, vec![Grant::Public], Some(author), None).await?;
        let document = Document { post_id: Some(post), ..self.described(clock, own, written, (Some(author), audience))? };
        let content = self.files[own].first().and_then(Option::as_ref);
        let content = content.ok_or_else(|| Error::internal("the demo makes a document of nothing"))?;
        library::put_published(tx, clock, by, &document, &written.tags, content).await?;
        links::add_chosen(tx, clock, by, thread, document.id.into()).await
    }

    /// The document as it is written, without an organisation or a post.
    fn described(
        &mut self,
        clock: &Clock,
        own: usize,
        written: &WrittenDocument,
        (member, audience): (Option<MemberId>, AudienceId),
    ) -> Result<Document> {
        let category = *self.categories.get(&written.category).ok_or_else(|| unknown(&written.category))?;
        let document = Document {
            title: written.title.clone(),
            summary: written.summary.clone(),
            member_id: member,
            licence: written.licence,
            review_by: written.review_in_days.map(|days| NOW + TimeDelta::days(days)),
            accessible: written.accessible,
            ..Document::new(clock, category, audience)
        };
        self.documents.insert(own, document.id);
        Ok(document)
    }

    pub(super) async fn add_version(
        &self,
        tx: &mut Tx,
        clock: &Clock,
        (own, place): (usize, usize),
        planned: &PlannedDocument,
        author: MemberId,
    ) -> Result<()> {
        let version = &planned.written.versions[place];
        let source = match (&self.files[own][place], &version.link) {
            (Some(file), _) => Source::File(files::put(tx, clock, file, author).await?),
            (None, Some(link)) => Source::Link(link.clone()),
            (None, None) => return Err(Error::internal("the demo has a version of nothing")),
        };
        let number = i64::try_from(place + 1).unwrap_or(i64::MAX);
        let new = NewVersion { document: self.document(own)?, number, source, note: version.note.clone(), author: Some(author) };
        library::put_version(tx, clock, new).await
    }

    pub(super) async fn find_useful(&self, tx: &mut Tx, clock: &Clock, own: usize, member: MemberId) -> Result<()> {
        library::put_vote(tx, clock, self.document(own)?, member, true).await
    }

    pub(super) async fn remark(&self, tx: &mut Tx, clock: &Clock, (own, number): (usize, usize), by: MemberId) -> Result<()> {
        let id = self.document(own)?;
        let caller = Caller::member(tx, by, Credential::Operator, clock.now()).await?.ok_or_else(|| unknown("member"))?;
        let document = library::documents_by_id(tx, &caller, &[id]).await?.remove(&id).ok_or_else(|| unknown("document"))?;
        let actor = Actor { id: by, caller };
        library::put_remark(tx, clock, &actor, &document, &self.remarks[own][number]).await.map(drop)
    }

    pub(super) async fn archive(&self, tx: &mut Tx, clock: &Clock, own: usize, author: MemberId) -> Result<()> {
        library::put_archived(tx, clock, author, self.document(own)?, (None, true)).await
    }

    pub(super) fn document(&self, own: usize) -> Result<DocumentId> {
        self.documents.get(&own).copied().ok_or_else(|| Error::internal("the demo plans a version before its document"))
    }
}

fn unknown(slug: &str) -> Error {
    Error::internal(format!("the demo has no {slug}"))
}
