//! Rows as entries of the index: what is found of each thing, and what it is filtered by.

use std::collections::BTreeSet;

use search_index::{Change, Entry, Kind};
use sha2::{Digest, Sha256};

use super::store::{self, DocumentRow, PostRow};
use crate::catalogue::{self, MentorAddress, Module, Text, Training};
use crate::db::Cx;
use crate::error::{Error, Result};
use crate::forum::ThreadKind;
use crate::id::{AnyId, DocumentId, TrainingId};
use crate::{library, text};

/// Raised whenever an entry would be made otherwise of the same rows: an index of an earlier edition is made anew.
pub(super) const EDITION: u64 = 1;

/// What the index should hold under these keys, as rows are now.
pub(super) async fn under(cx: &mut Cx, keys: &[String]) -> Result<Vec<Change>> {
    let (mut posts_wanted, mut trainings_wanted, mut documents_wanted) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key.parse() {
            Ok(AnyId::Post(id)) => posts_wanted.push(id),
            Ok(AnyId::Training(id)) => trainings_wanted.push(id),
            Ok(AnyId::Document(id)) => documents_wanted.push(id),
            _ => {}
        }
    }
    let mut changes = posts(store::posts(cx, &posts_wanted).await?).await?;
    changes.extend(trainings(cx, &trainings_wanted).await?);
    changes.extend(documents(cx, &documents_wanted).await?);
    let told: BTreeSet<String> = changes.iter().map(|change| change.key().to_owned()).collect();
    changes.extend(keys.iter().filter(|key| !told.contains(*key)).cloned().map(Change::Delete));
    Ok(changes)
}

/// These posts. To read so many bodies takes too long for a thread on which requests wait.
///
/// # Errors
/// When one of them cannot be read.
pub(super) async fn posts(rows: Vec<PostRow>) -> Result<Vec<Change>> {
    let read = move || rows.into_iter().map(post).collect();
    tokio::task::spawn_blocking(read).await.map_err(|cause| Error::internal(cause.to_string()))
}

/// A post; what was deleted is no longer found.
///
/// Its audience is its forum: that others may see it from now on changes no entry of its threads. A thread has no collection and no
/// organisation, since those of the trainings it is linked to, and of who wrote it, are not for all who see it.
fn post(row: PostRow) -> Change {
    if row.deleted_at.is_some() {
        return Change::Delete(row.id.to_string());
    }
    let asks = matches!(row.kind, ThreadKind::Question | ThreadKind::Signalement);
    put(Entry {
        body: text::plain(&row.body),
        hidden: row.hidden_at.is_some() || row.thread_hidden_at.is_some(),
        space: Some(row.space_id.to_string()),
        forum: Some(row.forum_id.to_string()),
        thread_kind: Some(row.kind.code().to_owned()),
        state: row.state,
        author: Some(row.author_id.to_string()),
        solved: asks.then_some(row.solved_at.is_some()),
        ordinal: u64::try_from(row.ordinal + 1).unwrap_or(1),
        accepted: row.accepted_post_id == Some(row.id),
        ..entry(
            (row.id.to_string(), row.thread_id.to_string()),
            Kind::Thread,
            row.title,
            row.forum_id.to_string(),
            row.created_at,
        )
    })
}

/// These trainings; one that was merged into another is found as that.
pub(super) async fn trainings(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<Change>> {
    let rows = catalogue::training_rows(cx, ids).await?;
    let (mut texts, mut modules) = (catalogue::texts(cx, ids).await?, catalogue::modules(cx, ids).await?);
    let mut addresses = catalogue::addresses(cx, ids).await?;
    let changes = rows.into_iter().map(|row| {
        let (texts, modules) = (texts.remove(&row.id).unwrap_or_default(), modules.remove(&row.id).unwrap_or_default());
        training(&texts, modules, &addresses.remove(&row.id).unwrap_or_default(), row)
    });
    Ok(changes.collect())
}

fn training(texts: &[Text], modules: Vec<Module>, addresses: &[MentorAddress], row: Training) -> Change {
    let key = row.id.to_string();
    if row.merged_into_id.is_some() {
        return Change::Delete(key);
    }
    let mut said: Vec<_> = row.catch_phrase.into_iter().chain(texts.iter().map(|text| text::plain(&text.body))).collect();
    said.extend(modules.into_iter().flat_map(|module| [vec![module.title], module.competences].concat()));
    let numbers = addresses.iter().map(|address| address.number.to_string());
    put(Entry {
        body: said.join("\n"),
        identifiers: [row.short_name].into_iter().chain(row.sirh_id).chain(numbers).collect(),
        state: Some(row.state.code().to_owned()),
        collections: vec![row.collection_id.to_string()],
        organisation: Some(row.organisation_id.to_string()),
        ..entry((key.clone(), key), Kind::Training, row.title, row.audience_id.to_string(), row.updated_at)
    })
}

/// These documents; what is archived is in no list, and is not found either.
pub(super) async fn documents(cx: &mut Cx, ids: &[DocumentId]) -> Result<Vec<Change>> {
    let mut tags = library::tags(cx, ids).await?;
    let rows = store::documents(cx, ids).await?;
    Ok(rows.into_iter().map(|row| document(tags.remove(&row.id).unwrap_or_default(), row)).collect())
}

fn document(tags: Vec<String>, row: DocumentRow) -> Change {
    let key = row.id.to_string();
    if row.archived_at.is_some() {
        return Change::Delete(key);
    }
    let state = if row.latest == 0 { "ADRESSE_A_CONFIRMER" } else { "DISPONIBLE" };
    put(Entry {
        body: row.summary,
        tags,
        state: Some(state.to_owned()),
        organisation: row.organisation_id.map(|id| id.to_string()),
        author: row.member_id.map(|id| id.to_string()),
        ..entry((key.clone(), key), Kind::Document, row.title, row.audience_id.to_string(), row.updated_at)
    })
}

/// An entry with nothing else to filter by.
fn entry(
    (key, group): (String, String),
    kind: Kind,
    title: String,
    audience: String,
    at: chrono::DateTime<chrono::Utc>,
) -> Entry {
    Entry {
        key,
        group,
        kind,
        version: 0,
        title,
        body: String::new(),
        identifiers: Vec::new(),
        tags: Vec::new(),
        audience,
        hidden: false,
        space: None,
        forum: None,
        thread_kind: None,
        state: None,
        collections: Vec::new(),
        organisation: None,
        author: None,
        date: at.timestamp(),
        solved: None,
        ordinal: 0,
        accepted: false,
    }
}

/// The entry with its version: what it holds, as a number that any JSON keeps.
fn put(mut entry: Entry) -> Change {
    let written = serde_json::to_vec(&entry).unwrap_or_default();
    let hash = Sha256::digest(written).iter().take(6).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    entry.version = hash;
    Change::Put(Box::new(entry))
}
