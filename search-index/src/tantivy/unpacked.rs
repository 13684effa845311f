//! What every search reads of every entry that it meets, unpacked once a segment: tantivy's own columns are packed and behind a
//! pointer, which costs more than all that is done with their values. Four bytes an entry and column, taken when they are first needed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ::tantivy::columnar::{Cardinality, StrColumn};
use ::tantivy::index::SegmentId;
use ::tantivy::{DocId, Searcher, SegmentReader};

use super::schema::columns;

/// A mark of an entry that is out of sight.
pub(super) const HIDDEN: u8 = 1;

/// The segments of an index that were searched.
#[derive(Default)]
pub(super) struct Segments(Mutex<HashMap<SegmentId, Arc<Unpacked>>>);

impl Segments {
    /// Those of a searcher, in its order; forgets those that are gone.
    pub(super) fn of(&self, searcher: &Searcher) -> Vec<Arc<Unpacked>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let segments = searcher.segment_readers();
        let all = segments.iter().map(|segment| known.entry(segment.segment_id()).or_default().clone()).collect();
        if known.len() > segments.len() {
            known.retain(|id, _| segments.iter().any(|segment| segment.segment_id() == *id));
        }
        all
    }
}

/// The columns of one segment.
#[derive(Default)]
pub(super) struct Unpacked {
    groups: OnceLock<Arc<[u32]>>,
    marks: OnceLock<Arc<[u8]>>,
    dates: OnceLock<Arc<[i64]>>,
    codes: Mutex<HashMap<&'static str, Option<Codes>>>,
}

/// A column of codes.
#[derive(Clone)]
pub(super) struct Codes {
    /// What they are.
    pub(super) column: StrColumn,
    places: Places,
}

/// What each entry has: a place in the dictionary, from 1.
#[derive(Clone)]
enum Places {
    /// One at most; 0 for none.
    One(Arc<[u32]>),
    /// Several, which are not unpacked.
    Many,
}

impl Unpacked {
    /// The number of the group of each entry.
    pub(super) fn groups(&self, segment: &SegmentReader) -> ::tantivy::Result<Arc<[u32]>> {
        once(&self.groups, || {
            let numbers = segment.fast_fields().u64(columns::NUMBER)?;
            // A number that no 32 bits hold would be of the four thousand millionth group.
            Ok((0..segment.max_doc()).map(|doc| numbers.first(doc).unwrap_or_default() as u32).collect())
        })
    }

    /// [`HIDDEN`], and above it the weight.
    pub(super) fn marks(&self, segment: &SegmentReader) -> ::tantivy::Result<Arc<[u8]>> {
        once(&self.marks, || {
            let (hidden, weights) = (segment.fast_fields().u64(columns::HIDDEN)?, segment.fast_fields().u64(columns::WEIGHT)?);
            let mark = |doc| {
                let hidden = if hidden.first(doc) == Some(1) { HIDDEN } else { 0 };
                hidden | (weights.first(doc).unwrap_or_default().min(2) as u8) << 1
            };
            Ok((0..segment.max_doc()).map(mark).collect())
        })
    }

    pub(super) fn dates(&self, segment: &SegmentReader) -> ::tantivy::Result<Arc<[i64]>> {
        once(&self.dates, || {
            let dates = segment.fast_fields().i64(columns::DATE)?;
            Ok((0..segment.max_doc()).map(|doc| dates.first(doc).unwrap_or_default()).collect())
        })
    }

    /// A column of codes; none when no entry of the segment has one.
    pub(super) fn codes(&self, segment: &SegmentReader, field: &'static str) -> ::tantivy::Result<Option<Codes>> {
        let mut known = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(codes) = known.get(field) {
            return Ok(codes.clone());
        }
        let codes = segment.fast_fields().str(field)?.map(|column| {
            let ordinals = column.ords();
            let places = match ordinals.get_cardinality() {
                Cardinality::Multivalued => Places::Many,
                _ => Places::One((0..segment.max_doc()).map(|doc| ordinals.first(doc).map_or(0, |at| at as u32 + 1)).collect()),
            };
            Codes { places, column }
        });
        known.insert(field, codes.clone());
        Ok(codes)
    }
}

fn once<T: Clone>(cell: &OnceLock<T>, unpack: impl FnOnce() -> ::tantivy::Result<T>) -> ::tantivy::Result<T> {
    match cell.get() {
        Some(there) => Ok(there.clone()),
        None => {
            let unpacked = unpack()?;
            Ok(cell.get_or_init(|| unpacked).clone())
        }
    }
}

impl Codes {
    /// How many places there are, with that of none.
    pub(super) fn size(&self) -> usize {
        self.column.num_terms() + 1
    }

    /// The place of a value in the dictionary.
    pub(super) fn place(&self, value: &str) -> ::tantivy::Result<Option<usize>> {
        let ordinal = self.column.dictionary().term_ord(value)?;
        Ok(ordinal.and_then(|ordinal| usize::try_from(ordinal).ok()).map(|ordinal| ordinal + 1))
    }

    /// The value at a place.
    pub(super) fn value(&self, place: usize) -> ::tantivy::Result<String> {
        let mut value = String::new();
        self.column.ord_to_str(place as u64 - 1, &mut value)?;
        Ok(value)
    }

    /// Whether one of an entry's places is open.
    pub(super) fn any(&self, doc: DocId, open: &[bool]) -> bool {
        match &self.places {
            Places::One(places) => open[places[doc as usize] as usize],
            Places::Many => self.column.term_ords(doc).any(|ordinal| open[ordinal as usize + 1]),
        }
    }

    /// Each of an entry's places.
    pub(super) fn each(&self, doc: DocId, mut work: impl FnMut(usize)) {
        match &self.places {
            Places::One(places) => match places[doc as usize] {
                0 => {}
                place => work(place as usize),
            },
            Places::Many => self.column.term_ords(doc).for_each(|ordinal| work(ordinal as usize + 1)),
        }
    }
}
