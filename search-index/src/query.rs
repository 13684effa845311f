//! What can be asked: by whom, with which filters, in which order, and which page. What somebody may see is part of every question,
//! and nobody sees anything by default.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::documents::{Kind, is_code};
use crate::error::{Error, Result};

/// The most hits of one page.
pub const MOST_HITS: usize = 100;
/// How deep a ranked list can be paged: who looks further adds a word or a filter.
pub const DEEPEST: usize = 1_000;
/// The most values of one facet.
pub const MOST_VALUES: usize = 100;

/// Some of all values there are: none, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// These only.
    Only(BTreeSet<String>),
    /// Every one, without a list: an administrator.
    All,
}

impl Held {
    /// These only.
    pub fn only<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Only(values.into_iter().map(Into::into).collect())
    }

    /// Whether it is none at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Only(values) if values.is_empty())
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

/// What somebody may see. The default sees nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sight {
    /// The ids of the audiences they hold.
    pub audiences: Held,
    /// The spaces whose hidden entries they see too: those they moderate.
    pub hidden_in: Held,
}

impl Sight {
    /// Holds these audiences and moderates nothing.
    pub fn holding<T: Into<String>>(audiences: impl IntoIterator<Item = T>) -> Self {
        Self { audiences: Held::only(audiences), hidden_in: Held::default() }
    }
}

/// What a hit must be besides. An empty list does not filter; one with values wants one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filters {
    /// Threads, trainings, documents.
    pub kinds: Vec<Kind>,
    /// Spaces.
    pub spaces: Vec<String>,
    /// Forums.
    pub forums: Vec<String>,
    /// `QUESTION`, `BONNE_PRATIQUE` …
    pub thread_kinds: Vec<String>,
    /// `PUBLIEE`, `EN_COURS` …
    pub states: Vec<String>,
    /// Collections.
    pub collections: Vec<String>,
    /// Organisations.
    pub organisations: Vec<String>,
    /// Years of [`crate::Entry::date`], in UTC.
    pub years: Vec<i32>,
    /// Who wrote the entry.
    pub authors: Vec<String>,
    /// Written at this time or later, in seconds since 1970.
    pub from: Option<i64>,
    /// Written before this time, in seconds since 1970.
    pub until: Option<i64>,
    /// Solved or not; what asks nothing is neither.
    pub solved: Option<bool>,
}

impl Filters {
    /// The values of `facet` that are wanted, as facets name them; empty when any is.
    pub(crate) fn of(&self, facet: Facet) -> Vec<String> {
        match facet {
            Facet::Kind => self.kinds.iter().map(|kind| kind.code().to_owned()).collect(),
            Facet::Space => self.spaces.clone(),
            Facet::Forum => self.forums.clone(),
            Facet::State => self.states.clone(),
            Facet::Collection => self.collections.clone(),
            Facet::Organisation => self.organisations.clone(),
            Facet::Year => self.years.iter().map(i32::to_string).collect(),
        }
    }
}

/// What hits are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// [`Kind::code`].
    Kind,
    /// Spaces.
    Space,
    /// Forums.
    Forum,
    /// States.
    State,
    /// Collections; a hit counts in each of its own.
    Collection,
    /// Organisations.
    Organisation,
    /// Years.
    Year,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Kind, Self::Space, Self::Forum, Self::State, Self::Collection, Self::Organisation, Self::Year];

    /// The field of an index.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Space => "space",
            Self::Forum => "forum",
            Self::State => "state",
            Self::Collection => "collections",
            Self::Organisation => "organisation",
            Self::Year => "year",
        }
    }
}

/// In which order hits come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// The best first; without words, the newest.
    #[default]
    Relevance,
    /// The newest first.
    Date,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Query {
    /// What was typed: words, "phrases in quotes", -exclusions; nothing, to list what the filters leave.
    pub text: String,
    /// By whom.
    pub sight: Sight,
    /// What the hits must be besides.
    pub filters: Filters,
    /// In which order.
    pub sort: Sort,
    /// How many hits, 1 to 100.
    pub first: usize,
    /// The cursor of the hit that they come after.
    pub after: Option<String>,
    /// What to count. The filter on a facet does not narrow its own counts: they tell what choosing another value would find.
    pub facets: Vec<Facet>,
}

impl Query {
    /// The first twenty hits of `text`, without filters or facets.
    pub fn new(sight: Sight, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            sight,
            filters: Filters::default(),
            sort: Sort::default(),
            first: 20,
            after: None,
            facets: Vec::new(),
        }
    }

    /// How many hits come before the page.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the page is too long or too deep, or the cursor is of another question.
    pub(crate) fn offset(&self) -> Result<usize> {
        if !(1..=MOST_HITS).contains(&self.first) {
            return Err(Error::invalid("first", "Demandez de 1 à 100 résultats."));
        }
        let Some(cursor) = &self.after else { return Ok(0) };
        let stale = || Error::invalid("after", "Ce curseur n’est pas de cette recherche : reprenez au début.");
        let (place, mark) = cursor.split_once('.').ok_or_else(stale)?;
        if mark != self.mark() {
            return Err(stale());
        }
        match place.parse() {
            Ok(place) if place < DEEPEST => Ok(place),
            Ok(_) => Err(Error::invalid("after", "Au-delà de 1 000 résultats, précisez la recherche.")),
            Err(_) => Err(stale()),
        }
    }

    /// The cursor of the hit at `place`, from 1. Engines rank anew at each question and know only places; so a cursor is one, with
    /// a mark of its question, since it means nothing in another.
    pub(crate) fn cursor(&self, place: usize) -> String {
        format!("{place}.{}", self.mark())
    }

    fn mark(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.text, &self.filters, self.sort).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Whether nobody needs to be asked: who sees nothing finds nothing, and a value that is no code is nobody's.
    pub(crate) fn finds_nothing(&self) -> bool {
        let impossible = |values: &[String]| !values.is_empty() && !values.iter().any(|value| is_code(value));
        let filters = &self.filters;
        self.sight.audiences.is_none()
            || [
                &filters.spaces,
                &filters.forums,
                &filters.thread_kinds,
                &filters.states,
                &filters.collections,
                &filters.organisations,
                &filters.authors,
            ]
            .into_iter()
            .any(|values| impossible(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_anything_by_default() {
        assert!(Query::new(Sight::default(), "").finds_nothing());
        assert!(!Query::new(Sight::holding(["aud_1"]), "").finds_nothing());
        assert!(!Query::new(Sight { audiences: Held::All, ..Sight::default() }, "").finds_nothing());
    }

    #[test]
    fn a_cursor_is_of_one_question_and_not_too_deep() {
        let mut query = Query::new(Sight::default(), "gabarit");
        query.after = Some(query.cursor(20));
        assert_eq!(query.offset(), Ok(20));
        query.text = "h5p".to_owned();
        assert!(matches!(query.offset(), Err(Error::Invalid(..))));
        query.after = Some(query.cursor(DEEPEST));
        assert!(matches!(query.offset(), Err(Error::Invalid(..))));
        for wrong in ["", "x", "-1.0", "1.zz"] {
            query.after = Some(wrong.to_owned());
            assert!(matches!(query.offset(), Err(Error::Invalid(..))), "{wrong}");
        }
    }

    #[test]
    fn a_page_has_1_to_100_hits() {
        let mut query = Query::new(Sight::default(), "");
        for (first, good) in [(0, false), (1, true), (100, true), (101, false)] {
            query.first = first;
            assert_eq!(query.offset().is_ok(), good, "{first}");
        }
    }
}
