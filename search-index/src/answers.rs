//! What is answered: a page of hits with what was found in them, counts, suggestions. Made of entries in one place, so that both
//! engines answer alike.

use std::collections::BTreeMap;

use crate::documents::{Entry, Kind};
use crate::highlight::{self, Highlighted};
use crate::query::{DEEPEST, Facet, MOST_VALUES, Query};
use crate::typed::Asked;

/// A page of a ranked list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// One hit a group, in order.
    pub hits: Vec<Hit>,
    /// How many there are in all.
    pub total: u64,
    /// Whether others come after these.
    pub more: bool,
    /// One for each facet asked for, in that order.
    pub facets: Vec<FacetCounts>,
    /// Words that were not looked for: those above the tenth, and those without which alone something was found.
    pub left_out: Vec<String>,
}

/// A thread, a training or a document that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its place, for [`Query::after`].
    pub cursor: String,
    /// The thread, or the key itself.
    pub group: String,
    /// What it is.
    pub kind: Kind,
    /// The entry that matched best: of a thread, a post.
    pub key: String,
    /// The title, whole.
    pub title: Highlighted,
    /// The best part of the text, at most 240 characters and two ellipses.
    pub excerpt: Highlighted,
}

/// How many hits each value of a facet has, the most frequent first, at most 100.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCounts {
    /// Which.
    pub facet: Facet,
    /// Values and hits.
    pub values: Vec<(String, u64)>,
}

/// What somebody may be typing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// Titles, the best first.
    pub titles: Vec<Suggestion>,
    /// Tags of what was found that go on as what was typed, in alphabetical order.
    pub tags: Vec<String>,
}

/// A title somebody may be typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Whose title.
    pub group: String,
    /// What it is.
    pub kind: Kind,
    /// The title, with what was typed.
    pub title: Highlighted,
}

/// What an engine found, before it is dressed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    pub(crate) total: u64,
    pub(crate) facets: Vec<FacetCounts>,
}

impl Page {
    pub(crate) fn of(query: &Query, asked: &Asked, offset: usize, found: Found) -> Self {
        let hits: Vec<Hit> = found
            .entries
            .into_iter()
            .enumerate()
            .map(|(place, entry)| Hit {
                cursor: query.cursor(offset + place + 1),
                title: highlight::whole(&entry.title, asked),
                excerpt: highlight::excerpt(&entry.body, asked),
                group: entry.group,
                kind: entry.kind,
                key: entry.key,
            })
            .collect();
        let end = offset + hits.len();
        let more = found.total > end as u64 && !hits.is_empty() && end < DEEPEST;
        Self { hits, total: found.total, more, facets: found.facets, left_out: asked.left_out.clone() }
    }

    /// Nothing, with every facet that was asked for.
    pub(crate) fn nothing(query: &Query, asked: &Asked) -> Self {
        let facets = query.facets.iter().map(|facet| FacetCounts { facet: *facet, values: Vec::new() }).collect();
        Self { facets, left_out: asked.left_out.clone(), ..Self::default() }
    }
}

impl FacetCounts {
    /// The most frequent first, then by name.
    pub(crate) fn of(facet: Facet, counts: BTreeMap<String, u64>) -> Self {
        let mut values: Vec<(String, u64)> = counts.into_iter().filter(|(_, hits)| *hits > 0).collect();
        values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        values.truncate(MOST_VALUES);
        Self { facet, values }
    }
}

impl Suggestions {
    pub(crate) fn of(asked: &Asked, entries: &[Entry], first: usize) -> Self {
        let titles = entries
            .iter()
            .take(first)
            .map(|entry| Suggestion {
                group: entry.group.clone(),
                kind: entry.kind,
                title: highlight::whole(&entry.title, asked),
            })
            .collect();
        let goes_on = |tag: &&String| !highlight::whole(tag, asked).ranges.is_empty();
        let mut tags: Vec<String> = entries.iter().flat_map(|entry| &entry.tags).filter(goes_on).cloned().collect();
        tags.sort();
        tags.dedup();
        tags.truncate(first);
        Self { titles, tags }
    }
}
