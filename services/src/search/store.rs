//! SQL and rows of what is indexed, nothing else.

use chrono::{DateTime, Utc};

use super::SynonymGroup;
use crate::Caller;
use crate::db::{Cx, Tx, all, each, exec, in_list, one, opt, sight};
use crate::error::Result;
use crate::forum::ThreadKind;
use crate::id::{
    AudienceId, DocumentId, ForumId, MemberId, OrganisationId, PostId, SpaceId, SynonymGroupId, ThreadId, TrainingId,
};

/// A post with what its thread and its forum say.
#[derive(sqlx::FromRow)]
pub(super) struct PostRow {
    pub(super) id: PostId,
    pub(super) thread_id: ThreadId,
    /// From 0.
    pub(super) ordinal: i64,
    pub(super) author_id: MemberId,
    pub(super) body: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) hidden_at: Option<DateTime<Utc>>,
    pub(super) deleted_at: Option<DateTime<Utc>>,
    pub(super) title: String,
    pub(super) kind: ThreadKind,
    pub(super) solved_at: Option<DateTime<Utc>>,
    pub(super) accepted_post_id: Option<PostId>,
    pub(super) thread_hidden_at: Option<DateTime<Utc>>,
    pub(super) forum_id: ForumId,
    pub(super) space_id: SpaceId,
    /// Of a report.
    pub(super) state: Option<String>,
}

/// `posts!("p.id in (")`: posts of which something is true.
macro_rules! posts {
    ($which:literal) => {
        concat!(
            "select p.id, p.thread_id, p.ordinal, p.author_id, p.body, p.created_at, p.hidden_at, p.deleted_at, t.title, t.kind,
                    t.solved_at, t.accepted_post_id, t.hidden_at as thread_hidden_at, t.forum_id, f.space_id, r.state
             from posts p join threads t on t.id = p.thread_id join forums f on f.id = t.forum_id
             left join reports r on r.id = t.id and t.kind = 'SIGNALEMENT'
             where ",
            $which
        )
    };
}

pub(super) async fn posts(cx: &mut Cx, ids: &[PostId]) -> Result<Vec<PostRow>> {
    Ok(in_list!(cx, PostRow, posts!("p.id in ("), ids, ")")?)
}

/// Posts of a thread beyond an ordinal, in order.
pub(super) async fn posts_of(cx: &mut Cx, thread: ThreadId, beyond: i64, most: i64) -> Result<Vec<PostRow>> {
    let sql = posts!("p.thread_id = $1 and p.ordinal > $2 order by p.ordinal limit $3");
    Ok(all!(cx, PostRow, sql, thread, beyond, most)?)
}

/// Posts of all threads, in the order of their ids after one.
pub(super) async fn posts_after(cx: &mut Cx, after: PostId, most: i64) -> Result<Vec<PostRow>> {
    Ok(all!(cx, PostRow, posts!("p.id > $1 order by p.id limit $2"), after, most)?)
}

pub(super) async fn trainings_after(cx: &mut Cx, after: TrainingId, most: i64) -> Result<Vec<TrainingId>> {
    let rows = all!(cx, (TrainingId,), "select id from trainings where id > $1 order by id limit $2", after, most)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

#[derive(sqlx::FromRow)]
pub(super) struct DocumentRow {
    pub(super) id: DocumentId,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) member_id: Option<MemberId>,
    pub(super) organisation_id: Option<OrganisationId>,
    pub(super) audience_id: AudienceId,
    /// The number of its latest version; 0 when it has none.
    pub(super) latest: i64,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) archived_at: Option<DateTime<Utc>>,
}

pub(super) async fn documents(cx: &mut Cx, ids: &[DocumentId]) -> Result<Vec<DocumentRow>> {
    Ok(in_list!(
        cx,
        DocumentRow,
        "select id, title, summary, member_id, organisation_id, audience_id, latest, updated_at, archived_at
         from documents where id in (",
        ids,
        ")"
    )?)
}

pub(super) async fn documents_after(cx: &mut Cx, after: DocumentId, most: i64) -> Result<Vec<DocumentId>> {
    let rows = all!(cx, (DocumentId,), "select id from documents where id > $1 order by id limit $2", after, most)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// How much there is to index.
pub(super) async fn count(cx: &mut Cx) -> Result<i64> {
    let sql = "select (select count(*) from posts) + (select count(*) from trainings) + (select count(*) from documents)";
    Ok(one!(cx, (i64,), sql)?.0)
}

/// The forums that the caller sees, by which threads are found: a forum that others may see from now on changes no entry.
pub(super) async fn forums_seen(cx: &mut Cx, caller: &Caller) -> Result<Vec<ForumId>> {
    let rows = each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new("select id from forums where");
        sight!(query, caller, "audience_id");
        query.build_query_as::<(ForumId,)>().fetch_all(&mut *c).await
    })?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

#[derive(sqlx::FromRow)]
struct SynonymsRow {
    id: SynonymGroupId,
    expressions: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// All groups that are not removed, in no order.
pub(super) async fn synonym_groups(cx: &mut Cx) -> Result<Vec<SynonymGroup>> {
    let sql = "select id, expressions, created_at, updated_at from synonym_groups where removed_at is null";
    let rows = all!(cx, SynonymsRow, sql)?;
    let group = |row: SynonymsRow| SynonymGroup {
        id: row.id,
        expressions: row.expressions.lines().map(str::to_owned).collect(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(rows.into_iter().map(group).collect())
}

/// The expressions of a group that is not removed.
pub(super) async fn synonyms(cx: &mut Cx, id: SynonymGroupId) -> Result<Option<Vec<String>>> {
    let sql = "select expressions from synonym_groups where id = $1 and removed_at is null";
    let found = opt!(cx, (String,), sql, id)?;
    Ok(found.map(|(expressions,)| expressions.lines().map(str::to_owned).collect()))
}

pub(super) async fn count_synonym_groups(cx: &mut Cx) -> Result<i64> {
    Ok(one!(cx, (i64,), "select count(*) from synonym_groups where removed_at is null")?.0)
}

/// The stamp of the last change; 0 when there was none.
pub(super) async fn last_synonyms(cx: &mut Cx) -> Result<i64> {
    Ok(one!(cx, (i64,), "select coalesce(max(stamp), 0) from synonym_groups")?.0)
}

pub(super) async fn insert_synonyms(
    tx: &mut Tx,
    id: SynonymGroupId,
    expressions: &[String],
    stamp: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = "insert into synonym_groups (id, expressions, stamp, created_at, updated_at) values ($1, $2, $3, $4, $4)";
    exec!(tx, sql, id, expressions.join("\n"), stamp, now)?;
    Ok(())
}

pub(super) async fn set_synonyms(
    tx: &mut Tx,
    id: SynonymGroupId,
    expressions: &[String],
    stamp: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let sql = "update synonym_groups set expressions = $2, stamp = $3, updated_at = $4 where id = $1";
    exec!(tx, sql, id, expressions.join("\n"), stamp, now)?;
    Ok(())
}

pub(super) async fn remove_synonyms(tx: &mut Tx, id: SynonymGroupId, stamp: i64, now: DateTime<Utc>) -> Result<()> {
    exec!(tx, "update synonym_groups set removed_at = $3, stamp = $2 where id = $1", id, stamp, now)?;
    Ok(())
}
