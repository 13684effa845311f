//! What a batch of lines asks of the catalogue: found out on rows read together, decided line by line without writing, then
//! written in one transaction. The check of the whole file and the writing decide by the same function.

use std::collections::{BTreeSet, HashMap};

use super::line::{Line, shown};
use crate::caller::Caller;
use crate::catalogue::trainings::{self, Sound};
use crate::catalogue::{Collection, Designer, Details, MentorAddress, Training, TrainingState, calendar, mentor, rules, store};
use crate::clock::Clock;
use crate::db::{Cx, Tx};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::id::{CollectionId, MemberId, OrganisationId, TrainingId};
use crate::organisations::{self, Organisation};
use crate::{accounts, text};

/// What there is of what a batch names.
pub(super) struct Known {
    collections: Vec<Collection>,
    organisations: Vec<Organisation>,
    /// Each of them with what it stands under, and those that produce the trainings below.
    lines: HashMap<OrganisationId, Vec<OrganisationId>>,
    members: HashMap<String, MemberId>,
    by_short_name: HashMap<String, TrainingId>,
    by_address: HashMap<String, TrainingId>,
    trainings: HashMap<TrainingId, (Training, Details)>,
}

impl Known {
    /// Reads it; with `keep`, inside a write, the trainings stay as they are until its end.
    pub(super) async fn read(cx: &mut Cx, batch: &[Line], keep: bool) -> Result<Self> {
        let named: BTreeSet<_> =
            batch.iter().flat_map(|line| line.targets.iter().flatten().chain(&line.organisation)).cloned().collect();
        let organisations = organisations::named(cx, &named.into_iter().collect::<Vec<_>>()).await?;
        let designers = batch.iter().flat_map(|line| line.designers.iter().flatten());
        let handles: BTreeSet<_> = designers.filter_map(|written| handle(written)?.ok()).collect();
        let members = accounts::ids_by_handle(cx, &handles.into_iter().collect::<Vec<_>>()).await?;
        let short_names: Vec<_> = batch.iter().filter_map(Line::short_name).map(store::short_name_key).collect();
        let addresses: Vec<_> = batch.iter().flat_map(Line::addresses).map(|address| address.key()).collect();
        let by_short_name: HashMap<_, _> = store::ids_by_short_name(cx, &short_names).await?.into_iter().collect();
        let by_address: HashMap<_, _> = store::ids_by_address(cx, &addresses).await?.into_iter().collect();
        let ids: BTreeSet<_> = by_short_name.values().chain(by_address.values()).copied().collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let trainings = store::trainings_whole(cx, &ids, keep).await?;
        let producers = trainings.values().map(|(training, _)| training.organisation_id);
        let places: BTreeSet<_> = organisations.iter().map(|one| one.id).chain(producers).collect();
        let lines = organisations::lines(cx, &places.into_iter().collect::<Vec<_>>()).await?;
        let collections = store::collections(cx).await?;
        Ok(Self { collections, organisations, lines, members, by_short_name, by_address, trainings })
    }

    fn collection(&self, written: &str) -> Result<CollectionId, Problem> {
        let slug = text::slug(written);
        let found = self.collections.iter().find(|one| one.slug == slug || one.name == written);
        let unknown = || Problem::new("collection", Code::Unknown, format!("Collection inconnue : « {} ».", shown(written)));
        found.map(|one| one.id).ok_or_else(unknown)
    }

    /// The one with this slug; else the one with this short name or name.
    fn organisation(&self, column: &'static str, written: &str) -> Result<OrganisationId, Problem> {
        if let Some(one) = self.organisations.iter().find(|one| one.slug == written) {
            return Ok(one.id);
        }
        let mut found = self.organisations.iter().filter(|one| one.short_name == written || one.name == written);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.id),
            (None, _) => Err(Problem::new(column, Code::Unknown, format!("Organisation inconnue : « {} ».", shown(written)))),
            (Some(one), Some(other)) => {
                let sentence = format!(
                    "Plusieurs organisations s'appellent « {} » : écrivez le nom de son adresse, comme {} ou {}.",
                    shown(written),
                    one.slug,
                    other.slug
                );
                Err(Problem::new(column, Code::Malformed, sentence))
            }
        }
    }

    fn designer(&self, written: &str) -> Result<Designer, Problem> {
        let Some(handle) = handle(written) else {
            // A name that begins with an `@` has two of them.
            let name = if written.starts_with("@@") { &written[1..] } else { written };
            return Ok(Designer { member_id: None, name: Some(name.to_owned()) });
        };
        let unknown = || Problem::new("designers", Code::Unknown, format!("Membre inconnu : « {} ».", shown(written)));
        let member = self.members.get(&handle?).ok_or_else(unknown)?;
        Ok(Designer { member_id: Some(*member), name: None })
    }

    /// The training that a line is about: the one with its addresses, else the one with its short name. Of one out of sight it is
    /// only told that it has them (docs/catalogue.md).
    fn training(&self, caller: &Caller, line: &Line) -> Result<Option<&(Training, Details)>, Problem> {
        let seen = |id: &TrainingId| self.trainings.get(id).filter(|(training, _)| caller.sees(training.audience_id));
        let mut found: Option<(MentorAddress, TrainingId)> = None;
        for address in line.addresses() {
            let Some(id) = self.by_address.get(&address.key()) else { continue };
            if seen(id).is_none() {
                return Err(mentor::taken(*address));
            }
            match found {
                Some((first, other)) if other != *id => {
                    let sentence = format!("Les adresses {first} et {address} sont celles de deux formations.");
                    return Err(Problem::new("addresses", Code::Taken, sentence));
                }
                _ => found = Some((*address, *id)),
            }
        }
        let named = line.short_name().and_then(|name| self.by_short_name.get(&store::short_name_key(name)));
        match (found, named) {
            (Some((_, id)), None) => Ok(seen(&id)),
            (Some((_, id)), Some(named)) if id == *named => Ok(seen(&id)),
            (None, Some(named)) => seen(named).map(Some).ok_or_else(trainings::short_name_taken),
            (Some(_), Some(_)) => Err(trainings::short_name_taken()),
            (None, None) => Ok(None),
        }
    }
}

/// The handle of a designer who is written with an `@`; none for a name.
fn handle(written: &str) -> Option<Result<String, Problem>> {
    written.strip_prefix('@').filter(|rest| !rest.starts_with('@')).map(|handle| text::handle("designers", handle))
}

impl Line {
    pub(super) fn short_name(&self) -> Option<&str> {
        self.sound.fields.short_name.as_deref()
    }

    /// Whether its table has a column of addresses.
    pub(super) fn tells_addresses(&self) -> bool {
        self.sound.addresses.is_some()
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &MentorAddress> {
        self.sound.addresses.iter().flatten()
    }
}

/// What a line comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Made,
    Changed,
    Unchanged,
}

/// What is done for a line, in this order.
enum Step {
    /// What it says is written.
    Say,
    Enter(TrainingState),
    Plan(Option<String>, Option<String>),
}

/// What may be done for a line.
pub(super) struct Deed {
    /// Whether the training is there, or is to be made.
    is_there: bool,
    training: Training,
    details: Details,
    sound: Sound,
    steps: Vec<Step>,
}

/// What a line comes to, or everything that speaks against it. Nothing is written.
pub(super) fn decide(caller: &Caller, clock: &Clock, line: &Line, known: &Known) -> Result<Deed, Vec<Problem>> {
    let mut problems = Problems::default();
    line.wrong.iter().for_each(|problem| problems.add(problem.clone()));
    let organisation = line.organisation.as_ref().and_then(|written| problems.take(known.organisation("organisation", written)));
    let collection = line.collection.as_ref().and_then(|written| problems.take(known.collection(written)));
    let mut sound = line.sound.clone();
    (sound.fields.organisation, sound.fields.collection) = (organisation, collection);
    if let Some(written) = &line.targets {
        let targets = written.iter().map(|one| known.organisation("targets", one)).collect::<Result<_, _>>();
        sound.fields.targets = problems.take(targets.and_then(rules::targets));
    }
    if let Some(written) = &line.designers {
        let designers = written.iter().map(|one| known.designer(one)).collect::<Result<_, _>>();
        sound.fields.designers = problems.take(designers.and_then(rules::designers));
    }
    // Before anything is looked for: who makes no trainings there learns nothing of those that are.
    if let Some(organisation) = organisation {
        problems.take(may_manage(caller, known, organisation));
    }
    let (Some(organisation), Some(collection)) = (organisation, collection) else { return Err(problems.all()) };
    // Which training it is, and what its states demand, is only asked of a line that says what it means.
    refused(problems)?;
    let found = known.training(caller, line).map_err(|problem| vec![problem])?;
    if let Some((training, _)) = found {
        may_manage(caller, known, training.organisation_id).map_err(|problem| vec![problem])?;
        rules::can_change(training).map_err(told)?;
    }
    if sound.fields.thumbnail.is_some_and(|image| found.is_none_or(|(training, _)| training.thumbnail_id != Some(image))) {
        let sentence = "Cette image n'est pas celle de la formation : donnez une adresse en https, ou envoyez-la par l'API.";
        return Err(vec![Problem::new("thumbnailUrl", Code::Refused, sentence)]);
    }
    let (training, details) = found
        .cloned()
        .unwrap_or_else(|| (trainings::empty(TrainingId::new(clock), collection, organisation, clock.now()), Details::default()));
    let mut deed = Deed { is_there: found.is_some(), training, details, sound, steps: Vec::new() };
    deed.steps = deed.wanted(line);
    deed.check(&calendar::day(clock.now()))?;
    Ok(deed)
}

fn may_manage(caller: &Caller, known: &Known, organisation: OrganisationId) -> Result<(), Problem> {
    let ancestors = known.lines.get(&organisation).map_or(&[][..], Vec::as_slice);
    rules::must_manage(caller, ancestors).map_err(|error| Problem::new("organisation", Code::Refused, error.sentence()))
}

fn refused(problems: Problems) -> Result<(), Vec<Problem>> {
    let problems = problems.all();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The problems that a refusal tells.
pub(super) fn told(refusal: Error) -> Vec<Problem> {
    match refusal {
        Error::Invalid(problems) => problems,
        Error::Conflict(problem) => vec![problem],
        other => vec![Problem::new("", Code::Refused, other.sentence())],
    }
}

impl Deed {
    pub(super) fn outcome(&self) -> Outcome {
        match (self.is_there, self.steps.is_empty()) {
            (false, _) => Outcome::Made,
            (true, false) => Outcome::Changed,
            (true, true) => Outcome::Unchanged,
        }
    }

    /// The training that is there already.
    pub(super) fn known(&self) -> Option<TrainingId> {
        self.is_there.then_some(self.training.id)
    }

    /// What has to be done, in the order in which each step finds what it needs: what a state demands is filled in before it is
    /// entered, and emptied once it is left; a day is planned while the training can be.
    fn wanted(&self, line: &Line) -> Vec<Step> {
        let (mut training, mut details) = (self.training.clone(), self.details.clone());
        self.sound.clone().apply(&mut training, &mut details);
        let says = !self.is_there || (&training, &details) != (&self.training, &self.details);
        let say = says.then_some(Step::Say);
        let to = line.state.unwrap_or(training.state);
        let states = rules::way(training.state, to).into_iter().map(Step::Enter);
        let planned = line.planned.map(|date| date.map(|date| date.to_string())).filter(|date| *date != training.planned_on);
        let plan = planned.map(|date| Step::Plan(date, line.reason.clone()));
        if rules::demands_less(training.state, to) {
            states.chain(say).chain(plan).collect()
        } else if rules::can_be_planned(&training).is_ok() {
            say.into_iter().chain(plan).chain(states).collect()
        } else {
            say.into_iter().chain(states).chain(plan).collect()
        }
    }

    /// Goes through the steps as the writing will.
    fn check(&self, today: &str) -> Result<(), Vec<Problem>> {
        let (mut training, mut details) = (self.training.clone(), self.details.clone());
        let mut problems = Problems::default();
        for step in &self.steps {
            match step {
                Step::Say => {
                    self.sound.clone().apply(&mut training, &mut details);
                    let lacks = rules::missing(&training, &details, training.state);
                    lacks.into_iter().chain(rules::opening(&training, &details)).for_each(|problem| problems.add(problem));
                }
                Step::Enter(to) => {
                    rules::can_become(&training, *to).map_err(told)?;
                    let lacks = rules::missing(&training, &details, *to);
                    if !lacks.is_empty() {
                        lacks.into_iter().for_each(|problem| problems.add(problem));
                        break;
                    }
                    training.state = *to;
                }
                Step::Plan(date, reason) => {
                    let planned = |refusal: Error| Problem::new("plannedOn", Code::Refused, refusal.sentence());
                    problems.take(rules::can_be_planned(&training).map_err(planned));
                    problems.take(rules::has_reason(&training, reason.as_deref()));
                    let date = date.as_deref().and_then(|date| date.parse().ok());
                    date.map(|date| problems.take(rules::planned(date, today)));
                }
            }
        }
        refused(problems)
    }

    /// Writes it.
    pub(super) async fn write(self, tx: &mut Tx, clock: &Clock, by: MemberId) -> Result<()> {
        let Self { is_there, mut training, mut details, sound, steps } = self;
        let mut sound = Some(sound);
        for step in steps {
            training = match step {
                Step::Say => {
                    let before = (training.clone(), details.clone());
                    if let Some(sound) = sound.take() {
                        sound.apply(&mut training, &mut details);
                    }
                    match is_there {
                        false => trainings::insert(tx, clock, by, training, &details).await?,
                        true => trainings::change(tx, clock, by, (&before.0, &before.1), (training, &details)).await?,
                    }
                }
                Step::Enter(to) => trainings::enter(tx, clock, by, training, &details.targets, to).await?,
                Step::Plan(date, reason) => calendar::plan(tx, clock, by, training, date, reason).await?,
            };
        }
        Ok(())
    }
}
