use uuid::Uuid;

use super::trainings::columns;
use crate::Caller;
use crate::catalogue::{Below, Training, TrainingFilter, TrainingOrder};
use crate::db::{Cx, each, keyset, sight};
use crate::error::Result;
use crate::page::{NameKey, Slice, TimeKey};

/// Which part of a list of trainings to read: the key depends on the order.
pub(crate) enum TrainingSlice {
    Title(Slice<NameKey>),
    Time(TrainingOrder, Slice<TimeKey>),
}

/// What a list of trainings holds, pushed to a query that ends in who sees them.
macro_rules! only {
    ($query:expr, $filter:expr, $order:expr) => {{
        let filter: &TrainingFilter = $filter;
        $query.push(" and t.merged_into_id is null");
        if $order == TrainingOrder::Publication {
            $query.push(" and t.published_at is not null");
        }
        if let Some(collection) = filter.collection {
            $query.push(" and t.collection_id = ").push_bind(collection);
        }
        if let Some(state) = filter.state {
            $query.push(" and t.state = ").push_bind(state);
        }
        if let Some(opening) = filter.opening {
            $query.push(" and t.opening = ").push_bind(opening);
        }
        if let Some(modality) = filter.modality {
            $query.push(" and t.modality = ").push_bind(modality);
        }
        if let Some(certifying) = filter.certifying {
            $query.push(" and t.certifying = ").push_bind(certifying);
        }
        if let Some(organisation) = filter.organisation {
            $query.push(" and t.organisation_id in (select organisation_id from organisation_ancestors where ancestor_id = ");
            $query.push_bind(organisation).push(")");
        }
        if let Some(mine) = &filter.mine {
            $query.push(" and (t.id in (select training_id from training_designers where member_id = ").push_bind(mine.member);
            $query.push(") or t.collection_id in (select collection_id from collection_chefs where member_id = ");
            $query.push_bind(mine.member);
            $query.push(
                ") or t.id in (select s.training_id from training_sessions s join training_session_formateurs f on f.session_id = s.id
                   where f.member_id = ",
            );
            $query.push_bind(mine.member).push(")");
            if !mine.organisations.is_empty() {
                $query.push(" or t.organisation_id in (select organisation_id from organisation_ancestors where ancestor_id in (");
                let mut list = $query.separated(",");
                for organisation in &mine.organisations {
                    list.push_bind(*organisation);
                }
                list.push_unseparated("))");
            }
            $query.push(")");
        }
    }};
}

/// The order and the limit of a part, pushed to a query that has a `where` already.
macro_rules! sliced {
    ($query:expr, $slice:expr) => {
        match $slice {
            TrainingSlice::Title(slice) => keyset!($query, slice, "t.title", "t.id", false),
            TrainingSlice::Time(TrainingOrder::Publication, slice) => keyset!($query, slice, "t.published_at", "t.id", true),
            TrainingSlice::Time(_, slice) => keyset!($query, slice, "t.updated_at", "t.id", true),
        }
    };
}

pub(crate) async fn trainings(
    cx: &mut Cx,
    caller: &Caller,
    filter: &TrainingFilter,
    order: TrainingOrder,
    slice: &TrainingSlice,
) -> Result<Vec<Training>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!("select ", columns!(), " from trainings t where"));
        sight!(query, caller, "t.audience_id");
        only!(query, filter, order);
        sliced!(query, slice);
        query.build_query_as::<Training>().fetch_all(&mut *c).await
    })?)
}

pub(crate) async fn count_trainings(cx: &mut Cx, caller: &Caller, filter: &TrainingFilter, order: TrainingOrder) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from trainings t where");
        sight!(query, caller, "t.audience_id");
        only!(query, filter, order);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

#[derive(sqlx::FromRow)]
pub(crate) struct TrainingBelow {
    pub(crate) parent: Uuid,
    #[sqlx(flatten)]
    pub(crate) training: Training,
}

/// What the caller sees, told once for all the parts of a statement.
macro_rules! seen {
    ($query:expr, $caller:expr) => {{
        $query.push("with seen (id) as (select id from audiences where");
        sight!($query, $caller, "id");
        $query.push(") ");
    }};
}

/// A page of the trainings below each of these, so many of each: one statement for all, each part found by its own index.
pub(crate) async fn trainings_below(
    cx: &mut Cx,
    caller: &Caller,
    parents: &[Below],
    filter: &TrainingFilter,
    order: TrainingOrder,
    slice: &TrainingSlice,
) -> Result<Vec<TrainingBelow>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("");
        seen!(query, caller);
        query.push("select * from (");
        for (place, parent) in parents.iter().enumerate() {
            query.push(if place == 0 { "select * from (select " } else { " union all select * from (select " });
            query.push_bind(parent.uuid()).push(concat!(" as parent, ", columns!(), " from trainings t"));
            query.push(" where t.audience_id in (select id from seen)");
            only!(query, &parent.within(filter), order);
            sliced!(query, slice);
            query.push(") as part");
        }
        query.push(match slice {
            TrainingSlice::Title(slice) if slice.backward => ") as parts order by parent, title desc, id desc",
            TrainingSlice::Title(_) => ") as parts order by parent, title, id",
            TrainingSlice::Time(TrainingOrder::Publication, slice) if slice.backward => {
                ") as parts order by parent, published_at, id"
            }
            TrainingSlice::Time(TrainingOrder::Publication, _) => ") as parts order by parent, published_at desc, id desc",
            TrainingSlice::Time(_, slice) if slice.backward => ") as parts order by parent, updated_at, id",
            TrainingSlice::Time(..) => ") as parts order by parent, updated_at desc, id desc",
        });
        query.build_query_as::<TrainingBelow>().fetch_all(&mut *c).await
    })?)
}

/// How many there are below each of these.
pub(crate) async fn count_below(
    cx: &mut Cx,
    caller: &Caller,
    parents: &[Below],
    filter: &TrainingFilter,
    order: TrainingOrder,
) -> Result<Vec<(Uuid, i64)>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("");
        seen!(query, caller);
        for (place, parent) in parents.iter().enumerate() {
            query.push(if place == 0 { "select " } else { " union all select " });
            query.push_bind(parent.uuid()).push(" as parent, count(*) from trainings t");
            query.push(" where t.audience_id in (select id from seen)");
            only!(query, &parent.within(filter), order);
        }
        query.build_query_as::<(Uuid, i64)>().fetch_all(&mut *c).await
    })?)
}
