//! The publication calendar with 10,000 trainings: a page of it over GraphQL, with how many statements it runs, and the feeds of a
//! collection of 1,000 of them, whole and when nothing changed.

use std::net::Ipv4Addr;

use chrono::Months;
use graphql::{Api, Ask, Client as Asker};
use serde_json::{Value, json};
use services::Caller;
use services::clock::Clock;
use services::sessions::Origin;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::Sizes;
use crate::data::{Place, Store, now};
use crate::load::{Connection as Client, get, load, post};
use crate::report::Report;
use crate::served::{self, Served};

const PAGE: &str = "query Calendrier($f: String, $t: String) {
  publicationCalendar(from: $f, to: $t, first: 100) {
    totalCount
    edges { cursor node { date training { title collection { name } organisation { name } } } }
  }
  calendarMonths(from: $f, to: $t) { month published }
}";
const CLIENTS: usize = 8;
/// Entries of each feed, in the collection that only this has.
const ENTRIES: usize = 1000;
/// A tag that no feed has.
const NO_TAG: &str = "W/\"rien\"";

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    let database = store.database;
    let place = store.copy(&store.demo(sizes.posts / 10));
    fill(&place);
    let today = Clock::system().now().date_naive();
    let month = |back: u32| (today - Months::new(back)).format("%Y-%m").to_string();
    let variables = json!({ "f": month(11), "t": month(0) });
    let statements = now(statements(&place, variables.clone()));
    let served = Served::start(&place, None);
    let told = &served.told;
    let page = post("/graphql", &told.tokens[0], &json!({ "query": PAGE, "variables": variables }));
    let feed = |ending: &str| format!("/calendrier/mesure.{ending}");
    let pages = pages(&served);
    let each = |ending: &str| pages.iter().map(|after| get(&format!("{}{after}", feed(ending)), NO_TAG)).collect::<Vec<_>>();
    println!("\n### The calendar of 10,000 trainings on {database}, {CLIENTS} clients\n");
    println!("| what | requests/s | p50 ms | p99 ms | CPU µs a request |\n| --- | --- | --- | --- | --- |");
    let ics = vec![get(&feed("ics"), NO_TAG)];
    for (what, ending, requests, begins) in [
        ("a page of 100 and the months", None, vec![page], "{\"data\":{\"publicationCalendar\":{"),
        ("iCalendar, 1,000 events", Some("ics"), ics, "BEGIN:VCALENDAR"),
        ("Atom, a page of ten, 1,000 entries in all", Some("atom"), each("atom"), "<?xml"),
        ("JSON Feed, a page of ten, 1,000 entries in all", Some("json"), each("json"), "{\""),
    ] {
        let known = ending.map(|ending| (format!("{what}: 304"), vec![get(&feed(ending), &tag(&served, &feed(ending)))], ""));
        for (what, requests, begins) in [(what.to_owned(), requests, begins)].into_iter().chain(known) {
            let one = load(told.product, CLIENTS, sizes.round, served.process(), &requests, begins);
            println!("| {what} | {:.0} | {:.2} | {:.2} | {:.0} |", one.rate(), one.at(500), one.at(990), one.cpu_each());
        }
    }
    report.at_most(&format!("statements of a page of the calendar, {database}"), statements, 7.0, "");
}

/// How many statements a page runs for a visitor.
async fn statements(place: &Place, variables: Value) -> f64 {
    let app = served::open(&place.folder, place.database_url.clone()).await;
    let counted = app.counted();
    let mut reader = counted.db.reader().await.expect("a reader");
    let caller = Caller::anonymous(&mut reader).await.expect("a caller");
    let asker = Asker {
        app: counted,
        caller,
        reader: Some(reader),
        origin: Origin::new(Ipv4Addr::LOCALHOST.into()),
        takes_cookies: false,
        agent: String::new(),
        request_id: String::new(),
    };
    let asked = Ask { query: PAGE.into(), variables: variables.as_object().cloned(), ..Ask::default() };
    let outcome = Api::new(app.clone()).execute(asked, asker, false).await;
    let answer: Value = serde_json::from_str(&outcome.to_json().expect("JSON")).expect("JSON");
    let listed = answer["data"]["publicationCalendar"]["edges"].as_array().map(Vec::len);
    assert_eq!(listed, Some(100), "{answer}");
    app.db.close().await;
    outcome.statements as f64
}

/// The arguments of the pages of a feed of movements; all of them together have as many entries as the calendar has events.
fn pages(served: &Served) -> Vec<String> {
    let mut client = Client::open(served.told.product).expect("a connection");
    let mut text = read(&mut client, "/calendrier/mesure.ics");
    assert_eq!(text.matches("BEGIN:VEVENT").count(), ENTRIES);
    let (mut pages, mut entries) = (vec![String::new()], 0);
    loop {
        text = read(&mut client, &format!("/calendrier/mesure.json{}", pages[pages.len() - 1]));
        let page: Value = serde_json::from_str(&text).expect("JSON");
        entries += page["items"].as_array().map_or(0, Vec::len);
        let Some(next) = page["next_url"].as_str() else { break };
        pages.push(next[next.find('?').expect("a cursor")..].to_owned());
    }
    assert_eq!((entries, pages.len()), (ENTRIES, 10));
    pages
}

fn read(client: &mut Client, path: &str) -> String {
    String::from_utf8(client.ask(&get(path, NO_TAG)).expect("a feed").to_vec()).expect("UTF-8")
}

/// The tag of a feed as it is.
fn tag(served: &Served, path: &str) -> String {
    let mut client = Client::open(served.told.product).expect("a connection");
    client.tag(&get(path, NO_TAG)).expect("a tag")
}

/// More trainings like the first one that is published and open to all, each with a movement, at the days of the year that ends
/// today; the first thousand in a collection of their own.
fn fill(place: &Place) {
    let columns = "organisation_id, opening, audience_id, catch_phrase, certifying, licence, modality, presence_minutes,
        remote_minutes, thumbnail_url, published_at, revision, created_at, updated_at";
    let (series, id, day) = match &place.database_url {
        None => (
            "with recursive series (i) as (select 1 union all select i + 1 from series where i < 10000)",
            "randomblob(16)",
            "date('now', '-' || (i % 330) || ' days')",
        ),
        Some(_) => (
            "with series (i) as (select * from generate_series(1, 10000))",
            "gen_random_uuid()",
            "to_char(current_date - i % 330, 'YYYY-MM-DD')",
        ),
    };
    let collection = format!(
        "insert into collections (id, slug, name, colour, description, position, created_at)
         select {id}, 'mesure', 'Mesure', colour, '', 1000, created_at from collections where position = 10"
    );
    let trainings = format!(
        "insert into trainings (id, title, short_name, short_name_key, collection_id, state, calendar_on, {columns})
         {series} select {id}, 'Formation ' || i, 'F-' || i, 'f-' || i,
                (select id from collections where position = case when i <= {ENTRIES} then 1000 else 10 * (1 + i % 14) end),
                'PUBLIEE', {day}, {columns}
         from series cross join (select {columns} from trainings where state = 'PUBLIEE' and opening = 'TOUS_PUBLICS' limit 1) as model"
    );
    let moves = format!(
        "insert into calendar_changes (id, training_id, kind, to_on, changed_at)
         select {id}, id, 'PUBLICATION', calendar_on, published_at from trainings where short_name like 'F-%'"
    );
    now(async {
        for sql in [collection, trainings, moves, "analyze".to_owned()] {
            match &place.database_url {
                Some(url) => {
                    let mut connection = PgConnection::connect(url).await.expect("a connection");
                    connection.execute(AssertSqlSafe(sql)).await.expect("done");
                }
                None => {
                    let options = SqliteConnectOptions::new().filename(place.folder.join("ciam.sqlite"));
                    let mut connection = SqliteConnection::connect_with(&options).await.expect("a connection");
                    connection.execute(AssertSqlSafe(sql)).await.expect("done");
                }
            }
        }
    });
}
