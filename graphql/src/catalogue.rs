//! The catalogue: what reads it from the root. Objects are in `catalogue/{collections,trainings}.rs`, what writes in
//! `catalogue/mutations.rs`.

mod collections;
mod loaders;
mod mutations;
mod trainings;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use services::Result;
use services::catalogue::{self, MentorAddress};
use services::error::{Code, Error};
use services::id::TrainingId;

use crate::context::{ContextExt, Request};
use crate::ids;
use crate::paging::{paging, size};

pub(crate) use collections::Collection;
pub(crate) use mutations::CatalogueMutation;
pub(crate) use trainings::{Training, TrainingConnection, TrainingFilterInput, TrainingOrder, below};

impl Request {
    /// A training, when this caller sees it.
    pub(crate) async fn training(&self, id: TrainingId) -> Result<Option<Arc<catalogue::Training>>> {
        self.loads().load_one(id).await
    }
}

#[derive(Default)]
pub(crate) struct CatalogueQuery;

#[Object]
impl CatalogueQuery {
    /// Les collections du catalogue de l'État, dans leur ordre. Ouvert à tous.
    #[graphql(complexity = "1 + 15 * child_complexity")]
    async fn collections(&self, ctx: &Context<'_>) -> Result<Vec<Collection>> {
        let collections = catalogue::collections(&mut *ctx.request().cx().await?).await?;
        Ok(collections.into_iter().map(|collection| Collection(Arc::new(collection))).collect())
    }

    /// La collection de ce nom court ; null si elle n'existe pas.
    async fn collection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Nom court, comme dans Collection.slug.")] slug: String,
    ) -> Result<Option<Collection>> {
        let found = catalogue::collection_by_slug(&mut *ctx.request().cx().await?, &slug).await?;
        Ok(found.map(|collection| Collection(Arc::new(collection))))
    }

    /// Les formations que vous voyez, sans celles qui ont été fondues dans une autre.
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
        trainings::list(ctx, filter, order_by, paging(first, after, last, before)).await
    }

    /// Une formation, désignée d'une seule façon ; null si elle n'existe pas ou si vous ne la voyez pas.
    async fn training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'une formation.")] id: Option<ID>,
        #[graphql(desc = "Son nom abrégé.")] short_name: Option<String>,
        #[graphql(desc = "Une de ses adresses sur Mentor.")] mentor_url: Option<String>,
    ) -> Result<Option<Training>> {
        let request = ctx.request();
        let caller = request.caller();
        let found = match (id, short_name, mentor_url) {
            (Some(id), None, None) => return Ok(request.training(ids::argument("id", &id)?).await?.map(Training)),
            (None, Some(name), None) => catalogue::training_by_short_name(&mut *request.cx().await?, &caller, &name).await?,
            (None, None, Some(url)) => match MentorAddress::parse(&url) {
                Some(address) => catalogue::training_by_address(&mut *request.cx().await?, &caller, address).await?,
                None => None,
            },
            _ => {
                let sentence = "Désignez la formation d'une seule façon : id, shortName ou mentorUrl.";
                return Err(Error::invalid("id", Code::Malformed, sentence));
            }
        };
        Ok(found.map(|training| Training(Arc::new(training))))
    }
}
