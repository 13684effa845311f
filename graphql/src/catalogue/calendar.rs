//! The publication calendar and what moved in it.

use std::sync::Arc;

use async_graphql::{Context, Enum, Object, SimpleObject};
use services::catalogue::{self, CalendarFilter};
use services::page::{Key, Paging};
use services::{Error, Result};

use super::collections::Collection;
use super::trainings::Training;
use crate::accounts::Member;
use crate::context::ContextExt;
use crate::paging::{connection, total};
use crate::scalars::{Date, DateTime};

/// Ce qui a bougé dans le calendrier de publication.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::CalendarChangeKind")]
pub(crate) enum CalendarChangeKind {
    /// Une date a été prévue, déplacée ou retirée.
    Planification,
    /// La formation a été publiée.
    Publication,
    /// La formation a quitté les publications, ou le calendrier.
    Retrait,
}

pub(crate) struct CalendarChange(pub(crate) catalogue::CalendarChange);

connection! { "Ce qui a bougé dans le calendrier, du plus ancien au plus récent." CalendarChangeConnection, CalendarChangeEdge, CalendarChange }

/// Un mouvement du calendrier de publication.
#[Object]
impl CalendarChange {
    /// La formation dont il s'agit.
    async fn training(&self, ctx: &Context<'_>) -> Result<Training> {
        ctx.request().training(self.0.training_id).await?.map(Training).ok_or(Error::NotFound)
    }

    /// Ce qui a bougé.
    async fn kind(&self) -> CalendarChangeKind {
        self.0.kind.into()
    }

    /// Le jour d'avant ; null s'il n'y en avait pas.
    async fn from(&self) -> Option<Date> {
        self.0.from_on.as_deref().and_then(Date::read)
    }

    /// Le jour d'après ; null s'il n'y en a plus.
    async fn to(&self) -> Option<Date> {
        self.0.to_on.as_deref().and_then(Date::read)
    }

    /// Quand cela a bougé.
    async fn at(&self) -> DateTime {
        self.0.changed_at.into()
    }

    /// Qui l'a fait.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.changed_by).await
    }

    /// Pourquoi, en texte simple.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

/// Une formation à son jour dans le calendrier de publication.
#[derive(SimpleObject)]
pub(crate) struct CalendarEntry {
    /// Son jour à Paris : celui de sa première publication, sinon celui qui est prévu.
    date: Date,
    /// Son mois, comme 2026-11.
    month: String,
    /// Elle est publiée ; faux, elle est seulement prévue.
    published: bool,
    /// La formation.
    training: Training,
}

connection! { "Les formations du calendrier de publication, par jour." CalendarEntryConnection, CalendarEntryEdge, CalendarEntry }

pub(crate) struct CalendarMonth(catalogue::MonthCount);

/// Ce que le calendrier de publication compte d'une collection en un mois.
#[Object]
impl CalendarMonth {
    /// Le mois, comme 2026-11.
    async fn month(&self) -> &str {
        &self.0.month
    }

    /// La collection.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Collection> {
        ctx.request().loads().load_one(self.0.collection_id).await?.map(Collection).ok_or(Error::NotFound)
    }

    /// Formations publiées.
    async fn published(&self) -> i64 {
        self.0.published
    }

    /// Formations prévues.
    async fn planned(&self) -> i64 {
        self.0.planned
    }
}

/// Where a training stands that the calendar lists.
pub(crate) fn calendar_entry(training: Arc<catalogue::Training>) -> CalendarEntry {
    let day = training.calendar_on.as_deref().unwrap_or_default();
    CalendarEntry {
        date: Date::read(day).unwrap_or_default(),
        month: day.chars().take(7).collect(),
        published: training.state == catalogue::TrainingState::Publiee,
        training: Training(training),
    }
}

pub(super) async fn entries(ctx: &Context<'_>, filter: CalendarFilter, paging: Paging) -> Result<CalendarEntryConnection> {
    let request = ctx.request();
    let caller = request.caller();
    let page = catalogue::publication_calendar(&mut *request.cx().await?, &caller, &filter, &paging).await?;
    let count = async { catalogue::count_calendar(&mut *request.cx().await?, &caller, &filter).await };
    let total = total(ctx, count).await?;
    let cursor = |training: &catalogue::Training| (training.calendar_on.clone().unwrap_or_default(), training.id.0).encode();
    Ok(CalendarEntryConnection::new(page, cursor, |training| calendar_entry(Arc::new(training)), total))
}

pub(super) async fn months(ctx: &Context<'_>, filter: CalendarFilter) -> Result<Vec<CalendarMonth>> {
    let request = ctx.request();
    let counts = catalogue::calendar_months(&mut *request.cx().await?, &request.caller(), &filter).await?;
    Ok(counts.into_iter().map(CalendarMonth).collect())
}

pub(super) async fn changes(ctx: &Context<'_>, since: DateTime, paging: Paging) -> Result<CalendarChangeConnection> {
    let request = ctx.request();
    let caller = request.caller();
    let page = catalogue::calendar_changes(&mut *request.cx().await?, &caller, since.0, &paging).await?;
    let count = async { catalogue::count_calendar_changes(&mut *request.cx().await?, &caller, since.0).await };
    let total = total(ctx, count).await?;
    let cursor = |change: &catalogue::CalendarChange| (change.changed_at, change.id.0).encode();
    Ok(CalendarChangeConnection::new(page, cursor, CalendarChange, total))
}
