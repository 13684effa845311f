//! Several nodes of one product: two real processes on one PostgreSQL and one Redis, whatever becomes of Redis or of one of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use harness::servers::{Missing, Redis, redis_missing};
use harness::{Client, Database, Mail, Socket, tell, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use services::clock::Clock;
use services::id::{MemberId, ThreadId};
use services::live::{Live, Topic};
use services::nodes::{Line, Nodes};
use services::presence::{Here, Presence};

use crate::binary::{PATIENCE, Place, Served, serve, until};
use crate::steps::text;

pub(crate) fn trials() -> Vec<Trial> {
    let missing = || -> Option<Missing> { Database::Postgres.missing().or_else(redis_missing) };
    macro_rules! on_both {
        ($($name:ident),* $(,)?) => {
            vec![$(trial(format!("nodes::{} [postgres, redis]", stringify!($name)), missing(), || tell($name()))),*]
        };
    }
    let mut trials = on_both![
        what_happens_on_one_is_told_on_the_other_whatever_redis_does,
        who_loses_their_node_goes_on_at_another_without_a_gap,
        who_may_no_more_is_cut_off_on_every_node,
        links_are_counted_by_all_nodes_together,
    ];
    let name = "nodes::who_is_here_is_known_on_every_node [redis]";
    trials.push(trial(name.into(), redis_missing(), || tell(who_is_here_is_known_on_every_node())));
    trials
}

/// Two nodes, and the administrator as a client of the first.
struct Pair {
    redis: Redis,
    places: [Place; 2],
    one: Served,
    two: Served,
    administrator: Client,
}

async fn node(place: &Place, redis: &Redis, links_per_origin: &str) -> Served {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--links-per-origin", links_per_origin]);
    command.env("REDIS_URL", redis.url());
    serve(command).await
}

impl Pair {
    async fn start(redis: Redis, links_per_origin: &str) -> Self {
        let first = Place::new(Database::Postgres).await;
        let second = Place::at(first.database_url.clone());
        let one = node(&first, &redis, links_per_origin).await;
        let two = node(&second, &redis, links_per_origin).await;
        let administrator = Client::new(&one.url).with_bearer(&token(&first).await);
        Self { redis, places: [first, second], one, two, administrator }
    }

    /// Waits until both nodes say of themselves that they are so.
    async fn are(&self, health: &Value) {
        for node in [&self.one, &self.two] {
            until(&format!("{health}"), async || {
                let (status, told) = self.administrator.at(&node.url).take("/health/ready").await;
                assert_eq!(status, 200, "it serves, whatever Redis does");
                serde_json::from_slice::<Value>(&told).expect("JSON") == *health
            })
            .await;
        }
    }

    async fn are_well(&self) {
        self.are(&json!({ "status": "ok", "database": "ok", "redis": "ok" })).await;
    }

    async fn are_degraded(&self) {
        self.are(&json!({ "status": "degraded", "database": "ok", "redis": "unavailable" })).await;
    }

    /// A new thread, and its opening post.
    async fn thread(&self) -> (String, String) {
        let reply = self.administrator.run("{ space(slug: \"plateforme\") { forums { id } } }", json!({})).await;
        let forum = text(&reply.data["space"]["forums"][0]["id"]);
        self.administrator.open_thread(&forum, "QUESTION", "Deux nœuds", "Texte").await
    }

    /// A thread that only those of an organisation see; the organisation first.
    async fn closed_thread(&self) -> (String, String) {
        let organisation = self.administrator.make_organisation("Dedans", None).await;
        let space = self.administrator.run("{ space(slug: \"plateforme\") { id } }", json!({})).await.data["space"]["id"].clone();
        let audience = json!([{ "kind": "ORGANISATION", "organisationId": organisation }]);
        let input = json!({
            "spaceId": space, "name": "Dedans", "description": "", "kinds": ["DISCUSSION"],
            "audience": audience, "openingAudience": audience,
        });
        let forum = self.administrator.mutate("createForum", input, "forum { id }").await.done("createForum");
        let forum = text(&forum["forum"]["id"]);
        (organisation, self.administrator.open_thread(&forum, "DISCUSSION", "Entre nous", "Texte").await.0)
    }

    /// `who` follows a thread at that node, after a cursor or from now on.
    async fn follow(&self, node: &Served, who: &Client, thread: &str, after: Option<&str>) -> Socket {
        let mut socket = Socket::open(&node.url, who.bearer.as_deref()).await;
        let query = "subscription($t: ID!, $a: String) { threadEvents(threadId: $t, after: $a) { __typename
            ... on StreamStart { cursor } ... on PostAdded { cursor post { id } } } }";
        socket.subscribe("t", query, json!({ "t": thread, "a": after })).await;
        socket
    }

    /// Posts at the first node, each once the one before is heard; how long each took to be heard.
    async fn answers(&self, root: &str, hears: &mut Socket, count: usize) -> Vec<Duration> {
        let mut took = Vec::new();
        for _ in 0..count {
            let answer = self.administrator.answer(root, "Par l'autre").await;
            let told = Instant::now();
            assert_eq!(event(hears).await["post"]["id"], json!(answer));
            took.push(told.elapsed());
        }
        took
    }

    /// Asks that node for a link.
    async fn ask_for_link(&self, node: &Served, address: &str) -> harness::Reply {
        Client::new(&node.url).mutate("requestLink", json!({ "address": address }), "message").await
    }

    /// Somebody who joins by mail.
    async fn member(&self, handle: &str) -> Client {
        let address = format!("{handle}@exemple.test");
        self.ask_for_link(&self.one, &address).await.done("requestLink");
        let mut link = None;
        // Either node sends it.
        until("a mail", async || {
            let outboxes = self.places.iter().flat_map(|place| std::fs::read_dir(place.folder.path().join("outbox")));
            let files = outboxes.flatten().flatten().map(|entry| entry.path());
            let mails = files.filter(|file| file.extension().is_some_and(|end| end == "eml"));
            link = mails.map(|file| Mail::parse(&std::fs::read(file).expect("a mail"))).find(|mail| mail.to == address);
            link.is_some()
        })
        .await;
        let token = link.expect("a mail").token();
        Client::new(&self.one.url).sign_up(&token, handle, "Un membre", None).await
    }

    async fn stop(self) {
        self.one.stop().await;
        self.two.stop().await;
    }
}

/// A new access token of the administrator's.
pub(crate) async fn token(place: &Place) -> String {
    place.run(&["token", "administration"]).await.done().trim().to_owned()
}

async fn event(socket: &mut Socket) -> Value {
    let told = tokio::time::timeout(PATIENCE, socket.data()).await.expect("it is told");
    told["threadEvents"].clone()
}

/// By looking at the log alone, each would wait for the other node's next look, a second after the last.
const TEN_BY_REDIS: Duration = Duration::from_secs(5);
/// Two seconds at most between the looks of the two nodes, and as long again for a machine that is busy.
const ONE_BY_LOOKING: Duration = Duration::from_secs(4);

async fn what_happens_on_one_is_told_on_the_other_whatever_redis_does() {
    let mut pair = Pair::start(Redis::away(), "1000").await;
    let (thread, root) = pair.thread().await;
    let mut socket = pair.follow(&pair.two, &pair.administrator, &thread, None).await;
    assert_eq!(event(&mut socket).await["__typename"], "StreamStart");
    let by_looking = async |pair: &Pair, socket: &mut Socket| {
        let took = pair.answers(&root, socket, 3).await;
        assert!(took.iter().all(|one| *one < ONE_BY_LOOKING), "{took:?}");
    };
    let by_redis = async |pair: &Pair, socket: &mut Socket| {
        let took = pair.answers(&root, socket, 10).await;
        assert!(took.iter().sum::<Duration>() < TEN_BY_REDIS, "{took:?}");
    };
    // They started without it.
    pair.are_degraded().await;
    by_looking(&pair, &mut socket).await;
    pair.redis.start();
    pair.are_well().await;
    by_redis(&pair, &mut socket).await;
    pair.redis.kill();
    pair.are_degraded().await;
    by_looking(&pair, &mut socket).await;
    pair.redis.start();
    pair.are_well().await;
    by_redis(&pair, &mut socket).await;
    // It falls silent without closing anything: nobody is held up, before that is noticed and after.
    pair.redis.suspend();
    let asked = Instant::now();
    pair.ask_for_link(&pair.one, "patience@exemple.test").await.done("requestLink");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    pair.are_degraded().await;
    by_looking(&pair, &mut socket).await;
    pair.stop().await;
}

/// A client that keeps what it hears, and its place.
struct Follower {
    socket: Socket,
    heard: Vec<String>,
    cursor: String,
}

impl Follower {
    fn keep(&mut self, event: &Value) {
        self.heard.push(text(&event["post"]["id"]));
        self.cursor = text(&event["cursor"]);
    }
}

async fn who_loses_their_node_goes_on_at_another_without_a_gap() {
    const POSTS: usize = 40;
    let mut pair = Pair::start(Redis::fresh(), "1000").await;
    pair.are_well().await;
    let (thread, root) = pair.thread().await;
    let mut socket = pair.follow(&pair.one, &pair.administrator, &thread, None).await;
    let cursor = text(&event(&mut socket).await["cursor"]);
    let mut follower = Follower { socket, heard: Vec::new(), cursor };
    let (writer, to) = (pair.administrator.at(&pair.two.url), root.clone());
    let writes = tokio::spawn(async move {
        let mut written = Vec::new();
        for n in 0..POSTS {
            written.push(writer.answer(&to, &format!("Réponse {n}")).await);
        }
        written
    });
    for _ in 0..POSTS / 4 {
        let told = event(&mut follower.socket).await;
        follower.keep(&told);
    }
    pair.one.child.kill().await.expect("killed");
    // What it had sent arrives still.
    let end = loop {
        match tokio::time::timeout(PATIENCE, follower.socket.next()).await.expect("an end") {
            Ok(told) => follower.keep(&told["payload"]["data"]["threadEvents"]),
            Err(code) => break code,
        }
    };
    assert_eq!(end, 1006, "it had no time to say anything");
    follower.socket = pair.follow(&pair.two, &pair.administrator, &thread, Some(&follower.cursor)).await;
    while follower.heard.len() < POSTS {
        let told = event(&mut follower.socket).await;
        follower.keep(&told);
    }
    assert_eq!(follower.heard, writes.await.expect("the writer"), "each once, in order");
    // It comes back, and what is posted there is told here.
    pair.one = node(&pair.places[0], &pair.redis, "1000").await;
    pair.administrator = pair.administrator.at(&pair.one.url);
    pair.are_well().await;
    let took = pair.answers(&root, &mut follower.socket, 10).await;
    assert!(took.iter().sum::<Duration>() < TEN_BY_REDIS, "{took:?}");
    pair.stop().await;
}

async fn who_may_no_more_is_cut_off_on_every_node() {
    let mut pair = Pair::start(Redis::fresh(), "1000").await;
    pair.are_well().await;
    let (organisation, thread) = pair.closed_thread().await;
    // By looking at the log alone each would take about a second.
    let by_redis = cut_off(&pair, "avec", &organisation, &thread).await;
    assert!(by_redis.iter().sum::<Duration>() < Duration::from_millis(4500), "{by_redis:?}");
    pair.redis.kill();
    pair.are_degraded().await;
    let by_looking = cut_off(&pair, "sans", &organisation, &thread).await;
    assert!(by_looking.iter().all(|one| *one < Duration::from_secs(3)), "{by_looking:?}");

    // Nothing is said when a role ends by its date: each node watches the clock.
    let ada = pair.member("ada").await;
    let clock = Clock::system();
    let ends = clock.now() + TimeDelta::seconds(5);
    let role = json!({ "memberId": ada.id().await, "role": "CONCEPTEUR", "organisationId": organisation, "endsAt": ends });
    pair.administrator.mutate("grantRole", role, "").await.done("grantRole");
    let mut follower = pair.follow(&pair.two, &ada, &thread, None).await;
    assert_eq!(event(&mut follower).await["__typename"], "StreamStart");
    out_of_sight(follower).await;
    let late = clock.now() - ends;
    assert!((0..3).contains(&late.num_seconds()), "{late}");
    pair.stop().await;
}

/// Members are suspended, tokens revoked and roles withdrawn at the first node, one after the other; how long it took to close a
/// socket of each at the second one, or to complete what needed the role.
async fn cut_off(pair: &Pair, name: &str, organisation: &str, thread: &str) -> Vec<Duration> {
    let mut took = Vec::new();
    for n in 0..3 {
        let member = pair.member(&format!("ada-{name}-{n}")).await;
        let id = member.id().await;
        let role = pair.administrator.grant(&id, "CONCEPTEUR", Some(organisation)).await;
        let mut follower = pair.follow(&pair.two, &member, thread, None).await;
        assert_eq!(event(&mut follower).await["__typename"], "StreamStart");
        pair.administrator.mutate("endRole", json!({ "roleGrantId": role }), "").await.done("endRole");
        took.push(out_of_sight(follower).await);

        let suspended = Socket::open(&pair.two.url, member.bearer.as_deref()).await;
        let input = json!({ "memberId": id, "reason": "Insultes.", "until": null });
        pair.administrator.mutate("suspendMember", input, "").await.done("suspendMember");
        took.push(closed(suspended).await);

        let token = token(&pair.places[0]).await;
        let revoked = Socket::open(&pair.two.url, Some(&token)).await;
        // Its id comes first.
        let input = json!({ "tokenId": token[..36] });
        pair.administrator.mutate("revokeAccessToken", input, "tokenId").await.done("revokeAccessToken");
        took.push(closed(revoked).await);
    }
    took
}

/// Waits until an operation is over because its client does not see any more what it follows.
async fn out_of_sight(mut socket: Socket) -> Duration {
    let begun = Instant::now();
    assert_eq!(tokio::time::timeout(PATIENCE, socket.refusal()).await.expect("an end"), "NOT_FOUND");
    begun.elapsed()
}

/// Waits until a socket is closed because who is there may not be there any more.
async fn closed(mut socket: Socket) -> Duration {
    let begun = Instant::now();
    assert_eq!(tokio::time::timeout(PATIENCE, socket.next()).await.expect("an end"), Err(4403));
    begun.elapsed()
}

async fn links_are_counted_by_all_nodes_together() {
    let mut pair = Pair::start(Redis::fresh(), "4").await;
    pair.are_well().await;
    for (n, node) in [&pair.one, &pair.two, &pair.one, &pair.two].into_iter().enumerate() {
        pair.ask_for_link(node, &format!("ada-{n}@exemple.test")).await.done("requestLink");
    }
    for node in [&pair.one, &pair.two] {
        let refused = pair.ask_for_link(node, "linus@exemple.test").await;
        assert_eq!(refused.code(), "LIMITED", "{}", refused.text);
        // One every quarter of an hour.
        let wait = refused.errors[0]["extensions"]["retryAfter"].as_u64().expect("a time");
        assert!((840..=900).contains(&wait), "{wait}");
    }
    let keys = pair.redis.ask("KEYS *");
    let kept: Vec<_> = keys.lines().filter(|line| line.contains(':')).collect();
    assert!(kept.len() == 1 && kept[0].starts_with("ciam:links:") && !keys.contains("127.0.0.1"), "{keys}");
    let left = pair.redis.ask(&format!("TTL {}", kept[0]));
    let left: u64 = left.lines().next().and_then(|line| line.strip_prefix(':')).expect("a number").parse().expect("seconds");
    assert!((3500..=3600).contains(&left), "it is forgotten with the last of them: {left}");

    // Without it each counts for itself.
    pair.redis.kill();
    pair.are_degraded().await;
    for node in [&pair.one, &pair.two] {
        for n in 0..4 {
            pair.ask_for_link(node, &format!("grace-{n}@exemple.test")).await.done("requestLink");
        }
        assert_eq!(pair.ask_for_link(node, "linus@exemple.test").await.code(), "LIMITED");
    }
    pair.stop().await;
}

async fn who_is_here_is_known_on_every_node() {
    let redis = Redis::fresh();
    let clock = Clock::system();
    let (thread, ada) = (ThreadId::new(&clock), MemberId::new(&clock));
    let node = || {
        let (nodes, live) = (Nodes::over(&redis.url()).expect("an address"), Arc::<Live>::default());
        let presence = Presence::new(nodes.clone(), Arc::clone(&live), clock.clone());
        tokio::spawn(presence.clone().keep());
        (nodes, presence, live.listen(vec![Topic::Presence(thread)]))
    };
    let ((here, mine, _), (there, theirs, ear)) = (node(), node());
    until("both hear", async || [&here, &there].iter().all(|nodes| nodes.line() == Line::Open)).await;
    let looks = mine.arrive(thread, ada);
    soon(&theirs, thread, &[Here { member: ada, typing: false }]).await;
    tokio::time::timeout(PATIENCE, ear.heard()).await.expect("a sign");
    mine.typing(thread, ada);
    soon(&theirs, thread, &[Here { member: ada, typing: true }]).await;
    tokio::time::timeout(PATIENCE, ear.heard()).await.expect("a sign");
    // They stop by themselves.
    soon(&theirs, thread, &[Here { member: ada, typing: false }]).await;
    // Who leaves one node and looks through the other is still there.
    let also = theirs.arrive(thread, ada);
    drop(looks);
    soon(&mine, thread, &[Here { member: ada, typing: false }]).await;
    drop(also);
    soon(&mine, thread, &[]).await;
    soon(&theirs, thread, &[]).await;
}

/// Far sooner than what is not said again is forgotten.
async fn soon(presence: &Presence, thread: ThreadId, expected: &[Here]) {
    let known = until("who is here", async || presence.here(thread) == expected);
    let known = tokio::time::timeout(Duration::from_secs(15), known).await;
    assert!(known.is_ok(), "{:?} and not {expected:?}", presence.here(thread));
}
