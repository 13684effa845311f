//! SQL and rows of what is followed, nothing else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Follow, Level, Target};
use crate::Caller;
use crate::db::{Cx, each, exec, keys, keyset, lists, one, sight};
use crate::error::{Error, Result};
use crate::id::{CollectionId, ForumId, MemberId, ThreadId, TrainingId};
use crate::page::{Slice, TimeKey};

/// The four columns of a target, of which one is filled.
#[derive(sqlx::FromRow)]
struct Columns {
    forum_id: Option<ForumId>,
    thread_id: Option<ThreadId>,
    training_id: Option<TrainingId>,
    collection_id: Option<CollectionId>,
}

impl From<Target> for Columns {
    fn from(target: Target) -> Self {
        let mut columns = Self { forum_id: None, thread_id: None, training_id: None, collection_id: None };
        match target {
            Target::Forum(id) => columns.forum_id = Some(id),
            Target::Thread(id) => columns.thread_id = Some(id),
            Target::Training(id) => columns.training_id = Some(id),
            Target::Collection(id) => columns.collection_id = Some(id),
        }
        columns
    }
}

impl Columns {
    fn target(&self) -> Result<Target> {
        let target = (self.forum_id.map(Target::Forum))
            .or(self.thread_id.map(Target::Thread))
            .or(self.training_id.map(Target::Training))
            .or(self.collection_id.map(Target::Collection));
        target.ok_or_else(|| Error::internal("nothing is followed"))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    target: Columns,
    level: Level,
    followed_at: DateTime<Utc>,
}

pub(crate) async fn set_level(cx: &mut Cx, member: MemberId, target: Target, level: Level, at: DateTime<Utc>) -> Result<()> {
    let columns = Columns::from(target);
    exec!(
        cx,
        "insert into follows (member_id, target_id, forum_id, thread_id, training_id, collection_id, level, followed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (member_id, target_id) do update set level = excluded.level, followed_at = excluded.followed_at",
        member,
        target.id(),
        columns.forum_id,
        columns.thread_id,
        columns.training_id,
        columns.collection_id,
        level,
        at
    )?;
    Ok(())
}

pub(super) async fn forget_level(cx: &mut Cx, member: MemberId, target: Target) -> Result<()> {
    exec!(cx, "delete from follows where member_id = $1 and target_id = $2", member, target.id())?;
    Ok(())
}

pub(super) async fn count_all(cx: &mut Cx, member: MemberId) -> Result<i64> {
    Ok(one!(cx, (i64,), "select count(*) from follows where member_id = $1", member)?.0)
}

/// The levels that the member set of these.
pub(crate) async fn levels_of(cx: &mut Cx, member: MemberId, targets: &[Target]) -> Result<HashMap<Target, Level>> {
    let mut found = HashMap::new();
    for some in targets.chunks(500) {
        let ids: Vec<_> = some.iter().map(|target| target.id()).collect();
        let rows = each!(&mut *cx, |c: DB| {
            let mut query = sqlx::QueryBuilder::<DB>::new(
                "select forum_id, thread_id, training_id, collection_id, level, followed_at from follows where member_id = ",
            );
            query.push_bind(member).push(" and target_id in (");
            keys!(query, &ids);
            query.push(")");
            query.build_query_as::<Row>().fetch_all(&mut *c).await
        })?;
        for row in rows {
            found.insert(row.target.target()?, row.level);
        }
    }
    Ok(found)
}

/// What the member follows and still sees, pushed to a query that ends in `from`.
macro_rules! seen {
    ($query:expr, $caller:expr, $member:expr) => {{
        $query.push(
            " follows w left join threads t on t.id = w.thread_id left join forums f on f.id = coalesce(w.forum_id, t.forum_id)
              left join trainings g on g.id = w.training_id where w.member_id = ",
        );
        $query.push_bind($member).push(" and t.hidden_at is null and (w.collection_id is not null or");
        sight!($query, $caller, "coalesce(f.audience_id, g.audience_id)");
        $query.push(")");
    }};
}

pub(super) async fn follows(cx: &mut Cx, caller: &Caller, member: MemberId, slice: &Slice<TimeKey>) -> Result<Vec<Follow>> {
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select w.forum_id, w.thread_id, w.training_id, w.collection_id, w.level, w.followed_at from",
        );
        seen!(query, caller, member);
        keyset!(query, slice, "w.followed_at", "w.target_id", true);
        query.build_query_as::<Row>().fetch_all(&mut *c).await
    })?;
    rows.into_iter()
        .map(|row| Ok(Follow { target: row.target.target()?, level: row.level, followed_at: row.followed_at }))
        .collect()
}

pub(super) async fn count_follows(cx: &mut Cx, caller: &Caller, member: MemberId) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from");
        seen!(query, caller, member);
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

/// Somebody who set a level.
#[derive(Clone, Copy, sqlx::FromRow)]
pub(crate) struct Follower {
    pub(crate) member_id: MemberId,
    pub(crate) level: Level,
}

/// Who set a level of each of these, in the order of their ids after one, so many of each.
pub(crate) async fn followers(cx: &mut Cx, targets: &[(Target, Option<MemberId>)], most: i64) -> Result<Vec<Vec<Follower>>> {
    Ok(lists!(cx, Follower, targets, |query, of| {
        let (target, after) = *of;
        query.push("select member_id, level from follows where target_id = ").push_bind(target.id());
        if let Some(after) = after {
            query.push(" and member_id > ").push_bind(after);
        }
        query.push(" order by member_id limit ").push_bind(most);
    }))
}

/// The levels that some members set of some of these.
pub(crate) async fn levels_among(
    cx: &mut Cx,
    targets: &[Target],
    members: &[MemberId],
) -> Result<Vec<(MemberId, Target, Level)>> {
    if targets.is_empty() || members.is_empty() {
        return Ok(Vec::new());
    }
    let by_id: HashMap<_, _> = targets.iter().map(|target| (target.id(), *target)).collect();
    let ids: Vec<_> = targets.iter().map(|target| target.id()).collect();
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select member_id, target_id, level from follows where target_id in (");
        keys!(query, &ids);
        query.push(") and member_id in (");
        keys!(query, members);
        query.push(")");
        query.build_query_as::<(MemberId, Uuid, Level)>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().filter_map(|(member, id, level)| Some((member, *by_id.get(&id)?, level))).collect())
}

/// Who follows a training that was merged follows the other one, unless they said what they want of it.
pub(crate) async fn training_merged(cx: &mut Cx, from: TrainingId, into: TrainingId) -> Result<()> {
    exec!(
        cx,
        "insert into follows (member_id, target_id, training_id, level, followed_at)
         select w.member_id, $2, $2, w.level, w.followed_at from follows w where w.target_id = $1
         on conflict do nothing",
        from,
        into
    )?;
    exec!(cx, "delete from follows where target_id = $1", from)?;
    Ok(())
}

/// Who is told of every post of a thread by a level of their own, or because they opened it, is told of those of another one too,
/// unless they said what they want of that.
pub(crate) async fn brought_along(cx: &mut Cx, from: ThreadId, into: ThreadId, at: DateTime<Utc>) -> Result<()> {
    exec!(
        cx,
        "insert into follows (member_id, target_id, thread_id, level, followed_at)
         select p.member_id, $2, $2, 'TOUT', $3
         from (select w.member_id from follows w where w.target_id = $1 and w.level = 'TOUT'
               union
               select t.author_id from threads t where t.id = $1
                 and not exists (select 1 from follows w where w.target_id = $1 and w.member_id = t.author_id)) p
         where p.member_id <> (select author_id from threads where id = $2)
         on conflict do nothing",
        from,
        into,
        at
    )?;
    Ok(())
}
