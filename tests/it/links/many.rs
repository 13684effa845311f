//! A training that many threads are about is linked some at a time: by the write, then by its job.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use harness::{Client, Database, Socket, World};
use serde_json::{Value, json};
use services::events::Event;
use services::jobs;

use super::{change, history, link, linked, scene, unlink};
use crate::catalogue::published;
use crate::cost::uuid_of;
use crate::steps::{column, read, text};
use crate::{following, live};

const ADDRESS: &str = "https://mentor.gouv.fr/catalog/52";
/// Three times what a transaction takes, and some.
const THREADS: i64 = 1_600;

/// More threads like this one, beside the product.
async fn multiply(world: &World, thread: &str) {
    let (series, id) = match world.database {
        Database::Sqlite => {
            ("with recursive series (i) as (select 2 union all select i + 1 from series where i < 1600)", "randomblob(16)")
        }
        Database::Postgres => ("with series (i) as (select * from generate_series(2, 1600))", "gen_random_uuid()"),
    };
    let thread = world.uuid(uuid_of(thread));
    let threads = "forum_id, kind, author_id, created_at, last_activity_at, post_count, next_ordinal";
    let posts = "ordinal, path, depth, author_id, body, html, excerpt, revision, created_at";
    for sql in [
        format!(
            "insert into threads (id, title, {threads}) {series} select {id}, 'Copie', {threads}
             from series cross join (select {threads} from threads where id = {thread}) as model"
        ),
        format!(
            "insert into posts (id, thread_id, {posts}) select {id}, t.id, {posts}
             from (select id from threads where title = 'Copie') as t
             cross join (select {posts} from posts where thread_id = {thread}) as model"
        ),
        "insert into post_addresses (post_id, address, thread_id)
         select p.id, 'CATALOGUE 52', t.id from threads t join posts p on p.thread_id = t.id where t.title = 'Copie'"
            .to_owned(),
    ] {
        assert_eq!(world.execute(&sql).await, THREADS.unsigned_abs() - 1);
    }
}

async fn threads(who: &Client, training: &str) -> Value {
    let query = "query($t: ID!) { training(id: $t) { threads { totalCount } } }";
    read(who, query, json!({ "t": training })).await["training"]["threads"]["totalCount"].clone()
}

/// How often it was told that links of the training changed.
async fn told(world: &World, training: &str) -> usize {
    let is_of = |event: &Event| matches!(event, Event::TrainingLinksChanged { training: of } if of.to_string() == training);
    world.events().await.iter().filter(|entry| is_of(&entry.event)).count()
}

/// The threads of which it was told that their links with the training changed, each once.
async fn told_of_threads(world: &World, training: &str) -> usize {
    let (mut threads, mut closed) = (BTreeSet::new(), true);
    for entry in world.events().await {
        match entry.event {
            Event::ThreadLinksChanged { thread, training: of } if of.to_string() == training => {
                assert!(threads.insert(thread), "{thread} twice");
                closed = false;
            }
            Event::TrainingLinksChanged { training: of } if of.to_string() == training => closed = true,
            _ => {}
        }
    }
    assert!(closed, "what is told at once keeps its order: the training comes after its threads");
    threads.len()
}

/// The threads that a job comes to last: of one age, they are listed by their ids.
async fn last_threads(who: &Client, many: usize) -> Vec<String> {
    let data = read(who, "query($n: Int) { threads(first: $n) { edges { node { id } } } }", json!({ "n": many })).await;
    column(&data["threads"], "id").iter().map(text).collect()
}

async fn merge(who: &Client, from: &str, into: &str) {
    who.mutate("mergeTrainings", json!({ "fromId": from, "intoId": into }), "").await.done("mergeTrainings");
}

/// A training, another one, who manages them, and who opened 1,600 threads with an address that neither declares.
async fn crowd(world: &World, other: Value) -> (String, String, Client, Client) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let other = published(world, &maker, &inside, "DEUX", other).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", ADDRESS).await;
    multiply(world, &thread).await;
    (one, other, maker, ada)
}

pub(super) async fn many_threads_are_linked_some_at_a_time(world: &World) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let other = published(world, &maker, &inside, "DEUX", json!({ "opening": "TOUS_PUBLICS" })).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", ADDRESS).await;
    multiply(world, &thread).await;
    let (refused, _) = ada.open_thread(&forum, "QUESTION", "Une question", ADDRESS).await;
    link(&ada, &refused, &one).await;
    unlink(&ada, &refused, &one).await;

    // Declared: the first ones at once, all of them in the end, but what somebody took away.
    change(&maker, &one, json!({ "addresses": [ADDRESS] })).await;
    assert!(
        threads(&ada, &one).await.as_i64().is_some_and(|linked| (499..=500).contains(&linked)),
        "or one less, the refused one"
    );
    let app = world.app.counted();
    assert_eq!(jobs::drain(&app).await.expect("jobs run"), 3);
    assert!(app.db.statements() < 100, "{} statements for three times 500 threads", app.db.statements());
    assert_eq!((threads(&ada, &one).await, told(world, &one).await), (json!(THREADS), 4));
    assert_eq!(told_of_threads(world, &one).await, 1_600);
    assert!(linked(&ada, &refused).await.is_empty());
    // Said again, it changes nothing.
    change(&maker, &one, json!({ "addresses": [ADDRESS, "https://mentor.gouv.fr/catalog/53"] })).await;
    assert_eq!(world.run_jobs().await, 3);
    assert_eq!((threads(&ada, &one).await, told(world, &one).await), (json!(THREADS), 4));

    // Merged: each is linked with the other one, once; what was chosen stays so.
    link(&ada, &thread, &one).await;
    link(&ada, &thread, &other).await;
    merge(&maker, &one, &other).await;
    for waiting in last_threads(&ada, 4).await.iter().filter(|last| **last != refused) {
        assert_eq!(linked(&ada, waiting).await, [json!(other)], "it shows the other one before the job comes to it");
    }
    assert!(threads(&ada, &other).await.as_i64().is_some_and(|linked| linked <= 501), "the job has most of them to do");
    world.run_jobs().await;
    assert_eq!((threads(&ada, &one).await, threads(&ada, &other).await), (json!(0), json!(THREADS)));
    assert_eq!(told_of_threads(world, &other).await, 1_600);
    assert_eq!(history(&ada, &thread).await, ["CHOIX FUSION", "CHOIX -"]);
    assert!(linked(&ada, &refused).await.is_empty());

    // Given up: the found ones end.
    change(&maker, &other, json!({ "addresses": [] })).await;
    assert!(threads(&ada, &other).await.as_i64().is_some_and(|left| (1100..=1101).contains(&left)), "all but the chosen one");
    world.run_jobs().await;
    assert_eq!(threads(&ada, &other).await, json!(1));
    let open = "select count(*) from thread_links where ended_at is null";
    assert_eq!(world.count(open).await, 1);
}

pub(super) async fn what_is_unlinked_during_a_merge_stays_unlinked(world: &World) {
    let (one, other, maker, ada) = crowd(world, json!({ "opening": "TOUS_PUBLICS" })).await;
    change(&maker, &one, json!({ "addresses": [ADDRESS] })).await;
    world.run_jobs().await;
    let last = last_threads(&ada, 6).await;
    let [found, both, by_other, edited, kept, before] = &last[..] else { panic!("{last:?}") };
    for thread in [both, before] {
        link(&ada, thread, &other).await;
    }
    unlink(&ada, before, &other).await;
    merge(&maker, &one, &other).await;
    for thread in [found, by_other, edited, kept] {
        assert_eq!(linked(&ada, thread).await, [json!(other)], "it is the other one");
        assert_eq!(history(&ada, thread).await, ["ADRESSE -"], "though its job has not come there");
    }
    assert!(linked(&ada, before).await.is_empty(), "nor is it linked with what was taken away");
    unlink(&ada, found, &one).await;
    unlink(&ada, both, &other).await;
    unlink(&ada, by_other, &other).await;
    for (thread, trainings) in [(edited, json!([])), (kept, json!([one]))] {
        ada.mutate("editThread", json!({ "threadId": thread, "trainings": trainings }), "").await.done("editThread");
    }
    let parted = [found, both, by_other, edited];
    for thread in parted {
        assert!(linked(&ada, thread).await.is_empty(), "at once");
    }
    assert_eq!(world.run_jobs().await, 6);
    for thread in parted.into_iter().chain([before]) {
        assert!(linked(&ada, thread).await.is_empty(), "and when its job has come there");
    }
    assert_eq!(history(&ada, found).await, ["ADRESSE RETRAIT"]);
    assert_eq!(history(&ada, both).await, ["ADRESSE RETRAIT", "CHOIX RETRAIT"]);
    assert_eq!(history(&ada, before).await, ["ADRESSE FUSION", "CHOIX RETRAIT"]);
    assert_eq!(
        (linked(&ada, kept).await, history(&ada, kept).await),
        (vec![json!(other)], vec!["CHOIX FUSION".into(), "CHOIX -".to_owned()])
    );
    assert_eq!(threads(&ada, &other).await, json!(THREADS - 5));
}

pub(super) async fn who_does_not_see_what_is_left_of_a_merge_parts_its_thread_from_what_they_see(world: &World) {
    let (one, hidden, maker, ada) = crowd(world, json!({ "opening": "NON_VISIBLE" })).await;
    change(&maker, &one, json!({ "addresses": [ADDRESS] })).await;
    world.run_jobs().await;
    merge(&maker, &one, &hidden).await;
    let last = last_threads(&ada, 3).await;
    unlink(&ada, &last[0], &one).await;
    let input = json!({ "threadId": last[0], "targetId": one });
    assert_eq!(ada.mutate("linkThread", input, "").await.problems("linkThread"), ["targetId: INCONNU"]);
    ada.mutate("editThread", json!({ "threadId": last[1], "trainings": [] }), "").await.done("editThread");
    world.run_jobs().await;
    for (thread, seen) in [(&last[0], vec![]), (&last[1], vec![]), (&last[2], vec![json!(hidden)])] {
        assert_eq!((linked(&maker, thread).await, linked(&ada, thread).await), (seen, vec![]));
    }
}

pub(super) async fn what_is_unlinked_while_the_job_runs_stays_unlinked(world: &World) {
    let (one, other, maker, ada) = crowd(world, json!({ "opening": "TOUS_PUBLICS" })).await;
    change(&maker, &one, json!({ "addresses": [ADDRESS] })).await;
    world.run_jobs().await;
    merge(&maker, &one, &other).await;
    let last = last_threads(&ada, 60).await;
    // One after the other, so that some come before their job, some after it.
    let unlinks = async {
        for some in last.chunks(4) {
            join_all(some.iter().map(|thread| unlink(&ada, thread, &one))).await;
        }
    };
    tokio::join!(world.run_jobs(), unlinks);
    world.run_jobs().await;
    assert_eq!(threads(&ada, &other).await, json!(THREADS - 60));
    let open = "select count(*) from thread_links where ended_at is null";
    assert_eq!(world.count(open).await, THREADS - 60);
}

/// The next time that it is told that the thread's links changed.
async fn links_told(socket: &mut Socket) {
    let told = async { while live::kind(&live::event(socket).await) != "ThreadChanged LIENS" {} };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("it is told");
}

pub(super) async fn who_follows_one_of_many_threads_is_told_of_its_links_and_nobody_notified(world: &World) {
    let (one, other, maker, ada) = crowd(world, json!({ "opening": "TOUS_PUBLICS" })).await;
    let bruno = world.member("bruno").await;
    for training in [&one, &other] {
        following::follow(&bruno, training, Some("TOUT")).await;
    }
    let thread = last_threads(&ada, 1).await.remove(0);
    let mut socket = live::follow(world, &ada, &thread, None).await;
    assert_eq!(live::kind(&live::event(&mut socket).await), "StreamStart");
    change(&maker, &one, json!({ "addresses": [ADDRESS] })).await;
    world.run_jobs().await;
    links_told(&mut socket).await;
    assert_eq!(linked(&ada, &thread).await, [json!(one)]);
    merge(&maker, &one, &other).await;
    world.run_jobs().await;
    links_told(&mut socket).await;
    assert_eq!(linked(&ada, &thread).await, [json!(other)]);
    change(&maker, &other, json!({ "addresses": [] })).await;
    world.run_jobs().await;
    links_told(&mut socket).await;
    assert!(linked(&ada, &thread).await.is_empty());
    world.deliver().await;
    assert_eq!(world.count("select count(*) from notifications where reason = 'NOUVEAU_FIL'").await, 0);
}

pub(super) async fn a_merge_overtakes_what_is_left_of_a_declaration(world: &World) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let other = published(world, &maker, &inside, "DEUX", json!({ "opening": "TOUS_PUBLICS" })).await;
    let last = published(world, &maker, &inside, "TROIS", json!({ "opening": "TOUS_PUBLICS" })).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", ADDRESS).await;
    multiply(world, &thread).await;
    change(&maker, &one, json!({ "addresses": [ADDRESS] })).await;
    for (from, into) in [(&one, &other), (&other, &last)] {
        merge(&maker, from, into).await;
    }
    world.run_jobs().await;
    for (training, expected) in [(&one, 0), (&other, 0), (&last, THREADS)] {
        assert_eq!(threads(&ada, training).await, json!(expected));
    }
}
