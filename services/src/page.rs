//! Keyset pages: `first` or `last`, never both, a default of 20, at most 100. A cursor is the sort key, opaque.

use std::collections::HashMap;
use std::hash::Hash;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use uuid::Uuid;

use crate::error::{Code, Error, Problem, Result};

/// How many a page holds unless told.
pub const DEFAULT: i64 = 20;
/// How many a page holds at most.
pub const MOST: i64 = 100;

/// What a list is sorted by; its text is the cursor.
pub trait Key: Sized {
    /// The opaque text.
    fn encode(&self) -> String;
    /// Back from the text; none when it was not made here.
    fn decode(text: &str) -> Option<Self>;
}

/// A moment, then an id.
pub type TimeKey = (DateTime<Utc>, Uuid);

impl Key for TimeKey {
    fn encode(&self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.0.timestamp_micros().to_be_bytes());
        bytes[8..].copy_from_slice(self.1.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (micros, id) = bytes.split_at(8);
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(micros.try_into().ok()?))?;
        // PostgreSQL's time begins in 4713 BC: a forged cursor would be its error.
        (at.year() > 0).then_some((at, Uuid::from_slice(id).ok()?))
    }
}

/// A name, then an id.
pub type NameKey = (String, Uuid);

impl Key for NameKey {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.1.as_bytes(), self.0.as_bytes()].concat())
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() <= 1024)?;
        let (id, name) = bytes.split_at_checked(16)?;
        // PostgreSQL has no text with a null character.
        let name = String::from_utf8(name.to_vec()).ok().filter(|name| !name.contains('\0'))?;
        Some((name, Uuid::from_slice(id).ok()?))
    }
}

/// A place in the reading order of a thread.
pub type PathKey = Vec<u8>;

impl Key for PathKey {
    fn encode(&self) -> String {
        format!("p{}", URL_SAFE_NO_PAD.encode(self))
    }

    fn decode(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text.strip_prefix('p')?).ok().filter(|bytes| bytes.len() <= 255)
    }
}

/// A number that only grows.
impl Key for i64 {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_be_bytes())
    }

    fn decode(text: &str) -> Option<Self> {
        Some(Self::from_be_bytes(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }
}

/// The four arguments of a connection, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Paging {
    /// So many from the start.
    pub first: Option<i32>,
    /// Only what comes after this cursor.
    pub after: Option<String>,
    /// So many from the end.
    pub last: Option<i32>,
    /// Only what comes before this cursor.
    pub before: Option<String>,
}

/// Which part of a list to read.
#[derive(Clone, Debug)]
pub struct Slice<K> {
    /// How many; one more is read, to know whether there are more.
    pub limit: i64,
    /// From the end.
    pub backward: bool,
    /// Only what comes after this key.
    pub after: Option<K>,
    /// Only what comes before this key.
    pub before: Option<K>,
}

impl<K: Key> Slice<K> {
    /// Checks the arguments.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the argument.
    pub fn new(paging: &Paging) -> Result<Self> {
        let backward = paging.last.is_some();
        if paging.first.is_some() && backward {
            return Err(Error::invalid("first", Code::Refused, "Demandez « first » ou « last », pas les deux."));
        }
        let (field, asked) = if backward { ("last", paging.last) } else { ("first", paging.first) };
        let limit = asked.map_or(DEFAULT, i64::from);
        if !(0..=MOST).contains(&limit) {
            return Err(Error::invalid(field, Code::Malformed, format!("« {field} » va de 0 à {MOST}.")));
        }
        let cursor = |field, text: &Option<String>| match text.as_deref() {
            None => Ok(None),
            Some(text) => K::decode(text).map(Some).ok_or_else(|| {
                Error::Invalid(vec![Problem::new(field, Code::Malformed, "Ce curseur ne vient pas de cette liste.")])
            }),
        };
        Ok(Self { limit, backward, after: cursor("after", &paging.after)?, before: cursor("before", &paging.before)? })
    }

    /// How many rows to read.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// Puts the rows read (in the direction of the slice, one more than asked) in the list's order.
    #[must_use]
    pub fn page<T>(&self, mut rows: Vec<T>) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if self.backward {
            rows.reverse();
        }
        // Relay: the other direction need only be true when it can be told cheaply; a cursor given tells it.
        let (has_next, has_previous) = if self.backward { (self.before.is_some(), more) } else { (more, self.after.is_some()) };
        Page { items: rows, has_next, has_previous }
    }
}

impl<K: Key> Slice<K> {
    /// The pages of several lists that were read together, by what each is a list of.
    #[must_use]
    pub fn pages<O: Copy + Eq + Hash, T>(&self, of: &[O], lists: Vec<Vec<T>>) -> HashMap<O, Page<T>> {
        of.iter().copied().zip(lists.into_iter().map(|rows| self.page(rows))).collect()
    }
}

/// Rows by what they hang on, each list in the order of the rows.
pub(crate) fn gathered<K: Eq + Hash, V>(rows: impl IntoIterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut found: HashMap<K, Vec<V>> = HashMap::new();
    for (key, row) in rows {
        found.entry(key).or_default().push(row);
    }
    found
}

/// A part of a list, in its order.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// There are more after the last one.
    pub has_next: bool,
    /// There are more before the first one.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// The same page of other items.
    #[must_use]
    pub fn map<U>(self, item: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(item).collect(), has_next: self.has_next, has_previous: self.has_previous }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_foreign_ones_are_refused() {
        let time: TimeKey = (DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap(), Uuid::from_u128(7));
        assert_eq!(TimeKey::decode(&time.encode()), Some(time));
        let name: NameKey = ("Élodie".into(), Uuid::from_u128(7));
        assert_eq!(NameKey::decode(&name.encode()), Some(name));
        assert_eq!(PathKey::decode(&vec![0, 1, 255].encode()), Some(vec![0, 1, 255]));
        assert_eq!(TimeKey::decode(&vec![1].encode()), None);
        assert_eq!(i64::decode("é"), None);
    }

    #[test]
    fn first_and_last_together_and_wild_sizes_are_refused() {
        let paging = |first, last| Paging { first, last, ..Paging::default() };
        for wrong in [paging(Some(1), Some(1)), paging(Some(101), None), paging(None, Some(-1))] {
            assert!(matches!(Slice::<i64>::new(&wrong), Err(Error::Invalid(_))));
        }
        let slice = Slice::<i64>::new(&paging(None, Some(2))).unwrap();
        let page = slice.page(vec![9, 8, 7]);
        assert_eq!((page.items, page.has_next, page.has_previous), (vec![8, 9], false, true));
    }
}
