//! Counts what faults really did: a partition that blocked nothing has shown nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of a run. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(Arc<Mutex<BTreeMap<String, u64>>>);

impl Coverage {
    /// Adds to a counter, named in plain words.
    pub(crate) fn add(&self, what: &str, count: u64) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counters.get_mut(what) {
            Some(counter) => *counter += count,
            None => {
                counters.insert(what.to_owned(), count);
            }
        }
    }

    /// All counters, by name.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
