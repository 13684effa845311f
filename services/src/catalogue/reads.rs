//! What is read of the catalogue, each as this caller sees it. Whoever sees a training sees what hangs on it.

use std::collections::HashMap;

use super::store::{self, TrainingSlice};
use super::{
    CalendarChange, Chef, Collection, Designer, MentorAddress, Module, StateChange, Text, Training, TrainingFilter,
    TrainingOrder, rules,
};
use crate::Caller;
use crate::db::Cx;
use crate::error::Result;
use crate::id::{CollectionId, OrganisationId, TrainingId};
use crate::page::{Page, Paging, Slice, gathered};

/// What trainings are listed below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Below {
    /// Those of it.
    Collection(CollectionId),
    /// Those that it or one of its units produces.
    Organisation(OrganisationId),
}

impl Below {
    pub(super) fn within(self, filter: &TrainingFilter) -> TrainingFilter {
        match self {
            Self::Collection(id) => TrainingFilter { collection: Some(id), ..filter.clone() },
            Self::Organisation(id) => TrainingFilter { organisation: Some(id), ..filter.clone() },
        }
    }
}

/// The collections, in their order. They are public, and few.
///
/// # Errors
/// When the database fails.
pub async fn collections(cx: &mut Cx) -> Result<Vec<Collection>> {
    store::collections(cx).await
}

/// The collection with this slug.
///
/// # Errors
/// When the database fails.
pub async fn collection_by_slug(cx: &mut Cx, slug: &str) -> Result<Option<Collection>> {
    // Only what could be one is looked for: PostgreSQL refuses a text with a null byte.
    if !slug.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        return Ok(None);
    }
    store::collection_by_slug(cx, slug).await
}

/// These collections.
///
/// # Errors
/// When the database fails.
pub async fn collections_by_id(cx: &mut Cx, ids: &[CollectionId]) -> Result<HashMap<CollectionId, Collection>> {
    Ok(store::collections_by_id(cx, ids).await?.into_iter().map(|collection| (collection.id, collection)).collect())
}

/// The chefs de file of each of these collections.
///
/// # Errors
/// When the database fails.
pub async fn chefs(cx: &mut Cx, ids: &[CollectionId]) -> Result<HashMap<CollectionId, Vec<Chef>>> {
    Ok(gathered(store::chefs(cx, ids).await?.into_iter().map(|chef| (chef.collection_id, chef))))
}

/// Trainings this caller sees, without those that were merged into another one.
///
/// # Errors
/// [`crate::Error::Invalid`] on the paging; [`crate::Error::Unauthenticated`] when nobody asks for their own.
pub async fn trainings(
    cx: &mut Cx,
    caller: &Caller,
    filter: &TrainingFilter,
    order: TrainingOrder,
    paging: &Paging,
) -> Result<Page<Training>> {
    let slice = sliced(order, paging)?;
    Ok(page(&slice, store::trainings(cx, caller, filter, order, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_trainings(cx: &mut Cx, caller: &Caller, filter: &TrainingFilter, order: TrainingOrder) -> Result<i64> {
    store::count_trainings(cx, caller, filter, order).await
}

/// The same below each of these collections and organisations, a page of each.
///
/// # Errors
/// As [`trainings`].
pub async fn trainings_below(
    cx: &mut Cx,
    caller: &Caller,
    parents: &[Below],
    filter: &TrainingFilter,
    order: TrainingOrder,
    paging: &Paging,
) -> Result<HashMap<Below, Page<Training>>> {
    let slice = sliced(order, paging)?;
    let lists = store::trainings_below(cx, caller, parents, filter, order, &slice).await?;
    Ok(parents.iter().copied().zip(lists.into_iter().map(|trainings| page(&slice, trainings))).collect())
}

/// How many of them there are below each.
///
/// # Errors
/// When the database fails.
pub async fn count_below(
    cx: &mut Cx,
    caller: &Caller,
    parents: &[Below],
    filter: &TrainingFilter,
    order: TrainingOrder,
) -> Result<HashMap<Below, i64>> {
    Ok(parents.iter().copied().zip(store::count_below(cx, caller, parents, filter, order).await?).collect())
}

fn sliced(order: TrainingOrder, paging: &Paging) -> Result<TrainingSlice> {
    Ok(match order {
        TrainingOrder::Title => TrainingSlice::Title(Slice::new(paging)?),
        TrainingOrder::Change | TrainingOrder::Publication => TrainingSlice::Time(order, Slice::new(paging)?),
    })
}

fn page(slice: &TrainingSlice, rows: Vec<Training>) -> Page<Training> {
    match slice {
        TrainingSlice::Title(slice) => slice.page(rows),
        TrainingSlice::Time(_, slice) => slice.page(rows),
    }
}

/// Those of these trainings that this caller sees.
///
/// # Errors
/// When the database fails.
pub async fn trainings_by_id(cx: &mut Cx, caller: &Caller, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Training>> {
    let trainings = store::trainings_by_id(cx, ids).await?;
    let seen = trainings.into_iter().filter(|training| caller.sees(training.audience_id));
    Ok(seen.map(|training| (training.id, training)).collect())
}

/// The training with this short name, when this caller sees it.
///
/// # Errors
/// When the database fails.
pub async fn training_by_short_name(cx: &mut Cx, caller: &Caller, short_name: &str) -> Result<Option<Training>> {
    let Ok(short_name) = rules::short_name(short_name) else { return Ok(None) };
    Ok(store::training_by_short_name(cx, &short_name).await?.filter(|training| caller.sees(training.audience_id)))
}

/// The training with this address on Mentor, when this caller sees it.
///
/// # Errors
/// When the database fails.
pub async fn training_by_address(cx: &mut Cx, caller: &Caller, address: MentorAddress) -> Result<Option<Training>> {
    Ok(store::training_by_address(cx, &address.key()).await?.filter(|training| caller.sees(training.audience_id)))
}

/// The long texts of each of these trainings.
///
/// # Errors
/// When the database fails.
pub async fn texts(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Vec<Text>>> {
    Ok(gathered(store::texts(cx, ids).await?.into_iter().map(|text| (text.training_id, text))))
}

/// Who designs each of these trainings.
///
/// # Errors
/// When the database fails.
pub async fn designers(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Vec<Designer>>> {
    Ok(gathered(store::designers(cx, ids).await?.into_iter().map(|row| (row.training_id, row.designer))))
}

/// The organisations that each of these trainings is for, when it is restricted.
///
/// # Errors
/// When the database fails.
pub async fn targets(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Vec<OrganisationId>>> {
    Ok(gathered(store::targets(cx, ids).await?))
}

/// The addresses on Mentor of each of these trainings.
///
/// # Errors
/// When the database fails.
pub async fn addresses(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Vec<MentorAddress>>> {
    Ok(gathered(store::addresses(cx, ids).await?.into_iter().map(|row| (row.training_id, row.address))))
}

/// The modules of each of these trainings.
///
/// # Errors
/// When the database fails.
pub async fn modules(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Vec<Module>>> {
    Ok(gathered(store::assembled(store::modules(cx, ids).await?)))
}

/// The last changes of state of each of these trainings, the latest first, at most 50; for those who work on it, which is the
/// caller's to check ([`super::works_on`]).
///
/// # Errors
/// When the database fails.
pub async fn state_changes(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Vec<StateChange>>> {
    Ok(gathered(store::state_changes(cx, ids).await?.into_iter().map(|change| (change.training_id, change))))
}

/// What moved in the calendar of each of these trainings, the latest first, at most 50.
///
/// # Errors
/// When the database fails.
pub async fn changes_of(cx: &mut Cx, ids: &[TrainingId]) -> Result<HashMap<TrainingId, Vec<CalendarChange>>> {
    Ok(gathered(store::changes_of(cx, ids).await?.into_iter().map(|change| (change.training_id, change))))
}
