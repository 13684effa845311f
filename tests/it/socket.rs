//! `graphql-transport-ws` to the letter: each code a connection closes with, and each message.

use harness::{Client, Database, Socket, Story, World, stories, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use services::{Caller, sessions};
use sqlx::Connection;

use crate::abuse::with_limits;
use crate::binary::{PATIENCE, until};

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

pub(crate) fn stories() -> Vec<Story> {
    stories![
        an_operation_gets_its_reply_and_its_end,
        a_socket_writes_as_whoever_opened_it,
        whose_rights_cannot_be_read_is_sent_away,
    ]
}

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        vec![$(trial(concat!("socket::", stringify!($name)).into(), None, || harness::tell(async {
            let world = World::start(Database::Sqlite).await;
            $name(&world).await;
            world.finish().await;
        }))),*]
    };
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = trials![
        another_subprotocol_is_refused,
        who_does_not_begin_is_sent_away,
        what_is_not_a_message_closes_the_connection,
        a_wrong_token_is_forbidden,
        an_id_is_used_once_at_a_time,
        a_connection_begins_once,
        a_ping_gets_its_pong,
        a_cookie_from_another_site_is_nobody,
        a_stop_says_going_away,
        a_stop_finishes_the_operations_that_run,
        a_browser_s_session_is_not_opened_over_a_socket,
        a_long_message_is_taken_whole,
        who_does_not_read_is_closed_like_everybody,
    ];
    let name = "socket::a_session_that_ends_while_it_is_recognised_is_forbidden [postgres]";
    trials.push(trial(name.into(), Database::Postgres.missing(), || {
        harness::tell(a_session_that_ends_while_it_is_recognised_is_forbidden());
    }));
    trials.push(trial("socket::who_holds_too_many_connections_is_sent_away".into(), None, || {
        harness::tell(who_holds_too_many_connections_is_sent_away());
    }));
    trials
}

async fn connect(world: &World) -> Socket {
    Socket::connect(&world.url, &[PROTOCOL]).await.expect("a socket")
}

fn subscribe(id: &str, query: &str) -> Value {
    json!({ "type": "subscribe", "id": id, "payload": { "query": query } })
}

async fn another_subprotocol_is_refused(world: &World) {
    for headers in [vec![], vec![("sec-websocket-protocol", "graphql-ws")], vec![("sec-websocket-protocol", "mqtt, soap")]] {
        // Some clients give up by themselves when no protocol is chosen.
        match Socket::connect(&world.url, &headers).await {
            Ok(mut socket) => assert_eq!(socket.next().await, Err(4406), "{headers:?}"),
            Err(refused) => assert!(!headers.is_empty() && refused.contains("protocol"), "{headers:?}: {refused}"),
        }
    }
    assert!(Socket::connect(&world.url, &[("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")]).await.is_ok());
}

async fn who_does_not_begin_is_sent_away(world: &World) {
    assert_eq!(connect(world).await.next().await, Err(4408));
    let mut early = connect(world).await;
    early.send(subscribe("1", "{ __typename }")).await;
    assert_eq!(early.next().await, Err(4401));
}

async fn what_is_not_a_message_closes_the_connection(world: &World) {
    for text in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"type\": 1}",
        "{\"type\": \"complete\"}",
        "{\"type\": \"connection_init\", \"payload\": 3}",
    ] {
        let mut socket = connect(world).await;
        socket.say(text).await;
        assert_eq!(socket.next().await, Err(4400), "first {text}");
    }
    for text in [
        "{",
        "{\"type\": \"nothing\"}",
        "{\"type\": \"subscribe\"}",
        "{\"type\": \"subscribe\", \"id\": 3, \"payload\": {\"query\": \"{ __typename }\"}}",
        "{\"type\": \"subscribe\", \"id\": \"1\"}",
        "{\"type\": \"subscribe\", \"id\": \"1\", \"payload\": {}}",
        "{\"type\": \"subscribe\", \"id\": \"1\", \"payload\": {\"query\": 3}}",
        "{\"type\": \"complete\"}",
        "{\"type\": \"connection_ack\"}",
    ] {
        let mut socket = Socket::open(&world.url, None).await;
        socket.say(text).await;
        assert_eq!(socket.next().await, Err(4400), "then {text}");
    }
}

async fn a_wrong_token_is_forbidden(world: &World) {
    for authorization in ["Bearer nothing", "", "Basic YTpi"] {
        let mut socket = connect(world).await;
        socket.send(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
        assert_eq!(socket.next().await, Err(4403), "{authorization}");
    }
    let mut socket = connect(world).await;
    socket.send(json!({ "type": "connection_init", "payload": { "authorization": "a\nb" } })).await;
    assert_eq!(socket.next().await, Err(4400));
}

/// A write that goes on until it is told to end; others wait for it.
struct HeldWriter {
    release: tokio::sync::oneshot::Sender<()>,
    writing: tokio::task::JoinHandle<services::Result<()>>,
}

impl HeldWriter {
    async fn release(self) {
        drop(self.release);
        self.writing.await.expect("the writer").expect("a write");
    }
}

async fn hold_the_writer(world: &World) -> HeldWriter {
    let (began, holding) = tokio::sync::oneshot::channel();
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let db = world.app.db.clone();
    let writing = tokio::spawn(async move {
        let work = db.write(move |_| {
            Box::pin(async move {
                began.send(()).expect("somebody waits");
                drop(held.await);
                Ok(())
            })
        });
        work.await
    });
    holding.await.expect("the writer");
    HeldWriter { release, writing }
}

/// The first answer to `messages` (or the code the connection closes with) while their operations wait for a write that does
/// not end.
async fn answer_while_held(world: &World, messages: Vec<Value>) -> Result<Value, u16> {
    let mut socket = Socket::open(&world.url, world.administrator().bearer.as_deref()).await;
    let held = hold_the_writer(world).await;
    for message in messages {
        socket.send(message).await;
    }
    let answer = socket.next().await;
    held.release().await;
    answer
}

async fn an_id_is_used_once_at_a_time(world: &World) {
    let slow = "mutation { updateProfile(input: {name: \"Administration\"}) { problems { message } } }";
    assert_eq!(answer_while_held(world, vec![subscribe("same", slow), subscribe("same", slow)]).await, Err(4409));
    // One too many is refused alone: clients do not come back after a code of the protocol.
    let refused = answer_while_held(world, (0..17).map(|n| subscribe(&n.to_string(), slow)).collect()).await.expect("an answer");
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("16")), "{refused}");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "LIMITED", "{refused}");
    // One after the other, an id serves again.
    let mut socket = Socket::open(&world.url, None).await;
    for _ in 0..3 {
        socket.send(subscribe("again", "{ __typename }")).await;
        assert_eq!(socket.next().await.expect("a reply")["type"], "next");
        assert_eq!(socket.next().await, Ok(json!({ "type": "complete", "id": "again" })));
    }
}

async fn a_connection_begins_once(world: &World) {
    let mut socket = Socket::open(&world.url, None).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.next().await, Err(4429));
}

async fn a_ping_gets_its_pong(world: &World) {
    let mut early = connect(world).await;
    early.send(json!({ "type": "pong" })).await;
    early.send(json!({ "type": "ping" })).await;
    assert_eq!(early.next().await, Ok(json!({ "type": "pong" })));
    early.send(json!({ "type": "connection_init" })).await;
    assert_eq!(early.next().await, Ok(json!({ "type": "connection_ack" })));
    let mut socket = Socket::open(&world.url, None).await;
    socket.send(json!({ "type": "pong" })).await;
    socket.send(json!({ "type": "ping", "payload": { "x": 1 } })).await;
    assert_eq!(socket.next().await, Ok(json!({ "type": "pong" })));
    socket.send(json!({ "type": "complete", "id": "unknown" })).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await, Ok(json!({ "type": "pong" })));
}

async fn an_operation_gets_its_reply_and_its_end(world: &World) {
    let mut socket = Socket::open(&world.url, None).await;
    let query = "query Q($s: String!) { space(slug: $s) { slug } } query R { __typename }";
    let payload = json!({ "query": query, "variables": { "s": "plateforme" }, "operationName": "Q" });
    socket.send(json!({ "type": "subscribe", "id": "é\"1", "payload": payload })).await;
    let next = json!({ "type": "next", "id": "é\"1", "payload": { "data": { "space": { "slug": "plateforme" } } } });
    assert_eq!(socket.next().await, Ok(next));
    assert_eq!(socket.next().await, Ok(json!({ "type": "complete", "id": "é\"1" })));
    for document in ["{ spaces {", "{ nothing }"] {
        socket.send(subscribe("2", document)).await;
        let refused = socket.next().await.expect("a reply");
        assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("2")));
        assert!(
            refused["payload"][0]["message"].as_str().expect("a message").starts_with("Requête GraphQL invalide"),
            "{refused}"
        );
    }
    // An error of a field is part of a reply.
    socket.send(subscribe("3", "mutation { updateProfile(input: {name: \"Personne\"}) { problems { field } } }")).await;
    let reply = socket.next().await.expect("a reply");
    assert_eq!(reply["type"], "next", "{reply}");
    assert!(reply["payload"]["errors"].is_array(), "{reply}");
    assert_eq!(socket.next().await, Ok(json!({ "type": "complete", "id": "3" })));
}

async fn a_socket_writes_as_whoever_opened_it(world: &World) {
    let camille = world.member("camille").await;
    let forum = world.forum("plateforme", "questions").await;
    let mut socket = Socket::open(&world.url, camille.bearer.as_deref()).await;
    let mutation =
        "mutation($i: OpenThreadInput!) { openThread(input: $i) { thread { author { handle } } problems { message } } }";
    let input = json!({ "forumId": forum, "kind": "QUESTION", "title": "Par le fil ouvert", "body": "Bonjour." });
    socket.send(json!({ "type": "subscribe", "id": "1", "payload": { "query": mutation, "variables": { "i": input } } })).await;
    let reply = socket.next().await.expect("a reply");
    assert_eq!(reply["payload"]["data"]["openThread"]["thread"]["author"]["handle"], "camille", "{reply}");
    assert_eq!(socket.next().await, Ok(json!({ "type": "complete", "id": "1" })));
    // The session ends: so does what it opened.
    camille.mutate("signOut", json!({}), "clientMutationId").await.done("signOut");
    assert_eq!(socket.next().await, Err(4403));
}

async fn a_cookie_from_another_site_is_nobody(world: &World) {
    let token = world.link("administration@ciam.test").await;
    let query = "mutation($t: String!) { signIn(input: {token: $t, kind: NAVIGATEUR}) { problems { message } } }";
    let response = reqwest::Client::new()
        .post(format!("{}/graphql", world.url))
        .json(&json!({ "query": query, "variables": { "t": token } }))
        .send()
        .await
        .expect("an answer");
    let cookie = response.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a pair").to_owned();
    for (origin, known) in [(&*world.url, true), ("https://evil.example", false), ("null", false)] {
        let mut socket =
            Socket::connect(&world.url, &[PROTOCOL, ("cookie", &*cookie), ("origin", origin)]).await.expect("a socket");
        socket.send(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.next().await, Ok(json!({ "type": "connection_ack" })));
        socket.send(subscribe("1", "{ viewer { handle } }")).await;
        let reply = socket.next().await.expect("a reply");
        assert_eq!(reply["payload"]["data"]["viewer"].is_object(), known, "{origin}: {reply}");
    }
}

async fn a_stop_says_going_away(world: &World) {
    let mut socket = Socket::open(&world.url, None).await;
    let mut waiting = connect(world).await;
    world.stop().await;
    assert_eq!(socket.next().await, Err(1001));
    assert!(waiting.next().await.is_err());
}

async fn a_stop_finishes_the_operations_that_run(world: &World) {
    let mut socket = Socket::open(&world.url, world.administrator().bearer.as_deref()).await;
    let held = hold_the_writer(world).await;
    socket.send(subscribe("1", "mutation { updateProfile(input: {name: \"Avant\"}) { member { name } } }")).await;
    // The answer to the ping says that the operation before it was taken.
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await, Ok(json!({ "type": "pong" })));
    let told = async {
        // Nothing new begins, which shows that the stop was heard.
        let mut late = 2;
        loop {
            socket.send(subscribe(&late.to_string(), "{ __typename }")).await;
            let answer = socket.next().await.expect("an answer");
            if answer["type"] == "error" {
                assert_eq!(answer["payload"][0]["extensions"]["code"], "LIMITED", "{answer}");
                break;
            }
            assert_eq!(socket.next().await.expect("its end")["type"], "complete");
            late += 1;
        }
        held.release().await;
        let answer = socket.next().await.expect("the reply");
        assert_eq!(answer["payload"]["data"]["updateProfile"]["member"]["name"], "Avant", "{answer}");
        assert_eq!(socket.next().await, Ok(json!({ "type": "complete", "id": "1" })));
        assert_eq!(socket.next().await, Err(1001));
    };
    tokio::join!(world.stop(), told);
}

/// It would spend the link, and give neither a cookie nor a token.
async fn a_browser_s_session_is_not_opened_over_a_socket(world: &World) {
    let token = world.link("camille@exemple.test").await;
    let mut socket = Socket::open(&world.url, None).await;
    let input = format!("token: \"{token}\", handle: \"camille\", name: \"Camille\"");
    let up = format!("mutation {{ signUp(input: {{ {input}, kind: NAVIGATEUR }}) {{ problems {{ field }} }} }}");
    let into = format!("mutation {{ signIn(input: {{ token: \"{token}\", kind: NAVIGATEUR }}) {{ problems {{ field }} }} }}");
    for (id, name, mutation) in [("1", "signUp", up), ("2", "signIn", into)] {
        socket.send(subscribe(id, &mutation)).await;
        let reply = socket.next().await.expect("a reply");
        assert_eq!(reply["payload"]["data"][name]["problems"], json!([{ "field": "kind" }]), "{reply}");
        assert_eq!(socket.next().await, Ok(json!({ "type": "complete", "id": id })));
    }
    let camille = world.anonymous().sign_up(&token, "camille", "Camille", None).await;
    assert!(camille.id().await.starts_with("mem_"));
}

/// The longest body there can be, in characters of three bytes.
async fn a_long_message_is_taken_whole(world: &World) {
    let mut socket = Socket::open(&world.url, None).await;
    let body = "€".repeat(50_000);
    let payload = json!({ "query": "query($b: String!) { preview(body: $b) { excerpt } }", "variables": { "b": body } });
    socket.send(json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
    let reply = socket.next().await.expect("a reply");
    assert!(reply["payload"]["data"]["preview"]["excerpt"].is_string(), "{reply}");
}

/// Each member, and those of one address who did not sign in: from `connection_init` on, until a connection ends in whatever way.
async fn who_holds_too_many_connections_is_sent_away() {
    let world = with_limits(|limits| {
        limits.sockets_per_member = 2;
        limits.sockets_per_origin = 3;
    })
    .await;
    let (ada, grace) = (world.member("ada").await, world.member("grace").await);
    let (ada, grace) = (ada.bearer.as_deref(), grace.bearer.as_deref());
    for (who, most, other) in [(ada, 2, grace), (None, 3, grace)] {
        let _early = connect(&world).await;
        let mut held = Vec::new();
        for _ in 0..most {
            held.push(Socket::open(&world.url, who).await);
        }
        assert_eq!(Socket::attempt(&world.url, who).await.err(), Some(4430));
        Socket::open(&world.url, other).await;
        held[0].say("{").await;
        assert_eq!(held[0].next().await, Err(4400));
        held.truncate(1);
        // The one that was closed, and those that were dropped.
        let mut again = Vec::new();
        until("their places are free", async || {
            let tried = Socket::attempt(&world.url, who).await;
            assert!(tried.as_ref().err().is_none_or(|code| *code == 4430));
            again.extend(tried);
            again.len() == most
        })
        .await;
        assert_eq!(Socket::attempt(&world.url, who).await.err(), Some(4430));
    }
    world.finish().await;
}

/// More is told than the machine keeps of a connection: the end of a session and a stop do not wait until it is read.
async fn who_does_not_read_is_closed_like_everybody(world: &World) {
    let (ada, grace) = (world.member("ada").await, world.member("grace").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Un fil lourd", "Texte").await;
    for _ in 0..20 {
        ada.answer(&root, &"x".repeat(45_000)).await;
    }
    // 900 kB an event, 18 MB in one turn.
    let bodies: String = (0..20).map(|n| format!(" b{n}: body")).collect();
    let query = format!(
        "subscription($t: ID!, $a: String) {{ threadEvents(threadId: $t, after: $a) {{ ... on PostAdded {{ post {{ id{bodies} }} }} }} }}"
    );
    let told = async |who: &Client| {
        let mut socket = Socket::open(&world.url, who.bearer.as_deref()).await;
        socket.subscribe("t", &query, json!({ "t": thread, "a": services::live::cursor(0) })).await;
        socket.data().await;
        socket
    };
    let closed = async || until("it is closed", async || world.app.live.listeners() == 0).await;
    let mut signed_out = told(&ada).await;
    ada.mutate("signOut", json!({}), "").await.done("signOut");
    closed().await;
    assert_eq!(end(&mut signed_out).await, 4403);
    let mut stopped = told(&grace).await;
    let closed = async {
        closed().await;
        assert_eq!(end(&mut stopped).await, 1001);
    };
    tokio::join!(world.stop(), closed);
}

/// What a connection was closed with, after all that is left to read.
async fn end(socket: &mut Socket) -> u16 {
    loop {
        if let Err(code) = tokio::time::timeout(PATIENCE, socket.next()).await.expect("an end") {
            return code;
        }
    }
}

/// The caller of that bearer token, read beside the product.
async fn caller(world: &World, client: &Client) -> Caller {
    let mut reader = world.app.db.reader().await.expect("a reader");
    let secret = client.bearer.as_deref().expect("a member");
    sessions::authenticate(&mut reader, world.app.clock.now(), secret).await.expect("a session").0
}

/// The session is read, then what its member holds: what happens between the two was told before anybody listened.
async fn a_session_that_ends_while_it_is_recognised_is_forbidden() {
    let world = World::start(Database::Postgres).await;
    let ada = world.member("ada").await;
    let caller = caller(&world, &ada).await;
    let url = world.app.config.database_url.as_deref().expect("an address");
    let mut beside = sqlx::PgConnection::connect(url).await.expect("a connection");
    sqlx::query("begin").execute(&mut beside).await.expect("begun");
    sqlx::query("lock table role_grants in access exclusive mode").execute(&mut beside).await.expect("locked");
    let opening = Socket::attempt(&world.url, ada.bearer.as_deref());
    let ending = async {
        let waiting = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
            where d.datname = current_database() and l.relation = 'role_grants'::regclass and not l.granted";
        until("the session was read", async || world.count(waiting).await == 1).await;
        let head = world.app.live.head();
        sessions::revoke_session(&world.app, &caller, None).await.expect("revoked");
        until("it is told", async || world.app.live.head() > head).await;
        sqlx::query("commit").execute(&mut beside).await.expect("unlocked");
    };
    let closed = async {
        match opening.await {
            Ok(mut socket) => end(&mut socket).await,
            Err(code) => code,
        }
    };
    assert_eq!(tokio::join!(closed, ending).0, 4403);
    world.finish().await;
}

/// A sign comes once: after it, nobody goes on with rights that were read before.
async fn whose_rights_cannot_be_read_is_sent_away(world: &World) {
    let ada = world.member("ada").await;
    let member = caller(world, &ada).await.id().expect("a member");
    let mut socket = Socket::open(&world.url, ada.bearer.as_deref()).await;
    world.change("alter table role_grants rename to lost").await;
    let (db, clock) = (world.app.db.clone(), world.app.clock.clone());
    crate::events::write(db, clock, member.0.as_u128(), 1, Ok(0)).await.expect("told");
    assert_eq!(end(&mut socket).await, 1013);
    world.change("alter table lost rename to role_grants").await;
    Socket::open(&world.url, ada.bearer.as_deref()).await;
}
