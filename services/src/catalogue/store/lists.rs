use super::trainings::columns;
use crate::Caller;
use crate::catalogue::{Below, Training, TrainingFilter, TrainingOrder};
use crate::db::{Count, Cx, each, keys, keyset, lists, sight};
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
                keys!($query, &mine.organisations);
                $query.push("))");
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

/// The trainings below each of these.
pub(crate) async fn trainings_below(
    cx: &mut Cx,
    caller: &Caller,
    parents: &[Below],
    filter: &TrainingFilter,
    order: TrainingOrder,
    slice: &TrainingSlice,
) -> Result<Vec<Vec<Training>>> {
    Ok(lists!(cx, Training, parents, seen by caller, |query, parent| {
        query.push(concat!("select ", columns!(), " from trainings t where t.audience_id in (select id from seen)"));
        only!(query, &parent.within(filter), order);
        sliced!(query, slice);
    }))
}

/// How many there are below each of these.
pub(crate) async fn count_below(
    cx: &mut Cx,
    caller: &Caller,
    parents: &[Below],
    filter: &TrainingFilter,
    order: TrainingOrder,
) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, parents, seen by caller, |query, parent| {
        query.push("select count(*) as many from trainings t where t.audience_id in (select id from seen)");
        only!(query, &parent.within(filter), order);
    });
    Ok(Count::each(lists).collect())
}
