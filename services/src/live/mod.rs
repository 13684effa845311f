//! Who waits for what happens: in each process one follower of the log gives a sign to those who listen to what an entry is about.
//!
//! Signs carry nothing and may be given for nothing. Who hears one reads the log from where they stand, so that a late one, a
//! restart or another node costs time and never an entry.

mod thread;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::App;
use crate::db::Cx;
use crate::error::{Code, Error, Result};
use crate::events;
use crate::page::Key;

pub use thread::ThreadFollower;

/// How far back a client may go on from; beyond, it is told that it missed something.
pub const KEPT: TimeDelta = TimeDelta::days(14);
/// The follower looks at the log that often even when no sign came.
const POLL: Duration = Duration::from_secs(2);
/// How many entries it takes at once.
const AT_ONCE: i64 = 500;

/// Where a client's stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The number of the last entry before it.
    pub position: i64,
    /// Entries between the client's cursor and there cannot be told any more.
    pub gap: bool,
}

/// Who listens, in this process.
#[derive(Default)]
pub struct Live(Mutex<Listeners>);

#[derive(Default)]
struct Listeners {
    last: u64,
    by_subject: HashMap<Uuid, HashMap<u64, Arc<Notify>>>,
}

/// An ear for entries about some subjects, until it is dropped.
pub struct Listener {
    live: Arc<Live>,
    id: u64,
    subjects: Vec<Uuid>,
    sign: Arc<Notify>,
}

impl Live {
    /// Listens to `subjects`.
    #[must_use]
    pub fn listen(self: &Arc<Self>, subjects: Vec<Uuid>) -> Listener {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.last += 1;
        let mut listener = Listener { live: Arc::clone(self), id: listeners.last, subjects: Vec::new(), sign: Arc::default() };
        listener.enter(&mut listeners, subjects);
        listener
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.by_subject.values().flat_map(HashMap::keys).collect::<HashSet<_>>().len()
    }

    fn sign(&self, subjects: impl Iterator<Item = Uuid>) {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects {
            for sign in listeners.by_subject.get(&subject).into_iter().flat_map(HashMap::values) {
                // Kept for who is not waiting just now.
                sign.notify_one();
            }
        }
    }
}

impl Listener {
    /// Waits for an entry since the last call, or for nothing.
    pub async fn heard(&self) {
        self.sign.notified().await;
    }

    /// Listens to these from now on, and to nothing else. True when they are others than before: what came in between gave no sign.
    pub fn turn_to(&mut self, subjects: Vec<Uuid>) -> bool {
        if subjects == self.subjects {
            return false;
        }
        let live = Arc::clone(&self.live);
        let mut listeners = live.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.leave(&mut listeners);
        self.enter(&mut listeners, subjects);
        true
    }

    fn enter(&mut self, listeners: &mut Listeners, subjects: Vec<Uuid>) {
        for subject in &subjects {
            listeners.by_subject.entry(*subject).or_default().insert(self.id, Arc::clone(&self.sign));
        }
        self.subjects = subjects;
    }

    fn leave(&mut self, listeners: &mut Listeners) {
        for subject in std::mem::take(&mut self.subjects) {
            if let Some(ears) = listeners.by_subject.get_mut(&subject) {
                ears.remove(&self.id);
                if ears.is_empty() {
                    listeners.by_subject.remove(&subject);
                }
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let live = Arc::clone(&self.live);
        self.leave(&mut live.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Gives the signs, for as long as the process lives.
pub async fn follow(app: App) {
    let (mut wakes, mut position) = (app.db.wakes(), None);
    loop {
        if let Err(error) = pass_on(&app, &mut position).await {
            tracing::warn!(cause = error.cause(), "the log cannot be followed");
        }
        drop(tokio::time::timeout(POLL, wakes.next()).await);
    }
}

async fn pass_on(app: &App, position: &mut Option<i64>) -> Result<()> {
    let mut cx = app.db.reader().await?;
    let Some(position) = position else {
        *position = Some(events::last(&mut cx).await?);
        return Ok(());
    };
    loop {
        let entries = events::subjects(&mut cx, *position, AT_ONCE).await?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        *position = *last;
        app.live.sign(entries.into_iter().filter_map(|(_, subject)| subject));
    }
}

/// The text of a client's place in the log.
#[must_use]
pub fn cursor(position: i64) -> String {
    position.encode()
}

/// Where a client goes on: after its cursor, or from now on.
async fn start(app: &App, cx: &mut Cx, after: Option<&str>) -> Result<Start> {
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
