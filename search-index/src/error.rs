//! Why the index did not do what was asked: one closed enum, cut by what the caller can do about it.

use std::borrow::Cow;
use std::fmt;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why nothing was answered, or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The engine is away, too slow, full, or refuses our key; another rebuild is under way. Try again later. The text is for the
    /// log.
    Unavailable(Cow<'static, str>),
    /// What was asked can be corrected: which part of it (`query`, `first`, `after`, `synonyms`), and a sentence in French for who asked.
    Invalid(&'static str, Cow<'static, str>),
    /// A fault of ours, or an index that is damaged. The text is for the log.
    Internal(Cow<'static, str>),
}

impl Error {
    pub(crate) fn unavailable(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(cause.into())
    }

    pub(crate) fn invalid(part: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(part, sentence.into())
    }

    pub(crate) fn internal(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(cause.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(cause) => write!(f, "the search engine is unavailable: {cause}"),
            Self::Invalid(_, sentence) => f.write_str(sentence),
            Self::Internal(cause) => write!(f, "the search index failed: {cause}"),
        }
    }
}

impl std::error::Error for Error {}
