//! The catalogue: what reads it from the root. Objects are in `catalogue/{collections,trainings,calendar,sessions}.rs`,
//! what writes in `catalogue/mutations.rs` and, for sessions, beside them.

mod calendar;
mod collections;
mod details;
mod feeds;
mod imports;
mod loaders;
mod mutations;
mod sessions;
mod trainings;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use services::Result;
use services::catalogue::{self, CalendarFilter, MentorAddress};
use services::error::{Code, Error};
use services::id::{TrainingId, TrainingSessionId};

use crate::context::{ContextExt, Request};
use crate::ids;
use crate::paging::{paging, size};
use crate::scalars::DateTime;
use calendar::{CalendarChangeConnection, CalendarEntryConnection, CalendarMonth};

pub(crate) use calendar::{CalendarEntry, calendar_entry};
pub(crate) use collections::Collection;
use feeds::PublicationFeeds;
pub(crate) use imports::{TrainingImport, TrainingImportsMutation};
pub(crate) use mutations::CatalogueMutation;
pub(crate) use sessions::{TrainingSession, TrainingSessionsMutation};
pub(crate) use trainings::{Training, TrainingConnection, TrainingFilterInput, TrainingOrder, TrainingState, below};

impl Request {
    /// A training, when this caller sees it.
    pub(crate) async fn training(&self, id: TrainingId) -> Result<Option<Arc<catalogue::Training>>> {
        self.loads().load_one(id).await
    }

    /// A session of one, when this caller sees it.
    pub(crate) async fn training_session(&self, id: TrainingSessionId) -> Result<Option<TrainingSession>> {
        Ok(self.loads().load_one(id).await?.map(TrainingSession))
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

    /// Une session ; null si elle n'existe pas ou si vous ne la voyez pas.
    async fn training_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'une session.")] id: ID,
    ) -> Result<Option<TrainingSession>> {
        ctx.request().training_session(ids::argument("id", &id)?).await
    }

    /// Le calendrier de publication : les formations publiées et ouvertes à tous, et celles qui sont prévues, par jour. Ouvert à
    /// tous ; une formation y entre avec la première date prévue pour elle, même en brouillon.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn publication_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Premier mois, comme 2026-11 ; depuis le début si absent.")] from: Option<String>,
        #[graphql(desc = "Dernier mois, compris ; jusqu'à la fin si absent.")] to: Option<String>,
        #[graphql(desc = "Seulement cette collection.")] collection_id: Option<ID>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<CalendarEntryConnection> {
        let collection = ids::optional("collectionId", collection_id.as_ref())?;
        let filter = CalendarFilter::new(from.as_deref(), to.as_deref(), collection)?;
        calendar::entries(ctx, filter, paging(first, after, last, before)).await
    }

    /// Ce que le calendrier de publication compte par mois et par collection : les mois et les collections qui ont quelque chose.
    #[graphql(complexity = "1 + 50 * child_complexity")]
    async fn calendar_months(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Premier mois, comme 2026-11 ; depuis le début si absent.")] from: Option<String>,
        #[graphql(desc = "Dernier mois, compris ; jusqu'à la fin si absent.")] to: Option<String>,
        #[graphql(desc = "Seulement cette collection.")] collection_id: Option<ID>,
    ) -> Result<Vec<CalendarMonth>> {
        let collection = ids::optional("collectionId", collection_id.as_ref())?;
        calendar::months(ctx, CalendarFilter::new(from.as_deref(), to.as_deref(), collection)?).await
    }

    /// Ce qui a bougé dans le calendrier de publication depuis un instant, parmi les formations ouvertes à tous que vous voyez.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn calendar_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Après cet instant.")] since: DateTime,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<CalendarChangeConnection> {
        calendar::changes(ctx, since, paging(first, after, last, before)).await
    }

    /// Les adresses où s'abonner au calendrier de publication entier. Ceux d'une collection sont dans Collection.feeds.
    async fn publication_feeds(&self, ctx: &Context<'_>) -> PublicationFeeds {
        PublicationFeeds::new(&ctx.request().app, None)
    }
}
