//! Spaces and their forums.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use services::forum;
use services::{Error, Result};

use super::threads::{Filter, Thread, ThreadConnection, ThreadFilter, ThreadKind, ThreadOrder, list_of};
use crate::audience::AudienceGrant;
use crate::context::{ContextExt, Request};
use crate::following::FollowLevel;
use crate::loaders::{ForumsOf, GrantsOf, KindsOf, PinnedIn};
use crate::paging::{paging, size};

pub(crate) struct Space(pub(crate) forum::Space);

/// Un des trois espaces de la communauté : plateforme, éditorial, accompagnement.
#[Object]
impl Space {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom court pour les adresses : plateforme, editorial, accompagnement.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Nom de l'espace, à afficher.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Ce à quoi il sert.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Ses forums que vous voyez, dans leur ordre.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn forums(&self, ctx: &Context<'_>) -> Result<Vec<Forum>> {
        let forums = ctx.request().loads().load_one(ForumsOf(self.0.id)).await?.unwrap_or_default();
        Ok(forums.into_iter().map(Forum).collect())
    }

    /// Le forum de ce nom court dans cet espace ; null s'il n'existe pas ou si vous ne le voyez pas.
    async fn forum(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Nom court du forum, par exemple questions.")] slug: String,
    ) -> Result<Option<Forum>> {
        let forums = ctx.request().loads().load_one(ForumsOf(self.0.id)).await?.unwrap_or_default();
        Ok(forums.into_iter().find(|forum| forum.slug == slug).map(Forum))
    }
}

pub(crate) struct Forum(pub(crate) forum::Forum);

/// Un forum d'un espace.
#[Object]
impl Forum {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom court pour les adresses, unique dans son espace ; il ne change pas.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Nom du forum, à afficher.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Ce à quoi il sert.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Son espace.
    async fn space(&self, ctx: &Context<'_>) -> Result<Space> {
        ctx.request().loads().load_one(self.0.space_id).await?.map(Space).ok_or(Error::NotFound)
    }

    /// Les natures de fils qu'il accueille.
    async fn kinds(&self, ctx: &Context<'_>) -> Result<Vec<ThreadKind>> {
        let kinds = ctx.request().loads().load_one(KindsOf(self.0.id)).await?.unwrap_or_default();
        Ok(kinds.iter().copied().map(Into::into).collect())
    }

    /// Nombre de fils, sans ceux qui sont masqués.
    async fn thread_count(&self) -> i64 {
        self.0.thread_count
    }

    /// Vous pouvez y ouvrir un fil.
    async fn viewer_may_open(&self, ctx: &Context<'_>) -> bool {
        let caller = ctx.request().caller();
        forum::may_open(&caller, &self.0)
    }

    /// De quoi vous êtes prévenu ; null si vous n'êtes pas connecté.
    async fn viewer_follow_level(&self, ctx: &Context<'_>) -> Result<Option<FollowLevel>> {
        ctx.request().forum_level(&self.0).await
    }

    /// Nombre de fils où il y a des messages que vous n'avez pas lus, 100 au plus. Null si vous n'êtes pas connecté.
    async fn unread_count(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        ctx.request().unread_threads(self.0.id).await
    }

    /// Les fils épinglés, le dernier épinglé d'abord ; 20 au plus.
    #[graphql(complexity = "1 + 20 * child_complexity")]
    async fn pinned_threads(&self, ctx: &Context<'_>) -> Result<Vec<Thread>> {
        let pinned = ctx.request().loads().load_one(PinnedIn(self.0.id)).await?.unwrap_or_default();
        Ok(pinned.iter().cloned().map(|thread| Thread(Arc::new(thread))).collect())
    }

    /// Ses fils.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement cette nature.")] kind: Option<ThreadKind>,
        #[graphql(desc = "Seulement les fils dans cet état : sans réponse, résolus, ouverts, miens, masqués.")] filter: Option<
            ThreadFilter,
        >,
        #[graphql(desc = "L'ordre.", default_with = "ThreadOrder::Activite")] order_by: ThreadOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ThreadConnection> {
        let only = Filter { kind: kind.map(Into::into), ..Filter::default() };
        list_of(ctx, &self.0, only, filter, order_by, paging(first, after, last, before)).await
    }

    /// Qui le voit ; pour les administrateurs, null sinon.
    async fn audience(&self, ctx: &Context<'_>) -> Result<Option<Vec<AudienceGrant>>> {
        grants(ctx.request(), self.0.audience_id).await
    }

    /// Qui peut y ouvrir un fil ; pour les administrateurs, null sinon.
    async fn opening_audience(&self, ctx: &Context<'_>) -> Result<Option<Vec<AudienceGrant>>> {
        grants(ctx.request(), self.0.opening_audience_id).await
    }
}

async fn grants(request: &Request, id: services::id::AudienceId) -> Result<Option<Vec<AudienceGrant>>> {
    if !request.caller().is_administrator() {
        return Ok(None);
    }
    let grants = request.loads().load_one(GrantsOf(id)).await?.unwrap_or_default();
    Ok(Some(grants.iter().copied().map(AudienceGrant).collect()))
}
