//! Rows and lists of the catalogue, loaded for many fields at once.

use std::collections::HashMap;

use services::Result;
use services::catalogue::{
    self, Below, CalendarChange, Chef, Collection, Designer, MentorAddress, Module, Session, StateChange, Text, Training,
    TrainingFilter, TrainingOrder,
};
use services::db::Cx;
use services::id::{CollectionId, MemberId, OrganisationId, TrainingId, TrainingSessionId};
use services::page::{NameKey, Page, Paging, TimeKey};

use crate::lists::{self, Asked, Counted, List};
use crate::loaders::{grouped, rows, rows_of};

rows! {
    CollectionId => Collection, |cx, ids, _asked| catalogue::collections_by_id(cx, ids);
    TrainingId => Training, |cx, ids, asked| catalogue::trainings_by_id(cx, &asked.caller, ids);
    TrainingSessionId => Session, |cx, ids, asked| catalogue::sessions_by_id(cx, &asked.caller, ids);
}

rows_of! {
    "The chefs de file of a collection." ChefsOf(CollectionId) => Chef, |cx, ids, _asked| catalogue::chefs(cx, ids);
    "The long texts of a training." TextsOf(TrainingId) => Text, |cx, ids, _asked| catalogue::texts(cx, ids);
    "Who designs a training." DesignersOf(TrainingId) => Designer, |cx, ids, _asked| catalogue::designers(cx, ids);
    "Whom a restricted training is for." TargetsOf(TrainingId) => OrganisationId, |cx, ids, _asked| catalogue::targets(cx, ids);
    "The addresses of a training on Mentor." AddressesOf(TrainingId) => MentorAddress,
        |cx, ids, _asked| catalogue::addresses(cx, ids);
    "The modules of a training." ModulesOf(TrainingId) => Module, |cx, ids, _asked| catalogue::modules(cx, ids);
    "What moved in the calendar of a training." CalendarChangesOf(TrainingId) => CalendarChange,
        |cx, ids, _asked| catalogue::changes_of(cx, ids);
    "Who leads a session." FormateursOf(TrainingSessionId) => MemberId, |cx, ids, _asked| catalogue::formateurs(cx, ids);
    "The changes of state of a training." StateChangesOf(TrainingId) => StateChange,
        |cx, ids, _asked| catalogue::state_changes(cx, ids);
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
