//! What is asked of `tests/expected.json`, and what both engines answer to it. Where one must answer otherwise, the file names the
//! engine and says why.

use std::collections::BTreeMap;

use search_index::{Facet, Filters, Held, Highlighted, Index, Kind, Page, Query, Sight, Sort};
use serde::Deserialize;

use crate::corpus::{noon, read};

/// A question and its answer.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Case {
    /// What it shows.
    pub(crate) name: String,
    #[serde(default)]
    text: String,
    /// Whose audiences; a member's when it is not said.
    #[serde(default)]
    audiences: Option<Vec<String>>,
    #[serde(default)]
    moderates: Vec<String>,
    #[serde(default)]
    filters: Wanted,
    #[serde(default)]
    by_date: bool,
    #[serde(default)]
    facets: Vec<String>,
    expect: Expected,
    /// By the name of an engine.
    #[serde(default)]
    differs: BTreeMap<String, Difference>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Wanted {
    kinds: Vec<Kind>,
    spaces: Vec<String>,
    forums: Vec<String>,
    thread_kinds: Vec<String>,
    states: Vec<String>,
    collections: Vec<String>,
    organisations: Vec<String>,
    years: Vec<i32>,
    authors: Vec<String>,
    from: Option<String>,
    until: Option<String>,
    solved: Option<bool>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Expected {
    /// All groups, in this order.
    hits: Option<Vec<String>>,
    /// The first groups, in this order.
    first: Vec<String>,
    /// Groups among the hits.
    contains: Vec<String>,
    /// Groups that are no hits.
    lacks: Vec<String>,
    total: Option<u64>,
    /// The best matched entry of a group.
    matched: BTreeMap<String, String>,
    /// The title of a group, with its marks.
    titles: BTreeMap<String, String>,
    /// What is marked in the excerpt of a group.
    marks: BTreeMap<String, Vec<String>>,
    /// All values and counts of a facet.
    counts: BTreeMap<String, BTreeMap<String, u64>>,
    left_out: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// Why it must.
    #[serde(rename = "why")]
    _why: String,
    expect: Expected,
}

pub(crate) fn cases() -> Vec<Case> {
    read("expected.json")
}

/// Asks, and compares.
pub(crate) async fn check(index: &Index, engine: &str, case: &Case) -> Result<(), String> {
    let query = query(case);
    let page = index.search(&query).await.map_err(|error| error.to_string())?;
    let expected = case.differs.get(engine).map_or(&case.expect, |difference| &difference.expect);
    let wrong = wrong(expected, &page);
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\nanswer: {}", wrong.join("\n"), shown(&page))) }
}

fn query(case: &Case) -> Query {
    let audiences = case.audiences.clone().unwrap_or_else(|| vec!["aud_public".to_owned(), "aud_membres".to_owned()]);
    let filters = case.filters.clone();
    Query {
        filters: Filters {
            kinds: filters.kinds,
            spaces: filters.spaces,
            forums: filters.forums,
            thread_kinds: filters.thread_kinds,
            states: filters.states,
            collections: filters.collections,
            organisations: filters.organisations,
            years: filters.years,
            authors: filters.authors,
            from: filters.from.as_deref().map(noon),
            until: filters.until.as_deref().map(noon),
            solved: filters.solved,
        },
        sort: if case.by_date { Sort::Date } else { Sort::Relevance },
        facets: case.facets.iter().map(|name| facet(name)).collect(),
        ..Query::new(Sight { audiences: Held::only(audiences), hidden_in: Held::only(case.moderates.clone()) }, &case.text)
    }
}

fn facet(name: &str) -> Facet {
    Facet::ALL.into_iter().find(|facet| format!("{facet:?}").to_lowercase() == name).unwrap()
}

fn wrong(expected: &Expected, page: &Page) -> Vec<String> {
    let groups: Vec<&str> = page.hits.iter().map(|hit| hit.group.as_str()).collect();
    let mut wrong = Vec::new();
    let mut compare = |what: &str, good: bool, wanted: String| {
        if !good {
            wrong.push(format!("{what}: {wanted}"));
        }
    };
    if let Some(hits) = &expected.hits {
        compare("all hits", *hits == groups, format!("{hits:?}"));
    }
    compare(
        "the first hits",
        groups.iter().zip(&expected.first).all(|(one, other)| one == other),
        format!("{:?}", expected.first),
    );
    compare("enough hits", groups.len() >= expected.first.len(), format!("{:?}", expected.first));
    for group in &expected.contains {
        compare("among the hits", groups.contains(&group.as_str()), group.clone());
    }
    for group in &expected.lacks {
        compare("no hit", !groups.contains(&group.as_str()), group.clone());
    }
    if let Some(total) = expected.total {
        compare("the total", total == page.total, total.to_string());
    }
    let hit = |group: &str| page.hits.iter().find(|hit| hit.group == group);
    for (group, key) in &expected.matched {
        compare("the entry matched", hit(group).is_some_and(|hit| hit.key == *key), format!("{group}: {key}"));
    }
    for (group, title) in &expected.titles {
        compare("the title", hit(group).is_some_and(|hit| hit.title.markup() == *title), format!("{group}: {title}"));
    }
    for (group, marks) in &expected.marks {
        compare("the marks", hit(group).is_some_and(|hit| marked(&hit.excerpt) == *marks), format!("{group}: {marks:?}"));
    }
    for (name, counts) in &expected.counts {
        let found =
            page.facets.iter().find(|counts| counts.facet == facet(name)).map(|counts| counts.values.iter().cloned().collect());
        compare("the counts", found.as_ref() == Some(counts), format!("{name}: {counts:?}"));
    }
    compare("what was left out", expected.left_out == page.left_out, format!("{:?}", expected.left_out));
    wrong
}

fn marked(text: &Highlighted) -> Vec<String> {
    text.ranges.iter().map(|range| text.text.chars().skip(range.start).take(range.length).collect()).collect()
}

fn shown(page: &Page) -> String {
    let mut lines = vec![format!("total {}, left out {:?}", page.total, page.left_out)];
    for hit in &page.hits {
        lines.push(format!("  {} {} | {} | {}", hit.group, hit.key, hit.title.markup(), hit.excerpt.markup()));
    }
    lines.extend(page.facets.iter().map(|counts| format!("  {:?} {:?}", counts.facet, counts.values)));
    lines.join("\n")
}
