//! Malfunction reports: what stands beside a thread of the kind SIGNALEMENT, from the report to the fix (docs/links.md).
//!
//! A report has the id of its thread, is seen by whoever sees that, and is there while the thread is of that kind. Duplicates
//! always point at a report that is none itself.

mod rules;
mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::App;
use crate::accounts::Member;
use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::{Cx, Tx, alone};
use crate::error::{Code, Error, Result};
use crate::events::{Event, tell, tell_all};
use crate::following;
use crate::forum::{self, Thread, ThreadKind};
use crate::id::{MemberId, ReportChangeId, ReportId, SpaceId, ThreadId, TrainingId};
use crate::idempotency::act;
use crate::page::{Page, Paging, Slice, TimeKey};
use crate::text;

pub(crate) use rules::fields as sound_fields;
pub use rules::{may_detail, may_handle, possible_transitions};
pub(crate) use store::settle_thread;

/// Where a report stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReportState {
    /// Nobody looked at it yet.
    Nouveau,
    /// Somebody saw the same.
    Confirme,
    /// It is being fixed.
    PrisEnCharge,
    /// Fixed, in a release.
    Corrige,
    /// Tells the same as another one.
    Doublon,
    /// Nothing will be done.
    SansSuite,
}

impl ReportState {
    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Nouveau => "nouveau",
            Self::Confirme => "confirmé",
            Self::PrisEnCharge => "pris en charge",
            Self::Corrige => "corrigé",
            Self::Doublon => "doublon",
            Self::SansSuite => "sans suite",
        }
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Report {
    pub id: ReportId,
    pub component: Option<String>,
    pub browser: Option<String>,
    pub steps: Option<String>,
    pub expected: Option<String>,
    pub observed: Option<String>,
    pub state: ReportState,
    /// The release.
    pub fixed_in: Option<String>,
    pub fixed_at: Option<DateTime<Utc>>,
    /// From the report to the fix.
    pub fixed_seconds: Option<i64>,
    pub duplicate_of_id: Option<ReportId>,
    /// 1 when made, one more with each change.
    pub revision: i64,
    pub reported_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
}

impl Report {
    /// The thread it stands beside.
    #[must_use]
    pub fn thread(&self) -> ThreadId {
        ThreadId(self.id.0)
    }
}

/// The report of a thread, if it is one.
#[must_use]
pub fn of_thread(thread: ThreadId) -> ReportId {
    ReportId(thread.0)
}

/// What is said of a malfunction; what is none stays, an empty text empties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct ReportFields {
    pub component: Option<String>,
    pub browser: Option<String>,
    pub steps: Option<String>,
    pub expected: Option<String>,
    pub observed: Option<String>,
}

impl ReportFields {
    fn apply(&self, report: &mut Report) {
        for (given, field) in [
            (&self.component, &mut report.component),
            (&self.browser, &mut report.browser),
            (&self.steps, &mut report.steps),
            (&self.expected, &mut report.expected),
            (&self.observed, &mut report.observed),
        ] {
            if let Some(text) = given {
                *field = Some(text.clone()).filter(|text| !text.is_empty());
            }
        }
    }
}

/// What became of a report; a note alone has its state on both sides.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct ReportChange {
    pub id: ReportChangeId,
    pub report_id: ReportId,
    pub from_state: ReportState,
    pub to_state: ReportState,
    pub note: Option<String>,
    pub fixed_in: Option<String>,
    pub duplicate_of_id: Option<ReportId>,
    pub changed_at: DateTime<Utc>,
    pub changed_by: MemberId,
}

/// Who reported a malfunction, and when first.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Reporter {
    #[sqlx(flatten)]
    pub member: Member,
    pub reported_at: DateTime<Utc>,
}

/// A wish to take a report to another state.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct Transition {
    pub to: ReportState,
    /// For a fix.
    pub release: Option<String>,
    /// For a duplicate.
    pub duplicate_of: Option<ReportId>,
    pub note: Option<String>,
}

/// By what a list of reports is sorted, the latest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReportOrder {
    /// When it was reported.
    #[default]
    Date,
    /// The last change of it.
    Change,
}

/// Which reports a list holds; every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct ReportFilter {
    pub state: Option<ReportState>,
    /// Whatever the case of its letters.
    pub component: Option<String>,
    /// Linked to it; the caller sees that training.
    pub training: Option<TrainingId>,
    pub space: Option<SpaceId>,
    pub author: Option<MemberId>,
    /// Reported then or later.
    pub from: Option<DateTime<Utc>>,
    /// Reported before.
    pub to: Option<DateTime<Utc>>,
}

/// How many reports are in a state, and how long the fixed ones took, in seconds.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct StateCount {
    pub state: ReportState,
    pub many: i64,
    pub median: Option<i64>,
    pub ninetieth: Option<i64>,
}

/// Puts a report beside a thread that is or becomes one; one it had before is there again.
pub(crate) async fn open(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    (thread, reported_at): (ThreadId, DateTime<Utc>),
    fields: &ReportFields,
) -> Result<()> {
    let mut report = Report {
        id: of_thread(thread),
        component: None,
        browser: None,
        steps: None,
        expected: None,
        observed: None,
        state: ReportState::Nouveau,
        fixed_in: None,
        fixed_at: None,
        fixed_seconds: None,
        duplicate_of_id: None,
        revision: 1,
        reported_at,
        changed_at: clock.now(),
    };
    fields.apply(&mut report);
    store::insert_report(tx, &report).await?;
    tell(tx, clock, Some(by), &Event::ReportOpened { report: report.id }).await
}

/// Changes what a report says: who reported it, while the thread is open, and the moderators of its space. With `expected`, only
/// when it did not change since.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] with everything that is wrong; [`Error::Conflict`] when it
/// changed since.
pub async fn update_report(
    app: &App,
    caller: &Caller,
    id: ReportId,
    fields: ReportFields,
    expected: Option<i64>,
) -> Result<ReportId> {
    caller.signed_in()?;
    let fields = rules::fields(fields).map_err(Error::Invalid)?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (thread, before) = locked(tx, &actor, id).await?;
            rules::must_detail(&actor, &thread)?;
            rules::as_read(&before, expected)?;
            let mut after = before.clone();
            fields.apply(&mut after);
            if after == before {
                return Ok(id);
            }
            (after.revision, after.changed_at) = (before.revision + 1, clock.now());
            store::set_report(tx, &after).await?;
            tell(tx, &clock, Some(actor.id), &Event::ReportChanged { report: id }).await?;
            Ok(id)
        })
    })
    .await
}

/// Adds a note to the history of a report: who reported it, while the thread is open, and the moderators of its space.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] on `note`.
pub async fn note_report(app: &App, caller: &Caller, id: ReportId, note: &str) -> Result<ReportId> {
    caller.signed_in()?;
    let note = text::line("note", note, 1, 1000).map_err(|problem| Error::Invalid(vec![problem]))?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let (thread, mut report) = locked(tx, &actor, id).await?;
            rules::must_detail(&actor, &thread)?;
            let state = report.state;
            let change = keep(tx, &clock, actor.id, &mut report, (state, Some(note))).await?;
            tell(tx, &clock, Some(actor.id), &Event::ReportNoted { report: id, change }).await?;
            Ok(id)
        })
    })
    .await
}

/// Takes a report to another state: the moderators of its space. A fix names its release and solves the thread, unless an
/// answer did; a duplicate names its original, and its own duplicates and those who follow it go there too.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when that state does not follow its own, when it changed since,
/// or when the original is a duplicate of this one; [`Error::Invalid`] on `release`, `duplicateOfId`, `note`.
pub async fn transition_report(
    app: &App,
    caller: &Caller,
    id: ReportId,
    asked: Transition,
    expected: Option<i64>,
) -> Result<ReportId> {
    caller.signed_in()?;
    let asked = rules::transition(asked).map_err(Error::Invalid)?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Moderate, move |tx, actor| {
        Box::pin(async move {
            if asked.duplicate_of.is_some() {
                // One at a time, so that two that name each other make no circle.
                alone(tx, "duplicates of reports").await?;
            }
            let (thread, report) = locked(tx, &actor, id).await?;
            rules::must_handle(&actor, &thread)?;
            rules::as_read(&report, expected)?;
            rules::can_become(report.state, asked.to)?;
            let original = match asked.duplicate_of {
                Some(of) => Some(original(tx, &actor, id, of).await?),
                None => None,
            };
            take(tx, &clock, actor.id, report, (asked, original)).await?;
            Ok(id)
        })
    })
    .await
}

/// The same without asking who may, for the demo.
pub(crate) async fn take_report(tx: &mut Tx, clock: &Clock, by: MemberId, id: ReportId, asked: Transition) -> Result<()> {
    let report = store::lock_report(tx, id).await?.ok_or(Error::NotFound)?;
    rules::can_become(report.state, asked.to)?;
    let original = asked.duplicate_of;
    take(tx, clock, by, report, (asked, original)).await
}

async fn take(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    mut report: Report,
    (asked, original): (Transition, Option<ReportId>),
) -> Result<()> {
    let (id, from, to, now) = (report.id, report.state, asked.to, clock.now());
    let fixed = to == ReportState::Corrige;
    report.state = to;
    report.fixed_in = asked.release;
    report.fixed_at = fixed.then_some(now);
    report.fixed_seconds = fixed.then(|| (now - report.reported_at).num_seconds().max(0));
    report.duplicate_of_id = original;
    if let Some(original) = original {
        let moved = store::move_duplicates(tx, id, original).await?;
        let events: Vec<_> = moved.into_iter().map(|report| Event::ReportChanged { report }).collect();
        tell_all(tx, clock, Some(by), &events).await?;
        following::brought_along(tx, report.thread(), ThreadId(original.0), now).await?;
    }
    let change = keep(tx, clock, by, &mut report, (from, asked.note)).await?;
    if fixed || from == ReportState::Corrige {
        store::settle_thread(tx, report.thread()).await?;
    }
    tell(tx, clock, Some(by), &Event::ReportStateChanged { report: id, change, from, to }).await
}

/// Writes a report that changed, and the change into its history.
async fn keep(
    tx: &mut Tx,
    clock: &Clock,
    by: MemberId,
    report: &mut Report,
    (from_state, note): (ReportState, Option<String>),
) -> Result<ReportChangeId> {
    (report.revision, report.changed_at) = (report.revision + 1, clock.now());
    store::set_report(tx, report).await?;
    let change = ReportChange {
        id: ReportChangeId::new(clock),
        report_id: report.id,
        from_state,
        to_state: report.state,
        note,
        fixed_in: report.fixed_in.clone(),
        duplicate_of_id: report.duplicate_of_id,
        changed_at: report.changed_at,
        changed_by: by,
    };
    store::insert_change(tx, &change).await?;
    Ok(change.id)
}

/// What `of` is a duplicate of, or itself when it is none, as far as the actor sees it: never the report `id`.
async fn original(tx: &mut Tx, actor: &Actor, id: ReportId, of: ReportId) -> Result<ReportId> {
    let threads = forum::threads_by_id(tx, actor, &[ThreadId(of.0)]).await?;
    let is_report = threads.values().any(|thread| thread.kind == ThreadKind::Signalement);
    let named = if is_report { store::report(tx, of).await? } else { None };
    let named = named.ok_or_else(|| Error::invalid("duplicateOfId", Code::Unknown, "Signalement inconnu."))?;
    let original = named.duplicate_of_id.unwrap_or(named.id);
    if original == id {
        let sentence = match named.id == id {
            true => "Un signalement n'est pas un doublon de lui-même.",
            false => "Ce signalement-là est déjà un doublon de celui-ci.",
        };
        return Err(Error::conflict("duplicateOfId", Code::Refused, sentence));
    }
    Ok(original)
}

/// The thread, locked, and its report, when `caller` sees them. The thread first, always.
async fn locked(tx: &mut Tx, caller: &Caller, id: ReportId) -> Result<(Thread, Report)> {
    let thread = forum::seen(forum::lock_thread(tx, ThreadId(id.0)).await?, caller)?;
    let report = store::lock_report(tx, id).await?.filter(|_| thread.kind == ThreadKind::Signalement);
    Ok((thread, report.ok_or(Error::NotFound)?))
}

// What is read.

/// Those of these reports whose threads this caller sees.
///
/// # Errors
/// When the database fails.
pub async fn reports_by_id(cx: &mut Cx, caller: &Caller, ids: &[ReportId]) -> Result<HashMap<ReportId, Report>> {
    let threads: Vec<_> = ids.iter().map(|id| ThreadId(id.0)).collect();
    let seen = forum::threads_by_id(cx, caller, &threads).await?;
    let reports = store::reports_by_id(cx, ids).await?;
    let seen = reports.into_iter().filter(|report| seen.contains_key(&report.thread()));
    Ok(seen.map(|report| (report.id, report)).collect())
}

/// The reports that this caller sees.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn reports(
    cx: &mut Cx,
    caller: &Caller,
    filter: &ReportFilter,
    order: ReportOrder,
    paging: &Paging,
) -> Result<Page<Report>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::reports(cx, caller, filter, order, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_reports(cx: &mut Cx, caller: &Caller, filter: &ReportFilter) -> Result<i64> {
    store::count_reports(cx, caller, filter).await
}

/// How many of them are in each state, and how long those took that are fixed; a state without any is left out.
///
/// # Errors
/// [`Error::Invalid`] on `to` when it is not after `from`.
pub async fn report_statistics(cx: &mut Cx, caller: &Caller, filter: &ReportFilter) -> Result<Vec<StateCount>> {
    if filter.from.zip(filter.to).is_some_and(|(from, to)| from >= to) {
        return Err(Error::invalid("to", Code::Malformed, "La fin vient après le début."));
    }
    store::statistics(cx, caller, filter).await
}

/// What became of each of these reports, the earliest first.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn changes_of(cx: &mut Cx, reports: &[ReportId], paging: &Paging) -> Result<HashMap<ReportId, Page<ReportChange>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let lists = store::changes_of(cx, reports, &slice).await?;
    Ok(slice.pages(reports, lists))
}

/// How many changes each has.
///
/// # Errors
/// When the database fails.
pub async fn count_changes(cx: &mut Cx, reports: &[ReportId]) -> Result<HashMap<ReportId, i64>> {
    let mut counts: HashMap<_, _> = reports.iter().map(|report| (*report, 0)).collect();
    counts.extend(store::count_changes(cx, reports).await?);
    Ok(counts)
}

/// The duplicates of each of these reports that the caller sees, the first reported first.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn duplicates_of(
    cx: &mut Cx,
    caller: &Caller,
    reports: &[ReportId],
    paging: &Paging,
) -> Result<HashMap<ReportId, Page<Report>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let lists = store::duplicates_of(cx, caller, reports, &slice).await?;
    Ok(slice.pages(reports, lists))
}

/// How many duplicates each has that the caller sees.
///
/// # Errors
/// When the database fails.
pub async fn count_duplicates(cx: &mut Cx, caller: &Caller, reports: &[ReportId]) -> Result<HashMap<ReportId, i64>> {
    let counts = store::count_duplicates(cx, caller, reports).await?;
    Ok(reports.iter().copied().zip(counts).collect())
}

/// Who reported each of these reports or a duplicate of it that the caller sees: each once, the first one first.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn reporters_of(
    cx: &mut Cx,
    caller: &Caller,
    reports: &[ReportId],
    paging: &Paging,
) -> Result<HashMap<ReportId, Page<Reporter>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let lists = store::reporters_of(cx, caller, reports, &slice).await?;
    Ok(slice.pages(reports, lists))
}

/// How many they are.
///
/// # Errors
/// When the database fails.
pub async fn count_reporters(cx: &mut Cx, caller: &Caller, reports: &[ReportId]) -> Result<HashMap<ReportId, i64>> {
    let counts = store::count_reporters(cx, caller, reports).await?;
    Ok(reports.iter().copied().zip(counts).collect())
}
