//! How much one person has under way at once: each takes a place, and gives it back by dropping it. Counted in this process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Who has how many places. Cheap to clone.
pub struct Places<K>(Arc<Mutex<HashMap<K, usize>>>);

impl<K> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for Places<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// One of them; given back when dropped.
pub struct Place<K: Copy + Eq + Hash> {
    places: Places<K>,
    who: K,
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// One more for `who`; none when they have `most` already.
    #[must_use]
    pub fn take(&self, who: K, most: usize) -> Option<Place<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&who).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        counts.insert(who, count + 1);
        Some(Place { places: self.clone(), who })
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.who) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.who)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_and_nobody_is_remembered() {
        let places = Places::default();
        let held: Vec<_> = (0..2).map(|_| places.take("ada", 2)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(places.take("ada", 2).is_none());
        assert!(places.take("grace", 2).is_some());
        drop(held);
        assert!(places.0.lock().is_ok_and(|counts| counts.is_empty()));
    }
}
