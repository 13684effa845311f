//! Who looks at a thread, and who is typing there. Nothing of it is kept, and some of it may be lost.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_graphql::SimpleObject;
use services::id::ThreadId;
use services::live::{Next, Topic};
use services::{Error, Result};

use crate::accounts::Member;
use crate::context::Request;
use crate::turns::Turn;

/// Quelqu'un qui regarde le fil.
#[derive(SimpleObject)]
pub(crate) struct PresentMember {
    /// Qui.
    member: Member,
    /// Il ou elle écrit en ce moment.
    typing: bool,
}

/// Qui regarde un fil.
#[derive(SimpleObject)]
pub(crate) struct Presence {
    /// Ceux qui le regardent, vous aussi, 100 au plus.
    members: Vec<PresentMember>,
}

/// What one turn tells: everybody who is there, when that is not what was told before.
pub(super) async fn turn(request: &Request, turn: &Turn, id: ThreadId) -> Result<Vec<Presence>> {
    let (member, presence) = (request.caller().signed_in()?, &request.app.presence);
    let thread = request.thread(id).await?.ok_or(Error::NotFound)?;
    if turn.from().is_none() {
        turn.holds(presence.arrive(id, member));
    }
    let here = presence.here(id);
    let mut hash = DefaultHasher::new();
    here.hash(&mut hash);
    // In the place of a place in the log, of which nothing is read: what was told.
    let position = hash.finish().cast_signed();
    let topics = [Topic::Presence(id), Topic::About(id.0), Topic::About(thread.forum_id.0)];
    turn.goes_on(Next { position, topics: topics.into(), more: false });
    if turn.from() == Some(position) {
        return Ok(Vec::new());
    }
    let found = request.loads().load_many(here.iter().map(|here| here.member)).await?;
    let present = |here: &services::presence::Here| {
        found.get(&here.member).cloned().map(|member| PresentMember { member: Member(member), typing: here.typing })
    };
    Ok(vec![Presence { members: here.iter().filter_map(present).collect() }])
}
