//! A training that many threads are about is linked some at a time: by the write, then by its job.

use harness::{Client, Database, World};
use serde_json::{Value, json};
use services::events::Event;

use super::{change, history, link, linked, scene, unlink};
use crate::catalogue::published;
use crate::cost::uuid_of;
use crate::steps::read;

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
    assert_eq!(world.run_jobs().await, 3);
    assert_eq!((threads(&ada, &one).await, told(world, &one).await), (json!(THREADS), 4));
    assert!(linked(&ada, &refused).await.is_empty());
    // Said again, it changes nothing.
    change(&maker, &one, json!({ "addresses": [ADDRESS, "https://mentor.gouv.fr/catalog/53"] })).await;
    assert_eq!(world.run_jobs().await, 3);
    assert_eq!((threads(&ada, &one).await, told(world, &one).await), (json!(THREADS), 4));

    // Merged: each is linked with the other one, once; what was chosen stays so.
    link(&ada, &thread, &one).await;
    link(&ada, &thread, &other).await;
    maker.mutate("mergeTrainings", json!({ "fromId": one, "intoId": other }), "").await.done("mergeTrainings");
    world.run_jobs().await;
    assert_eq!((threads(&ada, &one).await, threads(&ada, &other).await), (json!(0), json!(THREADS)));
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

pub(super) async fn a_merge_overtakes_what_is_left_of_a_declaration(world: &World) {
    let (inside, maker, one, ada) = scene(world, "UN").await;
    let other = published(world, &maker, &inside, "DEUX", json!({ "opening": "TOUS_PUBLICS" })).await;
    let last = published(world, &maker, &inside, "TROIS", json!({ "opening": "TOUS_PUBLICS" })).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", ADDRESS).await;
    multiply(world, &thread).await;
    change(&maker, &one, json!({ "addresses": [ADDRESS] })).await;
    for (from, into) in [(&one, &other), (&other, &last)] {
        maker.mutate("mergeTrainings", json!({ "fromId": from, "intoId": into }), "").await.done("mergeTrainings");
    }
    world.run_jobs().await;
    for (training, expected) in [(&one, 0), (&other, 0), (&last, THREADS)] {
        assert_eq!(threads(&ada, training).await, json!(expected));
    }
}
