//! An ordered set of millions that is cloned in a moment: a [`PagedMap`] without values.

use std::ops::Bound;

use crate::paged_map::PagedMap;

/// Values in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PagedSet<T: Ord + Clone>(PagedMap<T, ()>);

impl<T: Ord + Clone> Default for PagedSet<T> {
    fn default() -> Self {
        PagedSet(PagedMap::default())
    }
}

impl<T: Ord + Clone> PagedSet<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.0.first().map(|(value, ())| value)
    }

    /// Whether the value was not in the set.
    pub(crate) fn insert(&mut self, value: T) -> bool {
        self.0.insert(value, ()).is_none()
    }

    /// Whether the value was in the set.
    pub(crate) fn remove(&mut self, value: &T) -> bool {
        self.0.remove(value).is_some()
    }

    /// What is not before this bound, in order.
    pub(crate) fn range_from(&self, from: Bound<T>) -> impl Iterator<Item = &T> {
        self.0.range_from(from).map(|(value, ())| value)
    }
}

impl<T: Ord + Clone> IntoIterator for PagedSet<T> {
    type Item = T;
    type IntoIter = std::iter::Map<<PagedMap<T, ()> as IntoIterator>::IntoIter, fn((T, ())) -> T>;

    /// In order.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(value, ())| value)
    }
}
