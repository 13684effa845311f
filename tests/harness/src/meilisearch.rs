//! A Meilisearch that is enough of one to keep an index: requests, replies and what fails only as a task are those of the exchanges that
//! were recorded from a real one (`search-index/tests/replies/`), and it is away when it is told to be. It does at once what a real one
//! queues, and how it finds is its own: each word of a question must begin one of the document's. How a real one finds is asked of a real
//! one (`TEST_MEILI_URL`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use services::config::SearchServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

const KEY: &str = "une-cle-d-essai";
const WHEN: &str = "2026-11-21T18:36:03.473425688Z";

/// A running server; it ends with this.
pub struct Meilisearch {
    url: String,
    state: Arc<Mutex<State>>,
    serving: AbortHandle,
}

#[derive(Default)]
struct State {
    away: bool,
    /// The error of each task that failed.
    tasks: Vec<Option<&'static str>>,
    indexes: BTreeMap<String, Index>,
}

#[derive(Default)]
struct Index {
    settings: serde_json::Map<String, Value>,
    documents: BTreeMap<String, Value>,
}

/// A status and a body.
type Answer = (u16, Value);

impl Meilisearch {
    /// On a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if !shared.lock().expect("state").away {
                    let shared = shared.clone();
                    tokio::spawn(async move { drop(converse(stream, shared).await) });
                }
            }
        });
        Self { url, state, serving: serving.abort_handle() }
    }

    /// As a setting, under a name of the index.
    pub fn setting(&self, index: &str) -> SearchServer {
        SearchServer { url: self.url.clone(), key: Some(KEY.into()), index: index.into() }
    }

    /// Closes every connection without a word from now on; or no more.
    pub fn be_away(&self, away: bool) {
        self.state.lock().expect("state").away = away;
    }

    /// Removes an index, as an operator may.
    pub fn remove(&self, index: &str) {
        self.state.lock().expect("state").indexes.remove(index).expect("an index");
    }

    /// A setting of an index.
    pub fn set(&self, index: &str, setting: &str) -> Value {
        self.state.lock().expect("state").indexes[index].settings[setting].clone()
    }

    /// The names of its indexes.
    pub fn indexes(&self) -> Vec<String> {
        self.state.lock().expect("state").indexes.keys().cloned().collect()
    }
}

impl Drop for Meilisearch {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn converse(mut stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut some = vec![0; 64 * 1024];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes.drain(..end + 4);
            break head;
        }
        match stream.read(&mut some).await? {
            0 => return Ok(()),
            count => bytes.extend_from_slice(&some[..count]),
        }
    };
    let header = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let length = header("content-length").parse().unwrap_or(0);
    while bytes.len() < length {
        match stream.read(&mut some).await? {
            0 => return Ok(()),
            count => bytes.extend_from_slice(&some[..count]),
        }
    }
    let mut line = head.split(' ');
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let (status, answer) = if header("authorization") == format!("Bearer {KEY}") {
        state.lock().expect("state").answer(method, path.split('?').next().unwrap_or_default(), &body)
    } else {
        refused(403, "invalid_api_key", "auth")
    };
    let answer = answer.to_string();
    let length = answer.len();
    let head =
        format!("HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(&[head.as_bytes(), answer.as_bytes()].concat()).await
}

fn refused(status: u16, code: &str, kind: &str) -> Answer {
    (
        status,
        json!({ "message": code, "code": code, "type": kind, "link": format!("https://docs.meilisearch.com/errors#{code}") }),
    )
}

impl State {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["tasks", number]) => {
                let number = number.parse::<usize>().expect("a number");
                let error = self.tasks[number].map(|code| refused(400, code, "invalid_request").1);
                let status = if error.is_some() { "failed" } else { "succeeded" };
                let told = json!({ "uid": number, "batchUid": number, "status": status, "type": "indexUpdate", "canceledBy": null,
                    "error": error, "enqueuedAt": WHEN, "startedAt": WHEN, "finishedAt": WHEN });
                (200, told)
            }
            ("POST", ["indexes"]) => {
                let name = text(&body["uid"]);
                if self.indexes.contains_key(&name) {
                    return self.failing("indexCreation", "index_already_exists");
                }
                self.indexes.insert(name, Index::default());
                self.task("indexCreation")
            }
            ("POST", ["swap-indexes"]) => {
                for swap in body.as_array().expect("swaps") {
                    let (one, other) = (text(&swap["indexes"][0]), text(&swap["indexes"][1]));
                    if !self.indexes.contains_key(&one) || !self.indexes.contains_key(&other) {
                        return self.failing("indexSwap", "index_not_found");
                    }
                    let (first, second) = (self.indexes.remove(&one), self.indexes.remove(&other));
                    self.indexes.extend([(one, second.expect("one")), (other, first.expect("one"))]);
                }
                self.task("indexSwap")
            }
            ("POST", ["multi-search"]) => {
                let asked = body["queries"].as_array().expect("queries");
                let found: Option<Vec<Value>> =
                    asked.iter().map(|query| Some(self.indexes.get(&text(&query["indexUid"]))?.search(query))).collect();
                found.map_or(refused(404, "index_not_found", "invalid_request"), |found| (200, json!({ "results": found })))
            }
            (_, ["indexes", name, rest @ ..]) => self.of_index(method, name, rest, body),
            _ => panic!("{method} {path} is not played here"),
        }
    }

    fn of_index(&mut self, method: &str, name: &str, rest: &[&str], body: &Value) -> Answer {
        if (method, rest) == ("POST", &["documents"]) {
            // One that is not there is made, without settings.
            self.indexes.entry(name.to_owned()).or_default();
        }
        let Some(index) = self.indexes.get_mut(name) else {
            return match (method, rest) {
                ("DELETE", []) => self.failing("indexDeletion", "index_not_found"),
                _ => refused(404, "index_not_found", "invalid_request"),
            };
        };
        match (method, rest) {
            ("GET", []) => (200, json!({ "uid": name, "primaryKey": "key", "createdAt": WHEN, "updatedAt": WHEN })),
            ("DELETE", []) => {
                self.indexes.remove(name);
                self.task("indexDeletion")
            }
            ("GET", ["settings"]) => (200, index.settings.clone().into()),
            ("PATCH", ["settings"]) => {
                index.settings.extend(body.as_object().expect("settings").clone());
                self.task("settingsUpdate")
            }
            ("POST", ["documents"]) => {
                let documents = body.as_array().expect("documents").iter();
                index.documents.extend(documents.map(|document| (text(&document["key"]), document.clone())));
                self.task("documentAdditionOrUpdate")
            }
            ("POST", ["documents", "delete-batch"]) => {
                body.as_array().expect("keys").iter().for_each(|key| _ = index.documents.remove(&text(key)));
                self.task("documentDeletion")
            }
            ("POST", ["documents", "delete"]) => {
                index.documents.retain(|_, document| !passes(document, &text(&body["filter"])));
                self.task("documentDeletion")
            }
            ("POST", ["documents", "fetch"]) => {
                let filter = text(&body["filter"]);
                let found: Vec<&Value> = index.documents.values().filter(|document| passes(document, &filter)).collect();
                let page: Vec<&Value> =
                    found.iter().skip(number(&body["offset"], 0)).take(number(&body["limit"], 20)).copied().collect();
                (200, json!({ "results": page, "offset": body["offset"], "limit": body["limit"], "total": found.len() }))
            }
            ("GET", ["documents", key]) => match index.documents.get(*key) {
                Some(document) => (200, document.clone()),
                None => refused(404, "document_not_found", "invalid_request"),
            },
            ("POST", ["search"]) => (200, index.search(body)),
            _ => panic!("{method} {rest:?} of an index is not played here"),
        }
    }

    fn task(&mut self, kind: &str) -> Answer {
        self.enqueue(kind, None)
    }

    fn failing(&mut self, kind: &str, code: &'static str) -> Answer {
        self.enqueue(kind, Some(code))
    }

    fn enqueue(&mut self, kind: &str, error: Option<&'static str>) -> Answer {
        self.tasks.push(error);
        (
            202,
            json!({ "taskUid": self.tasks.len() - 1, "indexUid": null, "status": "enqueued", "type": kind, "enqueuedAt": WHEN }),
        )
    }
}

impl Index {
    fn search(&self, query: &Value) -> Value {
        let (asked, filter) = (text(&query["q"]).to_lowercase(), text(&query["filter"]));
        let matches = |document: &&Value| {
            let all = format!("{} {} {}", document["title"], document["body"], document["exact"]).to_lowercase();
            let words: Vec<&str> = all.split(|c: char| !c.is_alphanumeric()).collect();
            let begins = |asked: &str| words.iter().any(|word| word.starts_with(asked));
            passes(document, &filter) && asked.split_whitespace().all(begins)
        };
        let mut groups = HashSet::new();
        let found: Vec<&Value> =
            self.documents.values().filter(matches).filter(|document| groups.insert(text(&document["group"]))).collect();
        let mut answer = json!({ "hits": [], "query": query["q"], "processingTimeMs": 0 });
        if let Some(facets) = query["facets"].as_array() {
            let mut counts: HashMap<String, BTreeMap<String, u64>> = HashMap::new();
            for facet in facets.iter().map(text) {
                let counted = counts.entry(facet.clone()).or_default();
                for document in &found {
                    let values = match &document[&facet] {
                        Value::Array(values) => values.clone(),
                        Value::Null => Vec::new(),
                        value => vec![value.clone()],
                    };
                    values.iter().for_each(|value| *counted.entry(text(value)).or_default() += 1);
                }
            }
            answer["facetDistribution"] = json!(counts);
        }
        if query["page"].is_null() {
            let page: Vec<&Value> =
                found.iter().skip(number(&query["offset"], 0)).take(number(&query["limit"], 20)).copied().collect();
            answer["hits"] = json!(page);
            answer["estimatedTotalHits"] = json!(found.len());
        } else {
            answer["totalHits"] = json!(found.len());
        }
        answer
    }
}

/// Whether a document passes a filter of the few forms that are sent.
fn passes(document: &Value, filter: &str) -> bool {
    filter.split(" AND ").all(|part| {
        let either = part.trim_start_matches('(').trim_end_matches(')');
        either.split(" OR ").any(|condition| {
            let (field, wanted) = condition.split_once(' ').expect("a condition");
            let held = &document[field];
            match wanted.split_once(' ') {
                None => !held.is_null(),
                Some(("IN", list)) => {
                    let values: Vec<Value> = serde_json::from_str(list).expect("a list");
                    let has = |value: &Value| match held {
                        Value::Array(held) => held.contains(value),
                        held => text(held) == text(value),
                    };
                    values.iter().any(has)
                }
                Some(("=", value)) => text(held) == value,
                Some((">=", value)) => held.as_i64() >= value.parse().ok(),
                Some(("<", value)) => held.as_i64() < value.parse().ok(),
                _ => panic!("{condition} is not played here"),
            }
        })
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value, else_it_is: usize) -> usize {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(else_it_is)
}
