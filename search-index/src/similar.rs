//! What is alike: a question that is being written, or a thread that is read, and the threads that say the same in other words.

use std::collections::BTreeMap;

use crate::french;
use crate::typed::Lexicon;

/// How many stems are compared: those that tell a text best from others.
pub(crate) const MOST_STEMS: usize = 12;
/// How much of a text is read, in characters.
const READ: usize = 10_000;
/// How many words a server is asked for: Meilisearch looks at ten.
const MOST_WORDS: usize = 10;
/// How much a word of the title counts against one of the text.
const TITLE: f32 = 3.0;

/// A text, ready to be compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Likeness {
    /// Stems, and how often they come.
    pub(crate) stems: BTreeMap<String, f32>,
    /// The words themselves, those of the title first.
    pub(crate) words: Vec<String>,
    /// A group that is not alike itself.
    pub(crate) without: Option<String>,
}

impl Likeness {
    pub(crate) fn of(lexicon: &Lexicon, title: &str, body: &str) -> Self {
        let mut likeness = Self::default();
        for (text, counts) in [(title, TITLE), (body, 1.0)] {
            let read: String = text.chars().take(READ).collect();
            for word in french::words(&read).into_iter().filter(|word| !lexicon.is_stop(&word.whole)) {
                if let Some(stem) = word.stems.into_iter().next() {
                    *likeness.stems.entry(stem).or_default() += counts;
                }
                if likeness.words.len() < MOST_WORDS && !likeness.words.contains(&word.whole) {
                    likeness.words.push(word.whole);
                }
            }
        }
        likeness
    }
}

/// How many of so many stems must be there: two, unless there is one. The order does the rest: who shares more comes first.
pub(crate) fn needed(stems: usize) -> usize {
    stems.min(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Synonyms;

    #[test]
    fn titles_count_more_and_stop_words_not_at_all() {
        let lexicon = Lexicon::new(&Synonyms::brought().unwrap()).unwrap();
        let likeness = Likeness::of(&lexicon, "Le gabarit", "Un gabarit, des modules et le reste");
        assert_eq!(likeness.words, ["gabarit", "modules", "reste"]);
        assert_eq!(likeness.stems["gabar"], 4.0);
        assert_eq!(needed(1), 1);
        assert_eq!(needed(2), 2);
        assert_eq!(needed(12), 2);
    }
}
