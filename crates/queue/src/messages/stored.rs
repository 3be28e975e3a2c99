//! A message as a queue keeps it, and how it looks to a receiver.

use serde::{Deserialize, Serialize};
use zonemq_planted::{Bug, is_planted};

use crate::fair_order::Position;
use crate::identity;
use crate::ids::{MessageId, MessageKey, QueueId, QueueKey};
use crate::message::{NewMessage, ReceivedMessage, SequenceNumber};
use crate::receipt::ReceiptHandle;
use crate::time::Millis;

/// A message as a queue keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct StoredMessage {
    pub(crate) id: MessageId,
    /// Makes receipt handles that nobody can guess.
    pub(super) secret: u64,
    pub(crate) content: NewMessage,
    pub(super) place: Place,
    /// When it was accepted; from here its retention counts.
    pub(super) sent_at: Millis,
    pub(super) first_received_at: Option<Millis>,
    pub(super) last_received_at: Millis,
    pub(crate) receive_count: u32,
    /// The queue that it was moved from, as a dead letter.
    pub(crate) dead_letter_source: Option<QueueKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Place {
    /// `Position` where the queue is a standard one.
    Visible(Option<Position>),
    Delayed {
        until: Millis,
    },
    InFlight {
        until: Millis,
    },
}

impl StoredMessage {
    /// Whether this very delivery is in flight.
    pub(super) fn is_delivery_in_flight(&self, handle: &ReceiptHandle) -> bool {
        let is_current =
            handle.receive_count == self.receive_count || is_planted(Bug::OldHandleWorks);
        matches!(self.place, Place::InFlight { .. }) && is_current
    }

    /// A message as its latest receiver gets it.
    pub(super) fn as_received(
        &self,
        queue: QueueId,
        key: MessageKey,
        sequence_number: Option<SequenceNumber>,
    ) -> ReceivedMessage {
        let content = &self.content;
        ReceivedMessage {
            id: self.id,
            receipt_handle: ReceiptHandle {
                queue,
                message: key,
                receive_count: self.receive_count,
                token: identity::token(self.secret, self.receive_count),
            },
            body: content.body.clone(),
            attributes: content.attributes.clone(),
            trace_header: content.trace_header.clone(),
            sender_id: content.sender_id.clone(),
            sent_at: self.sent_at,
            first_received_at: self.first_received_at.unwrap_or(self.last_received_at),
            receive_count: self.receive_count,
            message_group: content.message_group.clone(),
            deduplication_id: content.deduplication_id.clone(),
            sequence_number,
            dead_letter_source: self.dead_letter_source.clone(),
        }
    }
}
