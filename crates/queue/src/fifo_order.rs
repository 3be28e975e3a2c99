//! In which order the messages of a FIFO queue are received.
//!
//! Each message group is a line of its own. What can be received of it is the stretch from its
//! first message to the first one in flight: so while the first message is in flight the group is
//! locked, and one receive can take several messages of a group, in order. Delayed messages are
//! not in the line yet.

use std::sync::Arc;

use zonemq_planted::{Bug, is_planted};

use crate::ids::MessageKey;
use crate::key_set::KeySet;
use crate::paged_map::PagedMap;

/// The messages of one group. Only some of the visible ones can be received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Line {
    visible: KeySet,
    in_flight: KeySet,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.visible.is_empty() && self.in_flight.is_empty()
    }

    /// The stretch from the first message to the first one in flight.
    fn open(&self) -> impl Iterator<Item = MessageKey> {
        let locked_from = self.in_flight.first();
        self.visible
            .iter()
            .take_while(move |key| locked_from.is_none_or(|locked| *key < locked))
    }
}

/// The groups, and which of them can be received from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FifoOrder {
    lines: PagedMap<Arc<str>, Line>,
    /// Groups whose first message is visible, by that message: the oldest first.
    unlocked: PagedMap<MessageKey, Arc<str>>,
    visible: u64,
}

impl FifoOrder {
    pub(crate) fn visible(&self) -> u64 {
        self.visible
    }

    pub(crate) fn can_receive(&self) -> bool {
        !self.unlocked.is_empty()
    }

    /// The messages of the group whose turn it is, in order.
    pub(crate) fn first(&self) -> impl Iterator<Item = MessageKey> {
        let group = self.unlocked.first();
        let line = group.and_then(|(_, name)| self.lines.get(name));
        line.into_iter().flat_map(Line::open)
    }

    /// The name of a group that has messages here.
    pub(crate) fn name_of(&self, group: &str) -> Option<Arc<str>> {
        let (name, _) = self.lines.get_key_value(group)?;
        Some(Arc::clone(name))
    }

    /// Makes a message visible: it is new, its delay has ended, or it comes back. Returns whether
    /// its group can be received from only since now.
    pub(crate) fn show(&mut self, key: MessageKey, group: Arc<str>) -> bool {
        self.visible += 1;
        self.edit(group, |line| {
            line.in_flight.remove(key);
            line.visible.insert(key);
        })
    }

    /// A visible message is received.
    pub(crate) fn receive(&mut self, key: MessageKey, group: Arc<str>) {
        self.visible -= 1;
        self.edit(group, |line| {
            line.visible.remove(key);
            if !is_planted(Bug::GroupLockLost) {
                line.in_flight.insert(key);
            }
        });
    }

    /// Takes a message out of its line. Returns whether its group can be received from only
    /// since now.
    pub(crate) fn remove(&mut self, key: MessageKey, group: Arc<str>) -> bool {
        let mut was_visible = false;
        let unlocked = self.edit(group, |line| {
            was_visible = line.visible.remove(key);
            line.in_flight.remove(key);
        });
        self.visible -= u64::from(was_visible);
        unlocked
    }

    /// Changes a line and keeps its turn in step. Returns whether its group can be received from
    /// only since now.
    fn edit(&mut self, name: Arc<str>, change: impl FnOnce(&mut Line)) -> bool {
        let line = self.lines.get_or_default(&name);
        let before = line.open().next();
        change(line);
        let after = line.open().next();
        if line.is_empty() {
            self.lines.remove(&name);
        }
        // Most messages come behind others: then it is the turn of the same one as before.
        if before != after {
            if let Some(before) = before {
                self.unlocked.remove(&before);
            }
            if let Some(after) = after {
                self.unlocked.insert(after, name);
            }
        }
        before.is_none() && after.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_has_all_lines_but_those_that_are_touched_in_common_with_its_original() {
        let mut order = FifoOrder::default();
        for number in 0..10_000 {
            order.show(MessageKey(number), number.to_string().into());
        }
        let snapshot = order.clone();
        order.show(MessageKey(10_000), "0".into());
        for pages in [snapshot.lines.pages(), order.lines.pages()] {
            assert_eq!(pages.all - pages.shared, 1);
        }
        // Its first message is the same as before: so is its turn.
        let pages = snapshot.unlocked.pages();
        assert_eq!(pages.all, pages.shared);
    }
}
