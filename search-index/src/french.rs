//! French as it is written, made into words to index and to ask for: what is folded, what is cut, what is stemmed. Which words
//! match which, and how they rank, is said elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, PoisonError, RwLock};

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest word kept, in characters; what is longer is no word that anybody types.
const LONGEST: usize = 60;

/// What stands before an apostrophe without being a word of its own.
const ELISIONS: [&str; 13] = ["l", "d", "qu", "j", "n", "s", "t", "m", "c", "jusqu", "lorsqu", "puisqu", "quoiqu"];

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::French));

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Where it stands in the text, in bytes.
    pub(crate) start: usize,
    /// Where it ends, in bytes.
    pub(crate) end: usize,
    /// Lower case, without accents; hyphens and apostrophes inside are gone (`elearning`).
    pub(crate) whole: String,
    /// What it shares with its plural and its conjugations, one to five; the first is that of its singular as it is written.
    pub(crate) stems: Vec<String>,
    /// The words that hyphens or apostrophes join, folded; none for a plain word.
    pub(crate) parts: Vec<Part>,
}

/// A part of a word with hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// As [`Word::start`].
    pub(crate) start: usize,
    /// As [`Word::end`].
    pub(crate) end: usize,
    /// As [`Word::whole`].
    pub(crate) whole: String,
    /// As [`Word::stems`].
    pub(crate) stems: Vec<String>,
}

impl Word {
    /// How many places it takes in the order of words: one for each of its parts.
    pub(crate) fn places(&self) -> usize {
        self.parts.len().max(1)
    }
}

/// The words of `text`, in order.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        if !is_letter(c) {
            continue;
        }
        let mut end = start + c.len_utf8();
        let mut joints = Vec::new();
        while let Some(&(at, c)) = rest.peek() {
            if is_letter(c) {
                end = at + c.len_utf8();
            } else if is_joint(c) && text[at + c.len_utf8()..].starts_with(is_letter) && end == at {
                joints.push((at, c));
            } else {
                break;
            }
            rest.next();
        }
        words.extend(cut(text, start, end, &joints));
    }
    words
}

/// The word between two bytes of a text, without its elisions.
fn cut(text: &str, mut start: usize, end: usize, joints: &[(usize, char)]) -> Option<Word> {
    let mut joints = joints.iter().copied().peekable();
    while let Some(&(at, c)) = joints.peek() {
        if !is_apostrophe(c) || !ELISIONS.contains(&folded(&text[start..at]).as_str()) {
            break;
        }
        start = at + c.len_utf8();
        joints.next();
    }
    let mut parts = Vec::new();
    let mut from = start;
    for (at, c) in joints {
        parts.push((from, at));
        from = at + c.len_utf8();
    }
    if parts.is_empty() {
        return word(text, start, end, Vec::new());
    }
    parts.push((from, end));
    let parts = parts
        .into_iter()
        .filter_map(|(start, end)| word(text, start, end, Vec::new()))
        .map(|Word { start, end, whole, stems, .. }| Part { start, end, whole, stems })
        .collect();
    word(text, start, end, parts)
}

fn word(text: &str, start: usize, end: usize, parts: Vec<Part>) -> Option<Word> {
    let Known { whole, stems } = known(&text[start..end])?;
    Some(Word { start, end, whole, stems, parts })
}

/// A word, read.
#[derive(Clone)]
struct Known {
    whole: String,
    stems: Vec<String>,
}

/// What words were read as, the last time: to read one takes 5 µs, nearly all in the stemmer, and most words of a text are among the
/// few thousand that people use.
static KNOWN: LazyLock<RwLock<HashMap<String, Known>>> = LazyLock::new(RwLock::default);

/// How many words are kept: about 10 MB. When there are more, all are forgotten, the frequent ones for a moment.
const MOST_KNOWN: usize = 50_000;

fn known(written: &str) -> Option<Known> {
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(written) {
        return Some(known.clone());
    }
    let read = read(written)?;
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(written.to_owned(), read.clone());
    Some(read)
}

/// A word as it is written, folded and stemmed; none when it is longer than people type.
fn read(written: &str) -> Option<Known> {
    let letters = written.chars().filter(|c| !is_joint(*c));
    let lower: String = letters.flat_map(char::to_lowercase).nfc().take(LONGEST + 1).collect();
    let whole = folded(&lower);
    if whole.is_empty() || lower.chars().nth(LONGEST).is_some() {
        return None;
    }
    let stems = stems(&lower, &whole);
    Some(Known { whole, stems })
}

/// A letter or a digit of any script, or a mark that goes with one.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

fn is_joint(c: char) -> bool {
    is_apostrophe(c) || matches!(c, '-' | '\u{2010}' | '\u{2011}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '\u{02BC}')
}

/// Lower case, without accents nor ligatures.
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'œ' => out.push_str("oe"),
            'æ' => out.push_str("ae"),
            'ß' => out.push_str("ss"),
            _ => out.push(c),
        }
    }
    out
}

/// What a word shares with its other forms, the stem of its singular first. The stemmer needs the accents ("accessibilité" loses
/// "ité"), but people leave them out when they type: so both are stemmed. It takes "gabarit" for a verb, but not "gabarits", and leaves
/// "utilisent" as it is: so the words without the marks of these plurals are stemmed too.
fn stems(lower: &str, folded_word: &str) -> Vec<String> {
    let mut forms: Vec<&str> = Vec::new();
    for form in [singular(lower), lower, singular(folded_word), folded_word].into_iter().chain(verb(lower)) {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    let mut stems: Vec<String> = Vec::new();
    for form in forms {
        let stem = STEMMER.stem(form);
        let stem = if stem.is_ascii() { stem.into_owned() } else { folded(&stem) };
        if !stems.contains(&stem) {
            stems.push(stem);
        }
    }
    stems
}

/// "utilise" of "utilisent"; none of "document" and "rapidement".
fn verb(word: &str) -> Option<&str> {
    if word.chars().count() > 5 && !word.ends_with("ment") && word.ends_with("ent") { word.strip_suffix("nt") } else { None }
}

fn singular(word: &str) -> &str {
    if word.chars().count() > 3 { word.strip_suffix(['s', 'x']).unwrap_or(word) } else { word }
}

/// An identifier as it is compared: letters and digits only ("AAP 24-25", "aap24-25" and "AAP 2425" are one).
pub(crate) fn compact(text: &str) -> String {
    folded(text).chars().filter(|c| c.is_alphanumeric()).take(LONGEST).collect()
}

/// A text as runs of letters and digits, folded, one space between. Elisions and the parts of a word with hyphens stand alone: so
/// Meilisearch reads them, and counts the places of a phrase.
pub(crate) fn spoken(text: &str) -> String {
    let folded = folded(text);
    folded.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The acronyms that a title names: words of 2 to 8 capitals and digits, with a capital. None when the title shouts.
pub(crate) fn acronyms(title: &str) -> Vec<String> {
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = title.chars().filter(|c| c.is_uppercase()).count();
    if capitals * 2 > letters && letters > 12 {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    for word in words(title).iter().filter(|word| word.parts.is_empty()) {
        let text = &title[word.start..word.end];
        let shape = text.chars().all(|c| c.is_uppercase() || c.is_ascii_digit());
        if shape && (2..=8).contains(&text.chars().count()) && text.chars().any(char::is_uppercase) {
            found.insert(text.to_owned());
        }
    }
    found.into_iter().collect()
}

/// How many letters may differ: one from 5 letters on, two from 9, none in what has a digit.
pub(crate) fn typos(word: &str) -> u8 {
    if word.chars().any(|c| c.is_numeric()) {
        return 0;
    }
    match word.chars().count() {
        0..=4 => 0,
        5..=8 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wholes(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.whole).collect()
    }

    fn share_a_stem(one: &str, other: &str) -> bool {
        let stems = words(one).remove(0).stems;
        words(other).remove(0).stems.iter().any(|stem| stems.contains(stem))
    }

    #[test]
    fn accents_case_and_ligatures_are_folded() {
        assert_eq!(wholes("Évaluer l’Œuvre, ÇA ! Ex æquo"), ["evaluer", "oeuvre", "ca", "ex", "aequo"]);
        assert_eq!(wholes("e\u{301}valuer"), ["evaluer"], "a combining accent");
    }

    #[test]
    fn elisions_are_cut_with_either_apostrophe() {
        for (written, found) in [
            ("l'équipe", "equipe"),
            ("l’équipe", "equipe"),
            ("D'H5P", "h5p"),
            ("qu'on", "on"),
            ("jusqu’ici", "ici"),
            ("lorsqu'elle", "elle"),
            ("puisqu'il", "il"),
            ("quoiqu'un", "un"),
            ("n'y", "y"),
            ("qu’l’autre", "autre"),
        ] {
            assert_eq!(wholes(written), [found], "{written}");
        }
    }

    #[test]
    fn an_apostrophe_or_a_hyphen_inside_joins_parts() {
        let word = words("l'e-learning").remove(0);
        assert_eq!(word.whole, "elearning");
        assert_eq!(word.parts.iter().map(|part| part.whole.as_str()).collect::<Vec<_>>(), ["e", "learning"]);
        let word = words("aujourd’hui").remove(0);
        assert_eq!((word.whole.as_str(), word.parts.len()), ("aujourdhui", 2));
        assert_eq!(wholes("24-25 – fin -  - a-"), ["2425", "fin", "a"]);
        assert_eq!(wholes("a--b"), ["a", "b"]);
    }

    #[test]
    fn a_word_says_where_it_stands() {
        let text = "« L’été à Évry »";
        let places: Vec<&str> = words(text).iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(places, ["été", "à", "Évry"]);
    }

    #[test]
    fn plurals_and_conjugations_share_a_stem() {
        for (one, other) in [
            ("gabarit", "gabarits"),
            ("entraînements", "entrainement"),
            ("utiliser", "utilisent"),
            ("créer", "créent"),
            ("formation", "formations"),
            ("accessibilité", "accessibilite"),
            ("compétences", "competence"),
            ("évaluée", "evaluer"),
            ("parcours", "parcours"),
        ] {
            assert!(share_a_stem(one, other), "{one} {other} {:?} {:?}", words(one), words(other));
        }
        assert!(!share_a_stem("session", "gabarit"));
    }

    #[test]
    fn identifiers_are_compared_without_what_separates() {
        assert_eq!(compact("AAP 24-25"), "aap2425");
        assert_eq!(compact("Achat_Fondamentaux"), "achatfondamentaux");
        assert_eq!(compact("?!"), "");
    }

    #[test]
    fn acronyms_are_those_of_titles_that_do_not_shout() {
        assert_eq!(acronyms("Règlement de l’AAP 24-25 avec H5P"), ["AAP", "H5P"]);
        assert_eq!(acronyms("URGENT IMPOSSIBLE DE SE CONNECTER"), Vec::<String>::new());
        assert_eq!(acronyms("La note A"), Vec::<String>::new());
    }

    #[test]
    fn other_scripts_and_symbols_do_no_harm() {
        assert_eq!(wholes("مرحبا بالعالم").len(), 2);
        assert_eq!(wholes("🙂 🇫🇷 ??? --- ''"), Vec::<String>::new());
        assert_eq!(wholes(&"a".repeat(5_000)), Vec::<String>::new());
        assert_eq!(wholes("l'").len(), 1);
    }

    #[test]
    fn typos_go_by_length() {
        assert_eq!(["mail", "forum", "gabarits", "formation", "aap2425x"].map(typos), [0, 1, 1, 2, 0]);
    }
}
