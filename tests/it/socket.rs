//! `graphql-transport-ws` to the letter: each code a connection closes with, and each message.

use harness::{Database, Socket, Story, World, stories, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

pub(crate) fn stories() -> Vec<Story> {
    stories![an_operation_gets_its_reply_and_its_end, a_socket_writes_as_whoever_opened_it]
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
    trials![
        another_subprotocol_is_refused,
        who_does_not_begin_is_sent_away,
        what_is_not_a_message_closes_the_connection,
        a_wrong_token_is_forbidden,
        an_id_is_used_once_at_a_time,
        a_connection_begins_once,
        a_ping_gets_its_pong,
        a_cookie_from_another_site_is_nobody,
        a_stop_says_going_away,
    ]
}

async fn connect(world: &World) -> Socket {
    Socket::connect(&world.url, &[PROTOCOL]).await.expect("a socket")
}

fn subscribe(id: &str, query: &str) -> Value {
    json!({ "type": "subscribe", "id": id, "payload": { "query": query } })
}

async fn another_subprotocol_is_refused(world: &World) {
    for headers in [vec![], vec![("sec-websocket-protocol", "graphql-ws")], vec![("sec-websocket-protocol", "mqtt, soap")]] {
        let refused = Socket::connect(&world.url, &headers).await.err().expect("a refusal");
        assert!(refused.contains("400"), "{headers:?}: {refused}");
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
    for text in
        ["", "{", "null", "[]", "{}", "{\"type\": 1}", "{\"type\": \"ping\"}", "{\"type\": \"connection_init\", \"payload\": 3}"]
    {
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

/// What closes a connection while the operations of `messages` wait for a write that does not end.
async fn closed_by(world: &World, messages: Vec<Value>) -> u16 {
    let mut socket = Socket::open(&world.url, world.administrator().bearer.as_deref()).await;
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
    for message in messages {
        socket.send(message).await;
    }
    let code = socket.next().await.expect_err("a closed connection");
    drop(release);
    writing.await.expect("the writer").expect("a write");
    code
}

async fn an_id_is_used_once_at_a_time(world: &World) {
    let slow = "mutation { updateProfile(input: {name: \"Administration\"}) { problems { message } } }";
    assert_eq!(closed_by(world, vec![subscribe("same", slow), subscribe("same", slow)]).await, 4409);
    assert_eq!(closed_by(world, (0..17).map(|n| subscribe(&n.to_string(), slow)).collect()).await, 4429);
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
    // The session ends: nothing more runs on a socket that is still open.
    camille.mutate("signOut", json!({}), "clientMutationId").await.done("signOut");
    socket.send(subscribe("2", "{ viewer { handle } }")).await;
    let refused = socket.next().await.expect("a reply");
    assert_eq!((&refused["type"], &refused["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("UNAUTHENTICATED")));
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
