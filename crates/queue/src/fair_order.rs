//! In which order the visible messages of a standard queue are received.
//!
//! Nearly the order of arrival: a message that comes back is in its old place, but one that was
//! received three times goes to the back. And fair: a message group that has a great part of all
//! messages in flight is noisy, and waits until nothing of the others is visible. See "fair
//! queues" in the guide of SQS; a message without a group is a tenant of its own, never noisy.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::MessageKey;
use crate::key_set::KeySet;
use crate::paged_map::PagedMap;
use crate::time::{Millis, Seconds};

/// A message that was received so often and not deleted goes to the back of the queue.
const RECEIVES_BEFORE_THE_BACK: u32 = 3;
/// A group with fewer messages in flight is never noisy.
const NOISY_IN_FLIGHT: u64 = 30;
/// Nor is one that has at most a tenth of all that are in flight.
const NOISY_SHARE: u64 = 10;
/// A noisy group to which nobody sends for so long is quiet again.
const QUIET_AFTER: Seconds = Seconds(300);

/// A place among the visible messages: the number of the message, or a later one at the back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Position(pub(crate) u64);

impl Position {
    /// A message's own place.
    pub(crate) fn of(key: MessageKey) -> Position {
        Position(key.0)
    }
}

/// Who is next: one message without a group that went to the back, or the first message of a
/// group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Candidate {
    Message(MessageKey),
    Group(Arc<str>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Group {
    /// Visible messages in their own places.
    visible: KeySet,
    /// Visible messages that went to the back.
    back: PagedMap<Position, MessageKey>,
    in_flight: u64,
    last_sent_at: Millis,
    /// While it is noisy: the moment under which it is in `noisy_until`.
    noisy_until: Option<Millis>,
}

impl Group {
    fn first(&self) -> Option<(Position, MessageKey)> {
        let own = self.visible.first().map(|key| (Position::of(key), key));
        let back = self.back.first().map(|(position, key)| (*position, *key));
        own.into_iter().chain(back).min()
    }

    /// Whether there was no such message.
    fn show(&mut self, position: Position, key: MessageKey) -> bool {
        if position == Position::of(key) {
            self.visible.insert(key)
        } else {
            self.back.insert(position, key).is_none()
        }
    }

    fn hide(&mut self, position: Position, key: MessageKey) {
        if position == Position::of(key) {
            self.visible.remove(key);
        } else {
            self.back.remove(&position);
        }
    }

    fn turn(&self) -> Turn {
        match (self.first(), self.noisy_until) {
            (None, _) => Turn::Never,
            (Some((first, _)), None) => Turn::Quiet(first),
            (Some((first, _)), Some(_)) => Turn::Noisy(self.in_flight, first),
        }
    }
}

/// When it is a group's turn: where it is among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing of it is visible.
    Never,
    Quiet(Position),
    Noisy(u64, Position),
}

/// What is known of a group beside its messages.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct GroupMemory {
    last_sent_at: Millis,
    noisy_until: Option<Millis>,
}

/// What is visible, and whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FairOrder {
    /// Messages without a group in their own places.
    alone: KeySet,
    /// Other quiet tenants, by their first message.
    quiet: PagedMap<Position, Candidate>,
    /// Noisy groups that have something visible: the fewest in flight first.
    noisy: BTreeSet<(u64, Position, Arc<str>)>,
    /// When a noisy group is quiet again if nobody sends to it.
    noisy_until: BTreeSet<(Millis, Arc<str>)>,
    /// Those that have anything visible or in flight.
    groups: PagedMap<Arc<str>, Group>,
    visible: u64,
    in_flight: u64,
}

impl FairOrder {
    /// Ends what is noisy for lack of sends.
    pub(crate) fn advance(&mut self, now: Millis) {
        while let Some((until, name)) = self.noisy_until.first().cloned()
            && until <= now
        {
            self.noisy_until.pop_first();
            let sent = self.groups.get(&name).map(|group| group.last_sent_at);
            match sent.map(|sent| sent + QUIET_AFTER) {
                // Somebody has sent since.
                Some(later) if later > now => {
                    self.noisy_until.insert((later, name.clone()));
                    self.edit(&name, |group| group.noisy_until = Some(later));
                }
                Some(_) | None => self.edit(&name, |group| group.noisy_until = None),
            }
        }
    }

    pub(crate) fn visible(&self) -> u64 {
        self.visible
    }

    /// Groups that are noisy now.
    pub(crate) fn noisy_groups(&self) -> u64 {
        self.noisy_until.len() as u64
    }

    /// The message whose turn it is, and its place.
    pub(crate) fn first(&self) -> Option<(Position, MessageKey)> {
        let alone = self.alone.first().map(|key| (Position::of(key), key));
        let quiet = self.quiet.first();
        let quiet = quiet.and_then(|(position, candidate)| match candidate {
            Candidate::Message(key) => Some((*position, *key)),
            Candidate::Group(name) => self.first_of(name),
        });
        let quiet = alone.into_iter().chain(quiet).min();
        if quiet.is_some() {
            return quiet;
        }
        let (_, _, name) = self.noisy.first()?;
        self.first_of(name)
    }

    fn first_of(&self, name: &Arc<str>) -> Option<(Position, MessageKey)> {
        self.groups.get(name)?.first()
    }

    /// The name of a group that has messages here.
    pub(crate) fn name_of(&self, group: &str) -> Option<Arc<str>> {
        let (name, _) = self.groups.get_key_value(group)?;
        Some(Arc::clone(name))
    }

    /// Notes a send, which keeps a noisy group noisy.
    pub(crate) fn sent(&mut self, group: Option<&Arc<str>>, now: Millis) {
        if let Some(name) = group {
            self.edit(name, |group| group.last_sent_at = now);
        }
    }

    /// The place of a message that becomes visible; `back` is the last place.
    pub(crate) fn position(key: MessageKey, receive_count: u32, back: u64) -> Position {
        if receive_count >= RECEIVES_BEFORE_THE_BACK {
            Position(back)
        } else {
            Position::of(key)
        }
    }

    /// Makes a message visible.
    pub(crate) fn show(&mut self, position: Position, key: MessageKey, group: Option<&Arc<str>>) {
        self.visible += 1;
        match group {
            None if position == Position::of(key) => drop(self.alone.insert(key)),
            None => drop(self.quiet.insert(position, Candidate::Message(key))),
            Some(name) => self.edit(name, |group| {
                group.show(position, key);
            }),
        }
    }

    /// Takes a visible message out: it is received or removed.
    pub(crate) fn hide(&mut self, position: Position, key: MessageKey, group: Option<&Arc<str>>) {
        self.visible -= 1;
        match group {
            None if position == Position::of(key) => drop(self.alone.remove(key)),
            None => drop(self.quiet.remove(&position)),
            Some(name) => self.edit(name, |group| group.hide(position, key)),
        }
    }

    /// A message of the group was received: the group may be noisy now.
    pub(crate) fn received(&mut self, group: Option<&Arc<str>>) {
        self.in_flight += 1;
        let Some(name) = group else {
            return;
        };
        let all = self.in_flight;
        let mut turned_noisy = None;
        self.edit(name, |group| {
            group.in_flight += 1;
            let is_noisy =
                group.in_flight >= NOISY_IN_FLIGHT && group.in_flight * NOISY_SHARE > all;
            if is_noisy && group.noisy_until.is_none() && group.first().is_some() {
                turned_noisy = Some(group.last_sent_at + QUIET_AFTER);
                group.noisy_until = turned_noisy;
            }
        });
        if let Some(until) = turned_noisy {
            self.noisy_until.insert((until, Arc::clone(name)));
        }
    }

    /// A message of the group is not in flight any more.
    pub(crate) fn landed(&mut self, group: Option<&Arc<str>>) {
        self.in_flight -= 1;
        if let Some(name) = group {
            self.edit(name, |group| group.in_flight -= 1);
        }
    }

    /// Changes a group and keeps its turn in step. A noisy group without anything visible has
    /// drained: it is quiet again.
    fn edit(&mut self, name: &Arc<str>, change: impl FnOnce(&mut Group)) {
        let group = self.groups.get_or_default(name);
        let before = group.turn();
        change(group);
        let after = group.turn();
        if after == Turn::Never
            && let Some(until) = group.noisy_until.take()
        {
            self.noisy_until.remove(&(until, Arc::clone(name)));
        }
        if after == Turn::Never && group.in_flight == 0 {
            self.groups.remove(name);
        }
        // Most messages come behind others: then it is its turn as before.
        if before != after {
            self.end_turn(before, name);
            self.give_turn(after, name);
        }
    }

    fn give_turn(&mut self, turn: Turn, name: &Arc<str>) {
        let name = Arc::clone(name);
        match turn {
            Turn::Never => {}
            Turn::Quiet(first) => drop(self.quiet.insert(first, Candidate::Group(name))),
            Turn::Noisy(in_flight, first) => drop(self.noisy.insert((in_flight, first, name))),
        }
    }

    fn end_turn(&mut self, turn: Turn, name: &Arc<str>) {
        match turn {
            Turn::Never => {}
            Turn::Quiet(first) => drop(self.quiet.remove(&first)),
            Turn::Noisy(in_flight, first) => {
                self.noisy.remove(&(in_flight, first, Arc::clone(name)));
            }
        }
    }

    /// What cannot be known from the messages again.
    pub(crate) fn into_memories(self) -> impl Iterator<Item = (Arc<str>, GroupMemory)> + Send {
        self.groups.into_iter().map(|(name, group)| {
            let memory = GroupMemory {
                last_sent_at: group.last_sent_at,
                noisy_until: group.noisy_until,
            };
            (name, memory)
        })
    }

    /// Before the messages of the group.
    pub(crate) fn restore_memory(&mut self, name: Arc<str>, memory: GroupMemory) {
        let group = Group {
            last_sent_at: memory.last_sent_at,
            noisy_until: memory.noisy_until,
            ..Group::default()
        };
        self.groups.insert(name, group);
    }

    /// A message that is visible; nothing if its group or its place is not as it should be.
    pub(crate) fn restore_visible(
        &mut self,
        position: Position,
        key: MessageKey,
        group: Option<&Arc<str>>,
    ) -> Option<()> {
        let Some(name) = group else {
            self.show(position, key, None);
            return Some(());
        };
        self.visible += 1;
        self.groups.get_mut(name)?.show(position, key).then_some(())
    }

    /// A message that is in flight.
    pub(crate) fn restore_in_flight(&mut self, group: Option<&Arc<str>>) -> Option<()> {
        self.in_flight += 1;
        if let Some(name) = group {
            self.groups.get_mut(name)?.in_flight += 1;
        }
        Some(())
    }

    /// Gives each group its turn, when all messages are there; nothing if a group has none.
    pub(crate) fn finish_restoring(&mut self) -> Option<()> {
        let groups = self.groups.clone();
        for (name, group) in groups.iter() {
            if let Some(until) = group.noisy_until {
                self.noisy_until.insert((until, Arc::clone(name)));
            }
            match group.turn() {
                Turn::Never if group.in_flight > 0 && group.noisy_until.is_none() => {}
                Turn::Never => return None,
                turn => self.give_turn(turn, name),
            }
        }
        Some(())
    }
}

#[cfg(test)]
impl FairOrder {
    pub(crate) fn size_bytes(&self) -> usize {
        self.alone.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_has_all_groups_but_those_that_are_touched_in_common_with_its_original() {
        let mut order = FairOrder::default();
        for number in 0..10_000 {
            let name: Arc<str> = number.to_string().into();
            let key = MessageKey(number);
            order.show(Position::of(key), key, Some(&name));
        }
        let snapshot = order.clone();
        let key = MessageKey(10_000);
        order.show(Position::of(key), key, Some(&"0".into()));
        for pages in [snapshot.groups.pages(), order.groups.pages()] {
            assert_eq!(pages.all - pages.shared, 1);
        }
        // Its first message is the same as before: so is its turn.
        let pages = snapshot.quiet.pages();
        assert_eq!(pages.all, pages.shared);
    }
}
