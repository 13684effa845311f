//! An import of trainings through the use-case, check and all, beside the bare inserts of as many rows of the same tables and sizes, by
//! hand, in transactions of the same size: a copy of what the product writes, on purpose.

use std::io::{Seek, Write};
use std::time::{Duration, Instant};

use services::caller::{Caller, Credential};
use services::clock::Clock;
use services::organisations::{self, CreateOrganisation, OrganisationKind};
use services::{App, accounts, catalogue, foundation};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::data::{Place, Store};
use crate::report::Report;
use crate::{Sizes, served};

/// Lines of a transaction, as the product has them.
const BATCH: usize = 50;
/// Rows of a line: an audience and its five grants, the training, two texts, an address, its first state, the event.
const ROWS: usize = 12;
const TEXT: &str = "Un texte de **trois lignes**, avec [un lien](https://exemple.fr),\net une liste :\n- un\n- deux";
const HTML: &str = "<p>Un texte de <strong>trois lignes</strong>, avec <a href=\"https://exemple.fr\" rel=\"noopener noreferrer nofollow\">un \
    lien</a>,<br />\net une liste :</p>\n<ul>\n<li>un</li>\n<li>deux</li>\n</ul>\n";

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    let (database, lines) = (store.database, sizes.lines);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (checked, whole) = runtime.block_on(imported(&store.empty(), lines));
    let bare = runtime.block_on(bare(&store.empty(), lines));
    let rows = ROWS * lines;
    let written = whole.saturating_sub(checked);
    let rate = |time: Duration| f64::from(u32::try_from(lines).expect("a number")) / time.as_secs_f64();
    println!("\n### An import of {lines} trainings on {database}, {rows} rows, {BATCH} lines a transaction, durable\n");
    println!("| what | seconds | trainings/s |\n| --- | --- | --- |");
    for (what, time) in [("check alone (dry run)", checked), ("check and writing", whole), ("bare inserts", bare)] {
        println!("| {what} | {:.2} | {:.0} |", time.as_secs_f64(), rate(time));
    }
    let times = written.as_secs_f64() / bare.as_secs_f64();
    println!("\nThe writing alone takes {times:.2} times the bare inserts.");
    report.at_most(&format!("writing of an import, times the bare inserts, {database}"), times, 3.0, "");
}

/// A product with nothing but its foundation and an organisation.
async fn laid(place: &Place) -> (App, Caller) {
    let app = served::open(&place.folder, place.database_url.clone()).await;
    foundation::lay(&app).await.expect("the foundation");
    let caller = administrator(&app).await;
    let new = CreateOrganisation {
        kind: Some(OrganisationKind::Ministere),
        name: "Ministère".into(),
        short_name: "Ministère".into(),
        parent: None,
    };
    organisations::create_organisation(&app, &caller, new).await.expect("an organisation");
    (app, caller)
}

/// How long a dry run takes, and the import itself.
async fn imported(place: &Place, lines: usize) -> (Duration, Duration) {
    let (app, caller) = laid(place).await;
    let mut file = tempfile::tempfile().expect("a file");
    writeln!(file, "shortName;title;collection;organisation;certifying;licence;goals;content;addresses").expect("written");
    for n in 1..=lines {
        let address = format!("https://mentor.gouv.fr/catalog/{n}");
        writeln!(file, "F-{n};Formation {n};management;ministere;non;CC BY-SA 4.0;\"{TEXT}\";\"{TEXT}\";{address}")
            .expect("written");
    }
    let mut times = Vec::new();
    for dry_run in [true, false] {
        file.rewind().expect("its beginning");
        let own = tokio::fs::File::from_std(file.try_clone().expect("a file"));
        let begun = Instant::now();
        let tally = catalogue::import_file(&app, &caller, own, dry_run, |_| {}).await.expect("an import");
        times.push(begun.elapsed());
        assert_eq!((tally.fault_count, tally.made), (0, i64::try_from(lines).expect("a number")));
    }
    app.db.close().await;
    (times[0], times[1])
}

async fn administrator(app: &App) -> Caller {
    let mut reader = app.db.reader().await.expect("a reader");
    let member = accounts::member_by_handle(&mut reader, foundation::ADMINISTRATOR).await.expect("a read").expect("a member");
    let caller = Caller::member(&mut reader, member.id, Credential::Operator, app.clock.now()).await;
    caller.expect("a read").expect("a member")
}

macro_rules! run {
    ($connection:ident, $database:ty; $sql:expr $(, $bind:expr)*) => {
        sqlx::query::<$database>($sql)$(.bind($bind))*.execute(&mut $connection).await.expect("inserted")
    };
}

/// The rows, a statement each, on a connection of their own.
macro_rules! insert {
    ($connection:expr, $database:ty, $lines:expr, $clock:expr, $event:expr) => {{
        let (mut connection, clock) = ($connection, $clock);
        let one = async |connection: &mut _, sql: &'static str| -> Uuid {
            sqlx::query_scalar::<$database, Uuid>(sql).fetch_one(connection).await.expect("an id")
        };
        let collection = one(&mut connection, "select id from collections limit 1").await;
        let organisation = one(&mut connection, "select id from organisations limit 1").await;
        let member = one(&mut connection, "select id from members limit 1").await;
        let begun = Instant::now();
        for n in 0..$lines {
            if n % BATCH == 0 {
                run!(connection, $database; "begin");
            }
            let (id, audience, now) = (clock.id(), clock.id(), clock.now());
            run!(connection, $database;
                "insert into audiences (id, grants_key, created_at) values ($1, $2, $3)",
                audience,
                format!("RESPONSABLE_FORMATION_CENTRAL^{organisation} REFERENT_LOCAL^{organisation} {collection} {id}"),
                now
            );
            for position in 0..5_i64 {
                run!(connection, $database;
                    "insert into audience_grants (audience_id, position, kind, training_id) values ($1, $2, 'TEAM', $3)",
                    audience,
                    position,
                    id
                );
            }
            run!(connection, $database;
                "insert into trainings (id, title, short_name, short_name_key, collection_id, organisation_id, state, opening,
                                        audience_id, certifying, licence, revision, created_at, updated_at)
                 values ($1, $2, $3, $4, $5, $6, 'BROUILLON', 'NON_VISIBLE', $7, false, 'CC BY-SA 4.0', 1, $8, $8)",
                id,
                format!("Formation {n}"),
                format!("F-{n}"),
                format!("f-{n}"),
                collection,
                organisation,
                audience,
                now
            );
            for part in ["OBJECTIFS", "CONTENU"] {
                run!(connection, $database; "insert into training_texts (training_id, part, body, html) values ($1, $2, $3, $4)", id, part, TEXT, HTML);
            }
            run!(connection, $database;
                "insert into training_addresses (training_id, position, address, shape, number) values ($1, 0, $2, 'CATALOGUE', $3)",
                id,
                format!("CATALOGUE {n}"),
                i64::try_from(n).expect("a number")
            );
            run!(connection, $database;
                "insert into training_state_changes (id, training_id, from_state, to_state, changed_at, changed_by)
                 values ($1, $2, null, 'BROUILLON', $3, $4)",
                clock.id(),
                id,
                now,
                member
            );
            run!(connection, $database;
                $event,
                clock.id(),
                member,
                sqlx::types::Json(serde_json::json!({ "training": id, "collection": collection })),
                now
            );
            if (n + 1) % BATCH == 0 || n + 1 == $lines {
                run!(connection, $database; "commit");
            }
        }
        begun.elapsed()
    }};
}

async fn bare(place: &Place, lines: usize) -> Duration {
    let (app, _) = laid(place).await;
    app.db.close().await;
    let clock = Clock::system();
    match &place.database_url {
        Some(url) => {
            let connection = PgConnection::connect(url).await.expect("a connection");
            let event = "insert into events (id, kind, actor_id, data, at) values ($1, 'TrainingCreated', $2, $3, $4)";
            insert!(connection, sqlx::Postgres, lines, clock, event)
        }
        None => {
            let options = SqliteConnectOptions::new()
                .filename(place.folder.join("ciam.sqlite"))
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true);
            let connection = SqliteConnection::connect_with(&options).await.expect("a connection");
            let event = "insert into events (id, kind, actor_id, data, at, seq)
                         values ($1, 'TrainingCreated', $2, $3, $4, (select coalesce(max(seq), 0) + 1 from events))";
            insert!(connection, sqlx::Sqlite, lines, clock, event)
        }
    }
}
