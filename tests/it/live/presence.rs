//! Who looks on, and who is typing.

use chrono::TimeDelta;
use harness::{Client, Socket, World};
use serde_json::{Value, json};

use crate::steps::{new_forum, organisation};

const HERE: &str = "subscription($t: ID!) { presence(threadId: $t) { members { typing member { handle } } } }";

async fn look(world: &World, who: &Client, thread: &str) -> Socket {
    let mut socket = Socket::open(&world.url, who.bearer.as_deref()).await;
    socket.subscribe("p", HERE, json!({ "t": thread })).await;
    socket
}

/// Who is there, in the order of their names; with a star who types.
async fn here(socket: &mut Socket) -> Vec<String> {
    let data = socket.data().await;
    let one = |present: &Value| {
        let star = if present["typing"] == true { "*" } else { "" };
        format!("{}{star}", present["member"]["handle"].as_str().expect("a handle"))
    };
    let mut here: Vec<_> = data["presence"]["members"].as_array().expect("members").iter().map(one).collect();
    here.sort();
    here
}

pub(super) async fn who_looks_at_a_thread_and_types_is_told(world: &World) {
    let (ada, linus) = (world.member("ada").await, world.member("linus").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Qui est là ?", "Texte").await;
    let mut first = look(world, &ada, &thread).await;
    assert_eq!(here(&mut first).await, ["ada"]);
    let mut second = look(world, &linus, &thread).await;
    assert_eq!(here(&mut second).await, ["ada", "linus"]);
    assert_eq!(here(&mut first).await, ["ada", "linus"]);
    // What happens in the thread is not told here.
    linus.answer(&root, "Moi").await;
    let typing = json!({ "threadId": thread });
    linus.mutate("sayTyping", typing.clone(), "thread { id }").await.done("sayTyping");
    linus.mutate("sayTyping", typing, "thread { id }").await.done("sayTyping");
    assert_eq!(here(&mut first).await, ["ada", "linus*"]);
    world.advance(TimeDelta::seconds(7));
    assert_eq!(here(&mut first).await, ["ada", "linus"]);
    drop(second);
    assert_eq!(here(&mut first).await, ["ada"]);
}

pub(super) async fn who_is_there_is_for_members_who_see_the_thread(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let hidden = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let closed = new_forum(world, "plateforme", "Dedans", hidden).await;
    let (secret, _) = world.administrator().open_thread(&closed, "DISCUSSION", "Entre nous", "Texte").await;
    let linus = world.member("linus").await;
    let forum = world.forum("plateforme", "questions").await;
    let (open, _) = linus.open_thread(&forum, "QUESTION", "À tous", "Texte").await;
    assert_eq!(look(world, &linus, &secret).await.refusal().await, "NOT_FOUND");
    assert_eq!(look(world, &world.anonymous(), &open).await.refusal().await, "UNAUTHENTICATED");
    let reply = linus.mutate("sayTyping", json!({ "threadId": secret }), "thread { id }").await;
    assert_eq!(reply.code(), "NOT_FOUND");
    assert!(world.app.presence.here(secret.parse().expect("an id")).is_empty());
}
