//! Who looks at a thread and who is typing there, as far as is known: nothing is stored, and all of it may be lost.
//!
//! Each process knows who looks through it and says so to the others, again and again; what is not said again is forgotten, so
//! that a node that dies leaves nobody behind. Who may know it is for whoever asks to decide.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::caller::Scope;
use crate::clock::Clock;
use crate::error::Result;
use crate::id::{MemberId, ThreadId};
use crate::idempotency::act;
use crate::live::Live;
use crate::nodes::{Nodes, Word};
use crate::{App, Caller, forum};

/// Who is not said again to look is forgotten after that long.
const LOOK: TimeDelta = TimeDelta::seconds(30);
/// Who is not said again to type has stopped.
const TYPING: TimeDelta = TimeDelta::seconds(6);
/// Who looks through this process is said again that often.
const AGAIN: TimeDelta = TimeDelta::seconds(10);
const BEAT: Duration = Duration::from_secs(1);
/// Members known of one thread. Who comes later is known once there is room.
const MEMBERS: usize = 100;
/// Threads known at once.
const THREADS: usize = 10_000;
/// Looks told in one word.
const AT_ONCE: usize = 100;

/// Somebody who looks at a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct Here {
    pub member: MemberId,
    pub typing: bool,
}

/// Who looks where. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Inner>);

struct Inner {
    nodes: Nodes,
    live: Arc<Live>,
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    threads: HashMap<ThreadId, HashMap<MemberId, Seen>>,
    /// How often each looks through this process.
    own: HashMap<(ThreadId, MemberId), usize>,
    /// When those were last said.
    said: DateTime<Utc>,
}

/// Until when they look and type, as was last said. Who types looks.
struct Seen {
    looks: DateTime<Utc>,
    types: DateTime<Utc>,
}

const NEVER: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;

/// Somebody looks at a thread through this process until this is dropped.
#[must_use]
pub struct Looking {
    presence: Presence,
    thread: ThreadId,
    member: MemberId,
}

/// Says to those who look at a thread that the caller is typing there, for 6 s. Nothing is written but the key that was given.
///
/// # Errors
/// [`Error::NotFound`] for a thread out of sight; as [`Caller::may`].
pub async fn say_typing(app: &App, caller: &Caller, id: ThreadId) -> Result<ThreadId> {
    let member = caller.may(Scope::Write)?;
    if caller.once().is_some() {
        act(app, caller, Scope::Write, move |tx, actor| {
            Box::pin(async move { Ok(forum::seen(forum::thread_row(tx, id).await?, &actor)?.id) })
        })
        .await?;
    } else {
        forum::seen(forum::thread_row(&mut *app.db.reader().await?, id).await?, caller)?;
    }
    app.presence.typing(id, member);
    Ok(id)
}

impl Presence {
    /// Nobody yet.
    #[must_use]
    pub fn new(nodes: Nodes, live: Arc<Live>, clock: Clock) -> Self {
        Self(Arc::new(Inner { nodes, live, clock, known: Mutex::default() }))
    }

    /// `member` looks at `thread` until what is returned is dropped.
    pub fn arrive(&self, thread: ThreadId, member: MemberId) -> Looking {
        let mut known = self.known();
        *known.own.entry((thread, member)).or_default() += 1;
        let new = known.look(thread, member, self.0.clock.now());
        drop(known);
        self.0.nodes.say(Word::Look(vec![(thread, member)]));
        self.sign(new.then_some(thread));
        Looking { presence: self.clone(), thread, member }
    }

    /// `member` is typing in `thread`; to be said again within 6 s while they go on.
    pub fn typing(&self, thread: ThreadId, member: MemberId) {
        let new = self.known().types(thread, member, self.0.clock.now());
        self.0.nodes.say(Word::Type(thread, member));
        self.sign(new.then_some(thread));
    }

    /// Who looks at `thread`, at most 100, ordered by id.
    #[must_use]
    pub fn here(&self, thread: ThreadId) -> Vec<Here> {
        let (now, known) = (self.0.clock.now(), self.known());
        let members = known.threads.get(&thread).into_iter().flatten().filter(|(_, seen)| seen.looks > now);
        let mut here: Vec<_> = members.map(|(member, seen)| Here { member: *member, typing: seen.types > now }).collect();
        here.sort_by_key(|here| here.member);
        here
    }

    /// Hears the other nodes, says again who looks, and forgets; for as long as the process lives.
    pub async fn keep(self) {
        let mut words = self.0.nodes.hear();
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                // What was missed will be said again.
                word = words.recv() => if let Ok(word) = word {
                    self.hear(word);
                },
                _ = beat.tick() => self.pass(),
            }
        }
    }

    fn hear(&self, word: Word) {
        let (now, mut known) = (self.0.clock.now(), self.known());
        let (mut changed, mut answer) = (Vec::new(), None);
        match word {
            Word::Work => {}
            Word::Look(looks) => {
                let new = looks.into_iter().filter(|(thread, member)| known.look(*thread, *member, now));
                changed.extend(new.map(|(thread, _)| thread));
            }
            // They looked through another node, and look through this one still.
            Word::Leave(thread, member) if known.own.contains_key(&(thread, member)) => {
                answer = Some(Word::Look(vec![(thread, member)]));
            }
            Word::Leave(thread, member) => changed.extend(known.leave(thread, member).then_some(thread)),
            Word::Type(thread, member) => changed.extend(known.types(thread, member, now).then_some(thread)),
        }
        drop(known);
        if let Some(answer) = answer {
            self.0.nodes.say(answer);
        }
        self.sign(changed);
    }

    /// Every second.
    fn pass(&self) {
        let (now, mut known) = (self.0.clock.now(), self.known());
        let mut own = Vec::new();
        if known.said + AGAIN <= now {
            known.said = now;
            own.extend(known.own.keys().copied());
        }
        let new = own.iter().filter(|(thread, member)| known.look(*thread, *member, now));
        let mut changed: Vec<_> = new.map(|(thread, _)| *thread).collect();
        changed.extend(known.forget(now));
        drop(known);
        for looks in own.chunks(AT_ONCE) {
            self.0.nodes.say(Word::Look(looks.to_vec()));
        }
        self.sign(changed);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sign(&self, threads: impl IntoIterator<Item = ThreadId>) {
        self.0.live.tell_who_looks(threads);
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        let (thread, member) = (self.thread, self.member);
        let mut known = self.presence.known();
        if let Some(looks) = known.own.get_mut(&(thread, member))
            && *looks > 1
        {
            *looks -= 1;
            return;
        }
        known.own.remove(&(thread, member));
        let left = known.leave(thread, member);
        drop(known);
        self.presence.0.nodes.say(Word::Leave(thread, member));
        self.presence.sign(left.then_some(thread));
    }
}

/// Each tells whether, or where, something changed that is told.
impl Known {
    fn look(&mut self, thread: ThreadId, member: MemberId, now: DateTime<Utc>) -> bool {
        let Some(seen) = self.seen(thread, member) else { return false };
        let new = seen.looks <= now;
        seen.looks = now + LOOK;
        new
    }

    fn types(&mut self, thread: ThreadId, member: MemberId, now: DateTime<Utc>) -> bool {
        let Some(seen) = self.seen(thread, member) else { return false };
        let new = seen.types <= now;
        seen.types = now + TYPING;
        seen.looks = seen.looks.max(seen.types);
        new
    }

    fn leave(&mut self, thread: ThreadId, member: MemberId) -> bool {
        let Some(members) = self.threads.get_mut(&thread) else { return false };
        let left = members.remove(&member).is_some();
        if members.is_empty() {
            self.threads.remove(&thread);
        }
        left
    }

    fn forget(&mut self, now: DateTime<Utc>) -> Vec<ThreadId> {
        let mut changed = Vec::new();
        self.threads.retain(|thread, members| {
            let before = members.len();
            members.retain(|_, seen| seen.looks > now);
            let mut other = members.len() < before;
            for seen in members.values_mut().filter(|seen| seen.types > NEVER && seen.types <= now) {
                seen.types = NEVER;
                other = true;
            }
            if other {
                changed.push(*thread);
            }
            !members.is_empty()
        });
        changed
    }

    /// None when there is no room for one more.
    fn seen(&mut self, thread: ThreadId, member: MemberId) -> Option<&mut Seen> {
        if self.threads.len() >= THREADS && !self.threads.contains_key(&thread) {
            return None;
        }
        let members = self.threads.entry(thread).or_default();
        if members.len() >= MEMBERS && !members.contains_key(&member) {
            return None;
        }
        Some(members.entry(member).or_insert(Seen { looks: NEVER, types: NEVER }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::live::{Listener, Topic};

    struct Room {
        presence: Presence,
        clock: Clock,
        thread: ThreadId,
        ear: Listener,
    }

    fn room() -> Room {
        let clock = Clock::seeded(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1);
        let (live, thread) = (Arc::<Live>::default(), ThreadId::new(&clock));
        let ear = live.listen(vec![Topic::Presence(thread)]);
        Room { presence: Presence::new(Nodes::default(), live, clock.clone()), clock, thread, ear }
    }

    impl Room {
        fn member(&self) -> MemberId {
            MemberId::new(&self.clock)
        }

        /// Seconds go by.
        fn wait(&self, seconds: i64) {
            for _ in 0..seconds {
                self.clock.advance(TimeDelta::seconds(1));
                self.presence.pass();
            }
        }

        /// Who is here, and who of them types.
        fn here(&self) -> Vec<(MemberId, bool)> {
            self.presence.here(self.thread).into_iter().map(|here| (here.member, here.typing)).collect()
        }

        fn signed(&self) -> bool {
            self.ear.heard().now_or_never().is_some()
        }
    }

    #[test]
    fn who_looks_is_here_until_their_last_look_ends() {
        let room = room();
        let ada = room.member();
        let first = room.presence.arrive(room.thread, ada);
        assert!(room.signed());
        let second = room.presence.arrive(room.thread, ada);
        drop(first);
        room.wait(100);
        assert_eq!(room.here(), [(ada, false)]);
        assert!(!room.signed(), "nothing changed since");
        drop(second);
        assert!(room.signed() && room.here().is_empty());
        assert!(room.presence.known().threads.is_empty() && room.presence.known().own.is_empty(), "nothing is kept");
    }

    #[test]
    fn typing_ends_by_itself() {
        let room = room();
        let (ada, linus) = (room.member(), room.member());
        let _looks = room.presence.arrive(room.thread, ada);
        assert!(room.signed());
        room.presence.typing(room.thread, ada);
        assert!(room.signed());
        room.wait(4);
        room.presence.typing(room.thread, ada);
        room.wait(4);
        assert_eq!(room.here(), [(ada, true)]);
        assert!(!room.signed(), "they type as before");
        room.wait(3);
        assert_eq!(room.here(), [(ada, false)]);
        assert!(room.signed());
        // Who types without looking is here for as long.
        room.presence.hear(Word::Type(room.thread, linus));
        assert!(room.here().contains(&(linus, true)) && room.here().contains(&(ada, false)));
        room.wait(7);
        assert_eq!(room.here(), [(ada, false)]);
    }

    #[test]
    fn who_is_not_said_again_is_forgotten() {
        let room = room();
        let ada = room.member();
        let look = Word::Look(vec![(room.thread, ada)]);
        room.presence.hear(look.clone());
        assert!(room.signed());
        room.wait(20);
        room.presence.hear(look.clone());
        room.wait(20);
        assert_eq!(room.here(), [(ada, false)]);
        assert!(!room.signed());
        room.wait(11);
        assert!(room.signed() && room.here().is_empty());
        room.presence.hear(look);
        room.presence.hear(Word::Leave(room.thread, ada));
        assert!(room.here().is_empty());
    }

    #[test]
    fn who_leaves_another_node_may_look_through_this_one() {
        let room = room();
        let ada = room.member();
        let _looks = room.presence.arrive(room.thread, ada);
        room.presence.hear(Word::Leave(room.thread, ada));
        assert_eq!(room.here(), [(ada, false)]);
    }

    #[test]
    fn a_hundred_are_told_and_who_comes_later_takes_a_free_place() {
        let room = room();
        let looks = (0..150).map(|_| (room.thread, room.member())).collect();
        room.presence.hear(Word::Look(looks));
        let late = room.member();
        let _looks = room.presence.arrive(room.thread, late);
        assert_eq!((room.here().len(), room.here().contains(&(late, false))), (MEMBERS, false));
        room.wait(45);
        assert_eq!(room.here(), [(late, false)]);
    }

    #[test]
    fn threads_are_bounded() {
        let room = room();
        for _ in 0..THREADS + 5 {
            room.presence.hear(Word::Look(vec![(ThreadId::new(&room.clock), room.member())]));
        }
        assert_eq!(room.presence.known().threads.len(), THREADS);
        room.wait(31);
        assert!(room.presence.known().threads.is_empty());
    }

    #[test]
    fn who_follows_the_thread_hears_nothing_of_it() {
        let room = room();
        let follower = room.presence.0.live.listen(vec![Topic::About(room.thread.0)]);
        let _looks = room.presence.arrive(room.thread, room.member());
        assert!(follower.heard().now_or_never().is_none() && room.signed());
    }
}
