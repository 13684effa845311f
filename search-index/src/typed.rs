//! What a person typed, as words to look for: "phrases in quotes", -exclusions, expressions with synonyms, the last word as the
//! beginning of one. No character of it reaches an engine as syntax: only letters and digits are left.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::french::{self, Word};
use crate::settings::{self, Synonyms};

/// The longest text, in characters. What is longer is a text to compare with, not a question.
const LONGEST: usize = 1_000;
/// How many words are looked for; the others are left out, as Meilisearch does, and told.
const MOST_WORDS: usize = 10;
/// How often a question is asked again with fewer words.
const MOST_ATTEMPTS: usize = 20;
/// How many words of an identifier may be typed apart ("AAP 24 25").
const WIDEST_IDENTIFIER: usize = 4;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// All of these.
    pub(crate) clauses: Vec<Clause>,
    /// None of these.
    pub(crate) excluded: Vec<Clause>,
    /// Identifiers that the words can be, compared as [`french::compact`] makes them.
    pub(crate) identifiers: Vec<String>,
    /// Words that are not looked for: stop words aside, those too many.
    pub(crate) left_out: Vec<String>,
    /// Something was typed.
    pub(crate) typed: bool,
}

impl Asked {
    /// Something was typed, and there is nothing in it to look for: symbols, stop words, exclusions alone.
    pub(crate) fn is_void(&self) -> bool {
        self.typed && self.clauses.is_empty()
    }

    /// What to look for when nothing has all of it, in this order: without the last word, the last two …, then without the first and
    /// again. Phrases in quotes stay.
    pub(crate) fn fewer(&self) -> Vec<Self> {
        let words: Vec<usize> = (0..self.clauses.len()).filter(|place| !self.clauses[*place].phrase).collect();
        let mut fewer = Vec::new();
        for first in 0..words.len() {
            for last in (first + 1..=words.len()).rev() {
                if last - first < words.len() && fewer.len() < MOST_ATTEMPTS {
                    fewer.push(self.only(&words[first..last]));
                }
            }
        }
        fewer
    }

    /// Only these words, with the phrases.
    fn only(&self, words: &[usize]) -> Self {
        let stays = |place: &usize| self.clauses[*place].phrase || words.contains(place);
        let (left, out): (Vec<usize>, Vec<usize>) = (0..self.clauses.len()).partition(stays);
        let out = out.into_iter().map(|place| self.clauses[place].typed.clone());
        Self {
            clauses: left.into_iter().map(|place| self.clauses[place].clone()).collect(),
            left_out: out.chain(self.left_out.iter().cloned()).collect(),
            ..self.clone()
        }
    }
}

/// A word, a phrase, or an expression that has synonyms.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    /// As it was typed, without quotes.
    pub(crate) typed: String,
    /// All of these; next to each other when it is a phrase.
    pub(crate) words: Vec<Word>,
    /// In quotes: exactly these words, in this order.
    pub(crate) phrase: bool,
    /// The last word may go on.
    pub(crate) prefix: bool,
    /// Or one of these expressions: its words in their order.
    pub(crate) synonyms: Vec<Vec<Word>>,
}

impl Clause {
    /// Whether it finds the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.phrase, self.prefix) == (other.phrase, other.prefix)
            && self.words.iter().map(whole).eq(other.words.iter().map(whole))
    }
}

fn whole(word: &Word) -> &str {
    &word.whole
}

/// Stop words and synonyms, made ready to read what people type.
#[derive(Debug)]
pub(crate) struct Lexicon {
    stop_words: BTreeSet<String>,
    groups: Vec<Vec<Vec<Word>>>,
    /// Stem of the first word of an expression: its group, its place there.
    by_first: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Lexicon {
    pub(crate) fn new(synonyms: &Synonyms) -> Result<Self> {
        let groups: Vec<Vec<Vec<Word>>> =
            synonyms.groups().iter().map(|group| group.iter().map(|expression| french::words(expression)).collect()).collect();
        let mut by_first: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
        for (number, group) in groups.iter().enumerate() {
            for (place, expression) in group.iter().enumerate() {
                for stem in expression.first().map(|word| &word.stems).into_iter().flatten() {
                    by_first.entry(stem.clone()).or_default().push((number, place));
                }
            }
        }
        Ok(Self { stop_words: settings::stop_words()?, groups, by_first })
    }

    pub(crate) fn is_stop(&self, word: &str) -> bool {
        self.stop_words.contains(word)
    }

    /// Reads what was typed.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is longer than 1,000 characters.
    pub(crate) fn read(&self, text: &str) -> Result<Asked> {
        if text.chars().nth(LONGEST).is_some() {
            return Err(Error::invalid("query", "La recherche est trop longue : 1 000 caractères au plus."));
        }
        let mut asked = Asked { typed: !text.trim().is_empty(), ..Asked::default() };
        let mut left = MOST_WORDS;
        let pieces = pieces(text);
        let last = pieces.len();
        for (number, piece) in pieces.into_iter().enumerate() {
            let words = french::words(piece.text);
            if piece.excluded {
                let phrase = piece.quoted || words.len() > 1;
                if !words.is_empty() && asked.excluded.len() < MOST_WORDS {
                    asked.excluded.push(clause(piece.text, words, phrase));
                }
            } else if piece.quoted {
                self.read_phrase(&mut asked, &mut left, piece.text, words);
            } else {
                let open = number + 1 == last && words.last().is_some_and(|word| word.end == piece.text.len());
                self.read_run(&mut asked, &mut left, piece.text, words, open);
            }
        }
        Ok(asked)
    }

    /// Reads what somebody is still typing: the last word goes on, even if it is a stop word so far.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn read_unfinished(&self, text: &str) -> Result<Asked> {
        let mut asked = self.read(text)?;
        if let Some(word) = french::words(text).pop().filter(|word| word.end == text.len() && self.is_stop(&word.whole)) {
            asked.clauses.push(Clause { prefix: true, ..clause(&text[word.start..word.end], vec![word], false) });
        }
        Ok(asked)
    }

    fn read_phrase(&self, asked: &mut Asked, left: &mut usize, text: &str, words: Vec<Word>) {
        let places: usize = words.iter().map(Word::places).sum();
        if words.iter().all(|word| self.is_stop(&word.whole)) {
            return;
        }
        if places > *left {
            asked.left_out.push(text.trim().to_owned());
            return;
        }
        *left -= places;
        asked.identifiers.push(french::compact(text));
        asked.clauses.push(clause(text.trim(), words, true));
    }

    /// Words typed one after the other.
    fn read_run(&self, asked: &mut Asked, left: &mut usize, text: &str, words: Vec<Word>, open: bool) {
        let mut at = 0;
        while at < words.len() {
            let (length, synonyms) = self.expression(&words[at..]);
            let typed = &text[words[at].start..words[at + length - 1].end];
            let expression = &words[at..at + length];
            let mut meant: Vec<Word> = expression.iter().filter(|word| !self.is_stop(&word.whole)).cloned().collect();
            if meant.is_empty() && !synonyms.is_empty() {
                meant = expression.to_vec();
            }
            let places: usize = meant.iter().map(Word::places).sum();
            if places > *left {
                asked.left_out.push(typed.to_owned());
            } else if !meant.is_empty() {
                *left -= places;
                self.identifiers(asked, &words[at..]);
                let prefix = open && at + length == words.len() && words.last() == meant.last();
                asked.clauses.push(Clause { prefix, synonyms, ..clause(typed, meant, false) });
            }
            at += length;
        }
    }

    /// The longest expression that has synonyms and begins here: its length (1 when there is none) and its synonyms.
    fn expression(&self, words: &[Word]) -> (usize, Vec<Vec<Word>>) {
        let mut longest = (1, Vec::new());
        for &(number, place) in words[0].stems.iter().flat_map(|stem| self.by_first.get(stem).into_iter().flatten()) {
            let group = &self.groups[number];
            let expression = &group[place];
            let begins = expression.len() <= words.len() && expression.iter().zip(words).all(|(one, other)| same(one, other));
            if begins && (expression.len() > longest.0 || longest.1.is_empty() && expression.len() == longest.0) {
                let others = group.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, words)| words.clone());
                longest = (expression.len(), others.collect());
            }
        }
        longest
    }

    /// The identifiers that begin with the first of `words`; none ends with a stop word.
    fn identifiers(&self, asked: &mut Asked, words: &[Word]) {
        let mut compact = String::new();
        for word in words.iter().take(WIDEST_IDENTIFIER) {
            compact.push_str(&word.whole);
            if !self.is_stop(&word.whole) && !asked.identifiers.contains(&compact) {
                asked.identifiers.push(compact.clone());
            }
        }
    }
}

fn same(one: &Word, other: &Word) -> bool {
    one.whole == other.whole || one.stems.iter().any(|stem| other.stems.contains(stem))
}

fn clause(typed: &str, words: Vec<Word>, phrase: bool) -> Clause {
    Clause { typed: typed.to_owned(), words, phrase, prefix: false, synonyms: Vec::new() }
}

struct Piece<'a> {
    text: &'a str,
    quoted: bool,
    excluded: bool,
}

/// Cuts what was typed at quotes and exclusions. A quote that does not close opens nothing.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        let begins = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        let excluded = c == '-' && begins;
        let opening = if excluded { text[next..].chars().next() } else { Some(c) };
        let inside = if excluded { next + opening.map_or(0, char::len_utf8) } else { next };
        if let Some(close) = opening.and_then(closing)
            && let Some(length) = text[inside..].find(close)
        {
            push_plain(&mut pieces, &text[plain..at]);
            pieces.push(Piece { text: &text[inside..inside + length], quoted: true, excluded });
            at = inside + length + text[inside + length..].chars().next().map_or(0, char::len_utf8);
            plain = at;
        } else if excluded && opening.is_some_and(char::is_alphanumeric) {
            push_plain(&mut pieces, &text[plain..at]);
            let end = text[next..].find(char::is_whitespace).map_or(text.len(), |length| next + length);
            pieces.push(Piece { text: &text[next..end], quoted: false, excluded });
            at = end;
            plain = at;
        } else {
            at = next;
        }
    }
    push_plain(&mut pieces, &text[plain..]);
    pieces
}

fn push_plain<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str) {
    if !text.trim().is_empty() {
        pieces.push(Piece { text, quoted: false, excluded: false });
    }
}

/// What closes a quote.
fn closing(opening: char) -> Option<char> {
    match opening {
        '"' => Some('"'),
        '«' => Some('»'),
        '“' => Some('”'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Asked {
        Lexicon::new(&Synonyms::brought().unwrap()).unwrap().read(text).unwrap()
    }

    fn clauses(text: &str) -> Vec<String> {
        let show = |clause: &Clause| {
            let words = clause.words.iter().map(|word| word.whole.as_str()).collect::<Vec<_>>().join(" ");
            match clause {
                Clause { phrase: true, .. } => format!("\"{words}\""),
                Clause { prefix: true, .. } => format!("{words}*"),
                _ => words,
            }
        };
        let asked = read(text);
        asked.clauses.iter().map(show).chain(asked.excluded.iter().map(|clause| format!("-{}", show(clause)))).collect()
    }

    #[test]
    fn words_phrases_and_exclusions_are_told_apart() {
        assert_eq!(clauses("créer un gabarit H5P"), ["creer", "gabarit", "h5p*"]);
        assert_eq!(clauses("gabarit "), ["gabarit"]);
        assert_eq!(clauses("\"fiche de recette\" mentor"), ["\"fiche de recette\"", "mentor*"]);
        assert_eq!(clauses("« note de cadrage »"), ["\"note de cadrage\""]);
        assert_eq!(clauses("gabarit -h5p"), ["gabarit", "-h5p"]);
        assert_eq!(clauses("gabarit -\"appel à projets\" fin"), ["gabarit", "fin*", "-\"appel a projets\""]);
        assert_eq!(clauses("-e-learning module"), ["module*", "-elearning"]);
        assert_eq!(clauses("sous-titres - vidéo"), ["soustitres", "video*"]);
    }

    #[test]
    fn a_quote_that_does_not_close_opens_nothing() {
        assert_eq!(clauses("\"fiche recette"), ["fiche", "recette*"]);
        assert_eq!(clauses("un \"\" gabarit\""), ["gabarit"]);
    }

    #[test]
    fn expressions_bring_their_synonyms() {
        let asked = read("formation à distance mentor");
        assert_eq!(asked.clauses[0].typed, "formation à distance");
        let synonyms: Vec<&str> = asked.clauses[0].synonyms.iter().map(|words| words[0].whole.as_str()).collect();
        assert!(synonyms.contains(&"foad"), "{synonyms:?}");
        assert_eq!(read("classes virtuelles").clauses[0].synonyms.len(), 3, "in the plural");
        assert_eq!(read("\"classe virtuelle\"").clauses[0].synonyms.len(), 0, "not in quotes");
    }

    #[test]
    fn identifiers_may_be_typed_apart() {
        for typed in ["plaquette AAP 24-25", "plaquette aap 24 25", "« AAP 24-25 »", "aap24-25"] {
            assert!(read(typed).identifiers.contains(&"aap2425".to_owned()), "{typed}");
        }
    }

    #[test]
    fn symbols_and_stop_words_leave_nothing() {
        for text in ["???", "🙂🙂", "le la les", "\"de la\"", "-", "\"", "*:*", "() [] {} ^~"] {
            assert!(read(text).is_void(), "{text}");
        }
        assert!(!read("").is_void());
        assert!(!read("  ").is_void());
    }

    #[test]
    fn words_are_left_out_from_the_last_on_then_from_the_first() {
        let asked = read("un \"deux trois\" quatre cinq six");
        let show = |asked: &Asked| {
            let typed: Vec<&str> = asked.clauses.iter().map(|clause| clause.typed.as_str()).collect();
            format!("{} / {}", typed.join(" "), asked.left_out.join(" "))
        };
        let fewer: Vec<String> = asked.fewer().iter().map(show).collect();
        assert_eq!(
            fewer,
            [
                "deux trois quatre cinq / six",
                "deux trois quatre / cinq six",
                "deux trois cinq six / quatre",
                "deux trois cinq / quatre six",
                "deux trois six / quatre cinq",
            ]
        );
        assert!(read("gabarit").fewer().is_empty());
        assert!(read("a b c d e f g h i j k").fewer().len() <= MOST_ATTEMPTS);
    }

    #[test]
    fn what_is_being_typed_may_look_like_a_stop_word() {
        let lexicon = Lexicon::new(&Synonyms::brought().unwrap()).unwrap();
        assert!(lexicon.read_unfinished("le").unwrap().clauses[0].prefix);
        assert!(lexicon.read_unfinished("le ").unwrap().clauses.is_empty());
    }

    #[test]
    fn words_are_counted_and_the_others_told() {
        let asked = read("un deux trois quatre cinq six sept huit neuf dix onze douze");
        assert_eq!(asked.clauses.len(), MOST_WORDS);
        assert_eq!(asked.left_out, ["douze"], "a stop word does not count");
        let lexicon = Lexicon::new(&Synonyms::brought().unwrap()).unwrap();
        assert!(matches!(lexicon.read(&"mot ".repeat(10_000)), Err(Error::Invalid(..))));
    }
}
