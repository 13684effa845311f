//! Hostile requests: each is refused in French, quickly, and leaves nothing behind.

use std::time::Duration;

use harness::{Client, Database, Settings, Socket, Story, World, stories, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use services::config::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::binary::{Place, until};

/// Everything here takes far less; what is held for ever must not hold the tests up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// What hostile requests may leave in memory: far below what they sent.
const GROWTH: u64 = 64 * 1024 * 1024;

pub(crate) fn stories() -> Vec<Story> {
    stories![hostile_values_write_nothing]
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("abuse::hostile_documents_leave_no_memory_behind".into(), None, || {
            harness::tell(hostile_documents_leave_no_memory_behind());
        }),
        trial("abuse::slow_clients_are_sent_away".into(), None, || harness::tell(slow_clients_are_sent_away())),
        trial("abuse::who_does_not_read_is_sent_away".into(), None, || harness::tell(who_does_not_read_is_sent_away())),
        trial("abuse::who_does_not_read_a_stream_is_sent_away_and_goes_on".into(), None, || {
            harness::tell(who_does_not_read_a_stream_is_sent_away_and_goes_on());
        }),
        trial("abuse::connections_are_counted".into(), None, || harness::tell(connections_are_counted())),
        trial("abuse::a_form_is_no_longer_than_a_body".into(), None, || harness::tell(a_form_is_no_longer_than_a_body())),
        trial("abuse::hostile_sockets_are_closed".into(), None, || harness::tell(hostile_sockets_are_closed())),
    ]
}

pub(crate) async fn stands(world: &World) {
    let reply = world.anonymous().run("{ spaces { slug } }", json!({})).await;
    assert_eq!(reply.data["spaces"].as_array().map(Vec::len), Some(3), "{}", reply.text);
}

async fn rows(world: &World) -> [i64; 3] {
    [
        world.count("select count(*) from events").await,
        world.count("select count(*) from posts").await,
        world.count("select count(*) from threads").await,
    ]
}

async fn hostile_values_write_nothing(world: &World) {
    let client = world.member("camille").await;
    let forum = world.forum("plateforme", "questions").await;
    let member = client.id().await;
    let sound = json!({ "forumId": forum, "kind": "QUESTION", "title": "Un titre sain", "body": "Un corps" });
    let before = rows(world).await;
    let query = "mutation($i: OpenThreadInput!) { openThread(input: $i) { thread { id } problems { message } } }";
    let deep = (0..100).fold(json!(1), |inside, _| json!([inside]));
    for (field, value) in [
        ("title", json!("é".repeat(100_000))),
        ("body", json!("a".repeat(900_000))),
        ("title", json!("a\u{0}b")),
        ("forumId", json!(member)),
        ("forumId", json!("for_".repeat(50_000))),
        ("forumId", json!({ "a": 1 })),
        ("kind", json!("INCONNU")),
        ("kind", json!(3)),
        ("title", json!(vec!["x"; 100_000])),
        ("body", deep),
        ("inconnu", json!(1)),
    ] {
        let mut input = sound.clone();
        input[field] = value.clone();
        let reply = client.run(query, json!({ "i": input })).await;
        let told = &reply.text[..reply.text.len().min(300)];
        let start: String = value.to_string().chars().take(40).collect();
        assert!(reply.data["openThread"]["thread"].is_null(), "{field} {start}: {told}");
        let problem = &reply.data["openThread"]["problems"][0]["message"];
        let message = reply.errors.first().map_or(problem, |error| &error["message"]).as_str().unwrap_or("");
        assert!(!message.is_empty() && !message.contains("expected") && !message.contains("nvalid "), "{field} {start}: {told}");
        assert!(!reply.text.contains("\"INTERNAL\"") && !reply.text.contains("\"UNAVAILABLE\""), "{field} {start}: {told}");
    }
    assert_eq!(rows(world).await, before, "something was written");
    client.mutate("openThread", sound, "thread { id }").await.done("openThread");
}

/// A process's memory in bytes, where the system tells it.
fn memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn hostile_documents() -> Vec<(&'static str, String)> {
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    vec![
        ("TOO_LARGE", "x".repeat(5 * 1024 * 1024)),
        ("GRAPHQL_PARSE_FAILED", format!("{{ {} }}", many(10_000, &|n| format!("a{n}: __typename ")))),
        ("GRAPHQL_PARSE_FAILED", format!("{{ spaces {{ {} }} }}", many(5_000, &|n| format!("a{n}: id ")))),
        ("GRAPHQL_PARSE_FAILED", format!("{}x{}", "{ a ".repeat(10_000), "}".repeat(10_000))),
        ("GRAPHQL_PARSE_FAILED", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".into()),
        ("GRAPHQL_VALIDATION_FAILED", format!("{{ __typename {} }}", "@include(if: true) ".repeat(1_000))),
        ("GRAPHQL_VALIDATION_FAILED", format!("{{ nodes(ids: [{}]) {{ id }} }}", "1.5,".repeat(10_000))),
        ("GRAPHQL_PARSE_FAILED", "{ \u{0} }".into()),
    ]
}

async fn hostile_documents_leave_no_memory_behind() {
    // A process of its own: what other tests hold is not counted.
    let place = Place::new(Database::Sqlite).await;
    let served = place.serve().await;
    let process = served.child.id().expect("it runs");
    let client = Client::new(&served.url);
    let before = crate::command_line::rows(&place).await;
    let ask = async || {
        for (code, document) in hostile_documents() {
            let reply = client.run(&document, json!({})).await;
            let start: String = document.chars().take(40).collect();
            assert_eq!(reply.code(), code, "{start}: {}", &reply.text[..reply.text.len().min(300)]);
            let message = reply.errors[0]["message"].as_str().expect("a message");
            assert!(
                message.contains("au plus")
                    || message.contains("elle ")
                    || message.contains("lui-même")
                    || message.contains("attend"),
                "{start}: {message}"
            );
        }
    };
    // What is kept once is kept by the first round.
    ask().await;
    let held = memory(process);
    for _ in 0..25 {
        ask().await;
    }
    if let (Some(held), Some(now)) = (held, memory(process)) {
        assert!(now < held + GROWTH, "from {held} to {now} bytes");
    }
    assert_eq!(crate::command_line::rows(&place).await, before);
    assert_eq!(client.run("{ spaces { slug } }", json!({})).await.data["spaces"].as_array().map(Vec::len), Some(3));
    served.stop().await;
}

pub(crate) async fn with_limits(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    World::with(Database::Sqlite, Settings { limits, ..Settings::default() }).await
}

async fn raw(world: &World, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.url.strip_prefix("http://").expect("an address")).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("sent");
    stream
}

/// All that comes until the service closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    drop(tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the service ends it"));
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn slow_clients_are_sent_away() {
    let world = with_limits(|limits| {
        limits.idle_time = Duration::from_millis(300);
        limits.body_time = Duration::from_millis(200);
    })
    .await;
    for head in ["", "P", "POST /graphql HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let answer = rest(raw(&world, head).await).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{head:?}: {answer}");
    }
    for (path, kind, word) in
        [("/graphql", "application/json", "trop de temps"), ("/connexion", "application/x-www-form-urlencoded", "trop de temps")]
    {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 50\r\n\r\n{{");
        let answer = rest(raw(&world, &head).await).await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(word), "{path}: {answer}");
    }
    stands(&world).await;
    world.finish().await;
}

/// Two hundred long answers asked for at once, none of them read: the one place there is comes free again.
async fn who_does_not_read_is_sent_away() {
    let world = with_limits(|limits| {
        limits.connections = 1;
        limits.idle_time = Duration::from_millis(500);
    })
    .await;
    let query =
        "%7B__schema%7Btypes%7Bname%20description%20fields%7Bname%20description%20args%7Bname%20description%7D%7D%7D%7D%7D";
    let one = format!("GET /graphql?query={query} HTTP/1.1\r\nhost: x\r\naccept: application/json\r\n\r\n");
    let unread = raw(&world, &one.repeat(200)).await;
    let asked = tokio::time::timeout(PATIENCE, Client::new(&world.url).run("{ __typename }", json!({}))).await;
    assert_eq!(asked.expect("a place").status, 200);
    let answers = rest(unread).await.matches("HTTP/1.1 200").count();
    assert!((1..200).contains(&answers), "{answers} answers");
    world.finish().await;
}

/// What waits to be read is bounded, and who comes back to where they were has missed nothing.
async fn who_does_not_read_a_stream_is_sent_away_and_goes_on() {
    let world = with_limits(|limits| limits.idle_time = Duration::from_secs(1)).await;
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Un fil lourd", "Texte").await;
    // 400 kB an event: more in all than the machine keeps of a connection.
    let bodies: String = (0..20).map(|n| format!(" b{n}: body")).collect();
    let query = format!(
        "subscription($t: ID!, $a: String) {{ threadEvents(threadId: $t, after: $a) {{
            ... on StreamStart {{ cursor }} ... on PostAdded {{ post {{ id{bodies} }} }} }} }}"
    );
    let before = world.app.live.listeners();
    let follow = async |after: &Value| {
        let mut socket = Socket::open(&world.url, ada.bearer.as_deref()).await;
        socket.subscribe("t", &query, json!({ "t": thread, "a": after })).await;
        socket
    };
    let mut socket = follow(&Value::Null).await;
    let start = socket.data().await["threadEvents"]["cursor"].clone();
    let mut answers = Vec::new();
    for _ in 0..60 {
        answers.push(ada.answer(&root, &"x".repeat(20_000)).await);
    }
    until("it is sent away", async || world.app.live.listeners() == before).await;
    let mut again = follow(&start).await;
    let mut heard = Vec::new();
    while heard.len() < answers.len() {
        let told = tokio::time::timeout(PATIENCE, again.data()).await.expect("told in time");
        heard.extend(told["threadEvents"]["post"]["id"].as_str().map(str::to_owned));
    }
    assert_eq!(heard, answers);
    drop((socket, again));
    world.finish().await;
}

async fn connections_are_counted() {
    let world = with_limits(|limits| {
        limits.connections = 3;
        limits.idle_time = Duration::from_millis(500);
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(raw(&world, "GET / HTTP/1.1\r\n").await);
    }
    // They are sent away in turn, and who waited is served.
    let asked = tokio::time::timeout(PATIENCE, Client::new(&world.url).run("{ __typename }", json!({}))).await;
    assert_eq!(asked.expect("a place").status, 200);
    drop(held);
    world.finish().await;
}

async fn a_form_is_no_longer_than_a_body() {
    let world = with_limits(|limits| limits.body_bytes = 1000).await;
    let form = |length: usize| {
        reqwest::Client::new()
            .post(format!("{}/connexion", world.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("jeton={}", "a".repeat(length)))
            .send()
    };
    let refused = form(2000).await.expect("an answer");
    assert_eq!(refused.status().as_u16(), 413);
    assert_eq!(refused.text().await.expect("a body"), "Ce formulaire est trop long.");
    assert_eq!(form(900).await.expect("an answer").status().as_u16(), 410);
    world.finish().await;
}

async fn hostile_sockets_are_closed() {
    let world = with_limits(|limits| {
        limits.socket_init_time = Duration::from_millis(200);
        limits.socket_silence = Duration::from_millis(200);
        limits.socket_message_bytes = 2000;
    })
    .await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let mut half_open = Vec::new();
    for _ in 0..50 {
        half_open.push(Socket::connect(&world.url, &[protocol]).await.expect("a socket"));
    }
    for mut socket in half_open {
        assert_eq!(socket.next().await, Err(4408));
    }
    let mut huge = Socket::open(&world.url, None).await;
    huge.say(&"x".repeat(3000)).await;
    assert!(huge.next().await.is_err());
    let mut silent = Socket::open(&world.url, None).await;
    assert_eq!(silent.next().await, Ok(json!({ "type": "ping" })));
    assert_eq!(silent.next().await, Err(4499));
    stands(&world).await;
    let open: Value = json!({ "type": "ping" });
    let mut sound = Socket::open(&world.url, None).await;
    sound.send(open).await;
    assert_eq!(sound.next().await, Ok(json!({ "type": "pong" })));
    world.finish().await;
}
