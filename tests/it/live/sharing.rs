//! What several look on at is executed once, and nobody is shown what is somebody else's.

use harness::{Socket, World};
use serde_json::{Value, json};

use super::{event, follow};
use crate::steps::{grant, moderator};

pub(super) async fn many_who_look_on_cost_one_turn(world: &World) {
    let (ada, grace) = (world.member("ada").await, world.member("grace").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Beaucoup", "Texte").await;
    let mut sockets = Vec::new();
    for _ in 0..15 {
        for who in [&ada, &grace] {
            let mut socket = follow(world, who, &thread, None).await;
            event(&mut socket).await;
            sockets.push(socket);
        }
    }
    // Who has heard of this one has looked at everything that came while it began.
    let first = json!(ada.answer(&root, "Pour commencer").await);
    for socket in &mut sockets {
        assert_eq!(event(socket).await["post"]["id"], first);
    }
    let before = world.app.live.turns();
    let mut posts = Vec::new();
    for n in 0..5 {
        posts.push(json!(grace.answer(&root, &format!("Réponse {n}")).await));
    }
    for socket in &mut sockets {
        for post in &posts {
            assert_eq!(event(socket).await["post"]["id"], *post);
        }
    }
    let turns = world.app.live.turns() - before;
    // Two an entry when a sign comes in the middle of it; without sharing it would be 150.
    assert!((1..=30).contains(&turns), "{turns} turns");
}

pub(super) async fn what_a_moderator_sees_is_not_shared(world: &World) {
    let (ada, linus) = (world.member("ada").await, world.member("linus").await);
    let grace = moderator(world, "grace", None).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Masqué", "Texte").await;
    let (first, second) = (ada.answer(&root, "Un secret").await, ada.answer(&root, "Un autre").await);
    let (mut members, mut moderators) = (follow(world, &linus, &thread, None).await, follow(world, &grace, &thread, None).await);
    event(&mut members).await;
    event(&mut moderators).await;
    let hide = async |post: &str| {
        let input = json!({ "postId": post, "hidden": true, "reason": "Déplacé." });
        grace.mutate("hidePost", input, "").await.done("hidePost");
    };
    hide(&first).await;
    let (seen, whole) = (event(&mut members).await, event(&mut moderators).await);
    assert_eq!((&seen["post"]["body"], &seen["post"]["hidden"]), (&Value::Null, &json!(true)));
    assert_eq!(whole["post"]["body"], "Un secret");
    // With a right that comes, what is told changes.
    grant(world, &linus, "MODERATEUR", json!({})).await;
    hide(&second).await;
    assert_eq!(event(&mut members).await["post"]["body"], "Un autre");
}

pub(super) async fn what_is_somebodys_own_is_not_shared(world: &World) {
    let (ada, linus) = (world.member("ada").await, world.member("linus").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "À moi", "Texte").await;
    let query = "subscription($t: ID!) { threadEvents(threadId: $t) { __typename
        ... on PostAdded { post { id viewerMayEdit } thread { viewerFollowLevel } } } }";
    let mut sockets = Vec::new();
    for who in [&ada, &linus] {
        let mut socket = Socket::open(&world.url, who.bearer.as_deref()).await;
        socket.subscribe("t", query, json!({ "t": thread })).await;
        assert_eq!(event(&mut socket).await["__typename"], "StreamStart");
        sockets.push(socket);
    }
    ada.answer(&root, "La mienne").await;
    let (own, other) = (event(&mut sockets[0]).await, event(&mut sockets[1]).await);
    assert_eq!((&own["post"]["viewerMayEdit"], &other["post"]["viewerMayEdit"]), (&json!(true), &json!(false)));
    assert_ne!(own["thread"]["viewerFollowLevel"], other["thread"]["viewerFollowLevel"]);
}
