//! Rows as entries of the index: what is found of each thing, and what it is filtered by.

use std::collections::HashMap;

use search_index::{Change, Entry, Kind};
use sha2::{Digest, Sha256};

use super::store::{self, DocumentRow, PostRow, TrainingRow};
use crate::db::Cx;
use crate::error::Result;
use crate::forum::ThreadKind;
use crate::id::{DocumentId, TrainingId};
use crate::text;

/// A post; what was deleted is no longer found.
///
/// Its audience is its forum: that others may see it from now on changes no entry of its threads. A thread has no collection and no
/// organisation, since those of the trainings it is linked to, and of who wrote it, are not for all who see it.
pub(super) fn post(row: PostRow) -> Change {
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
    let mut said: HashMap<TrainingId, Vec<String>> = HashMap::new();
    for (training, body) in store::training_texts(cx, ids).await? {
        said.entry(training).or_default().push(text::plain(&body));
    }
    for (training, title, competence) in store::training_modules(cx, ids).await? {
        let parts = said.entry(training).or_default();
        // A row for each competence of a module.
        if parts.last() != Some(&title) {
            parts.push(title);
        }
        parts.extend(competence);
    }
    let mut numbers: HashMap<TrainingId, Vec<String>> = HashMap::new();
    for (training, number) in store::training_numbers(cx, ids).await? {
        numbers.entry(training).or_default().push(number.to_string());
    }
    let rows = store::trainings(cx, ids).await?;
    Ok(rows.into_iter().map(|row| training(&mut said, &mut numbers, row)).collect())
}

type Said<T> = HashMap<TrainingId, Vec<T>>;

fn training(said: &mut Said<String>, numbers: &mut Said<String>, row: TrainingRow) -> Change {
    if row.merged_into_id.is_some() {
        return Change::Delete(row.id.to_string());
    }
    let mut parts: Vec<_> = row.catch_phrase.into_iter().collect();
    parts.append(said.entry(row.id).or_default());
    let mut identifiers = vec![row.short_name];
    identifiers.extend(row.sirh_id);
    identifiers.append(numbers.entry(row.id).or_default());
    let key = row.id.to_string();
    put(Entry {
        body: parts.join("\n"),
        identifiers,
        state: Some(row.state),
        collections: vec![row.collection_id.to_string()],
        organisation: Some(row.organisation_id.to_string()),
        ..entry((key.clone(), key), Kind::Training, row.title, row.audience_id.to_string(), row.updated_at)
    })
}

/// These documents; what is archived is in no list, and is not found either.
pub(super) async fn documents(cx: &mut Cx, ids: &[DocumentId]) -> Result<Vec<Change>> {
    let mut tags: HashMap<DocumentId, Vec<String>> = HashMap::new();
    for (document, tag) in store::document_tags(cx, ids).await? {
        tags.entry(document).or_default().push(tag);
    }
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
