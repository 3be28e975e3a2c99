//! An ordered set of millions that is cloned in a moment: values lie on small pages, and a page is
//! shared with clones of the state until one of them changes it, as pages of messages are.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A page that has grown to twice as many is cut in two.
const VALUES_ON_A_PAGE: usize = 64;

/// Values in order.
#[derive(Clone, Debug)]
pub(crate) struct PagedSet<T> {
    /// By where each begins: nothing on a page is less, and all on the pages before it is. None is
    /// empty.
    pages: BTreeMap<T, Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for PagedSet<T> {
    fn default() -> Self {
        PagedSet {
            pages: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<T: Ord + Copy> PagedSet<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn first(&self) -> Option<T> {
        let (_, page) = self.pages.first_key_value()?;
        page.first().copied()
    }

    /// Whether the value was not in the set.
    pub(crate) fn insert(&mut self, value: T) -> bool {
        let Some(start) = self.start_for(value) else {
            self.pages.insert(value, Arc::new(vec![value]));
            self.len += 1;
            return true;
        };
        let page = self.pages.get_mut(&start);
        // What `start_for` returns is there.
        let page = Arc::make_mut(page.expect("a page begins there"));
        let Err(at) = page.binary_search(&value) else {
            return false;
        };
        page.insert(at, value);
        self.len += 1;
        if page.len() == 2 * VALUES_ON_A_PAGE {
            let upper = page.split_off(VALUES_ON_A_PAGE);
            self.pages.insert(upper[0], Arc::new(upper));
        }
        true
    }

    /// Where the page begins to which a value belongs, if there is any page.
    fn start_for(&mut self, value: T) -> Option<T> {
        if let Some((start, _)) = self.pages.range(..=value).next_back() {
            return Some(*start);
        }
        // Before all others: the first page begins with it from now on.
        let (_, first) = self.pages.pop_first()?;
        self.pages.insert(value, first);
        Some(value)
    }

    /// Whether the value was in the set.
    pub(crate) fn remove(&mut self, value: T) -> bool {
        let Some((start, page)) = self.pages.range_mut(..=value).next_back() else {
            return false;
        };
        let Ok(at) = page.binary_search(&value) else {
            return false;
        };
        if page.len() == 1 {
            let start = *start;
            self.pages.remove(&start);
        } else {
            Arc::make_mut(page).remove(at);
        }
        self.len -= 1;
        true
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.values().flat_map(|page| page.iter())
    }
}

/// On which pages values lie is no part of what a set is: it follows from how it came about.
impl<T: Ord + Copy> PartialEq for PagedSet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Ord + Copy> Eq for PagedSet<T> {}

impl<T: Ord + Copy + Hash> Hash for PagedSet<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len);
        for value in self.iter() {
            value.hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::DefaultHasher;

    use proptest::prelude::*;

    use super::*;

    fn hash(value: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    fn of(values: impl IntoIterator<Item = u32>) -> PagedSet<u32> {
        let mut set = PagedSet::default();
        for value in values {
            set.insert(value);
        }
        set
    }

    proptest! {
        #[test]
        fn it_is_a_set_in_order(steps in prop::collection::vec((0..3, 0..600_u32), 0..2_000)) {
            let mut set = PagedSet::default();
            let mut expected = BTreeSet::new();
            for (step, value) in steps {
                // It grows, so that pages are cut.
                if step == 0 {
                    prop_assert_eq!(set.remove(value), expected.remove(&value));
                } else {
                    prop_assert_eq!(set.insert(value), expected.insert(value));
                }
                prop_assert_eq!(set.len(), expected.len());
                prop_assert_eq!(set.first(), expected.first().copied());
                let pages = set.pages.values();
                prop_assert!(pages.clone().all(|page| (1..2 * VALUES_ON_A_PAGE).contains(&page.len())));
            }
            prop_assert!(set.iter().eq(&expected));
            // Whatever was in it before, and in whichever order they came.
            let backwards = of(expected.iter().rev().copied());
            prop_assert_eq!(hash(&set), hash(&backwards));
            prop_assert_eq!(hash(&set), hash(&expected), "as of a set on no pages");
            prop_assert_eq!(set, backwards);
        }
    }

    #[test]
    fn sets_with_other_values_differ() {
        assert_ne!(of(0..100), of(1..101));
        assert_ne!(of(0..100), of(0..101));
    }

    #[test]
    fn a_clone_has_all_but_the_page_that_is_changed_in_common_with_its_original() {
        let mut set = of(0..100_000);
        let snapshot = set.clone();
        set.insert(100_000);
        set.remove(0);
        let pages = snapshot.pages.values();
        let own = pages.filter(|page| Arc::strong_count(page) == 1).count();
        assert_eq!((own, snapshot.pages.len()), (2, 1_562));
    }
}
