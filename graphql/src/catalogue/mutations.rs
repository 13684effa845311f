//! What writes in the catalogue.

use async_graphql::{Context, ID, InputObject, Object};
use services::Result;
use services::catalogue::{self, CreateCollection, NewChef, TrainingFields, UpdateCollection};
use services::id::{CollectionId, TrainingId};

use super::trainings::{TrainingField, TrainingModality, TrainingOpening, TrainingState};
use super::{Collection, Training};
use crate::context::{Attempt, ContextExt, Request};
use crate::ids;
use crate::payload::payload;
use crate::scalars::Date;

/// Un chef de file : un membre, ou un nom et une adresse.
#[derive(InputObject)]
pub(crate) struct CollectionChefInput {
    /// Le membre.
    member_id: Option<ID>,
    /// Nom d'une personne sans compte, de 2 à 80 caractères.
    name: Option<String>,
    /// Son adresse de courriel.
    address: Option<String>,
}

fn chefs(inputs: &[CollectionChefInput]) -> Result<Vec<NewChef>> {
    let chef = |input: &CollectionChefInput| -> Result<NewChef> {
        let member = ids::optional("chefs", input.member_id.as_ref())?;
        Ok(NewChef { member, name: input.name.clone(), address: input.address.clone() })
    };
    inputs.iter().map(chef).collect()
}

/// Une collection à créer.
#[derive(InputObject)]
pub(crate) struct CreateCollectionInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Nom, de 2 à 120 caractères.
    name: String,
    /// Couleur, comme #1a6fb0.
    colour: String,
    /// Ce qu'elle rassemble, 1 000 caractères au plus.
    description: String,
    /// Ses chefs de file, 10 au plus.
    chefs: Option<Vec<CollectionChefInput>>,
    /// Place dans la liste, de la plus petite à la plus grande.
    position: Option<i64>,
}

payload! { "La collection créée." CreateCollectionPayload { "La collection." collection: Collection } }

/// Une collection à modifier ; ce qui est absent reste.
#[derive(InputObject)]
pub(crate) struct UpdateCollectionInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La collection.
    collection_id: ID,
    /// Nom, de 2 à 120 caractères ; le nom court pour les adresses reste.
    name: Option<String>,
    /// Couleur, comme #1a6fb0.
    colour: Option<String>,
    /// Ce qu'elle rassemble, 1 000 caractères au plus.
    description: Option<String>,
    /// Tous ses chefs de file, 10 au plus : ils remplacent les précédents.
    chefs: Option<Vec<CollectionChefInput>>,
    /// Place dans la liste, de la plus petite à la plus grande.
    position: Option<i64>,
}

payload! { "La collection modifiée." UpdateCollectionPayload { "La collection." collection: Collection } }

/// Un concepteur : un membre, ou le nom de qui n'a pas de compte.
#[derive(InputObject)]
pub(crate) struct TrainingDesignerInput {
    /// Le membre.
    member_id: Option<ID>,
    /// Le nom, de 2 à 120 caractères.
    name: Option<String>,
}

/// Un module et les compétences qu'il vise.
#[derive(InputObject)]
pub(crate) struct TrainingModuleInput {
    /// Titre, de 2 à 200 caractères.
    title: String,
    /// Compétences, 20 au plus, de 2 à 200 caractères chacune.
    competences: Option<Vec<String>>,
}

/// Ce que dit une formation ; ce qui est absent reste, ou reste vide à la création. Les longs textes sont en Markdown, 50 000
/// caractères au plus chacun. Les listes données remplacent les précédentes.
#[derive(InputObject)]
pub(crate) struct TrainingFieldsInput {
    /// Titre, de 3 à 200 caractères ; demandé à la création.
    title: Option<String>,
    /// Nom abrégé, de 2 à 100 caractères, que n'a aucune autre formation ; demandé à la création.
    short_name: Option<String>,
    /// La collection ; demandée à la création.
    collection_id: Option<ID>,
    /// L'organisation productrice, dont vous gérez les formations ; demandée à la création.
    organisation_id: Option<ID>,
    /// Elle délivre une certification ; demandé à la création.
    certifying: Option<bool>,
    /// Licence, de 2 à 100 caractères, par exemple CC BY-SA 4.0 ; demandée à la création.
    licence: Option<String>,
    /// Phrase d'accroche, de 3 à 300 caractères.
    catch_phrase: Option<String>,
    /// Objectifs.
    goals: Option<String>,
    /// Contenu.
    content: Option<String>,
    /// Prérequis.
    prerequisites: Option<String>,
    /// Compétences visées.
    skills: Option<String>,
    /// Métiers types.
    typical_jobs: Option<String>,
    /// Modalité.
    modality: Option<TrainingModality>,
    /// Durée estimée en présentiel, en minutes ; 0 s'il n'y en a pas.
    presence_minutes: Option<i64>,
    /// Durée estimée à distance, en minutes ; 0 s'il n'y en a pas.
    remote_minutes: Option<i64>,
    /// À qui s'adresser, de 3 à 300 caractères.
    contact: Option<String>,
    /// Adresse d'une image, en https ; ou bien thumbnailId. L'une remplace l'autre.
    thumbnail_url: Option<String>,
    /// Une image que vous venez d'envoyer par POST /files.
    thumbnail_id: Option<ID>,
    /// Identifiant dans le système d'information des ressources humaines, 50 caractères au plus.
    sirh_id: Option<String>,
    /// À qui elle est ouverte une fois prête ; NON_VISIBLE à la création si vous n'en dites rien.
    opening: Option<TrainingOpening>,
    /// Les organisations d'une cible restreinte, 30 au plus.
    target_ids: Option<Vec<ID>>,
    /// Ses concepteurs, 20 au plus.
    designers: Option<Vec<TrainingDesignerInput>>,
    /// Ses adresses sur Mentor, 10 au plus, dans une des trois formes de MentorShape.
    addresses: Option<Vec<String>>,
    /// Ses modules, 50 au plus.
    modules: Option<Vec<TrainingModuleInput>>,
    /// Ce qui est à vider.
    clear: Option<Vec<TrainingField>>,
}

impl TrainingFieldsInput {
    fn fields(&self) -> Result<TrainingFields> {
        let targets: Option<Result<Vec<_>>> =
            self.target_ids.as_ref().map(|given| given.iter().map(|id| ids::argument("targetIds", id)).collect());
        let designer = |input: &TrainingDesignerInput| -> Result<catalogue::Designer> {
            let member_id = ids::optional("designers", input.member_id.as_ref())?;
            Ok(catalogue::Designer { member_id, name: input.name.clone() })
        };
        let module = |input: &TrainingModuleInput| catalogue::Module {
            title: input.title.clone(),
            competences: input.competences.clone().unwrap_or_default(),
        };
        Ok(TrainingFields {
            title: self.title.clone(),
            short_name: self.short_name.clone(),
            collection: ids::optional("collectionId", self.collection_id.as_ref())?,
            organisation: ids::optional("organisationId", self.organisation_id.as_ref())?,
            certifying: self.certifying,
            licence: self.licence.clone(),
            catch_phrase: self.catch_phrase.clone(),
            goals: self.goals.clone(),
            content: self.content.clone(),
            prerequisites: self.prerequisites.clone(),
            skills: self.skills.clone(),
            typical_jobs: self.typical_jobs.clone(),
            modality: self.modality.map(Into::into),
            presence_minutes: self.presence_minutes,
            remote_minutes: self.remote_minutes,
            contact: self.contact.clone(),
            thumbnail_url: self.thumbnail_url.clone(),
            thumbnail: ids::optional("thumbnailId", self.thumbnail_id.as_ref())?,
            sirh_id: self.sirh_id.clone(),
            opening: self.opening.map(Into::into),
            targets: targets.transpose()?,
            designers: self.designers.as_ref().map(|given| given.iter().map(designer).collect()).transpose()?,
            addresses: self.addresses.clone(),
            modules: self.modules.as_ref().map(|given| given.iter().map(module).collect()),
            clear: self.clear.iter().flatten().map(|field| (*field).into()).collect(),
        })
    }
}

/// Une formation à créer, comme brouillon.
#[derive(InputObject)]
pub(crate) struct CreateTrainingInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Ce qu'elle dit.
    fields: TrainingFieldsInput,
}

payload! { "La formation créée." CreateTrainingPayload { "La formation." training: Training } }

/// Une formation à modifier.
#[derive(InputObject)]
pub(crate) struct UpdateTrainingInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La formation.
    training_id: ID,
    /// Ce qui change.
    fields: TrainingFieldsInput,
    /// La version que vous avez lue : si la formation a changé depuis, rien n'est fait.
    revision: Option<i64>,
}

payload! { "La formation modifiée." UpdateTrainingPayload { "La formation." training: Training } }

/// Un changement d'état.
#[derive(InputObject)]
pub(crate) struct TransitionTrainingInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La formation.
    training_id: ID,
    /// Le nouvel état.
    state: TrainingState,
    /// La version que vous avez lue : si la formation a changé depuis, rien n'est fait.
    revision: Option<i64>,
}

payload! { "La formation dans son nouvel état." TransitionTrainingPayload { "La formation." training: Training } }

/// Un cadrage à valider.
#[derive(InputObject)]
pub(crate) struct RecordFramingInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La formation.
    training_id: ID,
    /// Ce que vous en notez, 1 000 caractères au plus ; remplace la note précédente.
    note: Option<String>,
}

payload! { "La formation au cadrage validé." RecordFramingPayload { "La formation." training: Training } }

/// Une formation à fondre dans une autre.
#[derive(InputObject)]
pub(crate) struct MergeTrainingsInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Celle qui disparaît des listes. Elle est archivée, son identifiant et son nom abrégé mènent toujours à elle.
    from_id: ID,
    /// Celle qui reste, et qui reprend ses adresses sur Mentor et ses sessions.
    into_id: ID,
}

payload! { "La formation qui reste." MergeTrainingsPayload { "La formation." training: Training } }

/// Une date de publication à prévoir.
#[derive(InputObject)]
pub(crate) struct PlanTrainingInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La formation.
    training_id: ID,
    /// Le jour prévu, à Paris ; absent, la formation n'est plus prévue, mais reste annoncée.
    date: Option<Date>,
    /// Pourquoi, de 3 à 500 caractères ; demandé quand une date déjà dite change. Le calendrier le garde : qui voit la formation le lit,
    /// aujourd'hui ou quand elle s'ouvrira.
    reason: Option<String>,
}

payload! { "La formation planifiée." PlanTrainingPayload { "La formation." training: Training } }

#[derive(Default)]
pub(crate) struct CatalogueMutation;

#[Object]
impl CatalogueMutation {
    /// Crée une collection ; réservé aux administrateurs de la communauté.
    async fn create_collection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateCollectionInput,
    ) -> Result<Option<CreateCollectionPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let new = CreateCollection {
                    name: input.name.clone(),
                    colour: input.colour.clone(),
                    description: input.description.clone(),
                    chefs: chefs(input.chefs.as_deref().unwrap_or_default())?,
                    position: input.position,
                };
                catalogue::create_collection(&request.app, &caller?, new).await
            })
            .await?;
        let collection = collection(request, attempt.done).await?;
        Ok(Some(CreateCollectionPayload::new(input.client_mutation_id, attempt.problems, collection)))
    }

    /// Modifie une collection et ses chefs de file ; réservé aux administrateurs de la communauté.
    async fn update_collection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateCollectionInput,
    ) -> Result<Option<UpdateCollectionPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("collectionId", &input.collection_id)?;
                let change = UpdateCollection {
                    name: input.name.clone(),
                    colour: input.colour.clone(),
                    description: input.description.clone(),
                    chefs: input.chefs.as_deref().map(chefs).transpose()?,
                    position: input.position,
                };
                catalogue::update_collection(&request.app, &caller?, id, change).await
            })
            .await?;
        let collection = collection(request, attempt.done).await?;
        Ok(Some(UpdateCollectionPayload::new(input.client_mutation_id, attempt.problems, collection)))
    }

    /// Crée une formation, comme brouillon que seuls voient ceux qui y travaillent ; réservé à ceux qui gèrent les formations de
    /// l'organisation productrice ou de celle au-dessus.
    async fn create_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateTrainingInput,
    ) -> Result<Option<CreateTrainingPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt =
            request.attempt(async { catalogue::create_training(&request.app, &caller?, input.fields.fields()?).await }).await?;
        let (problems, training) = made(request, attempt).await?;
        Ok(Some(CreateTrainingPayload::new(input.client_mutation_id, problems, training)))
    }

    /// Modifie ce que dit une formation ; réservé à ceux qui la gèrent et à ses concepteurs. Collection, organisation
    /// productrice, ouverture et concepteurs sont à ceux qui la gèrent. Ce que son état demande ne se vide pas.
    async fn update_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateTrainingInput,
    ) -> Result<Option<UpdateTrainingPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("trainingId", &input.training_id)?;
                catalogue::update_training(&request.app, &caller?, id, input.fields.fields()?, input.revision).await
            })
            .await?;
        let (problems, training) = made(request, attempt).await?;
        Ok(Some(UpdateTrainingPayload::new(input.client_mutation_id, problems, training)))
    }

    /// Change l'état d'une formation ; réservé à ceux qui la gèrent. Chaque champ qui manque au nouvel état est un problème.
    async fn transition_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: TransitionTrainingInput,
    ) -> Result<Option<TransitionTrainingPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("trainingId", &input.training_id)?;
                catalogue::transition_training(&request.app, &caller?, id, input.state.into(), input.revision).await
            })
            .await?;
        let (problems, training) = made(request, attempt).await?;
        Ok(Some(TransitionTrainingPayload::new(input.client_mutation_id, problems, training)))
    }

    /// Valide le cadrage d'une formation ; réservé aux chefs de file de sa collection.
    async fn record_framing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: RecordFramingInput,
    ) -> Result<Option<RecordFramingPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("trainingId", &input.training_id)?;
                catalogue::record_framing(&request.app, &caller?, id, input.note.clone()).await
            })
            .await?;
        let (problems, training) = made(request, attempt).await?;
        Ok(Some(RecordFramingPayload::new(input.client_mutation_id, problems, training)))
    }

    /// Prévoit la date de publication d'une formation, la déplace ou la retire ; réservé à ceux qui la gèrent. Une première date annonce la
    /// formation, même en brouillon : ceux à qui elle est ouverte la voient désormais, et le retrait de la date leur est dit. Pour la
    /// soustraire aux regards, donnez-lui l'ouverture NON_VISIBLE. La date d'avant, le motif et l'auteur sont gardés.
    async fn plan_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: PlanTrainingInput,
    ) -> Result<Option<PlanTrainingPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("trainingId", &input.training_id)?;
                let date = input.date.map(|date| date.0);
                catalogue::plan_training(&request.app, &caller?, id, date, input.reason.clone()).await
            })
            .await?;
        let (problems, training) = made(request, attempt).await?;
        Ok(Some(PlanTrainingPayload::new(input.client_mutation_id, problems, training)))
    }

    /// Fond une formation dans une autre ; réservé à ceux qui gèrent les deux.
    async fn merge_trainings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: MergeTrainingsInput,
    ) -> Result<Option<MergeTrainingsPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let (from, into) = (ids::argument("fromId", &input.from_id)?, ids::argument("intoId", &input.into_id)?);
                catalogue::merge_trainings(&request.app, &caller?, from, into).await
            })
            .await?;
        let (problems, training) = made(request, attempt).await?;
        Ok(Some(MergeTrainingsPayload::new(input.client_mutation_id, problems, training)))
    }
}

async fn collection(request: &Request, id: Option<CollectionId>) -> Result<Option<Collection>> {
    match id {
        Some(id) => Ok(request.loads().load_one(id).await?.map(Collection)),
        None => Ok(None),
    }
}

/// What became of a training. Who sees it may have changed, and so may what the caller holds.
async fn made(request: &Request, attempt: Attempt<TrainingId>) -> Result<(Vec<services::error::Problem>, Option<Training>)> {
    let Some(id) = attempt.done else { return Ok((attempt.problems, None)) };
    request.look_again().await?;
    Ok((attempt.problems, request.training(id).await?.map(Training)))
}
