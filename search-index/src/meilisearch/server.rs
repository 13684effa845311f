//! What a server is asked to do to an index: made, set, written, swapped; each task awaited for so long.

use std::sync::Arc;
use std::time::Duration;

use meilisearch_sdk::client::{Client, SwapIndexes};
use meilisearch_sdk::errors::{Error as SdkError, ErrorCode, ErrorType};
use meilisearch_sdk::request::{HttpClient, Method};
use meilisearch_sdk::task_info::TaskInfo;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::http::Http;
use crate::documents::Entry;
use crate::error::{Error, Result};
use crate::french;

/// The document that tells how far the log was read. No entry has such a key.
pub(super) const POSITION: &str = "_position";
/// How much is sent in one request, in bytes: servers refuse 100 MB.
const MOST_SENT: usize = 10_000_000;

/// Where a server is, and how long it may take.
#[derive(Clone, Debug)]
pub struct Server {
    /// `https://…`, without a path.
    pub url: String,
    /// A key that may do everything with the index and its neighbour: documents, settings, swaps.
    pub key: Option<String>,
    /// The name of the index; another one of this name and `_next` is made beside it.
    pub index: String,
    /// How long an answer may take.
    pub answer_within: Duration,
    /// How long what is written may wait until it is done.
    pub written_within: Duration,
}

/// A client of one server.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: Client<Http>,
    http: Http,
    server: Arc<Server>,
}

#[derive(Debug, Deserialize)]
struct Task {
    status: String,
    error: Option<TaskError>,
}

#[derive(Debug, Deserialize)]
struct TaskError {
    code: String,
    message: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Connection {
    pub(super) fn new(server: Server) -> Result<Self> {
        let http = Http::new(server.key.as_deref(), server.answer_within)?;
        let url = server.url.trim_end_matches('/').to_owned();
        let client = Client::new_with_client(url.clone(), server.key.clone(), http.clone());
        Ok(Self { client, http, server: Arc::new(Server { url, ..server }) })
    }

    pub(super) fn name(&self) -> &str {
        &self.server.index
    }

    pub(super) fn next(&self) -> String {
        format!("{}_next", self.server.index)
    }

    /// Makes an index unless there is one, and sets what is not set so.
    pub(super) async fn ensure(&self, name: &str, settings: &Map<String, Value>) -> Result<()> {
        match self.client.get_raw_index(name).await {
            Ok(_) => {}
            Err(SdkError::Meilisearch(error)) if error.error_code == ErrorCode::IndexNotFound => {
                let task = self.client.create_index(name, Some("key")).await.map_err(failed)?;
                // Another node may have made it meanwhile.
                self.done_unless(task, "index_already_exists").await?;
            }
            Err(error) => return Err(failed(error)),
        }
        let address = format!("{}/indexes/{name}/settings", self.server.url);
        let found: Map<String, Value> =
            self.http.request(&address, Method::<(), ()>::Get { query: () }, 200).await.map_err(failed)?;
        let is_set = |key: &str, wanted: &Value| match found.get(key) {
            // What nobody wants as a synonym any more is none.
            Some(found) if key == "synonyms" => same(wanted, found, false) && same(found, wanted, false),
            Some(found) => same(wanted, found, ordered(key)),
            None => false,
        };
        let others = settings.iter().filter(|(key, wanted)| !is_set(key, wanted));
        let other: Map<String, Value> = others.map(|(key, wanted)| (key.clone(), wanted.clone())).collect();
        if other.is_empty() { Ok(()) } else { self.set(name, &other).await }
    }

    async fn set(&self, name: &str, settings: &Map<String, Value>) -> Result<()> {
        let address = format!("{}/indexes/{name}/settings", self.server.url);
        let task = self.http.request(&address, Method::Patch { query: (), body: settings }, 202).await.map_err(failed)?;
        self.done(task).await
    }

    /// Removes an index, if there is one.
    pub(super) async fn remove(&self, name: &str) -> Result<()> {
        match self.client.delete_index(name).await {
            Ok(task) => self.done_unless(task, "index_not_found").await,
            Err(SdkError::Meilisearch(error)) if error.error_code == ErrorCode::IndexNotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) async fn swap(&self, one: &str, other: &str) -> Result<()> {
        let swap = SwapIndexes { indexes: (one.to_owned(), other.to_owned()), rename: None };
        let task = self.client.swap_indexes([&swap]).await.map_err(failed)?;
        self.done(task).await
    }

    /// Adds documents, in requests of a size that servers take.
    pub(super) async fn put(&self, name: &str, documents: Vec<Value>) -> Result<()> {
        let index = self.client.index(name);
        let mut tasks = Vec::new();
        let (mut some, mut size) = (Vec::new(), 0);
        for document in documents {
            let length = document.to_string().len();
            if size + length > MOST_SENT && !some.is_empty() {
                tasks.push(index.add_or_replace(&some, Some("key")).await.map_err(failed)?);
                (some, size) = (Vec::new(), 0);
            }
            size += length;
            some.push(document);
        }
        if !some.is_empty() {
            tasks.push(index.add_or_replace(&some, Some("key")).await.map_err(failed)?);
        }
        for task in tasks {
            self.done(task).await?;
        }
        Ok(())
    }

    /// Removes documents by their keys.
    pub(super) async fn delete(&self, name: &str, keys: &[String]) -> Result<()> {
        let task = self.client.index(name).delete_documents(keys).await.map_err(failed)?;
        self.done(task).await
    }

    /// One document.
    pub(super) async fn document(&self, name: &str, key: &str) -> Result<Option<Map<String, Value>>> {
        match self.client.index(name).get_document(key).await {
            Ok(document) => Ok(Some(document)),
            Err(SdkError::Meilisearch(error)) if error.error_code == ErrorCode::DocumentNotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// A page of documents, some fields of them, by a filter.
    pub(super) async fn documents(&self, fields: &[&str], filter: &str, offset: usize, first: usize) -> Result<Vec<Value>> {
        #[derive(Deserialize)]
        struct Page {
            results: Vec<Value>,
        }
        let address = format!("{}/indexes/{}/documents/fetch", self.server.url, self.name());
        let body = json!({ "fields": fields, "filter": filter, "offset": offset, "limit": first });
        let page: Page = self.http.request(&address, Method::Post { query: (), body }, 200).await.map_err(failed)?;
        Ok(page.results)
    }

    async fn done(&self, task: TaskInfo) -> Result<()> {
        self.done_unless(task, "").await
    }

    /// Waits until a task is done; `fine` is the code of a failure that is none. The SDK's own waiting does not know tasks that were
    /// cancelled.
    async fn done_unless(&self, task: TaskInfo, fine: &str) -> Result<()> {
        let address = format!("{}/tasks/{}", self.server.url, task.task_uid);
        let limit = Instant::now() + self.server.written_within;
        let mut pause = Duration::from_millis(10);
        loop {
            let task: Task = self.http.request(&address, Method::<(), ()>::Get { query: () }, 200).await.map_err(failed)?;
            match (task.status.as_str(), task.error) {
                ("succeeded", _) => return Ok(()),
                ("failed", Some(error)) if error.code == fine => return Ok(()),
                ("failed", Some(error)) => return Err(refused(&error)),
                ("enqueued" | "processing", _) if Instant::now() < limit => {}
                ("enqueued" | "processing", _) => return Err(Error::unavailable("the search server did not write in time")),
                (status, _) => return Err(Error::unavailable(format!("a task of the search server is {status}"))),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }
}

fn refused(error: &TaskError) -> Error {
    let told = format!("a task of the search server failed: {}: {}", error.code, error.message);
    if error.kind == "internal" || error.kind == "system" { Error::unavailable(told) } else { Error::internal(told) }
}

/// What the caller can do about a failure. Our requests are sound, so that one called wrong is a fault of ours; a key that is refused
/// and an index that is gone are for the operator, and may pass.
pub(super) fn failed(error: SdkError) -> Error {
    match error {
        SdkError::Meilisearch(error) => {
            let told = format!("{}: {}", error.error_code, error.error_message);
            let passes = error.error_type != ErrorType::InvalidRequest || error.error_code == ErrorCode::IndexNotFound;
            if passes { Error::unavailable(told) } else { Error::internal(told) }
        }
        other => Error::unavailable(other.to_string()),
    }
}

/// An entry as a document: itself, and what is derived of it to find, filter and rank.
pub(super) fn document(entry: &Entry) -> Result<Value> {
    let mut document = serde_json::to_value(entry).map_err(|cause| Error::internal(cause.to_string()))?;
    let mut exact = Vec::new();
    for name in entry.exact_names() {
        exact.push(french::compact(&name));
        exact.push(name);
    }
    document["exact"] = json!(exact);
    document["year"] = json!(entry.year().to_string());
    document["weight"] = json!(entry.weight());
    Ok(document)
}

/// The entry of a document.
pub(super) fn entry(mut document: Map<String, Value>) -> Result<Entry> {
    for derived in ["exact", "year", "weight"] {
        document.remove(derived);
    }
    serde_json::from_value(Value::Object(document)).map_err(|cause| Error::internal(format!("a document of the index: {cause}")))
}

/// Lists whose order means something.
fn ordered(setting: &str) -> bool {
    matches!(setting, "searchableAttributes" | "rankingRules")
}

/// Whether a setting is as it should be; the server adds what we do not set, and sorts some lists.
fn same(wanted: &Value, found: &Value, ordered: bool) -> bool {
    match (wanted, found) {
        (Value::Array(wanted), Value::Array(found)) if !ordered => {
            wanted.len() == found.len() && wanted.iter().all(|one| found.iter().any(|other| same(one, other, ordered)))
        }
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(key, one)| found.get(key).is_some_and(|other| same(one, other, ordered)))
        }
        _ => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_compared_as_the_server_tells_them() {
        assert!(same(&json!(["de", "à"]), &json!(["à", "de"]), false));
        assert!(!same(&json!(["title", "body"]), &json!(["body", "title"]), true));
        assert!(same(&json!({"a": ["x", "y"]}), &json!({"a": ["y", "x"], "b": 1}), false));
        assert!(!same(&json!({"a": 1}), &json!({"a": 2}), false));
        assert!(!same(&json!(["a"]), &json!(["a", "b"]), false));
    }
}
