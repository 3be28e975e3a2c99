//! A set of message keys in order, for sets that are mostly dense: messages arrive with one key
//! after the other, so 64 of them share a word, and a million take about a quarter megabyte.

use std::collections::BTreeMap;

use crate::ids::MessageKey;

/// Keys that share a word or a page: those that differ in the lowest bits only.
pub(crate) const KEYS_IN_A_WORD: u64 = 64;

/// Keys in order. A word without keys is not in the map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct KeySet {
    words: BTreeMap<u64, u64>,
    len: u64,
}

/// The word of a key, and its bit there.
fn split(key: MessageKey) -> (u64, u64) {
    (key.0 / KEYS_IN_A_WORD, 1 << (key.0 % KEYS_IN_A_WORD))
}

/// The keys of a word, in order.
pub(crate) fn keys_in(word: u64, bits: u64) -> impl Iterator<Item = MessageKey> {
    let mut left = bits;
    std::iter::from_fn(move || {
        let lowest = (left != 0).then(|| left.trailing_zeros())?;
        left &= left - 1;
        Some(MessageKey(word * KEYS_IN_A_WORD + u64::from(lowest)))
    })
}

impl KeySet {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the key was not in the set.
    pub(crate) fn insert(&mut self, key: MessageKey) -> bool {
        let (word, bit) = split(key);
        let bits = self.words.entry(word).or_insert(0);
        let is_new = *bits & bit == 0;
        *bits |= bit;
        self.len += u64::from(is_new);
        is_new
    }

    /// Whether the key was in the set.
    pub(crate) fn remove(&mut self, key: MessageKey) -> bool {
        let (word, bit) = split(key);
        let Some(bits) = self.words.get_mut(&word).filter(|bits| **bits & bit != 0) else {
            return false;
        };
        *bits &= !bit;
        if *bits == 0 {
            self.words.remove(&word);
        }
        self.len -= 1;
        true
    }

    pub(crate) fn first(&self) -> Option<MessageKey> {
        self.iter().next()
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = MessageKey> {
        let words = self.words.iter();
        words.flat_map(|(word, bits)| keys_in(*word, *bits))
    }
}

/// What a map of pairs of 8 bytes takes in memory at most, but for its upper levels: nodes hold
/// 11 pairs and are at least half full.
#[cfg(test)]
pub(crate) fn map_bytes(len: usize) -> usize {
    len.div_ceil(5) * (11 * 16 + 16 + 16)
}

#[cfg(test)]
impl KeySet {
    pub(crate) fn size_bytes(&self) -> usize {
        map_bytes(self.words.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_in_order(steps in prop::collection::vec((any::<bool>(), 0..300_u64), 0..300)) {
            let mut set = KeySet::default();
            let mut expected = BTreeSet::new();
            for (is_insert, key) in steps {
                let key = MessageKey(key);
                if is_insert {
                    prop_assert_eq!(set.insert(key), expected.insert(key));
                } else {
                    prop_assert_eq!(set.remove(key), expected.remove(&key));
                }
                prop_assert_eq!(set.len(), expected.len() as u64);
                prop_assert_eq!(set.is_empty(), expected.is_empty());
                prop_assert_eq!(set.first(), expected.first().copied());
            }
            prop_assert!(set.iter().eq(expected.iter().copied()));
            let collected = expected.into_iter().fold(KeySet::default(), |mut set, key| {
                set.insert(key);
                set
            });
            prop_assert_eq!(set, collected, "whatever was in it before");
        }
    }

    #[test]
    fn the_largest_key_has_a_place() {
        let mut set = KeySet::default();
        assert!(set.insert(MessageKey(u64::MAX)));
        assert_eq!(set.first(), Some(MessageKey(u64::MAX)));
    }
}
