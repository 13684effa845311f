//! A query for any of some words, each hit worth the same. tantivy's own set of terms builds a dictionary of them each time, which
//! takes longer than the search.

use ::tantivy::query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use ::tantivy::schema::{Field, IndexRecordOption};
use ::tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TantivyError};

/// Any of these words.
#[derive(Clone, Debug)]
pub(super) struct AnyOf {
    pub(super) field: Field,
    /// As they stand in the dictionary.
    pub(super) words: Vec<Vec<u8>>,
    pub(super) points: Score,
}

impl Query for AnyOf {
    fn weight(&self, _: EnableScoring<'_>) -> ::tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for AnyOf {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> ::tantivy::Result<Box<dyn Scorer>> {
        let index = reader.inverted_index(self.field)?;
        let mut found = BitSet::with_max_value(reader.max_doc());
        let mut none = true;
        for word in &self.words {
            let Some(word) = index.terms().get(word)? else { continue };
            none = false;
            let mut documents = index.read_block_postings_from_terminfo(&word, IndexRecordOption::Basic)?;
            while !documents.docs().is_empty() {
                for document in documents.docs() {
                    found.insert(*document);
                }
                documents.advance();
            }
        }
        if none {
            return Ok(Box::new(EmptyScorer));
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), self.points * boost)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> ::tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("any of some words", scorer.score()))
    }
}
