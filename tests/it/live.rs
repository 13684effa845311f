//! Subscriptions: what happens is told as it happens, once and in order, through cuts and restarts, to who may know it.

mod model;
mod presence;
mod sharing;
mod streams;

use std::sync::Arc;

use chrono::TimeDelta;
use harness::{Client, Database, Socket, Story, World, stories};
use serde_json::{Value, json};

use crate::catalogue::{manager, published, through};
use crate::steps::{grant, moderator, new_forum, organisation, text};

use model::{
    a_client_of_a_forum_holds_what_a_query_says, a_client_of_the_calendar_holds_what_a_query_says,
    a_client_of_threads_holds_what_a_query_says, a_client_of_threads_holds_what_a_query_says_of_trainings,
    every_mutation_is_drawn_or_tells_nothing_here,
};
use presence::{who_is_there_is_for_members_who_see_the_thread, who_looks_at_a_thread_and_types_is_told};
use sharing::{many_who_look_on_cost_one_turn, what_a_moderator_sees_is_not_shared, what_is_somebodys_own_is_not_shared};
use streams::{
    a_role_that_ends_by_its_date_ends_what_it_opened, a_thread_that_goes_out_of_sight_leaves, the_calendar_is_followed,
    what_one_is_told_comes_live_and_after_a_cut,
};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        who_looks_at_a_thread_and_types_is_told,
        who_is_there_is_for_members_who_see_the_thread,
        many_who_look_on_cost_one_turn,
        what_a_moderator_sees_is_not_shared,
        what_is_somebodys_own_is_not_shared,
        a_client_of_a_forum_holds_what_a_query_says,
        a_client_of_the_calendar_holds_what_a_query_says,
        a_client_of_threads_holds_what_a_query_says,
        a_client_of_threads_holds_what_a_query_says_of_trainings,
        every_mutation_is_drawn_or_tells_nothing_here,
        a_role_that_ends_by_its_date_ends_what_it_opened,
        a_thread_that_goes_out_of_sight_leaves,
        the_calendar_is_followed,
        what_one_is_told_comes_live_and_after_a_cut,
        a_thread_is_followed_as_it_goes_on,
        a_line_that_is_cut_misses_nothing_and_hears_nothing_twice,
        what_a_linked_training_goes_through_is_told,
        who_loses_sight_of_a_thread_is_told_no_more,
        a_session_that_ends_closes_its_socket,
        a_cursor_from_long_ago_is_told_the_gap,
        what_is_no_subscription_is_refused,
        an_id_used_again_at_once_is_another_operation,
        a_stop_does_not_end_a_subscription,
        another_node_tells_it_too,
        who_leaves_is_forgotten,
    ]
}

pub(crate) const FOLLOW: &str = "subscription($t: ID!, $a: String) { threadEvents(threadId: $t, after: $a) { __typename
    ... on StreamStart { cursor } ... on Gap { cursor }
    ... on PostAdded { cursor at actor { handle } post { id body deleted hidden } thread { postCount } }
    ... on PostChanged { cursor postChange: change post { id body deleted hidden } thread { postCount } }
    ... on ThreadChanged { cursor threadChange: change thread { title locked solved pinned } }
    ... on TrainingChanged { cursor trainingChange: change training { title state plannedOn } } } }";

/// A socket of `who` that follows a thread, after a cursor or from now on.
pub(crate) async fn follow(world: &World, who: &Client, thread: &str, after: Option<&str>) -> Socket {
    let mut socket = Socket::open(&world.url, who.bearer.as_deref()).await;
    socket.subscribe("t", FOLLOW, json!({ "t": thread, "a": after })).await;
    socket
}

pub(crate) async fn event(socket: &mut Socket) -> Value {
    socket.data().await["threadEvents"].clone()
}

pub(crate) fn kind(event: &Value) -> String {
    let change = ["postChange", "threadChange", "trainingChange"].iter().find_map(|name| event[*name].as_str());
    [event["__typename"].as_str(), change].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

async fn a_thread_is_followed_as_it_goes_on(world: &World) {
    let (ada, grace) = (world.member("ada").await, moderator(world, "grace", None).await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Où est la date ?", "Je ne la trouve pas.").await;
    let mut socket = follow(world, &ada, &thread, None).await;
    let start = event(&mut socket).await;
    assert_eq!(kind(&start), "StreamStart");

    let answer = grace.answer(&root, "Dans l'onglet **Publier**.").await;
    let added = event(&mut socket).await;
    assert_eq!(kind(&added), "PostAdded");
    assert_eq!((&added["post"]["id"], &added["actor"]["handle"]), (&json!(answer), &json!("grace")));
    assert_eq!(added["thread"]["postCount"], 2);
    assert!(added["cursor"].as_str() > start["cursor"].as_str(), "{added}");

    let act = async |who: &Client, name: &str, input: Value| who.mutate(name, input, "").await.done(name);
    act(&grace, "editPost", json!({ "postId": answer, "body": "Dans l'onglet Publier, en bas." })).await;
    act(&ada, "acceptAnswer", json!({ "postId": answer })).await;
    act(&grace, "lockThread", json!({ "threadId": thread, "locked": true })).await;
    act(&grace, "hidePost", json!({ "postId": answer, "hidden": true, "reason": "Erreur." })).await;
    act(&grace, "editThread", json!({ "threadId": thread, "title": "La date de publication" })).await;
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(kind(&event(&mut socket).await));
    }
    let expected = [
        "PostChanged MODIFIE",
        "ThreadChanged RESOLU",
        "ThreadChanged VERROUILLE",
        "PostChanged MASQUE",
        "ThreadChanged ROUVERT",
    ];
    assert_eq!((&told[..5], told[5].as_str()), (&expected.map(str::to_owned)[..], "ThreadChanged MODIFIE"));

    // Another thread is nobody's business here.
    let (_, elsewhere) = ada.open_thread(&forum, "QUESTION", "Autre chose", "Texte").await;
    grace.answer(&elsewhere, "Réponse").await;
    act(&grace, "lockThread", json!({ "threadId": thread, "locked": false })).await;
    assert_eq!(kind(&event(&mut socket).await), "ThreadChanged DEVERROUILLE");
}

/// How many answers they write in all.
pub(crate) const ANSWERS: usize = 60;

/// Four who answer a post at once.
pub(crate) struct Writers(Vec<tokio::task::JoinHandle<Vec<String>>>);

impl Writers {
    pub(crate) fn start(who: &Client, root: &str) -> Self {
        let writer = |writer: usize| {
            let (who, root) = (who.clone(), root.to_owned());
            tokio::spawn(async move {
                let mut written = Vec::new();
                for n in 0..ANSWERS / 4 {
                    written.push(who.answer(&root, &format!("Réponse {writer}.{n}")).await);
                }
                written
            })
        };
        Self((0..4).map(writer).collect())
    }

    /// Those `heard` of are all they wrote, once, in the order of the log.
    pub(crate) async fn were_heard(self, world: &World, mut heard: Vec<String>) {
        let log = world.events().await.into_iter().filter_map(|entry| match entry.event {
            services::events::Event::PostAdded { post, .. } => Some(post.to_string()),
            _ => None,
        });
        assert_eq!(heard, log.collect::<Vec<_>>());
        let mut written = Vec::new();
        for writer in self.0 {
            written.extend(writer.await.expect("a writer"));
        }
        written.sort();
        heard.sort();
        assert_eq!(heard, written);
    }
}

async fn a_line_that_is_cut_misses_nothing_and_hears_nothing_twice(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Coupures", "Texte").await;
    let mut socket = follow(world, &ada, &thread, None).await;
    let mut cursor = text(&event(&mut socket).await["cursor"]);
    let writers = Writers::start(&ada, &root);
    let mut heard = Vec::new();
    // Cut after one event, then two … in the middle of what comes.
    for length in (1..=10).cycle() {
        for _ in 0..length {
            if heard.len() < ANSWERS {
                let added = event(&mut socket).await;
                heard.push(text(&added["post"]["id"]));
                cursor = text(&added["cursor"]);
            }
        }
        drop(socket);
        if heard.len() == ANSWERS {
            break;
        }
        socket = follow(world, &ada, &thread, Some(&cursor)).await;
    }
    writers.were_heard(world, heard).await;
}

async fn what_a_linked_training_goes_through_is_told(world: &World) {
    let ada = world.member("ada").await;
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "mona", &inside).await;
    let training = published(world, &maker, &inside, "REDIGER", json!({ "opening": "TOUS_PUBLICS" })).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "DISCUSSION", "Rédiger", "Texte").await;
    let mut socket = follow(world, &ada, &thread, None).await;
    event(&mut socket).await;
    let link = json!({ "threadId": thread, "targetId": training });
    ada.mutate("linkThread", link, "").await.done("linkThread");
    assert_eq!(kind(&event(&mut socket).await), "ThreadChanged LIENS");
    through(&maker, &training, &["ARCHIVEE"]).await;
    let told = event(&mut socket).await;
    assert_eq!((kind(&told).as_str(), &told["training"]["state"]), ("TrainingChanged ETAT", &json!("ARCHIVEE")));
    // Out of sight it is a link less, and then one more.
    for opening in ["NON_VISIBLE", "TOUS_PUBLICS"] {
        let input = json!({ "trainingId": training, "fields": { "opening": opening } });
        maker.mutate("updateTraining", input, "").await.done("updateTraining");
        assert_eq!(kind(&event(&mut socket).await), "ThreadChanged LIENS", "{opening}");
    }
    assert_eq!(kind(&event(&mut socket).await), "TrainingChanged MODIFIE");
    // What comes to it from another one that nobody here speaks of.
    let other = published(world, &maker, &inside, "AUTRE", json!({})).await;
    maker.mutate("mergeTrainings", json!({ "fromId": other, "intoId": training }), "").await.done("mergeTrainings");
    let told = event(&mut socket).await;
    assert_eq!((kind(&told).as_str(), &told["training"]["title"]), ("TrainingChanged MODIFIE", &json!("Formation REDIGER")));
}

async fn who_loses_sight_of_a_thread_is_told_no_more(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let ada = world.member("ada").await;
    let role = grant(world, &ada, "CONCEPTEUR", json!({ "organisationId": inside })).await;
    let forum = new_forum(world, "plateforme", "Dedans", json!([{ "kind": "ORGANISATION", "organisationId": inside }])).await;
    let (thread, root) = world.administrator().open_thread(&forum, "DISCUSSION", "Entre nous", "Texte").await;
    let outsider = world.member("linus").await;
    assert_eq!(follow(world, &outsider, &thread, None).await.refusal().await, "NOT_FOUND");

    let mut socket = follow(world, &ada, &thread, None).await;
    assert_eq!(kind(&event(&mut socket).await), "StreamStart");
    world.administrator().mutate("endRole", json!({ "roleGrantId": role }), "").await.done("endRole");
    // Told at once, not with the next thing that happens.
    assert_eq!(socket.refusal().await, "NOT_FOUND");
    world.administrator().answer(&root, "Sans elle").await;
    socket.subscribe("2", "{ __typename }", json!({})).await;
    assert_eq!(socket.next().await.expect("open")["id"], "2", "nothing more of the first");
}

async fn a_session_that_ends_closes_its_socket(world: &World) {
    let ada = world.member("ada").await;
    let mut idle = Socket::open(&world.url, ada.bearer.as_deref()).await;
    let other = world.member("linus").await;
    let mut others = Socket::open(&world.url, other.bearer.as_deref()).await;
    ada.mutate("signOut", json!({}), "").await.done("signOut");
    assert_eq!(idle.next().await, Err(4403));
    others.subscribe("1", "{ __typename }", json!({})).await;
    assert_eq!(others.data().await, json!({ "__typename": "Query" }));
    let id = other.id().await;
    let suspended = json!({ "memberId": id, "reason": "Insultes.", "until": null });
    world.administrator().mutate("suspendMember", suspended, "").await.done("suspendMember");
    others.next().await.expect("its end");
    assert_eq!(others.next().await, Err(4403));
}

async fn a_cursor_from_long_ago_is_told_the_gap(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Longue absence", "Texte").await;
    let start = event(&mut follow(world, &ada, &thread, None).await).await;
    let old = text(&start["cursor"]);
    let missed = ada.answer(&root, "Pendant l'absence").await;
    let mut socket = follow(world, &ada, &thread, Some(&old)).await;
    assert_eq!(event(&mut socket).await["post"]["id"], json!(missed));
    world.advance(TimeDelta::days(15));
    let ada = world.member("ada-2").await;
    let mut socket = follow(world, &ada, &thread, Some(&old)).await;
    let gap = event(&mut socket).await;
    assert_eq!(kind(&gap), "Gap");
    let next = ada.answer(&root, "Après").await;
    assert_eq!(event(&mut socket).await["post"]["id"], json!(next));
    // A log that ends before the cursor came back from a copy.
    let beyond = services::live::cursor(1_000_000);
    assert_eq!(kind(&event(&mut follow(world, &ada, &thread, Some(&beyond)).await).await), "Gap");
    for wrong in ["", "x", "é", &services::live::cursor(-1)] {
        assert_eq!(follow(world, &ada, &thread, Some(wrong)).await.refusal().await, "INVALID", "{wrong:?}");
    }
}

async fn what_is_no_subscription_is_refused(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "DISCUSSION", "Refus", "Texte").await;
    let reply = ada.run(FOLLOW, json!({ "t": thread })).await;
    assert_eq!(reply.code(), "GRAPHQL_PARSE_FAILED");
    assert!(reply.text.contains("/graphql/ws"), "{}", reply.text);
    let mut socket = Socket::open(&world.url, ada.bearer.as_deref()).await;
    let field = format!("threadEvents(threadId: \"{thread}\") {{ __typename }}");
    for wrong in [
        format!("subscription {{ a: {field} b: {field} }}"),
        format!("subscription {{ ... on Subscription {{ {field} }} }}"),
        format!("subscription {{ ...F }} fragment F on Subscription {{ {field} }}"),
    ] {
        socket.subscribe("1", &wrong, json!({})).await;
        assert_eq!(socket.refusal().await, "GRAPHQL_PARSE_FAILED", "{wrong}");
    }
    socket.subscribe("1", "subscription { nothing }", json!({})).await;
    assert_eq!(socket.refusal().await, "GRAPHQL_VALIDATION_FAILED");
    socket.subscribe("1", "subscription { threadEvents(threadId: \"x\") { __typename } }", json!({})).await;
    assert_eq!(socket.refusal().await, "INVALID");
}

async fn an_id_used_again_at_once_is_another_operation(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "DISCUSSION", "Reprise", "Texte").await;
    let mut socket = follow(world, &ada, &thread, None).await;
    event(&mut socket).await;
    for _ in 0..20 {
        socket.send(json!({ "type": "complete", "id": "t" })).await;
        socket.subscribe("t", FOLLOW, json!({ "t": thread })).await;
        assert_eq!(kind(&event(&mut socket).await), "StreamStart");
    }
}

async fn a_stop_does_not_end_a_subscription(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "DISCUSSION", "Arrêt", "Texte").await;
    let mut socket = follow(world, &ada, &thread, None).await;
    event(&mut socket).await;
    world.stop().await;
    // No `complete`, which clients take for an end: they come back with their cursor.
    assert_eq!(socket.next().await, Err(1001));
}

async fn another_node_tells_it_too(world: &World) {
    if world.database != Database::Postgres {
        return;
    }
    let (ada, forum) = (world.member("ada").await, world.forum("plateforme", "questions").await);
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Deux nœuds", "Texte").await;
    let other = world.another_node().await;
    let mut socket = Socket::open(&other.url, ada.bearer.as_deref()).await;
    socket.subscribe("t", FOLLOW, json!({ "t": thread })).await;
    event(&mut socket).await;
    let answer = ada.answer(&root, "Par l'un").await;
    let added = event(&mut socket).await;
    assert_eq!(added["post"]["id"], json!(answer));
    // The node is stopped: its client goes on with the other one.
    other.stop().await;
    assert_eq!(socket.next().await, Err(1001));
    let missed = ada.answer(&root, "Entre les deux").await;
    let mut socket = follow(world, &ada, &thread, added["cursor"].as_str()).await;
    assert_eq!(event(&mut socket).await["post"]["id"], json!(missed));
}

async fn who_leaves_is_forgotten(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "DISCUSSION", "Partir", "Texte").await;
    let live = Arc::clone(&world.app.live);
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let mut socket = follow(world, &ada, &thread, None).await;
        event(&mut socket).await;
        sockets.push(socket);
    }
    // Each listens for its member and for its thread.
    assert_eq!(live.listeners(), 10);
    sockets[0].send(json!({ "type": "complete", "id": "t" })).await;
    drop(sockets.split_off(1));
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while live.listeners() > 1 {
        assert!(tokio::time::Instant::now() < until, "{} still listen", live.listeners());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(live.listeners(), 1);
}
