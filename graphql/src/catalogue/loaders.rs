//! Rows of the catalogue, loaded for many fields at once.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use services::catalogue::{
    self, Below, CalendarChange, Chef, Collection, Designer, MentorAddress, Module, Session, StateChange, Text, Training,
    TrainingFilter, TrainingOrder,
};
use services::id::{CollectionId, MemberId, OrganisationId, TrainingId, TrainingSessionId};
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

impl Loader<TrainingSessionId> for Store {
    type Value = Arc<Session>;
    type Error = Error;
    /// Only those the caller sees.
    async fn load(&self, ids: &[TrainingSessionId]) -> Result<HashMap<TrainingSessionId, Self::Value>> {
        let found = catalogue::sessions_by_id(&mut *self.0.request()?.cx().await?, &self.0.request()?.caller(), ids).await?;
        Ok(found.into_iter().map(|session| (session.id, Arc::new(session))).collect())
    }
}

/// A page of the sessions of a training.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionsOf(pub(crate) TrainingId, pub(crate) Paging);

impl Loader<SessionsOf> for Store {
    type Value = Page<Session>;
    type Error = Error;
    async fn load(&self, keys: &[SessionsOf]) -> Result<HashMap<SessionsOf, Self::Value>> {
        let request = self.0.request()?;
        let mut found = HashMap::with_capacity(keys.len());
        for (paging, trainings) in grouped(keys, |key| key.1.clone(), |key| key.0) {
            let (caller, mut cx) = (request.caller(), request.cx().await?);
            let pages = catalogue::sessions_of(&mut cx, &caller, &trainings, &paging).await?;
            found.extend(pages.into_iter().map(|(training, page)| (SessionsOf(training, paging.clone()), page)));
        }
        Ok(found)
    }
}

/// How many sessions a training has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionCount(pub(crate) TrainingId);

impl Loader<SessionCount> for Store {
    type Value = i64;
    type Error = Error;
    async fn load(&self, keys: &[SessionCount]) -> Result<HashMap<SessionCount, i64>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let request = self.0.request()?;
        let counts = catalogue::count_sessions(&mut *request.cx().await?, &request.caller(), &ids).await?;
        Ok(counts.into_iter().map(|(training, count)| (SessionCount(training), count)).collect())
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
    "What moved in the calendar of a training." CalendarChangesOf(TrainingId) -> CalendarChange, by catalogue::changes_of;
    "Who leads a session." FormateursOf(TrainingSessionId) -> MemberId, by catalogue::formateurs;
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
