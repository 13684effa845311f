//! The real binary, as an operator runs it: what it prints, what it refuses and how it ends.

use std::path::Path;

use harness::{Client, Database, trial};
use libtest_mimic::Trial;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::binary::{Ended, PATIENCE, Place, ciam, ended, serve};

pub(crate) fn trials() -> Vec<Trial> {
    macro_rules! on {
        ($database:expr, $($name:ident),* $(,)?) => {
            [$(trial(format!("command_line::{} [{}]", stringify!($name), $database), $database.missing(), move || {
                harness::tell($name($database));
            })),*]
        };
    }
    let mut trials = Vec::new();
    for database in [Database::Sqlite, Database::Postgres] {
        trials.extend(on![
            database,
            a_first_start_says_where_to_go_and_a_second_changes_nothing,
            commands_run_beside_a_serving_process,
            the_demo_is_lively_and_the_same_each_time,
            a_database_newer_than_the_binary_is_left_alone,
            commands_at_once_on_nothing_lay_one_foundation,
        ]);
    }
    trials.extend(on![
        Database::Sqlite,
        a_stop_finishes_what_was_asked,
        what_prevents_a_start_is_one_line,
        a_limit_is_a_setting_and_never_zero,
        flags_and_variables_move_it,
        the_schema_is_printed,
    ]);
    trials
}

/// How many rows there are of what a start might write.
pub(crate) async fn rows(place: &Place) -> String {
    place
        .fact(
            "select cast((select count(*) from spaces) as text) || ' ' || (select count(*) from forums) || ' '
             || (select count(*) from members) || ' ' || (select count(*) from sign_in_links) || ' '
             || (select count(*) from events)",
        )
        .await
}

async fn a_first_start_says_where_to_go_and_a_second_changes_nothing(database: Database) {
    let place = Place::new(database).await;
    let served = place.serve().await;
    let url = served.url.clone();
    assert!(served.told.contains(&format!("{url}/explorer")), "{}", served.told);
    assert!(served.told.contains(&format!("{url}/connexion?jeton=lnk_")), "{}", served.told);
    for path in ["/health/live", "/health/ready", "/explorer"] {
        assert_eq!(reqwest::get(format!("{url}{path}")).await.expect("an answer").status().as_u16(), 200, "{path}");
    }
    let administrator = Client::new(&url).sign_in(&served.first_link().expect("a first link")).await;
    let reply = administrator.run("{ viewer { handle } spaces { slug forums { slug } } }", json!({})).await;
    assert!(reply.errors.is_empty() && reply.data["viewer"].is_object(), "{}", reply.text);
    assert_eq!(reply.data["spaces"].as_array().map(Vec::len), Some(3), "{}", reply.text);
    served.stop().await;

    let laid = rows(&place).await;
    let again = place.serve().await;
    assert_eq!(again.first_link(), None, "{}", again.told);
    let kept = administrator.bearer.clone().expect("a token");
    assert!(Client::new(&again.url).with_bearer(&kept).run("{ viewer { id } }", json!({})).await.data["viewer"].is_object());
    again.stop().await;
    assert_eq!(rows(&place).await, laid);
    place.run(&["migrate"]).await.done();
    assert_eq!(rows(&place).await, laid);
}

/// A request whose body is on its way when Ctrl-C comes gets its answer; the process then ends by itself.
async fn a_stop_finishes_what_was_asked(database: Database) {
    let place = Place::new(database).await;
    let served = place.serve().await;
    let body = r#"{"query":"mutation { requestLink(input: {address: \"tard@exemple.test\"}) { problems { message } } }"}"#;
    let address = served.url.strip_prefix("http://").expect("an address").to_owned();
    let mut slow = TcpStream::connect(&address).await.expect("a connection");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    // The service asks for the body once the request is being answered.
    let mut asked = [0; 25];
    slow.read_exact(&mut asked).await.expect("asked to go on");
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
    served.interrupt();
    let mut served = served;
    let line = tokio::time::timeout(PATIENCE, async {
        loop {
            match served.lines.next_line().await.expect("text") {
                Some(line) if line.starts_with("Arrêt") => return line,
                Some(_) => {}
                None => panic!("it ended without a word"),
            }
        }
    });
    line.await.expect("a word");
    slow.write_all(body.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"problems\":[]"), "{answer}");
    assert_eq!(served.end().await, Some(0));
    assert!(TcpStream::connect(&address).await.is_err(), "nobody listens any more");
    // It was written; the mail leaves now or with the next start.
    assert_eq!(place.fact("select cast(count(*) as text) from sign_in_links where address_key = 'tard@exemple.test'").await, "1");
}

async fn what_prevents_a_start_is_one_line(database: Database) {
    let place = Place::new(database).await;
    let served = place.serve().await;

    let busy = served.url.strip_prefix("http://").expect("an address");
    let other = Place::new(database).await;
    let line = other.run(&["serve", "--listen", busy]).await.refused();
    assert!(line.contains(busy) && line.contains("--listen"), "{line}");

    let line = place.run(&["serve", "--listen", "127.0.0.1:0"]).await.refused();
    assert!(line.contains("déjà servi") && line.contains("--data-dir"), "{line}");
    served.stop().await;

    // Root may write everywhere, but not below a file.
    let file = other.folder.path().join("fichier");
    std::fs::write(&file, "x").expect("a file");
    for verb in ["serve", "migrate", "demo"] {
        let mut command = ciam(&[verb]);
        command.arg("--data-dir").arg(file.join("dessous"));
        let line = ended(command).await.refused();
        assert!(line.contains("ne peut pas être écrit") && line.contains("--data-dir"), "{verb}: {line}");
    }
    let mut command = other.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DATABASE_URL", format!("postgres://ciam:secret@127.0.0.1:{}/ciam", harness::servers::free_port()));
    let line = ended(command).await.refused();
    assert!(line.contains("DATABASE_URL") && !line.contains("secret"), "{line}");
    for (name, value, word) in [
        ("REDIS_URL", "http://x", "REDIS_URL"),
        ("SMTP_URL", "http://x", "SMTP_URL"),
        ("CIAM_MAIL_FROM", "personne", "CIAM_MAIL_FROM"),
        ("CIAM_ADMIN_ADDRESS", "personne", "CIAM_ADMIN_ADDRESS"),
    ] {
        let mut command = other.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env(name, value);
        let line = ended(command).await.refused();
        assert!(line.contains(word), "{line}");
    }
}

async fn a_database_newer_than_the_binary_is_left_alone(database: Database) {
    let place = Place::new(database).await;
    place.run(&["migrate"]).await.done();
    let insert = match database {
        Database::Sqlite => {
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'later', true, x'00', 0) returning cast(version as text)"
        }
        Database::Postgres => {
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'later', true, '\\x00', 0) returning cast(version as text)"
        }
    };
    assert_eq!(place.fact(insert).await, "9999");
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["demo"], &["token", "x"]] {
        let line = place.run(arguments).await.refused();
        assert!(line.contains("plus récente") && line.contains("9999"), "{arguments:?}: {line}");
    }
}

const DEMO: &str = "select cast((select count(*) from members) as text) || ' ' || (select count(*) from threads) || ' '
    || (select count(*) from posts) || ' ' || (select count(distinct o.kind) from members m join organisations o
        on o.id = m.organisation_id) || ' ' || (select cast(sum(length(body)) as bigint) from posts) || ' '
    || (select count(*) from posts where depth > 1) || ' '
    || (select count(*) from threads where accepted_post_id is not null) || ' '
    || (select min(handle) || max(handle) from members) || ' ' || (select min(title) || max(title) from threads)";

async fn the_demo_is_lively_and_the_same_each_time(database: Database) {
    let (one, two) = (Place::new(database).await, Place::new(database).await);
    let told = one.run(&["demo"]).await.done();
    assert!(told.contains("membres") && told.contains("/connexion?jeton=lnk_"), "{told}");
    let filled = one.fact(DEMO).await;
    let numbers: Vec<i64> = filled.split(' ').map_while(|number| number.parse().ok()).collect();
    let [members, threads, posts, kinds, _, nested, solved] = numbers[..] else { panic!("{filled}") };
    assert!(members >= 40 && threads >= 60 && posts >= 500 && kinds == 5 && nested > 50, "{filled}");
    assert!(solved > 5 && solved < threads, "{filled}");
    let line = one.run(&["demo"]).await.refused();
    assert!(line.contains("déjà là"), "{line}");
    two.run(&["demo"]).await.done();
    assert_eq!(two.fact(DEMO).await, filled);
    assert_eq!(one.fact(DEMO).await, filled, "a refusal changed something");
}

async fn commands_run_beside_a_serving_process(database: Database) {
    let place = Place::new(database).await;
    let served = place.serve().await;
    let told = place.run(&["demo"]).await.done();
    assert!(told.contains("membres"), "{told}");
    let token = place.run(&["token", "claire.fontaine"]).await.done();
    assert_eq!(token.lines().count(), 1, "the token alone, so that a script can take it: {token}");
    let claire = Client::new(&served.url).with_bearer(token.trim());
    let reply = claire.run("{ viewer { handle } threads(first: 5) { totalCount edges { node { title } } } }", json!({})).await;
    assert_eq!(reply.data["viewer"]["handle"], "claire.fontaine", "{}", reply.text);
    assert!(reply.data["threads"]["totalCount"].as_i64().is_some_and(|count| count >= 50), "{}", reply.text);
    let input = json!({ "name": "Claire F." });
    claire.mutate("updateProfile", input, "clientMutationId").await.done("updateProfile");

    for handle in ["inconnu", "Ça n'existe pas", ""] {
        let line = place.run(&["token", handle]).await.refused();
        assert!(line.contains("Aucun membre"), "{line}");
    }
    for days in ["0", "100000"] {
        let line = place.run(&["token", "claire.fontaine", "--days", days]).await.refused();
        assert!(line.contains("jours"), "{line}");
    }
    served.stop().await;
}

/// Several nodes of a new deployment start together.
async fn commands_at_once_on_nothing_lay_one_foundation(database: Database) {
    let place = Place::new(database).await;
    let told = futures_util::future::join_all((0..4).map(|_| place.run(&["migrate"]))).await;
    let links = told.into_iter().filter(|told| told.out.contains("/connexion?jeton=")).count();
    let done: Vec<_> = futures_util::future::join_all((0..2).map(|_| place.run(&["migrate"]))).await;
    assert_eq!((links, done.into_iter().map(Ended::done).filter(|told| told.contains("jeton")).count()), (1, 0));
    let rows = place.fact("select (select count(*) from spaces) || ' ' || (select count(*) from members)").await;
    assert_eq!(rows, "3 1");
}

async fn a_limit_is_a_setting_and_never_zero(database: Database) {
    let place = Place::new(database).await;
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--query-roots", "1"]);
    command.env("CIAM_QUERY_BYTES", "100").env("CIAM_QUERY_ROOTS", "5");
    let served = serve(command).await;
    let client = Client::new(&served.url);
    for (query, word) in
        [("{ __typename spaces { id } }", "au plus 1 champs à la racine"), (&*"#".repeat(101), "au plus 100 octets")]
    {
        let reply = client.run(query, json!({})).await;
        assert!(reply.data.is_null() && reply.text.contains(word), "{}", reply.text);
    }
    assert_eq!(client.run("{ __typename }", json!({})).await.status, 200);
    served.stop().await;
    for value in ["0", "-1", "", "beaucoup"] {
        let mut command = place.command(&["migrate"]);
        command.env("CIAM_BODY_SECONDS", value);
        let refused = ended(command).await;
        assert_ne!(refused.code, Some(0), "{value}");
        assert!(refused.err.contains("--body-seconds") && refused.err.contains("au moins 1"), "{value}: {}", refused.err);
    }
}

async fn flags_and_variables_move_it(_: Database) {
    let here = tempfile::tempdir().expect("a folder");
    let (flag, variable) = (here.path().join("a/drapeau"), here.path().join("b/variable"));
    let port = |address: &str| address.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).expect("a port");
    let chosen = format!("127.0.0.1:{}", harness::servers::free_port());
    let mut command = ciam(&[]);
    command.env("CIAM_DATA_DIR", &variable).env("CIAM_LISTEN", &chosen).current_dir(here.path());
    let served = serve(command).await;
    assert_eq!(port(&served.url), port(&chosen));
    assert!(variable.join("ciam.sqlite").is_file());
    served.stop().await;

    let mut command = ciam(&["--data-dir"]);
    command.arg(&flag).args(["--listen", "127.0.0.1:0"]);
    command.env("CIAM_DATA_DIR", &variable).env("CIAM_LISTEN", &chosen).current_dir(here.path());
    let served = serve(command).await;
    assert_ne!(port(&served.url), 0, "it says the port it was given");
    assert!(flag.join("ciam.sqlite").is_file(), "a flag wins over a variable");
    served.stop().await;

    let mut command = ciam(&["migrate"]);
    command.current_dir(here.path());
    assert!(ended(command).await.done().contains("à jour"));
    assert!(here.path().join("data/ciam.sqlite").is_file(), "./data by default");
}

async fn the_schema_is_printed(_: Database) {
    let help = ended(ciam(&["--help"])).await.done();
    assert!(help.contains("Utilisation :") && help.contains("CIAM_DATA_DIR") && !help.contains("Usage"), "{help}");
    let kept = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql/schema.graphql")).expect("the schema");
    assert_eq!(ended(ciam(&["schema"])).await.done(), kept);
}
