//! What an entry of the index is: one post, one training or one document, as text to find and fields to filter. Where it comes
//! from, and who may see what, is decided by those who write it and those who ask.

use serde::{Deserialize, Serialize};

use crate::french;

/// What a hit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// A thread; its entries are its posts.
    Thread,
    /// A training.
    Training,
    /// A document of the library.
    Document,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Thread, Self::Training, Self::Document];

    /// Its name in an index, in facets and in the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Thread => "THREAD",
            Self::Training => "TRAINING",
            Self::Document => "DOCUMENT",
        }
    }
}

/// One post, one training or one document.
///
/// Entries of one group (the posts of a thread) share `kind`, `title`, `audience`, `space`, `forum`, `thread_kind`, `state`,
/// `collections`, `organisation` and `solved`: facets count groups, and read these once a group. `body`, `author`, `date`, `hidden`,
/// `ordinal`, `accepted` and `version` are the entry's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is the entry of: `pos_…`, `tra_…`, `doc_…`. Letters, digits, `_` and `-`, at most 200; the first is no `_`.
    pub key: String,
    /// What a ranked list shows once: the thread of a post, else the key itself.
    pub group: String,
    /// What the group is.
    pub kind: Kind,
    /// A number that changes whenever the entry would: what tells one that is stale.
    pub version: u64,
    /// The title; the thread's, for each of its posts.
    pub title: String,
    /// Plain text, without markup.
    #[serde(default)]
    pub body: String,
    /// Short names, numbers and acronyms that are asked for exactly: `ACHAT-FONDAMENTAUX`, `588`, `AAP 24-25`.
    #[serde(default)]
    pub identifiers: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The one audience whose holders see it.
    pub audience: String,
    /// Out of sight of all but those who moderate its space.
    #[serde(default)]
    pub hidden: bool,
    /// The space it stands in.
    #[serde(default)]
    pub space: Option<String>,
    /// The forum it stands in.
    #[serde(default)]
    pub forum: Option<String>,
    /// `QUESTION`, `BONNE_PRATIQUE` …, of a thread.
    #[serde(default)]
    pub thread_kind: Option<String>,
    /// `PUBLIEE`, `EN_COURS` …, in the words of its kind.
    #[serde(default)]
    pub state: Option<String>,
    /// The collections it belongs to.
    #[serde(default)]
    pub collections: Vec<String>,
    /// The organisation it comes from.
    #[serde(default)]
    pub organisation: Option<String>,
    /// The member who wrote it.
    #[serde(default)]
    pub author: Option<String>,
    /// When it was written or last changed, in seconds since 1970. Its year, in UTC, is a facet.
    pub date: i64,
    /// Whether the question or the report is solved; none when nothing is asked.
    #[serde(default)]
    pub solved: Option<bool>,
    /// Its place in its thread, from 1 for the opening post; 0 outside threads.
    #[serde(default)]
    pub ordinal: u64,
    /// It is the accepted answer of its thread.
    #[serde(default)]
    pub accepted: bool,
}

impl Entry {
    /// The year of its date, in UTC.
    #[must_use]
    pub fn year(&self) -> i32 {
        year(self.date)
    }

    /// What is found exactly before all else: its identifiers, and the acronyms of its title.
    pub(crate) fn exact_names(&self) -> Vec<String> {
        let mut names = self.identifiers.clone();
        names.extend(french::acronyms(&self.title).into_iter().filter(|acronym| !self.identifiers.contains(acronym)));
        names
    }

    /// The accepted answer first, then the opening post, then the others: between posts that match alike.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self { accepted: true, .. } => 2,
            Self { ordinal: 1, .. } => 1,
            _ => 0,
        }
    }
}

/// The year of `date` (seconds since 1970), in UTC.
pub(crate) fn year(date: i64) -> i32 {
    chrono::DateTime::from_timestamp(date, 0).map_or(1970, |at| chrono::Datelike::year(&at))
}

/// What changes in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Put this in the place of what has its key.
    Put(Box<Entry>),
    /// Forget the entry of this key, if there is one.
    Delete(String),
}

impl Change {
    /// The key of the entry that it changes.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Delete(key) => key,
        }
    }
}

/// What the index holds under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The key.
    pub key: String,
    /// Its group.
    pub group: String,
    /// The version that was put.
    pub version: u64,
}

/// Some of what the index holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPage {
    /// In no order that means anything.
    pub entries: Vec<Stored>,
    /// What to ask the next page with; none when this is the last.
    pub next: Option<String>,
}

/// Whether `text` can be a key, a group or a value to filter by: ids and codes, never text that people write. Nothing else
/// gets into the language of filters of an engine.
pub(crate) fn is_code(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_ids_and_enum_values_only() {
        for good in ["thr_0190", "BONNE_PRATIQUE", "a-b"] {
            assert!(is_code(good), "{good}");
        }
        for wrong in ["", "a b", "a\"", "é", "a\\", "x=1", &"a".repeat(201)] {
            assert!(!is_code(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_year_is_the_one_of_utc() {
        assert_eq!(year(1_735_689_599), 2024);
        assert_eq!(year(1_735_689_600), 2025);
    }
}
