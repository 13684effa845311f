//! Trainings for others: as a table that the import reads, and as schema.org's `Course` (docs/import.md). Of those the caller sees,
//! page after page, so that memory does not grow with the catalogue and no connection is held while a client takes its time.

mod course;
mod table;

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::store::{self, TrainingSlice};
use super::{Collection, Details, Session, Training, TrainingFilter, TrainingOrder, sessions_of};
use crate::accounts::{self, Member};
use crate::caller::Caller;
use crate::db::Cx;
use crate::error::Result;
use crate::id::{CollectionId, MemberId, OrganisationId, TrainingId};
use crate::organisations::{self, Organisation};
use crate::page::{NameKey, Paging, Slice};
use crate::{App, files};

/// Trainings of a page: with all their texts some megabytes at most.
const PAGE: i64 = 25;
/// Sessions told of a training, the first to begin.
const SESSIONS: i32 = 100;

/// In what trainings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A table with the columns of the import.
    Csv,
    /// JSON-LD with schema.org's terms.
    JsonLd,
}

impl ExportFormat {
    /// How its addresses end.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLd => "jsonld",
        }
    }

    /// For `Content-Type`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLd => "application/ld+json",
        }
    }
}

/// Trainings that are read together, with what they name.
struct Page {
    trainings: Vec<Training>,
    details: HashMap<TrainingId, Details>,
    collections: HashMap<CollectionId, Collection>,
    organisations: HashMap<OrganisationId, Organisation>,
    members: HashMap<MemberId, Member>,
    sessions: HashMap<TrainingId, Vec<Session>>,
}

impl Page {
    async fn read(cx: &mut Cx, caller: &Caller, trainings: Vec<Training>, format: ExportFormat) -> Result<Self> {
        let ids: Vec<_> = trainings.iter().map(|training| training.id).collect();
        let details = store::details_by_id(cx, &ids).await?;
        let collections = store::collections(cx).await?.into_iter().map(|one| (one.id, one)).collect();
        let named = trainings.iter().map(|one| one.organisation_id).chain(details.values().flat_map(|one| one.targets.clone()));
        let organisations = organisations::by_id(cx, &distinct(named)).await?;
        let designers = details.values().flat_map(|one| &one.designers).filter_map(|one| one.member_id);
        let members = accounts::members_by_id(cx, &distinct(designers)).await?;
        let sessions = match format {
            ExportFormat::Csv => HashMap::new(),
            ExportFormat::JsonLd => {
                let first = Paging { first: Some(SESSIONS), ..Paging::default() };
                sessions_of(cx, caller, &ids, &first).await?.into_iter().map(|(id, page)| (id, page.items)).collect()
            }
        };
        Ok(Self { trainings, details, collections, organisations, members, sessions })
    }
}

fn distinct<T: Ord>(keys: impl Iterator<Item = T>) -> Vec<T> {
    keys.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The trainings that a caller sees, being written.
pub struct Export {
    app: App,
    caller: Caller,
    format: ExportFormat,
    next: Next,
}

enum Next {
    Head,
    /// The trainings after this one; how many were written.
    Trainings(Option<NameKey>, usize),
    Nothing,
}

impl Export {
    /// Begins to write them.
    #[must_use]
    pub fn new(app: &App, caller: &Caller, format: ExportFormat) -> Self {
        Self { app: app.clone(), caller: caller.clone(), format, next: Next::Head }
    }

    /// The next part of the text; none at its end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Option<String>> {
        let (after, written) = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Nothing => return Ok(None),
            Next::Head => {
                self.next = Next::Trainings(None, 0);
                return Ok(Some(match self.format {
                    ExportFormat::Csv => table::heading(),
                    ExportFormat::JsonLd => course::head(&self.app.config.public_url)?,
                }));
            }
            Next::Trainings(after, written) => (after, written),
        };
        let slice = Slice { limit: PAGE, backward: false, after, before: None };
        let mut reader = self.app.db.reader().await?;
        let (filter, order) = (TrainingFilter::default(), TrainingOrder::Title);
        let rows = store::trainings(&mut reader, &self.caller, &filter, order, &TrainingSlice::Title(slice.clone())).await?;
        let part = slice.page(rows);
        let page = Page::read(&mut reader, &self.caller, part.items, self.format).await?;
        drop(reader);
        let mut text = match self.format {
            ExportFormat::Csv => table::rows(&page),
            ExportFormat::JsonLd => course::items(&page, &self.app.config.public_url, written)?,
        };
        let total = written + page.trainings.len();
        match page.trainings.last().filter(|_| part.has_next) {
            Some(last) => self.next = Next::Trainings(Some((last.title.clone(), last.id.0)), total),
            None if self.format == ExportFormat::JsonLd => text.push_str(course::FOOT),
            None => {}
        }
        Ok(Some(text))
    }
}

/// What the text of an export depends on, as a tag: who sees what, and what may change in it.
///
/// # Errors
/// When the database fails.
pub async fn export_tag(app: &App, cx: &mut Cx, caller: &Caller, format: ExportFormat) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(format!("{} {} {:?}", env!("CARGO_PKG_VERSION"), app.config.public_url, format));
    digest.update(format!("\n{} {:?}", caller.is_administrator(), caller.audiences()));
    for one in store::collections(cx).await? {
        digest.update(format!("\n{} {} {}", one.id, one.slug, one.name));
    }
    digest.update(format!("\n{:?}", store::export_state(cx, caller).await?));
    match format {
        ExportFormat::Csv => digest.update(format!("\n{:?}", store::designers_seen(cx, caller).await?)),
        ExportFormat::JsonLd => {
            digest.update(format!("\n{:?}", store::sessions_state(cx, caller).await?));
            digest.update(format!("\n{:?}", store::producers_seen(cx, caller).await?));
        }
    }
    Ok(files::hex(&digest.finalize()[..16]))
}

/// One training as JSON-LD, when this caller sees it, and the tag of that text.
///
/// # Errors
/// When the database fails.
pub async fn course(app: &App, cx: &mut Cx, caller: &Caller, id: TrainingId) -> Result<Option<(String, String)>> {
    let seen = store::trainings_by_id(cx, &[id]).await?.into_iter().filter(|training| caller.sees(training.audience_id));
    let page = Page::read(cx, caller, seen.collect(), ExportFormat::JsonLd).await?;
    let Some(training) = page.trainings.first() else { return Ok(None) };
    let text = course::alone(&page, training, &app.config.public_url)?;
    let tag = files::hex(&Sha256::digest(&text)[..16]);
    Ok(Some((text, tag)))
}
