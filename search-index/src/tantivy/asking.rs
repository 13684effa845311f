//! What was asked, as a query of the embedded index, and with it how hits rank: by points for how a word was found, and between
//! equals by how rare it is.

use std::collections::HashMap;

use ::tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, DfaWrapper, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery,
};
use ::tantivy::schema::{Field, IndexRecordOption};
use ::tantivy::{Searcher, Term};

use super::any_of::AnyOf;
use super::points::Points;
use super::schema::Fields;
use crate::french::{self, Word};
use crate::typed::{Asked, Clause, Lexicon};

/// An identifier or an acronym, whole.
const IDENTIFIER: f32 = 20_000.0;
/// A phrase in quotes.
const PHRASE: [f32; 2] = [1_300.0, 400.0];
/// By its stem, in the title and in the text.
const STEM: [f32; 2] = [1_000.0, 300.0];
/// On top of the stem, when it is the very word.
const WORD: [f32; 2] = [250.0, 100.0];
/// By an expression of the same meaning.
const SYNONYM: [f32; 2] = [900.0, 250.0];
/// As the beginning of a word.
const PREFIX: [f32; 2] = [400.0, 130.0];
/// With letters that differ.
const TYPO: [f32; 2] = [150.0, 50.0];
/// On top, when the words stand near each other in this order.
const NEAR: [f32; 2] = [600.0, 150.0];
/// How far from each other: stop words may stand between.
const NEAR_SLOP: u32 = 2;

/// How many words a beginning or a misspelt word may stand for, the most frequent first: what bounds the work.
const MOST_PREFIXED: usize = 100;
const MOST_MISSPELT: usize = 50;

/// In how many entries a word, or what it begins, stands for nobody to miss what is misspelt: more than a list goes on for, whose end that
/// would be. To look for it there takes longer than all else.
const PLENTY: u64 = 10_000;

/// Which fields are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Everywhere,
    Titles,
}

/// Makes queries for one searcher.
pub(super) struct Asking<'a> {
    pub(super) searcher: &'a Searcher,
    pub(super) fields: &'a Fields,
    pub(super) lexicon: &'a Lexicon,
    pub(super) place: Where,
}

impl Asking<'_> {
    pub(super) fn query(&self, asked: &Asked) -> ::tantivy::Result<Box<dyn Query>> {
        if asked.clauses.is_empty() {
            return Ok(Box::new(AllQuery));
        }
        let mut clauses = Vec::new();
        for clause in &asked.clauses {
            clauses.push((Occur::Must, self.clause(clause)?));
        }
        for clause in &asked.excluded {
            clauses.push((Occur::MustNot, self.excluded(clause)));
        }
        for identifier in asked.identifiers.iter().filter(|identifier| !identifier.is_empty()) {
            clauses.push((Occur::Should, constant(term(self.fields.exact, identifier), IDENTIFIER)));
        }
        clauses.extend(self.nearness(asked).into_iter().map(|query| (Occur::Should, query)));
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    /// The fields of titles and of texts, each with its points.
    fn stems(&self) -> impl Iterator<Item = (Field, usize)> {
        let fields = [(self.fields.title_stems, 0), (self.fields.body_stems, 1)];
        fields.into_iter().take(if self.place == Where::Titles { 1 } else { 2 })
    }

    fn words(&self) -> impl Iterator<Item = (Field, usize)> {
        let fields = [(self.fields.title_words, 0), (self.fields.body_words, 1)];
        fields.into_iter().take(if self.place == Where::Titles { 1 } else { 2 })
    }

    fn clause(&self, clause: &Clause) -> ::tantivy::Result<Box<dyn Query>> {
        if clause.phrase {
            return Ok(any(self.words().map(|(field, at)| constant(phrase(field, &clause.words), PHRASE[at])).collect()));
        }
        let mut all = Vec::new();
        for (number, word) in clause.words.iter().enumerate() {
            all.push(self.word(word, clause.prefix && number + 1 == clause.words.len())?);
        }
        let literal = if all.len() == 1 { all.remove(0) } else { Box::new(BooleanQuery::intersection(all)) };
        let mut ways = vec![literal];
        for synonym in &clause.synonyms {
            if synonym.iter().all(|word| self.lexicon.is_stop(&word.whole)) {
                ways.extend(self.words().map(|(field, at)| constant(phrase(field, synonym), SYNONYM[at])));
            } else {
                ways.extend(self.stems().map(|(field, at)| constant(self.stem_phrase(field, synonym, 0), SYNONYM[at])));
            }
        }
        Ok(any(ways))
    }

    fn word(&self, word: &Word, prefix: bool) -> ::tantivy::Result<Box<dyn Query>> {
        // An identifier is a word of the title, also when it is typed without what separates its parts.
        let mut ways = vec![constant(term(self.fields.exact, &word.whole), STEM[0])];
        for (field, at) in self.stems() {
            for stem in &word.stems {
                ways.push(Points::boxed(scored(field, stem), STEM[at]));
            }
            if !word.parts.is_empty() {
                ways.push(constant(self.stem_phrase(field, std::slice::from_ref(word), 0), STEM[at]));
            }
        }
        let mut found = 0;
        for (field, at) in self.words() {
            ways.push(constant(term(field, &word.whole), WORD[at]));
            found += self.searcher.doc_freq(&Term::from_field_text(field, &word.whole))?;
        }
        if prefix {
            let beginning = self.automaton(&word.whole, 0, true)?;
            // In texts, one or two letters begin most of what was ever written.
            for (field, at) in self.words().filter(|(_, at)| *at == 0 || word.whole.chars().count() > 2) {
                found += self.like((field, PREFIX[at]), &word.whole, &beginning, MOST_PREFIXED, &mut ways)?;
            }
        }
        let typos = french::typos(&word.whole);
        if typos > 0 && found < PLENTY {
            let misspelt = self.automaton(&word.whole, typos, prefix)?;
            for (field, at) in self.words() {
                self.like((field, TYPO[at]), &word.whole, &misspelt, MOST_MISSPELT, &mut ways)?;
            }
        }
        Ok(any(ways))
    }

    /// What recognises the words that are like this one. To make it takes longer than to use it.
    fn automaton(&self, word: &str, typos: u8, prefix: bool) -> ::tantivy::Result<DfaWrapper> {
        let wanted = Term::from_field_text(self.fields.title_words, word);
        let fuzzy = if prefix { FuzzyTermQuery::new_prefix } else { FuzzyTermQuery::new };
        fuzzy(wanted, typos, true).automaton()
    }

    /// Adds a way for the words of a field that are like this one, their first letter the same, when there are any. In how many entries
    /// they stand, one that has several counted several times.
    fn like(
        &self,
        (field, points): (Field, f32),
        word: &str,
        like: &DfaWrapper,
        most: usize,
        ways: &mut Vec<Box<dyn Query>>,
    ) -> ::tantivy::Result<u64> {
        let first: String = word.chars().take(1).collect();
        let mut found: HashMap<Vec<u8>, u64> = HashMap::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut words = index.terms().search(like).ge(&first).into_stream()?;
            while words.advance() {
                if !words.key().starts_with(first.as_bytes()) {
                    break;
                }
                let documents = u64::from(words.value().doc_freq);
                match found.get_mut(words.key()) {
                    Some(count) => *count += documents,
                    None => {
                        found.insert(words.key().to_vec(), documents);
                    }
                }
            }
        }
        let mut found: Vec<(Vec<u8>, u64)> = found.into_iter().collect();
        found.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        found.truncate(most);
        let all = found.iter().map(|(_, documents)| documents).sum();
        let words: Vec<Vec<u8>> = found.into_iter().map(|(word, _)| word).collect();
        if !words.is_empty() {
            ways.push(Box::new(AnyOf { field, words, points }));
        }
        Ok(all)
    }

    /// Exactly this word or this phrase, wherever it stands.
    fn excluded(&self, clause: &Clause) -> Box<dyn Query> {
        let mut ways: Vec<Box<dyn Query>> = self.words().map(|(field, _)| phrase(field, &clause.words)).collect();
        if let [word] = clause.words.as_slice() {
            ways.push(term(self.fields.exact, &word.whole));
            ways.extend(self.words().map(|(field, _)| term(field, &word.whole)));
        }
        any(ways)
    }

    /// Words that share the stems of these, at the same distance from each other; stop words have a place and no stem. Of several stems
    /// the first is taken, since what is compared so was written with care.
    fn stem_phrase(&self, field: Field, words: &[Word], slop: u32) -> Box<dyn Query> {
        let mut terms = Vec::new();
        let mut place = 0;
        let mut add = |whole: &str, stems: &[String]| {
            if let Some(stem) = stems.first().filter(|_| !self.lexicon.is_stop(whole)) {
                terms.push((place, Term::from_field_text(field, stem)));
            }
            place += 1;
        };
        for word in words {
            if word.parts.is_empty() {
                add(&word.whole, &word.stems);
            }
            word.parts.iter().for_each(|part| add(&part.whole, &part.stems));
        }
        sequence(terms, slop)
    }

    fn nearness(&self, asked: &Asked) -> Vec<Box<dyn Query>> {
        let words: Vec<Word> =
            asked.clauses.iter().filter(|clause| !clause.phrase).flat_map(|clause| clause.words.clone()).collect();
        if words.len() < 2 {
            return Vec::new();
        }
        self.stems().map(|(field, at)| constant(self.stem_phrase(field, &words, NEAR_SLOP), NEAR[at])).collect()
    }
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

fn scored(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}

fn constant(query: Box<dyn Query>, points: f32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, points))
}

fn any(mut ways: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    if ways.len() == 1 { ways.remove(0) } else { Box::new(BooleanQuery::union(ways)) }
}

/// These words, one after the other.
fn phrase(field: Field, words: &[Word]) -> Box<dyn Query> {
    let mut terms = Vec::new();
    for word in words {
        if word.parts.is_empty() {
            terms.push((terms.len(), Term::from_field_text(field, &word.whole)));
        }
        for part in &word.parts {
            terms.push((terms.len(), Term::from_field_text(field, &part.whole)));
        }
    }
    sequence(terms, 0)
}

fn sequence(mut terms: Vec<(usize, Term)>, slop: u32) -> Box<dyn Query> {
    match terms.len() {
        0 => Box::new(EmptyQuery),
        1 => Box::new(TermQuery::new(terms.remove(0).1, IndexRecordOption::Basic)),
        _ => Box::new(PhraseQuery::new_with_offset_and_slop(terms, slop)),
    }
}
