//! Messages as they are seen by those who only look.

use super::stored::{Place, StoredMessage};
use super::{Messages, Order};
use crate::ids::{MessageId, MessageKey};
use crate::look::{SeenMessage, Whereabouts};
use crate::message::SequenceNumber;
use crate::time::Millis;

impl Messages {
    /// All messages in the order of arrival.
    pub(crate) fn seen(&self) -> impl Iterator<Item = SeenMessage> {
        let messages = self.by_key.iter();
        messages.map(|(key, message)| self.as_seen(key, message))
    }

    /// The message with this id. Looks at every message.
    pub(crate) fn seen_with_id(&self, id: MessageId) -> Option<SeenMessage> {
        let mut messages = self.by_key.iter();
        let (key, message) = messages.find(|(_, message)| message.id() == id)?;
        Some(self.as_seen(key, message))
    }

    /// When the oldest one was sent.
    pub(crate) fn oldest_sent_at(&self) -> Option<Millis> {
        self.oldest().map(|(sent_at, _)| sent_at)
    }

    fn as_seen(&self, key: MessageKey, message: &StoredMessage) -> SeenMessage {
        SeenMessage {
            id: message.id(),
            content: message.content,
            sent_at: message.sent_at,
            receive_count: message.receive_count,
            whereabouts: match message.place {
                Place::Visible | Place::VisibleAtTheBack(_) => Whereabouts::Visible,
                Place::Delayed { until } => Whereabouts::DelayedUntil(until),
                Place::InFlight { until } => Whereabouts::InFlightUntil(until),
            },
            message_group: message.group().map(|group| group.as_ref().to_owned()),
            sequence_number: match self.order {
                Order::Standard(_) => None,
                Order::Fifo { .. } => Some(SequenceNumber(key.0)),
            },
            dead_letter_source: message.dead_letter_source().map(|key| key.as_ref().clone()),
        }
    }
}
