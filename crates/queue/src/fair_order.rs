//! In which order the visible messages of a standard queue are received.
//!
//! Nearly the order of arrival: a message that comes back is in its old place, but one that was
//! received three times goes to the back. And fair: a message group that has a great part of all
//! messages in flight is noisy, and waits until nothing of the others is visible. See "fair
//! queues" in the guide of SQS; a message without a group is a tenant of its own, never noisy.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::MessageKey;
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

/// Who is next: one message without a group, or the first message of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Candidate {
    Message(MessageKey),
    Group(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Group {
    visible: BTreeMap<Position, MessageKey>,
    in_flight: u64,
    last_sent_at: Millis,
    /// While it is noisy: the moment under which it is in `noisy_until`.
    noisy_until: Option<Millis>,
}

/// What is visible, and whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct FairOrder {
    /// Of quiet tenants, by their first message.
    quiet: BTreeMap<Position, Candidate>,
    /// Noisy groups that have something visible: the fewest in flight first.
    noisy: BTreeSet<(u64, Position, String)>,
    /// When a noisy group is quiet again if nobody sends to it.
    noisy_until: BTreeSet<(Millis, String)>,
    /// Those that have anything visible or in flight.
    groups: BTreeMap<String, Group>,
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
        if let Some((position, candidate)) = self.quiet.first_key_value() {
            return match candidate {
                Candidate::Message(key) => Some((*position, *key)),
                Candidate::Group(name) => self.first_of(name),
            };
        }
        let (_, _, name) = self.noisy.first()?;
        self.first_of(name)
    }

    fn first_of(&self, name: &str) -> Option<(Position, MessageKey)> {
        let (position, key) = self.groups.get(name)?.visible.first_key_value()?;
        Some((*position, *key))
    }

    /// Notes a send, which keeps a noisy group noisy.
    pub(crate) fn sent(&mut self, group: Option<&str>, now: Millis) {
        if let Some(name) = group {
            self.edit(name, |group| group.last_sent_at = now);
        }
    }

    /// The place of a message that becomes visible; `back` is the last place.
    pub(crate) fn position(key: MessageKey, receive_count: u32, back: u64) -> Position {
        if receive_count >= RECEIVES_BEFORE_THE_BACK {
            Position(back)
        } else {
            Position(key.0)
        }
    }

    /// Makes a message visible.
    pub(crate) fn show(&mut self, position: Position, key: MessageKey, group: Option<&str>) {
        self.visible += 1;
        match group {
            None => {
                self.quiet.insert(position, Candidate::Message(key));
            }
            Some(name) => self.edit(name, |group| {
                group.visible.insert(position, key);
            }),
        }
    }

    /// Takes a visible message out: it is received or removed.
    pub(crate) fn hide(&mut self, position: Position, group: Option<&str>) {
        self.visible -= 1;
        match group {
            None => {
                self.quiet.remove(&position);
            }
            Some(name) => self.edit(name, |group| {
                group.visible.remove(&position);
            }),
        }
    }

    /// A message of the group was received: the group may be noisy now.
    pub(crate) fn received(&mut self, group: Option<&str>) {
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
            if is_noisy && group.noisy_until.is_none() && !group.visible.is_empty() {
                turned_noisy = Some(group.last_sent_at + QUIET_AFTER);
                group.noisy_until = turned_noisy;
            }
        });
        if let Some(until) = turned_noisy {
            self.noisy_until.insert((until, name.to_owned()));
        }
    }

    /// A message of the group is not in flight any more.
    pub(crate) fn landed(&mut self, group: Option<&str>) {
        self.in_flight -= 1;
        if let Some(name) = group {
            self.edit(name, |group| group.in_flight -= 1);
        }
    }

    /// Changes a group and keeps its turn in step. A noisy group without anything visible has
    /// drained: it is quiet again.
    fn edit(&mut self, name: &str, change: impl FnOnce(&mut Group)) {
        let mut group = self.groups.remove(name).unwrap_or_default();
        if let Some((first, _)) = group.visible.first_key_value() {
            match group.noisy_until {
                None => drop(self.quiet.remove(first)),
                Some(_) => drop(
                    self.noisy
                        .remove(&(group.in_flight, *first, name.to_owned())),
                ),
            }
        }
        change(&mut group);
        match (group.visible.first_key_value(), group.noisy_until) {
            (Some((first, _)), None) => {
                let candidate = Candidate::Group(name.to_owned());
                self.quiet.insert(*first, candidate);
            }
            (Some((first, _)), Some(_)) => {
                self.noisy
                    .insert((group.in_flight, *first, name.to_owned()));
            }
            (None, Some(until)) => {
                self.noisy_until.remove(&(until, name.to_owned()));
                group.noisy_until = None;
            }
            (None, None) => {}
        }
        if !group.visible.is_empty() || group.in_flight > 0 {
            self.groups.insert(name.to_owned(), group);
        }
    }
}
