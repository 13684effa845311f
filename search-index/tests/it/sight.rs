//! Nobody is told of what they may not see: drawn entries, drawn viewers, and every way of asking.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use search_index::{Entry, Facet, Filters, Held, Index, Kind, Query, Sight, Sort};

use crate::corpus::entry;

const AUDIENCES: [&str; 5] = ["aud_a", "aud_b", "aud_c", "aud_d", "aud_e"];
const WORDS: [&str; 12] = [
    "gabarit",
    "parcours",
    "session",
    "module",
    "quiz",
    "formateur",
    "concepteur",
    "storyboard",
    "synopsis",
    "collection",
    "badge",
    "tutoriel",
];
const SPACES: [&str; 3] = ["spa_1", "spa_2", "spa_3"];

/// Entries in which each audience has a word, an organisation, a year and a tag of its own, besides those of all.
pub(crate) fn entries(seed: u64) -> Vec<Entry> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut entries = Vec::new();
    for number in 0..60 {
        let audience = AUDIENCES.choose(&mut random).unwrap();
        let own = audience.trim_start_matches("aud_");
        let space = SPACES.choose(&mut random).unwrap();
        let words = |random: &mut StdRng, count: usize| -> String {
            (0..count).map(|_| *WORDS.choose(random).unwrap()).collect::<Vec<_>>().join(" ")
        };
        let title = format!("{} secret{own}", words(&mut random, 3));
        let year = 2_000 + i64::from(own.as_bytes()[0] - b'a');
        let hidden = random.random_range(0..6) == 0;
        let posts = random.random_range(1..5);
        for ordinal in 1..=posts {
            entries.push(Entry {
                key: format!("pos_{number}_{ordinal}"),
                group: format!("thr_{number}"),
                kind: Kind::Thread,
                audience: (*audience).to_owned(),
                hidden,
                space: Some((*space).to_owned()),
                organisation: Some(format!("org_{own}")),
                tags: vec![format!("tag{own}")],
                ordinal,
                date: (year - 1970) * 31_556_952 + 15_000_000,
                ..entry("", &title, &words(&mut random, 12))
            });
        }
    }
    entries
}

/// Asks as drawn viewers, and compares with what the entries themselves say.
pub(crate) async fn check(index: &Index, entries: &[Entry], seed: u64, rounds: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..rounds {
        let held: BTreeSet<&str> = AUDIENCES.iter().filter(|_| random.random_range(0..3) == 0).copied().collect();
        let moderated: BTreeSet<&str> = SPACES.iter().filter(|_| random.random_range(0..4) == 0).copied().collect();
        let sight = Sight { audiences: Held::only(held.iter().copied()), hidden_in: Held::only(moderated.iter().copied()) };
        let seen = |entry: &Entry| {
            let space = entry.space.as_deref().unwrap_or_default();
            held.contains(entry.audience.as_str()) && (!entry.hidden || moderated.contains(space))
        };
        let visible: BTreeMap<&str, &Entry> =
            entries.iter().filter(|entry| seen(entry)).map(|entry| (entry.group.as_str(), entry)).collect();
        let told = format!("seed {seed}, round {round}, {held:?} {moderated:?}");

        // Without words: exactly what is visible, counted exactly.
        let everything = Query { facets: Facet::ALL.to_vec(), first: 100, sort: Sort::Date, ..Query::new(sight.clone(), "") };
        let page = index.search(&everything).await.unwrap();
        let groups: BTreeSet<&str> = page.hits.iter().map(|hit| hit.group.as_str()).collect();
        assert_eq!(groups, visible.keys().copied().collect(), "{told}");
        assert_eq!(page.total, visible.len() as u64, "{told}");
        for counts in &page.facets {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for entry in visible.values() {
                let value = match counts.facet {
                    Facet::Kind => entry.kind.code().to_owned(),
                    Facet::Space => entry.space.clone().unwrap(),
                    Facet::Organisation => entry.organisation.clone().unwrap(),
                    Facet::Year => entry.year().to_string(),
                    Facet::Forum | Facet::State | Facet::Collection => continue,
                };
                *expected.entry(value).or_default() += 1;
            }
            assert_eq!(counts.values.iter().cloned().collect::<BTreeMap<_, _>>(), expected, "{told} {:?}", counts.facet);
        }

        // With words, typos, beginnings, and words that only others hold.
        for text in ["gabarit", "parcour", "sesion", "secreta", "secretb", "secretc session", "secret", "tagd", "quiz -badge"] {
            let filters = if random.random_range(0..2) == 0 {
                Filters::default()
            } else {
                Filters {
                    organisations: vec![format!("org_{}", ["a", "b", "c"].choose(&mut random).unwrap())],
                    ..Filters::default()
                }
            };
            let query =
                Query { filters, facets: vec![Facet::Organisation, Facet::Year], first: 100, ..Query::new(sight.clone(), text) };
            let page = index.search(&query).await.unwrap();
            assert!(page.hits.iter().all(|hit| visible.contains_key(hit.group.as_str())), "{told} {text}");
            assert!(page.total <= visible.len() as u64, "{told} {text}");
            for (value, _) in page.facets.iter().flat_map(|counts| &counts.values) {
                let known = visible
                    .values()
                    .any(|entry| entry.organisation.as_deref() == Some(value.as_str()) || entry.year().to_string() == *value);
                assert!(known, "{told} {text}: a count tells of {value}");
            }
            let suggested = index.suggest(text, &sight, &query.filters, 20).await.unwrap();
            assert!(suggested.titles.iter().all(|title| visible.contains_key(title.group.as_str())), "{told} {text}");
            assert!(suggested.tags.iter().all(|tag| visible.values().any(|entry| entry.tags.contains(tag))), "{told} {text}");
        }
        let similar =
            index.similar("secreta gabarit parcours", "module quiz session", &sight, &Filters::default(), 20).await.unwrap();
        let related = index.related(&entries[round % entries.len()].key, &sight, &Filters::default(), 20).await.unwrap();
        for hit in similar.iter().chain(&related) {
            assert!(visible.contains_key(hit.group.as_str()), "{told}: {}", hit.group);
        }
    }
}
