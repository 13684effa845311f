//! The bare database: the statements of an answer's transaction, by hand, one transaction each. Copies of the product's, on
//! purpose: what is compared with must not change with it unnoticed.

use std::sync::Mutex;

use services::clock::Clock;
use services::id::{MemberId, PostId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, PgConnection, Postgres, Row, Sqlite, SqliteConnection};
use uuid::Uuid;

use crate::data::Place;
use crate::posts::BODY;

const CALLER: &str = "select m.suspended_at, m.suspended_until, m.suspension_reason, g.role, g.organisation_id, g.space_id
    from members m
    left join role_grants g on g.member_id = m.id and g.starts_at <= $2 and g.ended_at is null
                           and (g.ends_at is null or g.ends_at > $2)
    where m.id = $1";
const AUDIENCES: &str = "with granted as (
      select role, organisation_id, space_id from role_grants
      where member_id = $1 and starts_at <= $2 and ended_at is null and (ends_at is null or ends_at > $2)
    ), active as (
      select role, organisation_id, space_id from granted where role <> 'MODERATEUR' or $3
      union all
      select 'MODERATEUR', null, null from granted where $3 and role in ('ADMINISTRATEUR', 'ADMINISTRATEUR_PILOTE')
    ), held as (
      select organisation_id from members where id = $1 and organisation_id is not null
      union
      select organisation_id from active where organisation_id is not null
    ), belongs as (
      select a.ancestor_id as organisation_id from organisation_ancestors a join held on held.organisation_id = a.organisation_id
    )
    select distinct g.audience_id from audience_grants g
    where g.kind in ('PUBLIC', 'MEMBERS')
       or (g.kind = 'MEMBER' and g.member_id = $1)
       or (g.kind = 'ORGANISATION' and g.organisation_id in (select organisation_id from belongs))
       or (g.kind = 'ROLE' and g.organisation_id is not null and exists (
             select 1 from active join organisation_ancestors a on a.organisation_id = active.organisation_id
             where active.role = g.role and a.ancestor_id = g.organisation_id))
       or (g.kind = 'ROLE' and g.organisation_id is null and exists (
             select 1 from active
             where active.role = g.role and (active.space_id is null or active.space_id = g.space_id)))
    order by g.audience_id";
const PARENT: &str =
    "select id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at,
           edited_at, deleted_at, hidden_at, hidden_reason
    from posts where id = $1";
const ANSWER_SQLITE: &str =
    "insert into posts (id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11);
     update threads set next_ordinal = next_ordinal + 1, post_count = post_count + 1,
            last_activity_at = case when last_activity_at < $11 then $11 else last_activity_at end
     where id = $2";
const ANSWER_POSTGRES: &str = "with post as (
      insert into posts (id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11)
    )
    update threads set next_ordinal = next_ordinal + 1, post_count = post_count + 1,
           last_activity_at = case when last_activity_at < $11 then $11 else last_activity_at end
    where id = $2";
macro_rules! lock {
    ($end:literal) => {
        concat!(
            "select t.id, t.forum_id, (select f.space_id from forums f where f.id = t.forum_id) as space_id,
                    (select f.audience_id from forums f where f.id = t.forum_id) as audience_id, t.kind, t.title, t.author_id,
                    t.created_at, t.last_activity_at, t.post_count, t.next_ordinal, t.accepted_post_id, t.solved_at, t.locked_at,
                    t.pinned_at, t.hidden_at
             from threads t where t.id = (select p.thread_id from posts p where p.id = $1)",
            $end
        )
    };
}

/// A transaction: what the caller holds, the thread, the post answered, then the answer with the thread's counts, the event.
macro_rules! answer {
    ($name:ident, $connection:ty, $database:ty, $begin:literal, $lock:expr, $answer:expr, $event:literal) => {
        async fn $name(cx: &mut $connection, clock: &Clock, member: MemberId, parent: PostId) -> sqlx::Result<()> {
            let now = clock.now();
            sqlx::query::<$database>($begin).execute(&mut *cx).await?;
            sqlx::query::<$database>(CALLER).bind(member).bind(now).fetch_all(&mut *cx).await?;
            sqlx::query::<$database>(AUDIENCES).bind(member).bind(now).bind(true).fetch_all(&mut *cx).await?;
            let row = sqlx::query::<$database>($lock).bind(parent).fetch_one(&mut *cx).await?;
            let thread: Uuid = row.try_get("id")?;
            let ordinal: i64 = row.try_get("next_ordinal")?;
            let row = sqlx::query::<$database>(PARENT).bind(parent).fetch_one(&mut *cx).await?;
            let (above, depth): (Vec<u8>, i64) = (row.try_get("path")?, row.try_get("depth")?);
            let (id, path) = (clock.id(), [&above, &ordinal.to_be_bytes()[5..]].concat());
            sqlx::query::<$database>($answer)
                .bind(id)
                .bind(thread)
                .bind(parent)
                .bind(ordinal)
                .bind(path)
                .bind(depth + 1)
                .bind(member)
                .bind(BODY)
                .bind(BODY)
                .bind(BODY)
                .bind(now)
                .execute(&mut *cx)
                .await?;
            let data = sqlx::types::Json(serde_json::json!({ "thread": thread, "post": id, "parent": parent }));
            sqlx::query::<$database>($event)
                .bind(clock.id())
                .bind("PostAdded")
                .bind(thread)
                .bind(member)
                .bind(data)
                .bind(now)
                .bind(thread)
                .execute(&mut *cx)
                .await?;
            sqlx::query::<$database>("commit").execute(&mut *cx).await?;
            Ok(())
        }
    };
}

answer!(
    answer_sqlite,
    SqliteConnection,
    Sqlite,
    "begin immediate",
    lock!(""),
    ANSWER_SQLITE,
    "insert into events (id, kind, subject_id, actor_id, data, at, within_id, seq)
     values ($1, $2, $3, $4, $5, $6, (select forum_id from threads where id = $7),
             (select coalesce(max(seq), 0) + 1 from events))"
);
answer!(
    answer_postgres,
    PgConnection,
    Postgres,
    "begin",
    lock!(" for update"),
    ANSWER_POSTGRES,
    "insert into events (id, kind, subject_id, actor_id, data, at, within_id)
     values ($1, $2, $3, $4, $5, $6, (select forum_id from threads where id = $7))"
);

/// The database of one place. SQLite has one connection, which its clients take in turns: more of them would only wait for each
/// other's lock. PostgreSQL has one a client.
pub(crate) enum Bare<'p> {
    Sqlite(Box<Mutex<SqliteConnection>>),
    Postgres(&'p str),
}

impl<'p> Bare<'p> {
    pub(crate) fn open(place: &'p Place) -> Self {
        match &place.database_url {
            Some(url) => Self::Postgres(url),
            None => {
                let options = SqliteConnectOptions::new()
                    .filename(place.folder.join("ciam.sqlite"))
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .pragma("mmap_size", "268435456")
                    .pragma("cache_size", "-32000")
                    .pragma("temp_store", "MEMORY");
                let connection = crate::data::now(SqliteConnection::connect_with(&options)).expect("a connection");
                Self::Sqlite(Box::new(Mutex::new(connection)))
            }
        }
    }

    /// A client, as a function that writes one answer of `member` to `parent`.
    pub(crate) fn client(&self, clock: &Clock, member: MemberId, parent: PostId) -> impl FnMut(usize) + use<'_, 'p> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let clock = clock.clone();
        let mut own = match self {
            Self::Sqlite(_) => None,
            Self::Postgres(url) => Some(runtime.block_on(PgConnection::connect(url)).expect("a connection")),
        };
        move |_| {
            let done = match (self, &mut own) {
                (Self::Sqlite(shared), _) => {
                    let mut shared = shared.lock().expect("the connection");
                    runtime.block_on(answer_sqlite(&mut shared, &clock, member, parent))
                }
                (Self::Postgres(_), Some(own)) => runtime.block_on(answer_postgres(own, &clock, member, parent)),
                (Self::Postgres(_), None) => return,
            };
            done.expect("an answer");
        }
    }
}
