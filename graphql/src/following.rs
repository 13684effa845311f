//! What members follow, and how much they are told of it.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::error::Code;
use services::following::{self as service, Level, Target};
use services::forum;
use services::id::AnyId;
use services::page::{Key, Paging};
use services::{Error, Result};

use crate::catalogue::{Collection, Training};
use crate::context::{ContextExt, Request};
use crate::forum::{Forum, Thread};
use crate::ids;
use crate::loaders::rows;
use crate::paging::{connection, total};
use crate::payload::payload;
use crate::scalars::DateTime;

/// De quoi l'on veut être prévenu.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::following::Level")]
pub(crate) enum FollowLevel {
    /// De tout : chaque nouveau message, et tout ce qui change.
    Tout,
    /// D'un forum, des nouveaux fils ; d'une formation ou d'une collection, de ses changements d'état et de date prévue et des
    /// nouveaux fils qui lui sont liés. Pas pour un fil.
    PremiersMessages,
    /// Seulement des réponses qui vous sont faites et des messages qui vous mentionnent.
    Mentions,
    /// De rien, sauf de la modération de vos propres messages.
    Muet,
}

rows! {
    Target => Level, |cx, ids, asked| service::own_levels(cx, &asked.caller, ids);
}

/// Ce que vous suivez, et à quel niveau. Un seul de forum, thread, training et collection n'est pas null.
pub(crate) struct Follow(service::Follow);

connection! { "Ce que vous suivez, le dernier réglage d'abord." FollowConnection, FollowEdge, Follow }

/// Un forum, un fil, une formation ou une collection, et de quoi vous en êtes prévenu.
#[Object]
impl Follow {
    /// Le forum suivi ; null si c'est autre chose.
    async fn forum(&self, ctx: &Context<'_>) -> Result<Option<Forum>> {
        match self.0.target {
            Target::Forum(id) => ctx.request().forum(id).await,
            _ => Ok(None),
        }
    }

    /// Le fil suivi ; null si c'est autre chose.
    async fn thread(&self, ctx: &Context<'_>) -> Result<Option<Thread>> {
        match self.0.target {
            Target::Thread(id) => Ok(ctx.request().thread(id).await?.map(Thread)),
            _ => Ok(None),
        }
    }

    /// La formation suivie ; null si c'est autre chose.
    async fn training(&self, ctx: &Context<'_>) -> Result<Option<Training>> {
        match self.0.target {
            Target::Training(id) => Ok(ctx.request().training(id).await?.map(Training)),
            _ => Ok(None),
        }
    }

    /// La collection suivie ; null si c'est autre chose.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Option<Collection>> {
        match self.0.target {
            Target::Collection(id) => Ok(ctx.request().loads().load_one(id).await?.map(Collection)),
            _ => Ok(None),
        }
    }

    /// De quoi vous êtes prévenu.
    async fn level(&self) -> FollowLevel {
        self.0.level.into()
    }

    /// Depuis quand vous l'avez choisi.
    async fn followed_at(&self) -> DateTime {
        self.0.followed_at.into()
    }
}

/// What the caller follows.
pub(crate) async fn list(ctx: &Context<'_>, paging: Paging) -> Result<FollowConnection> {
    let request = ctx.request();
    let caller = request.caller();
    let page = service::follows(&mut *request.cx().await?, &caller, &paging).await?;
    let total = total(ctx, async { service::count_follows(&mut *request.cx().await?, &caller).await }).await?;
    let cursor = |follow: &service::Follow| (follow.followed_at, follow.target.id()).encode();
    Ok(FollowConnection::new(page, cursor, Follow, total))
}

impl Request {
    async fn own_level(&self, target: Target) -> Result<Option<Level>> {
        Ok(self.loads().load_one(target).await?.map(|level| *level))
    }

    /// The caller's level of a forum; none for nobody.
    pub(crate) async fn forum_level(&self, forum: &forum::Forum) -> Result<Option<FollowLevel>> {
        if self.caller().id().is_none() {
            return Ok(None);
        }
        let own = self.own_level(Target::Forum(forum.id)).await?;
        Ok(Some(service::forum_level(own).into()))
    }

    /// The caller's level of a thread; none for nobody.
    pub(crate) async fn thread_level(&self, thread: &forum::Thread) -> Result<Option<FollowLevel>> {
        let Some(member) = self.caller().id() else { return Ok(None) };
        let (own, above) = (Target::Thread(thread.id), Target::Forum(thread.forum_id));
        let levels = self.loads().load_many([own, above]).await?;
        let level = |target| levels.get(&target).map(|level| **level);
        Ok(Some(service::thread_level(level(own), thread.author_id == member, level(above)).into()))
    }

    /// The caller's level of a training; none for nobody.
    pub(crate) async fn training_level(&self, training: &services::catalogue::Training) -> Result<Option<FollowLevel>> {
        if self.caller().id().is_none() {
            return Ok(None);
        }
        let (own, above) = (Target::Training(training.id), Target::Collection(training.collection_id));
        let levels = self.loads().load_many([own, above]).await?;
        let level = |target| levels.get(&target).map(|level| **level);
        Ok(Some(service::training_level(level(own), level(above)).into()))
    }

    /// The caller's level of a collection; none for nobody.
    pub(crate) async fn collection_level(&self, id: services::id::CollectionId) -> Result<Option<FollowLevel>> {
        if self.caller().id().is_none() {
            return Ok(None);
        }
        Ok(Some(service::forum_level(self.own_level(Target::Collection(id)).await?).into()))
    }
}

/// Ce qu'il faut suivre, et comment.
#[derive(InputObject)]
pub(crate) struct FollowInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le forum, le fil, la formation ou la collection.
    target_id: ID,
    /// De quoi être prévenu ; null pour revenir à ce qui vaut par défaut.
    level: Option<FollowLevel>,
}

payload! { "Ce qui est suivi désormais." FollowPayload { "De quoi vous êtes prévenu désormais." level: FollowLevel } }

fn target(id: &ID) -> Result<Target> {
    match ids::argument("targetId", id)? {
        AnyId::Forum(id) => Ok(Target::Forum(id)),
        AnyId::Thread(id) => Ok(Target::Thread(id)),
        AnyId::Training(id) => Ok(Target::Training(id)),
        AnyId::Collection(id) => Ok(Target::Collection(id)),
        _ => Err(Error::invalid("targetId", Code::Malformed, "On suit un forum, un fil, une formation ou une collection.")),
    }
}

#[derive(Default)]
pub(crate) struct FollowingMutation;

#[Object]
impl FollowingMutation {
    /// Suit un forum, un fil, une formation ou une collection que vous voyez, ou cesse de le suivre ; vous seul le savez.
    async fn follow(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: FollowInput,
    ) -> Result<Option<FollowPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let target = target(&input.target_id)?;
                service::follow(&request.app, &caller?, target, input.level.map(Into::into)).await?;
                Ok(target)
            })
            .await?;
        let level = match attempt.done {
            Some(target) => level(request, target).await?,
            None => None,
        };
        Ok(Some(FollowPayload::new(input.client_mutation_id, attempt.problems, level)))
    }
}

async fn level(request: &Request, target: Target) -> Result<Option<FollowLevel>> {
    match target {
        Target::Forum(id) => match request.forum(id).await? {
            Some(forum) => request.forum_level(&forum.0).await,
            None => Ok(None),
        },
        Target::Thread(id) => match request.thread(id).await? {
            Some(thread) => request.thread_level(&thread).await,
            None => Ok(None),
        },
        Target::Training(id) => match request.training(id).await? {
            Some(training) => request.training_level(&training).await,
            None => Ok(None),
        },
        Target::Collection(id) => request.collection_level(id).await,
    }
}
