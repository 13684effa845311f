//! The index on a Meilisearch that several processes share.

use harness::{Database, Meilisearch, Settings, World};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use services::search::{self, Checked, Search};
use services::{App, config};
use tokio::sync::{Notify, watch};

use super::{ids, row, search as asked, threads, threads_only};
use crate::binary::until;
use crate::steps::{nodes, read};

pub(super) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for database in [Database::Sqlite, Database::Postgres] {
        let told = |name: &str, run: fn(Database)| {
            harness::trial(format!("search::{name} [{database}]"), database.missing(), move || run(database))
        };
        trials.push(told("a_server_finds_what_is_written", |database| harness::tell(found(database))));
        trials.push(told("while_the_server_is_away_writes_go_on", |database| harness::tell(away(database))));
        trials.push(told("nodes_share_a_server", |database| harness::tell(shared(database))));
    }
    trials
}

async fn world(database: Database, server: &Meilisearch) -> World {
    let settings = Settings { search_server: Some(server.setting("ciam_essai")), ..Settings::default() };
    World::with(database, settings).await
}

async fn found(database: Database) {
    let server = Meilisearch::start().await;
    let world = world(database, &server).await;
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    world.index().await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Zirconium", "Texte").await;
    let answer = ada.answer(&root, "Du hafnium plutôt").await;
    world.index().await;
    assert_eq!(threads(&ada, "zirconium hafnium").await, [thread.as_str()]);
    let page = asked(&ada, "hafnium", threads_only()).await;
    let hit = nodes(&page)[0].clone();
    assert_eq!((&hit["post"]["id"], &hit["place"]), (&json!(answer), &json!(2)));
    assert_eq!(hit["excerpt"]["html"], "Du <mark>hafnium</mark> plutôt");
    let facets = page["facets"].as_array().expect("facets");
    let forums = facets.iter().find(|facet| facet["facet"] == "FORUM").expect("one");
    assert_eq!(forums["values"], json!([{ "value": forum, "count": 1, "node": { "id": forum } }]));
    let suggested = read(&ada, "{ suggest(prefix: \"zirc\") { hits { node { id } } } }", json!({})).await;
    assert_eq!(suggested["suggest"]["hits"][0]["node"]["id"], json!(thread));
    ada.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
    world.index().await;
    assert_eq!(threads(&ada, "hafnium").await, Vec::<String>::new());
    // Synonyms are the server's too, and an index that is removed there is made anew.
    let group = json!({ "expressions": ["or des fous", "pyrite"] });
    let made = world.administrator().mutate("createSynonyms", group, "group { id }").await.done("createSynonyms");
    world.index().await;
    assert_eq!(server.set("ciam_essai", "synonyms")["pyrite"], json!(["or des fous"]));
    let before = ids(&asked(&ada, "", json!({ "first": 100 })).await);
    server.remove("ciam_essai");
    assert_eq!(ada.run("{ search(query: \"zirconium\") { totalCount } }", json!({})).await.code(), "UNAVAILABLE");
    world.index().await;
    assert_eq!(ids(&asked(&ada, "", json!({ "first": 100 })).await), before);
    assert_eq!(server.set("ciam_essai", "synonyms")["pyrite"], json!(["or des fous"]), "with the synonyms of today");
    let removal = json!({ "groupId": made["group"]["id"] });
    world.administrator().mutate("removeSynonyms", removal, "").await.done("removeSynonyms");
    world.index().await;
    assert_eq!(server.set("ciam_essai", "synonyms")["pyrite"], Value::Null);
    // One made anew that is left half-way harms nothing, and what is left of it goes with the next.
    let half_way = Notify::new();
    tokio::select! {
        _ = search::rebuild(&world.app, |progress| if progress.done > 0 { half_way.notify_one() }) => panic!("it was not left"),
        () = half_way.notified() => {}
    }
    assert_eq!(server.indexes(), ["ciam_essai", "ciam_essai_next"]);
    assert_eq!(ids(&asked(&ada, "", json!({ "first": 100 })).await), before);
    search::rebuild(&world.app, |_| ()).await.expect("made anew");
    assert_eq!(ids(&asked(&ada, "", json!({ "first": 100 })).await), before);
    assert_eq!(server.indexes(), ["ciam_essai"], "nothing is left beside it");
    world.finish().await;
}

/// Whoever keeps the index, until it is stopped.
struct Keeper {
    stop: watch::Sender<bool>,
    keeping: tokio::task::JoinHandle<()>,
}

impl Keeper {
    fn of(app: &App) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, keeping: tokio::spawn(search::keep(app.clone(), stopped)) }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.keeping.await.expect("it ends");
    }
}

async fn away(database: Database) {
    let server = Meilisearch::start().await;
    // It was never there: neither the start nor a write needs it.
    server.be_away(true);
    let world = world(database, &server).await;
    let keeper = Keeper::of(&world.app);
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    let health = async || {
        let (status, health) = world.anonymous().take("/health/ready").await;
        (status, serde_json::from_slice::<Value>(&health).expect("JSON"))
    };
    for turn in 1..3 {
        ada.open_thread(&forum, "QUESTION", &format!("Zirconium {turn}"), "Texte").await;
        until("health says so", async || {
            let (status, health) = health().await;
            status == 200 && health["status"] == "degraded" && health["search"] == "unavailable"
        })
        .await;
        for question in ["search(query: \"zirconium\") { totalCount }", "suggest(prefix: \"zirc\") { tags }"] {
            assert_eq!(ada.run(&format!("{{ {question} }}"), json!({})).await.code(), "UNAVAILABLE");
        }
        // It is back: what came meanwhile is found, and health is well.
        server.be_away(false);
        until("the backlog is found", async || {
            let reply = ada.run("{ search(query: \"zirconium\", afterWrite: true) { totalCount } }", json!({})).await;
            reply.data["search"]["totalCount"] == turn
        })
        .await;
        until("health is well", async || health().await.1["status"] == "ok").await;
        server.be_away(true);
    }
    keeper.stop().await;
    world.finish().await;
}

/// Two processes keep one index while members write, and one makes it anew again and again: it ends as the database is.
async fn shared(database: Database) {
    let server = Meilisearch::start().await;
    let world = world(database, &server).await;
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    let config = config::Config::clone(&world.app.config);
    let other = App { search: Search::open(&config).await.expect("opened"), ..world.app.clone() };
    let keepers = [Keeper::of(&world.app), Keeper::of(&other)];
    let mut posts = Vec::new();
    for round in 0..6 {
        let (thread, root) = ada.open_thread(&forum, "QUESTION", &format!("Fil {round}"), "Texte").await;
        let texts: Vec<String> = (0..8).map(|n| format!("Réponse {n}")).collect();
        let answers = futures_util::future::join_all(texts.iter().map(|text| ada.answer(&root, text))).await;
        if round % 2 == 0 {
            // Refused while another process does it already.
            drop(search::rebuild(&other, |_| ()).await);
        }
        ada.mutate("editPost", json!({ "postId": answers[0], "body": "Changée" }), "").await.done("editPost");
        ada.mutate("deletePost", json!({ "postId": answers[1] }), "").await.done("deletePost");
        ada.mutate("editThread", json!({ "threadId": thread, "title": format!("Autre fil {round}") }), "")
            .await
            .done("editThread");
        posts.extend(answers);
    }
    until("all is read", async || {
        ada.run("{ search(query: \"fil\", afterWrite: true) { totalCount } }", json!({})).await.errors.is_empty()
    })
    .await;
    let checked = search::check(&world.app, false, |_| ()).await.expect("compared");
    assert_eq!(checked.wrong(), 0, "{checked:?}");
    assert!(checked.entries >= 6 * 8, "{checked:?}");
    for keeper in keepers {
        keeper.stop().await;
    }
    // What is wrong is found and mended here too.
    world.change(&format!("update posts set body = 'En douce' where id = {}", row(&world, &posts[2]))).await;
    let wrong = search::check(&world.app, true, |_| ()).await.expect("mended");
    assert_eq!((wrong.missing, wrong.stale, wrong.orphaned), (0, 1, 0));
    let again = search::check(&world.app, false, |_| ()).await.expect("compared");
    assert_eq!(again, Checked { entries: wrong.entries, ..Checked::default() });
    world.finish().await;
}
