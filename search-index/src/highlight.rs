//! What of a title and a text was found, as ranges and as safe markup. One highlighter for both engines, since each would mark
//! something else, and neither knows French as `french.rs` reads it.

use std::collections::HashSet;

use crate::french::{self, Word};
use crate::typed::{Asked, Clause};

/// How long an excerpt is at most, in characters, without its ellipses.
const LONGEST_EXCERPT: usize = 240;
/// How much of an excerpt stands before the first word found, in characters.
const BEFORE: usize = 40;
/// How many clauses are told apart; identifiers are the last.
const CLAUSES: usize = 32;
/// How much of a text is looked at, in bytes: the work is bounded, however long a document is.
const LOOKED_AT: usize = 20_000;

/// A text, and what of it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Highlighted {
    /// Plain text.
    pub text: String,
    /// What was found, in order, apart from each other.
    pub ranges: Vec<Range>,
}

/// A piece of a text, in characters (Unicode scalar values), from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// How many characters stand before.
    pub start: usize,
    /// How many it has.
    pub length: usize,
}

impl Highlighted {
    /// As HTML: everything escaped, what was found between `<mark>` and `</mark>`, no other element.
    #[must_use]
    pub fn markup(&self) -> String {
        let mut out = String::with_capacity(self.text.len() + 16);
        let mut ranges = self.ranges.iter().peekable();
        for (place, c) in self.text.chars().enumerate() {
            if ranges.peek().is_some_and(|range| range.start == place) {
                out.push_str("<mark>");
            }
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                _ => out.push(c),
            }
            if ranges.next_if(|range| range.start + range.length == place + 1).is_some() {
                out.push_str("</mark>");
            }
        }
        out
    }
}

/// A whole text, such as a title.
pub(crate) fn whole(text: &str, asked: &Asked) -> Highlighted {
    let found = found(text, asked);
    Highlighted { ranges: in_characters(text, 0, &found), text: text.to_owned() }
}

/// The part of a text where most of what was asked stands together; its beginning when nothing does.
pub(crate) fn excerpt(body: &str, asked: &Asked) -> Highlighted {
    let end = (0..=LOOKED_AT.min(body.len())).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
    let text = body[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    let found = found(&text, asked);
    let (start, end) = window(&text, &found);
    let inside: Vec<Found> = found.into_iter().filter(|found| found.start >= start && found.end <= end).collect();
    let cut_before = start > 0;
    let cut_after = end < text.len() || body.len() > LOOKED_AT;
    let mut ranges = in_characters(&text, start, &inside);
    if cut_before {
        ranges.iter_mut().for_each(|range| range.start += 1);
    }
    let text = format!("{}{}{}", if cut_before { "…" } else { "" }, &text[start..end], if cut_after { "…" } else { "" });
    Highlighted { text, ranges }
}

#[derive(Clone, Copy, Debug)]
struct Found {
    start: usize,
    end: usize,
    clause: usize,
}

/// Bytes to characters, from `start` on; what touches or overlaps is joined.
fn in_characters(text: &str, start: usize, found: &[Found]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let (mut at, mut characters, mut covered) = (start, 0, start);
    for found in found.iter().filter(|found| found.end > start) {
        let from = found.start.max(covered);
        if from >= found.end {
            continue;
        }
        characters += text[at..from].chars().count();
        let length = text[from..found.end].chars().count();
        match ranges.last_mut() {
            Some(last) if last.start + last.length == characters => last.length += length,
            _ => ranges.push(Range { start: characters, length }),
        }
        characters += length;
        at = found.end;
        covered = found.end;
    }
    ranges
}

/// Where the excerpt begins and ends, in bytes.
fn window(text: &str, found: &[Found]) -> (usize, usize) {
    let mut best = (0, 0, 0);
    // What stands near the first of each: it begins and ends further on from one to the next.
    let (mut end, mut counts) = (0, [0_usize; CLAUSES]);
    for (number, first) in found.iter().enumerate() {
        let limit = first.start + LONGEST_EXCERPT - BEFORE;
        end = end.max(number);
        while let Some(next) = found.get(end).filter(|next| next.end <= limit) {
            counts[next.clause.min(CLAUSES - 1)] += 1;
            end += 1;
        }
        let clauses = counts.iter().filter(|count| **count > 0).count();
        if (clauses, end - number) > (best.0, best.1) {
            best = (clauses, end - number, first.start);
        }
        if end > number {
            counts[first.clause.min(CLAUSES - 1)] -= 1;
        }
    }
    let start = back(text, best.2, BEFORE);
    let end = text[start..].char_indices().nth(LONGEST_EXCERPT).map_or(text.len(), |(length, _)| start + length);
    let end = if end == text.len() { end } else { text[start..end].rfind(' ').map_or(end, |length| start + length) };
    (start, end.max(start))
}

/// The beginning of a word, at most `most` characters before.
fn back(text: &str, at: usize, most: usize) -> usize {
    let Some((start, _)) = text[..at].char_indices().rev().nth(most) else { return 0 };
    text[start..at].find(' ').map_or(at, |length| start + length + 1)
}

/// Everything that was asked for and stands in the text, in order.
fn found(text: &str, asked: &Asked) -> Vec<Found> {
    if asked.clauses.is_empty() {
        return Vec::new();
    }
    let atoms = atoms(text);
    let mut found = Vec::new();
    for (number, clause) in asked.clauses.iter().enumerate() {
        // What was typed twice is looked for once.
        if asked.clauses[..number].iter().any(|before| before.is_like(clause)) {
            continue;
        }
        for place in 0..atoms.len() {
            if let Some(end) = at(&atoms, place, clause) {
                found.push(Found { start: atoms[place].start, end, clause: number });
            }
        }
    }
    let starts: HashSet<usize> = found.iter().map(|word| word.start).collect();
    let ends: HashSet<usize> = found.iter().map(|word| word.end).collect();
    for identifier in &asked.identifiers {
        for place in 0..atoms.len() {
            let start = atoms[place].start;
            // Words that were typed apart and stand apart are no identifier, even where they would spell one.
            let apart = |end: usize| starts.contains(&start) && ends.contains(&end);
            if let Some(end) = spelled(&atoms[place..], identifier).filter(|end| !apart(*end)) {
                found.push(Found { start, end, clause: CLAUSES - 1 });
            }
        }
    }
    found.sort_by_key(|found| (found.start, std::cmp::Reverse(found.end)));
    found
}

/// A word without hyphens, or one of the parts of one with, or such a word whole.
struct Atom {
    start: usize,
    end: usize,
    whole: String,
    stems: Vec<String>,
    /// How many atoms further the next word is.
    next: usize,
}

fn atoms(text: &str) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for Word { start, end, whole, stems, parts } in french::words(text) {
        if !parts.is_empty() {
            atoms.push(Atom { start, end, whole, stems, next: parts.len() + 1 });
            for part in parts {
                atoms.push(Atom { start: part.start, end: part.end, whole: part.whole, stems: part.stems, next: 1 });
            }
        } else {
            atoms.push(Atom { start, end, whole, stems, next: 1 });
        }
    }
    atoms
}

/// Where what a clause asks for ends, when it begins at an atom.
fn at(atoms: &[Atom], place: usize, clause: &Clause) -> Option<usize> {
    if clause.phrase {
        return sequence(atoms, place, &clause.words, |word, atom| word.whole == atom.whole);
    }
    let last = clause.words.len() - 1;
    let alone = clause.words.iter().enumerate().any(|(number, word)| {
        let prefix = clause.prefix && number == last;
        matches(&word.whole, &word.stems, prefix, &atoms[place])
    });
    if alone {
        return Some(atoms[place].end);
    }
    let mut sequences = clause.words.iter().filter(|word| !word.parts.is_empty()).map(std::slice::from_ref);
    let mut synonyms = clause.synonyms.iter().map(Vec::as_slice);
    sequences
        .find_map(|words| sequence(atoms, place, words, share))
        .or_else(|| synonyms.find_map(|words| sequence(atoms, place, words, share)))
}

fn share(word: &Word, atom: &Atom) -> bool {
    word.whole == atom.whole || word.stems.iter().any(|stem| atom.stems.contains(stem))
}

/// Where a sequence of words ends, when it begins at an atom. A word with hyphens is itself, or its parts one after the other.
fn sequence(atoms: &[Atom], mut place: usize, words: &[Word], same: impl Fn(&Word, &Atom) -> bool) -> Option<usize> {
    let mut end = None;
    for word in words {
        let atom = atoms.get(place)?;
        if same(word, atom) {
            end = Some(atom.end);
            place += atom.next;
            continue;
        }
        if word.parts.is_empty() {
            return None;
        }
        for part in &word.parts {
            let atom = atoms.get(place)?;
            if part.whole != atom.whole && !part.stems.iter().any(|stem| atom.stems.contains(stem)) {
                return None;
            }
            end = Some(atom.end);
            place += atom.next;
        }
    }
    end
}

/// Where an identifier ends that is spelled by whole words from here on.
fn spelled(atoms: &[Atom], identifier: &str) -> Option<usize> {
    let mut rest = identifier;
    let mut place = 0;
    loop {
        let atom = atoms.get(place)?;
        rest = rest.strip_prefix(atom.whole.as_str())?;
        if rest.is_empty() {
            return Some(atom.end);
        }
        place += atom.next;
    }
}

fn matches(word: &str, stems: &[String], prefix: bool, atom: &Atom) -> bool {
    word == atom.whole
        || stems.iter().any(|stem| atom.stems.contains(stem))
        || prefix && atom.whole.starts_with(word)
        || near(word, &atom.whole, french::typos(word), prefix)
}

/// Whether two words differ by at most so many letters (one more, one less, another, two exchanged); the first letter is the same.
/// With `prefix`, `other` may go on.
pub(crate) fn near(word: &str, other: &str, typos: u8, prefix: bool) -> bool {
    let most = usize::from(typos);
    if most == 0 || word.chars().next() != other.chars().next() {
        return false;
    }
    let word: Vec<char> = word.chars().collect();
    let other: Vec<char> = other.chars().take(word.len() + most + usize::from(!prefix)).collect();
    if word.len() > other.len() + most || !prefix && other.len() > word.len() + most {
        return false;
    }
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=word.len()).collect();
    let mut best = above[word.len()];
    for (row, &there) in other.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, &here) in word.iter().enumerate() {
            let mut cost = (above[column] + usize::from(here != there)).min(above[column + 1] + 1).min(line[column] + 1);
            if row > 0 && column > 0 && here == other[row - 1] && there == word[column - 1] {
                let exchanged: &Vec<usize> = &before;
                cost = cost.min(exchanged[column - 1] + 1);
            }
            line.push(cost);
        }
        before = std::mem::replace(&mut above, line);
        best = best.min(above[word.len()]);
    }
    (if prefix { best } else { above[word.len()] }) <= most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Synonyms;
    use crate::typed::Lexicon;

    fn asked(text: &str) -> Asked {
        Lexicon::new(&Synonyms::brought().unwrap()).unwrap().read(text).unwrap()
    }

    fn marked(text: &str, typed: &str) -> String {
        whole(text, &asked(typed)).markup()
    }

    #[test]
    fn what_was_found_is_marked() {
        for (text, typed, expected) in [
            ("Créer des gabarits", "gabarit ", "Créer des <mark>gabarits</mark>"),
            ("L’équipe de l'été", "équipe été ", "L’<mark>équipe</mark> de l&#39;<mark>été</mark>"),
            ("Un gabarit H5P", "gabari h5p", "Un <mark>gabarit</mark> <mark>H5P</mark>"),
            ("Concevoir", "conce", "<mark>Concevoir</mark>"),
            ("Les œuvres", "oeuvre ", "Les <mark>œuvres</mark>"),
            ("Le e-learning ici", "elearning ", "Le <mark>e-learning</mark> ici"),
            ("Du e-learning", "learning ", "Du e-<mark>learning</mark>"),
            ("Des classes virtuelles", "visio ", "Des <mark>classes virtuelles</mark>"),
            ("Plaquette AAP 24-25", "aap2425", "Plaquette <mark>AAP 24-25</mark>"),
            ("fiche de recette, fiche", "\"fiche de recette\"", "<mark>fiche de recette</mark>, fiche"),
            ("gabarit", "-gabarit", "gabarit"),
        ] {
            assert_eq!(marked(text, typed), expected, "{typed}");
        }
    }

    #[test]
    fn markup_holds_no_element_but_marks() {
        assert_eq!(
            marked("<script>alert(\"h5p\")</script> & 'x'", "h5p "),
            "&lt;script&gt;alert(&quot;<mark>h5p</mark>&quot;)&lt;/script&gt; &amp; &#39;x&#39;"
        );
    }

    #[test]
    fn ranges_count_characters() {
        let found = whole("🙂 été : gabarit", &asked("gabarit "));
        assert_eq!(found.ranges, [Range { start: 8, length: 7 }]);
    }

    #[test]
    fn an_excerpt_is_where_most_words_stand_together() {
        let body =
            format!("{} gabarit {} le gabarit\n\n  H5P du module {}", "mot ".repeat(200), "mot ".repeat(200), "fin ".repeat(200));
        let found = excerpt(&body, &asked("gabarit h5p "));
        assert!(found.text.starts_with('…') && found.text.ends_with('…'), "{}", found.text);
        assert!(found.text.contains("le gabarit H5P du module"), "{}", found.text);
        assert!(found.text.chars().count() <= LONGEST_EXCERPT + 2);
        let marked: Vec<String> =
            found.ranges.iter().map(|range| found.text.chars().skip(range.start).take(range.length).collect()).collect();
        assert_eq!(marked, ["gabarit", "H5P"]);
    }

    #[test]
    fn an_excerpt_without_words_found_is_the_beginning() {
        assert_eq!(excerpt("Bonjour à tous", &asked("gabarit ")).text, "Bonjour à tous");
        assert_eq!(excerpt("", &asked("gabarit ")), Highlighted::default());
        let long = excerpt(&"é".repeat(30_001), &asked("x"));
        assert_eq!(long.text.chars().count(), LONGEST_EXCERPT + 1);
    }

    #[test]
    fn typos_are_one_or_two_letters_but_never_the_first() {
        assert!(near("gabari", "gabarit", 1, false));
        assert!(near("gabrait", "gabarit", 1, false), "exchanged");
        assert!(near("gabari", "gabarits", 1, true));
        assert!(!near("gabari", "gabarits", 1, false));
        assert!(!near("jabarit", "gabarit", 1, false));
        assert!(near("scenarsation", "scenarisations", 2, false));
        assert!(!near("formation", "information", 2, false));
        assert!(!near("mail", "mais", 0, false));
    }
}
