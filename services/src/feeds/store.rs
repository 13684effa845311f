//! What feeds read: only trainings open to all that the caller sees.

use chrono::{DateTime, Utc};

use crate::Caller;
use crate::catalogue::{CalendarChangeKind, MentorAddress, MentorShape, TrainingState};
use crate::db::{Cx, each, keyset, sight};
use crate::error::Result;
use crate::id::{CalendarChangeId, CollectionId, TrainingId};
use crate::page::{Slice, TimeKey};

/// Of what a feed tells.
pub(super) struct Scope {
    /// Of it only.
    pub(super) collection: Option<CollectionId>,
    /// The calendar's first day.
    pub(super) from: String,
}

/// What the calendar's text depends on. Whatever enters it was written last (`latest` grows), whatever changes in it has another
/// revision, whatever leaves it is one less.
#[derive(sqlx::FromRow)]
pub(super) struct State {
    pub(super) many: i64,
    pub(super) revisions: i64,
    pub(super) latest: Option<DateTime<Utc>>,
}

/// A training at its day.
#[derive(sqlx::FromRow)]
pub(super) struct Event {
    pub(super) id: TrainingId,
    pub(super) title: String,
    pub(super) catch_phrase: Option<String>,
    pub(super) state: TrainingState,
    pub(super) calendar_on: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) collection_id: CollectionId,
    shape: Option<MentorShape>,
    number: Option<i64>,
    /// How often its day or its publication changed.
    pub(super) moves: i64,
}

/// Something that moved.
#[derive(sqlx::FromRow)]
pub(super) struct Move {
    pub(super) id: CalendarChangeId,
    pub(super) kind: CalendarChangeKind,
    pub(super) from_on: Option<String>,
    pub(super) to_on: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) changed_at: DateTime<Utc>,
    pub(super) title: String,
    pub(super) catch_phrase: Option<String>,
    pub(super) collection_id: CollectionId,
    shape: Option<MentorShape>,
    number: Option<i64>,
}

impl Event {
    pub(super) fn url(&self) -> Option<String> {
        url(self.shape, self.number)
    }
}

impl Move {
    pub(super) fn url(&self) -> Option<String> {
        url(self.shape, self.number)
    }
}

fn url(shape: Option<MentorShape>, number: Option<i64>) -> Option<String> {
    Some(MentorAddress { shape: shape?, number: number? }.to_string())
}

/// Which trainings, pushed to a query that ends in `where`.
macro_rules! open {
    ($query:expr, $caller:expr, $scope:expr) => {{
        let scope: &Scope = $scope;
        sight!($query, $caller, "t.audience_id");
        $query.push(" and t.opening = 'TOUS_PUBLICS'");
        if let Some(collection) = scope.collection {
            $query.push(" and t.collection_id = ").push_bind(collection);
        }
    }};
}

pub(super) async fn state(cx: &mut Cx, caller: &Caller, scope: &Scope) -> Result<State> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select count(*) as many, cast(coalesce(sum(t.revision), 0) as bigint) as revisions, max(t.updated_at) as latest
             from trainings t where",
        );
        open!(query, caller, scope);
        query.push(" and t.calendar_on >= ").push_bind(scope.from.clone());
        query.build_query_as::<State>().fetch_one(&mut *c).await
    })?)
}

/// The latest day first.
pub(super) async fn events(cx: &mut Cx, caller: &Caller, scope: &Scope, most: i64) -> Result<Vec<Event>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select t.id, t.title, t.catch_phrase, t.state, t.calendar_on, t.created_at, t.updated_at, t.collection_id, a.shape,
                    a.number, (select count(*) from calendar_changes c where c.training_id = t.id) as moves
             from trainings t left join training_addresses a on a.training_id = t.id and a.position = 0 where",
        );
        open!(query, caller, scope);
        query.push(" and t.calendar_on >= ").push_bind(scope.from.clone());
        query.push(" order by t.calendar_on desc, t.id desc limit ").push_bind(most);
        query.build_query_as::<Event>().fetch_all(&mut *c).await
    })?)
}

/// What the text of a page depends on: its movements, each with its training's revision, and whether there is one more.
pub(super) async fn marks(
    cx: &mut Cx,
    caller: &Caller,
    scope: &Scope,
    slice: &Slice<TimeKey>,
) -> Result<Vec<(CalendarChangeId, i64)>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select c.id, t.revision from calendar_changes c join trainings t on t.id = c.training_id where",
        );
        open!(query, caller, scope);
        keyset!(query, slice, "c.changed_at", "c.id", true);
        query.build_query_as::<(CalendarChangeId, i64)>().fetch_all(&mut *c).await
    })?)
}

/// The latest first.
pub(super) async fn moves(cx: &mut Cx, caller: &Caller, scope: &Scope, slice: &Slice<TimeKey>) -> Result<Vec<Move>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select c.id, c.kind, c.from_on, c.to_on, c.reason, c.changed_at, t.title, t.catch_phrase, t.collection_id, a.shape,
                    a.number
             from calendar_changes c join trainings t on t.id = c.training_id
             left join training_addresses a on a.training_id = t.id and a.position = 0 where",
        );
        open!(query, caller, scope);
        keyset!(query, slice, "c.changed_at", "c.id", true);
        query.build_query_as::<Move>().fetch_all(&mut *c).await
    })?)
}
