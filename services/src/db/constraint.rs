//! The names of constraints: PostgreSQL gives one, SQLite only a sentence with `table.column` in it.

use sqlx::error::ErrorKind;

use crate::error::{Error, Problem};

/// Whether `error` says that the `unique` column `table.column` has that value already.
pub(crate) fn violates(error: &sqlx::Error, column: &str) -> bool {
    error.as_database_error().is_some_and(|database| {
        database.kind() == ErrorKind::UniqueViolation
            && match database.constraint() {
                Some(name) => name == format!("{}_key", column.replace('.', "_")),
                None => database.message().ends_with(column),
            }
    })
}

/// Maps the violation of the `unique` column `table.column` to a problem of the input; every other error stays what it is.
///
/// Use: `insert(…).await.map_err(duplicate("members.handle", || problem))?`.
pub(crate) fn duplicate(column: &'static str, problem: impl FnOnce() -> Problem) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| if violates(&error, column) { Error::Invalid(vec![problem()]) } else { error.into() }
}
