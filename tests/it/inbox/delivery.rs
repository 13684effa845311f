//! How the log reaches people: once each, in bounded turns, whatever dies, and without a word of whoever writes.

use std::collections::BTreeSet;
use std::task::{Context, Waker};

use harness::servers::setting;
use harness::{Client, Database, World};
use serde_json::json;
use services::db::Db;
use services::id::MemberId;
use services::{App, inbox};
use uuid::Uuid;

use crate::catalogue::{manager, published, through};
use crate::cost::{cost, uuid_of};
use crate::following::follow;
use crate::steps::organisation;

/// Members who follow a forum entirely, made beside the product.
async fn followers(world: &World, forum: &str, many: usize) {
    let (series, id) = match world.database {
        Database::Sqlite => {
            (format!("with recursive s (i) as (select 1 union all select i + 1 from s where i < {many})"), "randomblob(16)")
        }
        Database::Postgres => (format!("with s (i) as (select * from generate_series(1, {many}))"), "gen_random_uuid()"),
    };
    let at = "(select min(created_at) from spaces)";
    let made = world
        .execute(&format!(
            "insert into members (id, address, address_key, handle, name, created_at)
             {series} select {id}, 'suiveur' || i || '@exemple.test', 'suiveur' || i || '@exemple.test', 'suiveur' || i, 'Suiveur', {at} from s"
        ))
        .await;
    assert_eq!(made, many as u64);
    let forum = world.uuid(uuid_of(forum));
    let follow = format!(
        "insert into follows (member_id, target_id, forum_id, level, followed_at)
         select id, {forum}, {forum}, 'TOUT', created_at from members where handle like 'suiveur%'"
    );
    assert_eq!(world.execute(&follow).await, many as u64);
}

async fn scene(world: &World, many: usize) -> (Client, String) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    followers(world, &forum, many).await;
    (ada, forum)
}

/// Everybody was told `times`, and nobody twice of one thing.
async fn told(world: &World, people: i64, times: i64) {
    assert_eq!(world.count("select count(*) from notifications").await, people, "an entry each");
    assert_eq!(world.count("select count(distinct member_id) from notifications").await, people);
    assert_eq!(world.count("select min(many) from notifications").await, times);
    assert_eq!(world.count("select max(many) from notifications").await, times);
}

/// Another node on the same data.
fn node(app: &App, number: u128) -> App {
    App { node: Uuid::from_u128(number), ..app.clone() }
}

pub(super) async fn two_nodes_tell_each_person_once(world: &World) {
    let (ada, forum) = scene(world, 700).await;
    world.deliver().await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    for n in 0..3 {
        ada.answer(&root, &format!("Réponse {n}")).await;
    }
    world.events().await;
    let nodes: Vec<_> = (1..=3).map(|number| node(&world.app, number)).collect();
    for turns in futures_util::future::join_all(nodes.iter().map(inbox::catch_up)).await {
        turns.expect("people are told");
    }
    told(world, 700, 4).await;
    assert!(!inbox::turn(&world.app).await.expect("a turn"), "nothing is left to tell");
    told(world, 700, 4).await;
}

pub(super) async fn a_reader_that_died_goes_on_where_it_was(world: &World) {
    let (ada, forum) = scene(world, 700).await;
    world.deliver().await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    ada.answer(&root, "Réponse").await;
    world.events().await;
    assert!(inbox::turn(&world.app).await.expect("a turn"));
    let first = world.count("select count(*) from notifications").await;
    assert!((1..700).contains(&first), "among the people of one event: {first}");
    // A turn that dies before its end leaves nothing, wherever it is cut.
    for steps in 0..40 {
        let mut turn = Box::pin(inbox::turn(&world.app));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..steps {
            if turn.as_mut().poll(&mut cx).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(turn);
    }
    // Another process goes on.
    let app = App { db: Db::open(source(world), &world.app.nodes).await.expect("the database"), ..node(&world.app, 2) };
    inbox::catch_up(&app).await.expect("people are told");
    told(world, 700, 2).await;
    app.db.close().await;
}

fn source(world: &World) -> services::db::Source {
    match &world.app.config.database_url {
        Some(url) => services::db::Source::Postgres(url.clone()),
        None => services::db::Source::Sqlite(world.folder().join("ciam.sqlite")),
    }
}

/// Tells everybody turn after turn, at most 250 people in each; those that told `many` at least cost the same wherever they are. How
/// many turns it took.
pub(super) async fn told_in_turns(world: &World, many: i64) -> usize {
    let app = world.app.counted();
    let (mut turns, mut before, mut costs) = (0, world.count("select count(*) from notifications").await, BTreeSet::new());
    let mut statements = app.db.statements();
    while inbox::turn(&app).await.expect("a turn") {
        let now = world.count("select count(*) from notifications").await;
        assert!(now - before <= 250, "{} people in one turn", now - before);
        if now - before >= many {
            costs.insert(app.db.statements() - statements);
        }
        (turns, before, statements) = (turns + 1, now, app.db.statements());
    }
    assert_eq!(costs.len(), 1, "a turn costs the same wherever it is: {costs:?}");
    turns
}

/// As many followers as `TEST_FOLLOWERS` says, 2,000 unless it does.
pub(super) async fn a_deep_inbox_is_told_in_bounded_turns(world: &World) {
    let many = setting("TEST_FOLLOWERS").map_or(2_000, |many| many.parse().expect("TEST_FOLLOWERS is a number"));
    let (ada, forum) = scene(world, many).await;
    world.deliver().await;
    ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    world.events().await;
    let turns = told_in_turns(world, 250).await;
    told(world, i64::try_from(many).expect("a number"), 1).await;
    assert!(turns >= many / 250, "{turns} turns");
}

/// 700 people, each of whom opened two threads about the training and follows a third one, which they all do.
pub(super) async fn a_training_of_many_threads_is_told_in_turns_that_cost_the_same(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "UN", json!({ "opening": "TOUS_PUBLICS" })).await;
    let (ada, forum) = scene(world, 700).await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let link = json!({ "threadId": thread, "targetId": training });
    ada.mutate("linkThread", link, "").await.done("linkThread");
    let id = match world.database {
        Database::Sqlite => "randomblob(16)",
        Database::Postgres => "gen_random_uuid()",
    };
    let (thread, linked) = (world.uuid(uuid_of(&thread)), world.uuid(uuid_of(&training)));
    let columns = "forum_id, kind, created_at, last_activity_at, post_count, next_ordinal";
    let opened = format!(
        "insert into threads (id, title, author_id, {columns}) select {id}, 'Copie', m.id, model.*
         from members m cross join (select {columns} from threads where id = {thread}) as model where m.handle like 'suiveur%'"
    );
    let links = format!(
        "insert into thread_links (thread_id, target_id, training_id, origin, linked_at)
         select id, {linked}, {linked}, 'CHOIX', created_at from threads where title = 'Copie'"
    );
    let follows = format!(
        "insert into follows (member_id, target_id, thread_id, level, followed_at)
         select id, {thread}, {thread}, 'TOUT', created_at from members where handle like 'suiveur%'"
    );
    for (sql, rows) in [(&opened, 700), (&opened, 700), (&links, 1_400), (&follows, 700)] {
        assert_eq!(world.execute(sql).await, rows);
    }
    world.deliver().await;
    world.change("delete from notifications").await;
    through(&maker, &training, &["ARCHIVEE"]).await;
    world.events().await;
    told_in_turns(world, 1).await;
    // Everybody who opened or follows one of them, and her who linked hers: once each.
    told(world, 701, 1).await;
}

pub(super) async fn an_earlier_database_tells_nobody_of_the_past(world: &World) {
    assert_eq!(world.count("select seq from event_readers").await, 0, "a new one tells from the beginning");
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    ben.answer(&root, "Avant").await;
    let last = world.events().await.len();
    // As the migration finds a database that has a past.
    let migration = include_str!("../../../migrations/0013_notifications.sql");
    let begins = migration.rsplit_once("insert into event_readers").expect("the last statement").1;
    world.change("delete from event_readers").await;
    world.change(&format!("insert into event_readers{begins}")).await;
    world.deliver().await;
    assert_eq!(world.count("select count(*) from notifications").await, 0);
    assert_eq!(world.count("select seq from event_readers").await, i64::try_from(last).expect("a number"));
    ben.answer(&root, "Après").await;
    assert_eq!(super::reasons(world, &ada).await, ["REPONSE"]);
}

pub(super) async fn a_post_costs_the_same_whoever_follows(world: &World) {
    let ada = world.member("ada").await;
    let who = Some(MemberId(uuid_of(&ada.id().await)));
    let (alone, followed) = (world.forum("plateforme", "questions").await, world.forum("accompagnement", "conception").await);
    let mutation =
        "mutation($p: ID!) { answerPost(input: { postId: $p, body: \"Réponse\" }) { post { id } problems { message } } }";
    let (_, root) = ada.open_thread(&alone, "QUESTION", "Une question", "Texte").await;
    let (thread, within) = ada.open_thread(&followed, "QUESTION", "Une question suivie", "Texte").await;
    followers(world, &followed, 500).await;
    let ben = world.member("ben").await;
    follow(&ben, &thread, Some("TOUT")).await;
    let costs =
        [cost(world, who, mutation, json!({ "p": root })).await.0, cost(world, who, mutation, json!({ "p": within })).await.0];
    assert_eq!(costs[0], costs[1]);
    world.deliver().await;
    // The thread and the answer: one entry each.
    assert_eq!(world.count("select count(*) from notifications").await, 501);
}
