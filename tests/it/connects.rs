//! Clients that connect and are gone at once, wherever they are by then, again and again: neither memory nor tasks grow.
//!
//! `TEST_CONNECTS` says how many, `TEST_SEED` repeats the draws of a run that failed.

use futures_util::stream::{self, StreamExt};
use harness::servers::setting;
use harness::{Client, Database, Settings, Socket, World, trial};
use libtest_mimic::Trial;
use rand::RngExt;
use serde_json::json;
use services::config::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::binary::{Place, until};
use crate::files::memory;
use crate::kills::Seed;
use crate::live::FOLLOW;

/// At once.
const CLIENTS: usize = 8;
/// WebSockets of one member: all that may not be freed yet.
const PLACES: usize = 200;
/// What they may leave in memory, in bytes.
const GROWTH: u64 = 16_000_000;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![trial("connects::who_comes_and_goes_leaves_no_memory".into(), None, || {
        harness::tell(who_comes_and_goes_leaves_no_memory());
    })];
    for database in [Database::Sqlite, Database::Postgres] {
        let name = format!("connects::who_comes_and_goes_leaves_no_task [{database}]");
        trials.push(trial(name, database.missing(), move || harness::tell(who_comes_and_goes_leaves_no_task(database))));
    }
    trials
}

/// How many come, or so many when it is not said.
fn connects(usual: usize) -> usize {
    setting("TEST_CONNECTS").map_or(usual, |count| count.parse().expect("TEST_CONNECTS is a number"))
}

/// How far a client goes before it is gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Connected,
    HalfAHandshake,
    Opened,
    Began,
    Acknowledged,
    Subscribed,
    Told,
    Completed,
}

const STAGES: [Stage; 8] = [
    Stage::Connected,
    Stage::HalfAHandshake,
    Stage::Opened,
    Stage::Began,
    Stage::Acknowledged,
    Stage::Subscribed,
    Stage::Told,
    Stage::Completed,
];

/// Who comes, and what for.
struct Visit {
    client: Client,
    url: String,
    thread: String,
}

impl Visit {
    async fn new(client: Client, url: &str, forum: &str) -> Self {
        let (thread, _) = client.open_thread(forum, "DISCUSSION", "Passages", "Texte").await;
        Self { client, url: url.to_owned(), thread }
    }

    async fn until(&self, stage: Stage) {
        if stage < Stage::Opened {
            let address = self.url.strip_prefix("http://").expect("an address");
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            if stage == Stage::HalfAHandshake {
                stream.write_all(b"GET /graphql/ws HTTP/1.1\r\nhost: x\r\nupgrade: web").await.expect("sent");
            }
            return;
        }
        let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
        let mut socket = Socket::connect(&self.url, &[protocol]).await.expect("a socket");
        if stage >= Stage::Began {
            let token = self.client.bearer.as_deref().expect("a member");
            let payload = json!({ "authorization": format!("Bearer {token}") });
            socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        }
        if stage >= Stage::Acknowledged {
            assert_eq!(socket.next().await, Ok(json!({ "type": "connection_ack" })));
        }
        if stage >= Stage::Subscribed {
            socket.subscribe("t", FOLLOW, json!({ "t": self.thread })).await;
        }
        if stage >= Stage::Told {
            assert_eq!(socket.data().await["threadEvents"]["__typename"], "StreamStart");
        }
        if stage == Stage::Completed {
            socket.send(json!({ "type": "complete", "id": "t" })).await;
        }
    }

    /// So many visits, a few at once.
    async fn many(&self, count: usize, seed: &Seed) {
        let mut rng = seed.rng();
        let visits = stream::iter((0..count).map(move |_| STAGES[rng.random_range(..STAGES.len())]));
        visits.for_each_concurrent(CLIENTS, |stage| async move { self.until(stage).await }).await;
    }
}

async fn who_comes_and_goes_leaves_no_task(database: Database) {
    let limits = Limits { sockets_per_member: PLACES, ..Limits::default() };
    let world = World::with(database, Settings { limits, ..Settings::default() }).await;
    let forum = world.forum("plateforme", "questions").await;
    let visit = Visit::new(world.member("ada").await, &world.url, &forum).await;
    let seed = Seed::new();
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    visit.many(connects(400), &seed).await;
    until("nothing of them runs or listens", async || tasks() <= before && world.app.live.listeners() == 0).await;
    world.finish().await;
}

/// How many connections a process has, where the system tells it.
fn connections(process: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let leads = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    leads.filter(|lead| lead.to_str().is_some_and(|lead| lead.starts_with("socket:"))).count()
}

async fn who_comes_and_goes_leaves_no_memory() {
    let connects = connects(2000);
    let place = Place::new(Database::Sqlite).await;
    let places = PLACES.to_string();
    let command = place.command(&["serve", "--listen", "127.0.0.1:0", "--sockets-per-member", &places]);
    let served = crate::binary::serve(command).await;
    let process = served.child.id().expect("it runs");
    let client = Client::new(&served.url).sign_in(&served.first_link().expect("a link")).await;
    let query = "{ space(slug: \"plateforme\") { forums { id } } }";
    let forum = crate::steps::text(&crate::steps::read(&client, query, json!({})).await["space"]["forums"][0]["id"]);
    let visit = Visit::new(client, &served.url, &forum).await;
    let seed = Seed::new();
    let open = connections(process);
    // What is kept once is kept by the first of them.
    visit.many((connects / 10).max(1000), &seed).await;
    let held = memory(process, "VmRSS");
    visit.many(connects, &seed).await;
    until("their connections are gone", async || connections(process) <= open).await;
    if let (Some(held), Some(now)) = (held, memory(process, "VmRSS")) {
        assert!(now < held + GROWTH, "from {held} to {now} bytes");
    }
    // Every place is free again.
    let mut sockets = Vec::new();
    for _ in 0..PLACES {
        sockets.push(Socket::open(&served.url, visit.client.bearer.as_deref()).await);
    }
    drop(sockets);
    served.stop().await;
}
