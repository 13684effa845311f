//! The demo's documents: their files are kept first, their rows are written act by act.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::content::WrittenDocument;
use super::plan::PlannedDocument;
use super::{NOW, pdf};
use crate::App;
use crate::audience::Grant;
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::files::{self, Prepared};
use crate::id::{DocumentCategoryId, DocumentId, MemberId, OrganisationId};
use crate::library::{self, Document, NewVersion, Source};

/// The file of each version of each document, when it has one.
pub(super) type Files = Vec<Vec<Option<Prepared>>>;

/// Keeps the contents.
pub(super) async fn prepare(app: &App, documents: &[WrittenDocument]) -> Result<Files> {
    let mut files = Vec::with_capacity(documents.len());
    for document in documents {
        let mut of_versions = Vec::with_capacity(document.versions.len());
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

/// What is needed to write them, and those that are written, by their place in the plan.
pub(super) struct Library {
    files: Files,
    organisations: HashMap<String, OrganisationId>,
    categories: HashMap<String, DocumentCategoryId>,
    documents: HashMap<usize, DocumentId>,
}

impl Library {
    pub(super) fn new(
        files: Files,
        organisations: HashMap<String, OrganisationId>,
        categories: HashMap<String, DocumentCategoryId>,
    ) -> Self {
        Self { files, organisations, categories, documents: HashMap::new() }
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
        let document = Document {
            id: DocumentId::new(clock),
            category_id: *self.categories.get(&written.category).ok_or_else(|| unknown(&written.category))?,
            title: written.title.clone(),
            summary: written.summary.clone(),
            language: "fr".into(),
            member_id: member,
            organisation_id: organisation,
            audience_id: library::sight(tx, clock, vec![grant], member, organisation).await?,
            licence: written.licence,
            review_by: written.review_in_days.map(|days| NOW + TimeDelta::days(days)),
            accessible: written.accessible,
            latest: 0,
            useful_count: 0,
            download_count: 0,
            created_at: clock.now(),
            updated_at: clock.now(),
            archived_at: None,
        };
        self.documents.insert(own, document.id);
        library::put_document(tx, clock, Some(author), &document, &written.tags).await
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

    pub(super) async fn archive(&self, tx: &mut Tx, clock: &Clock, own: usize, author: MemberId) -> Result<()> {
        library::put_archived(tx, clock, author, self.document(own)?, true).await
    }

    fn document(&self, own: usize) -> Result<DocumentId> {
        self.documents.get(&own).copied().ok_or_else(|| Error::internal("the demo plans a version before its document"))
    }
}

fn unknown(slug: &str) -> Error {
    Error::internal(format!("the demo has no {slug}"))
}
