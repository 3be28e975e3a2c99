//! The messages of one standard queue: what is visible, delayed and in flight, and when that
//! changes. No operation scans the queue.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::command::CommandError;
use crate::identity::{self, Identity};
use crate::ids::{MessageId, MessageKey, QueueId};
use crate::message::{NewMessage, ReceivedMessage};
use crate::receipt::ReceiptHandle;
use crate::time::{Millis, Seconds};

/// Messages in flight at one time, as SQS limits them for standard queues.
const IN_FLIGHT_LIMIT: usize = 120_000;
/// A message that was received so often and not deleted goes to the back of the queue.
const RECEIVES_BEFORE_THE_BACK: u32 = 3;
/// The longest that one delivery may stay hidden in all.
const LONGEST_VISIBILITY: Seconds = Seconds(43_200);

/// The messages of one queue. Each is in `messages` and in exactly one of the three orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct StandardQueue {
    /// In order of arrival, which is the order of age.
    messages: BTreeMap<MessageKey, StoredMessage>,
    /// In the order in which they are received.
    visible: BTreeMap<Position, MessageKey>,
    /// By the end of their delay.
    delayed: BTreeSet<(Millis, MessageKey)>,
    /// By the end of their visibility time-out.
    in_flight: BTreeSet<(Millis, MessageKey)>,
    /// Numbers messages, and places at the back.
    next: u64,
}

/// A place among the visible messages: the message's number, or a later one at the back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Position(u64);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct StoredMessage {
    id: MessageId,
    /// Makes receipt handles that nobody can guess.
    secret: u64,
    content: NewMessage,
    place: Place,
    sent_at: Millis,
    first_received_at: Option<Millis>,
    last_received_at: Millis,
    receive_count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Place {
    Visible(Position),
    Delayed { until: Millis },
    InFlight { until: Millis },
}

/// How many messages are where. Exact, and known without counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
}

/// Why a handle does not lead to a message.
enum Lookup {
    /// It is that of a message that is gone: deleted, expired or purged.
    Gone,
    /// No delivery of this queue ever had it.
    Forged,
}

impl StandardQueue {
    /// Makes what is due visible and drops what has expired. Returns how many became visible.
    pub(crate) fn advance(&mut self, now: Millis, retention: Seconds) -> u64 {
        while let Some((&key, message)) = self.messages.first_key_value()
            && message.sent_at + retention <= now
        {
            self.remove(key);
        }
        let mut became_visible = 0;
        while let Some(&(until, key)) = self.delayed.first()
            && until <= now
        {
            self.make_visible(key);
            became_visible += 1;
        }
        while let Some(&(until, key)) = self.in_flight.first()
            && until <= now
        {
            self.make_visible(key);
            became_visible += 1;
        }
        assert_eq!(
            self.messages.len(),
            self.visible.len() + self.delayed.len() + self.in_flight.len(),
            "a message is in exactly one place"
        );
        became_visible
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            visible: self.visible.len() as u64,
            in_flight: self.in_flight.len() as u64,
            delayed: self.delayed.len() as u64,
        }
    }

    pub(crate) fn is_at_in_flight_limit(&self) -> bool {
        self.in_flight.len() >= IN_FLIGHT_LIMIT
    }

    /// Whether a receive would return something, as far as time has been taken into account.
    pub(crate) fn can_receive(&self) -> bool {
        !self.visible.is_empty() && !self.is_at_in_flight_limit()
    }

    /// The next moment at which a hidden message becomes visible.
    pub(crate) fn next_visible_at(&self) -> Option<Millis> {
        let delayed = self.delayed.first().map(|(until, _)| *until);
        let in_flight = self.in_flight.first().map(|(until, _)| *until);
        delayed.into_iter().chain(in_flight).min()
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Takes a message in; it is visible when its delay has ended.
    pub(crate) fn send(
        &mut self,
        now: Millis,
        identity: Identity,
        content: NewMessage,
        delay: Seconds,
    ) {
        let number = self.number();
        let key = MessageKey(number);
        let place = if delay.0 == 0 {
            self.visible.insert(Position(number), key);
            Place::Visible(Position(number))
        } else {
            let until = now + delay;
            self.delayed.insert((until, key));
            Place::Delayed { until }
        };
        let message = StoredMessage {
            id: identity.id,
            secret: identity.secret,
            content,
            place,
            sent_at: now,
            first_received_at: None,
            last_received_at: now,
            receive_count: 0,
        };
        self.messages.insert(key, message);
    }

    /// Hides up to `max` visible messages until `now + timeout` and returns them.
    pub(crate) fn receive(
        &mut self,
        queue: QueueId,
        now: Millis,
        max: u8,
        timeout: Seconds,
    ) -> Vec<ReceivedMessage> {
        let mut received = Vec::new();
        for _ in 0..max {
            if self.is_at_in_flight_limit() {
                break;
            }
            let Some((_, key)) = self.visible.pop_first() else {
                break;
            };
            let Some(message) = self.messages.get_mut(&key) else {
                unreachable!("a visible message is in the queue");
            };
            message.receive_count = message.receive_count.saturating_add(1);
            message.first_received_at.get_or_insert(now);
            message.last_received_at = now;
            let until = now + timeout;
            message.place = Place::InFlight { until };
            self.in_flight.insert((until, key));
            received.push(message.delivery(queue, key, now));
        }
        received
    }

    /// Deletes the message of a handle for good. Any handle that was ever given out for it does.
    pub(crate) fn delete(
        &mut self,
        queue: QueueId,
        handle: &ReceiptHandle,
    ) -> Result<(), CommandError> {
        match self.find(queue, handle) {
            Ok(_) => self.remove(handle.message),
            // Deleting twice is no error.
            Err(Lookup::Gone) => {}
            Err(Lookup::Forged) => return Err(CommandError::ReceiptHandleIsInvalid),
        }
        Ok(())
    }

    /// Hides the message of a handle until `now + timeout`; zero makes it visible at once. Returns
    /// the moment, if it stays hidden.
    pub(crate) fn change_visibility(
        &mut self,
        queue: QueueId,
        now: Millis,
        handle: &ReceiptHandle,
        timeout: Seconds,
    ) -> Result<Option<Millis>, CommandError> {
        let message = self.find(queue, handle).map_err(|lookup| match lookup {
            Lookup::Gone => CommandError::MessageDoesNotExist,
            Lookup::Forged => CommandError::ReceiptHandleIsInvalid,
        })?;
        let Place::InFlight { until } = message.place else {
            return Err(CommandError::MessageNotInflight);
        };
        let key = handle.message;
        let new_until = now + timeout;
        if new_until > message.last_received_at + LONGEST_VISIBILITY {
            return Err(CommandError::VisibilityBeyondLimit);
        }
        if timeout.0 == 0 {
            self.make_visible(key);
            return Ok(None);
        }
        message.place = Place::InFlight { until: new_until };
        self.in_flight.remove(&(until, key));
        self.in_flight.insert((new_until, key));
        Ok(Some(new_until))
    }

    fn find(
        &mut self,
        queue: QueueId,
        handle: &ReceiptHandle,
    ) -> Result<&mut StoredMessage, Lookup> {
        if handle.queue != queue || handle.message.0 >= self.next {
            return Err(Lookup::Forged);
        }
        let message = self.messages.get_mut(&handle.message).ok_or(Lookup::Gone)?;
        let given_out = (1..=message.receive_count).contains(&handle.receive_count)
            && handle.token == identity::token(message.secret, handle.receive_count);
        if given_out {
            Ok(message)
        } else {
            Err(Lookup::Forged)
        }
    }

    /// Moves a hidden message among the visible ones.
    fn make_visible(&mut self, key: MessageKey) {
        let back = self.next;
        let Some(message) = self.messages.get_mut(&key) else {
            unreachable!("a hidden message is in the queue");
        };
        match message.place {
            Place::Visible(_) => unreachable!("the message is hidden"),
            Place::Delayed { until } => self.delayed.remove(&(until, key)),
            Place::InFlight { until } => self.in_flight.remove(&(until, key)),
        };
        let position = if message.receive_count >= RECEIVES_BEFORE_THE_BACK {
            self.next += 1;
            Position(back)
        } else {
            Position(key.0)
        };
        message.place = Place::Visible(position);
        self.visible.insert(position, key);
    }

    fn remove(&mut self, key: MessageKey) {
        if let Some(message) = self.messages.remove(&key) {
            match message.place {
                Place::Visible(position) => drop(self.visible.remove(&position)),
                Place::Delayed { until } => drop(self.delayed.remove(&(until, key))),
                Place::InFlight { until } => drop(self.in_flight.remove(&(until, key))),
            }
        }
    }

    /// Removes all messages. Their numbers are not used again, so old handles stay harmless.
    pub(crate) fn purge(&mut self) {
        *self = StandardQueue {
            next: self.next,
            ..StandardQueue::default()
        };
    }
}

impl StoredMessage {
    fn delivery(&self, queue: QueueId, key: MessageKey, now: Millis) -> ReceivedMessage {
        ReceivedMessage {
            id: self.id,
            receipt_handle: ReceiptHandle {
                queue,
                message: key,
                receive_count: self.receive_count,
                token: identity::token(self.secret, self.receive_count),
            },
            body: self.content.body.clone(),
            attributes: self.content.attributes.clone(),
            trace_header: self.content.trace_header.clone(),
            sender_id: self.content.sender_id.clone(),
            sent_at: self.sent_at,
            first_received_at: self.first_received_at.unwrap_or(now),
            receive_count: self.receive_count,
            message_group: self.content.message_group.clone(),
            deduplication_id: self.content.deduplication_id.clone(),
            sequence_number: None,
            dead_letter_source: None,
        }
    }
}
