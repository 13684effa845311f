//! Synonyms, for those who edit them.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, InputObject, Object};
use services::id::SynonymGroupId;
use services::{Error, Result, search};

use crate::context::{ContextExt, Request};
use crate::ids;
use crate::loaders::Store;
use crate::payload::payload;
use crate::scalars::DateTime;

#[derive(Clone)]
pub(crate) struct SynonymGroup(pub(crate) Arc<search::SynonymGroup>);

/// Des expressions qui veulent dire la même chose : qui en cherche une trouve les autres.
#[Object]
impl SynonymGroup {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Les expressions, de 2 à 10, comme elles ont été écrites.
    async fn expressions(&self) -> &[String] {
        &self.0.expressions
    }

    /// Quand ce groupe a été créé.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Quand ce groupe a changé en dernier.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

impl Loader<SynonymGroupId> for Store {
    type Value = SynonymGroup;
    type Error = Error;
    async fn load(&self, ids: &[SynonymGroupId]) -> Result<HashMap<SynonymGroupId, Self::Value>> {
        let request = self.0.request()?;
        let found = search::synonym_groups_by_id(&mut *request.cx().await?, &request.caller(), ids).await?;
        Ok(found.into_iter().map(|group| (group.id, SynonymGroup(Arc::new(group)))).collect())
    }
}

async fn found(request: &Request, done: Option<SynonymGroupId>) -> Result<Option<SynonymGroup>> {
    match done {
        Some(id) => request.loads().load_one(id).await,
        None => Ok(None),
    }
}

/// Un groupe de synonymes à créer.
#[derive(InputObject)]
pub(crate) struct CreateSynonymsInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Les expressions, de 2 à 10, chacune de 100 caractères et de 10 mots au plus.
    expressions: Vec<String>,
}

payload! { "Le groupe de synonymes créé." CreateSynonymsPayload { "Le groupe." group: SynonymGroup } }

/// Un groupe de synonymes à modifier.
#[derive(InputObject)]
pub(crate) struct UpdateSynonymsInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le groupe.
    group_id: ID,
    /// Toutes ses expressions, de 2 à 10 : elles remplacent les précédentes.
    expressions: Vec<String>,
}

payload! { "Le groupe de synonymes modifié." UpdateSynonymsPayload { "Le groupe." group: SynonymGroup } }

/// Un groupe de synonymes à retirer.
#[derive(InputObject)]
pub(crate) struct RemoveSynonymsInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le groupe.
    group_id: ID,
}

payload! { "Le groupe de synonymes retiré." RemoveSynonymsPayload { "Son identifiant." removed_group_id: ID } }

#[derive(Default)]
pub(crate) struct SynonymsQuery;

#[Object]
impl SynonymsQuery {
    /// Les groupes de synonymes de la recherche, par ordre alphabétique de leur première expression, 1 000 au plus ; réservés aux
    /// administrateurs.
    #[graphql(complexity = "10 + 100 * child_complexity")]
    async fn synonyms(&self, ctx: &Context<'_>) -> Result<Vec<SynonymGroup>> {
        let request = ctx.request();
        let groups = search::synonym_groups(&mut *request.cx().await?, &request.caller()).await?;
        Ok(groups.into_iter().map(|group| SynonymGroup(Arc::new(group))).collect())
    }
}

#[derive(Default)]
pub(crate) struct SynonymsMutation;

#[Object]
impl SynonymsMutation {
    /// Crée un groupe de synonymes, dont la recherche tient compte en quelques secondes ; réservé aux administrateurs.
    async fn create_synonyms(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateSynonymsInput,
    ) -> Result<Option<CreateSynonymsPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt =
            request.attempt(async { search::create_synonyms(&request.app, &caller?, input.expressions.clone()).await }).await?;
        let group = found(request, attempt.done).await?;
        Ok(Some(CreateSynonymsPayload::new(input.client_mutation_id, attempt.problems, group)))
    }

    /// Donne d'autres expressions à un groupe de synonymes ; réservé aux administrateurs.
    async fn update_synonyms(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateSynonymsInput,
    ) -> Result<Option<UpdateSynonymsPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("groupId", &input.group_id)?;
                search::update_synonyms(&request.app, &caller?, id, input.expressions.clone()).await
            })
            .await?;
        let group = found(request, attempt.done).await?;
        Ok(Some(UpdateSynonymsPayload::new(input.client_mutation_id, attempt.problems, group)))
    }

    /// Retire un groupe de synonymes ; réservé aux administrateurs.
    async fn remove_synonyms(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: RemoveSynonymsInput,
    ) -> Result<Option<RemoveSynonymsPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async { search::remove_synonyms(&request.app, &caller?, ids::argument("groupId", &input.group_id)?).await })
            .await?;
        let removed = attempt.done.map(|id| ID(id.to_string()));
        Ok(Some(RemoveSynonymsPayload::new(input.client_mutation_id, attempt.problems, removed)))
    }
}
