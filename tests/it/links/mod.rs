//! Threads and trainings, linked both ways: by hand, by addresses of Mentor, and what each viewer sees of it.

mod flow;
mod many;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};
use services::events::Event;

use crate::catalogue::{manager, new_training, published, through};
use crate::cost::{cost, uuid_of};
use crate::steps::{colleague, column, moderator, new_forum, nodes, organisation, read, text};

use flow::{
    an_announced_draft_tells_its_threads_from_then_on, flow, what_happens_to_a_training_stands_in_the_flow_of_its_threads,
};
use many::{
    a_merge_overtakes_what_is_left_of_a_declaration, many_threads_are_linked_some_at_a_time,
    what_is_unlinked_during_a_merge_stays_unlinked, what_is_unlinked_while_the_job_runs_stays_unlinked,
    who_does_not_see_what_is_left_of_a_merge_parts_its_thread_from_what_they_see,
    who_follows_one_of_many_threads_is_told_of_its_links_and_nobody_notified,
};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        an_author_links_a_thread_and_takes_the_link_back,
        what_is_wrong_with_a_link_is_told_of_its_field,
        a_post_with_an_address_links_its_thread,
        a_course_links_only_where_a_training_declares_it,
        a_link_that_was_taken_away_is_not_found_again,
        addresses_that_go_away_end_what_they_linked,
        a_training_that_is_merged_keeps_its_links_once,
        a_training_tells_its_threads_by_kind,
        what_happens_to_a_training_stands_in_the_flow_of_its_threads,
        an_announced_draft_tells_its_threads_from_then_on,
        neither_side_leaves_a_trace_on_the_other,
        a_link_and_a_merge_at_once_end_on_what_is_left,
        an_address_declared_and_posted_at_once_is_linked,
        many_threads_are_linked_some_at_a_time,
        a_merge_overtakes_what_is_left_of_a_declaration,
        what_is_unlinked_during_a_merge_stays_unlinked,
        who_does_not_see_what_is_left_of_a_merge_parts_its_thread_from_what_they_see,
        what_is_unlinked_while_the_job_runs_stays_unlinked,
        who_follows_one_of_many_threads_is_told_of_its_links_and_nobody_notified,
        hostile_bodies_link_few,
        links_cost_the_same_whatever_their_number,
    ]
}

/// What a thread is linked to, as `who` sees it.
async fn linked(who: &Client, thread: &str) -> Vec<Value> {
    let data = read(who, "query($t: ID!) { thread(id: $t) { trainings { id } } }", json!({ "t": thread })).await;
    data["thread"]["trainings"].as_array().expect("a list").iter().map(|training| training["id"].clone()).collect()
}

/// The history of a thread's links, as `origin end` from the first one on.
async fn history(who: &Client, thread: &str) -> Vec<String> {
    let query =
        "query($t: ID!) { thread(id: $t) { links { origin end linkedBy { handle } endedBy { handle } linkedAt endedAt } } }";
    let data = read(who, query, json!({ "t": thread })).await;
    let links = data["thread"]["links"].as_array().expect("a list").clone();
    for link in &links {
        assert_eq!(link["end"].is_null(), link["endedAt"].is_null(), "{link}");
    }
    links.iter().rev().map(|link| format!("{} {}", text(&link["origin"]), link["end"].as_str().unwrap_or("-"))).collect()
}

async fn link(who: &Client, thread: &str, training: &str) {
    let input = json!({ "threadId": thread, "targetId": training });
    who.mutate("linkThread", input, "thread { id }").await.done("linkThread");
}

async fn unlink(who: &Client, thread: &str, training: &str) {
    let input = json!({ "threadId": thread, "targetId": training });
    who.mutate("unlinkThread", input, "thread { id }").await.done("unlinkThread");
}

async fn edit(who: &Client, post: &str, body: &str) {
    who.mutate("editPost", json!({ "postId": post, "body": body }), "").await.done("editPost");
}

async fn change(who: &Client, training: &str, fields: Value) {
    who.mutate("updateTraining", json!({ "trainingId": training, "fields": fields }), "").await.done("updateTraining");
}

/// An organisation, who manages its trainings, a public one of its, and a member.
async fn scene(world: &World, name: &str) -> (String, Client, String, Client) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, name, json!({ "opening": "TOUS_PUBLICS" })).await;
    (inside, maker, training, world.member("ada").await)
}

async fn an_author_links_a_thread_and_takes_the_link_back(world: &World) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let other = published(world, &maker, &inside, "DEUX", json!({ "opening": "TOUS_PUBLICS" })).await;
    let forum = world.forum("plateforme", "questions").await;
    let input =
        json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "Texte", "trainings": [one, one] });
    let reply = ada.mutate("openThread", input, "thread { id trainings { id title } }").await.done("openThread");
    let thread = text(&reply["thread"]["id"]);
    assert_eq!(reply["thread"]["trainings"], json!([{ "id": one, "title": "Formation UN" }]));
    let back = "query($t: ID!) { training(id: $t) { threads { totalCount edges { node { id } } } } }";
    let seen = read(&world.anonymous(), back, json!({ "t": one })).await["training"]["threads"].clone();
    assert_eq!((&seen["totalCount"], column(&seen, "id")), (&json!(1), vec![json!(thread)]));

    let edited = json!({ "threadId": thread, "trainings": [other] });
    ada.mutate("editThread", edited.clone(), "").await.done("editThread");
    assert_eq!(linked(&ada, &thread).await, [json!(other)]);
    let before = world.events().await.len();
    ada.mutate("editThread", edited, "").await.done("editThread");
    link(&ada, &thread, &other).await;
    assert_eq!(world.events().await.len(), before, "nothing changed, nothing told");
    // Who manages a training links it too, and a moderator; a locked thread is no longer its author's.
    link(&maker, &thread, &one).await;
    assert_eq!(linked(&ada, &thread).await.len(), 2);
    let chief = moderator(world, "ici", Some("plateforme")).await;
    chief.mutate("lockThread", json!({ "threadId": thread, "locked": true }), "").await.done("lockThread");
    let input = json!({ "threadId": thread, "targetId": one });
    assert_eq!(ada.mutate("unlinkThread", input.clone(), "").await.code(), "FORBIDDEN");
    unlink(&chief, &thread, &one).await;
    assert_eq!(chief.mutate("unlinkThread", input, "").await.problems("unlinkThread"), ["targetId: REFUSE"]);
    assert_eq!(history(&ada, &thread).await, ["CHOIX RETRAIT", "CHOIX -", "CHOIX RETRAIT"]);
    let told: Vec<_> = world.events().await.into_iter().map(|entry| entry.event).collect();
    let count = |ends: bool| {
        told.iter()
            .filter(|event| match event {
                Event::ThreadLinked { trainings, .. } => !ends && trainings.len() == 1,
                Event::ThreadUnlinked { trainings, .. } => ends && trainings.len() == 1,
                _ => false,
            })
            .count()
    };
    assert_eq!((count(false), count(true)), (3, 2));
}

async fn what_is_wrong_with_a_link_is_told_of_its_field(world: &World) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let draft = new_training(world, &maker, &inside, "CACHEE", json!({})).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let unknown = format!("tra_{:032x}", 7);
    let many: Vec<_> = (0..21).map(|n| format!("tra_{n:032x}")).collect();
    for (trainings, expected) in [
        (json!([draft]), "trainings: INCONNU"),
        (json!([one, unknown]), "trainings: INCONNU"),
        (json!([thread]), "trainings: MALFORME"),
        (json!(many), "trainings: TROP_LONG"),
    ] {
        let input =
            json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "Texte", "trainings": trainings });
        assert_eq!(ada.mutate("openThread", input, "").await.problems("openThread"), [expected]);
        let input = json!({ "threadId": thread, "title": "Un autre titre", "trainings": trainings });
        assert_eq!(ada.mutate("editThread", input, "").await.problems("editThread"), [expected]);
    }
    let title = read(&ada, "query($t: ID!) { thread(id: $t) { title } }", json!({ "t": thread })).await;
    assert_eq!(title["thread"]["title"], "Une question", "nothing half-done");
    let seen = ada.mutate("linkThread", json!({ "threadId": thread, "targetId": draft }), "").await;
    let absent = ada.mutate("linkThread", json!({ "threadId": thread, "targetId": unknown }), "").await;
    assert_eq!((seen.problems("linkThread"), seen.text), (vec!["targetId: INCONNU".to_owned()], absent.text));
    let bob = world.member("bob").await;
    for name in ["linkThread", "unlinkThread"] {
        let input = json!({ "threadId": thread, "targetId": one });
        assert_eq!(bob.mutate(name, input.clone(), "").await.code(), "FORBIDDEN");
        assert_eq!(world.anonymous().mutate(name, input, "").await.code(), "UNAUTHENTICATED");
    }
    // Twenty by hand, and no more; what posts hold takes no room.
    let mut trainings = Vec::new();
    for n in 0..21 {
        let address = json!({ "addresses": [format!("https://mentor.gouv.fr/catalog/{}", 900 + n)], "opening": "TOUS_PUBLICS" });
        trainings.push(published(world, &maker, &inside, &format!("N{n}"), address).await);
    }
    let input = json!({ "threadId": thread, "trainings": trainings[..20] });
    ada.mutate("editThread", input, "").await.done("editThread");
    let input = json!({ "threadId": thread, "targetId": trainings[20] });
    assert_eq!(ada.mutate("linkThread", input.clone(), "").await.problems("linkThread"), ["targetId: COMPLET"]);
    let opening = read(&ada, "query($t: ID!) { thread(id: $t) { openingPost { id } } }", json!({ "t": thread })).await;
    ada.answer(&text(&opening["thread"]["openingPost"]["id"]), "https://mentor.gouv.fr/catalog/920").await;
    assert_eq!(linked(&ada, &thread).await.len(), 21);
}

async fn a_post_with_an_address_links_its_thread(world: &World) {
    let (_, maker, one, ada) = scene(world, "UN").await;
    let addresses =
        ["https://mentor.gouv.fr/catalog/52", "https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588"];
    change(&maker, &one, json!({ "addresses": addresses })).await;
    let forum = world.forum("plateforme", "questions").await;
    for (body, expected) in [
        ("Voir https://mentor.gouv.fr/catalog/52.", true),
        ("Voir [la fiche](https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588&x=1).", true),
        ("Voir <http://mentor.gouv.fr/catalog/52/>", true),
        ("![image](https://mentor.gouv.fr/catalog/52)", true),
        ("Dans du code : `https://mentor.gouv.fr/catalog/52`", false),
        ("https://mentor.gouv.fr/catalog/53", false),
        ("https://mentor.gouv.fr.exemple.test/catalog/52", false),
        ("mentor.gouv.fr/catalog/52 sans rien devant", false),
    ] {
        let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", body).await;
        assert_eq!(!linked(&ada, &thread).await.is_empty(), expected, "{body}");
    }
    // In an answer of somebody else's, and in what an edit adds.
    let bob = world.member("bob").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let answer = bob.answer(&root, "Il y a https://mentor.gouv.fr/catalog/52").await;
    assert_eq!(linked(&ada, &thread).await, [json!(one)]);
    edit(&bob, &answer, "Il y a https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588").await;
    assert_eq!(history(&ada, &thread).await, ["ADRESSE -"], "the same training by its other address");
    // Chosen on top of it, it stays when the address goes.
    link(&ada, &thread, &one).await;
    edit(&bob, &answer, "Il n'y a plus rien").await;
    assert_eq!(history(&ada, &thread).await, ["CHOIX -"]);
}

async fn a_course_links_only_where_a_training_declares_it(world: &World) {
    let (_, maker, one, ada) = scene(world, "UN").await;
    let forum = world.forum("plateforme", "questions").await;
    let (before, _) =
        ada.open_thread(&forum, "QUESTION", "Avant", "https://mentor.gouv.fr/course/view.php?id=41&section=21").await;
    let (held, _) = ada.open_thread(&forum, "QUESTION", "Autre cours", "https://mentor.gouv.fr/course/view.php?id=42").await;
    assert!(linked(&ada, &before).await.is_empty());
    change(&maker, &one, json!({ "addresses": ["https://mentor.gouv.fr/course/view.php?id=41"] })).await;
    assert_eq!(linked(&ada, &before).await, [json!(one)], "what was posted before it was declared");
    assert!(linked(&ada, &held).await.is_empty());
    let last = world.events().await.pop().expect("events").event;
    assert!(matches!(last, Event::TrainingLinksChanged { training } if training.to_string() == one), "{last:?}");
    // A training made with an address that posts hold finds them too; one that gives it up lets them go.
    let inside = read(&maker, "query($t: ID!) { training(id: $t) { organisation { id } } }", json!({ "t": one })).await;
    let inside = text(&inside["training"]["organisation"]["id"]);
    let address = json!({ "addresses": ["https://mentor.gouv.fr/course/view.php?id=42"], "opening": "TOUS_PUBLICS" });
    let other = published(world, &maker, &inside, "DEUX", address).await;
    assert_eq!(linked(&ada, &held).await, [json!(other)]);
    change(&maker, &one, json!({ "addresses": [] })).await;
    assert_eq!((linked(&ada, &before).await, history(&ada, &before).await), (vec![], vec!["ADRESSE DISPARITION".to_owned()]));
}

async fn a_link_that_was_taken_away_is_not_found_again(world: &World) {
    let (_, maker, one, ada) = scene(world, "UN").await;
    change(&maker, &one, json!({ "addresses": ["https://mentor.gouv.fr/catalog/52"] })).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "https://mentor.gouv.fr/catalog/52").await;
    unlink(&ada, &thread, &one).await;
    edit(&ada, &root, "Encore https://mentor.gouv.fr/catalog/52 et https://mentor.gouv.fr/catalog/53").await;
    ada.answer(&root, "https://mentor.gouv.fr/catalog/52").await;
    change(&maker, &one, json!({ "addresses": ["https://mentor.gouv.fr/catalog/53", "https://mentor.gouv.fr/catalog/52"] }))
        .await;
    assert_eq!((linked(&ada, &thread).await, history(&ada, &thread).await), (vec![], vec!["ADRESSE RETRAIT".to_owned()]));
    link(&ada, &thread, &one).await;
    assert_eq!(history(&ada, &thread).await, ["ADRESSE RETRAIT", "CHOIX -"], "by hand it is linked again");
}

async fn addresses_that_go_away_end_what_they_linked(world: &World) {
    let (_, maker, one, ada) = scene(world, "UN").await;
    change(&maker, &one, json!({ "addresses": ["https://mentor.gouv.fr/catalog/52"] })).await;
    let forum = world.forum("plateforme", "questions").await;
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "https://mentor.gouv.fr/catalog/52").await;
    let answer = ada.answer(&root, "Aussi https://mentor.gouv.fr/catalog/52").await;
    edit(&ada, &root, "Plus rien ici").await;
    assert_eq!(linked(&ada, &thread).await, [json!(one)], "the answer still holds it");
    let hide = |hidden: bool| json!({ "postId": answer, "hidden": hidden, "reason": "Parce que" });
    chief.mutate("hidePost", hide(true), "").await.done("hidePost");
    assert!(linked(&ada, &thread).await.is_empty(), "what is hidden links nothing");
    edit(&ada, &answer, "Et encore https://mentor.gouv.fr/catalog/52 !").await;
    assert!(linked(&ada, &thread).await.is_empty(), "nor when it is edited");
    chief.mutate("hidePost", hide(false), "").await.done("hidePost");
    assert_eq!(linked(&ada, &thread).await, [json!(one)]);
    ada.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
    assert_eq!(history(&ada, &thread).await, ["ADRESSE DISPARITION", "ADRESSE DISPARITION"]);
}

async fn a_training_that_is_merged_keeps_its_links_once(world: &World) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let other = published(world, &maker, &inside, "DEUX", json!({ "opening": "TOUS_PUBLICS" })).await;
    change(&maker, &one, json!({ "addresses": ["https://mentor.gouv.fr/catalog/52"] })).await;
    let forum = world.forum("plateforme", "questions").await;
    let open = async |body: &str| ada.open_thread(&forum, "QUESTION", "Une question", body).await;
    let (both, _) = open("Texte").await;
    link(&ada, &both, &one).await;
    link(&ada, &both, &other).await;
    let (found, _) = open("https://mentor.gouv.fr/catalog/52").await;
    let (refused, root) = open("https://mentor.gouv.fr/catalog/52").await;
    unlink(&ada, &refused, &one).await;
    maker.mutate("mergeTrainings", json!({ "fromId": one, "intoId": other }), "").await.done("mergeTrainings");
    assert_eq!(linked(&ada, &both).await, [json!(other)], "once");
    assert_eq!(linked(&ada, &found).await, [json!(other)]);
    edit(&ada, &root, "Toujours https://mentor.gouv.fr/catalog/52, qui est à l'autre").await;
    ada.answer(&root, "https://mentor.gouv.fr/catalog/52").await;
    assert!(linked(&ada, &refused).await.is_empty(), "what was taken away stays so under the other's name");
    // The former id still names what is left; renamed and archived, it keeps them.
    let (later, _) = open("Texte").await;
    link(&ada, &later, &one).await;
    assert_eq!(linked(&ada, &later).await, [json!(other)]);
    change(&maker, &other, json!({ "title": "Un tout autre titre", "shortName": "AUTRE" })).await;
    through(&maker, &other, &["ARCHIVEE"]).await;
    let counts = read(&ada, "query($t: ID!) { training(id: $t) { state threads { totalCount } } }", json!({ "t": other })).await;
    assert_eq!(counts["training"], json!({ "state": "ARCHIVEE", "threads": { "totalCount": 3 } }));
    assert_eq!(world.count("select count(*) from thread_links where ended_how = 'FUSION'").await, 2);
}

async fn a_training_tells_its_threads_by_kind(world: &World) {
    let (_, _, one, ada) = scene(world, "UN").await;
    let bob = world.member("bob").await;
    let forum = async |slug: &str| world.forum("plateforme", slug).await;
    let mut threads = Vec::new();
    for (slug, kind) in [
        ("questions", "QUESTION"),
        ("questions", "QUESTION"),
        ("bonnes-pratiques", "BONNE_PRATIQUE"),
        ("signalements", "SIGNALEMENT"),
        ("questions", "DISCUSSION"),
    ] {
        world.advance(TimeDelta::minutes(1));
        let (thread, root) = ada.open_thread(&forum(slug).await, kind, "Un fil à lier", "Texte").await;
        link(&ada, &thread, &one).await;
        threads.push((thread, root));
    }
    let answer = bob.answer(&threads[1].1, "La réponse").await;
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    let query = "query($t: ID!) { training(id: $t) { threadCounts { kind count lastActivityAt }
        all: threads(first: 2) { totalCount pageInfo { hasNextPage endCursor } edges { node { id lastActivityAt } } }
        open: threads(kind: QUESTIONS_OUVERTES) { totalCount edges { node { id lastActivityAt } } }
        solved: threads(kind: QUESTIONS_RESOLUES) { totalCount edges { node { id lastActivityAt } } }
        good: threads(kind: BONNES_PRATIQUES) { totalCount edges { node { id lastActivityAt } } }
        reports: threads(kind: SIGNALEMENTS) { totalCount edges { node { id lastActivityAt } } } } }";
    let data = read(&world.anonymous(), query, json!({ "t": one })).await["training"].clone();
    for (list, own) in [("open", 0), ("solved", 1), ("good", 2), ("reports", 3)] {
        assert_eq!((&data[list]["totalCount"], column(&data[list], "id")), (&json!(1), vec![json!(threads[own].0)]), "{list}");
    }
    // The last word first: the solved question's answer, then what was opened last.
    assert_eq!(column(&data["all"], "id"), [json!(threads[1].0), json!(threads[4].0)]);
    assert_eq!((&data["all"]["totalCount"], &data["all"]["pageInfo"]["hasNextPage"]), (&json!(5), &json!(true)));
    let counts = data["threadCounts"].as_array().expect("counts");
    let told: Vec<_> = counts.iter().map(|count| (text(&count["kind"]), count["count"].as_i64().expect("a number"))).collect();
    let expected =
        [("TOUS", 5), ("QUESTIONS_OUVERTES", 1), ("QUESTIONS_RESOLUES", 1), ("BONNES_PRATIQUES", 1), ("SIGNALEMENTS", 1)];
    assert_eq!(told, expected.map(|(kind, count)| (kind.to_owned(), count)));
    let dates: Vec<_> = counts.iter().map(|count| text(&count["lastActivityAt"])).collect();
    let lists = ["all", "open", "solved", "good", "reports"];
    assert_eq!(dates, lists.map(|list| text(&nodes(&data[list])[0]["lastActivityAt"])));
    assert_eq!(dates.iter().collect::<BTreeSet<_>>().len(), 4, "the solved question had the last word of all: {dates:?}");
    let after = json!({ "t": one, "a": data["all"]["pageInfo"]["endCursor"] });
    let rest =
        read(&ada, "query($t: ID!, $a: String) { training(id: $t) { threads(after: $a) { edges { node { id } } } } }", after)
            .await;
    assert_eq!(column(&rest["training"]["threads"], "id"), [3, 2, 0].map(|own: usize| json!(threads[own].0)));
}

async fn neither_side_leaves_a_trace_on_the_other(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let home = colleague(world, "maison", &inside).await;
    let ada = world.member("ada").await;
    let restricted = json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [inside], "title": "Affaires confidentielles",
        "addresses": ["https://mentor.gouv.fr/catalog/777"] });
    let secret = published(world, &maker, &inside, "SECRET", restricted).await;
    let shown = published(world, &maker, &inside, "OUVERTE", json!({ "opening": "TOUS_PUBLICS" })).await;
    // Whoever posts the address of a training they do not see is not told that there is one.
    let forum = world.forum("plateforme", "questions").await;
    let input =
        json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "https://mentor.gouv.fr/catalog/777" });
    let fields = "thread { id trainings { id } links { origin } systemEvents { totalCount } }";
    let reply = ada.mutate("openThread", input, fields).await;
    let thread = text(&reply.done("openThread")["thread"]["id"]);
    let nothing = json!({ "id": thread, "trainings": [], "links": [], "systemEvents": { "totalCount": 0 } });
    assert_eq!(reply.data["openThread"]["thread"], nothing);
    world.advance(TimeDelta::minutes(1));
    through(&maker, &secret, &["ELABORATION_TERMINEE", "PUBLIEE"]).await;
    let query = "query($t: ID!) { thread(id: $t) { id trainings { id } links { origin } systemEvents { totalCount } } }";
    for who in [&ada, &world.anonymous()] {
        assert_eq!(read(who, query, json!({ "t": thread })).await["thread"], nothing);
        assert!(!who.run(query, json!({ "t": thread })).await.text.contains("confidentielles"));
    }
    assert_eq!(linked(&home, &thread).await, [json!(secret)]);
    assert_eq!(flow(&home, &thread).await.len(), 2);
    // It can neither be linked nor parted by who does not see it, word for word as one that is not there; nor does a choice of
    // others take it away.
    for name in ["linkThread", "unlinkThread"] {
        let with = |id: &str| json!({ "threadId": thread, "targetId": id });
        let unknown = format!("tra_{:032x}", 9);
        assert_eq!(ada.mutate(name, with(&secret), "").await.text, ada.mutate(name, with(&unknown), "").await.text);
    }
    ada.mutate("editThread", json!({ "threadId": thread, "trainings": [shown] }), "").await.done("editThread");
    ada.mutate("editThread", json!({ "threadId": thread, "trainings": [] }), "").await.done("editThread");
    assert_eq!(linked(&home, &thread).await, [json!(secret)]);

    // The other way: a thread of a forum for some, and one that is hidden.
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let closed = new_forum(world, "plateforme", "Entre nous", audience).await;
    let (private, _) = home.open_thread(&closed, "QUESTION", "Un fil entre nous", "Texte").await;
    link(&home, &private, &shown).await;
    let (hidden, _) = ada.open_thread(&forum, "QUESTION", "Un fil masqué", "Texte").await;
    link(&ada, &hidden, &shown).await;
    let chief = moderator(world, "partout", None).await;
    chief.mutate("hideThread", json!({ "threadId": hidden, "hidden": true }), "").await.done("hideThread");
    let query = "query($t: ID!) { training(id: $t) { threadCounts { kind count lastActivityAt }
        threads { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id } } } } }";
    for who in [&ada, &world.anonymous()] {
        let data = read(who, query, json!({ "t": shown })).await["training"].clone();
        assert_eq!((&data["threads"]["totalCount"], &data["threads"]["edges"]), (&json!(0), &json!([])));
        for count in data["threadCounts"].as_array().expect("counts") {
            assert_eq!((&count["count"], &count["lastActivityAt"]), (&json!(0), &Value::Null));
        }
    }
    let data = read(&home, query, json!({ "t": shown })).await["training"].clone();
    assert_eq!(column(&data["threads"], "id"), [json!(private)]);
}

async fn a_link_and_a_merge_at_once_end_on_what_is_left(world: &World) {
    let (inside, maker, _, ada) = scene(world, "UN").await;
    let forum = world.forum("plateforme", "questions").await;
    for round in 0..5 {
        let address = format!("https://mentor.gouv.fr/catalog/{}", 100 + round);
        let more = json!({ "opening": "TOUS_PUBLICS", "addresses": [address] });
        let from = published(world, &maker, &inside, &format!("A{round}"), more).await;
        let into = published(world, &maker, &inside, &format!("B{round}"), json!({ "opening": "TOUS_PUBLICS" })).await;
        let (chosen, _) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
        let (found, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
        let input = json!({ "threadId": chosen, "targetId": from });
        let body = json!({ "postId": root, "body": address });
        let replies = join_all([
            ada.mutate("linkThread", input, "thread { id }"),
            maker.mutate("mergeTrainings", json!({ "fromId": from, "intoId": into }), "training { id }"),
            ada.mutate("answerPost", body, "post { id }"),
        ])
        .await;
        for (reply, name) in replies.iter().zip(["linkThread", "mergeTrainings", "answerPost"]) {
            reply.done(name);
        }
        for thread in [&chosen, &found] {
            assert_eq!(linked(&ada, thread).await, [json!(into)], "round {round}");
        }
    }
    let lost = "select count(*) from thread_links l join trainings t on t.id = l.training_id
                where l.ended_at is null and t.merged_into_id is not null";
    assert_eq!(world.count(lost).await, 0);
}

async fn an_address_declared_and_posted_at_once_is_linked(world: &World) {
    let (_, maker, one, ada) = scene(world, "UN").await;
    let forum = world.forum("plateforme", "questions").await;
    for round in 1..8 {
        let address = format!("https://mentor.gouv.fr/course/view.php?id={round}");
        let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
        let declare = json!({ "trainingId": one, "fields": { "addresses": [address], "shortName": format!("UN-{round}") } });
        let replies = join_all([
            ada.mutate("answerPost", json!({ "postId": root, "body": address }), "post { id }"),
            maker.mutate("updateTraining", declare, "training { id }"),
        ])
        .await;
        replies[0].done("answerPost");
        replies[1].done("updateTraining");
        assert_eq!(linked(&ada, &thread).await, [json!(one)], "round {round}");
    }
}

async fn hostile_bodies_link_few(world: &World) {
    let (_, maker, one, ada) = scene(world, "UN").await;
    change(&maker, &one, json!({ "addresses": ["https://mentor.gouv.fr/catalog/21"] })).await;
    let forum = world.forum("plateforme", "questions").await;
    let many: Vec<_> = (1..1000).map(|n| format!("https://mentor.gouv.fr/catalog/{n}")).collect();
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", &many.join(" ")).await;
    assert_eq!(world.count("select count(*) from post_addresses").await, 20);
    assert!(linked(&ada, &thread).await.is_empty(), "the twenty-first is not looked at");
    for body in [
        "https://mentor.gouv.fr/catalog/99999999999999999999",
        "https://mentor.gouv.fr/course/view.php?id=1%27;drop%20table%20posts",
        "https://mentor.gouv.fr/catalog/21%00",
        "[x](https://mentor.gouv.fr/catalog/-21)",
    ] {
        ada.answer(&root, body).await;
    }
    assert!(linked(&ada, &thread).await.is_empty());
    let same = vec!["https://mentor.gouv.fr/catalog/21"; 1000].join(" ");
    ada.answer(&root, &same).await;
    assert_eq!(linked(&ada, &thread).await, [json!(one)]);
}

async fn links_cost_the_same_whatever_their_number(world: &World) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let forum = world.forum("plateforme", "signalements").await;
    let who = Some(services::id::MemberId(uuid_of(&ada.id().await)));
    let mut trainings = vec![one];
    for n in 0..12 {
        let more = json!({ "opening": "TOUS_PUBLICS", "addresses": [format!("https://mentor.gouv.fr/catalog/{}", 500 + n)] });
        trainings.push(published(world, &maker, &inside, &format!("N{n}"), more).await);
    }
    for n in 0..30 {
        let input = json!({ "forumId": forum, "kind": "SIGNALEMENT", "title": format!("Signalement {n}"), "body": "Texte",
            "trainings": trainings[..=n % 12], "report": { "component": "H5P" } });
        ada.mutate("openThread", input, "").await.done("openThread");
    }
    for training in &trainings {
        through(&maker, training, &["ELABORATION_TERMINEE", "PUBLIEE"]).await;
    }
    for query in [
        "query($n: Int) { threads(first: $n) { edges { node { title trainings { title collection { name } } links { origin
           linkedBy { name } training { title } } systemEvents(first: 3) { totalCount edges { node { kind toState training { title } } } }
           report { component state thread { title } reporters(first: 3) { totalCount edges { node { name organisation { name } } } } duplicateOf { id } history(first: 3) { totalCount edges { node {
           to by { name } } } } duplicates(first: 3) { totalCount edges { node { component } } } viewerMayUpdate } } } } }",
        "query($n: Int) { trainings(first: $n) { edges { node { title threadCounts { kind count lastActivityAt }
           threads(first: 5) { totalCount edges { node { title author { name } trainings { title } } } }
           open: threads(kind: SIGNALEMENTS, first: 2) { totalCount edges { node { report { state } } } } } } } }",
        "query($n: Int) { reports(first: $n) { totalCount edges { node { component thread { title author { name } trainings { title } }
           reporters { totalCount edges { node { name } } } duplicates { totalCount } history { totalCount } } } } }",
        "query($n: Int) { unansweredThreads(first: $n) { totalCount edges { node { title author { name } trainings { title } } } } }",
    ] {
        for who in [None, who] {
            let mut costs = Vec::new();
            for n in [2, 5, 30] {
                costs.push(cost(world, who, query, json!({ "n": n })).await.0);
            }
            let (least, most) = (costs.iter().min().expect("costs"), costs.iter().max().expect("costs"));
            assert!(*most <= least + 3 && (1..=26).contains(most), "{query}: {costs:?}");
        }
    }
    // An answer with many addresses costs as one with few.
    let (_, root) = ada.open_thread(&forum, "SIGNALEMENT", "Un signalement", "Texte").await;
    let mutation =
        "mutation($p: ID!, $b: String!) { answerPost(input: { postId: $p, body: $b }) { post { id } problems { message } } }";
    let body =
        |many: usize| (0..many).map(|n| format!("https://mentor.gouv.fr/catalog/{}", 500 + n)).collect::<Vec<_>>().join(" ");
    let mut costs = Vec::new();
    for many in [1, 12] {
        costs.push(cost(world, who, mutation, json!({ "p": root, "b": body(many) })).await.0);
        ada.open_thread(&forum, "SIGNALEMENT", "Un signalement", "Texte").await;
    }
    assert!(costs[1] <= costs[0] + 1, "{costs:?}");
}
