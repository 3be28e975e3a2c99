//! What a purge or the end of a queue leaves behind: nobody's any more, and still in memory.

use crate::deduplication::Deduplication;
use crate::messages::Messages;

/// What queues held until a batch emptied or deleted them. It takes a second to free millions of
/// messages: whoever applies batches chooses where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discarded(Vec<(Messages, Deduplication)>);

impl Discarded {
    pub(crate) fn add(&mut self, messages: Messages, deduplication: Deduplication) {
        self.0.push((messages, deduplication));
    }

    /// Whether there is nothing to free.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many messages there are in all.
    #[must_use]
    pub fn messages(&self) -> u64 {
        let queues = self.0.iter();
        queues.map(|(messages, _)| messages.len()).sum()
    }
}
