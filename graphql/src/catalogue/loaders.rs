//! Rows of the catalogue, loaded for many fields at once.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use services::catalogue::{
    self, Below, Chef, Collection, Designer, MentorAddress, Module, StateChange, Text, Training, TrainingFilter, TrainingOrder,
};
use services::id::{CollectionId, OrganisationId, TrainingId};
use services::page::{Page, Paging};
use services::{Error, Result, organisations};

use crate::loaders::{Store, grouped};

impl Loader<CollectionId> for Store {
    type Value = Arc<Collection>;
    type Error = Error;
    async fn load(&self, ids: &[CollectionId]) -> Result<HashMap<CollectionId, Self::Value>> {
        let found = catalogue::collections_by_id(&mut *self.0.request()?.cx().await?, ids).await?;
        Ok(found.into_iter().map(|(id, collection)| (id, Arc::new(collection))).collect())
    }
}

impl Loader<TrainingId> for Store {
    type Value = Arc<Training>;
    type Error = Error;
    /// Only those the caller sees.
    async fn load(&self, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Self::Value>> {
        let found = catalogue::trainings_by_id(&mut *self.0.request()?.cx().await?, &self.0.request()?.caller(), ids).await?;
        Ok(found.into_iter().map(|(id, training)| (id, Arc::new(training))).collect())
    }
}

/// `lists! { "What it holds" Key(Id) -> Row by function }`: the rows that hang on each of some ids.
macro_rules! lists {
    ($($doc:literal $key:ident($id:ty) -> $row:ty, by $function:path;)*) => {
        $(
            #[doc = $doc]
            #[derive(Clone, Copy, PartialEq, Eq, Hash)]
            pub(crate) struct $key(pub(crate) $id);

            impl Loader<$key> for Store {
                type Value = Arc<Vec<$row>>;
                type Error = Error;
                async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>> {
                    let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
                    let mut found = $function(&mut *self.0.request()?.cx().await?, &ids).await?;
                    Ok(keys.iter().map(|key| (*key, Arc::new(found.remove(&key.0).unwrap_or_default()))).collect())
                }
            }
        )*
    };
}

lists! {
    "What an organisation stands under, itself included." AncestorsOf(OrganisationId) -> OrganisationId, by organisations::lines;
    "The chefs de file of a collection." ChefsOf(CollectionId) -> Chef, by catalogue::chefs;
    "The long texts of a training." TextsOf(TrainingId) -> Text, by catalogue::texts;
    "Who designs a training." DesignersOf(TrainingId) -> Designer, by catalogue::designers;
    "Whom a restricted training is for." TargetsOf(TrainingId) -> OrganisationId, by catalogue::targets;
    "The addresses of a training on Mentor." AddressesOf(TrainingId) -> MentorAddress, by catalogue::addresses;
    "The modules of a training." ModulesOf(TrainingId) -> Module, by catalogue::modules;
    "The changes of state of a training." StateChangesOf(TrainingId) -> StateChange, by catalogue::state_changes;
}

/// A page of the trainings below something. The key holds the arguments: siblings ask for the same ones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TrainingsBelow(pub(crate) Below, pub(crate) TrainingFilter, pub(crate) TrainingOrder, pub(crate) Paging);

impl Loader<TrainingsBelow> for Store {
    type Value = Page<Training>;
    type Error = Error;
    async fn load(&self, keys: &[TrainingsBelow]) -> Result<HashMap<TrainingsBelow, Self::Value>> {
        let request = self.0.request()?;
        let mut found = HashMap::with_capacity(keys.len());
        for ((filter, order, paging), parents) in grouped(keys, |key| (key.1.clone(), key.2, key.3.clone()), |key| key.0) {
            let (caller, mut cx) = (request.caller(), request.cx().await?);
            let pages = catalogue::trainings_below(&mut cx, &caller, &parents, &filter, order, &paging).await?;
            let key = |parent| TrainingsBelow(parent, filter.clone(), order, paging.clone());
            found.extend(pages.into_iter().map(|(parent, page)| (key(parent), page)));
        }
        Ok(found)
    }
}

/// How many trainings there are below something.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct CountBelow(pub(crate) Below, pub(crate) TrainingFilter, pub(crate) TrainingOrder);

impl Loader<CountBelow> for Store {
    type Value = i64;
    type Error = Error;
    async fn load(&self, keys: &[CountBelow]) -> Result<HashMap<CountBelow, i64>> {
        let request = self.0.request()?;
        let mut found = HashMap::with_capacity(keys.len());
        for ((filter, order), parents) in grouped(keys, |key| (key.1.clone(), key.2), |key| key.0) {
            let (caller, mut cx) = (request.caller(), request.cx().await?);
            let counts = catalogue::count_below(&mut cx, &caller, &parents, &filter, order).await?;
            found.extend(counts.into_iter().map(|(parent, count)| (CountBelow(parent, filter.clone(), order), count)));
        }
        Ok(found)
    }
}
