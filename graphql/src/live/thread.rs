//! What happens in a thread that is open on a screen.

use std::sync::Arc;

use async_graphql::{Enum, SimpleObject, Union};
use futures_util::future::try_join_all;
use services::events::{Event, Recorded};
use services::id::{AudienceId, PostId, ThreadId, TrainingId};
use services::live::{self, Topic};
use services::{Error, Result, forum};

use super::{Gap, Occurrence, StreamStart, begin};
use crate::catalogue::Training;
use crate::context::Request;
use crate::forum::{Post, Thread};
use crate::turns::Turn;

/// Un message est arrivé.
#[derive(SimpleObject)]
pub(crate) struct PostAdded {
    #[graphql(flatten)]
    pub(super) occurrence: Occurrence,
    /// Le message.
    pub(super) post: Post,
    /// Son fil, tel qu'il est.
    pub(super) thread: Thread,
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
    pub(super) occurrence: Occurrence,
    /// Ce qui lui est arrivé.
    pub(super) change: PostChange,
    /// Le message, tel qu'il est.
    pub(super) post: Post,
    /// Son fil, tel qu'il est.
    pub(super) thread: Thread,
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
    /// Il est lié à d'autres formations ou documents, ou vous voyez d'autres de ses formations.
    Liens,
    /// Le dysfonctionnement qu'il signale a changé.
    Signalement,
}

/// Un fil a changé.
#[derive(SimpleObject)]
pub(crate) struct ThreadChanged {
    #[graphql(flatten)]
    pub(super) occurrence: Occurrence,
    /// Ce qui lui est arrivé.
    pub(super) change: ThreadChange,
    /// Le fil, tel qu'il est.
    pub(super) thread: Thread,
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
    pub(super) occurrence: Occurrence,
    /// Ce qui lui est arrivé.
    pub(super) change: TrainingChange,
    /// La formation, telle qu'elle est.
    pub(super) training: Training,
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

/// What one turn tells.
pub(super) async fn turn(request: &Request, turn: &Turn, id: ThreadId, after: Option<&str>) -> Result<Vec<ThreadEvent>> {
    let Some(from) = turn.from() else {
        request.thread(id).await?.ok_or(Error::NotFound)?;
        return begin(request, turn, after, vec![Topic::About(id.0)]).await;
    };
    let (entries, mut next) = live::read_thread(&mut *request.cx().await?, id, from, turn.head()).await?;
    // After the log: what is shown with an entry is no older than it.
    let thread = request.thread(id).await?.ok_or(Error::NotFound)?;
    // The forum changes who may see it.
    next.topics.push(Topic::About(thread.forum_id.0));
    turn.goes_on(next);
    // Together, so that their rows are loaded at once.
    let told = try_join_all(entries.into_iter().map(|entry| told(request, &thread, entry))).await?;
    Ok(told.into_iter().flatten().collect())
}

/// The entry as this caller is told it now; none for what is out of their sight.
async fn told(request: &Request, thread: &Arc<forum::Thread>, entry: Recorded) -> Result<Option<ThreadEvent>> {
    let occurrence = Occurrence::of(&entry);
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
        Said::Sight(training, before) => {
            // To who saw it and does still, too: what was said of an earlier entry was read later, by rights from before this one, and
            // may have left it out.
            let (saw, sees) = (request.caller().sees(before), request.training(training).await?.is_some());
            let change = ThreadChange::Liens;
            (saw || sees).then_some(ThreadEvent::ThreadChanged(ThreadChanged { occurrence, change, thread }))
        }
        Said::Nothing => None,
    })
}

pub(super) enum Said {
    /// A post that came, or changed.
    Post(PostId, Option<PostChange>),
    Thread(ThreadChange),
    Training(TrainingId, TrainingChange),
    /// Other people see a training than those of this audience.
    Sight(TrainingId, AudienceId),
    Nothing,
}

/// What an entry tells of a thread.
pub(super) fn said(event: &Event) -> Said {
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
        Event::ThreadLinked { .. } | Event::ThreadLinksChanged { .. } | Event::ThreadUnlinked { .. } => {
            Said::Thread(ThreadChange::Liens)
        }
        Event::ReportChanged { .. }
        | Event::ReportNoted { .. }
        | Event::ReportOpened { .. }
        | Event::ReportStateChanged { .. } => Said::Thread(ThreadChange::Signalement),
        Event::TrainingStateChanged { training, .. } => Said::Training(training, TrainingChange::Etat),
        Event::TrainingSeenByOthers { training, before } => Said::Sight(training, before),
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
