//! What was asked, in the language of Meilisearch. Its filters are text: only ids, codes and numbers get into them, so that nothing
//! that a person typed can be read as a filter; its questions are words that have been read already.

use std::collections::BTreeMap;

use crate::documents::is_code;
use crate::french;
use crate::query::{Facet, Filters, Held, Sight};
use crate::typed::Asked;

/// What the hits of a viewer must be; without the filter on `besides`, to count its values.
pub(super) fn filter(sight: &Sight, filters: &Filters, besides: Option<Facet>) -> String {
    // Every entry has a kind; what else an index holds has none, nor an audience.
    let mut parts = vec!["kind EXISTS".to_owned()];
    if let Held::Only(audiences) = &sight.audiences {
        parts.push(one_of("audience", audiences.iter()));
    }
    match &sight.hidden_in {
        Held::All => {}
        Held::Only(spaces) if spaces.is_empty() => parts.push("hidden = false".to_owned()),
        Held::Only(spaces) => parts.push(format!("(hidden = false OR {})", one_of("space", spaces.iter()))),
    }
    for facet in Facet::ALL.into_iter().filter(|facet| Some(*facet) != besides) {
        let values = filters.of(facet);
        if !values.is_empty() {
            parts.push(one_of(facet.field(), values.iter()));
        }
    }
    for (field, values) in [("author", &filters.authors), ("thread_kind", &filters.thread_kinds)] {
        if !values.is_empty() {
            parts.push(one_of(field, values.iter()));
        }
    }
    parts.extend(filters.from.map(|from| format!("date >= {from}")));
    parts.extend(filters.until.map(|until| format!("date < {until}")));
    parts.extend(filters.solved.map(|solved| format!("solved = {solved}")));
    parts.join(" AND ")
}

/// Values that are no codes are nobody's, and are not written; of an empty list, nothing is one.
pub(super) fn one_of<'a>(field: &str, values: impl Iterator<Item = &'a String>) -> String {
    let values: Vec<String> = values.filter(|value| is_code(value)).map(|value| format!("\"{value}\"")).collect();
    format!("{field} IN [{}]", values.join(", "))
}

/// Words, "phrases" and -exclusions; a space at the end when the last word does not go on.
pub(super) fn text(asked: &Asked) -> String {
    let quoted = |spoken: String| format!("\"{spoken}\"");
    let mut parts = Vec::new();
    for clause in &asked.excluded {
        let spoken = french::spoken(&clause.typed);
        parts.push(format!("-{}", if spoken.contains(' ') { quoted(spoken) } else { spoken }));
    }
    for clause in &asked.clauses {
        let spoken = french::spoken(&clause.typed);
        parts.push(if clause.phrase { quoted(spoken) } else { spoken });
    }
    let open = asked.clauses.last().is_some_and(|clause| clause.prefix);
    parts.join(" ") + if open { "" } else { " " }
}

/// The counts of a facet, as a server tells them.
pub(super) fn counts(distribution: &BTreeMap<String, BTreeMap<String, u64>>, facet: Facet) -> BTreeMap<String, u64> {
    distribution.get(facet.field()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Kind;
    use crate::settings::Synonyms;
    use crate::typed::Lexicon;

    fn asked(typed: &str) -> String {
        text(&Lexicon::new(&Synonyms::brought().unwrap()).unwrap().read(typed).unwrap())
    }

    #[test]
    fn what_a_person_typed_is_words_only() {
        for (typed, sent) in [
            ("Créer un gabarit", "creer gabarit"),
            ("gabarit ", "gabarit "),
            ("\"note de cadrage\" h5p", "\"note de cadrage\" h5p"),
            ("storyboard -tableur", "-tableur storyboard "),
            ("x -\"appel à projets\" ", "-\"appel a projets\" x "),
            ("formation à distance ", "formation a distance "),
            ("l'e-learning", "e learning"),
            ("module -e-learning ", "-\"e learning\" module "),
            ("gabarit (h5p) title:x = [y] \\", "gabarit h5p title x "),
            ("gabarit\" OR audience = \"x", "gabarit \"or audience\" x"),
        ] {
            assert_eq!(asked(typed), sent);
        }
    }

    #[test]
    fn filters_hold_codes_only() {
        let sight = Sight { audiences: Held::only(["aud_1", "a\"b"]), hidden_in: Held::only(["spa_1"]) };
        let filters = Filters {
            kinds: vec![Kind::Thread],
            spaces: vec!["x\" OR kind EXISTS".to_owned()],
            years: vec![2024],
            from: Some(5),
            solved: Some(true),
            ..Filters::default()
        };
        assert_eq!(
            filter(&sight, &filters, None),
            "kind EXISTS AND audience IN [\"aud_1\"] AND (hidden = false OR space IN [\"spa_1\"]) AND kind IN [\"THREAD\"] \
             AND space IN [] AND year IN [\"2024\"] AND date >= 5 AND solved = true"
        );
        assert!(!filter(&sight, &filters, Some(Facet::Kind)).contains("THREAD"));
        assert_eq!(filter(&Sight::default(), &Filters::default(), None), "kind EXISTS AND audience IN [] AND hidden = false");
    }
}
