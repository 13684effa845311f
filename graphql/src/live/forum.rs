//! What happens in a forum whose threads are on a screen.

use async_graphql::{Enum, ID, SimpleObject, Union};
use futures_util::future::try_join_all;
use services::events::{Event, Recorded};
use services::id::{ForumId, ThreadId};
use services::live::{self, Topic};
use services::{Error, Result};

use super::thread::{PostAdded, PostChanged, Said, ThreadChanged, said};
use super::{Gap, Occurrence, StreamStart, begin};
use crate::context::Request;
use crate::forum::{Forum, Thread};
use crate::turns::Turn;

/// Comment un fil est arrivé.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Il vient d'être ouvert.
    Ouvert,
    /// Il vient d'un autre forum.
    Deplace,
}

/// Un fil est arrivé dans le forum.
#[derive(SimpleObject)]
pub(crate) struct ThreadArrived {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// Comment.
    how: Arrival,
    /// Le fil, tel qu'il est.
    thread: Thread,
}

/// Un fil n'est plus dans le forum, ou n'y est plus pour vous.
#[derive(SimpleObject)]
pub(crate) struct ThreadLeft {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// L'identifiant du fil.
    thread_id: ID,
}

/// Le forum a changé : son nom, ce qu'il dit, qui le voit.
#[derive(SimpleObject)]
pub(crate) struct ForumChanged {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// Le forum, tel qu'il est.
    forum: Forum,
}

/// Ce qui arrive dans un forum.
#[derive(Union)]
pub(crate) enum ForumEvent {
    StreamStart(StreamStart),
    Gap(Gap),
    ThreadArrived(ThreadArrived),
    ThreadLeft(ThreadLeft),
    ThreadChanged(ThreadChanged),
    PostAdded(PostAdded),
    PostChanged(PostChanged),
    ForumChanged(ForumChanged),
}

/// What one turn tells.
pub(super) async fn turn(request: &Request, turn: &Turn, id: ForumId, after: Option<&str>) -> Result<Vec<ForumEvent>> {
    let Some(from) = turn.from() else {
        request.forum(id).await?.ok_or(Error::NotFound)?;
        return begin(request, turn, after, vec![Topic::About(id.0)]).await;
    };
    let (entries, next) = live::read_place(&mut *request.cx().await?, id.0, from, turn.head()).await?;
    // After the log: what is shown with an entry is no older than it.
    request.forum(id).await?.ok_or(Error::NotFound)?;
    turn.goes_on(next);
    let told = try_join_all(entries.into_iter().map(|entry| told(request, id, entry))).await?;
    Ok(told.into_iter().flatten().collect())
}

/// The entry as this caller is told it now; none for what is out of their sight, but that it went out of it.
async fn told(request: &Request, id: ForumId, entry: Recorded) -> Result<Option<ForumEvent>> {
    let occurrence = Occurrence::of(&entry);
    let thread = async |thread: ThreadId| Ok::<_, Error>(request.thread(thread).await?.map(Thread));
    Ok(match entry.event {
        Event::ThreadOpened { thread: opened, .. } => {
            let how = Arrival::Ouvert;
            thread(opened).await?.map(|thread| ForumEvent::ThreadArrived(ThreadArrived { occurrence, how, thread }))
        }
        Event::ThreadMoved { thread: moved, .. } => {
            let how = Arrival::Deplace;
            thread(moved).await?.map(|thread| ForumEvent::ThreadArrived(ThreadArrived { occurrence, how, thread }))
        }
        Event::ThreadLeft { thread, hidden, .. } => {
            // Who did not see it is not told that it went.
            let saw = match request.forum(id).await? {
                Some(forum) => !hidden || request.caller().moderates(forum.0.space_id),
                None => false,
            };
            saw.then(|| ForumEvent::ThreadLeft(ThreadLeft { occurrence, thread_id: ID(thread.to_string()) }))
        }
        Event::ForumChanged { .. } => {
            let forum = request.forum(id).await?;
            forum.map(|forum| ForumEvent::ForumChanged(ForumChanged { occurrence, forum }))
        }
        event => {
            let Some(of) = event.thread() else { return Ok(None) };
            match (said(&event), thread(of).await?) {
                (Said::Thread(change), Some(thread)) => {
                    Some(ForumEvent::ThreadChanged(ThreadChanged { occurrence, change, thread }))
                }
                (Said::Post(post, change), Some(thread)) => request.post(post).await?.map(|post| match change {
                    None => ForumEvent::PostAdded(PostAdded { occurrence, post, thread }),
                    Some(change) => ForumEvent::PostChanged(PostChanged { occurrence, change, post, thread }),
                }),
                (_, None) if matches!(event, Event::ThreadHidden { hidden: true, .. }) => {
                    Some(ForumEvent::ThreadLeft(ThreadLeft { occurrence, thread_id: ID(of.to_string()) }))
                }
                _ => None,
            }
        }
    })
}
