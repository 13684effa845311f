//! A query whose hits score so many points more than another one would give them: what makes an exact word come before a stemmed
//! one, however rare either is.

use ::tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use ::tantivy::{DocId, DocSet, Score, SegmentReader, Term};

/// A query with points on top.
#[derive(Debug)]
pub(super) struct Points {
    query: Box<dyn Query>,
    points: Score,
}

impl Points {
    pub(super) fn boxed(query: Box<dyn Query>, points: Score) -> Box<dyn Query> {
        Box::new(Self { query, points })
    }
}

impl Clone for Points {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), points: self.points }
    }
}

impl Query for Points {
    fn weight(&self, scoring: EnableScoring<'_>) -> ::tantivy::Result<Box<dyn Weight>> {
        let scored = scoring.is_scoring_enabled();
        let weight = self.query.weight(scoring)?;
        Ok(if scored { Box::new(PointsWeight { weight, points: self.points }) } else { weight })
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.query.query_terms(visitor);
    }
}

struct PointsWeight {
    weight: Box<dyn Weight>,
    points: Score,
}

impl Weight for PointsWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> ::tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(PointsScorer { scorer: self.weight.scorer(reader, boost)?, points: self.points * boost }))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> ::tantivy::Result<Explanation> {
        self.weight.explain(reader, doc)
    }
}

struct PointsScorer {
    scorer: Box<dyn Scorer>,
    points: Score,
}

impl DocSet for PointsScorer {
    fn advance(&mut self) -> DocId {
        self.scorer.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.scorer.seek(target)
    }

    fn doc(&self) -> DocId {
        self.scorer.doc()
    }

    fn size_hint(&self) -> u32 {
        self.scorer.size_hint()
    }

    fn cost(&self) -> u64 {
        self.scorer.cost()
    }
}

impl Scorer for PointsScorer {
    fn score(&mut self) -> Score {
        self.points + self.scorer.score()
    }
}
