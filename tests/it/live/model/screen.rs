//! What a client shows, by what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use harness::{Client, Socket, World};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::steps::{nodes, read, text};

/// Something to look at.
pub(super) struct Kind {
    name: &'static str,
    subscription: &'static str,
    query: &'static str,
    /// What a reply to the query shows; nothing when it is out of sight.
    read: fn(&Value) -> Shown,
    /// Puts what an event tells in the place of what is shown.
    apply: fn(&mut Shown, &Value),
}

/// By id: posts, threads, entries; and under its name what there is one of.
type Shown = BTreeMap<String, Value>;

macro_rules! of_a_thread {
    () => {
        "fragment P on Post { id body html deleted hidden editedAt revision parent { id } }
        fragment T on Thread { title kind locked solved pinned hidden postCount lastActivityAt forum { id } acceptedAnswer { id }
            trainings { ...F } documents { id } report { state component fixedIn duplicateOf { id } revision
            history(first: 100) { edges { node { to note } } } } }
        fragment F on Training { id title state opening plannedOn publishedAt revision framing { note } addresses { shape number }
            sessions(first: 20) { edges { node { id state seats } } } }"
    };
}

/// A post tells of its thread what it changes: were it all, it would mend what an event about the thread left out.
pub(super) const THREAD: Kind = Kind {
    name: "thread",
    subscription: concat!(
        "subscription($id: ID!, $after: String) { threadEvents(threadId: $id, after: $after) { __typename
        ... on StreamStart { cursor } ... on Gap { cursor }
        ... on PostAdded { cursor post { ...P } thread { postCount lastActivityAt } }
        ... on PostChanged { cursor post { ...P } thread { postCount lastActivityAt } }
        ... on ThreadChanged { cursor thread { ...T } }
        ... on TrainingChanged { cursor training { ...F } } } } ",
        of_a_thread!()
    ),
    query: concat!("query($id: ID!) { thread(id: $id) { ...T posts(first: 100) { edges { node { ...P } } } } } ", of_a_thread!()),
    read: |data| {
        let Some(thread) = data["thread"].as_object() else { return Shown::new() };
        let mut thread = thread.clone();
        let mut shown = by_id(&nodes(&thread.remove("posts").expect("posts")), "/id");
        shown.insert("thread".into(), Value::Object(thread));
        shown
    },
    apply: |shown, event| {
        if let Some(post) = event.get("post") {
            shown.insert(text(&post["id"]), post.clone());
        }
        let thread = shown.get_mut("thread").expect("a thread");
        put(thread, &event["thread"]);
        let trainings = thread["trainings"].as_array_mut().expect("a list");
        for training in trainings.iter_mut().filter(|training| training["id"] == event["training"]["id"]) {
            *training = event["training"].clone();
        }
    },
};

macro_rules! of_a_forum {
    () => {
        "fragment T on Thread { id title kind locked solved pinned hidden postCount lastActivityAt forum { id } acceptedAnswer { id }
            trainings { id } documents { id } report { state } }"
    };
}

/// As in a thread: a post mends nothing else.
pub(super) const FORUM: Kind = Kind {
    name: "forum",
    subscription: concat!(
        "subscription($id: ID!, $after: String) { forumEvents(forumId: $id, after: $after) { __typename
        ... on StreamStart { cursor } ... on Gap { cursor }
        ... on ThreadArrived { cursor thread { ...T } }
        ... on ThreadLeft { cursor threadId }
        ... on ThreadChanged { cursor thread { ...T } }
        ... on PostAdded { cursor thread { id hidden postCount lastActivityAt } }
        ... on PostChanged { cursor thread { id hidden postCount lastActivityAt } }
        ... on ForumChanged { cursor forum { description } } } } ",
        of_a_forum!()
    ),
    query: concat!(
        "query($id: ID!) { forum(id: $id) { description threads(first: 100) { edges { node { ...T } } } } } ",
        of_a_forum!()
    ),
    read: |data| {
        let forum = &data["forum"];
        let mut shown = by_id(&nodes(&forum["threads"]), "/id");
        shown.insert("forum".into(), json!({ "description": forum["description"] }));
        shown
    },
    apply: |shown, event| {
        if let Some(forum) = event.get("forum") {
            shown.insert("forum".into(), forum.clone());
        }
        if let Some(left) = event.get("threadId") {
            shown.remove(&text(left));
        }
        if let Some(thread) = event.get("thread") {
            let entry = shown.entry(text(&thread["id"])).or_insert_with(|| json!({}));
            put(entry, thread);
        }
        // Moderators see hidden threads in a list of their own.
        shown.retain(|_, thread| thread["hidden"] != json!(true));
    },
};

pub(super) const CALENDAR: Kind = Kind {
    name: "calendar",
    subscription: "subscription($after: String) { calendarEvents(after: $after) { __typename
        ... on StreamStart { cursor } ... on Gap { cursor }
        ... on CalendarEntrySet { cursor entry { date published training { id title state opening plannedOn } } }
        ... on CalendarEntryRemoved { cursor trainingId } } }",
    query: "{ publicationCalendar(first: 100) { edges { node { date published training { id title state opening plannedOn } } } } }",
    read: |data| by_id(&nodes(&data["publicationCalendar"]), "/training/id"),
    apply: |shown, event| {
        if let Some(removed) = event.get("trainingId") {
            shown.remove(&text(removed));
        }
        if let Some(entry) = event.get("entry") {
            shown.insert(text(&entry["training"]["id"]), entry.clone());
        }
    },
};

/// Puts the fields that are told in the place of those that are shown.
fn put(shown: &mut Value, told: &Value) {
    for (field, value) in told.as_object().into_iter().flatten() {
        shown[field] = value.clone();
    }
}

fn by_id(rows: &[Value], id: &str) -> Shown {
    rows.iter().map(|row| (text(row.pointer(id).expect("an id")), row.clone())).collect()
}

/// Where an event says the mark that ends a round.
const MARKS: [&str; 3] = ["/training/title", "/forum/description", "/entry/training/title"];

/// What is told comes before that, also on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One client, and what it shows.
pub(super) struct Screen<'w> {
    world: &'w World,
    who: Client,
    kind: &'static Kind,
    id: String,
    socket: Socket,
    cursor: String,
    /// Nothing when it is out of sight.
    shown: Shown,
}

impl fmt::Display for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name, self.id)
    }
}

impl<'w> Screen<'w> {
    pub(super) async fn open(world: &'w World, who: &Client, kind: &'static Kind, id: &str) -> Self {
        let socket = Socket::open(&world.url, who.bearer.as_deref()).await;
        let (who, id) = (who.clone(), id.to_owned());
        let mut screen = Self { world, who, kind, id, socket, cursor: String::new(), shown: Shown::new() };
        screen.open_anew().await;
        assert!(!screen.shown.is_empty(), "{screen} is in sight");
        screen
    }

    /// Begins a stream, reads what there is then, and goes on after where the stream began.
    async fn open_anew(&mut self) {
        self.shown.clear();
        self.connect(Value::Null).await;
        if let Some(start) = self.next().await {
            assert_eq!(start["__typename"], "StreamStart");
            self.cursor = text(&start["cursor"]);
            self.shown = self.query().await;
            self.connect(json!(self.cursor)).await;
        }
    }

    /// Another line than before, which is cut.
    async fn connect(&mut self, after: Value) {
        self.socket = Socket::open(&self.world.url, self.who.bearer.as_deref()).await;
        self.socket.subscribe("s", self.kind.subscription, json!({ "id": self.id, "after": after })).await;
    }

    /// The next event; none when it is out of sight.
    async fn next(&mut self) -> Option<Value> {
        let message = timeout(PATIENCE, self.socket.next()).await.expect("told in time").expect("open");
        let payload = &message["payload"];
        if message["type"] == "error" {
            assert_eq!(payload[0]["extensions"]["code"], "NOT_FOUND", "{message}");
            return None;
        }
        assert_eq!((&message["type"], &payload["errors"]), (&json!("next"), &Value::Null), "{message}");
        payload["data"].as_object().and_then(|data| data.values().next()).cloned()
    }

    async fn query(&self) -> Shown {
        (self.kind.read)(&read(&self.who, self.kind.query, json!({ "id": self.id })).await)
    }

    /// Applies what is told until the mark. Now and then the line is cut and taken up again after the cursor, or all is read anew in
    /// the middle of what happens.
    pub(super) async fn hear(&mut self, mark: &str, mut rng: StdRng) {
        while !self.shown.is_empty() {
            let Some(event) = self.next().await else {
                self.shown.clear();
                return;
            };
            self.cursor = text(&event["cursor"]);
            (self.kind.apply)(&mut self.shown, &event);
            if MARKS.iter().any(|at| event.pointer(at) == Some(&json!(mark))) {
                return;
            }
            match rng.random_range(0..10) {
                0 | 1 => self.connect(json!(self.cursor)).await,
                2 => {
                    self.open_anew().await;
                    // Read after the mark was set, it holds all.
                    if self.shown.values().any(|value| value.to_string().contains(mark)) {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    /// What differs after a round, by its id: as it is shown, and as a query says it. What went out of sight is looked for again.
    pub(super) async fn differences(&mut self) -> Vec<(String, Option<Value>, Option<Value>)> {
        if self.shown.is_empty() {
            self.open_anew().await;
        }
        let said = self.query().await;
        let ids: BTreeSet<_> = self.shown.keys().chain(said.keys()).cloned().collect();
        let rows = ids.into_iter().map(|id| (self.shown.get(&id).cloned(), said.get(&id).cloned(), id));
        rows.filter(|(shown, said, _)| shown != said).map(|(shown, said, id)| (id, shown, said)).collect()
    }
}
