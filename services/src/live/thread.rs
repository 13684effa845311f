//! What happens to a thread and to the trainings it is linked to, entry by entry.

use crate::App;
use crate::caller::Caller;
use crate::db::Cx;
use crate::error::Result;
use crate::events::{self, Event, Recorded};
use crate::forum::Thread;
use crate::id::ThreadId;
use crate::links;

use super::{Listener, Start};

/// How many entries are read at once.
const AT_ONCE: usize = 20;

/// Follows a thread in the log from a client's place on.
pub struct ThreadFollower {
    thread: ThreadId,
    position: i64,
    listener: Listener,
    /// There may be entries that no sign will tell.
    more: bool,
}

impl ThreadFollower {
    /// Begins after the client's cursor, or now. The thread is in the caller's sight.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] on `after` for what is no cursor of a subscription.
    pub async fn open(app: &App, cx: &mut Cx, thread: ThreadId, after: Option<&str>) -> Result<(Self, Start)> {
        // Before the log is read: what comes meanwhile gives its sign.
        let listener = app.live.listen(vec![thread.0]);
        let start = super::start(app, cx, after).await?;
        Ok((Self { thread, position: start.position, listener, more: true }, start))
    }

    /// Waits until there may be something to read, or until who may read it may have changed.
    pub async fn wait(&mut self) {
        if !self.more {
            self.listener.heard().await;
        }
    }

    /// The next entries, in order: none when the sign was for something else. The caller and the thread are as they were last known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(&mut self, cx: &mut Cx, caller: &Caller, thread: &Thread) -> Result<Vec<Recorded>> {
        let trainings = links::trainings_of(cx, caller, &[self.thread]).await?.remove(&self.thread).unwrap_or_default();
        let mut subjects: Vec<_> = trainings.into_iter().map(|training| training.0).collect();
        subjects.push(self.thread.0);
        // The forum and the caller change who may see it.
        let around = [Some(thread.forum_id.0), caller.id().map(|member| member.0)];
        // Others than before are looked at once more: what happened before they were listened to gave no sign.
        self.more = self.listener.turn_to(subjects.iter().copied().chain(around.into_iter().flatten()).collect());
        let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let mut entries = events::about(cx, &subjects, self.position, limit).await?;
        // What a new training went through since it was linked comes between the entries that follow: they are read again.
        let links = |entry: &Recorded| matches!(entry.event, Event::ThreadLinked { .. } | Event::ThreadUnlinked { .. });
        if let Some(place) = entries.iter().position(links) {
            entries.truncate(place + 1);
        }
        if let Some(last) = entries.last() {
            self.position = last.seq;
            // Others may follow, and what is to be listened to may have changed by these.
            self.more = true;
        }
        Ok(entries)
    }
}
