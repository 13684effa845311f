//! A line that is cut at any byte, in the middle of a handshake or of a frame: who comes back with the last cursor they read
//! hears everything, in order, once.

use harness::{Client, Socket, Story, Wire, World, stories};
use rand::RngExt;
use serde_json::json;

use crate::kills::Seed;
use crate::live::{ANSWERS, FOLLOW, Writers, event, follow};
use crate::steps::text;

pub(crate) fn stories() -> Vec<Story> {
    stories![a_line_cut_at_any_byte_misses_nothing_and_hears_nothing_twice]
}

/// One who follows a thread.
struct Follower {
    who: Client,
    thread: String,
    /// The last that was read whole.
    cursor: String,
    heard: Vec<String>,
}

impl Follower {
    /// Hears what comes over one connection to `url`, until all has come or the line is cut.
    async fn hear(&mut self, url: &str) -> Result<(), u16> {
        let mut socket = Socket::attempt(url, self.who.bearer.as_deref()).await?;
        let payload = json!({ "query": FOLLOW, "variables": { "t": self.thread, "a": self.cursor } });
        socket.offer(&json!({ "type": "subscribe", "id": "t", "payload": payload }).to_string()).await?;
        while self.heard.len() < ANSWERS {
            let message = socket.next().await?;
            let added = &message["payload"]["data"]["threadEvents"];
            assert_eq!(added["__typename"], "PostAdded", "{message}");
            self.heard.push(text(&added["post"]["id"]));
            self.cursor = text(&added["cursor"]);
        }
        Ok(())
    }
}

async fn a_line_cut_at_any_byte_misses_nothing_and_hears_nothing_twice(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Un fil fragile", "Texte").await;
    let start = event(&mut follow(world, &ada, &thread, None).await).await;
    let mut follower = Follower { who: ada.clone(), thread, cursor: text(&start["cursor"]), heard: Vec::new() };
    let seed = Seed::new();
    let mut rng = seed.rng();
    // A handshake and a subscription are about 1,200 bytes to the product; its answers and an event about 1,000 back.
    let wire = Wire::frail(&world.url, move || [rng.random_range(0..6_000), rng.random_range(0..6_000)]).await;
    let writers = Writers::start(&ada, &root);
    let mut cuts = 0;
    while let Err(code) = follower.hear(&wire.url).await {
        assert_eq!(code, 1006);
        cuts += 1;
    }
    assert!(cuts > 0, "it was never cut");
    writers.were_heard(world, follower.heard).await;
}
