//! Tables of trainings through the real binary: killed, at the command line, and 200 MB of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use harness::servers::{setting, terminal_missing};
use harness::{Client, Database, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::import::{HEAD, ask, follow, line, table};
use crate::binary::{Place, Served, ciam_in_a_terminal, ended};
use crate::files::{begin_named, memory};

/// By how much the memory of the process may grow.
const GROWTH: u64 = 20_000_000;
/// What the caches of SQLite or the search index may still take after the first table: with a table kept in memory it would be more.
const CACHES: u64 = 24_000_000;
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> = [Database::Sqlite, Database::Postgres]
        .into_iter()
        .flat_map(|database| {
            [
                trial(format!("tables::a_killed_import_goes_on_where_it_was [{database}]"), database.missing(), move || {
                    harness::tell(killed(database));
                }),
                trial(format!("tables::the_commands_read_what_they_write [{database}]"), database.missing(), move || {
                    harness::tell(commands(database));
                }),
            ]
        })
        .collect();
    trials.push(trial("tables::an_import_shows_how_far_it_is_in_a_terminal_alone".into(), terminal_missing(), || {
        harness::tell(shown())
    }));
    let bytes = || setting("TEST_IMPORT_BYTES").map_or(200_000_000, |bytes| bytes.parse().expect("a number"));
    trials.push(trial("tables::a_large_table_is_checked_in_constant_memory".into(), None, move || {
        harness::tell(large(Database::Sqlite, true, (4_000_000, bytes()), GROWTH));
    }));
    for database in [Database::Sqlite, Database::Postgres] {
        let name = format!("tables::a_large_table_is_written_in_constant_memory [{database}]");
        trials.push(trial(name, database.missing(), move || {
            harness::tell(large(database, false, (bytes() / 10, bytes() / 5), GROWTH + CACHES));
        }));
    }
    trials
}

async fn administrator(served: &Served) -> Client {
    Client::new(&served.url).sign_in(&served.first_link().expect("a first link")).await
}

/// Follows an import to where `until` says.
async fn wait(who: &Client, import: &Value, until: impl Fn(&Value) -> bool) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let now = follow(who, import).await;
        if until(&now) {
            return now;
        }
        assert!(begun.elapsed().as_secs() < 1800 && now["state"] != "INTERROMPUE" && now["state"] != "REFUSEE", "{now}");
    }
}

async fn killed(database: Database) {
    const LINES: i64 = 1500;
    let place = Place::new(database).await;
    let served = place.serve().await;
    let admin = administrator(&served).await;
    admin.make_organisation("Dedans", None).await;
    let file = admin.send_file("formations.csv", &table("", (0..LINES).map(|n| line(&format!("F-{n}"), "Dedans")))).await;
    let asked = ask(&admin, &file, false).await;
    wait(&admin, &asked, |import| import["state"] == "ECRITURE" && import["linesMade"].as_i64() >= Some(100)).await;
    served.kill().await;
    let served = place.serve().await;
    let admin = admin.at(&served.url);
    let ended = wait(&admin, &asked, |import| import["state"] == "TERMINEE").await;
    // Each line once, and told once.
    assert_eq!((&ended["linesMade"], &ended["linesUnchanged"], &ended["linesRead"]), (&json!(LINES), &json!(0), &json!(LINES)));
    served.stop().await;
    let sql =
        "select cast(count(*) as text) || ' ' || (select count(*) from events where kind = 'TrainingCreated') from trainings";
    assert_eq!(place.fact(sql).await, format!("{LINES} {LINES}"));
}

async fn commands(database: Database) {
    let place = Place::new(database).await;
    place.run(&["demo"]).await.done();
    let table = place.run(&["export", "trainings"]).await.done();
    assert!(table.starts_with("\u{feff}Nom abrégé;") && table.lines().count() > 20);
    let path = place.folder.path().join("formations.csv");
    std::fs::write(&path, &table).expect("written");
    let before = crate::command_line::rows(&place).await;
    let name = path.to_str().expect("a path");
    let said = place.run(&["import", "trainings", name]).await.done();
    assert!(said.contains(" Créées : 0 ; modifiées : 0 ;") && said.contains(" refusées : 0."), "{said}");
    assert_eq!(crate::command_line::rows(&place).await, before);
    // A reader that has had enough is no failure.
    let mut unread = place.command(&["export", "trainings"]).spawn().expect("the binary runs");
    drop(unread.stdout.take());
    assert!(unread.wait().await.expect("an end").success());
    let courses = place.run(&["export", "trainings", "--format", "jsonld"]).await.done();
    let courses: Value = serde_json::from_str(&courses).expect("JSON");
    let many = courses["itemListElement"].as_array().expect("a list").len();
    assert!(many > 20, "{many}");
    // A member sees fewer, and imports nothing of what is not theirs.
    let fewer = place.run(&["export", "trainings", "--as", "claire.fontaine@finances.example"]).await;
    assert!(fewer.code == Some(1) && fewer.err.contains("--as"), "{fewer:?}");
    // Faults are told a line each, and nothing is done.
    let broken = table.replacen(";oui;", ";peut-être;", 1).replacen(";non;", ";?;", 1);
    std::fs::write(&path, broken).expect("written");
    for arguments in [&["import", "trainings", name][..], &["import", "trainings", name, "--dry-run"]] {
        let ended = place.run(arguments).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let lines: Vec<_> = ended.err.lines().collect();
        assert!(lines.len() == 3 && lines[0].starts_with("ligne ") && lines[0].contains(", Certifiante : «"), "{ended:?}");
        assert!(lines[2].starts_with("ciam : Ce fichier a des fautes") && ended.out.contains(" refusées : 2."), "{ended:?}");
    }
    // Nor of the lines that are right, which is said.
    let organisation = place.fact("select slug from organisations order by slug limit 1").await;
    let mixed = format!("{HEAD}\n{}\n{}\n", line("BONNE", &organisation), line("FAUTIVE", "Introuvable"));
    std::fs::write(&path, mixed).expect("written");
    let ended = place.run(&["import", "trainings", name]).await;
    assert!(ended.out.contains(" À créer : 1 ;") && ended.err.ends_with("rien n'est écrit.\n"), "{ended:?}");
    assert_eq!(crate::command_line::rows(&place).await, before);
    let missing = place.run(&["import", "trainings", "nulle-part.csv"]).await.refused();
    assert!(missing.contains("nulle-part.csv"), "{missing}");
    let folder = place.folder.path().to_str().expect("a path");
    assert!(place.run(&["import", "trainings", folder]).await.refused().contains("ce n'est pas un fichier"));
    assert!(place.run(&["import", "trainings", name, "--as", "personne@exemple.test"]).await.refused().contains("--as"));
}

/// In a terminal a bar that moves; elsewhere words alone.
async fn shown() {
    let place = Place::new(Database::Sqlite).await;
    place.run(&["demo"]).await.done();
    let organisation = place.fact("select slug from organisations order by slug limit 1").await;
    let path = place.folder.path().join("formations.csv");
    std::fs::write(&path, table("", (0..400).map(|n| line(&format!("F-{n}"), &organisation)))).expect("written");
    let (name, folder) = (path.to_str().expect("a path"), place.folder.path().to_str().expect("a path"));
    let told = place.run(&["import", "trainings", name, "--dry-run"]).await;
    assert!(told.err.is_empty() && told.out.trim_end().chars().all(|c| !c.is_control()), "{told:?}");
    let shown = ended(ciam_in_a_terminal(&["import", "trainings", name, "--data-dir", folder])).await.done();
    // How much of the bar was full whenever it was drawn.
    let drawn = |step: &str| -> BTreeSet<usize> {
        let frames = shown.split(['\r', '\x1b', '\n']).filter(|frame| frame.contains(step) && frame.contains("encore"));
        frames.map(|frame| frame.matches('█').count()).collect()
    };
    assert!(!drawn("Vérification").is_empty() && drawn("Écriture").len() > 1, "{shown:?}");
    let last = shown.trim_end().rsplit('\r').next().expect("a line");
    assert!(last.contains("Lignes : 400. Créées : 400 ;"), "the bar is gone: {shown:?}");
}

/// So many bytes of lines are checked, and written unless it is a dry run, while the memory of the process is watched: it is
/// that of the first table, in which all caches are filled, those of the database and of the search index too.
async fn large(database: Database, dry_run: bool, (first, bytes): (usize, usize), growth: u64) {
    let place = Place::new(database).await;
    let served = place.serve().await;
    let admin = administrator(&served).await;
    admin.make_organisation("Dedans", None).await;
    let paragraph = "Une phrase assez longue pour compter, sans rien qui se remarque.\n\n".repeat(300);
    let with = |n: usize| format!("{};\"{paragraph}\";\"{paragraph}\"\n", line(&format!("F-{n}"), "Dedans"));
    let head = format!("{HEAD};Objectifs;Contenu\n");
    let run = async |lines: usize| {
        let size = head.len() + (1..=lines).map(|n| with(n).len()).sum::<usize>();
        let mut stream = begin_named(&served.url, &admin, "formations.csv", size, &[]).await;
        stream.write_all(head.as_bytes()).await.expect("sent");
        for n in 1..=lines {
            stream.write_all(with(n).as_bytes()).await.expect("sent");
        }
        let mut reply = vec![0; 4096];
        let read = stream.read(&mut reply).await.expect("an answer");
        let reply = String::from_utf8_lossy(&reply[..read]).into_owned();
        assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
        let file: Value = serde_json::from_str(reply.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
        let asked = ask(&admin, &file, dry_run).await;
        let ended = wait(&admin, &asked, |import| import["state"] == "TERMINEE").await;
        assert_eq!((&ended["linesRead"], &ended["linesRefused"], &ended["faultCount"]), (&json!(lines), &json!(0), &json!(0)));
    };
    // Not the pages of SQLite's file that are mapped, which are the system's to take back.
    let process = served.child.id().expect("it runs");
    let peak = Arc::new(AtomicU64::new(0));
    let watching = tokio::spawn({
        let peak = peak.clone();
        async move {
            while let Some(now) = memory(process, "RssAnon") {
                peak.fetch_max(now, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    run(first / with(0).len()).await;
    let before = peak.load(Ordering::Relaxed);
    // The lines of the first one are there already, and are read and compared.
    run(bytes / with(0).len()).await;
    watching.abort();
    let grown = peak.load(Ordering::Relaxed) - before;
    assert!(grown <= growth, "{} kB more than the {} kB before", grown / 1024, before / 1024);
    served.stop().await;
}
