//! Sessions of a training: when and where it is held, and who leads it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::trainings::{locked, managed};
use super::{Session, SessionField, SessionState, Training, rules, sight, store};
use crate::App;
use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::{Cx, Tx};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{AudienceId, MemberId, OrganisationId, TrainingId, TrainingSessionId};
use crate::idempotency::act;
use crate::jobs::{self, Job, Verdict};
use crate::page::{Page, Paging, Slice, TimeKey, gathered};
use crate::{accounts, organisations, text};

/// Where a session is held unless told.
const TIME_ZONE: &str = "Europe/Paris";

/// What is given of a session; what is none stays, or is left empty in a new one.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct SessionFields {
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub registration_opens_at: Option<DateTime<Utc>>,
    pub registration_closes_at: Option<DateTime<Utc>>,
    /// An IANA name.
    pub time_zone: Option<String>,
    pub seats: Option<i64>,
    pub remote: Option<bool>,
    pub place: Option<String>,
    /// All of them.
    pub formateurs: Option<Vec<MemberId>>,
    /// What is to be empty.
    pub clear: Vec<SessionField>,
}

impl SessionFields {
    /// Checks what can be checked alone.
    fn sound(mut self, problems: &mut Problems) -> Self {
        self.time_zone = self.time_zone.and_then(|name| problems.take(time_zone(&name)));
        self.place = self.place.and_then(|place| problems.take(text::line("place", &place, 2, 200)));
        if self.seats.is_some_and(|seats| !(1..=100_000).contains(&seats)) {
            problems.add(Problem::new("seats", Code::Malformed, "Le nombre de places va de 1 à 100 000."));
        }
        if let Some(formateurs) = &mut self.formateurs {
            formateurs.sort_unstable();
            formateurs.dedup();
            if formateurs.len() > 20 {
                problems.add(Problem::new("formateurIds", Code::TooLong, "Au plus 20 formateurs."));
            }
        }
        self
    }

    /// Writes it over what there is.
    fn apply(self, session: &mut Session, formateurs: &mut Vec<MemberId>) {
        for field in self.clear {
            match field {
                SessionField::RegistrationOpensAt => session.registration_opens_at = None,
                SessionField::RegistrationClosesAt => session.registration_closes_at = None,
                SessionField::Seats => session.seats = None,
                SessionField::Place => session.place = None,
            }
        }
        session.starts_at = self.starts_at.unwrap_or(session.starts_at);
        session.ends_at = self.ends_at.unwrap_or(session.ends_at);
        session.registration_opens_at = self.registration_opens_at.or(session.registration_opens_at);
        session.registration_closes_at = self.registration_closes_at.or(session.registration_closes_at);
        session.seats = self.seats.or(session.seats);
        session.remote = self.remote.unwrap_or(session.remote);
        session.place = self.place.or(session.place.take());
        if let Some(time_zone) = self.time_zone {
            session.time_zone = time_zone;
        }
        if let Some(given) = self.formateurs {
            *formateurs = given;
        }
    }
}

fn time_zone(name: &str) -> Result<String, Problem> {
    let sentence = "Un fuseau horaire s'écrit comme Europe/Paris ou Indian/Reunion (nom IANA).";
    let zone: Result<Tz, _> = name.trim().parse();
    zone.map(|zone| zone.name().to_owned()).map_err(|_| Problem::new("timeZone", Code::Malformed, sentence))
}

/// Makes a session, in preparation: who manages the training.
///
/// # Errors
/// [`Error::NotFound`] for a training out of sight; [`Error::Forbidden`]; [`Error::Conflict`] when it is archived;
/// [`Error::Invalid`] with everything that is wrong.
pub async fn create_session(
    app: &App,
    caller: &Caller,
    training: TrainingId,
    fields: SessionFields,
) -> Result<TrainingSessionId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    for (field, given) in [("startsAt", fields.starts_at), ("endsAt", fields.ends_at)] {
        if given.is_none() {
            problems.add(Problem::new(field, Code::Required, "Une session a un début et une fin."));
        }
    }
    let fields = fields.sound(&mut problems);
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let training = managed(tx, &actor, training).await?;
            add(tx, &clock, actor.id, &training, fields).await
        })
    })
    .await
}

/// The same without asking who may.
pub(crate) async fn add_session(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    training: TrainingId,
    fields: SessionFields,
) -> Result<TrainingSessionId> {
    let training = store::lock_training(tx, training).await?.ok_or(Error::NotFound)?;
    add(tx, clock, by, &training, fields).await
}

async fn add(tx: &mut Tx, clock: &Clock, by: MemberId, training: &Training, fields: SessionFields) -> Result<TrainingSessionId> {
    rules::can_have_sessions(training)?;
    let now = clock.now();
    let mut session = Session {
        id: TrainingSessionId::new(clock),
        training_id: training.id,
        audience_id: audience(tx, clock, training, SessionState::EnPreparation).await?,
        state: SessionState::EnPreparation,
        starts_at: now,
        ends_at: now,
        registration_opens_at: None,
        registration_closes_at: None,
        time_zone: TIME_ZONE.into(),
        seats: None,
        remote: false,
        place: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    let mut formateurs = Vec::new();
    fields.apply(&mut session, &mut formateurs);
    must_be_sound(tx, &session, &formateurs).await?;
    store::insert_session(tx, &session).await?;
    store::set_formateurs(tx, session.id, &formateurs).await?;
    tell(tx, clock, Some(by), &Event::TrainingSessionCreated { session: session.id, training: training.id }).await?;
    Ok(session.id)
}

/// Changes a session: who manages its training; its formateurs too, while they hold that role, except who leads it. With
/// `expected`, only when nobody changed it since.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when it is over or was changed since; [`Error::Invalid`].
pub async fn update_session(
    app: &App,
    caller: &Caller,
    id: TrainingSessionId,
    fields: SessionFields,
    expected: Option<i64>,
) -> Result<TrainingSessionId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let fields = fields.sound(&mut problems);
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let held = Held::lock(tx, &actor, id).await?;
            rules::must_lead(&actor, &held.ancestors, &held.formateurs)?;
            if fields.formateurs.as_ref().is_some_and(|given| *given != held.formateurs) {
                rules::must_manage(&actor, &held.ancestors)?;
            }
            rules::can_be_rearranged(&held.session)?;
            rules::as_read(held.session.revision, expected)?;
            let (mut session, mut formateurs) = (held.session.clone(), held.formateurs.clone());
            fields.apply(&mut session, &mut formateurs);
            if (&session, &formateurs) == (&held.session, &held.formateurs) {
                return Ok(id);
            }
            must_be_sound(tx, &session, &formateurs).await?;
            rules::refuse(rules::session_lacks(&session, session.state))?;
            (session.revision, session.updated_at) = (session.revision + 1, clock.now());
            store::set_session(tx, &session).await?;
            store::set_formateurs(tx, id, &formateurs).await?;
            if rules::session_moves(&session) != rules::session_moves(&held.session) {
                look_by_date(tx, &clock, &session).await?;
            }
            let event = Event::TrainingSessionChanged { session: id, training: session.training_id };
            tell(tx, &clock, Some(actor.id), &event).await?;
            Ok(id)
        })
    })
    .await
}

/// Takes a session to another state: who manages its training; its formateurs begin and end it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when that state does not follow its own; [`Error::Invalid`] with
/// what is missing.
pub async fn transition_session(
    app: &App,
    caller: &Caller,
    id: TrainingSessionId,
    to: SessionState,
    expected: Option<i64>,
) -> Result<TrainingSessionId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let held = Held::lock(tx, &actor, id).await?;
            rules::must_lead(&actor, &held.ancestors, &held.formateurs)?;
            if !matches!(to, SessionState::EnCours | SessionState::Terminee) {
                rules::must_manage(&actor, &held.ancestors)?;
            }
            rules::as_read(held.session.revision, expected)?;
            take(tx, &clock, Some(actor.id), held.session, &held.training, to).await?;
            Ok(id)
        })
    })
    .await
}

/// The same without asking who may.
pub(crate) async fn take_session(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    id: TrainingSessionId,
    to: SessionState,
) -> Result<()> {
    let session = store::session(tx, id).await?.ok_or(Error::NotFound)?;
    let training = store::lock_training(tx, session.training_id).await?.ok_or(Error::NotFound)?;
    take(tx, clock, Some(by), session, &training, to).await
}

async fn take(
    tx: &mut Tx,
    clock: &Clock,
    by: Option<MemberId>,
    mut session: Session,
    training: &Training,
    to: SessionState,
) -> Result<()> {
    rules::session_can_become(&session, training, to)?;
    rules::refuse(rules::session_lacks(&session, to))?;
    let from = std::mem::replace(&mut session.state, to);
    session.audience_id = audience(tx, clock, training, to).await?;
    (session.revision, session.updated_at) = (session.revision + 1, clock.now());
    store::set_session(tx, &session).await?;
    look_by_date(tx, clock, &session).await?;
    let event = Event::TrainingSessionStateChanged { session: session.id, training: training.id, from, to };
    tell(tx, clock, by, &event).await
}

/// Has a session looked at when its dates take it on.
async fn look_by_date(tx: &mut Tx, clock: &Clock, session: &Session) -> Result<()> {
    let Some((_, at)) = rules::session_moves(session) else { return Ok(()) };
    jobs::enqueue(tx, clock, Job::MoveSession { session: session.id }, at).await
}

/// Takes a session where its dates say: it begins, ends, is archived. What people did meanwhile stands: its dates may be others by
/// now, its training withdrawn.
///
/// # Errors
/// When the database fails.
pub(crate) async fn move_session(app: &App, id: TrainingSessionId) -> Result<Verdict> {
    let clock = app.clock.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                let Some(seen) = store::session(tx, id).await? else { return Ok(()) };
                // The training before its session, as everywhere.
                let training = store::lock_training(tx, seen.training_id).await?.ok_or(Error::NotFound)?;
                let Some(session) = store::lock_session(tx, id).await? else { return Ok(()) };
                if session.training_id != training.id {
                    return Err(Error::unavailable("the session was taken elsewhere meanwhile"));
                }
                match rules::session_moves(&session) {
                    Some((to, at)) if at <= clock.now() && rules::session_can_become(&session, &training, to).is_ok() => {
                        take(tx, &clock, None, session, &training, to).await
                    }
                    _ => Ok(()),
                }
            })
        })
        .await?;
    Ok(Verdict::Done)
}

/// A session kept as it is until the write ends, with what decides who may change it. The training before its session, as
/// everywhere.
struct Held {
    training: Training,
    ancestors: Vec<OrganisationId>,
    session: Session,
    formateurs: Vec<MemberId>,
}

impl Held {
    async fn lock(tx: &mut Tx, actor: &Actor, id: TrainingSessionId) -> Result<Self> {
        let seen = store::session(tx, id).await?.filter(|session| actor.sees(session.audience_id)).ok_or(Error::NotFound)?;
        let training = locked(tx, actor, seen.training_id).await?;
        // A merge may have taken it elsewhere meanwhile.
        let session = store::lock_session(tx, id).await?.filter(|session| session.training_id == training.id);
        let session = session.ok_or_else(|| Error::conflict("sessionId", Code::Refused, "Cette session a été déplacée."))?;
        let ancestors = organisations::ancestors(tx, training.organisation_id).await?;
        let formateurs = store::formateurs(tx, &[id]).await?.into_iter().map(|row| row.1).collect();
        Ok(Self { training, ancestors, session, formateurs })
    }
}

/// Who sees a session: those who see its training, or who work on it while it is in preparation.
async fn audience(tx: &mut Tx, clock: &Clock, training: &Training, state: SessionState) -> Result<AudienceId> {
    if state != SessionState::EnPreparation {
        return Ok(training.audience_id);
    }
    let targets: Vec<_> = store::targets(tx, &[training.id]).await?.into_iter().map(|row| row.1).collect();
    Ok(sight::of(tx, clock, training, &targets).await?.workers)
}

/// Dates that follow one another, and formateurs who are members.
async fn must_be_sound(tx: &mut Tx, session: &Session, formateurs: &[MemberId]) -> Result<()> {
    let mut problems = Problems::default();
    let mut wrong = |field: &'static str, sentence: &str| problems.add(Problem::new(field, Code::Malformed, sentence));
    if session.ends_at <= session.starts_at {
        wrong("endsAt", "La fin vient après le début.");
    } else if session.ends_at - session.starts_at > TimeDelta::days(3 * 366) {
        wrong("endsAt", "Une session dure trois ans au plus.");
    }
    if session.registration_closes_at.is_some_and(|close| session.registration_opens_at.is_some_and(|open| close <= open)) {
        wrong("registrationClosesAt", "La clôture des inscriptions vient après leur ouverture.");
    }
    if session.registration_closes_at.is_some_and(|close| close > session.ends_at) {
        wrong("registrationClosesAt", "Les inscriptions sont closes avant la fin de la session.");
    }
    if session.registration_opens_at.is_some_and(|open| open >= session.ends_at) {
        wrong("registrationOpensAt", "Les inscriptions ouvrent avant la fin de la session.");
    }
    if accounts::members_by_id(tx, formateurs).await?.len() != formateurs.len() {
        problems.add(Problem::new("formateurIds", Code::Unknown, "Membre inconnu."));
    }
    problems.refuse()
}

/// Those of these sessions that this caller sees.
///
/// # Errors
/// When the database fails.
pub async fn sessions_by_id(
    cx: &mut Cx,
    caller: &Caller,
    ids: &[TrainingSessionId],
) -> Result<HashMap<TrainingSessionId, Session>> {
    let seen = store::sessions_by_id(cx, ids).await?.into_iter().filter(|session| caller.sees(session.audience_id));
    Ok(seen.map(|session| (session.id, session)).collect())
}

/// The sessions of each of these trainings that this caller sees, a page of each, by their start.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn sessions_of(
    cx: &mut Cx,
    caller: &Caller,
    trainings: &[TrainingId],
    paging: &Paging,
) -> Result<HashMap<TrainingId, Page<Session>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let lists = store::sessions(cx, caller, trainings, &slice).await?;
    Ok(slice.pages(trainings, lists))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_sessions(cx: &mut Cx, caller: &Caller, trainings: &[TrainingId]) -> Result<HashMap<TrainingId, i64>> {
    Ok(trainings.iter().copied().zip(store::count_sessions(cx, caller, trainings).await?).collect())
}

/// Who leads each of these sessions.
///
/// # Errors
/// When the database fails.
pub async fn formateurs(cx: &mut Cx, ids: &[TrainingSessionId]) -> Result<HashMap<TrainingSessionId, Vec<MemberId>>> {
    Ok(gathered(store::formateurs(cx, ids).await?))
}
