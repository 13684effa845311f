//! What is sent to a Meilisearch server, how its replies are understood, and what becomes of its failures.

use std::sync::LazyLock;

use libtest_mimic::Trial;
use search_index::{Change, Error, Facet, Filters, Held, Kind, Query, Sight, Stored, Synonyms};
use serde_json::{Value, json};

use crate::corpus::{entry, puts};
use crate::replay::{self, Replay, Step, step};
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("server::an_index_is_made_and_set_when_it_is_first_needed", made),
        story("server::an_index_that_is_set_is_left_alone", left_alone),
        story("server::an_index_of_another_edition_is_told", editions),
        story("server::an_index_that_another_node_made_meanwhile_is_fine", made_meanwhile),
        story("server::a_question_is_one_request_with_its_counts", asked),
        story("server::an_administrator_names_no_audience", administrator),
        story("server::changes_are_tasks_and_the_position_comes_last", applied),
        story("server::changes_after_another_position_are_not_sent", elsewhere),
        story("server::a_rebuild_swaps_and_removes", rebuilt),
        story("server::synonyms_are_set_alone", synonyms),
        story("server::entries_are_listed_page_by_page", listed),
        story("server::failures_are_told_apart", failures),
        story("server::a_task_that_fails_or_waits_too_long_is_an_error", tasks),
        story("server::an_index_that_is_gone_is_made_again", gone),
    ]
}

/// What our client sets, told by itself: a server that tells the same is left alone.
static SETTINGS: LazyLock<Value> = LazyLock::new(|| {
    let learn = async {
        let replay = Replay::start(making()).await;
        replay.index().position().await.unwrap();
        replay.done()[4].body.clone()
    };
    std::thread::spawn(|| crate::run(learn)).join().unwrap()
});

fn making() -> Vec<Step> {
    vec![
        step("70-error-search-unknown-index").to("GET", "/indexes/contents"),
        step("01-create-index"),
        step("02-create-index-task"),
        step("11-get-settings"),
        step("09-update-settings"),
        step("10-update-settings-task"),
        no_position(),
    ]
}

fn set() -> Step {
    step("11-get-settings").about(|body| {
        for (key, value) in SETTINGS.as_object().unwrap() {
            body[key] = value.clone();
        }
        // Servers sort what has no order of its own.
        let mut words = body["stopWords"].as_array().unwrap().clone();
        words.reverse();
        body["stopWords"] = json!(words);
    })
}

/// A server whose index is there and set.
fn ready(steps: Vec<Step>) -> Vec<Step> {
    let mut all = vec![step("07-get-index"), set()];
    all.extend(steps);
    all
}

fn position(to: u64) -> Step {
    step("22-get-document")
        .to("GET", "/indexes/contents/documents/_position")
        .about(|body| *body = json!({ "key": "_position", "position": to, "edition": 3 }))
}

fn no_position() -> Step {
    step("23-get-document-unknown").to("GET", "/indexes/contents/documents/_position")
}

async fn made() {
    let replay = Replay::start(making()).await;
    let index = replay.index();
    assert_eq!(index.position().await, Ok(None));
    let came = replay.done();
    assert_eq!(came[1].body, json!({ "uid": "contents", "primaryKey": "key" }));
    let sent = &came[4].body;
    assert_eq!(sent["distinctAttribute"], "group");
    assert_eq!(sent["typoTolerance"]["minWordSizeForTypos"], json!({ "oneTypo": 5, "twoTypos": 9 }));
    assert!(sent["stopWords"].as_array().unwrap().contains(&json!("les")));
    assert_eq!(sent["synonyms"]["dgafp"], json!(["direction generale de l administration et de la fonction publique"]));
    assert!(came.iter().all(|request| request.authorization == "Bearer <key>"));
    replay.then(vec![no_position()]);
    assert_eq!(index.needs_rebuild().await, Ok(true), "and asked no more");
    replay.done();
}

/// Nodes of two versions share it for a while: the earlier one leaves it to the later.
async fn editions() {
    let of = |edition: u64| position(5).about(|body| body["edition"] = json!(edition));
    for (edition, outdated, newer) in [(2, true, false), (3, false, false), (4, false, true)] {
        let replay = Replay::start(ready(vec![of(edition), of(edition)])).await;
        let index = replay.index();
        assert_eq!((index.needs_rebuild().await, index.is_newer().await), (Ok(outdated), Ok(newer)), "{edition}");
        replay.done();
    }
}

async fn left_alone() {
    let replay = Replay::start(ready(vec![position(5)])).await;
    assert_eq!(replay.index().position().await, Ok(Some(5)));
    replay.done();
}

async fn made_meanwhile() {
    let replay = Replay::start(vec![
        step("70-error-search-unknown-index").to("GET", "/indexes/contents"),
        step("05-create-existing-index"),
        step("06-create-existing-index-task"),
        set(),
        position(5),
    ])
    .await;
    assert_eq!(replay.index().position().await, Ok(Some(5)));
    replay.done();
}

fn hit(key: &str, title: &str, body: &str) -> Value {
    let mut hit = serde_json::to_value(entry(key, title, body)).unwrap();
    hit["exact"] = json!([]);
    hit["year"] = json!("2025");
    hit["weight"] = json!(0);
    hit
}

fn answers(results: Value) -> Step {
    step("60-multi-search").about(|body| body["results"] = results)
}

fn counts(total: u64, facets: Value) -> Value {
    json!({ "indexUid": "contents", "hits": [], "query": "", "processingTimeMs": 1, "hitsPerPage": 0, "page": 1, "totalPages": 0,
        "totalHits": total, "facetDistribution": facets, "facetStats": {} })
}

async fn asked() {
    let found = json!([
        { "indexUid": "contents", "hits": [hit("doc_1", "Mode d’emploi des gabarits", "Un gabarit H5P"), hit("doc_2", "Gabarit", "")],
          "query": "", "processingTimeMs": 1, "limit": 2, "offset": 0, "estimatedTotalHits": 9 },
        counts(7, json!({ "year": { "2025": 4, "2024": 3 } })),
        counts(8, json!({ "kind": { "DOCUMENT": 7, "THREAD": 1 } })),
    ]);
    let replay = Replay::start(vec![answers(found)]).await;
    let query = Query {
        filters: Filters { kinds: vec![Kind::Document], from: Some(10), ..Filters::default() },
        facets: vec![Facet::Kind, Facet::Year, Facet::Forum],
        first: 2,
        ..Query::new(Sight::holding(["aud_1", "x\" OR kind EXISTS"]), "gabarits \"H5P\" -\"or 1=1\" AND")
    };
    let page = replay.index().search(&query).await.unwrap();
    let searches = replay.done()[0].body["queries"].as_array().unwrap().clone();
    assert_eq!(searches.len(), 3);
    let filter = "kind EXISTS AND audience IN [\"aud_1\"] AND hidden = false AND kind IN [\"DOCUMENT\"] AND date >= 10";
    assert_eq!(
        searches[0],
        json!({ "indexUid": "contents", "q": "-\"or 1 1\" gabarits \"h5p\" and", "filter": filter, "offset": 0, "limit": 2,
            "matchingStrategy": "all" })
    );
    assert_eq!(searches[1]["facets"], json!(["year", "forum"]));
    assert_eq!(
        (&searches[1]["filter"], &searches[1]["hitsPerPage"], &searches[1]["page"]),
        (&json!(filter), &json!(0), &json!(1))
    );
    assert_eq!(searches[2]["facets"], json!(["kind"]));
    assert_eq!(searches[2]["filter"], "kind EXISTS AND audience IN [\"aud_1\"] AND hidden = false AND date >= 10");

    assert_eq!(page.total, 7);
    assert!(page.more);
    assert_eq!(page.hits[0].title.markup(), "Mode d’emploi des <mark>gabarits</mark>");
    assert_eq!(page.hits[0].excerpt.markup(), "Un <mark>gabarit</mark> <mark>H5P</mark>");
    let told: Vec<Vec<(String, u64)>> = page.facets.into_iter().map(|counts| counts.values).collect();
    let told: Value = json!(told);
    assert_eq!(told, json!([[["DOCUMENT", 7], ["THREAD", 1]], [["2025", 4], ["2024", 3]], []]));
}

async fn administrator() {
    let found = json!([{ "indexUid": "contents", "hits": [], "query": "", "processingTimeMs": 1, "limit": 20, "offset": 0,
        "estimatedTotalHits": 0 }, counts(0, json!({}))]);
    let replay = Replay::start(vec![answers(found)]).await;
    let query = Query::new(Sight { audiences: Held::All, hidden_in: Held::only(["spa_1"]) }, "");
    replay.index().search(&query).await.unwrap();
    let searches = replay.done()[0].body["queries"].clone();
    assert_eq!(searches[0]["filter"], "kind EXISTS AND (hidden = false OR space IN [\"spa_1\"])");
    assert_eq!(searches[0]["sort"], json!(["date:desc"]));
    let nobody = replay.index().search(&Query::new(Sight::default(), "gabarit")).await.unwrap();
    assert_eq!(nobody.total, 0, "and nothing is asked for nobody");
    replay.done();
}

async fn applied() {
    let replay = Replay::start(ready(vec![
        position(5),
        step("30-delete-documents-batch"),
        step("31-delete-documents-batch-task"),
        step("14-add-documents"),
        step("15-add-documents-task"),
        step("14-add-documents"),
        step("15-add-documents-task"),
    ]))
    .await;
    let mut changes = puts(vec![entry("doc_1", "ancien", ""), entry("doc_gone", "", "")]);
    changes.push(Change::Delete("doc_gone".to_owned()));
    changes.push(Change::Delete("doc_2".to_owned()));
    changes.extend(puts(vec![entry("doc_1", "Règlement AAP 24-25", "")]));
    assert_eq!(replay.index().apply(changes, Some(5), 9).await, Ok(true));
    let came = replay.done();
    assert_eq!(came[3].body, json!(["doc_2", "doc_gone"]));
    let sent = came[5].body.as_array().unwrap();
    assert_eq!(sent.len(), 1, "what was put and deleted is not sent");
    assert_eq!(sent[0]["title"], "Règlement AAP 24-25");
    assert_eq!(sent[0]["exact"], json!(["aap", "AAP"]));
    assert_eq!((&sent[0]["year"], &sent[0]["weight"], &sent[0]["hidden"]), (&json!("2025"), &json!(0), &json!(false)));
    let last = &came[7].body[0];
    assert_eq!((&last["key"], &last["position"], &last["kind"]), (&json!("_position"), &json!(9), &Value::Null));
}

async fn elsewhere() {
    let replay = Replay::start(ready(vec![position(6)])).await;
    assert_eq!(replay.index().apply(puts(vec![entry("doc_1", "", "")]), Some(5), 9).await, Ok(false));
    replay.done();
}

async fn rebuilt() {
    let added = || step("14-add-documents").to("POST", "/indexes/contents_next/documents?primaryKey=key");
    let replay = Replay::start(ready(vec![
        step("98-delete-index").to("DELETE", "/indexes/contents_next"),
        step("99-delete-index-task"),
        step("70-error-search-unknown-index").to("GET", "/indexes/contents_next"),
        step("01-create-index"),
        step("02-create-index-task"),
        step("11-get-settings").to("GET", "/indexes/contents_next/settings"),
        step("09-update-settings").to("PATCH", "/indexes/contents_next/settings"),
        step("10-update-settings-task"),
        added(),
        step("15-add-documents-task"),
        step("07-get-index").to("GET", "/indexes/contents_next"),
        set().to("GET", "/indexes/contents_next/settings"),
        added(),
        step("15-add-documents-task"),
        step("81-swap-indexes"),
        step("82-swap-indexes-task"),
        step("98-delete-index").to("DELETE", "/indexes/contents_next"),
        step("99-delete-index-task"),
    ]))
    .await;
    let index = replay.index();
    let rebuild = index.rebuild().await.unwrap().put(vec![entry("doc_1", "Gabarit", "")]).await.unwrap();
    rebuild.finish(4).await.unwrap();
    let came = replay.done();
    assert_eq!(came[5].body["uid"], "contents_next");
    assert_eq!(came[14].body[0]["position"], 4, "the position goes where the entries went");
    assert_eq!(came[16].body[0]["indexes"], json!(["contents", "contents_next"]));
}

async fn synonyms() {
    let replay = Replay::start(ready(vec![step("09-update-settings"), step("10-update-settings-task")])).await;
    let two = Synonyms::new(vec![vec!["Vélo".to_owned(), "bicyclette".to_owned()]]).unwrap();
    replay.index().set_synonyms(&two).await.unwrap();
    assert_eq!(replay.done()[2].body, json!({ "synonyms": { "velo": ["bicyclette"], "bicyclette": ["velo"] } }));
}

async fn listed() {
    let page = |keys: Vec<&str>| {
        let results: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "group": key, "version": 3 })).collect();
        step("25-fetch-documents-by-filter").about(|body| body["results"] = json!(results))
    };
    let replay = Replay::start(ready(vec![page(vec!["doc_1", "doc_2"]), page(vec!["doc_3"])])).await;
    let index = replay.index();
    let first = index.stored(None, 2).await.unwrap();
    assert_eq!(first.entries[1], Stored { key: "doc_2".to_owned(), group: "doc_2".to_owned(), version: 3 });
    let second = index.stored(first.next.as_deref(), 2).await.unwrap();
    assert_eq!(second.next, None);
    let came = replay.done();
    assert_eq!(came[3].body, json!({ "fields": ["key", "group", "version"], "filter": "kind EXISTS", "offset": 2, "limit": 2 }));
}

async fn failures() {
    let search = || step("60-multi-search");
    for (name, failure, passes) in [
        ("refused key", step("72-error-wrong-key").to("POST", "/multi-search"), true),
        ("no key", step("71-error-missing-authorization").to("POST", "/multi-search"), true),
        ("missing index", step("63-multi-search-unknown-index"), true),
        ("a filter that is none", step("67-error-filter-syntax").to("POST", "/multi-search"), false),
        ("bad gateway", search().bad_gateway(), true),
        ("no answer in time", search().silent(), true),
        ("what is no reply of Meilisearch", search().about(|body| *body = json!("hello")), true),
        ("fewer answers than questions", answers(json!([])), true),
    ] {
        let replay = Replay::start(vec![failure]).await;
        let error = replay.index().search(&Query::new(Sight::holding(["aud_1"]), "gabarit")).await.unwrap_err();
        assert_eq!(matches!(error, Error::Unavailable(_)), passes, "{name}: {error}");
        assert!(!error.to_string().contains("<key>"), "{name}: {error}");
        replay.done();
    }
    let error = replay::index("http://127.0.0.1:9").position().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
}

async fn tasks() {
    let add = || step("14-add-documents");
    let path = step_path("15-add-documents-task");
    let waiting = || step("89-cancel-tasks-enqueued").to("GET", &path);
    for (name, task, passes) in [
        ("failed by a document", step("17-add-document-without-primary-key-task").to("GET", &path), false),
        ("cancelled", step("92-cancel-tasks-canceled").to("GET", &path), true),
        (
            "failed by the disk",
            step("17-add-document-without-primary-key-task").to("GET", &path).about(|body| {
                body["error"] = json!({ "message": "x", "code": "no_space_left_on_device", "type": "system", "link": "" })
            }),
            true,
        ),
    ] {
        let replay = Replay::start(ready(vec![position(5), add(), task])).await;
        let error = replay.index().apply(puts(vec![entry("doc_1", "", "")]), Some(5), 6).await.unwrap_err();
        assert_eq!(matches!(error, Error::Unavailable(_)), passes, "{name}: {error}");
        replay.done();
    }
    // Longer than half a second, which is our limit here: 10, 20, 40, 80, 160 and then 250 ms between.
    let mut steps = vec![position(5), add()];
    steps.extend((0..7).map(|_| waiting()));
    let replay = Replay::start(ready(steps)).await;
    let error = replay.index().apply(puts(vec![entry("doc_1", "", "")]), Some(5), 6).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable(told) if told.contains("in time")), "{error}");
    let replay = Replay::start(ready(vec![position(5), step("80-error-payload-too-large").to("POST", add_path())])).await;
    assert!(replay.index().apply(puts(vec![entry("doc_1", "", "")]), Some(5), 6).await.is_err());
    replay.done();
}

fn add_path() -> &'static str {
    "/indexes/contents/documents?primaryKey=key"
}

fn step_path(name: &str) -> String {
    let exchange: Value = crate::corpus::read(&format!("replies/{name}.json"));
    exchange["request"]["path"].as_str().unwrap().to_owned()
}

async fn gone() {
    let replay = Replay::start(ready(vec![position(5), step("63-multi-search-unknown-index")])).await;
    let index = replay.index();
    assert_eq!(index.position().await, Ok(Some(5)));
    let query = Query::new(Sight::holding(["aud_1"]), "gabarit");
    assert!(matches!(index.search(&query).await, Err(Error::Unavailable(_))));
    replay.done();
    replay.then(making());
    assert_eq!(index.needs_rebuild().await, Ok(true));
    replay.done();
}
