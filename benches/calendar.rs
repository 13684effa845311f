//! The publication calendar with 10,000 trainings: a page of it over GraphQL, and a feed of a page of movements, whole and when
//! nothing changed.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::Sizes;
use crate::data::{Place, Store, now};
use crate::load::{Connection as Client, get, load, post};
use crate::report::Report;
use crate::served::Served;

const PAGE: &str = "query Calendrier($f: String, $t: String) {
  publicationCalendar(from: $f, to: $t, first: 100) {
    totalCount
    edges { cursor node { date training { title collection { name } organisation { name } } } }
  }
  calendarMonths(from: $f, to: $t) { month published }
}";
const CLIENTS: usize = 8;

pub(crate) fn measure(store: &Store, sizes: &Sizes, _report: &mut Report) {
    let database = store.database;
    let place = store.copy(&store.demo(sizes.posts / 10));
    fill(&place);
    let served = Served::start(&place, None);
    let told = &served.told;
    let variables = json!({ "f": "2026-01", "t": "2026-12" });
    let page = post("/graphql", &told.tokens[0], &json!({ "query": PAGE, "variables": variables }));
    println!("\n### The calendar of 10,000 trainings on {database}, {CLIENTS} clients\n");
    println!("| what | requests/s | p50 ms | p99 ms | CPU µs a request |\n| --- | --- | --- | --- | --- |");
    let ics = get("/calendrier.ics", "W/\"rien\"");
    for (what, path, request, begins) in [
        ("a page of 100 and the months", "", page, "{\"data\":{\"publicationCalendar\":{"),
        ("iCalendar, all of a year back and to come", "/calendrier.ics", ics, "BEGIN:VCALENDAR"),
        ("Atom, 100 movements", "/calendrier.atom", get("/calendrier.atom", "W/\"rien\""), "<?xml"),
    ] {
        let asked = [(what.to_owned(), request, begins)].into_iter();
        let known = (!path.is_empty()).then(|| (format!("{what}: 304"), get(path, &tag(&served, path)), ""));
        for (what, request, begins) in asked.chain(known) {
            let one = load(told.product, CLIENTS, sizes.round, served.process(), &[request], begins);
            println!("| {what} | {:.0} | {:.2} | {:.2} | {:.0} |", one.rate(), one.at(500), one.at(990), one.cpu_each());
        }
    }
}

/// The tag of a feed as it is.
fn tag(served: &Served, path: &str) -> String {
    let mut client = Client::open(served.told.product).expect("a connection");
    client.tag(&get(path, "W/\"rien\"")).expect("a tag")
}

/// More trainings like the first one that is published and open to all, each with a movement.
fn fill(place: &Place) {
    let columns = "organisation_id, opening, audience_id, catch_phrase, certifying, licence, modality, presence_minutes,
        remote_minutes, thumbnail_url, published_at, revision, created_at, updated_at";
    let (series, id, day) = match &place.database_url {
        None => (
            "with recursive series (i) as (select 1 union all select i + 1 from series where i < 10000)",
            "randomblob(16)",
            "printf('2026-%02d-%02d', 1 + i % 12, 1 + i % 28)",
        ),
        Some(_) => (
            "with series (i) as (select * from generate_series(1, 10000))",
            "gen_random_uuid()",
            "'2026-' || lpad((1 + i % 12)::text, 2, '0') || '-' || lpad((1 + i % 28)::text, 2, '0')",
        ),
    };
    let trainings = format!(
        "insert into trainings (id, title, short_name, short_name_key, collection_id, state, calendar_on, {columns})
         {series} select {id}, 'Formation ' || i, 'F-' || i, 'f-' || i,
                (select id from collections where position = 10 * (1 + i % 14)), 'PUBLIEE', {day}, {columns}
         from series cross join (select {columns} from trainings where state = 'PUBLIEE' and opening = 'TOUS_PUBLICS' limit 1) as model"
    );
    let moves = format!(
        "insert into calendar_changes (id, training_id, kind, to_on, changed_at)
         select {id}, id, 'PUBLICATION', calendar_on, published_at from trainings where short_name like 'F-%'"
    );
    now(async {
        for sql in [trainings, moves, "analyze".to_owned()] {
            match &place.database_url {
                Some(url) => {
                    let mut connection = PgConnection::connect(url).await.expect("a connection");
                    connection.execute(AssertSqlSafe(sql)).await.expect("done");
                }
                None => {
                    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.folder.join("ciam.sqlite"));
                    let mut connection = SqliteConnection::connect_with(&options).await.expect("a connection");
                    connection.execute(AssertSqlSafe(sql)).await.expect("done");
                }
            }
        }
    });
}
