//! What moves in the publication calendar.

use async_graphql::{ID, SimpleObject, Union};
use futures_util::future::try_join_all;
use services::Result;
use services::events::{CALENDAR, Event, Recorded};
use services::live::{self, Topic};

use super::{Gap, Occurrence, StreamStart, begin};
use crate::catalogue::{CalendarEntry, calendar_entry};
use crate::context::Request;
use crate::turns::Turn;

/// Une formation a ce jour dans le calendrier : elle y arrive, y est déplacée, ou a changé.
#[derive(SimpleObject)]
pub(crate) struct CalendarEntrySet {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// Elle et son jour.
    entry: CalendarEntry,
}

/// Une formation n'est pas ou plus dans le calendrier, ou n'y est plus pour vous.
#[derive(SimpleObject)]
pub(crate) struct CalendarEntryRemoved {
    #[graphql(flatten)]
    occurrence: Occurrence,
    /// L'identifiant de la formation.
    training_id: ID,
}

/// Ce qui bouge dans le calendrier de publication.
#[derive(Union)]
pub(crate) enum CalendarEvent {
    StreamStart(StreamStart),
    Gap(Gap),
    CalendarEntrySet(CalendarEntrySet),
    CalendarEntryRemoved(CalendarEntryRemoved),
}

/// What one turn tells.
pub(super) async fn turn(request: &Request, turn: &Turn, after: Option<&str>) -> Result<Vec<CalendarEvent>> {
    let Some(from) = turn.from() else { return begin(request, turn, after, vec![Topic::About(CALENDAR)]).await };
    let (entries, next) = live::read_place(&mut *request.cx().await?, CALENDAR, from, turn.head()).await?;
    turn.goes_on(next);
    let told = try_join_all(entries.into_iter().map(|entry| told(request, entry))).await?;
    Ok(told.into_iter().flatten().collect())
}

/// The entry as this caller is told it now; none for what is out of their sight, but that it went out of it.
async fn told(request: &Request, entry: Recorded) -> Result<Option<CalendarEvent>> {
    let occurrence = Occurrence::of(&entry);
    let Some(id) = entry.event.training() else { return Ok(None) };
    let (training, removed) = (request.training(id).await?, ID(id.to_string()));
    if let Some(training) = training.clone().filter(|training| training.is_in_calendar()) {
        let entry = calendar_entry(training);
        return Ok(Some(CalendarEvent::CalendarEntrySet(CalendarEntrySet { occurrence, entry })));
    }
    let gone = match entry.event {
        Event::TrainingSeenByOthers { before, .. } => training.is_some() || request.caller().sees(before),
        Event::TrainingPlanned { .. } | Event::TrainingStateChanged { .. } | Event::TrainingMerged { .. } => training.is_some(),
        _ => false,
    };
    Ok(gone.then_some(CalendarEvent::CalendarEntryRemoved(CalendarEntryRemoved { occurrence, training_id: removed })))
}
