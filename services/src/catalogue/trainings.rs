//! Making and changing trainings, taking them from state to state, recording their framing.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Designer, Details, MentorAddress, Modality, Module, Opening, Part, StateChange, Text, Training, TrainingField, TrainingState,
    calendar, mentor, rules, sight, store,
};
use crate::App;
use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::{Tx, duplicate, violates};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{AudienceId, CollectionId, FileId, MemberId, OrganisationId, TrainingId, TrainingStateChangeId};
use crate::idempotency::act;
use crate::{accounts, files, links, organisations, text};

/// What is given of a training; what is none stays, or is left empty in a new one.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct TrainingFields {
    pub title: Option<String>,
    pub short_name: Option<String>,
    pub collection: Option<CollectionId>,
    pub organisation: Option<OrganisationId>,
    pub certifying: Option<bool>,
    pub licence: Option<String>,
    pub catch_phrase: Option<String>,
    /// Markdown, as the other long texts.
    pub goals: Option<String>,
    pub content: Option<String>,
    pub prerequisites: Option<String>,
    pub skills: Option<String>,
    pub typical_jobs: Option<String>,
    pub modality: Option<Modality>,
    pub presence_minutes: Option<i64>,
    pub remote_minutes: Option<i64>,
    pub contact: Option<String>,
    /// The address of an image, or else a file.
    pub thumbnail_url: Option<String>,
    /// An image that the caller sent.
    pub thumbnail: Option<FileId>,
    pub sirh_id: Option<String>,
    pub opening: Option<Opening>,
    /// The organisations a restricted one is for; all of them, as in the lists below.
    pub targets: Option<Vec<OrganisationId>>,
    pub designers: Option<Vec<Designer>>,
    /// Addresses on Mentor.
    pub addresses: Option<Vec<String>>,
    pub modules: Option<Vec<Module>>,
    /// What is to be empty.
    pub clear: Vec<TrainingField>,
}

/// The same, checked and rendered.
#[derive(Clone)]
pub(super) struct Sound {
    pub(super) fields: TrainingFields,
    texts: Vec<Text>,
    pub(super) addresses: Option<Vec<MentorAddress>>,
}

/// What a new training has at least.
struct Whole {
    sound: Sound,
    collection: CollectionId,
    organisation: OrganisationId,
}

impl Sound {
    /// Checks what is given of a new training, and that all it needs is.
    fn whole(fields: TrainingFields) -> Result<Whole> {
        let mut problems = Problems::default();
        let given = [
            (TrainingField::Title, fields.title.is_some()),
            (TrainingField::ShortName, fields.short_name.is_some()),
            (TrainingField::Collection, fields.collection.is_some()),
            (TrainingField::Organisation, fields.organisation.is_some()),
            (TrainingField::Certifying, fields.certifying.is_some()),
            (TrainingField::Licence, fields.licence.is_some()),
        ];
        for (field, _) in given.iter().filter(|(_, given)| !given) {
            problems.add(Problem::new(field.name(), Code::Required, format!("À remplir : {}.", field.words())));
        }
        let places = fields.collection.zip(fields.organisation);
        let sound = Self::new(fields, &mut problems);
        problems.refuse()?;
        let (collection, organisation) = places.ok_or_else(|| Error::internal("a training without a place"))?;
        Ok(Whole { sound, collection, organisation })
    }

    /// Checks each field and notes every problem.
    pub(super) fn new(mut fields: TrainingFields, problems: &mut Problems) -> Self {
        let mut line = |field: TrainingField, given: &mut Option<String>, least, most| {
            *given = given.take().and_then(|text| problems.take(text::line(field.name(), &text, least, most)));
        };
        line(TrainingField::Title, &mut fields.title, 3, 200);
        line(TrainingField::ShortName, &mut fields.short_name, 2, 100);
        line(TrainingField::Licence, &mut fields.licence, 2, 100);
        line(TrainingField::CatchPhrase, &mut fields.catch_phrase, 3, 300);
        line(TrainingField::Contact, &mut fields.contact, 3, 300);
        line(TrainingField::SirhId, &mut fields.sirh_id, 1, 50);
        let mut texts = Vec::new();
        for (part, field, given) in [
            (Part::Objectifs, TrainingField::Goals, &fields.goals),
            (Part::Contenu, TrainingField::Content, &fields.content),
            (Part::Prerequis, TrainingField::Prerequisites, &fields.prerequisites),
            (Part::Competences, TrainingField::Skills, &fields.skills),
            (Part::Metiers, TrainingField::TypicalJobs, &fields.typical_jobs),
        ] {
            let sound = given.as_ref().and_then(|given| problems.take(rules::long_text(part, field.name(), given)));
            texts.extend(sound);
        }
        let minutes = |given: Option<i64>, field: TrainingField| given.map(|minutes| rules::minutes(field.name(), minutes));
        for checked in [
            minutes(fields.presence_minutes, TrainingField::PresenceMinutes),
            minutes(fields.remote_minutes, TrainingField::RemoteMinutes),
        ] {
            checked.map(|checked| problems.take(checked));
        }
        fields.thumbnail_url = fields.thumbnail_url.and_then(|url| problems.take(rules::thumbnail(&url)));
        if fields.thumbnail.is_some() && fields.thumbnail_url.is_some() {
            problems.add(Problem::new("thumbnailId", Code::Refused, "Donnez une image ou une adresse, pas les deux."));
        }
        fields.targets = fields.targets.and_then(|targets| problems.take(rules::targets(targets)));
        fields.designers = fields.designers.and_then(|designers| problems.take(rules::designers(designers)));
        fields.modules = fields.modules.and_then(|modules| problems.take(rules::modules(modules)));
        let addresses = fields.addresses.take().and_then(|texts| problems.take(rules::addresses(&texts)));
        for field in &fields.clear {
            problems.take(rules::can_be_cleared(*field));
        }
        Self { fields, texts, addresses }
    }

    /// Whether it says for whom or under whom the training is: for those who manage it alone.
    fn is_for_managers(&self, before: &Training, details: &Details) -> bool {
        let fields = &self.fields;
        fields.organisation.is_some_and(|organisation| organisation != before.organisation_id)
            || fields.collection.is_some_and(|collection| collection != before.collection_id)
            || fields.opening.is_some_and(|opening| opening != before.opening)
            || fields.targets.as_ref().is_some_and(|targets| *targets != details.targets)
            || fields.designers.as_ref().is_some_and(|designers| *designers != details.designers)
    }

    /// Writes it over what there is.
    pub(super) fn apply(self, training: &mut Training, details: &mut Details) {
        let fields = self.fields;
        for field in fields.clear {
            match field {
                TrainingField::CatchPhrase => training.catch_phrase = None,
                TrainingField::Goals => details.texts.retain(|text| text.part != Part::Objectifs),
                TrainingField::Content => details.texts.retain(|text| text.part != Part::Contenu),
                TrainingField::Prerequisites => details.texts.retain(|text| text.part != Part::Prerequis),
                TrainingField::Skills => details.texts.retain(|text| text.part != Part::Competences),
                TrainingField::TypicalJobs => details.texts.retain(|text| text.part != Part::Metiers),
                TrainingField::Modality => training.modality = None,
                TrainingField::PresenceMinutes => training.presence_minutes = None,
                TrainingField::RemoteMinutes => training.remote_minutes = None,
                TrainingField::Contact => training.contact = None,
                TrainingField::Thumbnail => (training.thumbnail_url, training.thumbnail_id) = (None, None),
                TrainingField::SirhId => training.sirh_id = None,
                // Never empty: refused before.
                TrainingField::Title
                | TrainingField::ShortName
                | TrainingField::Collection
                | TrainingField::Organisation
                | TrainingField::Certifying
                | TrainingField::Licence => {}
            }
        }
        put(&mut training.title, fields.title);
        put(&mut training.short_name, fields.short_name);
        put(&mut training.collection_id, fields.collection);
        put(&mut training.organisation_id, fields.organisation);
        put(&mut training.certifying, fields.certifying);
        put(&mut training.licence, fields.licence);
        put(&mut training.opening, fields.opening);
        training.catch_phrase = fields.catch_phrase.or(training.catch_phrase.take());
        training.modality = fields.modality.or(training.modality);
        training.presence_minutes = fields.presence_minutes.or(training.presence_minutes);
        training.remote_minutes = fields.remote_minutes.or(training.remote_minutes);
        training.contact = fields.contact.or(training.contact.take());
        if fields.thumbnail.is_some() || fields.thumbnail_url.is_some() {
            (training.thumbnail_url, training.thumbnail_id) = (fields.thumbnail_url, fields.thumbnail);
        }
        training.sirh_id = fields.sirh_id.or(training.sirh_id.take());
        for text in self.texts {
            details.texts.retain(|other| other.part != text.part);
            details.texts.push(Text { training_id: training.id, ..text });
        }
        // As they are read.
        details.texts.sort_by_key(|text| text.part.code());
        put(&mut details.targets, fields.targets);
        put(&mut details.designers, fields.designers);
        put(&mut details.modules, fields.modules);
        put(&mut details.addresses, self.addresses);
    }
}

fn put<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

/// Makes a training, as a draft that only those who work on it see: who manages the trainings of that organisation.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] with everything that is missing or wrong; [`Error::Conflict`] when another training
/// has one of its addresses.
pub async fn create_training(app: &App, caller: &Caller, fields: TrainingFields) -> Result<TrainingId> {
    caller.signed_in()?;
    let sound = Sound::whole(fields)?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let ancestors = organisations::ancestors(tx, sound.organisation).await?;
            if ancestors.is_empty() {
                return Err(Error::invalid("organisationId", Code::Unknown, "Organisation inconnue."));
            }
            rules::must_manage(&actor, &ancestors)?;
            if let Some(image) = sound.sound.fields.thumbnail {
                files::hold_image(tx, &actor, "thumbnailId", image).await?;
            }
            add(tx, &clock, actor.id, sound).await
        })
    })
    .await
}

/// The same without asking who may, for what acts for somebody.
pub(crate) async fn add_training(tx: &mut Tx, clock: &Clock, by: MemberId, fields: TrainingFields) -> Result<TrainingId> {
    add(tx, clock, by, Sound::whole(fields)?).await
}

async fn add(tx: &mut Tx, clock: &Clock, by: MemberId, new: Whole) -> Result<TrainingId> {
    let mut training = empty(TrainingId::new(clock), new.collection, new.organisation, clock.now());
    let mut details = Details::default();
    new.sound.apply(&mut training, &mut details);
    must_exist(tx, &training, &details).await?;
    rules::refuse(rules::opening(&training, &details))?;
    Ok(insert(tx, clock, by, training, &details).await?.id)
}

/// Writes a new training and what hangs on it, and tells it.
pub(super) async fn insert(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    mut training: Training,
    details: &Details,
) -> Result<Training> {
    training.audience_id = sight::of(tx, clock, &training, &details.targets).await?.viewers;
    store::insert_training(tx, &training).await.map_err(duplicate("trainings.short_name_key", short_name_taken))?;
    put_details(tx, training.id, &Details::default(), details).await?;
    let change = StateChange {
        id: TrainingStateChangeId::new(clock),
        training_id: training.id,
        from_state: None,
        to_state: training.state,
        changed_at: training.created_at,
        changed_by: Some(by),
    };
    store::insert_state_change(tx, &change).await?;
    tell(tx, clock, Some(by), &Event::TrainingCreated { training: training.id, collection: training.collection_id }).await?;
    if !details.addresses.is_empty() {
        links::addresses_changed(tx, clock, by, training.id).await?;
    }
    Ok(training)
}

pub(super) fn empty(
    id: TrainingId,
    collection_id: CollectionId,
    organisation_id: OrganisationId,
    now: DateTime<Utc>,
) -> Training {
    Training {
        id,
        title: String::new(),
        short_name: String::new(),
        collection_id,
        organisation_id,
        state: TrainingState::Brouillon,
        opening: Opening::NonVisible,
        audience_id: AudienceId(Uuid::nil()),
        catch_phrase: None,
        certifying: false,
        licence: String::new(),
        modality: None,
        presence_minutes: None,
        remote_minutes: None,
        contact: None,
        thumbnail_url: None,
        thumbnail_id: None,
        sirh_id: None,
        planned_on: None,
        calendar_on: None,
        announced_at: None,
        published_at: None,
        framed_at: None,
        framed_by: None,
        framing_note: None,
        merged_into_id: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Changes what a training says: who manages it; its designers too, except for whom and under whom it is. What its state demands
/// cannot be emptied. With `expected`, only when nobody changed it since.
///
/// # Errors
/// [`Error::NotFound`] when it is out of sight; [`Error::Forbidden`]; [`Error::Invalid`] with everything that is wrong;
/// [`Error::Conflict`] when it was changed since or merged, or when another training has one of its addresses.
pub async fn update_training(
    app: &App,
    caller: &Caller,
    id: TrainingId,
    fields: TrainingFields,
    expected: Option<i64>,
) -> Result<TrainingId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let sound = Sound::new(fields, &mut problems);
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let before = locked(tx, &actor, id).await?;
            let ancestors = organisations::ancestors(tx, before.organisation_id).await?;
            let details_before = store::details(tx, id).await?;
            rules::must_edit(&actor, &ancestors, &details_before.designers)?;
            rules::can_change(&before)?;
            rules::as_read(before.revision, expected)?;
            if sound.is_for_managers(&before, &details_before) {
                rules::must_manage(&actor, &ancestors)?;
            }
            let (mut after, mut details) = (before.clone(), details_before.clone());
            sound.apply(&mut after, &mut details);
            if (&after, &details) == (&before, &details_before) {
                return Ok(id);
            }
            if after.organisation_id != before.organisation_id {
                let ancestors = organisations::ancestors(tx, after.organisation_id).await?;
                if ancestors.is_empty() {
                    return Err(Error::invalid("organisationId", Code::Unknown, "Organisation inconnue."));
                }
                rules::must_manage(&actor, &ancestors)?;
            }
            must_exist(tx, &after, &details).await?;
            rules::refuse(rules::missing(&after, &details, after.state).into_iter().chain(rules::opening(&after, &details)))?;
            if let Some(image) = after.thumbnail_id.filter(|_| after.thumbnail_id != before.thumbnail_id) {
                files::hold_image(tx, &actor, "thumbnailId", image).await?;
            }
            change(tx, &clock, actor.id, (&before, &details_before), (after, &details)).await?;
            Ok(id)
        })
    })
    .await
}

/// Writes what a training says now, and tells that it changed.
pub(super) async fn change(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (before, details_before): (&Training, &Details),
    (mut training, details): (Training, &Details),
) -> Result<Training> {
    let readdressed = details.addresses != details_before.addresses;
    if readdressed {
        links::before_addresses_change(tx).await?;
    }
    put_training(tx, clock, &mut training, &details.targets).await?;
    put_details(tx, training.id, details_before, details).await?;
    if let Some(image) = before.thumbnail_id.filter(|_| training.thumbnail_id != before.thumbnail_id) {
        files::let_go(tx, image, clock.now()).await?;
    }
    tell(tx, clock, Some(by), &Event::TrainingChanged { training: training.id }).await?;
    if readdressed {
        links::addresses_changed(tx, clock, by, training.id).await?;
    }
    Ok(training)
}

/// Takes a training to another state, whose fields must be filled in: who manages it. The change is kept.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when that state does not follow its own; [`Error::Invalid`] with
/// every field that is missing.
pub async fn transition_training(
    app: &App,
    caller: &Caller,
    id: TrainingId,
    to: TrainingState,
    expected: Option<i64>,
) -> Result<TrainingId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let training = managed(tx, &actor, id).await?;
            rules::as_read(training.revision, expected)?;
            take(tx, &clock, actor.id, training, to).await?;
            Ok(id)
        })
    })
    .await
}

/// The same without asking who may.
pub(crate) async fn take_training(tx: &mut Tx, clock: &Clock, by: MemberId, id: TrainingId, to: TrainingState) -> Result<()> {
    let training = store::lock_training(tx, id).await?.ok_or(Error::NotFound)?;
    take(tx, clock, by, training, to).await
}

async fn take(tx: &mut Tx, clock: &Clock, by: MemberId, training: Training, to: TrainingState) -> Result<()> {
    rules::can_become(&training, to)?;
    let details = store::details(tx, training.id).await?;
    rules::refuse(rules::missing(&training, &details, to))?;
    enter(tx, clock, by, training, &details.targets, to).await?;
    Ok(())
}

/// Writes the new state, its history and what follows from it.
pub(super) async fn enter(
    tx: &mut Tx,
    clock: &Clock,
    actor: MemberId,
    mut training: Training,
    targets: &[OrganisationId],
    to: TrainingState,
) -> Result<Training> {
    let (id, from, now) = (training.id, training.state, clock.now());
    let day = training.calendar_on.clone();
    training.state = to;
    if to == TrainingState::Publiee {
        training.published_at = training.published_at.or(Some(now));
    }
    put_training(tx, clock, &mut training, targets).await?;
    let change = StateChange {
        id: TrainingStateChangeId::new(clock),
        training_id: id,
        from_state: Some(from),
        to_state: to,
        changed_at: now,
        changed_by: Some(actor),
    };
    store::insert_state_change(tx, &change).await?;
    calendar::follow(tx, clock, actor, from, day, &training).await?;
    tell(tx, clock, Some(actor), &Event::TrainingStateChanged { training: id, from, to }).await?;
    Ok(training)
}

/// Records that the framing of a training is validated: a chef de file of its collection. Again, it replaces the note.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] on `note`.
pub async fn record_framing(app: &App, caller: &Caller, id: TrainingId, note: Option<String>) -> Result<TrainingId> {
    let note = note.filter(|note| !note.trim().is_empty());
    let note = note.map(|note| text::line("note", &note, 1, 1000)).transpose().map_err(|p| Error::Invalid(vec![p]))?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let training = locked(tx, &actor, id).await?;
            rules::must_frame(&actor, &store::chefs(tx, &[training.collection_id]).await?)?;
            rules::can_change(&training)?;
            frame(tx, &clock, actor.id, training, note).await?;
            Ok(id)
        })
    })
    .await
}

/// The same without asking who may.
pub(crate) async fn frame_training(tx: &mut Tx, clock: &Clock, by: MemberId, id: TrainingId) -> Result<()> {
    let training = store::lock_training(tx, id).await?.ok_or(Error::NotFound)?;
    frame(tx, clock, by, training, None).await
}

async fn frame(tx: &mut Tx, clock: &Clock, by: MemberId, mut training: Training, note: Option<String>) -> Result<()> {
    let now = clock.now();
    (training.framed_at, training.framed_by, training.framing_note) = (Some(now), Some(by), note);
    (training.revision, training.updated_at) = (training.revision + 1, now);
    store::set_training(tx, &training).await?;
    tell(tx, clock, Some(by), &Event::TrainingFramed { training: training.id }).await
}

/// The training, kept as it is until the write ends; what the actor does not see is not found.
pub(super) async fn locked(tx: &mut Tx, actor: &Actor, id: TrainingId) -> Result<Training> {
    store::lock_training(tx, id).await?.filter(|training| actor.sees(training.audience_id)).ok_or(Error::NotFound)
}

/// The same for those who manage it.
pub(super) async fn managed(tx: &mut Tx, actor: &Actor, id: TrainingId) -> Result<Training> {
    let training = locked(tx, actor, id).await?;
    rules::must_manage(actor, &organisations::ancestors(tx, training.organisation_id).await?)?;
    Ok(training)
}

/// Writes a training that changed, and who sees it and its sessions.
pub(super) async fn put_training(tx: &mut Tx, clock: &Clock, training: &mut Training, targets: &[OrganisationId]) -> Result<()> {
    let audiences = sight::of(tx, clock, training, targets).await?;
    let before = std::mem::replace(&mut training.audience_id, audiences.viewers);
    if before != training.audience_id {
        // Of who put it the entry beside it tells.
        tell(tx, clock, None, &Event::TrainingSeenByOthers { training: training.id, before }).await?;
    }
    training.calendar_on = rules::calendar_day(training);
    (training.revision, training.updated_at) = (training.revision + 1, clock.now());
    store::set_training(tx, training).await.map_err(duplicate("trainings.short_name_key", short_name_taken))?;
    store::set_session_audiences(tx, training.id, audiences.viewers, audiences.workers).await
}

async fn put_details(tx: &mut Tx, id: TrainingId, before: &Details, after: &Details) -> Result<()> {
    if after.texts != before.texts {
        store::set_texts(tx, id, &after.texts).await?;
    }
    if after.designers != before.designers {
        store::set_designers(tx, id, &after.designers).await?;
    }
    if after.targets != before.targets {
        store::set_targets(tx, id, &after.targets).await?;
    }
    if after.modules != before.modules {
        store::set_modules(tx, id, &after.modules).await?;
    }
    if after.addresses != before.addresses {
        store::set_addresses(tx, id, &after.addresses).await.map_err(|(address, error)| match address {
            Some(address) if violates(&error, "training_addresses.address") => Error::Conflict(mentor::taken(address)),
            _ => error.into(),
        })?;
    }
    Ok(())
}

pub(super) fn short_name_taken() -> Problem {
    Problem::new("shortName", Code::Taken, "Une autre formation porte déjà ce nom abrégé.")
}

/// What a training points at is there.
async fn must_exist(tx: &mut Tx, training: &Training, details: &Details) -> Result<()> {
    let mut problems = Problems::default();
    if store::collections_by_id(tx, &[training.collection_id]).await?.is_empty() {
        problems.add(Problem::new("collectionId", Code::Unknown, "Collection inconnue."));
    }
    let members: Vec<_> = details.designers.iter().filter_map(|designer| designer.member_id).collect();
    if accounts::members_by_id(tx, &members).await?.len() != members.len() {
        problems.add(Problem::new("designers", Code::Unknown, "Membre inconnu."));
    }
    if organisations::by_id(tx, &details.targets).await?.len() != details.targets.len() {
        problems.add(Problem::new("targetIds", Code::Unknown, "Organisation inconnue."));
    }
    problems.refuse()
}
