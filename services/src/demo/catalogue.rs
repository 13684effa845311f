//! The catalogue of the demo: chefs de file, trainings from their drafts on, what was planned and slipped, sessions. Its acts
//! take their place among the others by their time.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::NOW;
use super::content::{Content, WrittenSession, WrittenThread, WrittenTraining};
use super::plan::working_day;
use crate::catalogue::{self, Designer, Module, NewChef, SessionFields, SessionState, TrainingFields};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::{CollectionId, MemberId, OrganisationId, TrainingId, TrainingSessionId};
use crate::organisations;

/// How long before the present chefs de file were named: when everybody had joined.
const NAMED: i64 = 720;

/// One act in the catalogue, by indices into the content.
#[derive(Clone, Copy)]
pub(super) enum Deed {
    Chefs(usize),
    Make(usize),
    Frame(usize),
    Plan(usize, usize),
    State(usize, usize),
    Session(usize, usize),
    SessionState(usize, usize, SessionState),
}

/// What is done and when. What happens to one training on one day keeps this order.
pub(super) fn deeds(content: &Content) -> Vec<(DateTime<Utc>, Deed)> {
    let mut deeds = Vec::new();
    for collection in 0..content.collections.len() {
        deeds.push((at(NAMED, collection, 0), Deed::Chefs(collection)));
    }
    for (own, training) in content.trainings.iter().enumerate() {
        deeds.push((at(training.made_days_ago, own, 0), Deed::Make(own)));
        deeds.extend(training.framed_days_ago.map(|days| (at(days, own, 1), Deed::Frame(own))));
        let plans = training.plans.iter().enumerate();
        deeds.extend(plans.map(|(n, plan)| (at(plan.days_ago, own, 2), Deed::Plan(own, n))));
        let states = training.states.iter().enumerate();
        deeds.extend(states.map(|(n, state)| (at(state.days_ago, own, 3), Deed::State(own, n))));
        for (n, session) in training.sessions.iter().enumerate() {
            // Made and opened in the days before it, all of them past.
            let first = (20 - session.starts_in_days).max(8);
            deeds.push((at(first, own, 4), Deed::Session(own, n)));
            for (later, state) in (1..).zip(path(session.state)) {
                deeds.push((at(first - 2 * later, own, 5), Deed::SessionState(own, n, *state)));
            }
        }
    }
    deeds
}

/// The states that lead to one, after the preparation.
fn path(state: SessionState) -> &'static [SessionState] {
    use SessionState::{Annulee, Archivee, EnCours, InscriptionsOuvertes, Reportee, Terminee};
    match state {
        SessionState::EnPreparation => &[],
        InscriptionsOuvertes => &[InscriptionsOuvertes],
        EnCours => &[InscriptionsOuvertes, EnCours],
        Terminee => &[InscriptionsOuvertes, EnCours, Terminee],
        Archivee => &[InscriptionsOuvertes, EnCours, Terminee, Archivee],
        Reportee => &[InscriptionsOuvertes, Reportee],
        Annulee => &[InscriptionsOuvertes, Annulee],
    }
}

/// A moment of a working day, so many days ago or just before that.
fn at(days_ago: i64, own: usize, step: i64) -> DateTime<Utc> {
    let minute = i64::try_from(own % 50).unwrap_or(0) + 60 * step;
    (working_day(days_ago) + TimeDelta::minutes(8 * 60 + minute)).min(NOW - TimeDelta::minutes(10 - step))
}

/// The written catalogue on its way into the database.
pub(super) struct Catalogue {
    content: Content,
    members: HashMap<String, MemberId>,
    organisations: HashMap<String, OrganisationId>,
    collections: HashMap<String, CollectionId>,
    trainings: HashMap<usize, TrainingId>,
    sessions: HashMap<(usize, usize), TrainingSessionId>,
}

impl Catalogue {
    pub(super) fn new(content: Content, members: &[(String, MemberId)]) -> Self {
        Self {
            content,
            members: members.iter().cloned().collect(),
            organisations: HashMap::new(),
            collections: HashMap::new(),
            trainings: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    pub(super) async fn write(&mut self, tx: &mut Tx, clock: &Clock, deed: Deed) -> Result<()> {
        match deed {
            Deed::Chefs(own) => self.chefs(tx, clock, own).await,
            Deed::Make(own) => {
                let fields = self.fields(tx, own).await?;
                let id = catalogue::add_training(tx, clock, self.manager(own)?, fields).await?;
                self.trainings.insert(own, id);
                Ok(())
            }
            Deed::Frame(own) => {
                let collection = &self.content.trainings[own].collection;
                let chefs = self.content.collections.iter().find(|one| one.slug == *collection).map(|one| &one.chefs);
                let chef = chefs.into_iter().flatten().find_map(|chef| chef.member.as_deref());
                let chef = chef.ok_or_else(|| Error::internal(format!("nobody frames what is in {collection}")))?;
                catalogue::frame_training(tx, clock, self.member(chef)?, self.training(own)?).await
            }
            Deed::Plan(own, n) => {
                let plan = &self.content.trainings[own].plans[n];
                let (by, id) = (self.manager(own)?, self.training(own)?);
                catalogue::add_plan(tx, clock, by, id, plan.date, plan.reason.clone()).await
            }
            Deed::State(own, n) => {
                let state = self.content.trainings[own].states[n].state;
                catalogue::take_training(tx, clock, self.manager(own)?, self.training(own)?, state).await
            }
            Deed::Session(own, n) => {
                let fields = self.session_fields(&self.content.trainings[own].sessions[n])?;
                let id = catalogue::add_session(tx, clock, self.manager(own)?, self.training(own)?, fields).await?;
                self.sessions.insert((own, n), id);
                Ok(())
            }
            Deed::SessionState(own, n, state) => {
                let session = self.sessions.get(&(own, n)).copied();
                let session = session.ok_or_else(|| Error::internal("the demo opens a session before it is made"))?;
                catalogue::take_session(tx, clock, self.manager(own)?, session, state).await
            }
        }
    }

    async fn chefs(&self, tx: &mut Tx, clock: &Clock, own: usize) -> Result<()> {
        let written = &self.content.collections[own];
        // An operator may have changed the collections before.
        let Some(collection) = catalogue::collection_by_slug(tx, &written.slug).await? else { return Ok(()) };
        let mut chefs = Vec::new();
        for chef in &written.chefs {
            let member = chef.member.as_deref().map(|handle| self.member(handle)).transpose()?;
            chefs.push(NewChef { member, name: chef.name.clone(), address: chef.address.clone() });
        }
        catalogue::name_chefs(tx, clock, None, collection.id, chefs).await
    }

    async fn fields(&mut self, tx: &mut Tx, own: usize) -> Result<TrainingFields> {
        let training = &self.content.trainings[own];
        for slug in training.targets.iter().chain([&training.organisation]) {
            if !self.organisations.contains_key(slug) {
                let found = organisations::organisation_by_slug(tx, slug).await?;
                let found = found.ok_or_else(|| Error::internal(format!("the demo has no organisation {slug}")))?;
                self.organisations.insert(slug.clone(), found.id);
            }
        }
        if !self.collections.contains_key(&training.collection) {
            let found = catalogue::collection_by_slug(tx, &training.collection).await?;
            let found = found.ok_or_else(|| {
                super::refused(format!(
                    "La collection « {} » n'existe plus : chargez la démonstration dans un dossier de données neuf (ou une base \
                     vide).",
                    training.collection
                ))
            })?;
            self.collections.insert(training.collection.clone(), found.id);
        }
        let designer = |written: &String| match self.members.get(written) {
            Some(member) => Designer { member_id: Some(*member), name: None },
            None => Designer { member_id: None, name: Some(written.clone()) },
        };
        Ok(TrainingFields {
            collection: self.collections.get(&training.collection).copied(),
            organisation: self.organisations.get(&training.organisation).copied(),
            targets: Some(training.targets.iter().filter_map(|slug| self.organisations.get(slug).copied()).collect()),
            designers: Some(training.designers.iter().map(designer).collect()),
            ..written_fields(training)
        })
    }

    fn session_fields(&self, written: &WrittenSession) -> Result<SessionFields> {
        let starts_at = working_day(-written.starts_in_days) + TimeDelta::hours(8);
        let formateurs = written.formateurs.iter().map(|handle| self.member(handle)).collect::<Result<_>>()?;
        Ok(SessionFields {
            starts_at: Some(starts_at),
            ends_at: Some(starts_at + TimeDelta::days(written.days - 1) + TimeDelta::hours(8)),
            time_zone: written.time_zone.clone(),
            seats: written.seats,
            remote: Some(written.remote),
            place: written.place.clone(),
            formateurs: Some(formateurs),
            ..SessionFields::default()
        })
    }

    /// What was written of a thread.
    pub(super) fn thread(&self, own: usize) -> &WrittenThread {
        &self.content.threads[own].1
    }

    /// The place in the files of the thread with this title.
    pub(super) fn place(&self, title: &str) -> Result<usize> {
        self.content.thread(title)
    }

    fn manager(&self, own: usize) -> Result<MemberId> {
        self.member(&self.content.trainings[own].by)
    }

    pub(super) fn member(&self, handle: &str) -> Result<MemberId> {
        self.members.get(handle).copied().ok_or_else(|| Error::internal(format!("the demo has no member {handle}")))
    }

    pub(super) fn training(&self, own: usize) -> Result<TrainingId> {
        self.trainings.get(&own).copied().ok_or_else(|| Error::internal("the demo changes a training before it is made"))
    }
}

/// What is written of a training itself.
pub(super) fn written_fields(training: &WrittenTraining) -> TrainingFields {
    let module =
        |module: &super::content::WrittenModule| Module { title: module.title.clone(), competences: module.competences.clone() };
    TrainingFields {
        title: Some(training.title.clone()),
        short_name: Some(training.short_name.clone()),
        certifying: Some(training.certifying),
        licence: Some(training.licence.clone()),
        catch_phrase: training.catch_phrase.clone(),
        goals: training.goals.clone(),
        content: training.content.clone(),
        prerequisites: training.prerequisites.clone(),
        typical_jobs: training.typical_jobs.clone(),
        modality: training.modality,
        presence_minutes: training.presence_minutes,
        remote_minutes: training.remote_minutes,
        contact: training.contact.clone(),
        thumbnail_url: training.thumbnail_url.clone(),
        opening: Some(training.opening),
        addresses: Some(training.addresses.clone()),
        modules: Some(training.modules.iter().map(module).collect()),
        ..TrainingFields::default()
    }
}
