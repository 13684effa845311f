//! The ordered log of what happened, ids only, written by every mutation in its own transaction.
//!
//! Readers keep a position and ask for what comes [`after`] it; content and permission are read when they deliver. On
//! SQLite an entry gets its number in the transaction (there is one writer); on PostgreSQL [`sequence`] numbers committed
//! rows, so that no reader passes over one that commits late.

mod sequencer;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::catalogue::{SessionState, TrainingState};
use crate::clock::Clock;
use crate::db::{Cx, Tx, Work, all, each, exec, in_list, keys, one, opt};
use crate::error::{Error, Result};
use crate::id::{
    AccessTokenId, AffiliationId, AudienceId, CalendarChangeId, CollectionId, DocumentId, EventId, ForumId, MemberId,
    OrganisationId, PostId, ReportChangeId, ReportId, RoleGrantId, SessionId, SpaceId, SynonymGroupId, ThreadId, TrainingId,
    TrainingSessionId,
};
use crate::reports::ReportState;

pub use sequencer::sequence;

/// What happened. A variant is never renamed and its fields never change their meaning: the log is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "each variant is a past tense sentence about the ids it holds")]
pub enum Event {
    AccessTokenCreated { token: AccessTokenId, member: MemberId },
    AccessTokenRevoked { token: AccessTokenId, member: MemberId },
    AffiliationDecided { affiliation: AffiliationId, member: MemberId, organisation: OrganisationId, approved: bool },
    AffiliationEnded { affiliation: AffiliationId, member: MemberId, organisation: OrganisationId },
    AffiliationRequested { affiliation: AffiliationId, member: MemberId, organisation: OrganisationId },
    AnswerAccepted { thread: ThreadId, post: PostId },
    CollectionChanged { collection: CollectionId },
    CollectionCreated { collection: CollectionId },
    DocumentArchived { document: DocumentId, archived: bool },
    DocumentChanged { document: DocumentId },
    DocumentCreated { document: DocumentId },
    DocumentVersionAdded { document: DocumentId, version: i64 },
    DocumentVoted { document: DocumentId, useful: bool },
    ForumChanged { forum: ForumId, space: SpaceId },
    ForumCreated { forum: ForumId, space: SpaceId },
    MemberChanged { member: MemberId },
    MemberJoined { member: MemberId },
    MemberReinstated { member: MemberId },
    MemberSuspended { member: MemberId },
    OrganisationChanged { organisation: OrganisationId },
    OrganisationCreated { organisation: OrganisationId, parent: Option<OrganisationId> },
    PostAdded { thread: ThreadId, post: PostId, parent: PostId },
    PostDeleted { thread: ThreadId, post: PostId },
    PostEdited { thread: ThreadId, post: PostId },
    PostHidden { thread: ThreadId, post: PostId, hidden: bool },
    ReportChanged { report: ReportId },
    ReportNoted { report: ReportId, change: ReportChangeId },
    ReportOpened { report: ReportId },
    ReportStateChanged { report: ReportId, change: ReportChangeId, from: ReportState, to: ReportState },
    RoleEnded { grant: RoleGrantId, member: MemberId },
    RoleGranted { grant: RoleGrantId, member: MemberId },
    SessionOpened { session: SessionId, member: MemberId },
    SessionRevoked { session: SessionId, member: MemberId },
    SynonymsChanged { group: SynonymGroupId },
    ThreadChanged { thread: ThreadId },
    ThreadHidden { thread: ThreadId, hidden: bool },
    ThreadLeft { thread: ThreadId, forum: ForumId, hidden: bool },
    ThreadLinked { thread: ThreadId, trainings: Vec<TrainingId>, documents: Vec<DocumentId> },
    ThreadLinksChanged { thread: ThreadId, training: TrainingId },
    ThreadLocked { thread: ThreadId, locked: bool },
    ThreadMoved { thread: ThreadId, from: ForumId, to: ForumId },
    ThreadOpened { thread: ThreadId, forum: ForumId, post: PostId },
    ThreadPinned { thread: ThreadId, pinned: bool },
    ThreadReopened { thread: ThreadId },
    ThreadUnlinked { thread: ThreadId, trainings: Vec<TrainingId>, documents: Vec<DocumentId> },
    TrainingChanged { training: TrainingId },
    TrainingCreated { training: TrainingId, collection: CollectionId },
    TrainingFramed { training: TrainingId },
    TrainingLinksChanged { training: TrainingId },
    TrainingMerged { training: TrainingId, into: TrainingId },
    TrainingPlanned { training: TrainingId, change: CalendarChangeId },
    TrainingSeenByOthers { training: TrainingId, before: AudienceId },
    TrainingSessionChanged { session: TrainingSessionId, training: TrainingId },
    TrainingSessionCreated { session: TrainingSessionId, training: TrainingId },
    TrainingSessionStateChanged { session: TrainingSessionId, training: TrainingId, from: SessionState, to: SessionState },
    TrainingStateChanged { training: TrainingId, from: TrainingState, to: TrainingState },
}

impl Event {
    /// What it is about, for who follows one thing: the member whose account, rights or sessions it changes; the thread of a post
    /// or a report; the training of a session.
    #[must_use]
    pub fn subject(&self) -> Uuid {
        match self.about() {
            About::Thread(thread) => thread.0,
            About::Training(training) => training.0,
            About::Other(id) => id,
        }
    }

    /// The thread it is about.
    #[must_use]
    pub fn thread(&self) -> Option<ThreadId> {
        match self.about() {
            About::Thread(thread) => Some(thread),
            About::Training(_) | About::Other(_) => None,
        }
    }

    /// The training it is about.
    #[must_use]
    pub fn training(&self) -> Option<TrainingId> {
        match self.about() {
            About::Training(training) => Some(training),
            About::Thread(_) | About::Other(_) => None,
        }
    }

    fn about(&self) -> About {
        match self {
            Self::AccessTokenCreated { member, .. }
            | Self::AccessTokenRevoked { member, .. }
            | Self::AffiliationDecided { member, .. }
            | Self::AffiliationEnded { member, .. }
            | Self::AffiliationRequested { member, .. }
            | Self::MemberChanged { member, .. }
            | Self::MemberJoined { member, .. }
            | Self::MemberReinstated { member, .. }
            | Self::MemberSuspended { member, .. }
            | Self::RoleEnded { member, .. }
            | Self::RoleGranted { member, .. }
            | Self::SessionOpened { member, .. }
            | Self::SessionRevoked { member, .. } => About::Other(member.0),
            Self::OrganisationChanged { organisation, .. } | Self::OrganisationCreated { organisation, .. } => {
                About::Other(organisation.0)
            }
            Self::ForumChanged { forum, .. } | Self::ForumCreated { forum, .. } | Self::ThreadLeft { forum, .. } => {
                About::Other(forum.0)
            }
            Self::AnswerAccepted { thread, .. }
            | Self::PostAdded { thread, .. }
            | Self::PostDeleted { thread, .. }
            | Self::PostEdited { thread, .. }
            | Self::PostHidden { thread, .. }
            | Self::ThreadChanged { thread, .. }
            | Self::ThreadHidden { thread, .. }
            | Self::ThreadLinked { thread, .. }
            | Self::ThreadLinksChanged { thread, .. }
            | Self::ThreadLocked { thread, .. }
            | Self::ThreadMoved { thread, .. }
            | Self::ThreadOpened { thread, .. }
            | Self::ThreadPinned { thread, .. }
            | Self::ThreadReopened { thread, .. }
            | Self::ThreadUnlinked { thread, .. } => About::Thread(*thread),
            Self::ReportChanged { report, .. }
            | Self::ReportNoted { report, .. }
            | Self::ReportOpened { report, .. }
            | Self::ReportStateChanged { report, .. } => About::Thread(ThreadId(report.0)),
            Self::TrainingChanged { training, .. }
            | Self::TrainingCreated { training, .. }
            | Self::TrainingFramed { training, .. }
            | Self::TrainingLinksChanged { training, .. }
            | Self::TrainingMerged { training, .. }
            | Self::TrainingPlanned { training, .. }
            | Self::TrainingSeenByOthers { training, .. }
            | Self::TrainingSessionChanged { training, .. }
            | Self::TrainingSessionCreated { training, .. }
            | Self::TrainingSessionStateChanged { training, .. }
            | Self::TrainingStateChanged { training, .. } => About::Training(*training),
            Self::CollectionChanged { collection, .. } | Self::CollectionCreated { collection, .. } => About::Other(collection.0),
            Self::SynonymsChanged { group } => About::Other(group.0),
            Self::DocumentArchived { document, .. }
            | Self::DocumentChanged { document, .. }
            | Self::DocumentCreated { document, .. }
            | Self::DocumentVersionAdded { document, .. }
            | Self::DocumentVoted { document, .. } => About::Other(document.0),
        }
    }

    /// Where it happens, for who follows more than one thing: a place, or the forum where a thread is now.
    fn place(&self) -> (Option<Uuid>, Option<ThreadId>) {
        match (self, self.about()) {
            (Self::ThreadMoved { to, .. }, _) => (Some(to.0), None),
            (_, About::Thread(thread)) => (None, Some(thread)),
            // These move nothing in the calendar.
            (
                Self::TrainingCreated { .. }
                | Self::TrainingLinksChanged { .. }
                | Self::TrainingSessionChanged { .. }
                | Self::TrainingSessionCreated { .. }
                | Self::TrainingSessionStateChanged { .. },
                _,
            ) => (None, None),
            (_, About::Training(_)) => (Some(CALENDAR), None),
            (_, About::Other(_)) => (None, None),
        }
    }

    /// Whose rights it may change.
    #[must_use]
    pub fn rights(&self) -> Rights {
        match self {
            Self::AccessTokenRevoked { .. }
            | Self::AffiliationDecided { .. }
            | Self::AffiliationEnded { .. }
            | Self::MemberChanged { .. }
            | Self::MemberReinstated { .. }
            | Self::MemberSuspended { .. }
            | Self::RoleEnded { .. }
            | Self::RoleGranted { .. }
            | Self::SessionRevoked { .. } => Rights::OfSubject,
            Self::CollectionChanged { .. }
            | Self::CollectionCreated { .. }
            | Self::DocumentArchived { .. }
            | Self::DocumentChanged { .. }
            | Self::DocumentCreated { .. }
            | Self::ForumChanged { .. }
            | Self::ForumCreated { .. }
            | Self::OrganisationChanged { .. }
            | Self::OrganisationCreated { .. }
            | Self::TrainingChanged { .. }
            | Self::TrainingCreated { .. }
            | Self::TrainingFramed { .. }
            | Self::TrainingMerged { .. }
            | Self::TrainingPlanned { .. }
            | Self::TrainingSeenByOthers { .. }
            | Self::TrainingSessionChanged { .. }
            | Self::TrainingSessionCreated { .. }
            | Self::TrainingSessionStateChanged { .. }
            | Self::TrainingStateChanged { .. } => Rights::OfMany,
            Self::AccessTokenCreated { .. }
            | Self::AffiliationRequested { .. }
            | Self::AnswerAccepted { .. }
            | Self::DocumentVersionAdded { .. }
            | Self::DocumentVoted { .. }
            | Self::MemberJoined { .. }
            | Self::PostAdded { .. }
            | Self::PostDeleted { .. }
            | Self::PostEdited { .. }
            | Self::PostHidden { .. }
            | Self::ReportChanged { .. }
            | Self::ReportNoted { .. }
            | Self::ReportOpened { .. }
            | Self::ReportStateChanged { .. }
            | Self::SessionOpened { .. }
            | Self::SynonymsChanged { .. }
            | Self::ThreadChanged { .. }
            | Self::ThreadHidden { .. }
            | Self::ThreadLeft { .. }
            | Self::ThreadLinked { .. }
            | Self::ThreadLinksChanged { .. }
            | Self::ThreadLocked { .. }
            | Self::ThreadMoved { .. }
            | Self::ThreadOpened { .. }
            | Self::ThreadPinned { .. }
            | Self::ThreadReopened { .. }
            | Self::ThreadUnlinked { .. }
            | Self::TrainingLinksChanged { .. } => Rights::Same,
        }
    }
}

/// Where the entries happen that move the publication calendar.
pub const CALENDAR: Uuid = Uuid::nil();

enum About {
    Thread(ThreadId),
    Training(TrainingId),
    Other(Uuid),
}

/// Whose rights an event may change, of those who are recognised already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Nobody's.
    Same,
    /// Those of the member whom it is about.
    OfSubject,
    /// Of people it does not name: what belongs where, who leads or makes what, and audiences that were not there before.
    OfMany,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place: 1, 2, 3 … without a hole.
    pub seq: i64,
    /// Who did it; none for the service itself.
    pub actor: Option<MemberId>,
    /// What happened.
    pub event: Event,
    /// The forum, or [`CALENDAR`].
    pub within: Option<Uuid>,
    /// When.
    pub at: DateTime<Utc>,
}

/// How many entries are written in one statement.
const TOLD_AT_ONCE: usize = 1_000;

/// Writes `event` into the log, in the transaction of what it tells.
///
/// # Errors
/// When the database fails.
pub async fn tell(tx: &mut Tx, clock: &Clock, actor: Option<MemberId>, event: &Event) -> Result<()> {
    let (kind, data) = written(event)?;
    let (id, subject, at) = (EventId::new(clock), event.subject(), clock.now());
    let (place, thread) = event.place();
    if matches!(**tx, Cx::Sqlite(_)) {
        exec!(
            tx,
            "insert into events (id, kind, subject_id, actor_id, data, at, within_id, seq)
             values ($1, $2, $3, $4, $5, $6, coalesce($7, (select forum_id from threads where id = $8)),
                     (select coalesce(max(seq), 0) + 1 from events))",
            id,
            kind,
            subject,
            actor,
            data,
            at,
            place,
            thread
        )?;
    } else {
        exec!(
            tx,
            "insert into events (id, kind, subject_id, actor_id, data, at, within_id)
             values ($1, $2, $3, $4, $5, $6, coalesce($7, (select forum_id from threads where id = $8)))",
            id,
            kind,
            subject,
            actor,
            data,
            at,
            place,
            thread
        )?;
    }
    tx.leaves(Work::Events);
    Ok(())
}

/// The same of many events, in their order: three statements for every 1,000 of them.
///
/// # Errors
/// When the database fails.
pub async fn tell_all(tx: &mut Tx, clock: &Clock, actor: Option<MemberId>, events: &[Event]) -> Result<()> {
    let at = clock.now();
    // Where entries are numbered afterwards, it is by their moment and then their ids.
    let mut ids: Vec<_> = events.iter().map(|_| EventId::new(clock)).collect();
    ids.sort_unstable();
    let mut ids = ids.into_iter();
    for some in events.chunks(TOLD_AT_ONCE) {
        let mut seq = if matches!(**tx, Cx::Sqlite(_)) { Some(last(tx).await?) } else { None };
        let threads: Vec<_> = some.iter().filter_map(Event::thread).collect();
        let sql = "select id, forum_id from threads where id in (";
        let forums: HashMap<_, _> = in_list!(tx, (ThreadId, Uuid), sql, &threads, ")")?.into_iter().collect();
        let mut rows = Vec::new();
        for (event, id) in some.iter().zip(&mut ids) {
            seq = seq.map(|seq| seq + 1);
            let (place, thread) = event.place();
            let within = place.or_else(|| forums.get(&thread?).copied());
            rows.push((id, event.subject(), written(event)?, within, seq));
        }
        each!(tx, |c: DB| {
            let mut query =
                sqlx::QueryBuilder::<DB>::new("insert into events (id, kind, subject_id, actor_id, data, at, within_id, seq) ");
            query.push_values(&rows, |mut row, (id, subject, (kind, data), within, seq)| {
                row.push_bind(*id).push_bind(kind).push_bind(*subject).push_bind(actor).push_bind(data);
                row.push_bind(at).push_bind(*within).push_bind(*seq);
            });
            query.build().execute(&mut *c).await.map(drop)
        })?;
    }
    tx.leaves(Work::Events);
    Ok(())
}

/// The kind and the fields of an event, as an entry holds them.
fn written(event: &Event) -> Result<(String, Json<Value>)> {
    let Ok(Value::Object(mut data)) = serde_json::to_value(event) else {
        return Err(Error::internal("an event is not an object"));
    };
    let Some(Value::String(kind)) = data.remove("kind") else {
        return Err(Error::internal("an event without a kind"));
    };
    Ok((kind, Json(Value::Object(data))))
}

macro_rules! columns {
    () => {
        "select seq, kind, actor_id, data, at, within_id from events "
    };
}

/// At most `limit` entries after `position` (0 is before the first), in order.
///
/// # Errors
/// When the database fails, or an entry is of a kind that this binary does not know.
pub async fn after(cx: &mut Cx, position: i64, limit: i64) -> Result<Vec<Recorded>> {
    let sql = concat!(columns!(), "where seq > $1 order by seq limit $2");
    all!(cx, Row, sql, position, limit)?.into_iter().map(Recorded::try_from).collect()
}

/// The same of those up to `head` that are about one of `subjects`, of which there is one at least.
///
/// # Errors
/// As [`after`].
pub async fn about(cx: &mut Cx, subjects: &[Uuid], position: i64, head: i64, limit: i64) -> Result<Vec<Recorded>> {
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(concat!(columns!(), "where seq > "));
        query.push_bind(position).push(" and seq <= ").push_bind(head).push(" and subject_id in (");
        keys!(query, subjects);
        query.push(") order by seq limit ").push_bind(limit);
        query.build_query_as::<Row>().fetch_all(&mut *c).await
    })?;
    rows.into_iter().map(Recorded::try_from).collect()
}

/// The same of those that are about `place` or happen there.
///
/// # Errors
/// As [`after`].
pub async fn within(cx: &mut Cx, place: Uuid, position: i64, head: i64, limit: i64) -> Result<Vec<Recorded>> {
    // Each by its own index; none is in both.
    let sql = concat!(
        "select * from (select * from (",
        columns!(),
        "where within_id = $1 and seq > $2 and seq <= $3 order by seq limit $4) there union all select * from (",
        columns!(),
        "where subject_id = $1 and seq > $2 and seq <= $3 order by seq limit $4) itself) e order by seq limit $4"
    );
    all!(cx, Row, sql, place, position, head, limit)?.into_iter().map(Recorded::try_from).collect()
}

/// The number of the last entry; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub async fn last(cx: &mut Cx) -> Result<i64> {
    Ok(one!(cx, (i64,), "select coalesce(max(seq), 0) from events")?.0)
}

/// The same once everything that is committed by now has its number.
///
/// # Errors
/// When the database fails.
pub async fn numbered(cx: &mut Cx) -> Result<i64> {
    let waiting = opt!(cx, (EventId,), "select id from events where seq is null order by id desc limit 1")?;
    if let Some((newest,)) = waiting {
        let left = "select count(*) from (select 1 as one from events where seq is null and id <= $1 limit 1) e";
        while one!(cx, (i64,), left, newest)?.0 > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
    last(cx).await
}

/// When the first entry after `position` was written; none when there is no such entry.
pub(crate) async fn moment_after(cx: &mut Cx, position: i64) -> Result<Option<DateTime<Utc>>> {
    let row = opt!(cx, (DateTime<Utc>,), "select at from events where seq > $1 order by seq limit 1", position)?;
    Ok(row.map(|row| row.0))
}

type Row = (i64, String, Option<MemberId>, Json<Value>, DateTime<Utc>, Option<Uuid>);

impl TryFrom<Row> for Recorded {
    type Error = Error;
    fn try_from((seq, kind, actor, Json(mut data), at, within): Row) -> Result<Self> {
        if let Value::Object(data) = &mut data {
            data.insert("kind".into(), Value::String(kind));
        }
        let event = serde_json::from_value(data).map_err(|error| Error::internal(format!("event {seq}: {error}")))?;
        Ok(Self { seq, actor, event, within, at })
    }
}
