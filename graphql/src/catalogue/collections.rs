//! Collections and their chefs de file.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use services::Result;
use services::catalogue::{self, Below};

use super::feeds::PublicationFeeds;
use super::loaders::ChefsOf;
use super::trainings::{TrainingConnection, TrainingFilterInput, TrainingOrder, below};
use crate::accounts::Member;
use crate::context::ContextExt;
use crate::following::FollowLevel;
use crate::paging::{paging, size};
use crate::scalars::DateTime;

pub(crate) struct Collection(pub(crate) Arc<catalogue::Collection>);

/// Une collection thématique du catalogue de l'État, qui rassemble des formations.
#[Object]
impl Collection {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom court pour les adresses ; il ne change pas.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Nom, à afficher.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Couleur, comme #1a6fb0.
    async fn colour(&self) -> &str {
        &self.0.colour
    }

    /// Ce qu'elle rassemble, en texte simple.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Place dans la liste des collections, de la plus petite à la plus grande.
    async fn position(&self) -> i64 {
        self.0.position
    }

    /// Quand elle a été créée ici.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Les adresses où s'abonner à sa part du calendrier de publication.
    async fn feeds(&self, ctx: &Context<'_>) -> PublicationFeeds {
        PublicationFeeds::new(&ctx.request().app, Some(&self.0.slug))
    }

    /// Ses chefs de file, qui appuient les porteurs de projets et valident leur cadrage.
    #[graphql(complexity = "1 + 3 * child_complexity")]
    async fn chefs(&self, ctx: &Context<'_>) -> Result<Vec<CollectionChef>> {
        let chefs = ctx.request().loads().load_one(ChefsOf(self.0.id)).await?.unwrap_or_default();
        Ok(chefs.iter().cloned().map(CollectionChef).collect())
    }

    /// De quoi vous êtes prévenu ; null si vous n'êtes pas connecté.
    async fn viewer_follow_level(&self, ctx: &Context<'_>) -> Result<Option<FollowLevel>> {
        ctx.request().collection_level(self.0.id).await
    }

    /// Ses formations que vous voyez, sans celles qui ont été fondues dans une autre.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn trainings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement celles qui remplissent ces conditions.")] filter: Option<TrainingFilterInput>,
        #[graphql(desc = "L'ordre.", default_with = "TrainingOrder::Titre")] order_by: TrainingOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<TrainingConnection> {
        below(ctx, Below::Collection(self.0.id), filter, order_by, paging(first, after, last, before)).await
    }
}

pub(crate) struct CollectionChef(catalogue::Chef);

/// Un chef de file d'une collection : un membre, ou une personne sans compte avec son nom et son adresse.
#[Object]
impl CollectionChef {
    /// Le membre ; null pour une personne sans compte.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.member_id).await
    }

    /// Nom d'une personne sans compte ; null pour un membre.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Adresse de courriel d'une personne sans compte, pour les membres connectés ; null sinon.
    async fn address(&self, ctx: &Context<'_>) -> Option<&str> {
        ctx.request().caller().id().and(self.0.address.as_deref())
    }
}
