//! What happens in a forum, to the calendar, and to oneself.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use harness::{Client, Database, Socket, World};
use serde_json::{Value, json};

use super::{event, follow, kind};
use crate::catalogue::{manager, published, through};
use crate::steps::{grant, moderator, new_forum, nodes, organisation, read, text};

const FORUM: &str = "subscription($f: ID!, $a: String) { forumEvents(forumId: $f, after: $a) { __typename
    ... on StreamStart { cursor } ... on Gap { cursor }
    ... on ThreadArrived { cursor how thread { id title locked postCount } }
    ... on ThreadLeft { cursor threadId }
    ... on ThreadChanged { cursor threadChange: change thread { id title locked postCount } }
    ... on PostAdded { cursor post { id } thread { id title locked postCount } }
    ... on PostChanged { cursor postChange: change post { id } thread { id title locked postCount } }
    ... on ForumChanged { cursor forum { name } } } }";

/// A socket of `who` with one subscription.
async fn listen(world: &World, who: &Client, query: &str, variables: Value) -> Socket {
    let mut socket = Socket::open(&world.url, who.bearer.as_deref()).await;
    socket.subscribe("s", query, variables).await;
    socket
}

async fn told(socket: &mut Socket) -> Value {
    let data = socket.data().await;
    data.as_object().and_then(|data| data.values().next()).expect("one field").clone()
}

pub(super) async fn a_thread_that_goes_out_of_sight_leaves(world: &World) {
    let (ada, linus, grace) = (world.member("ada").await, world.member("linus").await, moderator(world, "grace", None).await);
    let here = new_forum(world, "plateforme", "Ici", json!([{ "kind": "MEMBRES" }])).await;
    let inside = organisation(world, "Dedans", None).await;
    let hidden = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let closed = new_forum(world, "plateforme", "Dedans", hidden).await;
    let (thread, root) = ada.open_thread(&here, "DISCUSSION", "Passager", "Texte").await;
    assert_eq!(listen(world, &linus, FORUM, json!({ "f": closed })).await.refusal().await, "NOT_FOUND");
    let (mut members, mut moderators) =
        (listen(world, &linus, FORUM, json!({ "f": here })).await, listen(world, &grace, FORUM, json!({ "f": here })).await);
    told(&mut members).await;
    told(&mut moderators).await;
    let act = async |name: &str, input: Value| grace.mutate(name, input, "").await.done(name);
    act("hideThread", json!({ "threadId": thread, "hidden": true })).await;
    assert_eq!(told(&mut members).await["threadId"], json!(thread));
    assert_eq!(kind(&told(&mut moderators).await), "ThreadChanged MASQUE");
    // What happens to it now is nothing to who does not see it.
    act("answerPost", json!({ "postId": root, "body": "Entre nous" })).await;
    assert_eq!(told(&mut moderators).await["thread"]["postCount"], 2);
    let (between, _) = ada.open_thread(&here, "DISCUSSION", "Entre-temps", "Texte").await;
    assert_eq!(told(&mut members).await["thread"]["id"], json!(between), "nothing of what is hidden");
    told(&mut moderators).await;
    act("hideThread", json!({ "threadId": thread, "hidden": false })).await;
    assert_eq!(kind(&told(&mut members).await), "ThreadChanged MONTRE");
    told(&mut moderators).await;
    world.administrator().mutate("moveThread", json!({ "threadId": thread, "forumId": closed }), "").await.done("moveThread");
    assert_eq!(told(&mut members).await["threadId"], json!(thread));
    assert_eq!(told(&mut moderators).await["threadId"], json!(thread));
    let (other, _) = ada.open_thread(&here, "DISCUSSION", "Suivant", "Texte").await;
    assert_eq!(told(&mut members).await["thread"]["id"], json!(other), "nothing of what happened elsewhere");
}

pub(super) async fn a_role_that_ends_by_its_date_ends_what_it_opened(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let ada = world.member("ada").await;
    let hidden = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let forum = new_forum(world, "plateforme", "Dedans", hidden).await;
    let (thread, _) = world.administrator().open_thread(&forum, "DISCUSSION", "Entre nous", "Texte").await;
    let ends = (world.app.clock.now() + TimeDelta::seconds(5)).to_rfc3339();
    grant(world, &ada, "CONCEPTEUR", json!({ "organisationId": inside, "endsAt": ends })).await;
    let mut socket = follow(world, &ada, &thread, None).await;
    assert_eq!(kind(&event(&mut socket).await), "StreamStart");
    // Nothing happens but that time passes.
    assert_eq!(socket.refusal().await, "NOT_FOUND");
}

const CALENDAR: &str = "subscription($a: String) { calendarEvents(after: $a) { __typename
    ... on StreamStart { cursor }
    ... on CalendarEntrySet { cursor entry { date published training { id title } } }
    ... on CalendarEntryRemoved { cursor trainingId } } }";

pub(super) async fn the_calendar_is_followed(world: &World) {
    let (inside, outside) = (organisation(world, "Dedans", None).await, organisation(world, "Dehors", None).await);
    let (maker, linus) = (manager(world, "mona", &inside).await, world.member("linus").await);
    let other = manager(world, "otto", &outside).await;
    let planned = published(world, &maker, &inside, "PREVUE", json!({ "opening": "TOUS_PUBLICS" })).await;
    let mut socket = listen(world, &linus, CALENDAR, json!({})).await;
    told(&mut socket).await;
    let mut others = listen(world, &other, CALENDAR, json!({})).await;
    told(&mut others).await;
    let listed = async || {
        let query = "{ publicationCalendar(first: 100) { edges { node { date published training { id title } } } } }";
        let found = nodes(&read(&linus, query, json!({})).await["publicationCalendar"]);
        found.into_iter().map(|entry| (text(&entry["training"]["id"]), entry)).collect::<BTreeMap<_, _>>()
    };
    let mut shown = listed().await;
    let act = async |who: &Client, name: &str, input: Value| who.mutate(name, input, "").await.done(name);
    let update = |training: &str, fields: Value| json!({ "trainingId": training, "fields": fields });
    // Of another organisation only: no trace of it.
    let secret =
        published(world, &other, &outside, "SECRETE", json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [outside] })).await;
    act(&maker, "updateTraining", update(&planned, json!({ "title": "Un autre titre" }))).await;
    let second = published(world, &maker, &inside, "SECONDE", json!({ "opening": "TOUS_PUBLICS" })).await;
    act(&maker, "updateTraining", update(&planned, json!({ "opening": "NON_VISIBLE" }))).await;
    through(&other, &secret, &["ARCHIVEE"]).await;
    let third = published(world, &maker, &inside, "DERNIERE", json!({ "opening": "TOUS_PUBLICS" })).await;
    let mut ids = BTreeSet::new();
    while !shown.contains_key(&third) {
        let told = told(&mut socket).await;
        let id = text(told.get("trainingId").unwrap_or(&told["entry"]["training"]["id"]));
        match told.get("entry") {
            Some(entry) => drop(shown.insert(id.clone(), entry.clone())),
            None => drop(shown.remove(&id)),
        }
        ids.insert(id);
    }
    assert_eq!(shown, listed().await);
    assert!(shown.contains_key(&second) && !shown.contains_key(&planned));
    assert_eq!(ids, BTreeSet::from([planned, second, third.clone()]), "and nothing of {secret}");
    // Who sees it sees no more of it here: the calendar is of what is open to all.
    let mut entered = Value::Null;
    while entered != json!(third) {
        entered = told(&mut others).await["entry"]["training"]["id"].clone();
        assert_ne!(entered, json!(secret));
    }
}

const INBOX: &str = "subscription($a: String) { notificationReceived(after: $a) { __typename
    ... on StreamStart { cursor } ... on Gap { cursor }
    ... on NotificationReceived { cursor unreadCount notification { id reason count thread { id } } } } }";

pub(super) async fn what_one_is_told_comes_live_and_after_a_cut(world: &World) {
    let (ada, linus) = (world.member("ada").await, world.member("linus").await);
    assert_eq!(listen(world, &world.anonymous(), INBOX, json!({})).await.refusal().await, "UNAUTHENTICATED");
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Qui sait ?", "Texte").await;
    world.deliver().await;
    let (mut own, mut others) = (listen(world, &ada, INBOX, json!({})).await, listen(world, &linus, INBOX, json!({})).await);
    let start = told(&mut own).await;
    told(&mut others).await;
    linus.answer(&root, "Moi").await;
    world.deliver().await;
    let first = told(&mut own).await;
    assert_eq!((&first["notification"]["reason"], &first["unreadCount"]), (&json!("REPONSE"), &json!(1)));
    assert_eq!(first["notification"]["thread"]["id"], json!(thread));
    // What comes while the line is cut folds into the same one.
    drop(own);
    linus.answer(&root, "Et encore").await;
    world.deliver().await;
    for after in [&start["cursor"], &first["cursor"]] {
        let folded = told(&mut listen(world, &ada, INBOX, json!({ "a": after })).await).await;
        assert_eq!(folded["notification"]["id"], first["notification"]["id"]);
        assert_eq!((&folded["notification"]["count"], &folded["unreadCount"]), (&json!(2), &json!(1)));
    }
    // What is still to be told when a cursor is no good comes after the gap.
    linus.answer(&root, "Pas encore dit").await;
    world.events().await;
    let beyond = services::live::cursor(1_000_000);
    let mut again = listen(world, &ada, INBOX, json!({ "a": beyond })).await;
    assert_eq!(told(&mut again).await["__typename"], "Gap");
    world.deliver().await;
    assert_eq!(told(&mut again).await["notification"]["count"], 3);
    // Nobody else heard of it: the next thing linus is told is his own.
    let (_, his) = linus.open_thread(&forum, "QUESTION", "À linus", "Texte").await;
    ada.answer(&his, "Pour lui").await;
    world.deliver().await;
    assert_eq!(told(&mut others).await["notification"]["reason"], "REPONSE");
    if world.database == Database::Postgres {
        let node = world.another_node().await;
        let mut there = Socket::open(&node.url, linus.bearer.as_deref()).await;
        there.subscribe("s", INBOX, json!({})).await;
        told(&mut there).await;
        ada.answer(&his, "Et de loin").await;
        world.deliver().await;
        assert_eq!(told(&mut there).await["notification"]["reason"], "REPONSE");
        node.stop().await;
    }
}
