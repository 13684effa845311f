//! What a use-case may answer instead of its result: one closed enum, cut by what the caller can do about it.
//!
//! What a person may not see is [`Error::NotFound`]. Sentences here are French, since people read them; the cause of an
//! internal failure stays inside and is logged once, at the edge.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use-case did not do what was asked. Nothing was changed.
#[derive(Clone, Debug)]
pub enum Error {
    /// Sign in first.
    Unauthenticated,
    /// Visible, but not allowed to this person; the sentence says what is missing.
    Forbidden(Cow<'static, str>),
    /// Unknown, or not visible to this person: the two are not told apart.
    NotFound,
    /// The input can be corrected: every problem found.
    Invalid(Vec<Problem>),
    /// The state of things is against it (locked, already decided …).
    Conflict(Problem),
    /// Too many requests; try again after this time.
    Limited(Duration),
    /// A service behind is away; try again. The text is for the log.
    Unavailable(Cow<'static, str>),
    /// A fault of ours. The text is for the log.
    Internal(Cow<'static, str>),
    /// The process cannot start; the sentence is for the operator.
    Startup(String),
}

impl Error {
    /// A service behind is away.
    pub fn unavailable(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// A fault of ours.
    pub fn internal(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(cause.into())
    }

    /// Not allowed, in a sentence.
    pub fn forbidden(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(sentence.into())
    }

    /// The input has one problem.
    pub fn invalid(field: &'static str, code: Code, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::new(field, code, message)])
    }

    /// The state of things is against it.
    pub fn conflict(field: &'static str, code: Code, message: impl Into<String>) -> Self {
        Self::Conflict(Problem::new(field, code, message))
    }

    /// The name clients see in `extensions.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Invalid(_) => "INVALID",
            Self::Conflict(_) => "CONFLICT",
            Self::Limited(_) => "LIMITED",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Internal(_) | Self::Startup(_) => "INTERNAL",
        }
    }

    /// The sentence a person reads.
    #[must_use]
    pub fn sentence(&self) -> Cow<'_, str> {
        match self {
            Self::Unauthenticated => "Connectez-vous pour continuer.".into(),
            Self::Forbidden(sentence) => Cow::Borrowed(sentence),
            Self::NotFound => "Introuvable, ou vous n'y avez pas accès.".into(),
            Self::Invalid(problems) => problems.first().map_or("Demande invalide.".into(), |p| Cow::Borrowed(&p.message)),
            Self::Conflict(problem) => Cow::Borrowed(&problem.message),
            Self::Limited(after) => match after.as_secs() {
                0 | 1 => "Trop de demandes. Réessayez dans une seconde.".into(),
                seconds => format!("Trop de demandes. Réessayez dans {seconds} secondes.").into(),
            },
            Self::Unavailable(_) => "Le service est momentanément indisponible. Réessayez dans un instant.".into(),
            Self::Internal(_) => "Une erreur interne s'est produite. Elle a été signalée.".into(),
            Self::Startup(sentence) => Cow::Borrowed(sentence),
        }
    }

    /// What the log says, when it has to say something.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause() {
            Some(cause) => write!(f, "{}: {cause}", self.code()),
            None => write!(f, "{}", self.sentence()),
        }
    }
}

impl std::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        // The message of a database error may quote a value of the row; its code does not.
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                let constraint = database.constraint().unwrap_or_default();
                match code.as_str() {
                    _ if is_sqlite_away(&code) => Self::unavailable(format!("SQLite {code}")),
                    // PostgreSQL: resources, operator, connection, serialisation.
                    _ if ["53", "57", "08", "40"].iter().any(|class| code.len() == 5 && code.starts_with(class)) => {
                        Self::unavailable(format!("PostgreSQL {code}"))
                    }
                    _ => Self::internal(format!("database error {code} {constraint} {:?}", database.kind())),
                }
            }
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
                Self::unavailable(error.to_string())
            }
            _ => Self::internal(error.to_string()),
        }
    }
}

/// Busy, locked, no memory, read-only, I/O, full, cannot open: the primary code is the low byte of the extended one
/// (sqlite.org/rescode.html). PostgreSQL's codes have five characters.
fn is_sqlite_away(code: &str) -> bool {
    code.len() < 5 && code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14))
}

/// One thing to correct in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The input's field, as the API names it.
    pub field: &'static str,
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
}

impl Problem {
    /// A problem of `field`.
    pub fn new(field: &'static str, code: Code, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into() }
    }
}

/// The kinds of problems; the API shows the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Must be given.
    Required,
    /// Below the least length or number.
    TooShort,
    /// Above the greatest length or number.
    TooLong,
    /// Not of the form it should have.
    Malformed,
    /// Somebody else has it.
    Taken,
    /// Points at nothing.
    Unknown,
    /// Past its time, or used.
    Expired,
    /// Closed to it: locked, of another kind, already so.
    Refused,
    /// No room left.
    Full,
}

/// Gathers every problem of an input before refusing it.
#[derive(Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Keeps the value, or notes its problem.
    pub fn take<T>(&mut self, checked: Result<T, Problem>) -> Option<T> {
        checked.map_err(|problem| self.0.push(problem)).ok()
    }

    /// Notes a problem.
    pub fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// All that was noted.
    #[must_use]
    pub fn all(self) -> Vec<Problem> {
        self.0
    }

    /// The refusal, when there is something to refuse.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that was noted.
    pub fn refuse(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_codes_of_sqlite_say_that_it_is_away() {
        // Busy, its snapshot, a short read, a failed fsync, a full disk, a read-only database that moved.
        for code in ["5", "517", "522", "1034", "13", "1032"] {
            assert!(is_sqlite_away(code), "{code}");
        }
        // A unique value, a foreign key; PostgreSQL's own.
        for code in ["2067", "787", "23505", "40001", ""] {
            assert!(!is_sqlite_away(code), "{code}");
        }
    }
}
