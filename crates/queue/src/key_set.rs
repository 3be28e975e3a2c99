//! A set of message keys in order, for sets that are mostly dense: messages arrive with one key
//! after the other, so 64 of them share a word, and a million take about a quarter megabyte.
//!
//! Words lie on pages, and a page is shared with clones of the state until one of them changes it, as
//! pages of messages are: a message group of a FIFO queue has few keys in a word, and so many words.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::MessageKey;

/// Keys that share a word, or a page of messages: those that differ in the lowest bits only.
pub(crate) const KEYS_IN_A_WORD: u64 = 64;
const WORDS_ON_A_PAGE: u64 = 64;

/// Keys in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeySet {
    /// At most one, on no page: so it is with most of a million message groups.
    One(Option<MessageKey>),
    /// At least two.
    Paged(PagedKeys),
}

/// Neither words without keys nor pages without words are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PagedKeys {
    pages: BTreeMap<u64, Arc<Page>>,
    len: u64,
}

impl Default for KeySet {
    fn default() -> Self {
        KeySet::One(None)
    }
}

/// Words in order, each with its place on the page.
type Page = Vec<(u8, u64)>;

/// The page of a key, the word there, and the bit in that.
fn split(key: MessageKey) -> (u64, u8, u64) {
    let word = key.0 / KEYS_IN_A_WORD;
    // Less than 64.
    let place = (word % WORDS_ON_A_PAGE) as u8;
    (word / WORDS_ON_A_PAGE, place, 1 << (key.0 % KEYS_IN_A_WORD))
}

fn find(page: &Page, place: u8) -> Result<usize, usize> {
    page.binary_search_by_key(&place, |(place, _)| *place)
}

/// The keys of a page, in order.
fn keys_on(number: u64, page: &Page) -> impl Iterator<Item = MessageKey> {
    let first = number * WORDS_ON_A_PAGE;
    page.iter()
        .flat_map(move |(place, bits)| keys_in(first + u64::from(*place), *bits))
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
        match self {
            KeySet::One(key) => u64::from(key.is_some()),
            KeySet::Paged(keys) => keys.len,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == KeySet::One(None)
    }

    /// Whether the key was not in the set.
    pub(crate) fn insert(&mut self, key: MessageKey) -> bool {
        match self {
            KeySet::One(None) => {
                *self = KeySet::One(Some(key));
                true
            }
            KeySet::One(Some(other)) if *other == key => false,
            KeySet::One(Some(other)) => {
                let mut keys = PagedKeys::default();
                keys.insert(*other);
                keys.insert(key);
                *self = KeySet::Paged(keys);
                true
            }
            KeySet::Paged(keys) => keys.insert(key),
        }
    }

    /// Whether the key was in the set.
    pub(crate) fn remove(&mut self, key: MessageKey) -> bool {
        match self {
            KeySet::One(Some(other)) if *other == key => {
                *self = KeySet::One(None);
                true
            }
            KeySet::One(_) => false,
            KeySet::Paged(keys) => {
                let was_there = keys.remove(key);
                if keys.len == 1 {
                    *self = KeySet::One(keys.first());
                }
                was_there
            }
        }
    }

    pub(crate) fn first(&self) -> Option<MessageKey> {
        match self {
            KeySet::One(key) => *key,
            KeySet::Paged(keys) => keys.first(),
        }
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = MessageKey> {
        let (one, paged) = match self {
            KeySet::One(key) => (*key, None),
            KeySet::Paged(keys) => (None, Some(keys.iter())),
        };
        one.into_iter().chain(paged.into_iter().flatten())
    }
}

impl PagedKeys {
    fn insert(&mut self, key: MessageKey) -> bool {
        let (number, place, bit) = split(key);
        let page = Arc::make_mut(self.pages.entry(number).or_default());
        let is_new = match find(page, place) {
            Ok(at) => {
                let (_, bits) = &mut page[at];
                let is_new = *bits & bit == 0;
                *bits |= bit;
                is_new
            }
            Err(at) => {
                page.insert(at, (place, bit));
                true
            }
        };
        self.len += u64::from(is_new);
        is_new
    }

    fn remove(&mut self, key: MessageKey) -> bool {
        let (number, place, bit) = split(key);
        let Some(page) = self.pages.get_mut(&number) else {
            return false;
        };
        let Some(at) = find(page, place).ok().filter(|at| page[*at].1 & bit != 0) else {
            return false;
        };
        let page = Arc::make_mut(page);
        page[at].1 &= !bit;
        if page[at].1 == 0 {
            page.remove(at);
        }
        if page.is_empty() {
            self.pages.remove(&number);
        }
        self.len -= 1;
        true
    }

    fn first(&self) -> Option<MessageKey> {
        let (number, page) = self.pages.first_key_value()?;
        keys_on(*number, page).next()
    }

    fn iter(&self) -> impl Iterator<Item = MessageKey> {
        let pages = self.pages.iter();
        pages.flat_map(|(number, page)| keys_on(*number, page))
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
    /// What its pages take in memory, near enough.
    pub(crate) fn size_bytes(&self) -> usize {
        let KeySet::Paged(keys) = self else {
            return 0;
        };
        let pages = keys.pages.values().map(|page| {
            // Each allocation costs the allocator about 16 bytes; an `Arc` has two counts.
            page.capacity() * size_of::<(u8, u64)>() + 16 + size_of::<Page>() + 16 + 16
        });
        pages.sum::<usize>() + map_bytes(keys.pages.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_in_order(steps in prop::collection::vec((any::<bool>(), 4000..4300_u64), 0..300)) {
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
    fn a_clone_has_all_but_the_page_that_is_changed_in_common_with_its_original() {
        let mut set = KeySet::default();
        for key in (0..1_000_000).step_by(64) {
            set.insert(MessageKey(key));
        }
        let snapshot = set.clone();
        set.insert(MessageKey(1_000_000));
        let KeySet::Paged(keys) = snapshot else {
            unreachable!("there are many");
        };
        let pages = keys.pages.values();
        let own = pages.filter(|page| Arc::strong_count(page) == 1).count();
        assert_eq!((own, keys.pages.len()), (1, 245));
    }

    #[test]
    fn the_largest_key_has_a_place() {
        let mut set = KeySet::default();
        assert!(set.insert(MessageKey(u64::MAX)));
        assert_eq!(set.first(), Some(MessageKey(u64::MAX)));
    }
}
