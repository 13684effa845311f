//! Trainings and their lists. What hangs on one is in `details.rs`.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::catalogue::{self, Below, Part, TrainingFilter};
use services::id::FileId;
use services::page::{Key, Paging};
use services::{Error, Result, files};

use super::calendar::CalendarChange;
use super::collections::Collection;
use super::details::{MentorAddress, TrainingDesigner, TrainingFraming, TrainingModule, TrainingStateChange, TrainingText};
use super::loaders::{
    AddressesOf, CalendarChangesOf, ChefsOf, DesignersOf, ModulesOf, SessionsOf, StateChangesOf, TargetsOf, TextsOf,
    TrainingsByTime, TrainingsByTitle,
};
use super::sessions::{TrainingSession, TrainingSessionConnection};
use crate::context::ContextExt;
use crate::following::FollowLevel;
use crate::forum::ThreadConnection;
use crate::ids;
use crate::links::{self, LinkedThreadCount, LinkedThreadKind};
use crate::lists::{self, Counted, List};
use crate::loaders::AncestorsOf;
use crate::organisations::Organisation;
use crate::paging::{connection, paging, size, total};
use crate::scalars::{Date, DateTime};

/// Où en est une formation.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::TrainingState")]
pub(crate) enum TrainingState {
    /// En cours d'élaboration ; vue selon son ouverture dès qu'une date a été prévue, sinon de ceux qui y travaillent.
    Brouillon,
    /// Modèle pour d'autres formations ; vu selon son ouverture dès qu'une date a été prévue, sinon de ceux qui y travaillent.
    Gabarit,
    /// Prête, pas encore publiée ; vue selon son ouverture.
    ElaborationTerminee,
    /// Suivie sur Mentor ; vue selon son ouverture.
    Publiee,
    /// Plus proposée ; vue selon son ouverture si elle a été annoncée ou publiée.
    Archivee,
}

/// À qui une formation est ouverte, une fois son élaboration terminée ou sa publication annoncée par une date. Ceux qui y travaillent la
/// voient toujours.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::Opening")]
pub(crate) enum TrainingOpening {
    /// À tout le monde, même sans compte.
    TousPublics,
    /// À tous les membres.
    Interministeriel,
    /// Aux organisations nommées et à leurs unités.
    CibleRestreinte,
    /// À personne d'autre que ceux qui y travaillent.
    NonVisible,
}

/// Comment une formation se suit.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::Modality")]
pub(crate) enum TrainingModality {
    /// Sur place.
    Presentiel,
    /// Une partie sur place, une partie à distance.
    Mixte,
    /// À distance.
    EnLigne,
}

/// Ce qui peut être rempli dans une formation.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::TrainingField")]
pub(crate) enum TrainingField {
    /// Le titre.
    #[graphql(name = "TITRE")]
    Title,
    /// Le nom abrégé.
    #[graphql(name = "NOM_ABREGE")]
    ShortName,
    /// La collection.
    #[graphql(name = "COLLECTION")]
    Collection,
    /// L'organisation productrice.
    #[graphql(name = "ORGANISATION")]
    Organisation,
    /// Le caractère certifiant ou non.
    #[graphql(name = "CERTIFIANTE")]
    Certifying,
    /// La licence.
    #[graphql(name = "LICENCE")]
    Licence,
    /// La phrase d'accroche.
    #[graphql(name = "ACCROCHE")]
    CatchPhrase,
    /// Les objectifs.
    #[graphql(name = "OBJECTIFS")]
    Goals,
    /// Le contenu.
    #[graphql(name = "CONTENU")]
    Content,
    /// Les prérequis.
    #[graphql(name = "PREREQUIS")]
    Prerequisites,
    /// Les compétences.
    #[graphql(name = "COMPETENCES")]
    Skills,
    /// Les métiers types.
    #[graphql(name = "METIERS")]
    TypicalJobs,
    /// La modalité.
    #[graphql(name = "MODALITE")]
    Modality,
    /// La durée en présentiel.
    #[graphql(name = "DUREE_PRESENTIEL")]
    PresenceMinutes,
    /// La durée à distance.
    #[graphql(name = "DUREE_DISTANCE")]
    RemoteMinutes,
    /// Le contact.
    #[graphql(name = "CONTACT")]
    Contact,
    /// La vignette.
    #[graphql(name = "VIGNETTE")]
    Thumbnail,
    /// L'identifiant SIRH.
    #[graphql(name = "IDENTIFIANT_SIRH")]
    SirhId,
}

/// L'ordre d'une liste de formations.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrainingOrder {
    /// Par titre.
    Titre,
    /// Par dernière modification, la plus récente d'abord.
    Modification,
    /// Par première publication, la plus récente d'abord ; seulement celles qui ont été publiées.
    Publication,
}

impl From<TrainingOrder> for catalogue::TrainingOrder {
    fn from(order: TrainingOrder) -> Self {
        match order {
            TrainingOrder::Titre => Self::Title,
            TrainingOrder::Modification => Self::Change,
            TrainingOrder::Publication => Self::Publication,
        }
    }
}

/// Les formations qu'une liste retient : celles qui remplissent toutes les conditions données.
#[derive(InputObject)]
pub(crate) struct TrainingFilterInput {
    /// De cette collection.
    collection_id: Option<ID>,
    /// Dans cet état.
    state: Option<TrainingState>,
    /// De cette ouverture.
    opening: Option<TrainingOpening>,
    /// Produites par cette organisation ou une de ses unités.
    organisation_id: Option<ID>,
    /// De cette modalité.
    modality: Option<TrainingModality>,
    /// Certifiantes, ou non.
    certifying: Option<bool>,
    /// Vrai : celles auxquelles vous travaillez, comme concepteur, formateur, chef de file ou pour votre organisation.
    mine: Option<bool>,
}

pub(crate) struct Training(pub(crate) Arc<catalogue::Training>);

connection! { "Des formations." TrainingConnection, TrainingEdge, Training }

/// Une formation du catalogue, avec ce que Mentor en dit.
#[Object]
impl Training {
    /// Identifiant global ; il ne change pas, même si la formation est renommée, archivée ou fondue dans une autre.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Titre, en texte simple.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Nom abrégé sur Mentor, propre à cette formation, majuscules ou non.
    async fn short_name(&self) -> &str {
        &self.0.short_name
    }

    /// La collection où elle se range.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Collection> {
        ctx.request().loads().load_one(self.0.collection_id).await?.map(Collection).ok_or(Error::NotFound)
    }

    /// L'organisation productrice.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Organisation> {
        ctx.request().organisation(self.0.organisation_id).await?.map(Organisation).ok_or(Error::NotFound)
    }

    /// Où elle en est.
    async fn state(&self) -> TrainingState {
        self.0.state.into()
    }

    /// À qui elle est ouverte.
    async fn opening(&self) -> TrainingOpening {
        self.0.opening.into()
    }

    /// Les organisations auxquelles une cible restreinte est ouverte ; vide pour les autres ouvertures.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn targets(&self, ctx: &Context<'_>) -> Result<Vec<Organisation>> {
        let request = ctx.request();
        let ids = request.loads().load_one(TargetsOf(self.0.id)).await?.unwrap_or_default();
        let found = request.loads().load_many(ids.iter().copied()).await?;
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).map(Organisation).collect())
    }

    /// Phrase d'accroche.
    async fn catch_phrase(&self) -> Option<&str> {
        self.0.catch_phrase.as_deref()
    }

    /// Objectifs de la formation.
    async fn goals(&self, ctx: &Context<'_>) -> Result<Option<TrainingText>> {
        self.text(ctx, Part::Objectifs).await
    }

    /// Contenu de la formation.
    async fn content(&self, ctx: &Context<'_>) -> Result<Option<TrainingText>> {
        self.text(ctx, Part::Contenu).await
    }

    /// Ce qu'il faut savoir avant.
    async fn prerequisites(&self, ctx: &Context<'_>) -> Result<Option<TrainingText>> {
        self.text(ctx, Part::Prerequis).await
    }

    /// Compétences visées.
    async fn skills(&self, ctx: &Context<'_>) -> Result<Option<TrainingText>> {
        self.text(ctx, Part::Competences).await
    }

    /// Métiers types auxquels elle s'adresse.
    async fn typical_jobs(&self, ctx: &Context<'_>) -> Result<Option<TrainingText>> {
        self.text(ctx, Part::Metiers).await
    }

    /// Elle délivre une certification.
    async fn certifying(&self) -> bool {
        self.0.certifying
    }

    /// Comment elle se suit.
    async fn modality(&self) -> Option<TrainingModality> {
        self.0.modality.map(Into::into)
    }

    /// Durée estimée en présentiel, en minutes.
    async fn presence_minutes(&self) -> Option<i64> {
        self.0.presence_minutes
    }

    /// Durée estimée à distance, en minutes.
    async fn remote_minutes(&self) -> Option<i64> {
        self.0.remote_minutes
    }

    /// Licence sous laquelle elle peut être reprise.
    async fn licence(&self) -> &str {
        &self.0.licence
    }

    /// Ses concepteurs.
    #[graphql(complexity = "1 + 3 * child_complexity")]
    async fn designers(&self, ctx: &Context<'_>) -> Result<Vec<TrainingDesigner>> {
        let designers = ctx.request().loads().load_one(DesignersOf(self.0.id)).await?.unwrap_or_default();
        Ok(designers.iter().cloned().map(TrainingDesigner).collect())
    }

    /// À qui s'adresser dans l'organisation productrice.
    async fn contact(&self) -> Option<&str> {
        self.0.contact.as_deref()
    }

    /// Adresse de sa vignette : ailleurs, en https, ou celle du fichier envoyé ici, que prend qui voit la formation.
    async fn thumbnail_url(&self, ctx: &Context<'_>) -> Option<String> {
        let file = |id: FileId| format!("{}{}", ctx.request().app.config.public_url, files::path(id));
        self.0.thumbnail_id.map(file).or_else(|| self.0.thumbnail_url.clone())
    }

    /// Identifiant dans le système d'information des ressources humaines.
    async fn sirh_id(&self) -> Option<&str> {
        self.0.sirh_id.as_deref()
    }

    /// Ses adresses sur Mentor ; chacune est d'une seule formation.
    #[graphql(complexity = "1 + 3 * child_complexity")]
    async fn addresses(&self, ctx: &Context<'_>) -> Result<Vec<MentorAddress>> {
        let addresses = ctx.request().loads().load_one(AddressesOf(self.0.id)).await?.unwrap_or_default();
        let shown = |address: &catalogue::MentorAddress| MentorAddress {
            shape: address.shape.into(),
            number: address.number,
            url: address.to_string(),
        };
        Ok(addresses.iter().map(shown).collect())
    }

    /// Ses modules, dans leur ordre.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn modules(&self, ctx: &Context<'_>) -> Result<Vec<TrainingModule>> {
        let modules = ctx.request().loads().load_one(ModulesOf(self.0.id)).await?.unwrap_or_default();
        let shown =
            |module: &catalogue::Module| TrainingModule { title: module.title.clone(), competences: module.competences.clone() };
        Ok(modules.iter().map(shown).collect())
    }

    /// Jour prévu pour sa publication ; il reste après elle.
    async fn planned_on(&self) -> Option<Date> {
        self.0.planned_on.as_deref().and_then(Date::read)
    }

    /// Quand une première date a été prévue : elle est annoncée depuis, et le reste si la date est retirée.
    async fn announced_at(&self) -> Option<DateTime> {
        self.0.announced_at.map(Into::into)
    }

    /// Ce qui a bougé pour elle dans le calendrier de publication, le plus récent d'abord, 50 au plus.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn calendar_changes(&self, ctx: &Context<'_>) -> Result<Vec<CalendarChange>> {
        let changes = ctx.request().loads().load_one(CalendarChangesOf(self.0.id)).await?.unwrap_or_default();
        Ok(changes.iter().cloned().map(CalendarChange).collect())
    }

    /// Ses sessions que vous voyez, par début ; celles en préparation sont pour ceux qui travaillent à la formation.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<TrainingSessionConnection> {
        let of = SessionsOf(self.0.id);
        let page = lists::page(ctx, &of, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        let total = lists::total(ctx, &of).await?;
        Ok(TrainingSessionConnection::new(page, |session| of.key(session).encode(), TrainingSession, total))
    }

    /// Les fils qui lui sont liés et que vous voyez, le dernier message d'abord.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement ceux-là.", default_with = "LinkedThreadKind::Tous")] kind: LinkedThreadKind,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ThreadConnection> {
        links::threads(ctx, self.0.id.into(), kind, paging(first, after, last, before)).await
    }

    /// Combien de fils de chaque nature lui sont liés, parmi ceux que vous voyez, et de quand date leur dernier message.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn thread_counts(&self, ctx: &Context<'_>) -> Result<Vec<LinkedThreadCount>> {
        links::counts(ctx, self.0.id.into()).await
    }

    /// Première publication.
    async fn published_at(&self) -> Option<DateTime> {
        self.0.published_at.map(Into::into)
    }

    /// Quand elle est entrée dans le catalogue.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Dernière modification.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// Version, à rendre avec une modification pour n'écraser celle de personne.
    async fn revision(&self) -> i64 {
        self.0.revision
    }

    /// La formation dans laquelle celle-ci a été fondue ; null sinon, ou si vous ne la voyez pas.
    async fn merged_into(&self, ctx: &Context<'_>) -> Result<Option<Training>> {
        match self.0.merged_into_id {
            Some(id) => Ok(ctx.request().training(id).await?.map(Training)),
            None => Ok(None),
        }
    }

    /// Le cadrage validé, pour ceux qui travaillent à la formation ; null pour les autres, ou s'il ne l'est pas.
    async fn framing(&self, ctx: &Context<'_>) -> Result<Option<TrainingFraming>> {
        let validated = self.0.framed_at.is_some() && self.is_worked_on(ctx).await?;
        Ok(validated.then(|| TrainingFraming(Arc::clone(&self.0))))
    }

    /// Ses derniers changements d'état, le plus récent d'abord, 50 au plus, pour ceux qui y travaillent ; null pour les autres.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn state_changes(&self, ctx: &Context<'_>) -> Result<Option<Vec<TrainingStateChange>>> {
        if !self.is_worked_on(ctx).await? {
            return Ok(None);
        }
        let changes = ctx.request().loads().load_one(StateChangesOf(self.0.id)).await?.unwrap_or_default();
        Ok(Some(changes.iter().cloned().map(TrainingStateChange).collect()))
    }

    /// De quoi vous êtes prévenu : ce que vous avez choisi pour elle, sinon pour sa collection. Null si vous n'êtes pas connecté.
    async fn viewer_follow_level(&self, ctx: &Context<'_>) -> Result<Option<FollowLevel>> {
        ctx.request().training_level(&self.0).await
    }

    /// Vous pouvez modifier ce qu'elle dit.
    async fn viewer_may_edit(&self, ctx: &Context<'_>) -> Result<bool> {
        let (ancestors, designers) = (self.ancestors(ctx).await?, self.designed_by(ctx).await?);
        Ok(self.0.merged_into_id.is_none() && catalogue::may_edit(&ctx.request().caller(), &ancestors, &designers))
    }

    /// Vous pouvez changer son état, son ouverture et ses concepteurs, la planifier et la fondre dans une autre.
    async fn viewer_may_manage(&self, ctx: &Context<'_>) -> Result<bool> {
        let ancestors = self.ancestors(ctx).await?;
        Ok(self.0.merged_into_id.is_none() && catalogue::may_manage(&ctx.request().caller(), &ancestors))
    }

    /// Vous pouvez valider son cadrage.
    async fn viewer_may_frame(&self, ctx: &Context<'_>) -> Result<bool> {
        let chefs = ctx.request().loads().load_one(ChefsOf(self.0.collection_id)).await?.unwrap_or_default();
        Ok(self.0.merged_into_id.is_none() && catalogue::may_frame(&ctx.request().caller(), &chefs))
    }
}

impl Training {
    async fn text(&self, ctx: &Context<'_>, part: Part) -> Result<Option<TrainingText>> {
        let texts = ctx.request().loads().load_one(TextsOf(self.0.id)).await?.unwrap_or_default();
        let found = texts.iter().find(|text| text.part == part);
        Ok(found.map(|text| TrainingText { markdown: text.body.clone(), html: text.html.clone() }))
    }

    async fn ancestors(&self, ctx: &Context<'_>) -> Result<Arc<Vec<services::id::OrganisationId>>> {
        Ok(ctx.request().loads().load_one(AncestorsOf(self.0.organisation_id)).await?.unwrap_or_default())
    }

    async fn designed_by(&self, ctx: &Context<'_>) -> Result<Arc<Vec<catalogue::Designer>>> {
        Ok(ctx.request().loads().load_one(DesignersOf(self.0.id)).await?.unwrap_or_default())
    }

    /// Whether the caller works on it.
    pub(super) async fn is_worked_on(&self, ctx: &Context<'_>) -> Result<bool> {
        let caller = ctx.request().caller();
        if caller.id().is_none() {
            return Ok(false);
        }
        let chefs = ctx.request().loads().load_one(ChefsOf(self.0.collection_id)).await?.unwrap_or_default();
        let (ancestors, designers) = (self.ancestors(ctx).await?, self.designed_by(ctx).await?);
        Ok(catalogue::works_on(&caller, &ancestors, &designers, &chefs))
    }
}

fn wanted(ctx: &Context<'_>, filter: Option<TrainingFilterInput>) -> Result<TrainingFilter> {
    let Some(filter) = filter else { return Ok(TrainingFilter::default()) };
    let mine = match filter.mine {
        Some(true) => Some(catalogue::mine(&ctx.request().caller())?),
        Some(false) | None => None,
    };
    Ok(TrainingFilter {
        collection: ids::optional("collectionId", filter.collection_id.as_ref())?,
        state: filter.state.map(Into::into),
        opening: filter.opening.map(Into::into),
        organisation: ids::optional("organisationId", filter.organisation_id.as_ref())?,
        modality: filter.modality.map(Into::into),
        certifying: filter.certifying,
        mine,
    })
}

/// All trainings that the caller sees.
pub(super) async fn list(
    ctx: &Context<'_>,
    filter: Option<TrainingFilterInput>,
    order: TrainingOrder,
    paging: Paging,
) -> Result<TrainingConnection> {
    let (request, filter, order) = (ctx.request(), wanted(ctx, filter)?, order.into());
    let caller = request.caller();
    let page = catalogue::training_list(&mut *request.cx().await?, &caller, &filter, order, &paging).await?;
    let count = async { catalogue::count_trainings(&mut *request.cx().await?, &caller, &filter, order).await };
    let total = total(ctx, count).await?;
    let cursor = |training: &catalogue::Training| match order {
        catalogue::TrainingOrder::Title => (training.title.clone(), training.id.0).encode(),
        catalogue::TrainingOrder::Change => (training.updated_at, training.id.0).encode(),
        // The list holds those that have one.
        catalogue::TrainingOrder::Publication => (training.published_at.unwrap_or_default(), training.id.0).encode(),
    };
    Ok(TrainingConnection::new(page, cursor, |training| Training(Arc::new(training)), total))
}

/// Those below a collection or an organisation, read together with its neighbours'.
pub(crate) async fn below(
    ctx: &Context<'_>,
    parent: Below,
    filter: Option<TrainingFilterInput>,
    order: TrainingOrder,
    paging: Paging,
) -> Result<TrainingConnection> {
    let filter = wanted(ctx, filter)?;
    match order.into() {
        catalogue::TrainingOrder::Title => listed(ctx, &TrainingsByTitle(parent, filter), &paging).await,
        order => listed(ctx, &TrainingsByTime(parent, filter, order), &paging).await,
    }
}

async fn listed<L>(ctx: &Context<'_>, of: &L, paging: &Paging) -> Result<TrainingConnection>
where
    L: Counted<Item = catalogue::Training>,
{
    let page = lists::page(ctx, of, paging).await?.ok_or(Error::NotFound)?;
    let total = lists::total(ctx, of).await?;
    Ok(TrainingConnection::new(page, |training| of.key(training).encode(), Training, total))
}
