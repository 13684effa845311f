//! What happens when what stands behind fails for real: a server, a disk.

use harness::servers::{SmallDisk, Spawned, own_postgres_missing, small_disk_missing};
use harness::{Client, Database, World, tell, trial};
use libtest_mimic::Trial;
use serde_json::json;

use crate::binary::{PATIENCE, Place, serve};
use crate::writers::{Writers, nothing_is_half_written, started};

pub(crate) fn trials() -> Vec<Trial> {
    let cut = "faults::requests_go_on_when_postgres_cut_every_connection [postgres]";
    let silent = "faults::a_postgres_that_falls_silent_holds_nobody_for_ever [postgres]";
    let full = "faults::a_full_disk_refuses_writes_until_there_is_room [sqlite]";
    vec![
        trial(cut.into(), Database::Postgres.missing(), || tell(cut_connections())),
        trial(silent.into(), own_postgres_missing(), || tell(silent_postgres())),
        trial(full.into(), small_disk_missing(), || tell(full_disk())),
    ]
}

/// The server ends every connection of the product, as a restart or a failover does. What comes next is served by fresh ones:
/// reads, writes, and the numbering of events.
async fn cut_connections() {
    let world = World::start(Database::Postgres).await;
    let forum = world.forum("plateforme", "questions").await;
    let administrator = world.administrator();
    let (_, opening) = administrator.open_thread(&forum, "QUESTION", "Avant la coupure", "Bonjour").await;
    for round in 0..3 {
        // Several held connections, so that more than one is dead.
        let asked = (0..6).map(|_| administrator.run("{ viewer { handle } }", json!({})));
        futures_util::future::join_all(asked).await;
        let cut = world
            .count("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
            .await;
        assert!(cut >= 3, "{cut} connections cut");
        let reply = administrator.run("{ viewer { handle } spaces { slug } }", json!({})).await;
        assert_eq!(reply.data["viewer"]["handle"], json!("administration"), "{}", reply.text);
        administrator.answer(&opening, &format!("Après la coupure {round}")).await;
    }
    let added = world.events().await.iter().filter(|one| matches!(one.event, services::events::Event::PostAdded { .. })).count();
    assert_eq!(added, 3);
    world.finish().await;
}

/// The server is stopped as it stands, its connections open, as behind a switch without power: who asks is told so in time, by
/// whatever door, and all goes on when it speaks again, with what was acknowledged.
async fn silent_postgres() {
    let postgres = Spawned::fresh(&["fsync=off"]);
    let place = Place::at(Some(format!("{}/postgres", postgres.url())));
    let settings = ["serve", "--listen", "127.0.0.1:0", "--links-per-origin", "1000000"];
    let limits = ["--answer-seconds", "2", "--body-seconds", "1"];
    let served = serve(place.command(&[&settings[..], &limits[..]].concat())).await;
    let mut writers = Writers::start(&place, &served.url, 1).await;
    writers.acknowledged(30).await;

    writers.may_wait_in_vain();
    postgres.suspend();
    for path in [
        "/graphql?query=%7Bspaces%7Bslug%7D%7D",
        "/calendrier.atom",
        "/files/fil_00000000000000000000000000000000",
        "/health/ready",
    ] {
        let asked = tokio::time::timeout(PATIENCE, reqwest::get(format!("{}{path}", served.url))).await;
        let answer = asked.expect("an answer in time").expect("an answer");
        let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        assert_eq!(status, 503, "{path}: {text}");
        assert!(text.contains("momentanément indisponible"), "{path}: {text}");
    }
    // More of them than there are connections: what was given up is not held for whoever comes next.
    writers.refused(24).await;
    postgres.resume();

    writers.acknowledged(60).await;
    let read = Client::new(&served.url).run("{ spaces { slug } }", json!({})).await;
    assert_eq!(read.data["spaces"].as_array().map(Vec::len), Some(3), "{}", read.text);
    let written = writers.stop().await;
    written.is_there(&place).await;
    served.stop().await;
}

/// Several write until the disk is full, twice: who is refused is told so, what was acknowledged stays, reads go on, and so do
/// writes once there is room, without a restart.
async fn full_disk() {
    let disk = SmallDisk::new("12m");
    let ballast = ["lest-1", "lest-2"].map(|name| disk.path().join(name));
    for file in &ballast {
        std::fs::write(file, vec![0; 3_000_000]).expect("room");
    }
    let place = Place::within(disk.path());
    let served = started(&place).await;
    let mut writers = Writers::of_texts(&place, &served.url, 1, 20_000).await;
    for file in &ballast {
        // The writers themselves check the code and the sentence.
        writers.refused(20).await;
        nothing_is_half_written(&place).await;
        let read = Client::new(&served.url).run("{ threads(first: 5) { edges { node { title postCount } } } }", json!({})).await;
        assert!(read.errors.is_empty(), "{}", read.text);
        std::fs::remove_file(file).expect("room again");
        writers.acknowledged(10).await;
    }
    writers.refused(20).await;
    let written = writers.stop().await;
    written.is_there(&place).await;
    served.stop().await;
    written.is_there(&place).await;
}
