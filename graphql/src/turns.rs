//! How a subscription goes on: in turns, each of which reads on in the log from a place and says what it found, as a request of its
//! own. Turns that would say the same to several clients are taken once, so that a post costs one execution and one
//! serialisation however many look on.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::parser::types::{ExecutableDocument, Selection};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use lru::LruCache;
use services::caller::Sight;
use services::db::in_time;
use services::live::{Listener, Next, Topic};
use services::presence::Looking;
use services::sessions::{self, Origin};
use services::{App, Caller, Result};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio::time::Sleep;

use crate::api::{Api, Ask, Outcome, Reply, chosen};
use crate::context::Client;

/// Turns remembered, and how long: those who were given the same sign come within moments of each other.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");
const REMEMBERED_FOR: Duration = Duration::from_secs(2);
/// What a caller holds is read again after that at the latest, whatever the log tells.
const KNOWN_FOR: TimeDelta = TimeDelta::minutes(1);

const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// One turn, as its field sees it.
#[derive(Clone)]
pub(crate) struct Turn(Arc<Inner>);

struct Inner {
    from: Option<i64>,
    head: i64,
    next: Mutex<Option<Next>>,
    held: Mutex<Option<Looking>>,
}

impl Turn {
    fn new(from: Option<i64>, head: i64) -> Self {
        Self(Arc::new(Inner { from, head, next: Mutex::default(), held: Mutex::default() }))
    }

    /// The last entry of the log that was dealt with; none when the subscription begins.
    pub(crate) fn from(&self) -> Option<i64> {
        self.0.from
    }

    /// No entry beyond it is read: of all before, changes of rights are known.
    pub(crate) fn head(&self) -> i64 {
        self.0.head
    }

    /// Says where the next turn goes on. Without it the subscription is over.
    pub(crate) fn goes_on(&self, next: Next) {
        *self.0.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    /// Says what is true for as long as the subscription goes on.
    pub(crate) fn holds(&self, looking: Looking) {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(looking);
    }

    fn next(&self) -> Option<Next> {
        self.0.next.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Turns that several may take together.
pub(crate) struct Turns(Mutex<LruCache<Key, Shared>>);

struct Shared {
    since: Instant,
    turn: Arc<OnceCell<Taken>>,
}

/// What decides what a turn says. The place in the log is in it twice, so that nothing is said of a moment before the last entry
/// that its listener was told of.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    asked: [u8; 32],
    sight: Arc<Seen>,
    from: Option<i64>,
    head: i64,
}

/// A sight with its hash, which is asked for at each turn.
#[derive(PartialEq, Eq)]
struct Seen {
    hash: u64,
    sight: Sight,
}

impl Seen {
    fn by(caller: &Caller) -> Arc<Self> {
        let (sight, mut hash) = (caller.sight(), DefaultHasher::new());
        sight.hash(&mut hash);
        Arc::new(Self { hash: hash.finish(), sight })
    }
}

impl Hash for Seen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

/// A turn that was taken.
struct Taken {
    replies: Vec<Reply>,
    next: Option<Next>,
    /// It asked who the caller is: what it says is theirs alone.
    personal: bool,
    /// Only of what is theirs alone.
    held: Mutex<Option<Looking>>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    fn shared(&self, key: Key) -> Arc<OnceCell<Taken>> {
        let (mut turns, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        // They stand in the order in which they began.
        while turns.peek_lru().is_some_and(|(_, shared)| now.duration_since(shared.since) > REMEMBERED_FOR) {
            turns.pop_lru();
        }
        if let Some(shared) = turns.peek(&key) {
            return Arc::clone(&shared.turn);
        }
        let turn = Arc::default();
        turns.put(key, Shared { since: now, turn: Arc::clone(&turn) });
        turn
    }
}

/// A subscription of one client.
pub(crate) struct Course {
    api: Api,
    /// Without its text, of which `document` is what remains.
    ask: Ask,
    document: Arc<ExecutableDocument>,
    /// What is asked.
    asked: [u8; 32],
    /// The same without the cursor, which only the first turn reads.
    asked_later: [u8; 32],
    origin: Origin,
    agent: String,
    request_id: String,
    caller: Caller,
    sight: Arc<Seen>,
    known_until: DateTime<Utc>,
    ends: Option<Pin<Box<Sleep>>>,
    listener: Listener,
    from: Option<i64>,
    /// There may be something to read before any sign.
    more: bool,
    over: bool,
    ready: VecDeque<Reply>,
    _held: Option<Looking>,
}

impl Course {
    pub(crate) fn new(api: Api, mut ask: Ask, document: Arc<ExecutableDocument>, client: Client) -> Self {
        let cursor = cursor_variable(&document, &ask);
        let (asked, asked_later) = (fingerprint(&ask, None), fingerprint(&ask, cursor.as_deref()));
        // There are many like this one, for long.
        ask.query = String::new();
        let listener = client.app.live.listen(own(&client.caller).collect());
        let now = client.app.clock.now();
        Self {
            ask,
            document,
            asked,
            asked_later,
            sight: Seen::by(&client.caller),
            known_until: now + KNOWN_FOR,
            ends: Self::ends(&client.caller, &client.app),
            caller: client.caller,
            origin: client.origin,
            agent: client.agent,
            request_id: client.request_id,
            api,
            listener,
            from: None,
            more: true,
            over: false,
            ready: VecDeque::new(),
            _held: None,
        }
    }

    /// Each reply as it comes, until one ends it or nobody listens any more.
    pub(crate) fn replies(self) -> BoxStream<'static, Reply> {
        stream::unfold(self, |mut course| async move {
            loop {
                if let Some(reply) = course.ready.pop_front() {
                    return Some((reply, course));
                }
                if course.over {
                    return None;
                }
                course.wait().await;
                course.go_on().await;
            }
        })
        .boxed()
    }

    /// Until there may be something to read, or until what the caller holds may have changed.
    async fn wait(&mut self) {
        if self.more {
            return;
        }
        match &mut self.ends {
            None => self.listener.heard().await,
            // Set once and not at each wait: there are many of them.
            Some(ends) => tokio::select! {
                () = self.listener.heard() => {}
                () = ends => {}
            },
        }
    }

    /// Something of what they hold ends by its date.
    fn ends(caller: &Caller, app: &App) -> Option<Pin<Box<Sleep>>> {
        let left = (caller.holds_until()? - app.clock.now()).to_std().unwrap_or_default();
        // Beyond a month it is looked at another time.
        Some(Box::pin(tokio::time::sleep(left.min(MONTH))))
    }

    async fn go_on(&mut self) {
        let head = self.app().live.head();
        if let Err(error) = self.recognise().await {
            self.over = true;
            self.ready.push_back(self.api.failure(error, &self.request_id));
            return;
        }
        let key = Key { asked: self.asked, sight: Arc::clone(&self.sight), from: self.from, head };
        let shared = self.api.turns.shared(key);
        let mut mine = None;
        // In a box: of those who wait for it none holds the place that it takes.
        let taken = shared.get_or_init(|| {
            mine = Some(());
            self.take(head).boxed()
        });
        let taken = taken.await;
        if taken.personal && mine.is_none() {
            let own = self.take(head).boxed().await;
            self.end_turn(&own);
        } else {
            self.end_turn(taken);
        }
    }

    fn end_turn(&mut self, taken: &Taken) {
        self.ready.extend(taken.replies.iter().cloned());
        self._held = self._held.take().or_else(|| taken.held.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(next) = &taken.next else {
            self.over = true;
            return;
        };
        self.asked = self.asked_later;
        self.from = Some(next.position);
        // What came about others than before gave no sign.
        self.more = self.listener.turn_to(next.topics.iter().copied().chain(own(&self.caller)).collect()) || next.more;
    }

    /// Reads what the caller holds again when it may have changed.
    async fn recognise(&mut self) -> Result<()> {
        let now = self.app().clock.now();
        let ended = self.ends.as_ref().is_some_and(|ends| ends.is_elapsed());
        // The first turn is the transport's, which has just recognised them.
        if self.from.is_none() || !(self.listener.is_stale() || ended || self.known_until <= now) {
            return Ok(());
        }
        let again = async { sessions::recognise_again(&mut *self.app().db.reader().await?, &self.caller, now).await };
        self.caller = in_time(self.patience(), again.boxed()).await?;
        self.known_until = now + KNOWN_FOR;
        self.sight = Seen::by(&self.caller);
        self.ends = Self::ends(&self.caller, self.app());
        Ok(())
    }

    async fn take(&self, head: i64) -> Taken {
        self.app().live.count_turn();
        let (turn, caller) = (Turn::new(self.from, head), self.caller.unnamed());
        let client = Client {
            app: self.app().counted(),
            caller: caller.clone(),
            reader: None,
            origin: self.origin,
            takes_cookies: false,
            agent: self.agent.clone(),
            request_id: self.request_id.clone(),
        };
        let said = async { Ok(self.api.say(&self.document, &self.ask, client, &turn).await) };
        match in_time(self.patience(), said).await {
            Ok(outcomes) => {
                let over = outcomes.iter().any(Outcome::is_end);
                let replies = outcomes.iter().map(|outcome| outcome.reply(true)).collect();
                let held = turn.0.held.lock().unwrap_or_else(PoisonError::into_inner).take();
                Taken { replies, next: turn.next().filter(|_| !over), personal: caller.was_named(), held: Mutex::new(held) }
            }
            Err(error) => Taken {
                replies: vec![self.api.failure(error, &self.request_id)],
                next: None,
                personal: false,
                held: Mutex::default(),
            },
        }
    }

    fn app(&self) -> &App {
        &self.api.app
    }

    fn patience(&self) -> Duration {
        self.app().config.limits.answer_time
    }
}

/// What tells that the caller's rights change.
fn own(caller: &Caller) -> impl Iterator<Item = Topic> + use<> {
    caller.id().map(|member| Topic::About(member.0)).into_iter()
}

/// What is asked, without the value of the variable `but`.
fn fingerprint(ask: &Ask, but: Option<&str>) -> [u8; 32] {
    let variables = ask.variables.iter().flatten().filter(|(name, _)| Some(name.as_str()) != but);
    let variables: serde_json::Map<_, _> = variables.map(|(name, value)| (name.clone(), value.clone())).collect();
    let asked = serde_json::json!([ask.query, ask.operation_name, variables]);
    Sha256::digest(asked.to_string()).into()
}

/// The variable that gives the cursor, when it is used for nothing else.
fn cursor_variable(document: &ExecutableDocument, ask: &Ask) -> Option<String> {
    let Selection::Field(field) = &chosen(document, ask.operation_name.as_deref())?.selection_set.node.items.first()?.node else {
        return None;
    };
    let given = field.node.get_argument("after")?.node.to_string();
    let variable = given.strip_prefix('$')?;
    // Its definition and its use.
    (ask.query.matches(&given).count() == 2).then(|| variable.to_owned())
}
