//! The entries of `tests/corpus/`: what a small community wrote, as the product would put it into an index.

use std::path::{Path, PathBuf};

use search_index::{Change, Entry, Index, Kind};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Thread {
    group: String,
    title: String,
    space: String,
    forum: String,
    thread_kind: String,
    state: String,
    #[serde(default)]
    solved: Option<bool>,
    organisation: String,
    audience: String,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    tags: Vec<String>,
    posts: Vec<Post>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Post {
    author: String,
    date: String,
    #[serde(default)]
    accepted: bool,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Single {
    key: String,
    title: String,
    body: String,
    #[serde(default)]
    identifiers: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    audience: String,
    state: String,
    #[serde(default)]
    collections: Vec<String>,
    organisation: String,
    #[serde(default)]
    author: Option<String>,
    date: String,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

pub(crate) fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

/// Noon of a day, in UTC, in seconds since 1970.
pub(crate) fn noon(day: &str) -> i64 {
    let day: chrono::NaiveDate = day.parse().unwrap();
    day.and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp()
}

/// An entry that everybody sees.
pub(crate) fn entry(key: &str, title: &str, body: &str) -> Entry {
    Entry {
        key: key.to_owned(),
        group: key.to_owned(),
        kind: Kind::Document,
        version: 1,
        title: title.to_owned(),
        body: body.to_owned(),
        identifiers: Vec::new(),
        tags: Vec::new(),
        audience: "aud_public".to_owned(),
        hidden: false,
        space: None,
        forum: None,
        thread_kind: None,
        state: None,
        collections: Vec::new(),
        organisation: None,
        author: None,
        date: noon("2025-01-01"),
        solved: None,
        ordinal: 0,
        accepted: false,
    }
}

pub(crate) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for thread in read::<Vec<Thread>>("corpus/threads.json") {
        for (ordinal, post) in (1..).zip(thread.posts) {
            entries.push(Entry {
                key: format!("{}_{ordinal}", thread.group.replacen("thr_", "pos_", 1)),
                group: thread.group.clone(),
                kind: Kind::Thread,
                tags: thread.tags.clone(),
                audience: thread.audience.clone(),
                hidden: thread.hidden,
                space: Some(thread.space.clone()),
                forum: Some(thread.forum.clone()),
                thread_kind: Some(thread.thread_kind.clone()),
                state: Some(thread.state.clone()),
                organisation: Some(thread.organisation.clone()),
                author: Some(post.author),
                date: noon(&post.date),
                solved: thread.solved,
                ordinal,
                accepted: post.accepted,
                ..entry("", &thread.title, &post.body)
            });
        }
    }
    for (name, kind) in [("corpus/trainings.json", Kind::Training), ("corpus/documents.json", Kind::Document)] {
        for single in read::<Vec<Single>>(name) {
            entries.push(Entry {
                kind,
                identifiers: single.identifiers,
                tags: single.tags,
                audience: single.audience,
                state: Some(single.state),
                collections: single.collections,
                organisation: Some(single.organisation),
                author: single.author,
                date: noon(&single.date),
                ..entry(&single.key, &single.title, &single.body)
            });
        }
    }
    entries
}

pub(crate) fn puts(entries: Vec<Entry>) -> Vec<Change> {
    entries.into_iter().map(|entry| Change::Put(Box::new(entry))).collect()
}

/// Fills an index with the corpus, whatever was in it.
pub(crate) async fn fill(index: &Index) {
    index.rebuild().await.unwrap().put(entries()).await.unwrap().finish(1).await.unwrap();
}
