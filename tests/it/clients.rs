//! The clients that front ends use for subscriptions, from npm, over a wire that is cut: what is told by us is understood by others.

use std::process::Stdio;

use harness::{Client, Database, Socket, Wire, World, servers, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::abuse::with_limits;
use crate::audits::folder;
use crate::binary::PATIENCE;

pub(crate) fn trials() -> Vec<Trial> {
    let missing = || servers::npm_missing("graphql-ws", &folder(), "graphql-ws");
    let mut trials = Vec::new();
    for name in ["graphql-ws", "urql"] {
        trials.push(trial(format!("clients::a_line_that_is_cut_is_taken_up_again [{name}]"), missing(), move || {
            harness::tell(a_line_that_is_cut_is_taken_up_again(name));
        }));
    }
    trials.push(trial("clients::too_many_connections_are_tried_again_and_given_up".into(), missing(), || {
        harness::tell(too_many_connections_are_tried_again_and_given_up());
    }));
    trials
}

/// One of them that follows a thread, in a process of its own.
struct Follower {
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Follower {
    fn start(name: &str, url: &str, who: &Client, thread: &str, tries: &str) -> Self {
        let mut command = Command::new("node");
        command.args(["clients.mjs", name, url, who.bearer.as_deref().expect("a member"), thread, tries]);
        command.current_dir(folder()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("node runs");
        Self { lines: BufReader::new(process.stdout.take().expect("its output")).lines(), _process: process }
    }

    /// The next thing it says.
    async fn says(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("a line").expect("text");
        serde_json::from_str(&line.expect("it goes on")).expect("JSON")
    }

    /// The next event, whatever became of its line meanwhile.
    async fn event(&mut self) -> Value {
        loop {
            let said = self.says().await;
            if said["closed"].is_null() {
                assert!(said["event"].is_object(), "{said}");
                return said["event"].clone();
            }
        }
    }
}

async fn a_line_that_is_cut_is_taken_up_again(name: &str) {
    let world = World::start(Database::Sqlite).await;
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Par npm", "Texte").await;
    let wire = Wire::to(&world.url).await;
    let mut follower = Follower::start(name, &wire.url, &ada, &thread, "Infinity");
    assert_eq!(follower.event().await["__typename"], "StreamStart");
    let (mut made, mut heard) = (Vec::new(), Vec::new());
    for cut in 0..3 {
        for n in 0..5 {
            made.push(ada.answer(&root, &format!("Avant {cut}.{n}")).await);
        }
        // Some of them are on their way when it is cut.
        for _ in 0..3 {
            heard.push(follower.event().await["post"]["id"].clone());
        }
        wire.cut();
        for n in 0..3 {
            made.push(ada.answer(&root, &format!("Pendant {cut}.{n}")).await);
        }
        wire.mend();
    }
    while heard.len() < made.len() {
        heard.push(follower.event().await["post"]["id"].clone());
    }
    made.push(ada.answer(&root, "Fin").await);
    heard.push(follower.event().await["post"]["id"].clone());
    assert_eq!(heard, made);
    drop(follower);
    world.finish().await;
}

/// A code that `graphql-ws` neither gives up at once nor tries for ever.
async fn too_many_connections_are_tried_again_and_given_up() {
    let world = with_limits(|limits| limits.sockets_per_member = 1).await;
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "DISCUSSION", "Trop de lignes", "Texte").await;
    let held = Socket::open(&world.url, ada.bearer.as_deref()).await;
    let mut few = Follower::start("graphql-ws", &world.url, &ada, &thread, "3");
    for _ in 0..4 {
        assert_eq!(few.says().await, json!({ "closed": 4430 }));
    }
    assert_eq!(few.says().await, json!({ "ended": 4430 }));
    let mut many = Follower::start("graphql-ws", &world.url, &ada, &thread, "Infinity");
    assert_eq!(many.says().await, json!({ "closed": 4430 }));
    drop(held);
    assert_eq!(many.event().await["__typename"], "StreamStart");
    drop(many);
    world.finish().await;
}
