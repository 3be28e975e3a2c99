//! In which order the messages of a FIFO queue are received.
//!
//! Each message group is a line of its own. What can be received of it is the stretch from its
//! first message to the first one in flight: so while the first message is in flight the group is
//! locked, and one receive can take several messages of a group, in order. Delayed messages are
//! not in the line yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zonemq_planted::{Bug, is_planted};

use crate::ids::MessageKey;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Standing {
    Visible,
    InFlight,
}

type Line = BTreeMap<MessageKey, Standing>;

/// The groups, and which of them can be received from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct FifoOrder {
    lines: BTreeMap<String, Line>,
    /// Groups whose first message is visible, by that message: the oldest first.
    unlocked: BTreeMap<MessageKey, String>,
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
        let group = self.unlocked.first_key_value();
        let line = group.and_then(|(_, name)| self.lines.get(name));
        line.into_iter()
            .flatten()
            .take_while(|(_, standing)| **standing == Standing::Visible)
            .map(|(key, _)| *key)
    }

    /// Makes a message visible: it is new, its delay has ended, or it comes back. Returns whether
    /// its group can be received from only since now.
    pub(crate) fn show(&mut self, key: MessageKey, group: &str) -> bool {
        self.visible += 1;
        self.edit(group, |line| {
            line.insert(key, Standing::Visible);
        })
    }

    /// A visible message is received.
    pub(crate) fn receive(&mut self, key: MessageKey, group: &str) {
        self.visible -= 1;
        self.edit(group, |line| {
            line.insert(key, Standing::InFlight);
            if is_planted(Bug::GroupLockLost) {
                line.remove(&key);
            }
        });
    }

    /// Takes a message out of its line. Returns whether its group can be received from only
    /// since now.
    pub(crate) fn remove(&mut self, key: MessageKey, group: &str) -> bool {
        let mut removed = None;
        let unlocked = self.edit(group, |line| removed = line.remove(&key));
        if removed == Some(Standing::Visible) {
            self.visible -= 1;
        }
        unlocked
    }

    /// Changes a line and keeps its turn in step.
    fn edit(&mut self, name: &str, change: impl FnOnce(&mut Line)) -> bool {
        let mut line = self.lines.remove(name).unwrap_or_default();
        let was_unlocked = match line.first_key_value() {
            Some((first, Standing::Visible)) => self.unlocked.remove(first).is_some(),
            Some((_, Standing::InFlight)) | None => false,
        };
        change(&mut line);
        let is_unlocked = match line.first_key_value() {
            Some((first, Standing::Visible)) => {
                self.unlocked.insert(*first, name.to_owned());
                true
            }
            Some((_, Standing::InFlight)) | None => false,
        };
        if !line.is_empty() {
            self.lines.insert(name.to_owned(), line);
        }
        is_unlocked && !was_unlocked
    }
}
