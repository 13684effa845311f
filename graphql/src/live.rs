//! What a client is told as it happens: the subscriptions. Content and permission are resolved when an entry of the log is delivered,
//! each by the caller as they are then. What happens to a thread is in `live/thread.rs`, in a forum in `live/forum.rs`, to the
//! calendar in `live/calendar.rs`, to one's inbox in `live/inbox.rs`; who looks on is in `live/presence.rs`.

mod calendar;
mod forum;
mod inbox;
mod presence;
mod thread;

use async_graphql::{ComplexObject, Context, ID, SimpleObject, Subscription};
use futures_util::{Stream, stream};
use services::Result;
use services::events::Recorded;
use services::id::MemberId;
use services::live::{self, Next, Start, Topic};

use crate::accounts::Member;
use crate::context::{ContextExt, Request};
use crate::ids;
use crate::scalars::DateTime;
use crate::turns::Turn;

use calendar::CalendarEvent;
use forum::ForumEvent;
use inbox::NotificationEvent;
use presence::Presence;
use thread::ThreadEvent;

/// Le début d'un flux : rien n'est arrivé encore. Ce que vous lisez ensuite comprend tout ce qui précède.
#[derive(SimpleObject)]
pub(crate) struct StreamStart {
    /// À donner à after pour reprendre ici.
    cursor: String,
}

/// Des évènements vous manquent et ne peuvent plus être dits : votre curseur a plus de 14 jours, ou vient d'avant une restauration.
/// Relisez ce que vous montrez ; la suite du flux vient après.
#[derive(SimpleObject)]
pub(crate) struct Gap {
    /// À donner à after pour reprendre ici.
    cursor: String,
}

/// Quand, par qui, et où dans le flux.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Occurrence {
    /// À donner à after pour reprendre ici.
    cursor: String,
    /// Quand c'est arrivé.
    at: DateTime,
    #[graphql(skip)]
    actor: Option<MemberId>,
}

impl Occurrence {
    fn of(entry: &Recorded) -> Self {
        Self { cursor: live::cursor(entry.seq), at: entry.at.into(), actor: entry.actor }
    }
}

#[ComplexObject]
impl Occurrence {
    /// Qui l'a fait ; null pour le service.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        match self.actor {
            Some(actor) => Ok(ctx.request().member(actor).await?.map(Member)),
            None => Ok(None),
        }
    }
}

/// The root of the subscriptions.
pub(crate) struct Subscription;

/// La racine des abonnements, par WebSocket. Un seul champ par abonnement. Chaque évènement porte un curseur : après une coupure, le
/// donner à after rend ce qui a manqué, dans l'ordre et une seule fois, puis la suite. Un abonnement prend fin par une erreur
/// quand vous ne voyez plus ce qu'il suit.
#[Subscription]
impl Subscription {
    /// Ce qui arrive dans un fil : ses messages, son état, et les formations auxquelles il est lié. Commence par StreamStart, ou par Gap
    /// si des évènements manquent ; après un curseur encore bon, par ce qui a suivi.
    async fn thread_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un fil que vous voyez.")] thread_id: ID,
        #[graphql(desc = "Le curseur du dernier évènement reçu ; à partir de maintenant si absent.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ThreadEvent>>> {
        let id = ids::argument("threadId", &thread_id)?;
        said(thread::turn(ctx.request(), ctx.turn(), id, after.as_deref()).await)
    }

    /// Ce qui arrive dans un forum : ses fils, ce qui s'y dit, ceux qui y viennent et le quittent. Commence comme threadEvents.
    async fn forum_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un forum que vous voyez.")] forum_id: ID,
        #[graphql(desc = "Le curseur du dernier évènement reçu ; à partir de maintenant si absent.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ForumEvent>>> {
        let id = ids::argument("forumId", &forum_id)?;
        said(forum::turn(ctx.request(), ctx.turn(), id, after.as_deref()).await)
    }

    /// Ce qui bouge dans le calendrier de publication, des formations que vous voyez. Commence comme threadEvents.
    async fn calendar_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Le curseur du dernier évènement reçu ; à partir de maintenant si absent.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<CalendarEvent>>> {
        said(calendar::turn(ctx.request(), ctx.turn(), after.as_deref()).await)
    }

    /// Ce dont vous êtes prévenu, au moment où vous l'êtes. Commence comme threadEvents.
    async fn notification_received(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Le curseur du dernier évènement reçu ; à partir de maintenant si absent.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<NotificationEvent>>> {
        said(inbox::turn(ctx.request(), ctx.turn(), after.as_deref()).await)
    }

    /// Qui regarde un fil, et qui y écrit : tout le monde, chaque fois que cela change. Vous y êtes tant que dure l'abonnement. Sans
    /// curseur : rien n'en est gardé.
    async fn presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un fil que vous voyez.")] thread_id: ID,
    ) -> Result<impl Stream<Item = Result<Presence>>> {
        let id = ids::argument("threadId", &thread_id)?;
        said(presence::turn(ctx.request(), ctx.turn(), id).await)
    }
}

/// What a turn tells, as the engine takes it.
fn said<E>(events: Result<Vec<E>>) -> Result<impl Stream<Item = Result<E>>> {
    Ok(stream::iter(events?.into_iter().map(Ok)))
}

/// Begins to listen to `topics` after the client's cursor, or now.
async fn begin<E>(request: &Request, turn: &Turn, after: Option<&str>, topics: Vec<Topic>) -> Result<Vec<E>>
where
    E: From<StreamStart> + From<Gap>,
{
    let start = live::start(&request.app, &mut *request.cx().await?, after).await?;
    Ok(open(turn, start, after.is_some(), topics))
}

/// What a stream opens with: nothing when it simply goes on.
fn open<E>(turn: &Turn, start: Start, goes_on: bool, topics: Vec<Topic>) -> Vec<E>
where
    E: From<StreamStart> + From<Gap>,
{
    turn.goes_on(Next { position: start.position, topics, more: true });
    let cursor = live::cursor(start.position);
    match (start.gap, goes_on) {
        (true, _) => vec![E::from(Gap { cursor })],
        (false, false) => vec![E::from(StreamStart { cursor })],
        (false, true) => Vec::new(),
    }
}
