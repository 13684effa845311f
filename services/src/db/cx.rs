//! A held connection and the macros that run one SQL text on either database.

use sqlx::{PgConnection, SqliteConnection};

/// A connection together with what is known of its state.
pub struct Held<C> {
    connection: C,
    /// A statement was begun and its end not seen: its caller went away.
    busy: bool,
    /// The connection itself failed.
    broken: bool,
    /// The database refused a statement.
    refused: bool,
    statements: u64,
}

impl<C> Held<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { connection, busy: false, broken: false, refused: false, statements: 0 }
    }

    pub(super) fn connection(&mut self) -> &mut C {
        &mut self.connection
    }

    pub(crate) fn enter(&mut self) -> &mut C {
        self.busy = true;
        self.statements += 1;
        &mut self.connection
    }

    pub(crate) fn leave<T>(&mut self, outcome: &sqlx::Result<T>) {
        self.busy = false;
        if let Err(error) = outcome {
            self.refused |= matches!(error, sqlx::Error::Database(_));
            self.broken |= !matches!(
                error,
                sqlx::Error::Database(_)
                    | sqlx::Error::RowNotFound
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::ColumnNotFound(_)
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::Encode(_)
            ) || terminated(error);
        }
    }
}

/// PostgreSQL ends a session with an error of class 57P (shut down, crashed, starting up).
fn terminated(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code.starts_with("57P"))
}

/// A held connection to one of the two databases: what every store function takes.
pub enum Cx {
    /// An embedded database.
    Sqlite(Held<SqliteConnection>),
    /// A server.
    Postgres(Held<PgConnection>),
}

impl Cx {
    /// Whether the next statement can run on it as if it were new.
    pub(super) fn is_clean(&self) -> bool {
        match self {
            Self::Sqlite(held) => !held.busy && !held.broken,
            Self::Postgres(held) => !held.busy && !held.broken,
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Sqlite(held) => held.broken,
            Self::Postgres(held) => held.broken,
        }
    }

    /// After a deadline cut a statement short on the writer's connection, which goes on with a rollback.
    pub(super) fn forget_busy(&mut self) {
        match self {
            Self::Sqlite(held) => held.busy = false,
            Self::Postgres(held) => held.busy = false,
        }
    }

    /// Whether the database refused a statement since the last call.
    pub(super) fn take_refused(&mut self) -> bool {
        std::mem::take(match self {
            Self::Sqlite(held) => &mut held.refused,
            Self::Postgres(held) => &mut held.refused,
        })
    }

    /// Statements run on it so far.
    #[must_use]
    pub fn statements(&self) -> u64 {
        match self {
            Self::Sqlite(held) => held.statements,
            Self::Postgres(held) => held.statements,
        }
    }
}

/// Expands the body once per database: `$c` is the connection, `$DB` its `sqlx::Database`. No generic bounds, no trait
/// with two hand-written halves, and the rows keep their native types.
macro_rules! each {
    ($cx:expr, |$c:ident : $DB:ident| $body:expr) => {{
        let cx: &mut $crate::db::Cx = $cx;
        match cx {
            $crate::db::Cx::Sqlite(held) => {
                type $DB = ::sqlx::Sqlite;
                let outcome: ::sqlx::Result<_> = {
                    let $c = held.enter();
                    $body
                };
                held.leave(&outcome);
                outcome
            }
            $crate::db::Cx::Postgres(held) => {
                type $DB = ::sqlx::Postgres;
                let outcome: ::sqlx::Result<_> = {
                    let $c = held.enter();
                    $body
                };
                held.leave(&outcome);
                outcome
            }
        }
    }};
}

/// `all!(cx, Row, "sql", a, b)`: every row.
macro_rules! all {
    ($cx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::db::each!($cx, |c: DB| ::sqlx::query_as::<DB, $row>($sql)$(.bind($bind))*.fetch_all(&mut *c).await)
    };
}

/// `opt!(cx, Row, "sql", a, b)`: the row, if there is one.
macro_rules! opt {
    ($cx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::db::each!($cx, |c: DB| ::sqlx::query_as::<DB, $row>($sql)$(.bind($bind))*.fetch_optional(&mut *c).await)
    };
}

/// `one!(cx, Row, "sql", a, b)`: the row there must be.
macro_rules! one {
    ($cx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::db::each!($cx, |c: DB| ::sqlx::query_as::<DB, $row>($sql)$(.bind($bind))*.fetch_one(&mut *c).await)
    };
}

/// `exec!(cx, "sql", a, b)`: how many rows it touched.
macro_rules! exec {
    ($cx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::db::each!($cx, |c: DB| {
            ::sqlx::query::<DB>($sql)$(.bind($bind))*.execute(&mut *c).await.map(|done| done.rows_affected())
        })
    };
}

/// `lock!(cx, Row, "select …", a)`: the row, kept as it is until the transaction ends. SQLite's writer is alone anyway. No key
/// changes, so that rows which refer to it can be inserted meanwhile.
macro_rules! lock {
    ($cx:expr, $row:ty, concat!($($sql:tt)*) $(, $bind:expr)* $(,)?) => {{
        let cx: &mut $crate::db::Cx = $cx;
        if matches!(cx, $crate::db::Cx::Postgres(_)) {
            $crate::db::opt!(cx, $row, concat!($($sql)*, " for no key update") $(, $bind)*)
        } else {
            $crate::db::opt!(cx, $row, concat!($($sql)*) $(, $bind)*)
        }
    }};
    ($cx:expr, $row:ty, $sql:literal $(, $bind:expr)* $(,)?) => {
        $crate::db::lock!($cx, $row, concat!($sql) $(, $bind)*)
    };
}

/// Lets one transaction at a time pass with this name, until it ends. SQLite's writer is alone anyway.
pub(crate) async fn alone(cx: &mut Cx, name: &str) -> sqlx::Result<()> {
    if matches!(cx, Cx::Postgres(_)) {
        exec!(cx, "select pg_advisory_xact_lock(hashtextextended($1, 0))", name)?;
    }
    Ok(())
}

/// Has this connection alone hold that name for as long as it lives, whatever its transactions; false while another one does. PostgreSQL.
pub(crate) async fn try_hold(cx: &mut Cx, name: &str) -> sqlx::Result<bool> {
    Ok(one!(cx, (bool,), "select pg_try_advisory_lock(hashtextextended($1, 0))", name)?.0)
}

/// Whether the connection lives.
pub(crate) async fn ping(cx: &mut Cx) -> sqlx::Result<()> {
    one!(cx, (i32,), "select 1")?;
    Ok(())
}

/// Lets those that call this with one name pass beside each other, and never beside one that is [`alone`] with it.
pub(crate) async fn beside(cx: &mut Cx, name: &str) -> sqlx::Result<()> {
    if matches!(cx, Cx::Postgres(_)) {
        exec!(cx, "select pg_advisory_xact_lock_shared(hashtextextended($1, 0))", name)?;
    }
    Ok(())
}

/// `keys!(query, ids)`: a list of keys with commas, of which there is one at least, pushed to a query; padded to a power of
/// two, so that few statement texts exist.
macro_rules! keys {
    ($query:expr, $ids:expr) => {{
        let ids = $ids;
        let mut list = $query.separated(",");
        for i in 0..ids.len().next_power_of_two() {
            list.push_bind(ids[i.min(ids.len() - 1)].clone());
        }
    }};
}

/// `in_list!(cx, Row, "select … where id in (", ids, ")")`: the rows of a list of keys, in one statement for every 500 of them. One
/// statement text per power of two, so that the statement cache stays small.
macro_rules! in_list {
    ($cx:expr, $row:ty, $head:expr, $ids:expr, $tail:literal) => {{
        let cx: &mut $crate::db::Cx = $cx;
        let mut rows = Vec::new();
        for some in $ids.chunks(500) {
            rows.extend($crate::db::each!(&mut *cx, |c: DB| {
                let mut query = ::sqlx::QueryBuilder::<DB>::new($head);
                $crate::db::keys!(query, some);
                query.push($tail);
                query.build_query_as::<$row>().fetch_all(&mut *c).await
            })?);
        }
        Ok::<_, ::sqlx::Error>(rows)
    }};
}

/// A row of one of the lists that [`lists!`] reads together, and of which.
#[derive(sqlx::FromRow)]
pub(crate) struct Listed<T> {
    pub(crate) list: i64,
    #[sqlx(flatten)]
    pub(crate) row: T,
}

/// How many a list holds, when lists are only counted.
#[derive(sqlx::FromRow)]
pub(crate) struct Count {
    many: i64,
}

impl Count {
    /// Of each list: `select count(*) as many …`.
    pub(crate) fn each(lists: Vec<Vec<Self>>) -> impl Iterator<Item = i64> {
        lists.into_iter().map(|list| list.first().map_or(0, |count| count.many))
    }
}

/// `lists!(cx, Row, of, |query, one| { … })`: a list for each of `of`, in their order, in one statement for every 100 of them.
/// The body pushes to `query` the whole limited `select` of one, ordered, with the columns of a `Row`. Both databases append
/// list after list, each in its order (PostgreSQL because no statement of ours runs in parallel: `Source::connect`).
/// `lists!(cx, Row, of, seen by caller, |query, one| { … })` tells once for all lists what the caller sees; each of them then asks
/// for `audience_id in (select id from seen)`: who holds hundreds of audiences would bind more than SQLite takes.
macro_rules! lists {
    ($cx:expr, $row:ty, $of:expr, |$query:ident, $one:ident| $body:block) => {
        $crate::db::lists!(@after {} $cx, $row, $of, |$query, $one| $body)
    };
    ($cx:expr, $row:ty, $of:expr, seen by $caller:expr, |$query:ident, $one:ident| $body:block) => {
        $crate::db::lists!(@after {
            $query.push("with seen (id) as (select id from audiences where");
            $crate::db::sight!($query, $caller, "id");
            $query.push(") ");
        } $cx, $row, $of, |$query, $one| $body)
    };
    (@after $start:block $cx:expr, $row:ty, $of:expr, |$query:ident, $one:ident| $body:block) => {{
        let cx: &mut $crate::db::Cx = $cx;
        let mut lists: Vec<Vec<$row>> = Vec::new();
        for some in $of.chunks(100) {
            let rows = $crate::db::each!(&mut *cx, |c: DB| {
                let mut $query = ::sqlx::QueryBuilder::<DB>::new("");
                $start
                for (place, $one) in some.iter().enumerate() {
                    $query.push(if place == 0 { "select cast(" } else { " union all select cast(" });
                    $query.push(place).push(" as bigint) as list, l.* from (");
                    $body
                    $query.push(") as l");
                }
                $query.build_query_as::<$crate::db::Listed<$row>>().fetch_all(&mut *c).await
            })?;
            let first = lists.len();
            lists.resize_with(first + some.len(), Vec::new);
            for found in rows {
                if let Some(list) = usize::try_from(found.list).ok().and_then(|list| lists.get_mut(first + list)) {
                    list.push(found.row);
                }
            }
        }
        lists
    }};
}

/// `keyset!(query, slice, "t.last_activity_at", "t.id", descending)`: the conditions, the order and the limit of a slice
/// whose key is (key, id), pushed to a query that has a `where` already.
macro_rules! keyset {
    ($query:expr, $slice:expr, $key:literal, $id:literal, $descending:expr) => {{
        let (slice, descending) = ($slice, $descending);
        let (after, before) = if descending { ("<", ">") } else { (">", "<") };
        for (cursor, side) in [(&slice.after, after), (&slice.before, before)] {
            if let Some((key, id)) = cursor {
                $query.push(concat!(" and (", $key, ", ", $id, ") ")).push(side).push(" (");
                $query.push_bind(key.clone()).push(", ").push_bind(*id).push(")");
            }
        }
        $query.push(if descending == slice.backward {
            concat!(" order by ", $key, ", ", $id, " limit ")
        } else {
            concat!(" order by ", $key, " desc, ", $id, " desc limit ")
        });
        $query.push_bind(slice.rows());
    }};
}

/// `numbered!(query, slice, "ordinal")`: the same for a key of one column that is unique in the list, ascending.
macro_rules! numbered {
    ($query:expr, $slice:expr, $key:literal) => {{
        let slice = $slice;
        if let Some(after) = &slice.after {
            $query.push(concat!(" and ", $key, " > ")).push_bind(after.clone());
        }
        if let Some(before) = &slice.before {
            $query.push(concat!(" and ", $key, " < ")).push_bind(before.clone());
        }
        $query.push(if slice.backward {
            concat!(" order by ", $key, " desc limit ")
        } else {
            concat!(" order by ", $key, " limit ")
        });
        $query.push_bind(slice.rows());
    }};
}

/// `sight!(query, caller, "t.audience_id")`: the condition that the caller sees the row that carries this audience, pushed to a
/// query. The community's administrators hold every audience: none is listed for them.
macro_rules! sight {
    ($query:expr, $caller:expr, $column:literal) => {{
        let (caller, held): (&$crate::Caller, _) = ($caller, $caller.audiences());
        if caller.is_administrator() {
            $query.push(" true");
        } else if held.is_empty() {
            $query.push(" false");
        } else {
            $query.push(concat!(" ", $column, " in ("));
            $crate::db::keys!($query, held);
            $query.push(")");
        }
    }};
}

pub(crate) use {all, each, exec, in_list, keys, keyset, lists, lock, numbered, one, opt, sight};
