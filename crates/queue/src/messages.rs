//! The messages of one queue: what is visible, delayed and in flight, and when that changes. No
//! operation scans the queue. Receiving is in `receive`, what receivers do with what they
//! hold in `held`, and how all this travels in snapshots in `restore`.

mod held;
mod pages;
mod receive;
mod restore;
mod seen;
mod stored;

use std::sync::Arc;

use zonemq_planted::{Bug, is_planted};

use crate::attempts::Attempts;
use crate::fair_order::{FairOrder, Position};
use crate::fifo_order::FifoOrder;
use crate::identity::Identity;
use crate::ids::{MessageKey, QueueKey};
use crate::key_set::KeySet;
use crate::message::{ContentPlace, SequenceNumber};
use crate::paged_set::PagedSet;
use crate::time::{Millis, Seconds};
use crate::upkeep::Upkeep;

use pages::Pages;
pub(crate) use restore::MessagesPart;
use stored::Place;
pub(crate) use stored::StoredMessage;

/// Messages in flight at one time, as SQS limits them.
const IN_FLIGHT_LIMIT: usize = 120_000;
/// The longest that one delivery may stay hidden in all.
const LONGEST_VISIBILITY: Seconds = Seconds(43_200);
/// The messages of one queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Messages {
    /// In order of arrival.
    by_key: Pages,
    /// Those that age in order of arrival, which is the order of the moments from which their
    /// retention periods count.
    aging: KeySet,
    /// Those that were older when they arrived: dead letters of standard queues.
    older: PagedSet<(Millis, MessageKey)>,
    /// By the end of their delay.
    delayed: PagedSet<(Millis, MessageKey)>,
    /// By the end of their visibility time-out.
    in_flight: PagedSet<(Millis, MessageKey)>,
    order: Order,
    /// Numbers messages, and places at the back.
    next: u64,
    /// How much became receivable since this was last asked for: messages, or groups of a FIFO
    /// queue.
    became_receivable: u64,
}

/// What is visible or, in a FIFO queue, in flight, and whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Order {
    Standard(FairOrder),
    Fifo {
        order: FifoOrder,
        attempts: Attempts,
    },
}

/// How many messages are where. Exact, and known without counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
}

impl Messages {
    pub(crate) fn new(queue: &QueueKey) -> Self {
        Messages {
            by_key: Pages::default(),
            aging: KeySet::default(),
            older: PagedSet::default(),
            delayed: PagedSet::default(),
            in_flight: PagedSet::default(),
            order: if queue.is_fifo() {
                Order::Fifo {
                    order: FifoOrder::default(),
                    attempts: Attempts::default(),
                }
            } else {
                Order::Standard(FairOrder::default())
            },
            next: 0,
            became_receivable: 0,
        }
    }

    /// Makes what is due visible and drops what has expired, as far as there may be upkeep.
    pub(crate) fn advance(&mut self, now: Millis, retention: Seconds, upkeep: &mut Upkeep) {
        while let Some(key) = self.expired(now, retention)
            && upkeep.takes_a_step()
        {
            self.remove(key);
        }
        while let Some((until, key)) = self.delayed.first().copied()
            && until <= now
            && upkeep.takes_a_step()
        {
            self.show(key);
        }
        while let Some((until, key)) = self.in_flight.first().copied()
            && until <= now
            && upkeep.takes_a_step()
        {
            self.show(key);
        }
        match &mut self.order {
            Order::Standard(order) => order.advance(now),
            Order::Fifo { attempts, .. } => attempts.advance(now),
        }
        assert_eq!(
            self.by_key.len(),
            self.visible() + self.delayed.len() as u64 + self.in_flight.len() as u64,
            "a message is in exactly one place"
        );
        assert_eq!(
            self.by_key.len(),
            self.aging.len() + self.older.len() as u64,
            "every message ages"
        );
    }

    /// The messages of a group share its name.
    fn share_group(&self, message: &mut StoredMessage) {
        let shared = message.group().and_then(|group| match &self.order {
            Order::Standard(order) => order.name_of(group),
            Order::Fifo { order, .. } => order.name_of(group),
        });
        if let Some(shared) = shared {
            message.set_group(shared);
        }
    }

    /// Whether it is among the older ones: a dead letter, which in a standard queue keeps its age.
    fn keeps_its_age(&self, message: &StoredMessage) -> bool {
        matches!(self.order, Order::Standard(_)) && message.dead_letter_source().is_some()
    }

    fn age(&mut self, key: MessageKey, message: &StoredMessage) {
        if self.keeps_its_age(message) {
            self.older.insert((message.sent_at, key));
        } else {
            self.aging.insert(key);
        }
    }

    /// The oldest message, if it has outlived the retention period: nobody may receive it any more.
    pub(crate) fn expired(&self, now: Millis, retention: Seconds) -> Option<MessageKey> {
        let (sent_at, key) = self.oldest()?;
        let is_expired = sent_at + retention <= now && !is_planted(Bug::RetentionIgnored);
        is_expired.then_some(key)
    }

    /// The message that expires first, and when it was sent.
    fn oldest(&self) -> Option<(Millis, MessageKey)> {
        let aging = self.aging.first().and_then(|key| {
            let message = self.by_key.get(key)?;
            Some((message.sent_at, key))
        });
        let older = self.older.first().copied();
        aging.into_iter().chain(older).min()
    }

    fn visible(&self) -> u64 {
        match &self.order {
            Order::Standard(order) => order.visible(),
            Order::Fifo { order, .. } => order.visible(),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.by_key.len()
    }

    pub(crate) fn content_places(&self) -> impl Iterator<Item = ContentPlace> + '_ {
        self.by_key.iter().map(|(_, message)| message.content)
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            visible: self.visible(),
            in_flight: self.in_flight.len() as u64,
            delayed: self.delayed.len() as u64,
        }
    }

    /// Message groups that are noisy now; none in a FIFO queue.
    pub(crate) fn noisy_groups(&self) -> u64 {
        match &self.order {
            Order::Standard(order) => order.noisy_groups(),
            Order::Fifo { .. } => 0,
        }
    }

    /// How much became receivable since this was last asked for.
    pub(crate) fn take_became_receivable(&mut self) -> u64 {
        std::mem::take(&mut self.became_receivable)
    }

    pub(crate) fn is_at_in_flight_limit(&self) -> bool {
        self.in_flight.len() >= IN_FLIGHT_LIMIT
    }

    /// Whether a receive would return something, as far as time has been taken into account.
    pub(crate) fn can_receive(&self) -> bool {
        let has_some = match &self.order {
            Order::Standard(order) => order.visible() > 0,
            Order::Fifo { order, .. } => order.can_receive(),
        };
        has_some && !self.is_at_in_flight_limit()
    }

    /// The next moment at which a hidden message becomes visible, or a locked group may be freed.
    pub(crate) fn next_change_at(&self, retention: Seconds) -> Option<Millis> {
        let delayed = self.delayed.first().map(|(until, _)| *until);
        let in_flight = self.in_flight.first().map(|(until, _)| *until);
        let expiry = match &self.order {
            Order::Standard(_) => None,
            Order::Fifo { .. } => in_flight
                .and(self.oldest())
                .map(|(sent_at, _)| sent_at + retention),
        };
        delayed.into_iter().chain(in_flight).chain(expiry).min()
    }

    /// Takes a message in; it is visible when its delay has ended. Returns its sequence number.
    pub(crate) fn send(
        &mut self,
        now: Millis,
        delay: Seconds,
        identity: Identity,
        content: ContentPlace,
        group: Option<&str>,
    ) -> SequenceNumber {
        let message = StoredMessage::new(now, identity, content, group.map(Arc::from));
        self.insert(now, delay, message)
    }

    /// Takes in what a move task took out of another queue: a new message with the same content.
    pub(crate) fn send_moved(&mut self, now: Millis, identity: Identity, moved: &StoredMessage) {
        self.insert(now, Seconds(0), moved.moved(now, identity));
    }

    /// Takes in a dead letter of another queue: the same message, which still counts how often it
    /// was received. In a FIFO queue it is as if sent now; in a standard queue it keeps its age.
    pub(crate) fn bury(&mut self, now: Millis, source: Arc<QueueKey>, mut letter: StoredMessage) {
        if let Order::Fifo { .. } = self.order {
            letter.sent_at = now;
            letter.become_letter();
        }
        letter.set_dead_letter_source(source);
        self.insert(now, Seconds(0), letter);
    }

    fn insert(
        &mut self,
        now: Millis,
        delay: Seconds,
        mut message: StoredMessage,
    ) -> SequenceNumber {
        let number = self.next;
        self.next += 1;
        let key = MessageKey(number);
        let until = now + delay;
        message.place = Place::Delayed { until };
        self.share_group(&mut message);
        self.age(key, &message);
        if let Order::Standard(order) = &mut self.order {
            order.sent(message.group(), now);
        }
        self.by_key.insert(key, message);
        self.delayed.insert((until, key));
        if delay == Seconds(0) || is_planted(Bug::DelayIgnored) {
            self.show(key);
        }
        if is_planted(Bug::SequenceNumberReused) {
            return SequenceNumber(self.by_key.len());
        }
        SequenceNumber(number)
    }

    /// Gives a message in flight another end of its time-out.
    fn hide_until(&mut self, key: MessageKey, until: Millis, new_until: Millis) {
        self.in_flight.remove(&(until, key));
        self.in_flight.insert((new_until, key));
        if let Some(message) = self.by_key.get_mut(key) {
            message.place = Place::InFlight { until: new_until };
        }
    }

    /// Moves a hidden message among the visible ones.
    fn show(&mut self, key: MessageKey) {
        let Some(message) = self.by_key.get_mut(key) else {
            unreachable!("a hidden message is in the queue");
        };
        let group = message.group().cloned();
        let was_in_flight = match message.place {
            Place::Visible | Place::VisibleAtTheBack(_) => {
                unreachable!("the message is hidden")
            }
            Place::Delayed { until } => {
                self.delayed.remove(&(until, key));
                false
            }
            Place::InFlight { until } => self.in_flight.remove(&(until, key)),
        };
        match &mut self.order {
            Order::Standard(order) => {
                if was_in_flight {
                    order.landed(group.as_ref());
                }
                let position = FairOrder::position(key, message.receive_count, self.next);
                message.place = if position == Position::of(key) {
                    Place::Visible
                } else {
                    self.next += 1;
                    Place::VisibleAtTheBack(position)
                };
                order.show(position, key, group.as_ref());
                self.became_receivable += 1;
            }
            Order::Fifo { order, .. } => {
                message.place = Place::Visible;
                let unlocked = order.show(key, group_of(group));
                self.became_receivable += u64::from(unlocked);
            }
        }
    }

    /// Takes a message out of the queue, wherever it is.
    fn remove(&mut self, key: MessageKey) -> Option<StoredMessage> {
        let message = self.by_key.remove(key)?;
        if self.keeps_its_age(&message) {
            self.older.remove(&(message.sent_at, key));
        } else {
            self.aging.remove(key);
        }
        let group = message.group();
        match message.place {
            Place::Visible | Place::VisibleAtTheBack(_) => {}
            Place::Delayed { until } => drop(self.delayed.remove(&(until, key))),
            Place::InFlight { until } => drop(self.in_flight.remove(&(until, key))),
        }
        match (&mut self.order, message.place) {
            (_, Place::Delayed { .. }) => {}
            (Order::Standard(order), Place::Visible) => order.hide(Position::of(key), key, group),
            (Order::Standard(order), Place::VisibleAtTheBack(position)) => {
                order.hide(position, key, group);
            }
            (Order::Standard(order), Place::InFlight { .. }) => order.landed(group),
            (Order::Fifo { order, .. }, _) => {
                let unlocked = order.remove(key, group_of(group.cloned()));
                self.became_receivable += u64::from(unlocked);
            }
        }
        Some(message)
    }

    /// Takes the next visible message out, to be moved elsewhere.
    pub(crate) fn take_first(&mut self) -> Option<StoredMessage> {
        let key = self.whose_turn(1, None).pop()?;
        self.remove(key)
    }

    /// The next visible message.
    pub(crate) fn first(&self) -> Option<&StoredMessage> {
        let key = self.whose_turn(1, None).pop()?;
        self.by_key.get(key)
    }

    /// Removes all messages, and returns them. Their numbers are not used again, so old handles stay
    /// harmless.
    pub(crate) fn purge(&mut self, queue: &QueueKey) -> Messages {
        if is_planted(Bug::PurgeMissesInFlight) {
            while self.take_first().is_some() {}
            return Messages::new(queue);
        }
        let empty = Messages {
            next: self.next,
            ..Messages::new(queue)
        };
        std::mem::replace(self, empty)
    }
}

/// The line of a message in a FIFO queue. Callers must name a group there; what came without one
/// is a line of its own.
fn group_of(group: Option<Arc<str>>) -> Arc<str> {
    group.unwrap_or_default()
}

#[cfg(test)]
impl Messages {
    /// What the index takes in memory, near enough, while nothing is delayed or in flight and
    /// there are no message groups.
    fn size_bytes(&self) -> usize {
        let Order::Standard(order) = &self.order else {
            unreachable!("only standard queues are measured");
        };
        self.by_key.size_bytes() + self.aging.size_bytes() + order.size_bytes()
    }
}

#[cfg(test)]
mod tests;
