//! What happens in a forum, or to the publication calendar, entry by entry.

use uuid::Uuid;

use crate::db::Cx;
use crate::error::Result;
use crate::events::{self, Recorded};

use super::{Next, Topic};

/// How many entries are read at once.
const AT_ONCE: usize = 50;

/// The entries after `position`, `head` included, that are about `place` or happen there, in order, some at a time; and where to
/// go on.
///
/// # Errors
/// When the database fails.
pub async fn read(cx: &mut Cx, place: Uuid, position: i64, head: i64) -> Result<(Vec<Recorded>, Next)> {
    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let entries = events::within(cx, place, position, head, limit).await?;
    let more = entries.len() == AT_ONCE;
    let position = match entries.last() {
        Some(last) if more => last.seq,
        _ => position.max(head),
    };
    Ok((entries, Next { position, topics: vec![Topic::About(place)], more }))
}
