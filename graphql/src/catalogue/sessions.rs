//! Sessions of a training.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::catalogue::{self, SessionFields};
use services::id::{OrganisationId, TrainingSessionId};
use services::{Error, Result};

use super::loaders::FormateursOf;
use super::trainings::Training;
use crate::accounts::Member;
use crate::context::{Attempt, ContextExt, Request};
use crate::ids;
use crate::loaders::AncestorsOf;
use crate::paging::connection;
use crate::payload::payload;
use crate::scalars::DateTime;

/// Où en est une session.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::SessionState")]
pub(crate) enum TrainingSessionState {
    /// En préparation : seuls ceux qui travaillent à la formation la voient.
    EnPreparation,
    /// On peut s'y inscrire.
    InscriptionsOuvertes,
    /// Elle se tient.
    EnCours,
    /// Elle s'est tenue.
    Terminee,
    /// Gardée pour mémoire.
    Archivee,
    /// Remise à une date encore inconnue.
    Reportee,
    /// Elle ne se tiendra pas.
    Annulee,
}

/// Ce qui peut être vidé dans une session.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::SessionField")]
pub(crate) enum TrainingSessionField {
    /// L'ouverture des inscriptions.
    #[graphql(name = "OUVERTURE_DES_INSCRIPTIONS")]
    RegistrationOpensAt,
    /// La clôture des inscriptions.
    #[graphql(name = "CLOTURE_DES_INSCRIPTIONS")]
    RegistrationClosesAt,
    /// Le nombre de places.
    #[graphql(name = "PLACES")]
    Seats,
    /// Le lieu.
    #[graphql(name = "LIEU")]
    Place,
}

pub(crate) struct TrainingSession(pub(crate) Arc<catalogue::Session>);

connection! { "Des sessions, par début." TrainingSessionConnection, TrainingSessionEdge, TrainingSession }

/// Une session d'une formation : quand et où elle se tient, et qui l'anime.
#[Object]
impl TrainingSession {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// La formation.
    async fn training(&self, ctx: &Context<'_>) -> Result<Training> {
        ctx.request().training(self.0.training_id).await?.map(Training).ok_or(Error::NotFound)
    }

    /// Où elle en est.
    async fn state(&self) -> TrainingSessionState {
        self.0.state.into()
    }

    /// Début.
    async fn starts_at(&self) -> DateTime {
        self.0.starts_at.into()
    }

    /// Fin.
    async fn ends_at(&self) -> DateTime {
        self.0.ends_at.into()
    }

    /// Ouverture des inscriptions.
    async fn registration_opens_at(&self) -> Option<DateTime> {
        self.0.registration_opens_at.map(Into::into)
    }

    /// Clôture des inscriptions.
    async fn registration_closes_at(&self) -> Option<DateTime> {
        self.0.registration_closes_at.map(Into::into)
    }

    /// Fuseau horaire du lieu où elle se tient, par son nom IANA, comme Europe/Paris.
    async fn time_zone(&self) -> &str {
        &self.0.time_zone
    }

    /// Nombre de places ; null s'il n'est pas limité.
    async fn seats(&self) -> Option<i64> {
        self.0.seats
    }

    /// Elle se tient à distance.
    async fn remote(&self) -> bool {
        self.0.remote
    }

    /// Le lieu, en texte simple.
    async fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// Ceux qui l'animent.
    #[graphql(complexity = "1 + 3 * child_complexity")]
    async fn formateurs(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let loads = ctx.request().loads();
        let ids = loads.load_one(FormateursOf(self.0.id)).await?.unwrap_or_default();
        let found = loads.load_many(ids.iter().copied()).await?;
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).map(Member).collect())
    }

    /// Version, à rendre avec une modification pour n'écraser celle de personne.
    async fn revision(&self) -> i64 {
        self.0.revision
    }

    /// Quand elle a été créée.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Dernière modification.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// Vous pouvez la modifier.
    async fn viewer_may_edit(&self, ctx: &Context<'_>) -> Result<bool> {
        let formateurs = ctx.request().loads().load_one(FormateursOf(self.0.id)).await?.unwrap_or_default();
        Ok(catalogue::may_lead(&ctx.request().caller(), &self.ancestors(ctx).await?, &formateurs))
    }

    /// Vous pouvez en changer l'état et les formateurs.
    async fn viewer_may_manage(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(catalogue::may_manage(&ctx.request().caller(), &self.ancestors(ctx).await?))
    }
}

impl TrainingSession {
    async fn ancestors(&self, ctx: &Context<'_>) -> Result<Arc<Vec<OrganisationId>>> {
        let Some(training) = ctx.request().training(self.0.training_id).await? else { return Ok(Arc::default()) };
        Ok(ctx.request().loads().load_one(AncestorsOf(training.organisation_id)).await?.unwrap_or_default())
    }
}

/// Ce que dit une session ; ce qui est absent reste, ou reste vide à la création.
#[derive(InputObject)]
pub(crate) struct TrainingSessionFieldsInput {
    /// Début ; demandé à la création.
    starts_at: Option<DateTime>,
    /// Fin, après le début ; demandée à la création.
    ends_at: Option<DateTime>,
    /// Ouverture des inscriptions.
    registration_opens_at: Option<DateTime>,
    /// Clôture des inscriptions.
    registration_closes_at: Option<DateTime>,
    /// Fuseau horaire du lieu, par son nom IANA ; Europe/Paris si vous n'en dites rien.
    time_zone: Option<String>,
    /// Nombre de places, de 1 à 100 000.
    seats: Option<i64>,
    /// Elle se tient à distance.
    remote: Option<bool>,
    /// Le lieu, de 2 à 200 caractères.
    place: Option<String>,
    /// Tous ceux qui l'animent, 20 au plus.
    formateur_ids: Option<Vec<ID>>,
    /// Ce qui est à vider.
    clear: Option<Vec<TrainingSessionField>>,
}

impl TrainingSessionFieldsInput {
    fn fields(&self) -> Result<SessionFields> {
        let formateurs: Option<Result<Vec<_>>> =
            self.formateur_ids.as_ref().map(|given| given.iter().map(|id| ids::argument("formateurIds", id)).collect());
        Ok(SessionFields {
            starts_at: self.starts_at.map(|at| at.0),
            ends_at: self.ends_at.map(|at| at.0),
            registration_opens_at: self.registration_opens_at.map(|at| at.0),
            registration_closes_at: self.registration_closes_at.map(|at| at.0),
            time_zone: self.time_zone.clone(),
            seats: self.seats,
            remote: self.remote,
            place: self.place.clone(),
            formateurs: formateurs.transpose()?,
            clear: self.clear.iter().flatten().map(|field| (*field).into()).collect(),
        })
    }
}

/// Une session à créer, en préparation.
#[derive(InputObject)]
pub(crate) struct CreateTrainingSessionInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La formation.
    training_id: ID,
    /// Ce qu'elle dit.
    fields: TrainingSessionFieldsInput,
}

payload! { "La session créée." CreateTrainingSessionPayload { "La session." session: TrainingSession } }

/// Une session à modifier.
#[derive(InputObject)]
pub(crate) struct UpdateTrainingSessionInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La session.
    session_id: ID,
    /// Ce qui change.
    fields: TrainingSessionFieldsInput,
    /// La version que vous avez lue : si la session a changé depuis, rien n'est fait.
    revision: Option<i64>,
}

payload! { "La session modifiée." UpdateTrainingSessionPayload { "La session." session: TrainingSession } }

/// Un changement d'état.
#[derive(InputObject)]
pub(crate) struct TransitionTrainingSessionInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La session.
    session_id: ID,
    /// Le nouvel état.
    state: TrainingSessionState,
    /// La version que vous avez lue : si la session a changé depuis, rien n'est fait.
    revision: Option<i64>,
}

payload! { "La session dans son nouvel état." TransitionTrainingSessionPayload { "La session." session: TrainingSession } }

#[derive(Default)]
pub(crate) struct TrainingSessionsMutation;

#[Object]
impl TrainingSessionsMutation {
    /// Crée une session d'une formation, en préparation ; réservé à ceux qui gèrent la formation.
    async fn create_training_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateTrainingSessionInput,
    ) -> Result<Option<CreateTrainingSessionPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let training = ids::argument("trainingId", &input.training_id)?;
                catalogue::create_session(&request.app, &caller?, training, input.fields.fields()?).await
            })
            .await?;
        let (problems, session) = made(request, attempt).await?;
        Ok(Some(CreateTrainingSessionPayload::new(input.client_mutation_id, problems, session)))
    }

    /// Modifie une session ; réservé à ceux qui gèrent la formation et à ses formateurs. Les formateurs sont à ceux qui la gèrent.
    async fn update_training_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateTrainingSessionInput,
    ) -> Result<Option<UpdateTrainingSessionPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("sessionId", &input.session_id)?;
                catalogue::update_session(&request.app, &caller?, id, input.fields.fields()?, input.revision).await
            })
            .await?;
        let (problems, session) = made(request, attempt).await?;
        Ok(Some(UpdateTrainingSessionPayload::new(input.client_mutation_id, problems, session)))
    }

    /// Change l'état d'une session ; réservé à ceux qui gèrent la formation. Ses formateurs la commencent et la terminent.
    async fn transition_training_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: TransitionTrainingSessionInput,
    ) -> Result<Option<TransitionTrainingSessionPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("sessionId", &input.session_id)?;
                catalogue::transition_session(&request.app, &caller?, id, input.state.into(), input.revision).await
            })
            .await?;
        let (problems, session) = made(request, attempt).await?;
        Ok(Some(TransitionTrainingSessionPayload::new(input.client_mutation_id, problems, session)))
    }
}

/// What became of a session. Who sees it may have changed, and so may what the caller holds.
async fn made(
    request: &Request,
    attempt: Attempt<TrainingSessionId>,
) -> Result<(Vec<services::error::Problem>, Option<TrainingSession>)> {
    let Some(id) = attempt.done else { return Ok((attempt.problems, None)) };
    request.look_again().await?;
    Ok((attempt.problems, request.training_session(id).await?))
}
