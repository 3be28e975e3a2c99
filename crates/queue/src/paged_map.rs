//! An ordered map of millions that is cloned in a moment: values lie on small pages, and a page is
//! shared with clones of the state until one of them changes it, as pages of messages are.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

/// One that has as many is cut in two before the next comes.
const MOST_ON_A_PAGE: usize = 64;

/// Values by their keys, in order.
#[derive(Clone, Debug)]
pub(crate) struct PagedMap<K, V> {
    /// By where each begins: nothing on a page is less, and all on the pages before it is. None is
    /// empty.
    pages: PagesByStart<K, V>,
    len: usize,
}

type PagesByStart<K, V> = BTreeMap<K, Arc<Page<K, V>>>;
/// In order.
type Page<K, V> = Vec<(K, V)>;

impl<K, V> Default for PagedMap<K, V> {
    fn default() -> Self {
        PagedMap {
            pages: BTreeMap::new(),
            len: 0,
        }
    }
}

fn find<K: Borrow<Q>, V, Q: Ord + ?Sized>(page: &Page<K, V>, key: &Q) -> Result<usize, usize> {
    page.binary_search_by(|(other, _)| other.borrow().cmp(key))
}

/// The page to which a key belongs, with room for one more. It is empty if it is the first.
fn page_for<'p, K: Ord + Clone, V: Clone>(
    pages: &'p mut PagesByStart<K, V>,
    key: &K,
) -> &'p mut Page<K, V> {
    match pages.range(..=key).next_back() {
        Some((_, page)) if page.len() < MOST_ON_A_PAGE => {}
        Some((start, _)) => cut(pages, &start.clone()),
        None => {
            // Before all others: the first page begins with it from now on.
            let first = pages.pop_first();
            let first = first.map(|(_, page)| page).unwrap_or_default();
            pages.insert(key.clone(), first);
            return page_for(pages, key);
        }
    }
    let page = pages.range_mut(..=key).next_back();
    let (_, page) = page.expect("a page begins there or before");
    Arc::make_mut(page)
}

/// Cuts a page in two.
fn cut<K: Ord + Clone, V: Clone>(pages: &mut PagesByStart<K, V>, start: &K) {
    let page = pages.get_mut(start).expect("a page begins there");
    let page = Arc::make_mut(page);
    let upper = page.split_off(page.len() / 2);
    // Where keys only grow, nothing comes to it any more.
    page.shrink_to_fit();
    pages.insert(upper[0].0.clone(), Arc::new(upper));
}

impl<K: Ord + Clone, V: Clone> PagedMap<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first(&self) -> Option<(&K, &V)> {
        let (_, page) = self.pages.first_key_value()?;
        page.first().map(|(key, value)| (key, value))
    }

    /// With the key as it is kept, which may be another one that is equal.
    pub(crate) fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let to_here = (Bound::Unbounded, Bound::Included(key));
        let (_, page) = self.pages.range::<Q, _>(to_here).next_back()?;
        let (key, value) = page.get(find(page, key).ok()?)?;
        Some((key, value))
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        Some(self.get_key_value(key)?.1)
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let to_here = (Bound::Unbounded, Bound::Included(key));
        let (_, page) = self.pages.range_mut::<Q, _>(to_here).next_back()?;
        let at = find(page, key).ok()?;
        let (_, value) = Arc::make_mut(page).get_mut(at)?;
        Some(value)
    }

    /// Returns the value that the key had before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let page = page_for(&mut self.pages, &key);
        match find(page, &key) {
            Ok(at) => Some(std::mem::replace(&mut page[at].1, value)),
            Err(at) => {
                page.insert(at, (key, value));
                self.len += 1;
                None
            }
        }
    }

    /// The value of the key; if it has none, it gets the default.
    pub(crate) fn get_or_default(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        let page = page_for(&mut self.pages, key);
        let at = find(page, key).unwrap_or_else(|at| {
            page.insert(at, (key.clone(), V::default()));
            self.len += 1;
            at
        });
        &mut page[at].1
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let to_here = (Bound::Unbounded, Bound::Included(key));
        let (start, page) = self.pages.range_mut::<Q, _>(to_here).next_back()?;
        let at = find(page, key).ok()?;
        let page = Arc::make_mut(page);
        let (_, value) = page.remove(at);
        if page.is_empty() {
            let start = start.clone();
            self.pages.remove(start.borrow());
        } else if page.len() < page.capacity() / 4 {
            page.shrink_to(page.capacity() / 2);
        }
        self.len -= 1;
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let all = self.pages.values().flat_map(|page| page.iter());
        all.map(|(key, value)| (key, value))
    }

    /// What is not before this bound, in order.
    pub(crate) fn range_from(&self, from: Bound<K>) -> impl Iterator<Item = (&K, &V)> {
        let start = match &from {
            Bound::Included(key) | Bound::Excluded(key) => self.pages.range(..=key).next_back(),
            Bound::Unbounded => None,
        };
        let start = start.map_or(Bound::Unbounded, |(start, _)| Bound::Included(start));
        let pages = self.pages.range((start, Bound::Unbounded));
        let all = pages.flat_map(|(_, page)| page.iter());
        // No more than one page of them.
        let is_before = move |key: &K| match &from {
            Bound::Included(from) => key < from,
            Bound::Excluded(from) => key <= from,
            Bound::Unbounded => false,
        };
        all.map(|(key, value)| (key, value))
            .skip_while(move |(key, _)| is_before(key))
    }

    #[cfg(test)]
    pub(crate) fn pages(&self) -> Pages {
        let pages = || self.pages.values();
        Pages {
            all: pages().count(),
            shared: pages().filter(|page| Arc::strong_count(page) > 1).count(),
            sound: pages()
                .filter(|page| (1..=MOST_ON_A_PAGE).contains(&page.len()))
                .count(),
        }
    }
}

/// How many pages there are, how many of them clones have, too, and on how many are as many values as
/// there may be.
#[cfg(test)]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) all: usize,
    pub(crate) shared: usize,
    pub(crate) sound: usize,
}

impl<K: Ord + Clone, V: Clone> IntoIterator for PagedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::FlatMap<
        std::collections::btree_map::IntoValues<K, Arc<Page<K, V>>>,
        Page<K, V>,
        fn(Arc<Page<K, V>>) -> Page<K, V>,
    >;

    /// In order.
    fn into_iter(self) -> Self::IntoIter {
        self.pages.into_values().flat_map(Arc::unwrap_or_clone)
    }
}

/// On which pages values lie is no part of what a map is: it follows from how it came about.
impl<K: Ord + Clone, V: Clone + PartialEq> PartialEq for PagedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone, V: Clone + Eq> Eq for PagedMap<K, V> {}

/// As that of a map on no pages.
impl<K: Ord + Clone + Hash, V: Clone + Hash> Hash for PagedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len);
        for entry in self.iter() {
            entry.hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use proptest::prelude::*;

    use super::*;

    fn hash(value: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    fn of(values: impl IntoIterator<Item = (u32, u8)>) -> PagedMap<u32, u8> {
        let mut map = PagedMap::default();
        for (key, value) in values {
            map.insert(key, value);
        }
        map
    }

    proptest! {
        #[test]
        fn it_is_a_map_in_order(
            steps in prop::collection::vec((0..5, 0..600_u32, any::<u8>()), 0..2_000),
            from in 0..600_u32,
        ) {
            let mut map = PagedMap::default();
            let mut expected = BTreeMap::new();
            for (step, key, value) in steps {
                // It grows, so that pages are cut.
                match step {
                    0 => prop_assert_eq!(map.remove(&key), expected.remove(&key)),
                    1 => {
                        let own = map.get_or_default(&key);
                        *own ^= value;
                        *expected.entry(key).or_default() ^= value;
                    }
                    2 => {
                        prop_assert_eq!(map.get_key_value(&key), expected.get_key_value(&key));
                        prop_assert_eq!(map.get_mut(&key), expected.get_mut(&key));
                    }
                    _ => prop_assert_eq!(map.insert(key, value), expected.insert(key, value)),
                }
                prop_assert_eq!(map.len(), expected.len());
                prop_assert_eq!(map.is_empty(), expected.is_empty());
                prop_assert_eq!(map.first(), expected.first_key_value());
                prop_assert_eq!(map.pages().sound, map.pages().all);
            }
            prop_assert!(map.iter().eq(&expected));
            for from in [Bound::Unbounded, Bound::Included(from), Bound::Excluded(from)] {
                let rest = expected.range((from, Bound::Unbounded));
                prop_assert!(map.range_from(from).eq(rest));
            }
            prop_assert!(map.clone().into_iter().eq(expected.clone()));
            // Whatever was in it before, and in whichever order they came.
            let backwards = of(expected.iter().rev().map(|(key, value)| (*key, *value)));
            prop_assert_eq!(hash(&map), hash(&backwards));
            prop_assert_eq!(hash(&map), hash(&expected), "as of a map on no pages");
            prop_assert_eq!(map, backwards);
        }
    }

    #[test]
    fn maps_with_other_keys_or_values_differ() {
        assert_ne!(
            of((0..100).map(|key| (key, 0))),
            of((1..101).map(|key| (key, 0)))
        );
        assert_ne!(
            of((0..100).map(|key| (key, 0))),
            of((0..101).map(|key| (key, 0)))
        );
        assert_ne!(of([(0, 0)]), of([(0, 1)]));
    }

    #[test]
    fn a_clone_has_all_but_the_page_that_is_changed_in_common_with_its_original() {
        let mut map = of((0..100_000).map(|key| (key, 0)));
        let snapshot = map.clone();
        map.insert(100_000, 0);
        map.remove(&0);
        *map.get_or_default(&50_000) = 1;
        let Pages { all, shared, .. } = snapshot.pages();
        assert_eq!((all - shared, all), (3, 3_124));
    }
}
