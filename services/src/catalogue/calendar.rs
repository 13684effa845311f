//! The publication calendar: what is published and open to all, what is planned, and what moved.

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeZone, Utc};
use chrono_tz::Europe::Paris;

use super::trainings::{managed, put_training};
use super::{CalendarChange, CalendarChangeKind, CalendarFilter, MonthCount, Training, TrainingState, rules, store};
use crate::App;
use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::{Cx, Tx};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{CalendarChangeId, MemberId, TrainingId};
use crate::idempotency::act;
use crate::page::{NameKey, Page, Paging, Slice, TimeKey};
use crate::text;

/// The day of a moment in Paris, where the programme lives, as 2026-11-25.
pub(super) fn day(at: DateTime<Utc>) -> String {
    Paris.from_utc_datetime(&at.naive_utc()).date_naive().to_string()
}

/// Plans the publication of a training for a day, another day or none: who manages it. The first day announces it, to those whom it
/// is open to. The former day, the reason and who did it are kept; a reason is asked when a day that was told changes.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when it is published or archived; [`Error::Invalid`] on `date`
/// and `reason`.
pub async fn plan_training(
    app: &App,
    caller: &Caller,
    id: TrainingId,
    date: Option<NaiveDate>,
    reason: Option<String>,
) -> Result<TrainingId> {
    let now = app.clock.now();
    let mut problems = Problems::default();
    let date = date.and_then(|date| problems.take(rules::planned(date, &day(now))));
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let reason = reason.and_then(|reason| problems.take(text::line("reason", &reason, 3, 500)));
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let training = managed(tx, &actor, id).await?;
            plan(tx, &clock, actor.id, training, date, reason).await?;
            Ok(id)
        })
    })
    .await
}

/// The same without asking who may, nor whether the day is to come.
pub(crate) async fn add_plan(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    id: TrainingId,
    date: Option<NaiveDate>,
    reason: Option<String>,
) -> Result<()> {
    let training = store::lock_training(tx, id).await?.ok_or(Error::NotFound)?;
    plan(tx, clock, by, training, date.map(|date| date.to_string()), reason).await?;
    Ok(())
}

/// Writes another planned day, keeps what moved and tells it.
pub(super) async fn plan(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    mut training: Training,
    date: Option<String>,
    reason: Option<String>,
) -> Result<Training> {
    rules::can_be_planned(&training)?;
    if date == training.planned_on {
        return Ok(training);
    }
    rules::has_reason(&training, reason.as_deref()).map_err(|problem| Error::Invalid(vec![problem]))?;
    let from = std::mem::replace(&mut training.planned_on, date);
    if training.planned_on.is_some() {
        training.announced_at = training.announced_at.or(Some(clock.now()));
    }
    let id = training.id;
    let targets: Vec<_> = store::targets(tx, &[id]).await?.into_iter().map(|row| row.1).collect();
    put_training(tx, clock, &mut training, &targets).await?;
    let days = (from, training.planned_on.clone());
    let change = keep(tx, clock, by, (id, CalendarChangeKind::Planification), days, reason).await?;
    tell(tx, clock, Some(by), &Event::TrainingPlanned { training: id, change }).await?;
    Ok(training)
}

/// Keeps what moved in the calendar because the state changed from `before`, if anything did.
pub(super) async fn follow(
    tx: &mut Tx,
    clock: &Clock,
    actor: MemberId,
    before: TrainingState,
    from: Option<String>,
    training: &Training,
) -> Result<()> {
    let kind = match (before, training.state) {
        (_, TrainingState::Publiee) => CalendarChangeKind::Publication,
        // Also when it is planned for the very day of its publication.
        (TrainingState::Publiee, _) => CalendarChangeKind::Retrait,
        _ if from == training.calendar_on => return Ok(()),
        (TrainingState::Archivee, _) => CalendarChangeKind::Planification,
        _ => CalendarChangeKind::Retrait,
    };
    keep(tx, clock, actor, (training.id, kind), (from, training.calendar_on.clone()), None).await?;
    Ok(())
}

async fn keep(
    tx: &mut Tx,
    clock: &Clock,
    actor: MemberId,
    (training_id, kind): (TrainingId, CalendarChangeKind),
    (from_on, to_on): (Option<String>, Option<String>),
    reason: Option<String>,
) -> Result<CalendarChangeId> {
    let id = CalendarChangeId::new(clock);
    let change =
        CalendarChange { id, training_id, kind, from_on, to_on, reason, changed_at: clock.now(), changed_by: Some(actor) };
    store::insert_calendar_change(tx, &change).await?;
    Ok(id)
}

impl CalendarFilter {
    /// From a month to a month, both included, each as 2026-11.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the argument.
    pub fn new(from: Option<&str>, to: Option<&str>, collection: Option<crate::id::CollectionId>) -> Result<Self> {
        let month = |field: &'static str, text: &str| {
            NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
                .ok()
                .filter(|_| text.len() == 7)
                .ok_or_else(|| Error::Invalid(vec![Problem::new(field, Code::Malformed, "Un mois s'écrit comme 2026-11.")]))
        };
        let from = from.map(|text| month("from", text)).transpose()?;
        let to = to.map(|text| month("to", text)).transpose()?;
        if from > to && to.is_some() {
            return Err(Error::invalid("to", Code::Malformed, "Le dernier mois ne vient pas avant le premier."));
        }
        // After the last month of the year 9999 there is none: days sort as text.
        let until = to.and_then(|to| to.checked_add_months(Months::new(1))).filter(|day| day.year() <= 9999);
        Ok(Self { from: from.map(|day| day.to_string()), until: until.map(|day| day.to_string()), collection })
    }
}

/// The trainings that are published, or planned, and open to all, as far as this caller sees them, by day.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn publication_calendar(
    cx: &mut Cx,
    caller: &Caller,
    filter: &CalendarFilter,
    paging: &Paging,
) -> Result<Page<Training>> {
    let slice = Slice::<NameKey>::new(paging)?;
    Ok(slice.page(store::calendar(cx, caller, filter, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_calendar(cx: &mut Cx, caller: &Caller, filter: &CalendarFilter) -> Result<i64> {
    store::count_calendar(cx, caller, filter).await
}

/// How many of them by month and collection, the earliest month first; at most 2,000 lines.
///
/// # Errors
/// When the database fails.
pub async fn calendar_months(cx: &mut Cx, caller: &Caller, filter: &CalendarFilter) -> Result<Vec<MonthCount>> {
    store::calendar_months(cx, caller, filter).await
}

/// What moved in the calendar after a moment, the earliest first, of trainings open to all that this caller sees.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn calendar_changes(
    cx: &mut Cx,
    caller: &Caller,
    since: DateTime<Utc>,
    paging: &Paging,
) -> Result<Page<CalendarChange>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::calendar_changes(cx, caller, since, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_calendar_changes(cx: &mut Cx, caller: &Caller, since: DateTime<Utc>) -> Result<i64> {
    store::count_calendar_changes(cx, caller, since).await
}
