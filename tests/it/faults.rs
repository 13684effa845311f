//! What happens when what stands behind fails for real: a server, a disk.

use harness::servers::{SmallDisk, Spawned, own_postgres_missing, small_disk_missing};
use harness::{Client, Database, Socket, Wire, World, tell, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::binary::{PATIENCE, Place, serve, until};
use crate::nodes::token;
use crate::writers::{Writers, nothing_is_half_written, started};

pub(crate) fn trials() -> Vec<Trial> {
    let cut = "faults::requests_go_on_when_postgres_cut_every_connection [postgres]";
    let silent = "faults::a_postgres_that_falls_silent_holds_nobody_for_ever [postgres]";
    let dead = "faults::a_line_to_postgres_that_dies_is_given_up [postgres]";
    let full = "faults::a_full_disk_refuses_writes_until_there_is_room [sqlite]";
    vec![
        trial(cut.into(), Database::Postgres.missing(), || tell(cut_connections())),
        trial(silent.into(), own_postgres_missing(), || tell(silent_postgres())),
        trial(dead.into(), Database::Postgres.missing(), || tell(dead_lines())),
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
    // Not a code after which clients stay away.
    let attempt = tokio::time::timeout(PATIENCE, Socket::attempt(&served.url, None)).await;
    assert_eq!(attempt.expect("closed in time").err(), Some(1013));
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

/// Every line of one node to the server dies, and neither end is told, as behind a switch without power. What happens on another node
/// is told on it all the same, by fresh lines; what was asked meanwhile is answered or refused in time, and it writes again.
async fn dead_lines() {
    let place = Place::new(Database::Postgres).await;
    let (user, address) = place.database_url.as_deref().and_then(|url| url.split_once('@')).expect("an address");
    let (server, database) = address.split_once('/').expect("an address");
    let wire = Wire::to(&format!("http://{server}")).await;
    let behind = Place::at(Some(format!("{user}@{}/{database}", wire.url.trim_start_matches("http://"))));
    let one = started(&place).await;
    let two = serve(behind.command(&["serve", "--listen", "127.0.0.1:0", "--answer-seconds", "10"])).await;
    let token = token(&place).await;
    let (here, there) = (Client::new(&one.url).with_bearer(&token), Client::new(&two.url).with_bearer(&token));
    let forum =
        here.run("{ space(slug: \"plateforme\") { forums { id } } }", json!({})).await.data["space"]["forums"][0]["id"].clone();
    let (thread, root) = here.open_thread(forum.as_str().expect("an id"), "QUESTION", "Avant", "Bonjour").await;
    let mut follower = Follower::start(&two.url, &token, &thread).await;
    let first = there.answer(&root, "Par là").await;
    assert_eq!(follower.next().await, json!(first));

    for round in 0..2 {
        wire.freeze();
        let answer = here.answer(&root, &format!("Par ici {round}")).await;
        assert_eq!(follower.next().await, json!(answer));
        let input = json!({ "postId": root, "body": format!("De nouveau {round}") });
        let mut answer = json!(null);
        until("it writes again", async || {
            let attempt = tokio::time::timeout(PATIENCE, there.mutate("answerPost", input.clone(), "post { id }")).await;
            answer = attempt.expect("answered in time").data["answerPost"]["post"]["id"].clone();
            answer.is_string()
        })
        .await;
        assert_eq!(follower.next().await, answer);
    }
    one.stop().await;
    two.stop().await;
}

/// Who follows a thread, and comes back to where they were when the service says that it cannot go on just now.
struct Follower<'a> {
    asks: [&'a str; 3],
    socket: Socket,
    cursor: Value,
}

impl<'a> Follower<'a> {
    async fn start(url: &'a str, token: &'a str, thread: &'a str) -> Self {
        let socket = Self::connect([url, token, thread], &Value::Null).await;
        let mut follower = Self { asks: [url, token, thread], socket, cursor: Value::Null };
        let start = follower.socket.data().await;
        follower.cursor = start["threadEvents"]["cursor"].clone();
        follower
    }

    async fn connect([url, token, thread]: [&str; 3], after: &Value) -> Socket {
        let mut socket = None;
        until("it takes connections", async || {
            socket = Socket::attempt(url, Some(token)).await.ok();
            socket.is_some()
        })
        .await;
        let mut socket = socket.expect("a socket");
        let query = "subscription($t: ID!, $a: String) { threadEvents(threadId: $t, after: $a) { ... on StreamStart { cursor }
            ... on PostAdded { cursor post { id } } } }";
        socket.subscribe("t", query, json!({ "t": thread, "a": after })).await;
        socket
    }

    /// The next post.
    async fn next(&mut self) -> Value {
        loop {
            let told = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("told in time");
            match told {
                Ok(message) if message["type"] == "next" => {
                    let event = message["payload"]["data"]["threadEvents"].clone();
                    self.cursor = event["cursor"].clone();
                    if event["post"].is_object() {
                        return event["post"]["id"].clone();
                    }
                }
                Err(1013) => self.socket = Self::connect(self.asks, &self.cursor).await,
                other => panic!("{other:?}"),
            }
        }
    }
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
