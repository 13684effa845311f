//! What a client is told as it happens: the subscriptions. Content and permission are resolved when an entry of the log is delivered,
//! each by the caller as they are then.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, Subscription, Union};
use futures_util::Stream;
use futures_util::future::try_join_all;
use futures_util::stream::try_unfold;
use services::events::{Event, Recorded};
use services::forum;
use services::id::{MemberId, PostId, ThreadId, TrainingId};
use services::live::{self, Start, ThreadFollower};
use services::{Error, Result};

use crate::accounts::Member;
use crate::catalogue::Training;
use crate::context::{ContextExt, Request};
use crate::forum::{Post, Thread};
use crate::ids;
use crate::scalars::DateTime;

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

/// Un message est arrivé.
#[derive(SimpleObject)]
pub(crate) struct PostAdded {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// Le message.
    post: Post,
    /// Son fil, tel qu'il est.
    thread: Thread,
}

/// Ce qui est arrivé à un message.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostChange {
    /// Son texte a changé.
    Modifie,
    /// Il est supprimé, et garde sa place.
    Supprime,
    /// Il est masqué par la modération.
    Masque,
    /// Il n'est plus masqué.
    Montre,
}

/// Un message a changé.
#[derive(SimpleObject)]
pub(crate) struct PostChanged {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// Ce qui lui est arrivé.
    change: PostChange,
    /// Le message, tel qu'il est.
    post: Post,
    /// Son fil, tel qu'il est.
    thread: Thread,
}

/// Ce qui est arrivé à un fil.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadChange {
    /// Son titre ou sa nature ont changé.
    Modifie,
    /// Il est dans un autre forum.
    Deplace,
    /// Une réponse est acceptée.
    Resolu,
    /// Plus aucune réponse n'est acceptée.
    Rouvert,
    /// Il n'accepte plus de message.
    Verrouille,
    /// Il accepte de nouveau des messages.
    Deverrouille,
    /// Il est en tête de son forum.
    Epingle,
    /// Il n'est plus en tête de son forum.
    Desepingle,
    /// Il est masqué par la modération.
    Masque,
    /// Il n'est plus masqué.
    Montre,
    /// Il est lié à d'autres formations ou documents.
    Liens,
    /// Le dysfonctionnement qu'il signale a changé.
    Signalement,
}

/// Un fil a changé.
#[derive(SimpleObject)]
pub(crate) struct ThreadChanged {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// Ce qui lui est arrivé.
    change: ThreadChange,
    /// Le fil, tel qu'il est.
    thread: Thread,
}

/// Ce qui est arrivé à une formation.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrainingChange {
    /// Elle est dans un autre état.
    Etat,
    /// Sa date de publication est prévue, déplacée ou retirée.
    Date,
    /// Une de ses sessions a changé.
    Session,
    /// Ce qu'elle dit a changé.
    Modifie,
}

/// Une formation a changé.
#[derive(SimpleObject)]
pub(crate) struct TrainingChanged {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// Ce qui lui est arrivé.
    change: TrainingChange,
    /// La formation, telle qu'elle est.
    training: Training,
}

/// Ce qui arrive dans un fil ouvert à l'écran.
#[derive(Union)]
pub(crate) enum ThreadEvent {
    StreamStart(StreamStart),
    Gap(Gap),
    PostAdded(PostAdded),
    PostChanged(PostChanged),
    ThreadChanged(ThreadChanged),
    TrainingChanged(TrainingChanged),
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
        let request = ctx.request().clone();
        let id = ids::argument::<ThreadId>("threadId", &thread_id)?;
        let thread = request.thread(id).await?.ok_or(Error::NotFound)?;
        let app = request.app.clone();
        let (follower, start) = ThreadFollower::open(&app, &mut *request.cx().await?, id, after.as_deref()).await?;
        let stream = ThreadStream { request, thread, follower, ready: first(start, after.is_some()).into_iter().collect() };
        Ok(try_unfold(stream, |mut stream| async move {
            let event = stream.next().await?;
            Ok(Some((event, stream)))
        }))
    }
}

/// What a stream opens with, when it does not simply go on.
fn first(start: Start, goes_on: bool) -> Option<ThreadEvent> {
    let cursor = live::cursor(start.position);
    match (start.gap, goes_on) {
        (true, _) => Some(ThreadEvent::Gap(Gap { cursor })),
        (false, false) => Some(ThreadEvent::StreamStart(StreamStart { cursor })),
        (false, true) => None,
    }
}

struct ThreadStream {
    request: Request,
    /// As it was last.
    thread: Arc<forum::Thread>,
    follower: ThreadFollower,
    ready: VecDeque<ThreadEvent>,
}

impl ThreadStream {
    async fn next(&mut self) -> Result<ThreadEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            // No connection is held while nothing happens.
            self.request.release().await;
            self.follower.wait().await;
            // A database can fall silent without closing anything.
            let time = self.request.app.config.limits.answer_time;
            let read = tokio::time::timeout(time, self.read_on()).await;
            read.unwrap_or_else(|_| Err(Error::unavailable("the database says nothing")))?;
        }
    }

    async fn read_on(&mut self) -> Result<()> {
        let caller = self.request.caller();
        let entries = self.follower.read(&mut *self.request.cx().await?, &caller, &self.thread).await?;
        // After the log: what is shown with an entry is no older than it.
        self.request.renew().await?;
        self.thread = self.request.thread(self.thread.id).await?.ok_or(Error::NotFound)?;
        // Together, so that their rows are loaded at once.
        let told = try_join_all(entries.into_iter().map(|entry| told(&self.request, &self.thread, entry))).await?;
        self.ready.extend(told.into_iter().flatten());
        Ok(())
    }
}

/// The entry as this caller is told it now; none for what is out of their sight.
async fn told(request: &Request, thread: &Arc<forum::Thread>, entry: Recorded) -> Result<Option<ThreadEvent>> {
    let occurrence = Occurrence { cursor: live::cursor(entry.seq), at: entry.at.into(), actor: entry.actor };
    let thread = Thread(Arc::clone(thread));
    Ok(match said(&entry.event) {
        Said::Post(post, None) => {
            let post = request.post(post).await?;
            post.map(|post| ThreadEvent::PostAdded(PostAdded { occurrence, post, thread }))
        }
        Said::Post(post, Some(change)) => {
            let post = request.post(post).await?;
            post.map(|post| ThreadEvent::PostChanged(PostChanged { occurrence, change, post, thread }))
        }
        Said::Thread(change) => Some(ThreadEvent::ThreadChanged(ThreadChanged { occurrence, change, thread })),
        Said::Training(training, change) => {
            let training = request.training(training).await?.map(Training);
            training.map(|training| ThreadEvent::TrainingChanged(TrainingChanged { occurrence, change, training }))
        }
        Said::Nothing => None,
    })
}

enum Said {
    /// A post that came, or changed.
    Post(PostId, Option<PostChange>),
    Thread(ThreadChange),
    Training(TrainingId, TrainingChange),
    Nothing,
}

fn said(event: &Event) -> Said {
    let either = |yes: bool, then: ThreadChange, or: ThreadChange| Said::Thread(if yes { then } else { or });
    match *event {
        Event::PostAdded { post, .. } | Event::ThreadOpened { post, .. } => Said::Post(post, None),
        Event::PostEdited { post, .. } => Said::Post(post, Some(PostChange::Modifie)),
        Event::PostDeleted { post, .. } => Said::Post(post, Some(PostChange::Supprime)),
        Event::PostHidden { post, hidden: true, .. } => Said::Post(post, Some(PostChange::Masque)),
        Event::PostHidden { post, hidden: false, .. } => Said::Post(post, Some(PostChange::Montre)),
        Event::ThreadChanged { .. } => Said::Thread(ThreadChange::Modifie),
        Event::ThreadMoved { .. } => Said::Thread(ThreadChange::Deplace),
        Event::AnswerAccepted { .. } => Said::Thread(ThreadChange::Resolu),
        Event::ThreadReopened { .. } => Said::Thread(ThreadChange::Rouvert),
        Event::ThreadLocked { locked, .. } => either(locked, ThreadChange::Verrouille, ThreadChange::Deverrouille),
        Event::ThreadPinned { pinned, .. } => either(pinned, ThreadChange::Epingle, ThreadChange::Desepingle),
        Event::ThreadHidden { hidden, .. } => either(hidden, ThreadChange::Masque, ThreadChange::Montre),
        Event::ThreadLinked { .. } | Event::ThreadUnlinked { .. } => Said::Thread(ThreadChange::Liens),
        Event::ReportChanged { .. }
        | Event::ReportNoted { .. }
        | Event::ReportOpened { .. }
        | Event::ReportStateChanged { .. } => Said::Thread(ThreadChange::Signalement),
        Event::TrainingStateChanged { training, .. } => Said::Training(training, TrainingChange::Etat),
        Event::TrainingPlanned { training, .. } => Said::Training(training, TrainingChange::Date),
        Event::TrainingSessionChanged { training, .. }
        | Event::TrainingSessionCreated { training, .. }
        | Event::TrainingSessionStateChanged { training, .. } => Said::Training(training, TrainingChange::Session),
        Event::TrainingChanged { training, .. }
        | Event::TrainingFramed { training, .. }
        | Event::TrainingMerged { training, .. } => Said::Training(training, TrainingChange::Modifie),
        _ => Said::Nothing,
    }
}
