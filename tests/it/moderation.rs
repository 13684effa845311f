//! What moderators do, what others see of it, and what they cannot do elsewhere.

use harness::{Client, Story, World, stories};
use serde_json::{Value, json};
use services::events::Event;

use crate::steps::{column, grant, moderator, new_forum, nodes, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_hidden_thread_is_seen_by_moderators_alone,
        a_hidden_post_is_read_by_its_author_with_the_reason,
        a_locked_thread_refuses_members,
        pinned_threads_stand_on_top_of_their_forum,
        pins_at_once_stop_at_the_limit,
        a_thread_is_moved_to_another_forum,
        threads_moved_across_at_once_all_arrive,
        a_moderator_of_one_space_has_no_power_elsewhere,
        a_token_moderates_only_with_its_scope,
        a_thread_with_nothing_left_to_read_leaves_the_list_and_its_pin,
    ]
}

const FORUM: &str = "query($f: ID!) { forum(id: $f) { threadCount threads { totalCount } } }";

/// The stored count of a forum and what its list holds for this person.
async fn counts(client: &Client, forum: &str) -> (Value, Value) {
    let forum = read(client, FORUM, json!({ "f": forum })).await["forum"].clone();
    (forum["threadCount"].clone(), forum["threads"]["totalCount"].clone())
}

/// The kinds of the last `count` events, whose author is `by`.
async fn last_events(world: &World, count: usize, by: &Client) -> Vec<Event> {
    let by = Some(by.id().await);
    let events = world.events().await;
    let last = &events[events.len() - count..];
    assert!(last.iter().all(|entry| entry.actor.map(|actor| actor.to_string()) == by), "{last:?}");
    last.iter().map(|entry| entry.event.clone()).collect()
}

async fn a_hidden_thread_is_seen_by_moderators_alone(world: &World) {
    let ada = world.member("ada").await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let general = moderator(world, "general", None).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, post) = ada.open_thread(&forum, "QUESTION", "Une question déplacée", "Texte").await;
    ada.open_thread(&forum, "QUESTION", "Une autre question", "Texte").await;
    let hide = |hidden: bool| json!({ "threadId": thread, "hidden": hidden });
    assert_eq!(ada.mutate("hideThread", hide(true), "").await.code(), "FORBIDDEN");
    let done = modo.mutate("hideThread", hide(true), "thread { id hidden }").await.done("hideThread");
    assert_eq!(done["thread"], json!({ "id": thread, "hidden": true }));
    let query = "query($t: ID!, $p: ID!) { thread(id: $t) { hidden } post(id: $p) { body } node(id: $t) { id }
        nodes(ids: [$p]) { id } }";
    let variables = json!({ "t": thread, "p": post });
    let nothing = json!({ "thread": null, "post": null, "node": null, "nodes": [null] });
    for who in [&ada, &world.anonymous()] {
        assert_eq!(read(who, query, variables.clone()).await, nothing);
        assert_eq!(counts(who, &forum).await, (json!(1), json!(1)));
    }
    for who in [&modo, &general, world.administrator()] {
        assert_eq!(read(who, query, variables.clone()).await["thread"], json!({ "hidden": true }));
    }
    for (name, input) in [
        ("answerPost", json!({ "postId": post, "body": "Texte" })),
        ("editPost", json!({ "postId": post, "body": "Autre" })),
        ("deletePost", json!({ "postId": post })),
        ("editThread", json!({ "threadId": thread, "title": "Un autre titre" })),
        ("hideThread", hide(false)),
    ] {
        assert_eq!(ada.mutate(name, input, "").await.code(), "NOT_FOUND", "{name}");
    }
    // The list of hidden ones, for those who moderate what it covers.
    let space = crate::steps::space(world, "plateforme").await;
    let hidden = "query($s: ID, $f: ID) { threads(space: $s, forum: $f, filter: MASQUES) { totalCount edges { node { id } } } }";
    for (who, of) in [
        (&modo, json!({ "s": space })),
        (&modo, json!({ "s": space, "f": forum })),
        (&general, json!({})),
        (world.administrator(), json!({ "f": forum })),
    ] {
        let list = read(who, hidden, of).await["threads"].clone();
        assert_eq!((column(&list, "id"), &list["totalCount"]), (vec![json!(thread)], &json!(1)));
    }
    let own = read(
        &modo,
        "query($f: ID!) { forum(id: $f) { threads(filter: MASQUES) { edges { node { id } } } } }",
        json!({ "f": forum }),
    )
    .await;
    assert_eq!(column(&own["forum"]["threads"], "id"), [json!(thread)]);
    for (who, of) in [(&ada, json!({ "s": space })), (&modo, json!({})), (&world.anonymous(), json!({ "f": forum }))] {
        assert_eq!(who.run(hidden, of).await.code(), "FORBIDDEN");
    }
    // Hidden again changes nothing; shown, it is back.
    let before = world.events().await.len();
    modo.mutate("hideThread", hide(true), "").await.done("hideThread");
    assert_eq!(world.events().await.len(), before);
    modo.mutate("hideThread", hide(false), "").await.done("hideThread");
    assert_eq!(counts(&ada, &forum).await, (json!(2), json!(2)));
    assert_eq!(read(&ada, query, variables).await["thread"], json!({ "hidden": false }));
    let id = thread.parse().expect("an id");
    assert_eq!(
        last_events(world, 2, &modo).await,
        [Event::ThreadHidden { thread: id, hidden: true }, Event::ThreadHidden { thread: id, hidden: false }]
    );
}

async fn a_hidden_post_is_read_by_its_author_with_the_reason(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question disputée", "Texte").await;
    let answer = ben.answer(&root, "Propos déplacés envers @ada").await;
    let below = ada.answer(&answer, "Dites donc").await;
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    let hide = |hidden: bool, reason: Value| json!({ "postId": answer, "hidden": hidden, "reason": reason });
    for (reason, problem) in [
        (Value::Null, "reason: OBLIGATOIRE"),
        (json!("  "), "reason: OBLIGATOIRE"),
        (json!("ab"), "reason: TROP_COURT"),
        (json!("a\0bc"), "reason: MALFORME"),
    ] {
        assert_eq!(modo.mutate("hidePost", hide(true, reason), "").await.problems("hidePost"), [problem]);
    }
    assert_eq!(ada.mutate("hidePost", hide(true, json!("Pas gentil")), "").await.code(), "FORBIDDEN");
    let seen = "hidden hiddenReason body html excerpt author { handle } mentions { handle }";
    let done =
        modo.mutate("hidePost", hide(true, json!("Charte, article 3")), &format!("post {{ {seen} }}")).await.done("hidePost");
    assert_eq!(done["post"]["hiddenReason"], json!("Charte, article 3"));
    let query = format!("query($p: ID!) {{ post(id: $p) {{ {seen} }} }}");
    let whole = json!({ "hidden": true, "hiddenReason": "Charte, article 3", "body": "Propos déplacés envers @ada",
        "html": done["post"]["html"], "excerpt": "Propos déplacés envers @ada", "author": { "handle": "ben" },
        "mentions": [{ "handle": "ada" }] });
    let empty = json!({ "hidden": true, "hiddenReason": null, "body": null, "html": null, "excerpt": null, "author": null, "mentions": [] });
    for (who, expected) in [(&ben, &whole), (&modo, &whole), (&ada, &empty), (&world.anonymous(), &empty)] {
        assert_eq!(&read(who, &query, json!({ "p": answer })).await["post"], expected);
    }
    let state =
        "query($t: ID!) { thread(id: $t) { postCount solved posts { totalCount edges { node { id parent { id body } } } } } }";
    let thread_seen = read(&ada, state, json!({ "t": thread })).await["thread"].clone();
    assert_eq!(
        (&thread_seen["postCount"], &thread_seen["solved"], &thread_seen["posts"]["totalCount"]),
        (&json!(2), &json!(false), &json!(3))
    );
    // Not through its parent either.
    assert_eq!(nodes(&thread_seen["posts"])[2], json!({ "id": below, "parent": { "id": answer, "body": null } }));
    assert_eq!(
        ada.mutate("answerPost", json!({ "postId": answer, "body": "Oh" }), "").await.problems("answerPost"),
        ["postId: REFUSE"]
    );
    assert_eq!(ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.problems("acceptAnswer"), ["postId: REFUSE"]);
    // Hidden, then deleted by its author: gone for the author too, and counted once.
    modo.mutate("hidePost", hide(false, Value::Null), "").await.done("hidePost");
    let back = read(&ada, &query, json!({ "p": answer })).await["post"].clone();
    assert_eq!((&back["hidden"], &back["hiddenReason"], &back["body"]), (&json!(false), &Value::Null, &whole["body"]));
    assert_eq!(read(&ada, state, json!({ "t": thread })).await["thread"]["postCount"], json!(3));
    modo.mutate("hidePost", hide(true, json!("Encore")), "").await.done("hidePost");
    ben.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
    let gone = read(&ben, &query, json!({ "p": answer })).await["post"].clone();
    assert_eq!((&gone["body"], &gone["hiddenReason"], &gone["author"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(read(&ada, state, json!({ "t": thread })).await["thread"]["postCount"], json!(2));
    assert_eq!(modo.mutate("hidePost", hide(false, Value::Null), "").await.problems("hidePost"), ["postId: REFUSE"]);
    let (thread, post) = (thread.parse().expect("an id"), answer.parse().expect("an id"));
    let events = world.events().await;
    let told: Vec<_> = events
        .iter()
        .filter(|entry| matches!(entry.event, Event::PostHidden { .. } | Event::ThreadReopened { .. }))
        .map(|entry| entry.event.clone())
        .collect();
    let hid = |hidden| Event::PostHidden { thread, post, hidden };
    assert_eq!(told, [hid(true), Event::ThreadReopened { thread }, hid(false), hid(true)]);
}

async fn a_locked_thread_refuses_members(world: &World) {
    let ada = world.member("ada").await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question trop disputée", "Texte").await;
    let lock = |locked: bool| json!({ "threadId": thread, "locked": locked });
    assert_eq!(ada.mutate("lockThread", lock(true), "").await.code(), "FORBIDDEN");
    let done = modo.mutate("lockThread", lock(true), "thread { locked viewerMayAnswer }").await.done("lockThread");
    assert_eq!(done["thread"], json!({ "locked": true, "viewerMayAnswer": true }));
    let seen = read(&ada, "query($t: ID!) { thread(id: $t) { locked viewerMayAnswer } }", json!({ "t": thread })).await;
    assert_eq!(seen["thread"], json!({ "locked": true, "viewerMayAnswer": false }));
    for (name, input) in [
        ("answerPost", json!({ "postId": root, "body": "Texte" })),
        ("editPost", json!({ "postId": root, "body": "Autre" })),
        ("deletePost", json!({ "postId": root })),
    ] {
        let refused = ada.mutate(name, input, "").await;
        assert_eq!(refused.problems(name), ["postId: REFUSE"], "{name}");
        assert!(refused.text.contains("Ce fil est verrouillé"), "{}", refused.text);
    }
    let title = json!({ "threadId": thread, "title": "Un autre titre" });
    assert_eq!(ada.mutate("editThread", title.clone(), "").await.code(), "FORBIDDEN");
    modo.mutate("editThread", title, "").await.done("editThread");
    let word = modo.answer(&root, "Restons-en là.").await;
    modo.mutate("editPost", json!({ "postId": word, "body": "Restons-en là, merci." }), "").await.done("editPost");
    modo.mutate("deletePost", json!({ "postId": word }), "").await.done("deletePost");
    modo.mutate("lockThread", lock(false), "").await.done("lockThread");
    ada.answer(&root, "Merci").await;
    let told: Vec<_> = world
        .events()
        .await
        .iter()
        .filter_map(|entry| match entry.event {
            Event::ThreadLocked { locked, .. } => Some((locked, entry.actor.map(|actor| actor.to_string()))),
            _ => None,
        })
        .collect();
    let by = Some(modo.id().await);
    assert_eq!(told, [(true, by.clone()), (false, by)]);
}

async fn pinned_threads_stand_on_top_of_their_forum(world: &World) {
    let ada = world.member("ada").await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let mut threads = Vec::new();
    for n in 0..21 {
        threads.push(ada.open_thread(&forum, "QUESTION", &format!("Question numéro {n}"), "Texte").await.0);
    }
    let pin = |thread: &str, pinned: bool| json!({ "threadId": thread, "pinned": pinned });
    assert_eq!(ada.mutate("pinThread", pin(&threads[0], true), "").await.code(), "FORBIDDEN");
    for thread in &threads[..20] {
        modo.mutate("pinThread", pin(thread, true), "").await.done("pinThread");
    }
    assert_eq!(modo.mutate("pinThread", pin(&threads[20], true), "").await.problems("pinThread"), ["threadId: COMPLET"]);
    let query = "query($f: ID!) { forum(id: $f) { pinnedThreads { id pinned } } }";
    let pinned = |world: &World| {
        let (client, forum) = (world.anonymous(), forum.clone());
        async move {
            let list = read(&client, query, json!({ "f": forum })).await["forum"]["pinnedThreads"].clone();
            list.as_array().expect("a list").iter().map(|thread| text(&thread["id"])).collect::<Vec<_>>()
        }
    };
    let mut expected: Vec<_> = threads[..20].to_vec();
    expected.reverse();
    assert_eq!(pinned(world).await, expected);
    // Those that go out of sight leave the top, and one that is detached makes room.
    modo.mutate("hideThread", json!({ "threadId": threads[3], "hidden": true }), "").await.done("hideThread");
    assert!(!pinned(world).await.contains(&threads[3]));
    modo.mutate("pinThread", pin(&threads[5], false), "thread { pinned }").await.done("pinThread");
    modo.mutate("pinThread", pin(&threads[20], true), "thread { pinned }").await.done("pinThread");
    let now = pinned(world).await;
    assert_eq!((&now[0], now.contains(&threads[5]), now.len()), (&threads[20], false, 19));
    let told = last_events(world, 2, &modo).await;
    let id = |n: usize| threads[n].parse().expect("an id");
    assert_eq!(
        told,
        [Event::ThreadPinned { thread: id(5), pinned: false }, Event::ThreadPinned { thread: id(20), pinned: true }]
    );
}

async fn pins_at_once_stop_at_the_limit(world: &World) {
    let admin = world.administrator();
    let forum = world.forum("plateforme", "questions").await;
    let mut pins = Vec::new();
    for _ in 0..25 {
        let (thread, _) = admin.open_thread(&forum, "QUESTION", "Une question à épingler", "Texte").await;
        pins.push(json!({ "threadId": thread, "pinned": true }));
    }
    let replies = futures_util::future::join_all(pins.into_iter().map(|pin| admin.mutate("pinThread", pin, ""))).await;
    let done = replies.iter().filter(|reply| reply.data["pinThread"]["problems"] == json!([])).count();
    assert_eq!(done, 20);
    assert_eq!(world.count("select count(*) from threads where pinned_at is not null").await, 20);
}

async fn a_thread_is_moved_to_another_forum(world: &World) {
    let ada = world.member("ada").await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let general = moderator(world, "general", None).await;
    let questions = world.forum("plateforme", "questions").await;
    let reports = world.forum("plateforme", "signalements").await;
    let practices = world.forum("plateforme", "bonnes-pratiques").await;
    let ideas = world.forum("editorial", "idees-et-besoins").await;
    let (thread, root) = ada.open_thread(&questions, "QUESTION", "Le bouton ne répond pas", "Texte").await;
    let answer = ada.answer(&root, "Trouvé").await;
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    modo.mutate("pinThread", json!({ "threadId": thread, "pinned": true }), "").await.done("pinThread");
    let to = |forum: &str, kind: Value| json!({ "threadId": thread, "forumId": forum, "kind": kind });
    let fields = "thread { kind pinned solved forum { id } postCount }";
    assert_eq!(ada.mutate("moveThread", to(&reports, Value::Null), fields).await.code(), "FORBIDDEN");
    for (forum, kind, problem) in [
        (&*reports, Value::Null, "kind: REFUSE"),
        (&reports, json!("DISCUSSION"), "kind: REFUSE"),
        (&questions, Value::Null, "forumId: REFUSE"),
        (&format!("for_{:032x}", 5), Value::Null, "forumId: INCONNU"),
        (&thread, Value::Null, "forumId: MALFORME"),
    ] {
        assert_eq!(modo.mutate("moveThread", to(forum, kind), fields).await.problems("moveThread"), [problem]);
    }
    assert_eq!(counts(&ada, &questions).await, (json!(1), json!(1)));
    let done = modo.mutate("moveThread", to(&reports, json!("SIGNALEMENT")), fields).await.done("moveThread");
    let expected = json!({ "kind": "SIGNALEMENT", "pinned": false, "solved": true, "forum": { "id": reports }, "postCount": 2 });
    assert_eq!(done["thread"], expected);
    assert_eq!((counts(&ada, &questions).await, counts(&ada, &reports).await), ((json!(0), json!(0)), (json!(1), json!(1))));
    // What cannot be solved forgets its answer.
    let done = modo.mutate("moveThread", to(&practices, json!("BONNE_PRATIQUE")), fields).await.done("moveThread");
    assert_eq!((&done["thread"]["kind"], &done["thread"]["solved"]), (&json!("BONNE_PRATIQUE"), &json!(false)));
    // Out of one's space: no; by who moderates everywhere: yes. And back into a space that is not one's own: no.
    assert_eq!(modo.mutate("moveThread", to(&ideas, json!("DISCUSSION")), fields).await.code(), "FORBIDDEN");
    general.mutate("moveThread", to(&ideas, json!("DISCUSSION")), fields).await.done("moveThread");
    assert_eq!(modo.mutate("moveThread", to(&questions, Value::Null), fields).await.code(), "FORBIDDEN");
    // A hidden one is moved without being counted, and follows its new forum's audience.
    general.mutate("hideThread", json!({ "threadId": thread, "hidden": true }), "").await.done("hideThread");
    let closed = new_forum(world, "plateforme", "Entre nous", json!([{ "kind": "MEMBRE", "memberId": ada.id().await }])).await;
    world.administrator().mutate("moveThread", to(&closed, Value::Null), fields).await.done("moveThread");
    assert_eq!(counts(&ada, &closed).await, (json!(0), json!(0)));
    general.mutate("hideThread", json!({ "threadId": thread, "hidden": false }), "").await.done("hideThread");
    assert_eq!((counts(&ada, &closed).await, counts(&ada, &ideas).await), ((json!(1), json!(1)), (json!(0), json!(0))));
    let query = "query($t: ID!) { thread(id: $t) { id } }";
    assert_eq!(read(&world.anonymous(), query, json!({ "t": thread })).await["thread"], Value::Null);
    assert_eq!(read(&ada, query, json!({ "t": thread })).await["thread"]["id"], json!(thread));
    let moved: Vec<_> = world
        .events()
        .await
        .iter()
        .filter_map(|entry| match entry.event {
            Event::ThreadMoved { from, to, .. } => Some((from.to_string(), to.to_string())),
            _ => None,
        })
        .collect();
    let path = [&questions, &reports, &practices, &ideas, &closed];
    assert_eq!(moved, path.windows(2).map(|two| (two[0].clone(), two[1].clone())).collect::<Vec<_>>());
}

async fn threads_moved_across_at_once_all_arrive(world: &World) {
    let admin = world.administrator();
    let forums = [world.forum("plateforme", "questions").await, world.forum("editorial", "idees-et-besoins").await];
    let mut moves = Vec::new();
    for n in 0..20 {
        let (thread, _) = admin.open_thread(&forums[n % 2], "DISCUSSION", "Un fil qui voyage", "Texte").await;
        moves.push(json!({ "threadId": thread, "forumId": forums[1 - n % 2] }));
    }
    let moved = moves.into_iter().map(|input| admin.mutate("moveThread", input, "thread { id }"));
    for reply in futures_util::future::join_all(moved).await {
        reply.done("moveThread");
    }
    for forum in &forums {
        assert_eq!(counts(admin, forum).await, (json!(10), json!(10)));
    }
}

async fn a_moderator_of_one_space_has_no_power_elsewhere(world: &World) {
    let ada = world.member("ada").await;
    let modo = moderator(world, "modo", Some("editorial")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question d'à côté", "Texte").await;
    let answer = ada.answer(&root, "Réponse").await;
    let before = world.events().await.len();
    for (name, input) in [
        ("hideThread", json!({ "threadId": thread, "hidden": true })),
        ("lockThread", json!({ "threadId": thread, "locked": true })),
        ("pinThread", json!({ "threadId": thread, "pinned": true })),
        ("moveThread", json!({ "threadId": thread, "forumId": world.forum("editorial", "idees-et-besoins").await })),
        ("hidePost", json!({ "postId": answer, "hidden": true, "reason": "Parce que" })),
        ("editThread", json!({ "threadId": thread, "title": "Un autre titre" })),
        ("deletePost", json!({ "postId": answer })),
        ("acceptAnswer", json!({ "postId": answer })),
        ("suspendMember", json!({ "memberId": ada.id().await, "reason": "Parce que" })),
        ("updateForum", json!({ "forumId": forum, "name": "À moi" })),
    ] {
        assert_eq!(modo.mutate(name, input, "").await.code(), "FORBIDDEN", "{name}");
    }
    assert_eq!(world.events().await.len(), before, "something was told");
    // The role ended, its power is gone in its own space as well.
    let ideas = world.forum("editorial", "idees-et-besoins").await;
    let (thread, _) = ada.open_thread(&ideas, "DISCUSSION", "Une idée en passant", "Texte").await;
    let query = "query($m: ID!) { node(id: $m) { ... on Member { roles { edges { node { id } } } } } }";
    let roles = read(world.administrator(), query, json!({ "m": modo.id().await })).await["node"]["roles"].clone();
    let lock = |locked: bool| json!({ "threadId": thread, "locked": locked });
    modo.mutate("lockThread", lock(true), "").await.done("lockThread");
    let end = json!({ "roleGrantId": column(&roles, "id")[0] });
    world.administrator().mutate("endRole", end, "").await.done("endRole");
    assert_eq!(modo.mutate("lockThread", lock(false), "").await.code(), "FORBIDDEN");
}

async fn a_token_moderates_only_with_its_scope(world: &World) {
    let ada = world.member("ada").await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    grant(world, &modo, "EDITEUR", json!({})).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question disputée", "Texte").await;
    let answer = ada.answer(&root, "Réponse").await;
    ada.mutate("editPost", json!({ "postId": answer, "body": "Réponse, mieux" }), "").await.done("editPost");
    let hide = json!({ "threadId": thread, "hidden": true });
    let lock = json!({ "threadId": thread, "locked": true });
    let query = "query($t: ID!, $p: ID!) { thread(id: $t) { viewerMayAccept viewerMayAnswer } post(id: $p) { revisions { totalCount } } }";
    let variables = json!({ "t": thread, "p": answer });
    let token = |scopes: Value| {
        let (modo, input) = (modo.clone(), json!({ "name": "essai", "scopes": scopes, "expiresInDays": 7 }));
        async move {
            let done = modo.mutate("createAccessToken", input, "secret").await.done("createAccessToken");
            modo.with_bearer(&text(&done["secret"]))
        }
    };
    let reading = token(json!(["LIRE"])).await;
    let writing = token(json!(["LIRE", "ECRIRE"])).await;
    let moderating = token(json!(["LIRE", "MODERER"])).await;
    for (who, expected) in [
        (&reading, json!({ "thread": { "viewerMayAccept": false, "viewerMayAnswer": false }, "post": { "revisions": null } })),
        (&writing, json!({ "thread": { "viewerMayAccept": false, "viewerMayAnswer": true }, "post": { "revisions": null } })),
        (
            &modo,
            json!({ "thread": { "viewerMayAccept": true, "viewerMayAnswer": true }, "post": { "revisions": { "totalCount": 1 } } }),
        ),
    ] {
        assert_eq!(read(who, query, variables.clone()).await, expected);
    }
    for who in [&reading, &writing] {
        let refused = who.mutate("hideThread", hide.clone(), "").await;
        assert_eq!(refused.code(), "FORBIDDEN");
        assert!(refused.text.contains("MODERER"), "{}", refused.text);
        assert_eq!(who.mutate("lockThread", lock.clone(), "").await.code(), "FORBIDDEN");
        assert_eq!(who.mutate("deletePost", json!({ "postId": answer }), "").await.code(), "FORBIDDEN");
    }
    assert_eq!(moderating.mutate("answerPost", json!({ "postId": root, "body": "Non" }), "").await.code(), "FORBIDDEN");
    moderating.mutate("lockThread", lock, "").await.done("lockThread");
    // To the writing token the thread is locked as to any member.
    assert_eq!(
        writing.mutate("answerPost", json!({ "postId": root, "body": "Non" }), "").await.problems("answerPost"),
        ["postId: REFUSE"]
    );
    moderating.mutate("hideThread", hide, "").await.done("hideThread");
    for who in [&reading, &writing] {
        assert_eq!(read(who, query, variables.clone()).await, json!({ "thread": null, "post": null }));
    }
}

/// Whether its opening post was deleted or hidden.
async fn a_thread_with_nothing_left_to_read_leaves_the_list_and_its_pin(world: &World) {
    let (ada, modo) = (world.member("ada").await, moderator(world, "modo", Some("plateforme")).await);
    let forum = world.forum("plateforme", "questions").await;
    let (deleted, opening) = ada.open_thread(&forum, "QUESTION", "Une question supprimée", "Texte").await;
    let (hidden, disputed) = ada.open_thread(&forum, "QUESTION", "Une question masquée", "Texte").await;
    for thread in [&deleted, &hidden] {
        modo.mutate("pinThread", json!({ "threadId": thread, "pinned": true }), "").await.done("pinThread");
    }
    let answer = ada.answer(&disputed, "Une réponse").await;
    let hide = |post: &str| json!({ "postId": post, "hidden": true, "reason": "Hors sujet" });
    ada.mutate("deletePost", json!({ "postId": opening }), "").await.done("deletePost");
    modo.mutate("hidePost", hide(&disputed), "").await.done("hidePost");
    assert_eq!(counts(&ada, &forum).await, (json!(1), json!(1)), "an answer is left to read");
    modo.mutate("hidePost", hide(&answer), "").await.done("hidePost");
    assert_eq!(counts(&ada, &forum).await, (json!(0), json!(0)));
    let query = "query($t: [ID!]!) { nodes(ids: $t) { ... on Thread { hidden pinned } } }";
    let away = read(&modo, query, json!({ "t": [deleted, hidden] })).await;
    assert_eq!(away["nodes"], json!([{ "hidden": true, "pinned": false }, { "hidden": true, "pinned": false }]));
}
