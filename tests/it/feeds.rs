//! The publication calendar's feeds: what readers are told, when they are told nothing new, and what independent parsers make of
//! them.

use std::collections::HashSet;
use std::process::Stdio;

use chrono::{DateTime, TimeDelta, Utc};
use harness::{Client, Database, Story, World, servers, stories, trial};
use libtest_mimic::Trial;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::audits;
use crate::catalogue::import::{import, table};
use crate::catalogue::{collection, complete, manager, new_training, published, through};
use crate::steps::{organisation, read};

use services::feeds::Format;

const FEEDS: [&str; 3] = ["/calendrier.ics", "/calendrier.atom", "/calendrier.json"];
const HOSTILE: &str = "<script>alert(1)</script> & ]]> ; , \\n \"l'été\" 👩‍🏫 à la fin d'une ligne qui se plie \u{202f}: é";

pub(crate) fn stories() -> Vec<Story> {
    stories![
        feeds_tell_what_a_visitor_sees_and_nothing_else,
        who_comes_back_gets_a_304_until_something_changes,
        whatever_leaves_a_feed_changes_its_tag,
        what_moved_is_told_page_by_page,
        unknown_feeds_lead_nowhere,
        a_feed_of_ten_thousand_trainings_is_whole_and_costs_no_more_statements,
    ]
}

pub(crate) fn trials() -> Vec<Trial> {
    let missing =
        |database: Database| servers::npm_missing("feed-parsers", &audits::folder(), "feedsmith").or(database.missing());
    let databases = [Database::Sqlite, Database::Postgres];
    let parsers = databases.map(|database| {
        trial(format!("feeds::independent_parsers_read_them [{database}]"), missing(database), move || {
            harness::tell(async move {
                let world = World::start(database).await;
                independent_parsers_read_them(&world).await;
                world.finish().await;
            });
        })
    });
    let demo = databases.map(|database| {
        trial(format!("feeds::the_calendar_of_the_demo_opens_in_a_parser [{database}]"), missing(database), move || {
            harness::tell(async move {
                let world = World::start(database).await;
                the_calendar_of_the_demo_opens_in_a_parser(&world).await;
                world.finish().await;
            });
        })
    });
    parsers.into_iter().chain(demo).collect()
}

async fn take(world: &World, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", world.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

async fn text(world: &World, path: &str) -> String {
    let response = take(world, Method::GET, path, &[]).await;
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.expect("a text")
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}")).to_str().expect("text").to_owned()
}

async fn tag(world: &World, path: &str) -> String {
    header(&take(world, Method::HEAD, path, &[]).await, "etag")
}

fn day(world: &World, days: i64) -> String {
    (world.app.clock.now() + TimeDelta::days(days)).date_naive().to_string()
}

async fn plan(who: &Client, training: &str, date: Option<&str>, reason: Option<&str>) {
    let input = json!({ "trainingId": training, "date": date, "reason": reason });
    who.mutate("planTraining", input, "").await.done("planTraining");
}

/// A training that is made, planned in so many days.
async fn planned(world: &World, who: &Client, inside: &str, short_name: &str, days: i64, more: Value) -> String {
    let mut fields = complete();
    fields["opening"] = json!("TOUS_PUBLICS");
    for (key, value) in more.as_object().expect("fields") {
        fields[key] = value.clone();
    }
    let id = new_training(world, who, inside, short_name, fields).await;
    plan(who, &id, Some(&day(world, days)), None).await;
    through(who, &id, &["ELABORATION_TERMINEE"]).await;
    id
}

async fn update(who: &Client, training: &str, fields: Value) {
    who.mutate("updateTraining", json!({ "trainingId": training, "fields": fields }), "").await.done("updateTraining");
}

async fn feeds_tell_what_a_visitor_sees_and_nothing_else(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let langues = json!({ "collectionId": collection(world, "langues").await });
    published(world, &maker, &inside, "OUVERTE", json!({ "opening": "TOUS_PUBLICS" })).await;
    planned(world, &maker, &inside, "PREVUE", 40, langues).await;
    for opening in ["INTERMINISTERIEL", "NON_VISIBLE"] {
        planned(world, &maker, &inside, &format!("CACHEE-{opening}"), 41, json!({ "opening": opening })).await;
    }
    let restricted = json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [inside] });
    published(world, &maker, &inside, "CACHEE-CIBLE", restricted).await;
    let draft = json!({ "opening": "TOUS_PUBLICS" });
    new_training(world, &maker, &inside, "CACHEE-BROUILLON", draft.clone()).await;
    let announced = new_training(world, &maker, &inside, "ANNONCEE", draft).await;
    plan(&maker, &announced, Some(&day(world, 42)), None).await;
    for ending in ["ics", "atom", "json"] {
        let whole = text(world, &format!("/calendrier.{ending}")).await.replace("\r\n ", "");
        let part = text(world, &format!("/calendrier/langues.{ending}")).await.replace("\r\n ", "");
        assert!(whole.contains("Formation OUVERTE") && whole.contains("Formation PREVUE"), "{whole}");
        assert!(part.contains("Formation PREVUE") && !part.contains("OUVERTE"), "{part}");
        assert!(!whole.contains("CACHEE") && !part.contains("CACHEE"), "{whole}");
        assert!(whole.contains("Formation ANNONCEE"), "a draft with a day stands there too: {whole}");
    }
    // Its plan taken back, it is told once more, and stands in the calendar no longer.
    plan(&maker, &announced, None, Some("Abandonnée")).await;
    assert!(!text(world, "/calendrier.ics").await.contains("ANNONCEE"));
    for path in ["/calendrier.atom", "/calendrier.json"] {
        assert!(text(world, path).await.contains("a plus de date prévue\u{a0}: Formation ANNONCEE"), "{path}");
    }
    update(&maker, &announced, json!({ "opening": "NON_VISIBLE" })).await;
    for path in FEEDS {
        assert!(!text(world, path).await.contains("ANNONCEE"), "{path}");
    }
    // Who asks changes nothing.
    let path = "/calendrier.json";
    let theirs = maker.request(Method::GET, path).send().await.expect("an answer").text().await.expect("a text");
    assert_eq!(theirs, text(world, path).await);
    let query = "{ publicationFeeds { icalendar atom json } collection(slug: \"langues\") { feeds { icalendar atom json } } }";
    let told = read(&world.anonymous(), query, json!({})).await;
    for (feeds, base) in [(&told["publicationFeeds"], "/calendrier"), (&told["collection"]["feeds"], "/calendrier/langues")] {
        for (name, ending) in [("icalendar", "ics"), ("atom", "atom"), ("json", "json")] {
            assert_eq!(feeds[name], json!(format!("{}{base}.{ending}", world.app.config.public_url)));
        }
    }
    let page = text(world, "/explorer").await;
    assert!(FEEDS.iter().all(|feed| page.contains(&format!("href=\"{feed}\""))), "a page tells of them");
}

async fn who_comes_back_gets_a_304_until_something_changes(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = planned(world, &maker, &inside, "PREVUE", 40, json!({})).await;
    let kinds = ["text/calendar; charset=utf-8", "application/atom+xml; charset=utf-8", "application/feed+json; charset=utf-8"];
    for (path, kind) in FEEDS.into_iter().zip(kinds) {
        let first = take(world, Method::GET, path, &[]).await;
        assert_eq!(header(&first, "content-type"), kind);
        assert_eq!(header(&first, "cache-control"), "public, no-cache");
        let (etag, modified, length) =
            (header(&first, "etag"), header(&first, "last-modified"), header(&first, "content-length"));
        assert_eq!(first.text().await.expect("a text").len().to_string(), length);
        let head = take(world, Method::HEAD, path, &[]).await;
        assert_eq!((head.status().as_u16(), header(&head, "content-length"), header(&head, "etag")), (200, length, etag.clone()));
        assert_eq!(head.text().await.expect("nothing"), "");
        let strong = etag.trim_start_matches("W/").to_owned();
        let several = format!("\"autre\", {etag}");
        let before = "Thu, 01 Jan 1970 00:00:00 GMT";
        for (headers, status) in [
            (vec![("if-none-match", &*etag)], 304),
            (vec![("if-none-match", &*strong)], 304),
            (vec![("if-none-match", &*several)], 304),
            (vec![("if-none-match", "*")], 304),
            (vec![("if-none-match", "\"autre\"")], 200),
            (vec![("if-modified-since", &*modified)], 304),
            (vec![("if-modified-since", before)], 200),
            (vec![("if-modified-since", "hier")], 200),
            (vec![("if-none-match", "\"autre\""), ("if-modified-since", &*modified)], 200),
            (vec![("if-none-match", &*etag), ("if-modified-since", before)], 304),
        ] {
            let response = take(world, Method::GET, path, &headers).await;
            assert_eq!(response.status(), status, "{path} {headers:?}");
            assert_eq!(header(&response, "etag"), etag);
            assert_eq!(response.text().await.expect("a text").is_empty(), status == 304);
        }
        // What changes within the same second is told too.
        let title = format!("Titre pour {}", &path[12..]);
        update(&maker, &id, json!({ "title": title })).await;
        for (name, value) in [("if-none-match", &etag), ("if-modified-since", &modified)] {
            let changed = take(world, Method::GET, path, &[(name, value)]).await;
            assert_eq!(changed.status(), 200, "{path} {name}");
            assert!(changed.text().await.expect("a text").replace("\r\n ", "").contains(&title));
        }
    }
}

async fn whatever_leaves_a_feed_changes_its_tag(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let langues = collection(world, "langues").await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(planned(world, &maker, &inside, &format!("PART-{n}"), 40 + n, json!({})).await);
    }
    let mut former = Vec::new();
    for path in FEEDS {
        former.push(tag(world, path).await);
    }
    for (n, id) in ids.iter().enumerate() {
        let since = header(&take(world, Method::HEAD, FEEDS[0], &[]).await, "last-modified");
        match n {
            0 => update(&maker, id, json!({ "opening": "NON_VISIBLE" })).await,
            1 => through(&maker, id, &["ARCHIVEE"]).await,
            2 => {
                through(&maker, id, &["BROUILLON"]).await;
                plan(&maker, id, None, Some("Remise au brouillon")).await;
            }
            3 => plan(&maker, id, None, Some("Abandonnée")).await,
            4 => {
                let input = json!({ "fromId": id, "intoId": ids[5] });
                maker.mutate("mergeTrainings", input, "").await.done("mergeTrainings");
            }
            _ => {
                let input = json!({ "collectionId": langues, "name": "Langues, cultures" });
                world.administrator().mutate("updateCollection", input, "").await.done("updateCollection");
            }
        }
        assert_eq!(take(world, Method::GET, FEEDS[0], &[("if-modified-since", &since)]).await.status(), 200, "step {n}");
        for (path, former) in FEEDS.iter().zip(&mut former) {
            let now = tag(world, path).await;
            assert_ne!(now, *former, "{path}, step {n}");
            *former = now;
        }
    }
    assert_eq!(text(world, FEEDS[0]).await.matches("BEGIN:VEVENT").count(), 1, "only one is left");
    // What is hidden changes nothing for those who do not see it.
    update(&maker, &ids[0], json!({ "title": "Un autre titre" })).await;
    for (path, former) in FEEDS.iter().zip(former) {
        assert_eq!(tag(world, path).await, former, "{path}");
    }
    // A year later it has left the calendar, without anybody writing.
    world.advance(TimeDelta::days(45 + 367));
    world.run_jobs().await;
    assert_eq!(text(world, FEEDS[0]).await.matches("BEGIN:VEVENT").count(), 0);
}

async fn what_moved_is_told_page_by_page(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = planned(world, &maker, &inside, "MOUVANTE", 40, json!({})).await;
    for n in 0..120 {
        world.advance(TimeDelta::seconds(1));
        plan(&maker, &id, Some(&day(world, 41 + n)), Some(&format!("Motif {n}"))).await;
    }
    let first: Value = serde_json::from_str(&text(world, "/calendrier.json").await).expect("JSON");
    let next =
        first["next_url"].as_str().expect("a next page").strip_prefix(&world.app.config.public_url).expect("ours").to_owned();
    let second: Value = serde_json::from_str(&text(world, &next).await).expect("JSON");
    let items = |page: &Value| page["items"].as_array().expect("items").clone();
    let all: Vec<_> = items(&first).into_iter().chain(items(&second)).collect();
    assert_eq!((items(&first).len(), all.len(), &second["next_url"]), (100, 121, &Value::Null));
    assert!(all[0]["content_text"].as_str().expect("a text").contains("Motif\u{a0}: Motif 119"), "the latest first");
    assert!(all[120]["title"].as_str().expect("a text").starts_with("Prévue le "));
    let ids: HashSet<_> = all.iter().map(|item| item["id"].to_string()).collect();
    assert_eq!(ids.len(), 121, "none is told twice");
    let page = text(world, &next.replace(".json", ".atom")).await;
    assert_eq!(page.matches("<entry>").count(), 21);
    assert!(page.contains("rel=\"first\"") && !page.contains("rel=\"next\""));
    assert!(text(world, "/calendrier.atom").await.contains("rel=\"next\""));
    let etag = tag(world, &next).await;
    assert_eq!(take(world, Method::GET, &next, &[("if-none-match", &etag)]).await.status(), 304);
}

async fn unknown_feeds_lead_nowhere(world: &World) {
    for path in [
        "/calendrier",
        "/calendrier.xml",
        "/calendrier.ICS",
        "/calendrier/",
        "/calendrier/.ics",
        "/calendrier/langues",
        "/calendrier/langues.ics.json",
        "/calendrier/inconnue.ics",
        "/calendrier/%00.atom",
        "/calendrier/%27%20or%201=1.json",
    ] {
        assert_eq!(take(world, Method::GET, path, &[]).await.status(), 404, "{path}");
    }
    for path in ["/calendrier.json?after=abc", "/calendrier/langues.atom?after=%00"] {
        assert_eq!(take(world, Method::GET, path, &[]).await.status(), 400, "{path}");
    }
    assert_eq!(take(world, Method::POST, "/calendrier.ics", &[]).await.status(), 405);
    for path in FEEDS {
        assert!(!text(world, path).await.is_empty(), "{path} has nothing to tell, and says so");
    }
}

async fn a_feed_of_ten_thousand_trainings_is_whole_and_costs_no_more_statements(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    planned(world, &maker, &inside, "MODELE", 40, json!({})).await;
    let cost = async |format| {
        let asked = services::feeds::Asked { format, slug: None, after: None };
        let mut reader = world.app.db.reader().await.expect("a reader");
        let before = reader.statements();
        let feed = services::feeds::feed(&world.app, &mut reader, &asked).await.expect("a feed");
        let known = reader.statements() - before;
        let text = feed.text(&mut reader).await.expect("a text");
        (known, reader.statements() - before, text)
    };
    for format in [Format::Icalendar, Format::Atom, Format::Json] {
        let (known, whole, _) = cost(format).await;
        assert_eq!((known, whole), (3, 4), "{format:?}");
    }
    let (series, id_of) = match world.database {
        Database::Sqlite => {
            ("with recursive series (i) as (select 1 union all select i + 1 from series where i < 9999)", "randomblob(16)")
        }
        Database::Postgres => ("with series (i) as (select * from generate_series(1, 9999))", "gen_random_uuid()"),
    };
    let columns = "organisation_id, collection_id, state, opening, audience_id, catch_phrase, certifying, licence, modality,
        presence_minutes, remote_minutes, thumbnail_url, planned_on, calendar_on, revision, created_at, updated_at";
    let insert = format!(
        "insert into trainings (id, title, short_name, short_name_key, {columns})
         {series} select {id_of}, 'Formation ' || i, 'F-' || i, 'f-' || i, {columns}
         from series cross join (select {columns} from trainings) as model"
    );
    assert_eq!(world.execute(&insert).await, 9_999);
    let (known, whole, text) = cost(Format::Icalendar).await;
    assert_eq!((known, whole, text.matches("BEGIN:VEVENT").count()), (3, 4, 10_000));
    assert!(text.len() < 8_000_000, "{} bytes", text.len());
}

/// What a parser of somebody else's makes of a feed or an export.
pub(crate) async fn parsed(world: &World, path: &str) -> Value {
    let text = text(world, path).await;
    let mut command = Command::new("node");
    command.arg("feeds.mjs").arg(path.rsplit('.').next().expect("an ending")).current_dir(audits::folder()).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("node runs");
    let mut input = child.stdin.take().expect("an input");
    input.write_all(text.as_bytes()).await.expect("written");
    drop(input);
    let output = child.wait_with_output().await.expect("an end");
    assert!(output.status.success(), "{path}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn independent_parsers_read_them(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let langues = collection(world, "langues").await;
    let name = "Langues; cultures, <b>civilisations</b> & \\ \"signes\" d'ici et d'ailleurs, longuement";
    let input = json!({ "collectionId": langues, "name": name });
    world.administrator().mutate("updateCollection", input, "").await.done("updateCollection");
    let more = json!({ "collectionId": langues, "title": HOSTILE, "catchPhrase": "Une <i>accroche</i> ; simple, \\ claire",
        "addresses": ["https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588"] });
    let id = planned(world, &maker, &inside, "HOSTILE", 40, more).await;
    world.advance(TimeDelta::minutes(1));
    plan(&maker, &id, Some(&day(world, 70)), Some("La recette\n<b>tarde</b> & dure")).await;
    published(world, &maker, &inside, "DEHORS", json!({ "opening": "TOUS_PUBLICS" })).await;
    let (uuid, mentor) = (crate::cost::uuid_of(&id), "https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588");

    let calendar = parsed(world, "/calendrier/langues.ics").await;
    assert_eq!(calendar["name"], json!(format!("Calendrier de publication de Mentor – {name}")));
    assert_eq!((&calendar["version"], &calendar["refresh"]), (&json!("2.0"), &json!("PT6H")));
    let event = calendar["events"][0].clone();
    assert_eq!(calendar["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(event["title"], json!(format!("{HOSTILE} (prévue)")));
    assert_eq!(event["description"], json!(format!("Collection\u{a0}: {name}\nUne <i>accroche</i> ; simple, \\ claire")));
    assert_eq!((&event["uid"], &event["url"]), (&json!(uuid.to_string()), &json!(mentor)));
    assert_eq!((&event["start"], &event["end"]), (&json!(day(world, 70)), &json!(day(world, 71))));
    assert_eq!((&event["allDay"], &event["status"], &event["sequence"]), (&json!(true), &json!("TENTATIVE"), &json!(1)));
    assert_eq!((&event["categories"], &event["transparency"]), (&json!([name]), &json!("TRANSPARENT")));
    assert_eq!(event["modified"], event["stamp"]);
    through(&maker, &id, &["PUBLIEE"]).await;
    let event = parsed(world, "/calendrier/langues.ics").await["events"][0].clone();
    assert_eq!((&event["uid"], &event["sequence"]), (&json!(uuid.to_string()), &json!(2)), "the same, moved");
    assert_eq!(
        (&event["start"], &event["status"], &event["title"]),
        (&json!(day(world, 0)), &json!("CONFIRMED"), &json!(HOSTILE))
    );
    assert_eq!(parsed(world, "/calendrier.ics").await["events"].as_array().map(Vec::len), Some(2));

    let (atom, json) = (parsed(world, "/calendrier/langues.atom").await, parsed(world, "/calendrier/langues.json").await);
    let raw = text(world, "/calendrier/langues.json").await;
    assert!(raw.contains("\"version\":\"https://jsonfeed.org/version/1.1\""), "the parser does not tell it");
    assert_eq!(
        (&atom["id"], &json["feed_url"]),
        (
            &json!(format!("{}/calendrier/langues.atom", world.app.config.public_url)),
            &json!(format!("{}/calendrier/langues.json", world.app.config.public_url))
        )
    );
    let (entries, items) = (atom["entries"].as_array().expect("entries"), json["items"].as_array().expect("items"));
    assert_eq!((entries.len(), items.len()), (3, 3));
    assert_eq!(atom["updated"], entries[0]["updated"]);
    for ((entry, item), what) in entries.iter().zip(items).zip(["Publiée", "Reportée au ", "Prévue le "]) {
        let title = item["title"].as_str().expect("a title");
        assert!(title.starts_with(what) && title.ends_with(HOSTILE), "{title}");
        let told = entry["title"].as_str().or(entry["title"]["value"].as_str());
        assert_eq!((told, &entry["id"]), (Some(title), &item["id"]));
        assert_eq!((&entry["links"][0]["href"], &item["url"]), (&json!(mentor), &json!(mentor)));
        assert_eq!((&entry["categories"][0]["label"], &item["tags"][0]), (&json!(name), &json!(name)));
        assert!(item["id"].as_str().expect("an id").starts_with("urn:uuid:"));
    }
    assert!(items[1]["content_text"].as_str().expect("a text").contains("Motif\u{a0}: La recette <b>tarde</b> & dure"));
    // A title with a line break comes from a table; it is told on one line.
    let lines = ["CSV;\"Un titre\r\nsur <b>deux</b> lignes\";langues;Dedans;non;CC BY-SA 4.0;tous publics;2031-05-01".to_owned()];
    let content = table(";Ouverture;Date prévue", lines);
    assert_eq!(import(world, &maker, &content, false).await.made, 1);
    let titles = async |path: &str, list: &str| {
        let feed = parsed(world, path).await;
        let title = |one: &Value| one["title"].as_str().or(one["title"]["value"].as_str()).expect("a title").to_owned();
        feed[list].as_array().expect("a list").iter().map(title).collect::<Vec<_>>()
    };
    let title = "Un titre sur <b>deux</b> lignes";
    assert!(titles("/calendrier/langues.ics", "events").await.contains(&format!("{title} (prévue)")));
    for (path, list) in [("/calendrier/langues.atom", "entries"), ("/calendrier/langues.json", "items")] {
        assert!(titles(path, list).await[0].ends_with(&format!(" {title}")), "{path}");
    }
    for path in FEEDS {
        parsed(world, path).await;
    }
}

async fn the_calendar_of_the_demo_opens_in_a_parser(world: &World) {
    services::demo::fill(&world.app, 0, |_, _| {}).await.expect("the demo");
    // The morning after the demo's last day, whenever the test runs.
    let morning: DateTime<Utc> = "2026-11-03T08:00:00Z".parse().expect("a moment");
    world.advance(morning - world.app.clock.now());
    // Sessions whose dates have come.
    world.run_jobs().await;
    let calendar = parsed(world, "/calendrier.ics").await;
    let events = calendar["events"].as_array().expect("events");
    let months: HashSet<_> = events.iter().map(|event| event["start"].as_str().expect("a day")[..7].to_owned()).collect();
    assert!(months.len() >= 12, "{months:?}");
    for status in ["CONFIRMED", "TENTATIVE"] {
        assert!(events.iter().any(|event| event["status"] == status), "none is {status}");
    }
    assert!(events.iter().any(|event| event["sequence"].as_i64().is_some_and(|moved| moved > 1)), "none slipped");
    let uids: HashSet<_> = events.iter().map(|event| event["uid"].to_string()).collect();
    assert_eq!(uids.len(), events.len());
    // Each of them is in the feed of its collection, and in no other.
    let data = read(&world.anonymous(), "{ collections { slug name } }", json!({})).await;
    let mut seen = 0;
    for collection in data["collections"].as_array().expect("collections") {
        let slug = collection["slug"].as_str().expect("a slug");
        let own = parsed(world, &format!("/calendrier/{slug}.ics")).await["events"].as_array().expect("events").clone();
        assert!(own.iter().all(|event| event["categories"] == json!([collection["name"]])), "{slug}");
        seen += own.len();
    }
    assert_eq!(seen, events.len());
    let (atom, json) = (parsed(world, "/calendrier.atom").await, parsed(world, "/calendrier.json").await);
    let (entries, items) = (atom["entries"].as_array().expect("entries"), json["items"].as_array().expect("items"));
    assert_eq!(entries.len(), items.len());
    assert!(items.iter().any(|item| item["title"].as_str().is_some_and(|title| title.starts_with("Reportée au "))));
}
