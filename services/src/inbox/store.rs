//! SQL and rows of notifications, nothing else.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::gathering::Told;
use super::{Notification, NotificationFilter, Reason};
use crate::Caller;
use crate::clock::Clock;
use crate::db::{Cx, all, each, exec, in_list, keys, keyset, lists, one, opt, sight};
use crate::error::Result;
use crate::id::{AudienceId, CollectionId, MemberId, NotificationId, ReportId, SpaceId, ThreadId, TrainingId};
use crate::jobs::SWEPT_AT_ONCE;
use crate::page::{Slice, TimeKey};
use crate::text::Group;

/// How long what was read is kept.
const READ_KEPT: TimeDelta = TimeDelta::days(90);
/// How long what was never read is kept.
const UNREAD_KEPT: TimeDelta = TimeDelta::days(365);

// How far the log was read.

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Position {
    pub(super) seq: i64,
    /// How far among the people of the next entry.
    #[sqlx(flatten)]
    pub(super) place: Place,
    /// How many turns led there.
    pub(super) turn: i64,
    pub(super) since: Option<DateTime<Utc>>,
}

/// A place among the people of an entry: after a member of those who have to do with it themselves; then, with a thread, after a
/// member of those of the threads beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Place {
    pub(super) member_id: Option<MemberId>,
    pub(super) thread_id: Option<ThreadId>,
}

impl Place {
    pub(super) const BESIDE: Self = Self::within(ThreadId(Uuid::nil()), MemberId(Uuid::nil()));

    pub(super) const fn within(thread: ThreadId, after: MemberId) -> Self {
        Self { member_id: Some(after), thread_id: Some(thread) }
    }

    /// Behind all the people of a thread.
    pub(super) const fn behind(thread: ThreadId) -> Self {
        Self::within(thread, MemberId(Uuid::max()))
    }
}

pub(super) async fn position(cx: &mut Cx) -> Result<Position> {
    Ok(one!(cx, Position, "select seq, member_id, thread_id, turn, since from event_readers where name = 'notifications'")?)
}

/// False when the position is not that any more.
pub(super) async fn advance(cx: &mut Cx, from: &Position, to: &Position) -> Result<bool> {
    Ok(exec!(
        cx,
        "update event_readers set seq = $4, member_id = $5, thread_id = $6, turn = $7
         where name = 'notifications' and seq = $1 and member_id is not distinct from $2 and thread_id is not distinct from $3",
        from.seq,
        from.place.member_id,
        from.place.thread_id,
        to.seq,
        to.place.member_id,
        to.place.thread_id,
        to.turn
    )? > 0)
}

/// Passes over what happened before that.
pub(crate) async fn begin_at(cx: &mut Cx, since: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update event_readers set since = $1 where name = 'notifications'", since)?;
    Ok(())
}

// Whom an entry reaches.

/// The trainings that a thread is linked to, with their collections.
pub(super) async fn trainings_of(cx: &mut Cx, thread: ThreadId) -> Result<Vec<(TrainingId, CollectionId)>> {
    Ok(all!(
        cx,
        (TrainingId, CollectionId),
        "select t.id, t.collection_id from thread_links l join trainings t on t.id = l.training_id
         where l.thread_id = $1 and l.ended_at is null order by l.linked_at, t.id limit 50",
        thread
    )?)
}

pub(super) async fn collections_of(cx: &mut Cx, trainings: &[TrainingId]) -> Result<Vec<(TrainingId, CollectionId)>> {
    Ok(in_list!(cx, (TrainingId, CollectionId), "select id, collection_id from trainings where id in (", trainings, ")")?)
}

/// Threads that stand beside what an entry is about.
#[derive(Clone, Copy)]
pub(super) enum Beside {
    /// Those linked to a training.
    Linked(TrainingId),
    /// Those of the duplicates of a report.
    Duplicates(ReportId),
}

/// A thread beside an entry, and who opened it, when they want nothing else of it.
#[derive(Clone, Copy, sqlx::FromRow)]
pub(super) struct ThreadBeside {
    pub(super) id: ThreadId,
    pub(super) audience_id: AudienceId,
    pub(super) author_id: Option<MemberId>,
}

/// `beside!("thread_links l", "l.thread_id", "…")`: so many of these threads that are not hidden, in the order of their ids from one
/// on, which an index holds: what came before costs nothing.
macro_rules! beside {
    ($from:literal, $thread:literal, $of:literal) => {
        concat!(
            "select t.id, f.audience_id,
                    case when not exists (select 1 from follows w where w.member_id = t.author_id and w.target_id = t.id)
                         then t.author_id end as author_id
             from ",
            $from,
            " join threads t on t.id = ",
            $thread,
            " join forums f on f.id = t.forum_id where t.hidden_at is null and ",
            $of,
            " and ",
            $thread,
            " >= $2 order by ",
            $thread,
            " limit $3"
        )
    };
}

const LINKED: &str = beside!("thread_links l", "l.thread_id", "l.target_id = $1 and l.ended_at is null");
const DUPLICATES: &str = beside!("reports r", "r.id", "r.duplicate_of_id = $1");

pub(super) async fn threads_beside(cx: &mut Cx, beside: Beside, from: ThreadId, most: i64) -> Result<Vec<ThreadBeside>> {
    Ok(match beside {
        Beside::Linked(training) => all!(cx, ThreadBeside, LINKED, training, from, most)?,
        Beside::Duplicates(report) => all!(cx, ThreadBeside, DUPLICATES, report, from, most)?,
    })
}

/// Which of these people have been told of that entry.
pub(super) async fn have_been_told(cx: &mut Cx, seq: i64, at: DateTime<Utc>, members: &[MemberId]) -> Result<Vec<MemberId>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select member_id from notifications where seq = ");
        query.push_bind(seq).push(" and told_at = ").push_bind(at).push(" and member_id in (");
        keys!(query, members);
        query.push(")");
        query.build_query_as::<(MemberId,)>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The report that this one is a duplicate of, when that is fixed, and was by the entry `seq`: a later fix is an entry of its own.
pub(super) async fn fixed_original(cx: &mut Cx, report: ReportId, seq: i64) -> Result<Option<ReportId>> {
    let row = opt!(
        cx,
        (ReportId,),
        "select o.id from reports r join reports o on o.id = r.duplicate_of_id join threads t on t.id = o.id
         where r.id = $1 and o.state = 'CORRIGE' and t.kind = 'SIGNALEMENT' and not exists
               (select 1 from events e where e.subject_id = t.id and e.kind = 'ReportStateChanged' and e.seq > $2)",
        report,
        seq
    )?;
    Ok(row.map(|row| row.0))
}

/// Which of these people have been told of the last fix of a report, in its thread or in one of a duplicate.
pub(super) async fn have_been_told_of_fix(cx: &mut Cx, report: ReportId, members: &[MemberId]) -> Result<Vec<MemberId>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select n.member_id from notifications n join reports o on o.id = ");
        query.push_bind(report);
        query.push(
            " where n.fold = 'SIGNALEMENT_CORRIGE' and n.told_at >= o.fixed_at
                and n.subject_id in (select id from reports where id = o.id or duplicate_of_id = o.id) and n.member_id in (",
        );
        keys!(query, members);
        query.push(")");
        query.build_query_as::<(MemberId,)>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Somebody of a group.
#[derive(sqlx::FromRow)]
pub(super) struct Person {
    pub(super) member_id: MemberId,
}

/// Who is of each of these groups of a space at that moment, in the order of their ids after one, so many of each.
pub(super) async fn people_of(
    cx: &mut Cx,
    groups: &[Group],
    (space, now): (SpaceId, DateTime<Utc>),
    after: Option<MemberId>,
    most: i64,
) -> Result<Vec<Vec<Person>>> {
    Ok(lists!(cx, Person, groups, |query, group| {
        match group {
            Group::Moderators => {
                query.push(
                    "select distinct m.id as member_id from role_grants g join members m on m.id = g.member_id
                     where g.role = 'MODERATEUR' and g.ended_at is null and (g.space_id is null or g.space_id = ",
                );
                query.push_bind(space).push(") and g.starts_at <= ").push_bind(now);
                query.push(" and (g.ends_at is null or g.ends_at > ").push_bind(now).push(")");
            }
            Group::Organisation(id) => {
                query.push(
                    "select m.id as member_id from members m
                     where m.organisation_id in (select organisation_id from organisation_ancestors where ancestor_id = ",
                );
                query.push_bind(*id).push(")");
            }
        }
        if let Some(after) = after {
            query.push(" and m.id > ").push_bind(after);
        }
        query.push(" order by m.id limit ").push_bind(most);
    }))
}

// What they are told.

/// How strong the reason is that is there, and the one that comes.
macro_rules! strength {
    ("old") => {
        "(select r.strength from notification_reasons r where r.code = notifications.reason)"
    };
    ("new") => {
        "(select r.strength from notification_reasons r where r.code = excluded.reason)"
    };
}

/// `stronger!("old", "both", "new")`: one of three, as the reason that is there is stronger, as strong or weaker.
macro_rules! stronger {
    ($old:expr, $both:expr, $new:expr) => {
        concat!(
            "case when ",
            strength!("new"),
            " < ",
            strength!("old"),
            " then ",
            $old,
            " when ",
            strength!("new"),
            " = ",
            strength!("old"),
            " then ",
            $both,
            " else ",
            $new,
            " end"
        )
    };
}

/// Tells people, each in a new entry or in the one that is unread.
pub(super) async fn tell(cx: &mut Cx, clock: &Clock, turn: i64, told: &Told) -> Result<()> {
    each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "insert into notifications (id, member_id, reason, fold, subject_id, thread_id, training_id, post_id, first_ordinal, ordinal,
                                        told_all, seq, turn, many, actor_id, created_at, told_at) ",
        );
        query.push_values(&told.people, |mut row, (member, reason, instead)| {
            let thread = instead.or(told.thread);
            row.push_bind(NotificationId::new(clock)).push_bind(*member).push_bind(*reason);
            match reason.is_of_a_post() {
                true => row.push_bind("MESSAGES"),
                false => row.push_bind(*reason),
            };
            row.push_bind(thread.map(|thread| thread.0).or(told.training.map(|training| training.0)));
            row.push_bind(thread).push_bind(told.training);
            row.push_bind(told.post.filter(|_| instead.is_none()));
            let ordinal = told.ordinal.filter(|_| instead.is_none());
            row.push_bind(ordinal).push_bind(ordinal);
            row.push_bind(*reason == Reason::NouveauMessage);
            row.push_bind(told.seq).push_bind(turn).push("1").push_bind(told.actor).push_bind(told.at).push_bind(told.at);
        });
        query.push(concat!(
            " on conflict (member_id, subject_id, fold) where read_at is null do update set
                many = notifications.many + 1, seq = excluded.seq, turn = excluded.turn, told_at = excluded.told_at,
                first_ordinal = coalesce(notifications.first_ordinal, excluded.ordinal),
                ordinal = coalesce(excluded.ordinal, notifications.ordinal), told_all = notifications.told_all or excluded.told_all,
                reason = ",
            stronger!("notifications.reason", "excluded.reason", "excluded.reason"),
            ", post_id = ",
            stronger!("notifications.post_id", "excluded.post_id", "excluded.post_id"),
            ", actor_id = ",
            stronger!("notifications.actor_id", "coalesce(excluded.actor_id, notifications.actor_id)", "excluded.actor_id"),
            ", second_actor_id = ",
            stronger!(
                "notifications.second_actor_id",
                "case when coalesce(excluded.actor_id = notifications.actor_id, true)
                      then notifications.second_actor_id else notifications.actor_id end",
                "null"
            ),
            ", third_actor_id = ",
            stronger!(
                "notifications.third_actor_id",
                "case when coalesce(excluded.actor_id = notifications.actor_id, true)
                        or excluded.actor_id = notifications.second_actor_id
                      then notifications.third_actor_id else notifications.second_actor_id end",
                "null"
            )
        ));
        query.build().execute(&mut *c).await.map(drop)
    })?;
    Ok(())
}

/// What the thread's posts up to that one told the member is read.
pub(crate) async fn read_up_to(cx: &mut Cx, member: MemberId, thread: ThreadId, ordinal: i64, at: DateTime<Utc>) -> Result<()> {
    exec!(
        cx,
        "update notifications set read_at = $4
         where member_id = $1 and subject_id = $2 and read_at is null and coalesce(ordinal, -1) <= $3",
        member,
        thread,
        ordinal,
        at
    )?;
    Ok(())
}

pub(super) async fn read_one(cx: &mut Cx, id: NotificationId, at: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update notifications set read_at = $2 where id = $1 and read_at is null", id, at)?;
    Ok(())
}

pub(super) async fn read_all(cx: &mut Cx, member: MemberId, up_to: DateTime<Utc>, at: DateTime<Utc>) -> Result<()> {
    exec!(
        cx,
        "update notifications set read_at = $3 where member_id = $1 and read_at is null and told_at <= $2",
        member,
        up_to,
        at
    )?;
    Ok(())
}

/// Forgets what was read or told long ago; at most [`SWEPT_AT_ONCE`] of each. How many.
pub(crate) async fn sweep(cx: &mut Cx, now: DateTime<Utc>) -> Result<u64> {
    let most = i64::try_from(SWEPT_AT_ONCE).unwrap_or(i64::MAX);
    let read = exec!(
        cx,
        "delete from notifications where id in (select id from notifications where read_at < $1 limit $2)",
        now - READ_KEPT,
        most
    )?;
    let unread = exec!(
        cx,
        "delete from notifications where id in (select id from notifications where read_at is null and told_at < $1 limit $2)",
        now - UNREAD_KEPT,
        most
    )?;
    Ok(read.max(unread))
}

// What is read.

/// Whether a post `q` mentions who has the entry `n`.
macro_rules! mentions {
    () => {
        "(exists (select 1 from mentions m where m.post_id = q.id and m.member_id = n.member_id)
          or n.reason = 'MENTION' and exists (select 1 from group_mentions m where m.post_id = q.id and m.ended_at is null))"
    };
}

/// `left!("count(*)")`: something of the posts `q`, answers to `a`, that were told in the entry `n` and can be read.
macro_rules! left {
    ($($what:expr),+) => {
        concat!(
            "(select ",
            $($what,)+
            " from posts q left join posts a on a.id = q.parent_id
              where n.fold = 'MESSAGES' and q.thread_id = n.thread_id and q.ordinal between coalesce(n.first_ordinal, 0) and n.ordinal
                and q.author_id <> n.member_id and q.deleted_at is null and q.hidden_at is null
                and (n.told_all or q.ordinal = n.first_ordinal or a.author_id = n.member_id or ",
            mentions!(),
            "))"
        )
    };
}

/// The one that tells the strongest reason, the last of several: two billions for a mention, one for an answer, and its ordinal.
macro_rules! strongest_left {
    () => {
        left!(
            "max(case when ",
            mentions!(),
            " then 2000000000 when a.author_id = n.member_id then 1000000000 else 0 end + q.ordinal)"
        )
    };
}

/// `of_strongest_left!("id")`: a column of that post.
macro_rules! of_strongest_left {
    ($column:literal) => {
        concat!(
            "(select s.",
            $column,
            " from posts s where s.thread_id = n.thread_id and s.ordinal = ",
            strongest_left!(),
            " % 1000000000)"
        )
    };
}

/// Whether the post `p` that the entry `n` tells of is away: then what is left of it tells another one.
macro_rules! is_away {
    () => {
        "(p.deleted_at is not null or p.hidden_at is not null) and n.reason <> 'MODERATION'"
    };
}

/// Of an entry, and what it tells.
macro_rules! columns {
    () => {
        concat!(
            "n.id, n.thread_id, n.training_id, n.created_at, n.told_at, n.read_at, case when ",
            is_away!(),
            " then case ",
            strongest_left!(),
            " / 1000000000 when 2 then 'MENTION' when 1 then 'REPONSE' else 'NOUVEAU_MESSAGE' end else n.reason end as reason, case when ",
            is_away!(),
            " then ",
            of_strongest_left!("id"),
            " else n.post_id end as post_id, case when ",
            is_away!(),
            " then ",
            left!("count(*)"),
            " else n.many end as many, case when ",
            is_away!(),
            " then ",
            of_strongest_left!("author_id"),
            " else n.actor_id end as actor_id, case when ",
            is_away!(),
            " then null else n.second_actor_id end as second_actor_id, case when ",
            is_away!(),
            " then null else n.third_actor_id end as third_actor_id"
        )
    };
}

/// What the member was told and still sees, pushed to a query that ends in `from`. What a moderator did to a thread is told while
/// its forum is seen; of posts that are away nothing is told any more.
macro_rules! seen {
    ($query:expr, $caller:expr, $member:expr) => {{
        $query.push(
            " notifications n left join threads t on t.id = n.thread_id left join forums f on f.id = t.forum_id
              left join trainings g on g.id = n.training_id left join posts p on p.id = n.post_id
              where n.member_id = ",
        );
        $query.push_bind($member);
        $query.push(concat!(
            " and (n.reason = 'MODERATION' or t.hidden_at is null) and (not (",
            is_away!(),
            ") or ",
            strongest_left!(),
            " is not null) and"
        ));
        sight!($query, $caller, "coalesce(f.audience_id, g.audience_id)");
    }};
}

/// What a list leaves out, pushed after it.
macro_rules! only {
    ($query:expr, $filter:expr) => {{
        let filter: &NotificationFilter = $filter;
        if let Some(reason) = filter.reason {
            $query.push(" and n.reason = ").push_bind(reason);
        }
        if let Some(space) = filter.space {
            $query.push(" and f.space_id = ").push_bind(space);
        }
        match filter.unread {
            None => {}
            Some(true) => _ = $query.push(" and n.read_at is null"),
            Some(false) => _ = $query.push(" and n.read_at is not null"),
        }
    }};
}

pub(super) async fn notifications(
    cx: &mut Cx,
    caller: &Caller,
    member: MemberId,
    filter: &NotificationFilter,
    slice: &Slice<TimeKey>,
) -> Result<Vec<Notification>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!("select ", columns!(), " from"));
        seen!(query, caller, member);
        only!(query, filter);
        keyset!(query, slice, "n.told_at", "n.id", true);
        query.build_query_as::<Notification>().fetch_all(&mut *c).await
    })?)
}

/// How many of them, up to `most`.
pub(super) async fn count(cx: &mut Cx, caller: &Caller, member: MemberId, filter: &NotificationFilter, most: i64) -> Result<i64> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select count(*) from (select 1 from");
        seen!(query, caller, member);
        only!(query, filter);
        query.push(" limit ").push_bind(most).push(") as counted");
        query.build_query_scalar::<i64>().fetch_one(&mut *c).await
    })?)
}

pub(super) async fn notifications_by_id(
    cx: &mut Cx,
    caller: &Caller,
    member: MemberId,
    ids: &[NotificationId],
) -> Result<Vec<Notification>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!("select ", columns!(), " from"));
        seen!(query, caller, member);
        query.push(" and n.id in (");
        keys!(query, ids);
        query.push(")");
        query.build_query_as::<Notification>().fetch_all(&mut *c).await
    })?)
}

#[derive(sqlx::FromRow)]
struct ToldRow {
    seq: i64,
    #[sqlx(flatten)]
    notification: Notification,
}

/// What the member was told of entries after `position`, in their order.
pub(super) async fn told_after(
    cx: &mut Cx,
    caller: &Caller,
    member: MemberId,
    position: i64,
    most: i64,
) -> Result<Vec<(i64, Notification)>> {
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!("select n.seq, ", columns!(), " from"));
        seen!(query, caller, member);
        query.push(" and n.seq > ").push_bind(position).push(" order by n.seq limit ").push_bind(most);
        query.build_query_as::<ToldRow>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().map(|row| (row.seq, row.notification)).collect())
}

// Who is told, in the order in which they are: turn after turn, each of which is one transaction.

/// Who was told last, in which turn.
pub(crate) async fn last_told(cx: &mut Cx) -> Result<(i64, MemberId)> {
    let sql = "select turn, member_id from notifications order by turn desc, member_id desc limit 1";
    Ok(opt!(cx, (i64, MemberId), sql)?.unwrap_or((0, MemberId(Uuid::nil()))))
}

/// Who was told after that.
pub(crate) async fn told_beyond(cx: &mut Cx, (turn, member): (i64, MemberId), most: i64) -> Result<Vec<(i64, MemberId)>> {
    Ok(all!(
        cx,
        (i64, MemberId),
        "select turn, member_id from notifications where (turn, member_id) > ($1, $2) order by turn, member_id limit $3",
        turn,
        member,
        most
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Db, Source};

    /// However many threads there are, and wherever among them a turn begins.
    #[tokio::test]
    async fn threads_beside_are_read_from_an_index_on() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = crate::nodes::Nodes::default();
        let db = Db::open(Source::Sqlite(folder.path().join("ciam.sqlite")), &nodes).await.unwrap();
        for (sql, first) in [
            (LINKED, "thread_links_target (target_id=? AND thread_id>?)"),
            (DUPLICATES, "reports_duplicates_id (duplicate_of_id=? AND id>?)"),
        ] {
            let plan = format!("explain query plan {sql}");
            let mut reader = db.reader().await.unwrap();
            let (any, most) = (Uuid::nil(), 1_i64);
            let rows = all!(&mut reader, (i64, i64, i64, String), sqlx::AssertSqlSafe(plan.clone()), any, any, most);
            let steps: Vec<_> = rows.unwrap().into_iter().map(|row| row.3).collect();
            assert!(steps[0].ends_with(first), "{steps:?}");
            assert!(steps.iter().all(|step| !step.contains("SCAN") && !step.contains("TEMP")), "{steps:?}");
        }
        db.close().await;
    }
}
