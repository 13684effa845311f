//! What happens to a thread and to the trainings it is linked to, entry by entry.

use crate::db::Cx;
use crate::error::Result;
use crate::events::{self, Event, Recorded};
use crate::id::ThreadId;
use crate::links;

use super::{Next, Topic};

/// How many entries are read at once.
const AT_ONCE: usize = 20;

/// The entries after `position`, `head` included, in order, some at a time; and where to go on. Those of trainings that the caller does
/// not see are among them.
///
/// # Errors
/// When the database fails.
pub async fn read(cx: &mut Cx, thread: ThreadId, position: i64, head: i64) -> Result<(Vec<Recorded>, Next)> {
    let mut subjects: Vec<_> = links::followed_trainings(cx, thread).await?.into_iter().map(|training| training.0).collect();
    subjects.push(thread.0);
    // In one order: other topics than before are a reason to look again.
    subjects.sort_unstable();
    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let mut entries = events::about(cx, &subjects, position, head, limit).await?;
    let mut more = entries.len() == AT_ONCE;
    // What a new training went through since it was linked comes between the entries that follow: they are read again.
    let links = |entry: &Recorded| {
        matches!(entry.event, Event::ThreadLinked { .. } | Event::ThreadLinksChanged { .. } | Event::ThreadUnlinked { .. })
    };
    if let Some(place) = entries.iter().position(links) {
        entries.truncate(place + 1);
        more = true;
    }
    let position = match entries.last() {
        Some(last) if more => last.seq,
        _ => position.max(head),
    };
    let topics = subjects.into_iter().map(Topic::About).collect();
    Ok((entries, Next { position, topics, more }))
}
