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

/// Titles while they are typed, and tags, of what is seen only.
pub(crate) async fn suggestions(index: &Index) {
    let public = Sight::holding(["aud_public"]);
    let member = Sight::holding(["aud_public", "aud_membres"]);
    let all = Filters::default();
    let titles = |found: search_index::Suggestions| -> Vec<String> { found.titles.into_iter().map(|one| one.group).collect() };

    let found = index.suggest("gabar", &member, &all, 10).await.unwrap();
    assert_eq!(found.tags, ["gabarit"]);
    let groups = titles(found);
    for group in ["thr_gabarit_h5p", "tra_gabarit", "doc_gabarits"] {
        assert!(groups.contains(&group.to_owned()), "{group}: {groups:?}");
    }
    assert_eq!(groups.len(), 3, "{groups:?}");
    assert_eq!(titles(index.suggest("gabar", &public, &all, 10).await.unwrap()).len(), 2);
    assert_eq!(titles(index.suggest("gabar", &Sight::default(), &all, 10).await.unwrap()).len(), 0);
    assert_eq!(titles(index.suggest("gabar", &member, &all, 1).await.unwrap()).len(), 1);
    let trainings = Filters { kinds: vec![Kind::Training], ..Filters::default() };
    assert_eq!(titles(index.suggest("gabar", &member, &trainings, 10).await.unwrap()), ["tra_gabarit"]);
    assert!(titles(index.suggest("le", &member, &all, 10).await.unwrap()).contains(&"doc_suivi".to_owned()));
    let found = index.suggest("classe virt", &member, &all, 10).await.unwrap();
    assert!(
        found.titles.iter().any(|one| one.title.markup() == "Créer une <mark>classe</mark> <mark>virtuelle</mark> BigBlueButton"
            || one.title.markup() == "Créer une <mark>classe virtuelle</mark> BigBlueButton"),
        "{found:?}"
    );
}

/// The question that is being written, and the thread that is read.
pub(crate) async fn likenesses(index: &Index) {
    let member = Sight::holding(["aud_public", "aud_membres"]);
    let threads = Filters { kinds: vec![Kind::Thread], ..Filters::default() };
    let groups = |hits: Vec<search_index::Hit>| -> Vec<String> { hits.into_iter().map(|hit| hit.group).collect() };

    let title = "Comment inscrire des agents en masse à une session ?";
    let body = "J’ai deux cents utilisateurs à inscrire, un fichier serait bien pratique.";
    let found = groups(index.similar(title, body, &member, &threads, 3).await.unwrap());
    assert_eq!(found.first().map(String::as_str), Some("thr_inscription_masse"), "{found:?}");
    assert!(
        groups(index.similar(title, body, &Sight::holding(["aud_public"]), &threads, 3).await.unwrap())
            .iter()
            .all(|group| group != "thr_inscription_masse")
    );
    let elsewhere = Filters { forums: vec!["for_conception".to_owned()], ..threads.clone() };
    assert!(
        !groups(index.similar(title, body, &member, &elsewhere, 3).await.unwrap()).contains(&"thr_inscription_masse".to_owned())
    );
    assert_eq!(groups(index.similar("", "", &member, &threads, 3).await.unwrap()).len(), 0);

    let related = groups(index.related("pos_classe_virtuelle_son_1", &member, &Filters::default(), 5).await.unwrap());
    assert!(!related.contains(&"thr_classe_virtuelle_son".to_owned()), "not itself: {related:?}");
    assert!(related.contains(&"doc_bbb".to_owned()), "{related:?}");
    assert_eq!(groups(index.related("pos_unknown", &member, &Filters::default(), 5).await.unwrap()).len(), 0);
    assert_eq!(groups(index.related("x\" y", &member, &Filters::default(), 5).await.unwrap()).len(), 0);
}

/// Every hit comes once, whatever the size of the pages.
pub(crate) async fn pages(index: &Index) {
    for text in ["", "formation"] {
        let whole = Query { first: 100, ..Query::new(Sight::holding(["aud_public", "aud_membres"]), text) };
        let all = index.search(&whole).await.unwrap();
        assert!(!all.more && all.hits.len() as u64 == all.total, "{text}");
        let mut query = Query { first: 3, ..whole };
        let mut groups = Vec::new();
        loop {
            let page = index.search(&query).await.unwrap();
            assert_eq!(page.total, all.total);
            query.after = page.hits.last().map(|hit| hit.cursor.clone());
            groups.extend(page.hits.into_iter().map(|hit| hit.group));
            if !page.more {
                break;
            }
        }
        assert_eq!(groups, all.hits.iter().map(|hit| hit.group.clone()).collect::<Vec<_>>(), "{text}");
    }
}
