//! What members are told of what happened.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::Result;
use services::id::{MemberId, NotificationId, SpaceId};
use services::inbox::{self as service, NotificationFilter};
use services::page::{Key, Paging};

use crate::accounts::Member;
use crate::catalogue::Training;
use crate::context::{ContextExt, Request};
use crate::forum::{Post, Thread};
use crate::ids;
use crate::loaders::rows;
use crate::paging::{connection, total};
use crate::payload::payload;
use crate::scalars::DateTime;

/// Pourquoi vous êtes prévenu, du motif le plus faible au plus fort ; de plusieurs motifs à la fois, le plus fort l'emporte.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::inbox::Reason")]
pub(crate) enum NotificationReason {
    /// Un nouveau message là où vous suivez tout.
    NouveauMessage,
    /// Un nouveau fil dans un forum que vous suivez, ou lié à une formation que vous suivez.
    NouveauFil,
    /// Une formation que vous suivez, ou liée à un fil que vous suivez, a changé d'état ou de date prévue.
    Formation,
    /// Un signalement que vous suivez est confirmé, pris en charge, classé comme doublon ou sans suite, ou rouvert.
    Signalement,
    /// Une réponse à un de vos messages.
    Reponse,
    /// Un message vous mentionne, vous ou un groupe dont vous êtes.
    Mention,
    /// Un dysfonctionnement que vous suivez, ou dont vous suivez un doublon, est corrigé.
    SignalementCorrige,
    /// Votre réponse est acceptée, ou une réponse dans un fil que vous suivez.
    ReponseAcceptee,
    /// La modération est intervenue sur un de vos messages ou de vos fils.
    Moderation,
}

rows! {
    NotificationId => service::Notification, |cx, ids, asked| service::notifications_by_id(cx, &asked.caller, ids);
}

pub(crate) struct Notification(pub(crate) Arc<service::Notification>);

connection! { "Ce dont vous êtes prévenu, le plus récent d'abord." NotificationConnection, NotificationEdge, Notification }

/// Ce dont vous êtes prévenu. Ce qui arrive au même fil ou à la même formation tant que vous ne l'avez pas lu y est réuni.
#[Object]
impl Notification {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Pourquoi : le motif le plus fort de ce qui est réuni.
    async fn reason(&self) -> NotificationReason {
        self.0.reason.into()
    }

    /// Ce qui est arrivé, en une phrase.
    async fn sentence(&self, ctx: &Context<'_>) -> Result<String> {
        let (request, mut names) = (ctx.request(), Vec::new());
        for actor in self.actors_found(request).await? {
            names.push(actor.name.clone());
        }
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        if let Some(id) = self.0.training_id {
            let training = request.training(id).await?;
            return Ok(service::sentence(self.0.reason, &names, training.as_ref().map(|training| training.title.as_str())));
        }
        let thread = match self.0.thread_id {
            Some(id) => request.thread(id).await?,
            None => None,
        };
        Ok(service::sentence(self.0.reason, &names, thread.as_ref().map(|thread| thread.title.as_str())))
    }

    /// Le fil ; null si c'est d'une formation, ou si vous ne le voyez plus parce qu'il est masqué.
    async fn thread(&self, ctx: &Context<'_>) -> Result<Option<Thread>> {
        match self.0.thread_id {
            Some(id) => Ok(ctx.request().thread(id).await?.map(Thread)),
            None => Ok(None),
        }
    }

    /// Le dernier message dont parle le motif ; null s'il n'y en a pas.
    async fn post(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
        match self.0.post_id {
            Some(id) => ctx.request().post(id).await,
            None => Ok(None),
        }
    }

    /// La formation ; null si c'est d'un fil.
    async fn training(&self, ctx: &Context<'_>) -> Result<Option<Training>> {
        match self.0.training_id {
            Some(id) => Ok(ctx.request().training(id).await?.map(Training)),
            None => Ok(None),
        }
    }

    /// Combien de choses y sont réunies.
    async fn count(&self) -> i64 {
        self.0.many
    }

    /// Qui les a faites, pour ce motif, le dernier d'abord, 3 au plus ; personne pour la modération.
    #[graphql(complexity = "1 + 3 * child_complexity")]
    async fn actors(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        Ok(self.actors_found(ctx.request()).await?.into_iter().map(Member).collect())
    }

    /// Quand la première est arrivée.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Quand la dernière est arrivée.
    async fn told_at(&self) -> DateTime {
        self.0.told_at.into()
    }

    /// Quand vous l'avez lu ; null si ce n'est pas encore lu.
    async fn read_at(&self) -> Option<DateTime> {
        self.0.read_at.map(Into::into)
    }
}

impl Notification {
    async fn actors_found(&self, request: &Request) -> Result<Vec<Arc<services::accounts::Member>>> {
        let found: HashMap<MemberId, _> = request.loads().load_many(self.0.actors()).await?;
        Ok(self.0.actors().filter_map(|id| found.get(&id).cloned()).collect())
    }
}

/// The caller's notifications.
pub(crate) async fn list(ctx: &Context<'_>, filter: NotificationFilter, paging: Paging) -> Result<NotificationConnection> {
    let request = ctx.request();
    let caller = request.caller();
    let page = service::notifications(&mut *request.cx().await?, &caller, &filter, &paging).await?;
    let total = total(ctx, async { service::count_notifications(&mut *request.cx().await?, &caller, &filter).await }).await?;
    let cursor = |notification: &service::Notification| (notification.told_at, notification.id.0).encode();
    Ok(NotificationConnection::new(page, cursor, |notification| Notification(Arc::new(notification)), total))
}

/// What a list of them holds.
pub(crate) fn filter(reason: Option<NotificationReason>, space: Option<&ID>, unread: Option<bool>) -> Result<NotificationFilter> {
    Ok(NotificationFilter { reason: reason.map(Into::into), space: ids::optional::<SpaceId>("space", space)?, unread })
}

/// How many of them are unread.
pub(crate) async fn count_unread(request: &Request) -> Result<i64> {
    service::count_unread(&mut *request.cx().await?, &request.caller()).await
}

/// Une notification lue.
#[derive(InputObject)]
pub(crate) struct MarkNotificationReadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La notification.
    notification_id: ID,
}

payload! { "La notification lue." MarkNotificationReadPayload { "La notification." notification: Notification } }

/// Un fil dont les notifications sont lues.
#[derive(InputObject)]
pub(crate) struct MarkThreadNotificationsReadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
}

payload! { "Le fil dont les notifications sont lues." MarkThreadNotificationsReadPayload { "Le fil." thread: Thread } }

/// Toutes les notifications lues, jusqu'à un instant.
#[derive(InputObject)]
pub(crate) struct MarkAllNotificationsReadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Jusqu'à cet instant compris, par exemple toldAt de la plus récente affichée : celles qui arrivent entre-temps restent à lire.
    up_to: DateTime,
}

payload! { "Les notifications lues." MarkAllNotificationsReadPayload { "Vous." viewer: Member } }

#[derive(Default)]
pub(crate) struct InboxMutation;

#[Object]
impl InboxMutation {
    /// Retient que vous avez lu une notification.
    async fn mark_notification_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: MarkNotificationReadInput,
    ) -> Result<Option<MarkNotificationReadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("notificationId", &input.notification_id)?;
                service::mark_notification_read(&request.app, &caller?, id).await
            })
            .await?;
        let notification = match attempt.done {
            Some(id) => request.loads().load_one(id).await?.map(Notification),
            None => None,
        };
        Ok(Some(MarkNotificationReadPayload::new(input.client_mutation_id, attempt.problems, notification)))
    }

    /// Retient que vous avez lu toutes les notifications d'un fil.
    async fn mark_thread_notifications_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: MarkThreadNotificationsReadInput,
    ) -> Result<Option<MarkThreadNotificationsReadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("threadId", &input.thread_id)?;
                service::mark_thread_notifications_read(&request.app, &caller?, id).await
            })
            .await?;
        let thread = match attempt.done {
            Some(id) => request.thread(id).await?.map(Thread),
            None => None,
        };
        Ok(Some(MarkThreadNotificationsReadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Retient que vous avez lu toutes vos notifications, jusqu'à un instant.
    async fn mark_all_notifications_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: MarkAllNotificationsReadInput,
    ) -> Result<Option<MarkAllNotificationsReadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt =
            request.attempt(async { service::mark_all_notifications_read(&request.app, &caller?, input.up_to.0).await }).await?;
        let viewer = request.maybe_member(attempt.done).await?;
        Ok(Some(MarkAllNotificationsReadPayload::new(input.client_mutation_id, attempt.problems, viewer)))
    }
}
