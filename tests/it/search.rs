//! Search: what is written is found, in French, by who may see it, and by nobody else.

mod checking;
mod server;
mod synonyms;

use std::time::Instant;

use harness::{Client, Database, Story, World, stories, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::binary::{PATIENCE, Place, Served, until};
use crate::catalogue::{manager, published};
use crate::cost::cost;
use checking::what_the_index_has_wrong_is_found_and_mended;
use synonyms::{administrators_edit_synonyms, what_is_no_synonym_is_refused};

use crate::steps::{colleague, moderator, new_forum, nodes, organisation, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        what_is_written_is_found_as_it_is_now,
        trainings_and_documents_are_found_with_threads,
        who_may_not_see_finds_no_trace,
        a_forum_that_others_see_from_now_on_is_found_at_once,
        filters_and_facets_tell_what_there_is,
        the_same_question_is_not_asked_twice,
        a_page_of_results_runs_as_many_statements_whatever_its_size,
        what_cannot_be_searched_is_refused_in_words,
        an_index_that_is_damaged_is_made_anew,
        administrators_edit_synonyms,
        what_is_no_synonym_is_refused,
        what_the_index_has_wrong_is_found_and_mended,
    ]
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = server::trials();
    trials.extend(checking::trials());
    for database in [Database::Sqlite, Database::Postgres] {
        trials.push(trial(format!("search::the_demo_is_found [{database}]"), database.missing(), move || {
            harness::tell(demo(database));
        }));
        trials.push(trial(
            format!("search::without_its_index_the_service_goes_on_and_says_so [{database}]"),
            database.missing(),
            move || {
                harness::tell(without(database));
            },
        ));
        trials.push(trial(format!("search::a_killed_reindex_harms_nothing [{database}]"), database.missing(), move || {
            harness::tell(killed(database));
        }));
    }
    trials
}

const FOUND: &str = "query($q: String!, $f: SearchFilter, $o: SearchOrder!, $first: Int, $after: String) {
    search(query: $q, filter: $f, orderBy: $o, first: $first, after: $after) { totalCount leftOut pageInfo { hasNextPage endCursor }
        facets { facet values { value count node { id } } }
        edges { cursor node { __typename
            ... on ThreadHit { thread { id } post { id } place title { html } excerpt { text html ranges { start length } } }
            ... on TrainingHit { training { id } title { html } excerpt { text } }
            ... on DocumentHit { document { id } title { html } excerpt { text } } } } } }";

async fn search(who: &Client, query: &str, more: Value) -> Value {
    let mut variables = json!({ "q": query, "o": "PERTINENCE" });
    variables.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    read(who, FOUND, variables).await["search"].clone()
}

/// The ids of what is found, in order.
async fn found(who: &Client, query: &str) -> Vec<String> {
    ids(&search(who, query, json!({})).await)
}

/// The same of threads: the library has entries from the first day.
async fn threads(who: &Client, query: &str) -> Vec<String> {
    ids(&search(who, query, threads_only()).await)
}

/// An id of the API as this database writes it in SQL.
fn row(world: &World, id: &str) -> String {
    let (_, digits) = id.split_once('_').expect("a prefix");
    world.uuid(digits.parse().expect("a UUID"))
}

fn threads_only() -> Value {
    json!({ "f": { "kinds": ["FIL"] } })
}

fn ids(page: &Value) -> Vec<String> {
    let of = |hit: &Value| text(["thread", "training", "document"].iter().find_map(|kind| hit[*kind].get("id")).expect("an id"));
    nodes(page).iter().map(of).collect()
}

async fn what_is_written_is_found_as_it_is_now(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let (ada, ben, chief) = (world.member("ada").await, world.member("ben").await, moderator(world, "ici", None).await);
    // An index that was never filled does not say that there is nothing.
    assert_eq!(ada.run("{ search(query: \"gabarit\") { totalCount } }", json!({})).await.code(), "UNAVAILABLE");
    world.index().await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Un gabarit pour l'accueil", "Où le **trouver** ?").await;
    let (other, _) = ada.open_thread(&forum, "DISCUSSION", "Les vignettes", "Rien de tel ici").await;
    let answer = ben.answer(&root, "Dans la médiathèque, sous « Modèles réutilisables ».").await;
    world.index().await;
    // Accents, case, elisions, plurals, a typo, an unfinished word; of a thread the post that matches best.
    for query in
        ["GABARITS", "l’accueil gabarit", "gabarrit", "gab", "trouver", "mediatheque", "médiathèques", "modele reutilisable"]
    {
        assert_eq!(threads(&ben, query).await, [thread.as_str()], "{query}");
    }
    let page = search(&world.anonymous(), "mediatheque", threads_only()).await;
    let hit = nodes(&page)[0].clone();
    assert_eq!((&page["totalCount"], &hit["post"]["id"], &hit["place"]), (&json!(1), &json!(answer), &json!(2)));
    assert_eq!(hit["excerpt"]["html"], "Dans la <mark>médiathèque</mark>, sous « Modèles réutilisables ».");
    assert_eq!(hit["excerpt"]["ranges"], json!([{ "start": 8, "length": 11 }]));
    assert_eq!(
        nodes(&search(&ben, "gabarit", threads_only()).await)[0]["title"]["html"],
        "Un <mark>gabarit</mark> pour l&#39;accueil"
    );
    assert_eq!(threads(&ben, "-gabarit").await, Vec::<String>::new());
    assert_eq!(threads(&ben, "\"rien de tel\"").await, [other.as_str()]);
    // Edited, renamed, taken away, put back.
    ben.mutate("editPost", json!({ "postId": answer, "body": "Dans le <script>tiroir</script>." }), "").await.done("editPost");
    ada.mutate("editThread", json!({ "threadId": thread, "title": "Un modèle pour l'arrivée" }), "").await.done("editThread");
    world.index().await;
    assert_eq!((threads(&ben, "médiathèque").await, threads(&ben, "gabarit").await), (vec![], vec![]));
    assert_eq!(threads(&ben, "modèle tiroir").await, [thread.as_str()], "the title stands on each post");
    let hit = nodes(&search(&ben, "tiroir", threads_only()).await)[0].clone();
    assert_eq!(hit["excerpt"]["html"], "Dans le &lt;script&gt;<mark>tiroir</mark>&lt;/script&gt;.");
    let hide = |hidden: bool| json!({ "postId": answer, "hidden": hidden, "reason": "Parce que" });
    chief.mutate("hidePost", hide(true), "").await.done("hidePost");
    world.index().await;
    assert_eq!((threads(&ben, "tiroir").await, threads(&chief, "tiroir").await), (vec![], vec![thread.clone()]));
    chief.mutate("hidePost", hide(false), "").await.done("hidePost");
    chief.mutate("hideThread", json!({ "threadId": other, "hidden": true }), "").await.done("hideThread");
    world.index().await;
    assert_eq!((threads(&ben, "tiroir").await.len(), threads(&ben, "vignettes").await.len()), (1, 0));
    ben.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
    world.index().await;
    assert_eq!(threads(&chief, "tiroir").await, Vec::<String>::new());
    // Doing it again makes no difference, and there is nothing to do.
    assert_eq!(services::search::turn(&world.app).await.expect("a turn"), services::search::Turn::Idle);
    let before = search(&ben, "", json!({})).await;
    services::search::rebuild(&world.app, |_| ()).await.expect("made anew");
    assert_eq!(search(&ben, "", json!({})).await, before);
}

async fn trainings_and_documents_are_found_with_threads(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "responsable", &inside).await;
    let training =
        published(world, &maker, &inside, "H5P-01", json!({ "content": "Une activité H5P.", "opening": "TOUS_PUBLICS" })).await;
    let admin = world.administrator();
    let category = read(admin, "{ documentCategories { id } }", json!({})).await["documentCategories"][0]["id"].clone();
    let input = json!({ "categoryId": category, "title": "Guide H5P", "summary": "Pas à pas.", "tags": ["interactif"],
        "link": "https://exemple.fr/h5p", "audience": [{ "kind": "PUBLIC" }] });
    let made = admin.mutate("createDocument", input, "document { id }").await.done("createDocument");
    let document = text(&made["document"]["id"]);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = admin.open_thread(&forum, "QUESTION", "H5P ne se charge pas", "Que faire ?").await;
    world.index().await;
    let anyone = world.anonymous();
    // The library has entries of its own from the first day.
    let all = found(&anyone, "h5p").await;
    assert!([&training, &document, &thread].iter().all(|id| all.contains(id)), "{all:?}");
    assert_eq!(found(&anyone, "h5p-01").await[0], training, "by its short name, first");
    for (kind, id) in [("FIL", &thread), ("FORMATION", &training), ("DOCUMENT", &document)] {
        let only = json!({ "f": { "kinds": [kind] } });
        let found = ids(&search(&anyone, "h5p", only).await);
        assert_eq!(
            [&thread, &training, &document].map(|one| found.contains(one)),
            [&thread, &training, &document].map(|one| one == id)
        );
    }
    // An archived document and a training that is merged are found no more.
    admin.mutate("archiveDocument", json!({ "documentId": document, "archived": true }), "").await.done("archiveDocument");
    let other = published(world, &maker, &inside, "AUTRE", json!({ "opening": "TOUS_PUBLICS" })).await;
    maker.mutate("mergeTrainings", json!({ "fromId": training, "intoId": other }), "").await.done("mergeTrainings");
    world.index().await;
    let left = found(&anyone, "h5p").await;
    assert!(left.contains(&thread) && !left.contains(&document) && !left.contains(&training), "{left:?}");
    assert!(found(&anyone, "AUTRE").await.contains(&other));
}

async fn who_may_not_see_finds_no_trace(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let (colleague, stranger) = (colleague(world, "collegue", &inside).await, world.member("dehors").await);
    let maker = manager(world, "responsable", &inside).await;
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let forum = new_forum(world, "plateforme", "Entre nous", audience.clone()).await;
    let (thread, _) = colleague.open_thread(&forum, "QUESTION", "Zirconium et gabarit", "Le mot secret est zirconium.").await;
    let restricted = json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [inside] });
    let training = published(world, &maker, &inside, "ZIRCONIUM-1", restricted).await;
    let admin = world.administrator();
    let category = read(admin, "{ documentCategories { id } }", json!({})).await["documentCategories"][0]["id"].clone();
    let input = json!({ "categoryId": category, "title": "Note zirconium", "summary": "Zirconium.", "tags": ["zirconium"],
        "link": "https://exemple.fr/z", "audience": audience, "ownerOrganisationId": inside });
    admin.mutate("createDocument", input, "document { id }").await.done("createDocument");
    let open = world.forum("plateforme", "questions").await;
    let (seen, _) = stranger.open_thread(&open, "QUESTION", "Un gabarit ouvert", "Texte").await;
    world.index().await;
    assert_eq!(found(&colleague, "zirconium").await.len(), 3);
    for who in [&stranger, &world.anonymous()] {
        let page = search(who, "zirconium", json!({})).await;
        assert_eq!((&page["totalCount"], &page["edges"]), (&json!(0), &json!([])));
        assert!(page["facets"].as_array().expect("facets").iter().all(|facet| facet["values"] == json!([])), "{page}");
        // Nor is it counted beside what they see.
        let page = search(who, "gabarit", threads_only()).await;
        assert_eq!((ids(&page), &page["totalCount"]), (vec![seen.clone()], &json!(1)));
        let everything = search(who, "", json!({ "first": 100 })).await.to_string();
        assert!(!everything.contains(&thread) && !everything.contains(&training) && !everything.contains(&forum), "{everything}");
        let asked = "{ suggest(prefix: \"zirc\") { hits { node { id } } tags }
            similarThreads(title: \"Zirconium et gabarit\", body: \"Le mot secret est zirconium.\") { thread { id } } }";
        let data = read(who, asked, json!({})).await;
        assert_eq!(data["suggest"], json!({ "hits": [], "tags": [] }));
        assert!(!data["similarThreads"].to_string().contains(&thread), "{data}");
        let filtered = search(who, "", json!({ "f": { "forumIds": [forum] } })).await;
        assert_eq!(filtered["totalCount"], json!(0));
    }
    let data = read(&colleague, "{ suggest(prefix: \"zirc\") { hits { node { id } } tags } }", json!({})).await;
    assert_eq!((data["suggest"]["hits"].as_array().expect("hits").len(), &data["suggest"]["tags"]), (3, &json!(["zirconium"])));
}

async fn a_forum_that_others_see_from_now_on_is_found_at_once(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let (colleague, stranger) = (colleague(world, "collegue", &inside).await, world.member("dehors").await);
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let forum = new_forum(world, "plateforme", "Entre nous", audience.clone()).await;
    let (thread, _) = colleague.open_thread(&forum, "QUESTION", "Zirconium", "Texte").await;
    world.index().await;
    assert_eq!(found(&stranger, "zirconium").await, Vec::<String>::new());
    for (audience, sees) in [(json!([{ "kind": "MEMBRES" }]), true), (audience, false)] {
        let input = json!({ "forumId": forum, "audience": audience });
        world.administrator().mutate("updateForum", input, "").await.done("updateForum");
        // The index was told of nothing.
        assert_eq!(found(&stranger, "zirconium").await.contains(&thread), sees);
    }
}

async fn filters_and_facets_tell_what_there_is(world: &World) {
    let (questions, news) = (world.forum("plateforme", "questions").await, world.forum("plateforme", "actualites").await);
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let (solved, root) = ada.open_thread(&questions, "QUESTION", "Parcours un", "Texte").await;
    let answer = ben.answer(&root, "Voilà un parcours").await;
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    world.advance(chrono::TimeDelta::minutes(1));
    let (open, _) = ben.open_thread(&questions, "QUESTION", "Parcours deux", "Texte").await;
    let (told, _) = world.administrator().open_thread(&news, "ACTUALITE", "Parcours trois", "Texte").await;
    world.index().await;
    let with = async |filter: Value| {
        let mut found = ids(&search(&ben, "parcours", json!({ "f": filter })).await);
        found.sort();
        found
    };
    let sorted = |mut ids: Vec<&String>| {
        ids.sort();
        ids.into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(with(json!({ "solved": true })).await, sorted(vec![&solved]));
    assert_eq!(with(json!({ "solved": false })).await, sorted(vec![&open]));
    assert_eq!(with(json!({ "mine": true })).await, sorted(vec![&solved, &open]), "what he wrote in it too");
    let author = ada.id().await;
    assert_eq!(with(json!({ "authorId": author })).await, sorted(vec![&solved]));
    assert_eq!(with(json!({ "authorId": author, "mine": true })).await, Vec::<String>::new());
    assert_eq!(with(json!({ "forumIds": [news] })).await, sorted(vec![&told]));
    assert_eq!(with(json!({ "threadKinds": ["QUESTION"] })).await, sorted(vec![&solved, &open]));
    let moment = (world.app.clock.now() - chrono::TimeDelta::seconds(30)).to_rfc3339();
    assert_eq!(with(json!({ "until": moment })).await, sorted(vec![&solved]));
    assert_eq!(with(json!({ "since": moment, "forumIds": [] })).await, sorted(vec![&open, &told]));
    // Newest first, in pages.
    let mut pages = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = search(&ben, "parcours", json!({ "o": "DATE", "first": 1, "after": after })).await;
        pages.extend(ids(&page));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!((pages.len(), &pages[2]), (3, &solved));
    let page = search(&ben, "parcours", json!({ "f": { "forumIds": [news] } })).await;
    let facet =
        |name: &str| page["facets"].as_array().expect("facets").iter().find(|one| one["facet"] == name).expect("it").clone();
    // Of its own facet a filter leaves what another value would find.
    let forums = facet("FORUM")["values"].clone();
    assert_eq!(
        forums,
        json!([{ "value": questions, "count": 2, "node": { "id": questions } }, { "value": news, "count": 1, "node": { "id": news } }])
    );
    assert_eq!(facet("NATURE")["values"], json!([{ "value": "FIL", "count": 1, "node": null }]));
}

async fn the_same_question_is_not_asked_twice(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    let (asked, _) =
        ada.open_thread(&forum, "QUESTION", "Importer un parcours depuis Moodle", "La sauvegarde est refusée à l'import.").await;
    let (near, _) = ada.open_thread(&forum, "QUESTION", "Sauvegarde Moodle refusée", "Mon import de parcours échoue.").await;
    ada.open_thread(&forum, "QUESTION", "Changer la couleur du bandeau", "Comment faire ?").await;
    world.index().await;
    let query = "query($t: ID!) { thread(id: $t) { related { __typename ... on ThreadHit { thread { id } } } }
        similarThreads(title: \"Un import de parcours Moodle\", body: \"Ma sauvegarde est refusée\") { thread { id } } }";
    let data = read(&ada, query, json!({ "t": asked })).await;
    let similar: Vec<_> = data["similarThreads"].as_array().expect("hits").iter().map(|hit| text(&hit["thread"]["id"])).collect();
    assert!(similar.len() == 2 && similar.contains(&asked) && similar.contains(&near), "{similar:?}");
    assert_eq!(data["thread"]["related"], json!([{ "__typename": "ThreadHit", "thread": { "id": near } }]));
}

async fn a_page_of_results_runs_as_many_statements_whatever_its_size(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    for n in 0..12 {
        ada.open_thread(&forum, "QUESTION", &format!("Parcours {n}"), "Texte").await;
    }
    world.index().await;
    let query = "query($n: Int!) { search(query: \"parcours\", first: $n) { totalCount facets { values { count node { id } } }
        edges { node { ... on ThreadHit { thread { title forum { name } author { name } } post { body } } } } } }";
    let mut counts = Vec::new();
    for first in [2, 12] {
        counts.push(cost(world, None, query, json!({ "n": first })).await.0);
    }
    assert_eq!(counts[0], counts[1], "{counts:?}");
    let query = "query($n: Int!) { threads(first: $n) { edges { node { related(first: 3) { ... on ThreadHit { thread { title } post { body } } } } } } }";
    let mut counts = Vec::new();
    for first in [2, 12] {
        counts.push(cost(world, None, query, json!({ "n": first })).await.0);
    }
    assert_eq!(counts[0], counts[1], "{counts:?}");
}

async fn what_cannot_be_searched_is_refused_in_words(world: &World) {
    world.index().await;
    let who = world.anonymous();
    let long = who.run("query($p: String!) { suggest(prefix: $p) { tags } }", json!({ "p": "mot ".repeat(10_000) })).await;
    assert_eq!(long.errors[0]["extensions"]["fields"][0], "prefix");
    // The code, and the field that it is about.
    let refused = async |query: &str, variables: Value| {
        let reply = who.run(query, variables).await;
        (reply.code(), reply.errors[0]["extensions"]["fields"][0].as_str().unwrap_or_default().to_owned())
    };
    let invalid = |field: &str| ("INVALID".to_owned(), field.to_owned());
    let ask = "query($q: String!) { search(query: $q) { totalCount } }";
    assert_eq!(refused(ask, json!({ "q": "mot ".repeat(10_000) })).await, invalid("query"));
    for (query, field) in [
        ("{ search(query: \"a\", first: 101) { totalCount } }", "first"),
        ("{ search(query: \"a\", first: -1) { totalCount } }", "first"),
        ("{ suggest(prefix: \"a\", first: 21) { tags } }", "first"),
        ("{ search(query: \"a\", after: \"x\") { totalCount } }", "after"),
        ("{ search(query: \"a\", filter: { forumIds: [\"thr_00000000000000000000000000000001\"] }) { totalCount } }", "forumIds"),
    ] {
        assert_eq!(refused(query, json!({})).await, invalid(field), "{query}");
    }
    let many = "query($s: [String!], $y: [Int!]) { search(query: \"a\", filter: { states: $s, years: $y }) { totalCount } }";
    assert_eq!(refused(many, json!({ "s": vec!["PUBLIEE"; 101] })).await, invalid("states"));
    assert_eq!(refused(many, json!({ "y": vec![2026; 101] })).await, invalid("years"));
    let mine = "{ search(query: \"a\", filter: { mine: true }) { totalCount } }";
    assert_eq!(refused(mine, json!({})).await.0, "UNAUTHENTICATED");
    let alike = "query($t: String!) { similarThreads(title: $t, body: $t) { place } }";
    assert!(who.run(alike, json!({ "t": "> mot ".repeat(15_000) })).await.errors.is_empty());
    for odd in [
        "",
        " ",
        "?!",
        "de la les",
        "\"",
        "a OR b:*",
        "[0 TO 9]",
        "💥 🇫🇷",
        "مرحبا",
        "title:secret AND (",
        "x' or '1'='1",
        "(.*)+$",
    ] {
        let reply = who.run(ask, json!({ "q": odd })).await;
        assert!(reply.errors.is_empty(), "{odd}: {}", reply.text);
    }
}

async fn an_index_that_is_damaged_is_made_anew(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = world.administrator().open_thread(&forum, "QUESTION", "Zirconium", "Texte").await;
    world.index().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("search")).expect("a folder");
    std::fs::write(folder.path().join("search/current"), "nothing of the kind").expect("written");
    let config = services::config::Config { data_dir: folder.path().to_owned(), ..(*world.app.config).clone() };
    let search = services::search::Search::open(&config).await.expect("opened");
    let app = services::App { search, ..world.app.clone() };
    services::search::catch_up(&app).await.expect("made anew");
    let sight = services::search::Sight { audiences: services::search::Held::All, ..Default::default() };
    let page = app.search.search(&services::search::Query::new(sight, "zirconium")).await.expect("a page");
    assert_eq!(page.hits.iter().map(|hit| hit.group.clone()).collect::<Vec<_>>(), [thread.as_str()]);
    // The database came back from a copy that is older than the index.
    world.change("delete from events where seq > 3").await;
    world.change("update threads set title = 'Hafnium'").await;
    world.index().await;
    assert_eq!(
        (found(&world.anonymous(), "zirconium").await, threads(&world.anonymous(), "hafnium").await),
        (vec![], vec![thread])
    );
}

/// Waits until everything that was written so far is found.
async fn known(who: &Client) -> Value {
    let begun = Instant::now();
    loop {
        let reply = who.run("{ search(query: \"gabari h5p\", afterWrite: true, first: 100) { totalCount facets { facet values { value count } }
            edges { node { __typename ... on ThreadHit { title { html } excerpt { html } thread { solved } }
            ... on TrainingHit { title { html } excerpt { html } } ... on DocumentHit { title { html } excerpt { html } } } } } }", json!({})).await;
        if reply.errors.is_empty() {
            return reply.data["search"].clone();
        }
        // The first index is made in the background.
        assert!(reply.code() == "UNAVAILABLE" && begun.elapsed() < PATIENCE, "{}", reply.text);
    }
}

/// The forum of questions.
async fn questions(who: &Client) -> String {
    let forums = read(who, "{ space(slug: \"plateforme\") { forums { id slug } } }", json!({})).await["space"]["forums"].clone();
    text(&forums.as_array().expect("forums").iter().find(|forum| forum["slug"] == "questions").expect("one")["id"])
}

/// A member of the demo, by a token.
async fn as_member(place: &Place, served: &Served, handle: &str) -> Client {
    let token = place.run(&["token", handle]).await.done();
    Client::new(&served.url).with_bearer(token.trim())
}

async fn demo(database: Database) {
    let place = Place::new(database).await;
    place.run(&["demo"]).await.done();
    let served = place.serve().await;
    let who = as_member(&place, &served, "claire.fontaine").await;
    let page = known(&who).await;
    let kinds: Vec<_> = nodes(&page).iter().map(|hit| text(&hit["__typename"])).collect();
    for kind in ["ThreadHit", "TrainingHit", "DocumentHit"] {
        assert!(kinds.iter().any(|one| one == kind), "no {kind}: {page}");
    }
    assert!(nodes(&page).iter().any(|hit| hit["thread"]["solved"] == true), "no solved thread: {page}");
    assert!(nodes(&page).iter().all(|hit| hit.to_string().contains("<mark>")), "{page}");
    let facet = page["facets"].as_array().expect("facets").iter().find(|one| one["facet"] == "NATURE").expect("it").clone();
    assert_eq!(facet["values"].as_array().expect("values").len(), 3);
    served.stop().await;
}

/// `ciam reindex` is killed again and again while members write; then it is let be.
async fn killed(database: Database) {
    let place = Place::new(database).await;
    place.run(&["demo", "--posts", "3000"]).await.done();
    let served = place.serve().await;
    let admin = as_member(&place, &served, "claire.fontaine").await;
    let mut before = known(&admin).await;
    let forum = questions(&admin).await;
    let indexes = || {
        let names = std::fs::read_dir(place.folder.path().join("search")).expect("a folder");
        let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with("index-")).count()
    };
    for n in 0..6_u64 {
        let mut reindex = place.command(&["reindex"]).spawn().expect("the binary runs");
        until("one is made beside it", async || indexes() > 1).await;
        let found = |page: &Value| page["totalCount"].as_i64().expect("a number");
        admin.open_thread(&forum, "QUESTION", &format!("Gabarit H5P numéro {n}"), "Texte").await;
        tokio::time::sleep(std::time::Duration::from_millis(50 * n)).await;
        drop(reindex.kill().await);
        let after = known(&admin).await;
        assert_eq!(found(&after), found(&before) + 1, "killed after {n}");
        before = after;
    }
    let said = place.run(&["reindex"]).await.done();
    assert!(said.starts_with("L'index de recherche est refait : "), "{said}");
    assert_eq!(known(&admin).await, before);
    served.stop().await;
    // What is left of those that were killed is removed by the next one.
    assert_eq!(indexes(), 1);
}

/// The folder of the index is gone: what is written is kept, health says so, and the next start makes the index anew.
async fn without(database: Database) {
    let place = Place::new(database).await;
    place.run(&["demo"]).await.done();
    let served = place.serve().await;
    let who = as_member(&place, &served, "claire.fontaine").await;
    let before = known(&who).await;
    let folder = place.folder.path().join("search");
    std::fs::remove_dir_all(&folder).expect("removed");
    std::fs::write(&folder, "no folder").expect("written");
    let (thread, _) = who.open_thread(&questions(&who).await, "QUESTION", "Gabarit H5P perdu", "Texte").await;
    until("health says so", async || {
        let (status, health) = who.take("/health/ready").await;
        let health = String::from_utf8(health).expect("UTF-8");
        status == 200 && health.contains(r#""status":"degraded""#) && health.contains(r#""search":"unavailable""#)
    })
    .await;
    let asked = "{ search(query: \"gabarit\", afterWrite: true) { totalCount } }";
    assert_eq!(who.run(asked, json!({})).await.code(), "UNAVAILABLE");
    // Nor does it answer for long with what may have been taken away since.
    let asked = "{ search(query: \"gabarit\") { totalCount } }";
    until("it is out of date", async || !who.run(asked, json!({})).await.errors.is_empty()).await;
    assert_eq!(who.run(asked, json!({})).await.code(), "UNAVAILABLE");
    served.stop().await;
    std::fs::remove_file(&folder).expect("removed");
    let served = place.serve().await;
    let who = who.at(&served.url);
    let after = known(&who).await;
    assert_eq!(after["totalCount"].as_i64(), before["totalCount"].as_i64().map(|count| count + 1), "{thread}");
    served.stop().await;
}
