//! One pass over what a query matches: what the viewer may see and the filters let pass, the best entry of each group, and counts of
//! groups. A set of group numbers is a bit each, so that exact counts of a million groups take 125 KB.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ::tantivy::columnar::{Cardinality, Column, StrColumn};
use ::tantivy::query::{EnableScoring, Query};
use ::tantivy::{DocAddress, DocId, Searcher, SegmentReader};

use super::schema::columns;
use crate::answers::FacetCounts;
use crate::query::{Facet, Filters, Held, Sight, Sort};

/// What is collected.
pub(super) struct Wanted<'a> {
    pub(super) sight: &'a Sight,
    pub(super) filters: &'a Filters,
    pub(super) sort: Sort,
    /// How many groups are ranked.
    pub(super) most: usize,
    pub(super) facets: &'a [Facet],
    /// A group that is left out.
    pub(super) without: Option<u64>,
}

/// What was collected.
pub(super) struct Collected {
    /// The best entry of each group, the best first.
    pub(super) best: Vec<DocAddress>,
    /// How many groups there are in all.
    pub(super) total: u64,
    pub(super) facets: Vec<FacetCounts>,
}

pub(super) fn collect(searcher: &Searcher, query: &dyn Query, wanted: &Wanted<'_>) -> ::tantivy::Result<Collected> {
    let scored = wanted.sort == Sort::Relevance;
    let scoring =
        if scored { EnableScoring::enabled_from_searcher(searcher) } else { EnableScoring::disabled_from_searcher(searcher) };
    let weight = query.weight(scoring)?;
    let mut groups = Groups::default();
    let mut best = Best { most: wanted.most, ranked: Vec::new(), least: None };
    let mut tallies: Vec<Tally> = wanted.facets.iter().map(|facet| Tally::new(*facet)).collect();
    for (number, segment) in searcher.segment_readers().iter().enumerate() {
        let number = u32::try_from(number).map_err(|cause| ::tantivy::TantivyError::InternalError(cause.to_string()))?;
        let mut pass = Pass::new(segment, wanted, &mut tallies)?;
        let mut take = |doc: DocId, score: f32| {
            if !segment.is_deleted(doc) {
                pass.take(&mut groups, &mut best, DocAddress::new(number, doc), score);
            }
        };
        if scored {
            weight.for_each(segment, &mut take)?;
        } else {
            weight.for_each_no_score(segment, &mut |docs| docs.iter().for_each(|doc| take(*doc, 0.0)))?;
        }
        pass.end()?;
    }
    let facets = tallies.into_iter().map(|tally| FacetCounts::of(tally.facet, tally.counts)).collect();
    Ok(Collected { best: best.done(), total: groups.count, facets })
}

/// A set of group numbers.
#[derive(Default)]
struct Groups {
    bits: Vec<u64>,
    count: u64,
}

impl Groups {
    /// Whether the number was not in it.
    fn add(&mut self, number: u64) -> bool {
        let Ok(word) = usize::try_from(number / 64) else { return false };
        if word >= self.bits.len() {
            self.bits.resize((word + 1).max(self.bits.len() * 2), 0);
        }
        let bit = 1 << (number % 64);
        let new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        self.count += u64::from(new);
        new
    }
}

#[derive(Clone, Copy)]
struct Ranked {
    rank: (i64, i64),
    group: u64,
    at: DocAddress,
}

/// The best entry of each of the best groups, in a few times their number of places.
struct Best {
    most: usize,
    ranked: Vec<Ranked>,
    least: Option<(i64, i64)>,
}

impl Best {
    fn add(&mut self, ranked: Ranked) {
        if self.least.is_some_and(|least| ranked.rank < least) {
            return;
        }
        self.ranked.push(ranked);
        if self.ranked.len() >= 4 * self.most + 64 {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.ranked.sort_unstable_by_key(|ranked| (ranked.group, Reverse(ranked.rank), ranked.at));
        self.ranked.dedup_by_key(|ranked| ranked.group);
        self.ranked.sort_unstable_by_key(|ranked| (Reverse(ranked.rank), ranked.group));
        self.ranked.truncate(self.most);
        if self.ranked.len() == self.most {
            self.least = self.ranked.last().map(|ranked| ranked.rank);
        }
    }

    fn done(mut self) -> Vec<DocAddress> {
        self.trim();
        self.ranked.into_iter().map(|ranked| ranked.at).collect()
    }
}

/// The counts of one facet.
struct Tally {
    facet: Facet,
    counts: BTreeMap<String, u64>,
    /// Groups that only the filter on this facet leaves out.
    beside: Groups,
    /// Years, which the entries of a group do not share: the groups of each.
    years: BTreeMap<String, Groups>,
}

impl Tally {
    fn new(facet: Facet) -> Self {
        Self { facet, counts: BTreeMap::new(), beside: Groups::default(), years: BTreeMap::new() }
    }
}

/// The counts of one facet in one segment, by the ordinal of the value there.
struct Counting<'a> {
    tally: &'a mut Tally,
    column: Option<StrColumn>,
    counts: Vec<u64>,
    years: Vec<Groups>,
}

impl<'a> Counting<'a> {
    fn new(segment: &SegmentReader, tally: &'a mut Tally) -> ::tantivy::Result<Self> {
        let column = segment.fast_fields().str(tally.facet.field())?;
        let values = column.as_ref().map_or(0, |column| column.num_terms());
        let mut years = Vec::new();
        if tally.facet == Facet::Year {
            for ordinal in 0..values {
                let year = value(column.as_ref(), ordinal)?;
                years.push(tally.years.remove(&year).unwrap_or_default());
            }
        }
        Ok(Self { tally, column, counts: vec![0; values], years })
    }

    /// Counts a group of which this entry was met; `new` is false when another one was before.
    fn count(&mut self, doc: DocId, group: u64, new: bool) {
        // Only years differ between the entries of a group.
        let Some(column) = self.column.as_ref().filter(|_| new || !self.years.is_empty()) else { return };
        for ordinal in column.term_ords(doc) {
            let Ok(ordinal) = usize::try_from(ordinal) else { continue };
            if let Some(groups) = self.years.get_mut(ordinal) {
                groups.add(group);
            } else if new {
                self.counts[ordinal] += 1;
            }
        }
    }

    fn end(self) -> ::tantivy::Result<()> {
        for (ordinal, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            *self.tally.counts.entry(value(self.column.as_ref(), ordinal)?).or_default() += count;
        }
        for (ordinal, groups) in self.years.into_iter().enumerate() {
            let year = value(self.column.as_ref(), ordinal)?;
            self.tally.counts.insert(year.clone(), groups.count);
            self.tally.years.insert(year, groups);
        }
        Ok(())
    }
}

fn value(column: Option<&StrColumn>, ordinal: usize) -> ::tantivy::Result<String> {
    let mut value = String::new();
    if let Some(column) = column {
        column.ord_to_str(ordinal as u64, &mut value)?;
    }
    Ok(value)
}

/// What lets an entry pass.
enum Gate {
    Open,
    Closed,
    /// Its value is among these, by their ordinals; an entry has one or none.
    Value(Column<u64>, Vec<bool>),
    /// One of its values is.
    Values(Column<u64>, Vec<bool>),
    Dates(Column<i64>, i64, i64),
    Is(Column<u64>, u64),
}

impl Gate {
    fn held(segment: &SegmentReader, field: &str, held: &Held) -> ::tantivy::Result<Self> {
        match held {
            Held::All => Ok(Self::Open),
            Held::Only(values) => Self::one_of(segment, field, values.iter().map(String::as_str)),
        }
    }

    fn one_of<'a>(segment: &SegmentReader, field: &str, values: impl Iterator<Item = &'a str>) -> ::tantivy::Result<Self> {
        let Some(column) = segment.fast_fields().str(field)? else { return Ok(Self::Closed) };
        let mut open = vec![false; column.num_terms()];
        for value in values {
            let ordinal = column.dictionary().term_ord(value)?.and_then(|ordinal| usize::try_from(ordinal).ok());
            if let Some(place) = ordinal.and_then(|ordinal| open.get_mut(ordinal)) {
                *place = true;
            }
        }
        let ordinals = column.ords().clone();
        Ok(match (open.contains(&true), ordinals.get_cardinality()) {
            (false, _) => Self::Closed,
            (true, Cardinality::Multivalued) => Self::Values(ordinals, open),
            (true, _) => Self::Value(ordinals, open),
        })
    }

    fn lets(&self, doc: DocId) -> bool {
        match self {
            Self::Open => true,
            Self::Closed => false,
            Self::Value(ordinals, open) => ordinals.first(doc).is_some_and(|ordinal| is_open(open, ordinal)),
            Self::Values(ordinals, open) => ordinals.values_for_doc(doc).any(|ordinal| is_open(open, ordinal)),
            Self::Dates(dates, from, until) => dates.first(doc).is_some_and(|date| (*from..*until).contains(&date)),
            Self::Is(values, wanted) => values.first(doc) == Some(*wanted),
        }
    }
}

fn is_open(open: &[bool], ordinal: u64) -> bool {
    usize::try_from(ordinal).is_ok_and(|ordinal| open.get(ordinal) == Some(&true))
}

/// One segment.
struct Pass<'a> {
    numbers: Column<u64>,
    weights: Column<u64>,
    dates: Column<i64>,
    hidden: Column<u64>,
    audience: Gate,
    hidden_in: Gate,
    /// Filters on facets that are counted: each with the place of its facet.
    beside: Vec<(usize, Gate)>,
    /// All other filters.
    filters: Vec<Gate>,
    facets: Vec<Counting<'a>>,
    by_date: bool,
    without: Option<u64>,
}

impl<'a> Pass<'a> {
    fn new(segment: &SegmentReader, wanted: &Wanted<'_>, tallies: &'a mut [Tally]) -> ::tantivy::Result<Self> {
        let fast = segment.fast_fields();
        let Wanted { sight, filters, .. } = wanted;
        let mut pass = Self {
            numbers: fast.u64(columns::NUMBER)?,
            weights: fast.u64(columns::WEIGHT)?,
            dates: fast.i64(columns::DATE)?,
            hidden: fast.u64(columns::HIDDEN)?,
            audience: Gate::held(segment, columns::AUDIENCE, &sight.audiences)?,
            hidden_in: Gate::held(segment, columns::SPACE, &sight.hidden_in)?,
            beside: Vec::new(),
            filters: Vec::new(),
            facets: Vec::new(),
            by_date: wanted.sort == Sort::Date,
            without: wanted.without,
        };
        for facet in Facet::ALL {
            let values = filters.of(facet);
            if values.is_empty() {
                continue;
            }
            let gate = Gate::one_of(segment, facet.field(), values.iter().map(String::as_str))?;
            match wanted.facets.iter().position(|counted| *counted == facet) {
                Some(place) => pass.beside.push((place, gate)),
                None => pass.filters.push(gate),
            }
        }
        for (field, values) in [(columns::AUTHOR, &filters.authors), (columns::THREAD_KIND, &filters.thread_kinds)] {
            if !values.is_empty() {
                pass.filters.push(Gate::one_of(segment, field, values.iter().map(String::as_str))?);
            }
        }
        if filters.from.is_some() || filters.until.is_some() {
            let (from, until) = (filters.from.unwrap_or(i64::MIN), filters.until.unwrap_or(i64::MAX));
            pass.filters.push(Gate::Dates(fast.i64(columns::DATE)?, from, until));
        }
        if let Some(solved) = filters.solved {
            let column = fast.column_opt::<u64>(columns::SOLVED)?;
            pass.filters.push(column.map_or(Gate::Closed, |column| Gate::Is(column, u64::from(solved))));
        }
        for tally in tallies {
            pass.facets.push(Counting::new(segment, tally)?);
        }
        Ok(pass)
    }

    fn take(&mut self, groups: &mut Groups, best: &mut Best, at: DocAddress, score: f32) {
        let doc = at.doc_id;
        let seen = self.audience.lets(doc) && (self.hidden.first(doc) != Some(1) || self.hidden_in.lets(doc));
        if !seen || !self.filters.iter().all(|gate| gate.lets(doc)) {
            return;
        }
        let Some(group) = self.numbers.first(doc).filter(|group| Some(*group) != self.without) else { return };
        let mut closed = self.beside.iter().filter(|(_, gate)| !gate.lets(doc));
        match (closed.next(), closed.next()) {
            (None, _) => {}
            (Some((place, _)), None) => {
                let facet = &mut self.facets[*place];
                let new = facet.tally.beside.add(group);
                facet.count(doc, group, new);
                return;
            }
            _ => return,
        }
        let new = groups.add(group);
        for facet in &mut self.facets {
            facet.count(doc, group, new);
        }
        // Sixteenths of a point: below that, scores differ by how floating numbers are added.
        let points = (score * 16.0) as i64 + 16 * POINTS_OF_WEIGHT * self.weights.first(doc).unwrap_or_default() as i64;
        if !self.by_date && best.least.is_some_and(|(least, _)| points < least) {
            return;
        }
        let date = self.dates.first(doc).unwrap_or_default();
        let rank = if self.by_date { (date, points) } else { (points, date) };
        best.add(Ranked { rank, group, at });
    }

    fn end(self) -> ::tantivy::Result<()> {
        self.facets.into_iter().try_for_each(Counting::end)
    }
}

/// How much better the opening post is than others, and the accepted answer than it: less than any way of finding a word.
const POINTS_OF_WEIGHT: i64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_each_group_stays_whatever_comes_between() {
        let mut best = Best { most: 2, ranked: Vec::new(), least: None };
        for number in 0..1_000_u32 {
            let rank = (i64::from(number % 100), 0);
            best.add(Ranked { rank, group: u64::from(number % 10), at: DocAddress::new(0, number) });
        }
        let docs: Vec<u32> = best.done().into_iter().map(|at| at.doc_id).collect();
        assert_eq!(docs, [99, 98]);
    }

    #[test]
    fn groups_are_counted_once() {
        let mut groups = Groups::default();
        let new: Vec<bool> = [5, 700, 5, 64, 700].into_iter().map(|number| groups.add(number)).collect();
        assert_eq!(new, [true, true, false, true, false]);
        assert_eq!(groups.count, 3);
    }
}
