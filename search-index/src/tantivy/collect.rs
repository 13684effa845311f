//! One pass over what a query matches: what the viewer may see and the filters let pass, the best entry of each group, and counts of
//! groups. A set of group numbers is a bit each, so that exact counts of a million groups take 125 KB.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use ::tantivy::columnar::Column;
use ::tantivy::query::{EnableScoring, Query};
use ::tantivy::{DocAddress, DocId, Searcher, SegmentReader};

use super::schema::columns;
use super::unpacked::{Codes, HIDDEN, Segments, Unpacked};
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

pub(super) fn collect(
    searcher: &Searcher,
    segments: &Segments,
    query: &dyn Query,
    wanted: &Wanted<'_>,
) -> ::tantivy::Result<Collected> {
    let scored = wanted.sort == Sort::Relevance;
    let scoring =
        if scored { EnableScoring::enabled_from_searcher(searcher) } else { EnableScoring::disabled_from_searcher(searcher) };
    let weight = query.weight(scoring)?;
    let mut groups = Groups::default();
    let mut best = Best { most: wanted.most, ranked: Vec::new(), least: None };
    let mut tallies: Vec<Tally> = wanted.facets.iter().map(|facet| Tally::new(*facet)).collect();
    for (number, (segment, unpacked)) in searcher.segment_readers().iter().zip(segments.of(searcher)).enumerate() {
        let number = u32::try_from(number).map_err(|cause| ::tantivy::TantivyError::InternalError(cause.to_string()))?;
        let mut pass = Pass::new(Segment { reader: segment, unpacked: &unpacked }, wanted, &mut tallies)?;
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
    fn add(&mut self, number: u32) -> bool {
        let word = number as usize / 64;
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
    group: u32,
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

/// The counts of one facet in one segment, by the place of the value there.
struct Counting<'a> {
    tally: &'a mut Tally,
    codes: Option<Codes>,
    counts: Vec<u64>,
    years: Vec<Groups>,
}

impl<'a> Counting<'a> {
    fn new(segment: Segment<'_>, tally: &'a mut Tally) -> ::tantivy::Result<Self> {
        let codes = segment.codes(tally.facet.field())?;
        let places = codes.as_ref().map_or(0, Codes::size);
        let mut years = Vec::new();
        if let Some(codes) = codes.as_ref().filter(|_| tally.facet == Facet::Year) {
            years.push(Groups::default());
            for place in 1..places {
                years.push(tally.years.remove(&codes.value(place)?).unwrap_or_default());
            }
        }
        Ok(Self { tally, codes, counts: vec![0; places], years })
    }

    /// Counts a group of which this entry was met; `new` is false when another one was before.
    fn count(&mut self, doc: DocId, group: u32, new: bool) {
        let Some(codes) = &self.codes else { return };
        // Only years differ between the entries of a group.
        if !self.years.is_empty() {
            codes.each(doc, |place| _ = self.years[place].add(group));
        } else if new {
            codes.each(doc, |place| self.counts[place] += 1);
        }
    }

    fn end(self) -> ::tantivy::Result<()> {
        let Some(codes) = &self.codes else { return Ok(()) };
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            *self.tally.counts.entry(codes.value(place)?).or_default() += count;
        }
        for (place, groups) in self.years.into_iter().enumerate().skip(1) {
            let year = codes.value(place)?;
            self.tally.counts.insert(year.clone(), groups.count);
            self.tally.years.insert(year, groups);
        }
        Ok(())
    }
}

/// What lets an entry pass.
enum Gate {
    Open,
    Closed,
    /// One of its values is among these, by their places.
    Values(Codes, Vec<bool>),
    Dates(Arc<[i64]>, i64, i64),
    Is(Column<u64>, u64),
}

impl Gate {
    fn held(segment: Segment<'_>, field: &'static str, held: &Held) -> ::tantivy::Result<Self> {
        match held {
            Held::All => Ok(Self::Open),
            Held::Only(values) => Self::one_of(segment, field, values.iter().map(String::as_str)),
        }
    }

    fn one_of<'v>(segment: Segment<'_>, field: &'static str, values: impl Iterator<Item = &'v str>) -> ::tantivy::Result<Self> {
        let Some(codes) = segment.codes(field)? else { return Ok(Self::Closed) };
        let mut open = vec![false; codes.size()];
        for value in values {
            if let Some(place) = codes.place(value)? {
                open[place] = true;
            }
        }
        Ok(if open.contains(&true) { Self::Values(codes, open) } else { Self::Closed })
    }

    fn lets(&self, doc: DocId) -> bool {
        match self {
            Self::Open => true,
            Self::Closed => false,
            Self::Values(codes, open) => codes.any(doc, open),
            Self::Dates(dates, from, until) => (*from..*until).contains(&dates[doc as usize]),
            Self::Is(values, wanted) => values.first(doc) == Some(*wanted),
        }
    }
}

/// A segment, with what is unpacked of it.
#[derive(Clone, Copy)]
struct Segment<'a> {
    reader: &'a SegmentReader,
    unpacked: &'a Unpacked,
}

impl Segment<'_> {
    fn codes(self, field: &'static str) -> ::tantivy::Result<Option<Codes>> {
        self.unpacked.codes(self.reader, field)
    }

    fn dates(self) -> ::tantivy::Result<Arc<[i64]>> {
        self.unpacked.dates(self.reader)
    }
}

/// One segment.
struct Pass<'a> {
    groups: Arc<[u32]>,
    marks: Arc<[u8]>,
    dates: Dates,
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
    fn new(segment: Segment<'_>, wanted: &Wanted<'_>, tallies: &'a mut [Tally]) -> ::tantivy::Result<Self> {
        let fast = segment.reader.fast_fields();
        let by_date = wanted.sort == Sort::Date;
        let Wanted { sight, filters, .. } = wanted;
        let mut pass = Self {
            groups: segment.unpacked.groups(segment.reader)?,
            marks: segment.unpacked.marks(segment.reader)?,
            dates: if by_date { Dates::All(segment.dates()?) } else { Dates::Few(fast.i64(columns::DATE)?) },
            audience: Gate::held(segment, columns::AUDIENCE, &sight.audiences)?,
            hidden_in: Gate::held(segment, columns::SPACE, &sight.hidden_in)?,
            beside: Vec::new(),
            filters: Vec::new(),
            facets: Vec::new(),
            by_date,
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
            pass.filters.push(Gate::Dates(segment.dates()?, from, until));
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
        let mark = self.marks[doc as usize];
        let seen = self.audience.lets(doc) && (mark & HIDDEN == 0 || self.hidden_in.lets(doc));
        if !seen || !self.filters.iter().all(|gate| gate.lets(doc)) {
            return;
        }
        let group = self.groups[doc as usize];
        if Some(u64::from(group)) == self.without {
            return;
        }
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
        let points = (score * 16.0) as i64 + 16 * POINTS_OF_WEIGHT * i64::from(mark >> 1);
        if !self.by_date && best.least.is_some_and(|(least, _)| points < least) {
            return;
        }
        let date = self.dates.of(doc);
        let rank = if self.by_date { (date, points) } else { (points, date) };
        best.add(Ranked { rank, group, at });
    }

    fn end(self) -> ::tantivy::Result<()> {
        self.facets.into_iter().try_for_each(Counting::end)
    }
}

/// When entries were written: asked of all when they are ranked by it, else of few.
enum Dates {
    All(Arc<[i64]>),
    Few(Column<i64>),
}

impl Dates {
    fn of(&self, doc: DocId) -> i64 {
        match self {
            Self::All(dates) => dates[doc as usize],
            Self::Few(dates) => dates.first(doc).unwrap_or_default(),
        }
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
            best.add(Ranked { rank, group: number % 10, at: DocAddress::new(0, number) });
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
