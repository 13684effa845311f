//! Who waits for what happens: in each process one follower of the log gives a sign to those who listen to what an entry is about.
//!
//! Signs carry nothing and may be given for nothing. Who hears one reads the log from where they stand, so that a late one, a
//! restart or another node costs time and never an entry.

mod place;
mod thread;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::App;
use crate::db::{Cx, Work, in_time};
use crate::error::{Code, Error, Result};
use crate::events::{self, Recorded, Rights};
use crate::id::{MemberId, ThreadId};
use crate::inbox;
use crate::page::Key;

pub use place::read as read_place;
pub use thread::read as read_thread;

/// How far back a client may go on from; beyond, it is told that it missed something.
pub const KEPT: TimeDelta = TimeDelta::days(14);
/// The follower looks at the log that often even when no sign came: with the sequencer's own second, what happened elsewhere is
/// told within two whatever is lost.
const POLL: Duration = Duration::from_secs(1);
/// It takes another connection after that long without an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many entries it takes at once.
const AT_ONCE: usize = 500;

/// Where a client's stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The number of the last entry before it.
    pub position: i64,
    /// Entries between the client's cursor and there cannot be told any more.
    pub gap: bool,
}

/// Where a stream goes on, and what gives it a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The number of the last entry that it has dealt with.
    pub position: i64,
    /// What it listens to.
    pub topics: Vec<Topic>,
    /// There may be something to read before any sign.
    pub more: bool,
}

/// What somebody listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Entries of the log that are about it or happen there.
    About(Uuid),
    /// What a member is told.
    Inbox(MemberId),
    /// Who looks at a thread.
    Presence(ThreadId),
}

/// Who listens, in this process, and how far they were told.
#[derive(Default)]
pub struct Live {
    listeners: Mutex<Listeners>,
    head: AtomicI64,
    turns: AtomicU64,
}

#[derive(Default)]
struct Listeners {
    last: u64,
    /// How many listen to what a member is told.
    inboxes: usize,
    by_topic: HashMap<Topic, HashMap<u64, Arc<Ear>>>,
}

/// What one listener is told.
struct Ear {
    sign: Notify,
    /// What is known of the listener's rights may be no longer so.
    stale: AtomicBool,
}

/// An ear for some topics, until it is dropped.
pub struct Listener {
    live: Arc<Live>,
    id: u64,
    topics: Vec<Topic>,
    ear: Arc<Ear>,
}

impl Live {
    /// Listens to `topics`.
    #[must_use]
    pub fn listen(self: &Arc<Self>, topics: Vec<Topic>) -> Listener {
        let mut listeners = self.lock();
        listeners.last += 1;
        // What was known of rights before somebody listened may be stale already.
        let ear = Arc::new(Ear { sign: Notify::new(), stale: AtomicBool::new(true) });
        let mut listener = Listener { live: Arc::clone(self), id: listeners.last, topics: Vec::new(), ear };
        listener.enter(&mut listeners, topics);
        listener
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.lock().by_topic.values().flat_map(HashMap::keys).collect::<HashSet<_>>().len()
    }

    /// The last entry of the log of which everybody here was told. Whoever reads no further than that knows by
    /// [`Listener::is_stale`] of every change of rights before it.
    #[must_use]
    pub fn head(&self) -> i64 {
        self.head.load(Ordering::Acquire)
    }

    /// How often subscriptions read on in the log; a turn that several share counts once.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Counts a turn.
    pub fn count_turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Passes entries on, in the order that [`Live::head`] promises: rights, then how far, then signs.
    fn tell(&self, entries: &[Recorded]) {
        let Some(last) = entries.last() else { return };
        let listeners = self.lock();
        let grow_stale = |ear: &Arc<Ear>| ear.stale.store(true, Ordering::Relaxed);
        // Once, however many entries say so: an import tells of hundreds at a time.
        if entries.iter().any(|entry| entry.event.rights() == Rights::OfMany) {
            listeners.all().for_each(grow_stale);
        }
        for entry in entries.iter().filter(|entry| entry.event.rights() == Rights::OfSubject) {
            listeners.ears(Topic::About(entry.event.subject())).for_each(grow_stale);
        }
        self.head.store(last.seq, Ordering::Release);
        for entry in entries {
            // Kept for who is not waiting just now.
            let about = entry.within.into_iter().chain([entry.event.subject()]);
            about.flat_map(|subject| listeners.ears(Topic::About(subject))).for_each(|ear| ear.sign.notify_one());
        }
    }

    /// Begins to follow the log after `position`: whoever listens already looks for themselves.
    fn begin(&self, position: i64) {
        self.head.store(position, Ordering::Release);
        self.lock().all().for_each(|ear| ear.sign.notify_one());
    }

    /// Begins to follow what members are told: whoever listens already looks for themselves.
    fn begin_inboxes(&self) {
        let listeners = self.lock();
        let inboxes = listeners.by_topic.iter().filter(|(topic, _)| matches!(topic, Topic::Inbox(_)));
        inboxes.flat_map(|(_, ears)| ears.values()).for_each(|ear| ear.sign.notify_one());
    }

    /// These were told something.
    fn tell_members(&self, members: impl Iterator<Item = MemberId>) {
        let listeners = self.lock();
        members.flat_map(|member| listeners.ears(Topic::Inbox(member))).for_each(|ear| ear.sign.notify_one());
    }

    /// Others look at these threads than before.
    pub(crate) fn tell_who_looks(&self, threads: impl IntoIterator<Item = ThreadId>) {
        let listeners = self.lock();
        threads.into_iter().flat_map(|thread| listeners.ears(Topic::Presence(thread))).for_each(|ear| ear.sign.notify_one());
    }

    fn listens_to_inboxes(&self) -> bool {
        self.lock().inboxes > 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listeners {
    fn ears(&self, topic: Topic) -> impl Iterator<Item = &Arc<Ear>> {
        self.by_topic.get(&topic).into_iter().flat_map(HashMap::values)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Ear>> {
        self.by_topic.values().flat_map(HashMap::values)
    }
}

impl Listener {
    /// Waits for an entry since the last call, or for nothing.
    pub async fn heard(&self) {
        self.ear.sign.notified().await;
    }

    /// Whether rights may have changed since the last call. True at first.
    pub fn is_stale(&self) -> bool {
        self.ear.stale.swap(false, Ordering::Relaxed)
    }

    /// Listens to these from now on, and to nothing else. True when they are others than before: what came in between gave no sign.
    pub fn turn_to(&mut self, topics: Vec<Topic>) -> bool {
        if topics == self.topics {
            return false;
        }
        let live = Arc::clone(&self.live);
        let mut listeners = live.lock();
        self.leave(&mut listeners);
        self.enter(&mut listeners, topics);
        true
    }

    fn enter(&mut self, listeners: &mut Listeners, topics: Vec<Topic>) {
        for topic in &topics {
            listeners.inboxes += usize::from(matches!(topic, Topic::Inbox(_)));
            listeners.by_topic.entry(*topic).or_default().insert(self.id, Arc::clone(&self.ear));
        }
        self.topics = topics;
    }

    fn leave(&mut self, listeners: &mut Listeners) {
        for topic in std::mem::take(&mut self.topics) {
            listeners.inboxes -= usize::from(matches!(topic, Topic::Inbox(_)));
            if let Some(ears) = listeners.by_topic.get_mut(&topic) {
                ears.remove(&self.id);
                if ears.is_empty() {
                    listeners.by_topic.remove(&topic);
                }
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let live = Arc::clone(&self.live);
        self.leave(&mut live.lock());
    }
}

/// Gives the signs, for as long as the process lives.
pub async fn follow(app: App) {
    let (mut wakes, mut progress) = (app.db.wakes(Work::Events), Progress::default());
    loop {
        if let Err(error) = in_time(PATIENCE, progress.pass_on(&app)).await {
            tracing::warn!(cause = error.cause(), "the log cannot be followed");
        }
        drop(tokio::time::timeout(POLL, wakes.next()).await);
    }
}

/// How far signs were given.
#[derive(Default)]
struct Progress {
    log: Option<i64>,
    /// Of what members are told, while anybody listens to that.
    inboxes: Option<(i64, MemberId)>,
}

impl Progress {
    async fn pass_on(&mut self, app: &App) -> Result<()> {
        let (mut cx, most) = (app.db.reader().await?, i64::try_from(AT_ONCE).unwrap_or(i64::MAX));
        match &mut self.log {
            None => {
                let last = events::last(&mut cx).await?;
                app.live.begin(last);
                self.log = Some(last);
            }
            Some(log) => loop {
                let entries = events::after(&mut cx, *log, most).await?;
                let Some(last) = entries.last() else { break };
                *log = last.seq;
                app.live.tell(&entries);
                if entries.len() < AT_ONCE {
                    break;
                }
            },
        }
        if !app.live.listens_to_inboxes() {
            self.inboxes = None;
            return Ok(());
        }
        let Some(inboxes) = &mut self.inboxes else {
            self.inboxes = Some(inbox::last_told(&mut cx).await?);
            app.live.begin_inboxes();
            return Ok(());
        };
        loop {
            let told = inbox::told_beyond(&mut cx, *inboxes, most).await?;
            let (Some(last), many) = (told.last(), told.len()) else { return Ok(()) };
            *inboxes = *last;
            app.live.tell_members(told.into_iter().map(|(_, member)| member));
            if many < AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// The text of a client's place in the log.
#[must_use]
pub fn cursor(position: i64) -> String {
    position.encode()
}

/// Where a client goes on: after its cursor, or from now on.
///
/// # Errors
/// [`Error::Invalid`] on `after` for what is no cursor of a subscription.
pub async fn start(app: &App, cx: &mut Cx, after: Option<&str>) -> Result<Start> {
    let last = events::last(cx).await?;
    let Some(after) = after else { return Ok(Start { position: last, gap: false }) };
    let sentence = "Ce curseur ne vient pas d'un abonnement.";
    let position = i64::decode(after).filter(|position| *position >= 0);
    let position = position.ok_or_else(|| Error::invalid("after", Code::Malformed, sentence))?;
    // A cursor from beyond the end is of a log that was: the database came back from a copy.
    let lost =
        position > last || events::moment_after(cx, position).await?.is_some_and(|written| written < app.clock.now() - KEPT);
    Ok(if lost { Start { position: last, gap: true } } else { Start { position, gap: false } })
}
