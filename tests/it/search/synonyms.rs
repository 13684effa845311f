//! Synonyms: an administrator edits them, and every process finds by them.

use harness::{Client, World};
use serde_json::{Value, json};
use services::search::{self, Search};

use super::threads;
use crate::steps::{read, text};

async fn groups(who: &Client) -> Vec<Vec<String>> {
    let data = read(who, "{ synonyms { expressions } }", json!({})).await;
    let of = |group: &Value| group["expressions"].as_array().expect("a list").iter().map(text).collect();
    data["synonyms"].as_array().expect("groups").iter().map(of).collect()
}

async fn create(who: &Client, expressions: Value) -> harness::Reply {
    who.mutate("createSynonyms", json!({ "expressions": expressions }), "group { id expressions createdAt updatedAt }").await
}

pub(super) async fn administrators_edit_synonyms(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let (admin, ada) = (world.administrator(), world.member("ada").await);
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "La trottinette de service", "Où la garer ?").await;
    world.index().await;
    // Those that the product brings.
    let mut brought: Vec<Vec<String>> =
        serde_json::from_str(include_str!("../../../search-index/settings/synonyms.json")).expect("a list of lists");
    brought.sort_by_key(|group| services::text::slug(&group[0]));
    assert_eq!(groups(admin).await, brought);
    assert_eq!(threads(&ada, "patinette").await, Vec::<String>::new());
    let made = create(admin, json!(["  Patinette ", "trottinette"])).await.done("createSynonyms");
    let id = text(&made["group"]["id"]);
    assert_eq!(made["group"]["expressions"], json!(["Patinette", "trottinette"]));
    world.index().await;
    assert_eq!(threads(&ada, "patinette").await, [thread.as_str()]);
    // Another process that has its own index, and one that starts now.
    let folder = tempfile::tempdir().expect("a folder");
    let config = services::config::Config { data_dir: folder.path().to_owned(), ..(*world.app.config).clone() };
    let other = services::App { search: Search::open(&config).await.expect("opened"), ..world.app.clone() };
    search::catch_up(&other).await.expect("caught up");
    let page = |other: services::App| async move {
        let sight = search::Sight { audiences: search::Held::All, ..Default::default() };
        other.search.search(&search::Query::new(sight, "patinette")).await.expect("a page").total
    };
    assert_eq!(page(other.clone()).await, 1);
    let change = json!({ "groupId": id, "expressions": ["planche", "trottinette"] });
    let changed = admin.mutate("updateSynonyms", change.clone(), "group { id expressions }").await.done("updateSynonyms");
    assert_eq!(changed["group"], json!({ "id": id, "expressions": ["planche", "trottinette"] }));
    search::turn(&other).await.expect("a turn");
    assert_eq!(page(other).await, 0);
    world.index().await;
    assert_eq!((threads(&ada, "patinette").await, threads(&ada, "planche").await), (vec![], vec![thread.clone()]));
    // Told once, and not when nothing changes.
    admin.mutate("updateSynonyms", change, "").await.done("updateSynonyms");
    assert_eq!(world.count("select count(*) from events where kind = 'SynonymsChanged'").await, 2);
    let node = read(admin, "query($i: ID!) { node(id: $i) { ... on SynonymGroup { expressions } } }", json!({ "i": id })).await;
    assert_eq!(node["node"]["expressions"][0], "planche");
    let removal = json!({ "groupId": id, "idempotencyKey": "retrait" });
    for _ in 0..2 {
        let removed = admin.mutate("removeSynonyms", removal.clone(), "removedGroupId").await.done("removeSynonyms");
        assert_eq!(removed["removedGroupId"], json!(id));
    }
    let again = admin.mutate("removeSynonyms", json!({ "groupId": id }), "").await;
    assert_eq!(again.code(), "NOT_FOUND");
    world.index().await;
    assert_eq!(threads(&ada, "planche").await, Vec::<String>::new());
    assert_eq!(groups(admin).await, brought);
}

pub(super) async fn what_is_no_synonym_is_refused(world: &World) {
    let (admin, ada) = (world.administrator(), world.member("ada").await);
    let refused = async |expressions: Value| create(admin, expressions).await.problems("createSynonyms")[0].clone();
    let problem = |code: &str| format!("expressions: {code}");
    let many: Vec<String> = (0..11).map(|n| format!("mot {n}")).collect();
    for (expressions, code) in [
        (json!(["seul"]), "TROP_COURT"),
        (json!([]), "TROP_COURT"),
        (json!(many), "TROP_LONG"),
        (json!(["un", ""]), "OBLIGATOIRE"),
        (json!(["un", "mot ".repeat(26)]), "TROP_LONG"),
        (json!(["un", "a b c d e f g h i j k"]), "MALFORME"),
        (json!(["un", "?!"]), "MALFORME"),
        (json!(["Élève", "eleve"]), "DEJA_PRIS"),
        (json!(["un", "deux\u{0}"]), "MALFORME"),
        (json!(["un", "deux\ntrois\u{200b}"]), "MALFORME"),
    ] {
        assert_eq!(refused(expressions.clone()).await, problem(code), "{expressions}");
    }
    assert_eq!(create(&ada, json!(["un", "deux"])).await.code(), "FORBIDDEN");
    assert_eq!(ada.run("{ synonyms { id } }", json!({})).await.code(), "FORBIDDEN");
    assert_eq!(world.anonymous().run("{ synonyms { id } }", json!({})).await.code(), "UNAUTHENTICATED");
    let before = world.count("select count(*) from synonym_groups").await;
    // As many as there may be: the next one is refused, whoever comes at once.
    let room = 3;
    let left: Vec<i64> = (before..i64::try_from(search::MOST_SYNONYMS).expect("a number") - room).collect();
    for some in left.chunks(50) {
        let making = some.iter().map(|n| create(admin, json!([format!("un {n}"), format!("deux {n}")])));
        futures_util::future::join_all(making).await.iter().for_each(|reply| _ = reply.done("createSynonyms"));
    }
    let at_once = futures_util::future::join_all((0..6).map(|n| create(admin, json!([format!("trois {n}"), "quatre"])))).await;
    let made = at_once.iter().filter(|reply| reply.data["createSynonyms"]["group"].is_object()).count();
    assert_eq!(i64::try_from(made), Ok(room));
    assert_eq!(refused(json!(["un", "deux"])).await, problem("COMPLET"));
    world.index().await;
}
