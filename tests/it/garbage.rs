//! What no client should send over a WebSocket, byte by byte: each gets its close code, or the end of the connection, and leaves
//! neither a listener, nor a task, nor a place taken; the service goes on answering.

use std::time::Duration;

use harness::{Client, World, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::abuse::{PATIENCE, stands, with_limits};
use crate::binary::until;
use crate::live::FOLLOW;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("garbage::what_is_no_frame_ends_the_connection".into(), None, || {
            harness::tell(what_is_no_frame_ends_the_connection());
        }),
        trial("garbage::who_is_gone_in_the_middle_is_forgotten".into(), None, || {
            harness::tell(who_is_gone_in_the_middle_is_forgotten());
        }),
        trial("garbage::who_stops_in_the_middle_is_sent_away".into(), None, || {
            harness::tell(who_stops_in_the_middle_is_sent_away());
        }),
        trial("garbage::a_message_in_parts_is_a_message".into(), None, || harness::tell(a_message_in_parts_is_a_message())),
        trial("garbage::what_is_no_handshake_opens_nothing".into(), None, || {
            harness::tell(what_is_no_handshake_opens_nothing());
        }),
    ]
}

const HEAD: &str = "GET /graphql/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    sec-websocket-protocol: graphql-transport-ws\r\n\r\n";

// First bytes of frames (RFC 6455, 5.2).
const FINAL: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A frame as a client sends it, under a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()).expect("a short frame") {
        length @ 0..126 => bytes.push(0x80 | length.to_le_bytes()[0]),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn close(code: u16) -> Vec<u8> {
    frame(FINAL | CLOSE, &code.to_be_bytes())
}

/// A connection whose bytes a test writes itself.
struct Raw(TcpStream);

impl Raw {
    async fn connect(world: &World) -> Self {
        Self(TcpStream::connect(world.url.strip_prefix("http://").expect("an address")).await.expect("a connection"))
    }

    /// A WebSocket before its first message.
    async fn opened(world: &World) -> Self {
        let mut raw = Self::connect(world).await;
        raw.send(HEAD.as_bytes()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101"));
        raw
    }

    /// One that follows a thread.
    async fn following(world: &World, who: &Client, thread: &str) -> Self {
        let mut raw = Self::opened(world).await;
        let authorization = format!("Bearer {}", who.bearer.as_deref().expect("a member"));
        raw.say(&json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
        assert_eq!(raw.told().await, json!({ "type": "connection_ack" }));
        let payload = json!({ "query": FOLLOW, "variables": { "t": thread } });
        raw.say(&json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
        assert_eq!(raw.told().await["type"], "next");
        raw
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("sent");
    }

    async fn say(&mut self, message: &Value) {
        self.send(&frame(FINAL | TEXT, message.to_string().as_bytes())).await;
    }

    /// The head of an answer.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("an answer"));
        }
        String::from_utf8(head).expect("UTF-8")
    }

    /// The next frame of the service, and what it holds.
    async fn frame(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await?;
        let length = match self.0.read_u8().await? {
            126 => usize::from(self.0.read_u16().await?),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await?;
        Ok((first, payload))
    }

    async fn told(&mut self) -> Value {
        let (first, payload) = self.frame().await.expect("a frame");
        assert_eq!(first, FINAL | TEXT);
        serde_json::from_slice(&payload).expect("JSON")
    }

    /// The code that the service closes the connection with, if it says one.
    async fn end(mut self) -> Option<u16> {
        let end = async {
            let mut code = None;
            while let Ok((first, payload)) = self.frame().await {
                if first == FINAL | CLOSE {
                    code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                }
            }
            code
        };
        tokio::time::timeout(PATIENCE, end).await.expect("the service ends it")
    }
}

/// What is held for clients: who listens, and what runs.
#[derive(Clone, Copy)]
struct Held {
    listeners: usize,
    tasks: usize,
}

impl Held {
    fn now(world: &World) -> Self {
        Self { listeners: world.app.live.listeners(), tasks: Handle::current().metrics().num_alive_tasks() }
    }

    /// Waits until no more is held, and asks for something.
    async fn is_all(self, world: &World, after: &str) {
        self.settles(world, after).await;
        stands(world).await;
        self.settles(world, "a request").await;
    }

    async fn settles(self, world: &World, what: &str) {
        until(&format!("nothing is left of {what}"), async || {
            let now = Self::now(world);
            now.listeners <= self.listeners && now.tasks <= self.tasks
        })
        .await;
    }
}

/// A world where a connection that is not freed leaves no place for the next one.
async fn one_at_a_time(change: impl FnOnce(&mut services::config::Limits)) -> (World, Client, String) {
    let world = with_limits(|limits| {
        limits.sockets_per_member = 1;
        limits.sockets_per_origin = 1;
        limits.socket_message_bytes = 2000;
        change(limits);
    })
    .await;
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "DISCUSSION", "Du bruit", "Texte").await;
    (world, ada, thread)
}

/// What is sent, and the code it is answered with, if any.
fn garbage() -> Vec<(String, Vec<u8>, Option<u16>)> {
    let endless = [&[FINAL | TEXT, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    let mut cases = vec![
        ("text that is not JSON", frame(FINAL | TEXT, b"{"), Some(4400)),
        ("a message of no kind", frame(FINAL | TEXT, br#"{"type":"nothing"}"#), Some(4400)),
        ("a message as a list", frame(FINAL | TEXT, br#"["ping",null,null]"#), Some(4400)),
        ("a payload as a list", frame(FINAL | TEXT, br#"{"type":"ping","payload":["x"]}"#), Some(4400)),
        (
            "an operation as a list",
            frame(FINAL | TEXT, br#"{"type":"subscribe","id":"2","payload":["{__typename}"]}"#),
            Some(4400),
        ),
        ("binary", frame(FINAL | BINARY, br#"{"type":"ping"}"#), Some(4400)),
        ("binary in parts", [frame(BINARY, b"{"), frame(FINAL | CONTINUATION, b"}")].concat(), Some(4400)),
        ("a message too long", frame(FINAL | TEXT, &[b' '; 3000]), Some(1009)),
        ("a message that says it is endless", endless, Some(1009)),
        ("parts too long together", [frame(TEXT, &[b' '; 1500]), frame(CONTINUATION, &[b' '; 1500])].concat(), Some(1009)),
        ("a part of nothing", frame(FINAL | CONTINUATION, b"{}"), Some(1002)),
        ("a message within a message", [frame(TEXT, b"{"), frame(FINAL | TEXT, b"{}")].concat(), Some(1002)),
        ("text that is not UTF-8", frame(FINAL | TEXT, &[b'"', 0xff, b'"']), Some(1007)),
        ("reserved bits", frame(FINAL | 0x40 | TEXT, b"{}"), Some(1002)),
        ("an unknown kind of data", frame(FINAL | 0x3, b"{}"), Some(1002)),
        ("an unknown kind of control", frame(FINAL | 0xb, b""), Some(1002)),
        ("a frame without a mask", vec![FINAL | TEXT, 2, b'{', b'}'], Some(1002)),
        ("a ping in parts", frame(PING, b""), Some(1002)),
        ("a ping too long", frame(FINAL | PING, &[0; 126]), Some(1002)),
        ("a close too long", frame(FINAL | CLOSE, &[b'x'; 126]), Some(1002)),
        ("a close of one byte", frame(FINAL | CLOSE, &[3]), Some(1002)),
        ("a close whose reason is not UTF-8", frame(FINAL | CLOSE, &[3, 0xe8, 0xff]), Some(1007)),
        ("a close that says nothing", frame(FINAL | CLOSE, b""), None),
        ("noise", vec![0xff; 64], Some(1002)),
    ]
    .into_iter()
    .map(|(name, bytes, code)| (name.to_owned(), bytes, code))
    .collect::<Vec<_>>();
    // Codes that may be said are said back; others break the protocol (RFC 6455, 7.4).
    cases.extend([1000, 1001, 3000, 4499].map(|code| (format!("a close with {code}"), close(code), Some(code))));
    cases.extend(
        [0, 999, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map(|code| (format!("a close with {code}"), close(code), Some(1002))),
    );
    cases
}

async fn what_is_no_frame_ends_the_connection() {
    let (world, ada, thread) = one_at_a_time(|_| {}).await;
    stands(&world).await;
    let before = Held::now(&world);
    for (name, bytes, code) in garbage() {
        let mut early = Raw::opened(&world).await;
        early.send(&bytes).await;
        assert_eq!(early.end().await, code, "{name}, before connection_init");
        let mut late = Raw::following(&world, &ada, &thread).await;
        late.send(&bytes).await;
        assert_eq!(late.end().await, code, "{name}, while following");
        before.is_all(&world, &name).await;
    }
    world.finish().await;
}

/// Where a client may be when it says nothing more.
fn beginnings() -> [(&'static str, Vec<u8>); 5] {
    let whole = frame(FINAL | TEXT, br#"{"type":"ping","payload":"long enough to be cut in the middle"}"#);
    [
        ("nothing", Vec::new()),
        ("the first byte", whole[..1].to_vec()),
        ("half a mask", whole[..4].to_vec()),
        ("half a message", whole[..40].to_vec()),
        ("one part", frame(TEXT, b"{")),
    ]
}

async fn who_is_gone_in_the_middle_is_forgotten() {
    let (world, ada, thread) = one_at_a_time(|_| {}).await;
    stands(&world).await;
    let before = Held::now(&world);
    for (name, bytes) in beginnings() {
        for read in [false, true] {
            let mut early = Raw::opened(&world).await;
            early.send(&bytes).await;
            let mut late = Raw::following(&world, &ada, &thread).await;
            late.send(&bytes).await;
            for mut raw in [early, late] {
                if read {
                    raw.0.shutdown().await.expect("an end");
                    assert_eq!(raw.end().await, None, "{name}");
                }
            }
            before.is_all(&world, name).await;
        }
    }
    for head in ["", "G", &HEAD[..60], &HEAD[..HEAD.len() - 2], HEAD] {
        Raw::connect(&world).await.send(head.as_bytes()).await;
        before.is_all(&world, head).await;
    }
    world.finish().await;
}

async fn who_stops_in_the_middle_is_sent_away() {
    let (world, ada, thread) = one_at_a_time(|limits| {
        limits.idle_time = Duration::from_millis(500);
        limits.socket_init_time = Duration::from_millis(500);
        limits.socket_silence = Duration::from_millis(500);
    })
    .await;
    let before = Held::now(&world);
    for (name, bytes) in beginnings() {
        let mut early = Raw::opened(&world).await;
        early.send(&bytes).await;
        let mut late = Raw::following(&world, &ada, &thread).await;
        late.send(&bytes).await;
        assert_eq!(early.end().await, Some(4408), "{name}");
        assert_eq!(late.end().await, Some(4499), "{name}");
        before.is_all(&world, name).await;
    }
    let mut half = Raw::connect(&world).await;
    half.send(&HEAD.as_bytes()[..60]).await;
    let mut rest = Vec::new();
    drop(tokio::time::timeout(PATIENCE, half.0.read_to_end(&mut rest)).await.expect("the service ends it"));
    before.is_all(&world, "half a handshake").await;
    world.finish().await;
}

async fn a_message_in_parts_is_a_message() {
    let (world, ada, thread) = one_at_a_time(|_| {}).await;
    let mut raw = Raw::following(&world, &ada, &thread).await;
    raw.send(&frame(TEXT, br#"{"type":"#)).await;
    raw.send(&frame(FINAL | PING, "entre".as_bytes())).await;
    assert_eq!(raw.frame().await.expect("a frame"), (FINAL | PONG, b"entre".to_vec()));
    raw.send(&frame(CONTINUATION, b"")).await;
    raw.send(&frame(FINAL | CONTINUATION, br#""ping"}"#)).await;
    assert_eq!(raw.told().await, json!({ "type": "pong" }));
    drop(raw);
    world.finish().await;
}

async fn what_is_no_handshake_opens_nothing() {
    let (world, ..) = one_at_a_time(|_| {}).await;
    stands(&world).await;
    let before = Held::now(&world);
    for (line, instead) in [
        ("GET ", "POST "),
        ("sec-websocket-version: 13\r\n", "sec-websocket-version: 12\r\n"),
        ("sec-websocket-version: 13\r\n", ""),
        ("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        ("upgrade: websocket\r\n", "upgrade: h2c\r\n"),
        ("upgrade: websocket\r\n", ""),
        ("connection: upgrade\r\n", "connection: keep-alive\r\n"),
    ] {
        let mut raw = Raw::connect(&world).await;
        raw.send(HEAD.replace(line, instead).as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 4"), "{instead:?} instead of {line:?}: {head}");
        drop(raw);
        before.is_all(&world, line).await;
    }
    world.finish().await;
}
