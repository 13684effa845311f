//! A server that answers as a real one did (`tests/replies/`): step by step, and only to the request that is due.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use search_index::{Index, Server, Synonyms};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::corpus::read;

/// What is due, and what is answered.
pub(crate) struct Step {
    method: String,
    path: String,
    status: u64,
    body: String,
    silent: bool,
}

/// The exchange recorded under a name; its index has our key.
pub(crate) fn step(name: &str) -> Step {
    let exchange: Value = read(&format!("replies/{name}.json"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Step {
        method: text(&exchange["request"]["method"]),
        path: text(&exchange["request"]["path"]).replace("primaryKey=id", "primaryKey=key"),
        status: exchange["reply"]["status"].as_u64().unwrap(),
        body: exchange["reply"]["body"].to_string(),
        silent: false,
    }
}

impl Step {
    /// The same reply, to another request.
    pub(crate) fn to(mut self, method: &str, path: &str) -> Self {
        method.clone_into(&mut self.method);
        path.clone_into(&mut self.path);
        self
    }

    /// The same reply, about our documents.
    pub(crate) fn about(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut body = serde_json::from_str(&self.body).unwrap();
        edit(&mut body);
        self.body = body.to_string();
        self
    }

    /// What a proxy says before a server that is down.
    pub(crate) fn bad_gateway(mut self) -> Self {
        self.status = 502;
        "<html>502 Bad Gateway</html>".clone_into(&mut self.body);
        self
    }

    /// No answer at all.
    pub(crate) fn silent(mut self) -> Self {
        self.silent = true;
        self
    }
}

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) authorization: String,
    pub(crate) body: Value,
}

/// The server.
pub(crate) struct Replay {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    due: VecDeque<Step>,
    came: Vec<Request>,
    wrong: Vec<String>,
}

impl Replay {
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { due: steps.into(), ..State::default() }));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone()));
            }
        });
        Self { address, state }
    }

    pub(crate) fn index(&self) -> Index {
        index(&self.address)
    }

    /// What came since the last time; fails when something else came, or something is still due.
    pub(crate) fn done(&self) -> Vec<Request> {
        let mut state = self.state.lock().unwrap();
        assert!(state.wrong.is_empty(), "{:?}", state.wrong);
        let due: Vec<String> = state.due.iter().map(|step| format!("{} {}", step.method, step.path)).collect();
        assert!(due.is_empty(), "still due: {due:?}");
        std::mem::take(&mut state.came)
    }

    /// What is due next.
    pub(crate) fn then(&self, steps: Vec<Step>) {
        self.state.lock().unwrap().due.extend(steps);
    }
}

/// An index on a server at an address.
pub(crate) fn index(url: &str) -> Index {
    let server = Server {
        url: url.to_owned(),
        key: Some("<key>".to_owned()),
        index: "contents".to_owned(),
        answer_within: Duration::from_millis(500),
        written_within: Duration::from_millis(500),
    };
    Index::open_server(server, &Synonyms::brought().unwrap(), 1).unwrap()
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).await.unwrap();
        if count == 0 {
            return;
        }
        bytes.extend_from_slice(&some[..count]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = header(&head, "content-length").parse().unwrap_or(0);
            bytes.drain(..end + 4);
            break (head, length);
        }
    };
    while bytes.len() < length {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).await.unwrap();
        bytes.extend_from_slice(&some[..count]);
    }
    let line: Vec<&str> = head.lines().next().unwrap().split(' ').collect();
    let (method, path) = (line[0], line[1]);
    let (status, body, silent) = {
        let mut state = state.lock().unwrap();
        state.came.push(Request {
            authorization: header(&head, "authorization"),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        });
        match state.due.pop_front() {
            Some(step) if step.method == method && step.path == path => (step.status, step.body, step.silent),
            Some(step) => {
                state.wrong.push(format!("{method} {path} came, {} {} was due", step.method, step.path));
                (500, "null".to_owned(), false)
            }
            None => {
                state.wrong.push(format!("{method} {path} came, nothing was due"));
                (500, "null".to_owned(), false)
            }
        }
    };
    if silent {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let reply = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(reply.as_bytes()).await;
}

fn header(head: &str, name: &str) -> String {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned());
    values.next().unwrap_or_default()
}
