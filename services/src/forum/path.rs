//! The place of a post in the reading order of its thread.
//!
//! The opening post's path is empty. An answer's is its parent's followed by its own ordinal on three bytes, so that byte
//! order is reading order and a subtree is a range. PostgreSQL's index rows are bounded, so a path counts at most 64 levels
//! and one more: deeper posts keep their true parent and stand under their 64th ancestor, in the order of their arrival.

use crate::page::PathKey;

const SEGMENT: usize = 3;
const LEVELS: usize = 64;

/// How many posts a thread can hold.
pub const MOST_POSTS: i64 = 1 << (8 * SEGMENT);

/// The path of the answer with `ordinal` to the post at `parent`.
pub(super) fn child(parent: &[u8], ordinal: i64) -> PathKey {
    let above = &parent[..parent.len().min(LEVELS * SEGMENT)];
    [above, &ordinal.to_be_bytes()[8 - SEGMENT..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_is_reading_order() {
        let opening: PathKey = Vec::new();
        let (first, second) = (child(&opening, 1), child(&opening, 300));
        let below_first = child(&first, 301);
        assert!(opening < first && first < below_first && below_first < second);
    }

    #[test]
    fn deep_answers_stand_under_their_64th_ancestor_by_arrival() {
        let mut chain = vec![child(&[], 1)];
        for ordinal in 2..=100 {
            chain.push(child(&chain[chain.len() - 1], ordinal));
        }
        assert!(chain.windows(2).all(|two| two[0] < two[1]));
        assert!(chain.iter().all(|path| path.len() <= (LEVELS + 1) * SEGMENT));
        assert!(chain[64..].iter().all(|path| path.starts_with(&chain[63])));
    }
}
