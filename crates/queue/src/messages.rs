//! The messages of one queue: what is visible, delayed and in flight, and when that changes. No
//! operation scans the queue. What receivers do with what they hold is in `held`.

mod held;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use zonemq_planted::{Bug, is_planted};

use crate::attempts::{Attempts, Given};
use crate::fair_order::{FairOrder, Position};
use crate::fifo_order::FifoOrder;
use crate::identity::Identity;
use crate::ids::{MessageKey, QueueId, QueueKey};
use crate::message::{NewMessage, ReceivedMessage, SequenceNumber};
use crate::time::{Millis, Seconds};

use stored::Place;
pub(crate) use stored::StoredMessage;

/// Messages in flight at one time, as SQS limits them.
const IN_FLIGHT_LIMIT: usize = 120_000;
/// The longest that one delivery may stay hidden in all.
const LONGEST_VISIBILITY: Seconds = Seconds(43_200);
/// Dead letters that one receive moves at most; the next receive goes on.
const DEAD_LETTERS_IN_A_RECEIVE: usize = 1_000;

/// The messages of one queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Messages {
    /// In order of arrival.
    by_key: BTreeMap<MessageKey, StoredMessage>,
    /// By the moment from which the retention period counts.
    by_age: BTreeSet<(Millis, MessageKey)>,
    /// By the end of their delay.
    delayed: BTreeSet<(Millis, MessageKey)>,
    /// By the end of their visibility time-out.
    in_flight: BTreeSet<(Millis, MessageKey)>,
    order: Order,
    /// Numbers messages, and places at the back.
    next: u64,
    /// How much became receivable since this was last asked for: messages, or groups of a FIFO
    /// queue.
    became_receivable: u64,
}

/// What is visible or, in a FIFO queue, in flight, and whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// What a receive came to.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    pub(crate) received: Vec<ReceivedMessage>,
    /// Taken out of the queue, because they were received too often.
    pub(crate) dead_letters: Vec<StoredMessage>,
}

impl Messages {
    pub(crate) fn new(queue: &QueueKey) -> Self {
        Messages {
            by_key: BTreeMap::new(),
            by_age: BTreeSet::new(),
            delayed: BTreeSet::new(),
            in_flight: BTreeSet::new(),
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

    /// Makes what is due visible and drops what has expired.
    pub(crate) fn advance(&mut self, now: Millis, retention: Seconds) {
        while let Some(&(sent_at, key)) = self.by_age.first()
            && sent_at + retention <= now
            && !is_planted(Bug::RetentionIgnored)
        {
            self.remove(key);
        }
        while let Some(&(until, key)) = self.delayed.first()
            && until <= now
        {
            self.show(key);
        }
        while let Some(&(until, key)) = self.in_flight.first()
            && until <= now
        {
            self.show(key);
        }
        match &mut self.order {
            Order::Standard(order) => order.advance(now),
            Order::Fifo { attempts, .. } => attempts.advance(now),
        }
        assert_eq!(
            self.by_key.len() as u64,
            self.visible() + self.delayed.len() as u64 + self.in_flight.len() as u64,
            "a message is in exactly one place"
        );
        assert_eq!(self.by_key.len(), self.by_age.len(), "every message ages");
    }

    fn visible(&self) -> u64 {
        match &self.order {
            Order::Standard(order) => order.visible(),
            Order::Fifo { order, .. } => order.visible(),
        }
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
                .and(self.by_age.first())
                .map(|(sent_at, _)| *sent_at + retention),
        };
        delayed.into_iter().chain(in_flight).chain(expiry).min()
    }

    /// Takes a message in; it is visible when its delay has ended. Returns its sequence number.
    pub(crate) fn send(
        &mut self,
        now: Millis,
        identity: Identity,
        content: NewMessage,
        delay: Seconds,
    ) -> SequenceNumber {
        self.insert(
            now,
            delay,
            StoredMessage {
                id: identity.id,
                secret: identity.secret,
                content,
                place: Place::Visible(None),
                sent_at: now,
                first_received_at: None,
                last_received_at: now,
                receive_count: 0,
                dead_letter_source: None,
            },
        )
    }

    /// Takes in a dead letter of another queue: the same message, which still counts how often it
    /// was received. In a FIFO queue it is as if sent now; in a standard queue it keeps its age.
    pub(crate) fn bury(&mut self, now: Millis, source: &QueueKey, mut letter: StoredMessage) {
        if let Order::Fifo { .. } = self.order {
            letter.sent_at = now;
            letter.content.deduplication_id = Some(letter.id.to_string());
        }
        letter.dead_letter_source = Some(source.clone());
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
        self.by_age.insert((message.sent_at, key));
        if let Order::Standard(order) = &mut self.order {
            order.sent(message.content.message_group.as_deref(), now);
        }
        self.by_key.insert(key, message);
        self.delayed.insert((until, key));
        if delay == Seconds(0) || is_planted(Bug::DelayIgnored) {
            self.show(key);
        }
        if is_planted(Bug::SequenceNumberReused) {
            return SequenceNumber(self.by_key.len() as u64);
        }
        SequenceNumber(number)
    }

    /// Hides up to `max` visible messages until `now + timeout` and returns them. Those that were
    /// received `most_receives` times leave the queue instead.
    pub(crate) fn receive(
        &mut self,
        queue: QueueId,
        now: Millis,
        max: u8,
        timeout: Seconds,
        most_receives: Option<u32>,
    ) -> Receipts {
        let mut receipts = Receipts::default();
        let until = if is_planted(Bug::ReceiveHidesNothing) {
            now
        } else {
            now + timeout
        };
        while receipts.received.len() < usize::from(max)
            && receipts.dead_letters.len() < DEAD_LETTERS_IN_A_RECEIVE
            && !self.is_at_in_flight_limit()
        {
            let turn = self.whose_turn(usize::from(max) - receipts.received.len(), most_receives);
            if turn.is_empty() {
                break;
            }
            for key in turn {
                if self.is_exhausted(key, most_receives) {
                    if is_planted(Bug::DeadLetterCopied) {
                        receipts.dead_letters.extend(self.by_key.get(&key).cloned());
                        receipts.received.push(self.deliver(queue, key, now, until));
                        continue;
                    }
                    receipts.dead_letters.extend(self.remove(key));
                } else if !self.is_at_in_flight_limit() {
                    receipts.received.push(self.deliver(queue, key, now, until));
                }
            }
        }
        receipts
    }

    fn is_exhausted(&self, key: MessageKey, most_receives: Option<u32>) -> bool {
        let count = self.by_key.get(&key).map(|message| message.receive_count);
        let early = u32::from(is_planted(Bug::DeadLetterTooEarly));
        most_receives.is_some_and(|most| count >= Some(most.saturating_sub(early)))
    }

    /// The next messages to be received or buried: one, or those of one FIFO group up to `limit`
    /// that can be received.
    fn whose_turn(&self, limit: usize, most_receives: Option<u32>) -> Vec<MessageKey> {
        match &self.order {
            Order::Standard(order) => order.first().map(|(_, key)| key).into_iter().collect(),
            Order::Fifo { order, .. } => {
                let mut left = limit;
                let turn = order.first().take(limit + DEAD_LETTERS_IN_A_RECEIVE);
                let is_wanted = |key: &MessageKey| {
                    let is_wanted = left > 0;
                    left -= usize::from(is_wanted && !self.is_exhausted(*key, most_receives));
                    is_wanted
                };
                let mut turn: Vec<MessageKey> = turn.take_while(is_wanted).collect();
                if is_planted(Bug::GroupOrderReversed) {
                    turn.reverse();
                }
                turn
            }
        }
    }

    fn deliver(
        &mut self,
        queue: QueueId,
        key: MessageKey,
        now: Millis,
        until: Millis,
    ) -> ReceivedMessage {
        let Some(message) = self.by_key.get_mut(&key) else {
            unreachable!("a visible message is in the queue");
        };
        let group = message.content.message_group.as_deref();
        match (&mut self.order, message.place) {
            (Order::Standard(order), Place::Visible(Some(position))) => {
                order.hide(position, group);
                order.received(group);
            }
            (Order::Fifo { order, .. }, Place::Visible(_)) => {
                order.receive(key, group.unwrap_or_default());
            }
            (_, place) => unreachable!("only visible messages are received, not {place:?}"),
        }
        if !is_planted(Bug::ReceiveCountStays) || message.receive_count == 0 {
            message.receive_count = message.receive_count.saturating_add(1);
        }
        message.first_received_at.get_or_insert(now);
        message.last_received_at = now;
        message.place = Place::InFlight { until };
        self.in_flight.insert((until, key));
        self.delivery(queue, key)
    }

    /// A message as its latest receiver gets it.
    fn delivery(&self, queue: QueueId, key: MessageKey) -> ReceivedMessage {
        let Some(message) = self.by_key.get(&key) else {
            unreachable!("the message is in the queue");
        };
        let sequence_number = match self.order {
            Order::Standard(_) => None,
            Order::Fifo { .. } => Some(SequenceNumber(key.0)),
        };
        message.as_received(queue, key, sequence_number)
    }

    /// Gives what was given before for this attempt once more, hidden anew; nothing if any of it
    /// was deleted, changed or visible since.
    pub(crate) fn receive_again(
        &mut self,
        queue: QueueId,
        now: Millis,
        timeout: Seconds,
        attempt: &str,
    ) -> Vec<ReceivedMessage> {
        let Order::Fifo { attempts, .. } = &self.order else {
            return Vec::new();
        };
        let Some(given) = attempts.find(attempt).map(<[Given]>::to_vec) else {
            return Vec::new();
        };
        let is_as_it_was = |given: &Given| {
            self.by_key.get(&given.message).is_some_and(|message| {
                message.receive_count == given.receive_count
                    && message.place
                        == Place::InFlight {
                            until: given.hidden_until,
                        }
            })
        };
        if !given.iter().all(is_as_it_was) {
            return Vec::new();
        }
        let until = now + timeout;
        for given in &given {
            self.hide_until(given.message, given.hidden_until, until);
        }
        let received = given
            .iter()
            .map(|given| self.delivery(queue, given.message));
        let received = received.collect::<Vec<_>>();
        self.remember_attempt(now, until, attempt, &received);
        received
    }

    /// Remembers what was received for a ReceiveRequestAttemptId.
    pub(crate) fn remember_attempt(
        &mut self,
        now: Millis,
        hidden_until: Millis,
        attempt: &str,
        received: &[ReceivedMessage],
    ) {
        if let Order::Fifo { attempts, .. } = &mut self.order {
            let given = received.iter().map(|message| Given {
                message: message.receipt_handle.message,
                receive_count: message.receive_count,
                hidden_until,
            });
            attempts.remember(now, attempt, given.collect());
        }
    }

    /// Gives a message in flight another end of its time-out.
    fn hide_until(&mut self, key: MessageKey, until: Millis, new_until: Millis) {
        self.in_flight.remove(&(until, key));
        self.in_flight.insert((new_until, key));
        if let Some(message) = self.by_key.get_mut(&key) {
            message.place = Place::InFlight { until: new_until };
        }
    }

    /// Moves a hidden message among the visible ones.
    fn show(&mut self, key: MessageKey) {
        let Some(message) = self.by_key.get_mut(&key) else {
            unreachable!("a hidden message is in the queue");
        };
        let group = message.content.message_group.as_deref();
        let was_in_flight = match message.place {
            Place::Visible(_) => unreachable!("the message is hidden"),
            Place::Delayed { until } => {
                self.delayed.remove(&(until, key));
                false
            }
            Place::InFlight { until } => self.in_flight.remove(&(until, key)),
        };
        match &mut self.order {
            Order::Standard(order) => {
                if was_in_flight {
                    order.landed(group);
                }
                let position = FairOrder::position(key, message.receive_count, self.next);
                self.next += u64::from(position == Position(self.next));
                message.place = Place::Visible(Some(position));
                order.show(position, key, group);
                self.became_receivable += 1;
            }
            Order::Fifo { order, .. } => {
                message.place = Place::Visible(None);
                let unlocked = order.show(key, group.unwrap_or_default());
                self.became_receivable += u64::from(unlocked);
            }
        }
    }

    /// Takes a message out of the queue, wherever it is.
    fn remove(&mut self, key: MessageKey) -> Option<StoredMessage> {
        let message = self.by_key.remove(&key)?;
        self.by_age.remove(&(message.sent_at, key));
        let group = message.content.message_group.as_deref();
        match message.place {
            Place::Visible(_) => {}
            Place::Delayed { until } => drop(self.delayed.remove(&(until, key))),
            Place::InFlight { until } => drop(self.in_flight.remove(&(until, key))),
        }
        match (&mut self.order, message.place) {
            (Order::Standard(order), Place::Visible(Some(position))) => order.hide(position, group),
            (Order::Standard(order), Place::InFlight { .. }) => order.landed(group),
            (Order::Fifo { order, .. }, Place::Visible(_) | Place::InFlight { .. }) => {
                let unlocked = order.remove(key, group.unwrap_or_default());
                self.became_receivable += u64::from(unlocked);
            }
            (_, Place::Delayed { .. }) => {}
            (Order::Standard(_), Place::Visible(None)) => {
                unreachable!("visible messages of standard queues have a position")
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
        self.by_key.get(&key)
    }

    /// Removes all messages. Their numbers are not used again, so old handles stay harmless.
    pub(crate) fn purge(&mut self, queue: &QueueKey) {
        if is_planted(Bug::PurgeMissesInFlight) {
            while self.take_first().is_some() {}
            return;
        }
        *self = Messages {
            next: self.next,
            ..Messages::new(queue)
        };
    }
}
