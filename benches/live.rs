//! Subscribers of one thread, all told of one post: the product beside a bare broadcast of the same bytes to as many sockets, both
//! in one process on one core, their clients in another process on the other.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::data::Store;
use crate::load::{Connection, post};
use crate::posts::{ANSWER, BODY};
use crate::report::Report;
use crate::served::Served;
use crate::{Sizes, machine};

/// The hidden argument: be the subscribers.
pub(crate) const ARGUMENT: &str = "--be-the-subscribers";
const FOLLOW: &str = "subscription Fil($id: ID!, $after: String) { threadEvents(threadId: $id, after: $after) { __typename
  ... on StreamStart { cursor }
  ... on PostAdded { cursor at post { id depth createdAt html author { id handle name organisation { id shortName } } }
                     thread { id postCount lastActivityAt } } } }";

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    let (database, place) = (store.database, store.copy(&store.demo(sizes.posts)));
    let apart = machine::two_cores();
    let served = Served::start(&place, apart.then_some("0"));
    let told = &served.told;
    println!("\n### {} subscribers of one thread, one post, on {database}\n", sizes.subscribers);
    let empty = machine::memory(served.process());
    let mut product = Subscribers::start(
        told.product,
        sizes.subscribers,
        apart,
        &json!({
            "tokens": told.tokens, "variables": { "id": told.threads[0].to_string() }
        }),
    );
    std::thread::sleep(Duration::from_secs(2));
    let idle = (machine::memory(served.process()) - empty) * 1000.0 / 1.024 / sizes.subscribers as f64;
    let variables = json!({ "i": { "postId": told.openings[0].to_string(), "body": BODY } });
    let request = post("/graphql", &told.tokens[0], &json!({ "query": ANSWER, "variables": variables }));
    let (mut text, mut ours) = (String::new(), Rounds::default());
    for round in 0..=sizes.rounds {
        let one;
        (one, text) = Told::of(&mut product, &served, &request, told.product);
        // The first one warms up.
        if round > 0 {
            ours.0.push(one);
        }
    }
    drop(product);
    let mut bare = Subscribers::start(told.broadcast, sizes.subscribers, apart, &Value::Null);
    let request = post("/broadcast", "", &json!(text));
    let mut theirs = Rounds::default();
    for round in 0..=sizes.rounds {
        let (one, _) = Told::of(&mut bare, &served, &request, told.by_hand);
        if round > 0 {
            theirs.0.push(one);
        }
    }
    println!(
        "| server | deliveries/s | p50 ms | p99 ms | last ms | CPU µs a delivery | bytes |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for (name, rounds) in [("GraphQL", &ours), ("bare broadcast", &theirs)] {
        let [rate, p50, p99, last, cpu] = rounds.middle();
        println!("| {name} | {rate:.0} | {p50:.1} | {p99:.1} | {last:.1} | {cpu:.1} | {} |", text.len());
    }
    println!("\n{idle:.1} KiB a connection that waits.");
    let ([rate, _, p99, ..], [bare, ..]) = (ours.middle(), theirs.middle());
    report.at_least(&format!("deliveries of the bare broadcast's, {database}"), rate / bare, 0.6);
    report.at_most(&format!("from the answer to the last subscriber but one in a hundred, {database}"), p99, 250.0, " ms");
    report.at_most(&format!("a connection that waits, {database}"), idle, 12.0, " KiB");
}

/// What one post was like for its subscribers: deliveries a second from the moment it was sent, p50, p99 and last from its reply in
/// ms, the server's CPU a delivery in µs.
struct Told([f64; 5]);

impl Told {
    /// Sends `request` and waits until everybody was told; with the text they were told.
    fn of(subscribers: &mut Subscribers, served: &Served, request: &[u8], address: SocketAddr) -> (Self, String) {
        let mut connection = Connection::open(address).expect("a connection");
        let (cpu, sent) = (machine::cpu(served.process()), now());
        connection.ask(request).expect("an answer");
        let replied = now();
        let (times, text) = subscribers.heard();
        let used = (machine::cpu(served.process()) - cpu).as_secs_f64() * 1e6;
        let at = |part: usize| (times[(times.len() * part / 1000).min(times.len() - 1)] - replied) * 1e3;
        let rate = times.len() as f64 / (times[times.len() - 1] - sent);
        (Self([rate, at(500), at(990), at(1000), used / times.len() as f64]), text)
    }
}

#[derive(Default)]
struct Rounds(Vec<Told>);

impl Rounds {
    /// Of each figure the middle one.
    fn middle(&self) -> [f64; 5] {
        std::array::from_fn(|figure| {
            let mut all: Vec<_> = self.0.iter().map(|told| told.0[figure]).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        })
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64()
}

/// The process of the clients; it ends when dropped.
struct Subscribers {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Subscribers {
    /// Connects so many, and waits until each has been told that its stream begins.
    fn start(address: SocketAddr, many: usize, apart: bool, asks: &Value) -> Self {
        let own = std::env::current_exe().expect("a path");
        let mut command = Command::new(if apart { "taskset" } else { "env" });
        if apart {
            command.args(["-c", "1"]);
        }
        command.arg(own).args([ARGUMENT, &address.to_string(), &many.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the subscribers");
        let (mut input, output) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        writeln!(input, "{asks}").expect("told");
        let mut subscribers = Self { child, input, output: BufReader::new(output) };
        assert_eq!(subscribers.line(), "ready");
        subscribers
    }

    /// When each heard the next message, in order; and the message.
    fn heard(&mut self) -> (Vec<f64>, String) {
        writeln!(self.input, "heard").expect("asked");
        let mut heard: (Vec<f64>, String) = serde_json::from_str(&self.line()).expect("times");
        heard.0.sort_by(f64::total_cmp);
        heard
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The process itself: says `ready`, then for each line it reads when everybody heard one more message.
pub(crate) fn run(address: &str, many: &str) {
    let (address, many): (SocketAddr, usize) = (address.parse().expect("an address"), many.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let mut lines = tokio::task::spawn_blocking(read_line).await.expect("a line");
        let asks: Arc<Value> = Arc::new(serde_json::from_str(&lines).expect("JSON"));
        let (heard, mut all) = mpsc::unbounded_channel();
        let (ready, mut readies) = mpsc::unbounded_channel();
        // So many connect at once.
        let doors = Arc::new(Semaphore::new(64));
        for client in 0..many {
            let (asks, heard, ready, doors) = (Arc::clone(&asks), heard.clone(), ready.clone(), Arc::clone(&doors));
            tokio::spawn(async move {
                let door = doors.acquire().await.expect("open");
                let mut stream = connect(address, client, &asks).await;
                drop(door);
                ready.send(()).expect("somebody waits");
                while let Some(Ok(message)) = stream.next().await {
                    if let Message::Text(text) = message {
                        let text = if client == 0 { text.to_string() } else { String::new() };
                        heard.send((now(), text)).expect("somebody waits");
                    }
                }
            });
        }
        for _ in 0..many {
            readies.recv().await.expect("a client");
        }
        println!("ready");
        loop {
            lines = tokio::task::spawn_blocking(read_line).await.expect("a line");
            if lines.is_empty() {
                return;
            }
            let (mut times, mut said) = (Vec::with_capacity(many), String::new());
            while times.len() < many {
                let (time, text) = all.recv().await.expect("a client");
                times.push(time);
                if !text.is_empty() {
                    said = text;
                }
            }
            println!("{}", json!([times, said]));
        }
    });
}

fn read_line() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    line
}

/// A connection; when something is to be asked, its stream has begun.
async fn connect(address: SocketAddr, client: usize, asks: &Value) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let mut request = format!("ws://{address}/graphql/ws").into_client_request().expect("an address");
    if !asks.is_null() {
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    }
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let (mut stream, _) = connect_async_with_config(request, Some(config), true).await.expect("a connection");
    let Some(tokens) = asks["tokens"].as_array() else { return stream };
    let token = tokens[client % tokens.len()].as_str().expect("a token");
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    let payload = json!({ "query": FOLLOW, "variables": asks["variables"] });
    for (message, reply) in
        [(init, "connection_ack"), (json!({ "type": "subscribe", "id": "1", "payload": payload }), "StreamStart")]
    {
        stream.send(Message::text(message.to_string())).await.expect("sent");
        let answer = stream.next().await.expect("open").expect("a message").into_text().expect("a text");
        assert!(answer.contains(reply), "{answer}");
    }
    stream
}
