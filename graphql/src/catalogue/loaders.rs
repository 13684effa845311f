//! Rows and lists of the catalogue, loaded for many fields at once.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use services::catalogue::{
    self, Below, CalendarChange, Chef, Collection, Designer, MentorAddress, Module, Session, StateChange, Text, Training,
    TrainingFilter, TrainingOrder,
};
use services::db::Cx;
use services::id::{CollectionId, MemberId, OrganisationId, TrainingId, TrainingSessionId};
use services::page::{NameKey, Page, Paging, TimeKey};
use services::{Error, Result};

use crate::lists::{self, Asked, Counted, List};
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

/// The trainings below a collection or an organisation, by title.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TrainingsByTitle(pub(crate) Below, pub(crate) TrainingFilter);

/// The same by a moment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TrainingsByTime(pub(crate) Below, pub(crate) TrainingFilter, pub(crate) TrainingOrder);

impl List for TrainingsByTitle {
    type Item = Training;
    type Key = NameKey;

    fn key(&self, training: &Training) -> NameKey {
        (training.title.clone(), training.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<Training>>> {
        let mut found = HashMap::with_capacity(of.len());
        for (filter, parents) in grouped(of, |of| of.1.clone(), |of| of.0) {
            let order = TrainingOrder::Title;
            let pages = catalogue::trainings_below(cx, &asked.caller, &parents, &filter, order, paging).await?;
            found.extend(lists::by(pages, |parent| Self(parent, filter.clone())));
        }
        Ok(found)
    }
}

impl Counted for TrainingsByTitle {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let mut found = HashMap::with_capacity(of.len());
        for (filter, parents) in grouped(of, |of| of.1.clone(), |of| of.0) {
            let order = TrainingOrder::Title;
            let counts = catalogue::count_below(cx, &asked.caller, &parents, &filter, order).await?;
            found.extend(lists::by(counts, |parent| Self(parent, filter.clone())));
        }
        Ok(found)
    }
}

impl List for TrainingsByTime {
    type Item = Training;
    type Key = TimeKey;

    fn key(&self, training: &Training) -> TimeKey {
        let at = match self.2 {
            // The list holds those that have one.
            TrainingOrder::Publication => training.published_at.unwrap_or_default(),
            TrainingOrder::Title | TrainingOrder::Change => training.updated_at,
        };
        (at, training.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<Training>>> {
        let mut found = HashMap::with_capacity(of.len());
        for ((filter, order), parents) in grouped(of, |of| (of.1.clone(), of.2), |of| of.0) {
            let pages = catalogue::trainings_below(cx, &asked.caller, &parents, &filter, order, paging).await?;
            found.extend(lists::by(pages, |parent| Self(parent, filter.clone(), order)));
        }
        Ok(found)
    }
}

impl Counted for TrainingsByTime {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let mut found = HashMap::with_capacity(of.len());
        for ((filter, order), parents) in grouped(of, |of| (of.1.clone(), of.2), |of| of.0) {
            let counts = catalogue::count_below(cx, &asked.caller, &parents, &filter, order).await?;
            found.extend(lists::by(counts, |parent| Self(parent, filter.clone(), order)));
        }
        Ok(found)
    }
}

/// The sessions of a training, by their start.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionsOf(pub(crate) TrainingId);

impl List for SessionsOf {
    type Item = Session;
    type Key = TimeKey;

    fn key(&self, session: &Session) -> TimeKey {
        (session.starts_at, session.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<Session>>> {
        let trainings: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(catalogue::sessions_of(cx, &asked.caller, &trainings, paging).await?, SessionsOf))
    }
}

impl Counted for SessionsOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let trainings: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(catalogue::count_sessions(cx, &asked.caller, &trainings).await?, SessionsOf))
    }
}
