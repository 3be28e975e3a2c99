//! What a message carries, on its way in and on its way out.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, QueueKey};
use crate::receipt::ReceiptHandle;
use crate::time::{Millis, Seconds};

/// The value of a message attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttributeValue {
    /// `String`, `Number` or `Binary`, with an optional label: `Number.int`.
    pub data_type: String,
    /// The value itself.
    pub value: AttributeContent,
}

/// The two shapes that the value of a message attribute has on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AttributeContent {
    /// Of types String and Number.
    Text(String),
    /// Of type Binary: the bytes themselves, not their base64.
    Binary(Bytes),
}

impl AttributeContent {
    /// As SQS counts it: the bytes of the value itself.
    pub fn size_bytes(&self) -> usize {
        match self {
            AttributeContent::Text(text) => text.len(),
            AttributeContent::Binary(bytes) => bytes.len(),
        }
    }
}

/// Message attributes by name.
pub type MessageAttributes = BTreeMap<String, AttributeValue>;

/// A message as its sender hands it over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewMessage {
    /// UTF-8 text.
    pub body: Bytes,
    /// The sender's own attributes.
    pub attributes: MessageAttributes,
    /// The AWS X-Ray header, the one system attribute that a sender may set.
    pub trace_header: Option<String>,
    /// Overrides the delay of the queue.
    pub delay: Option<Seconds>,
    /// FIFO queues, and fair standard queues.
    pub message_group: Option<String>,
    /// FIFO queues.
    pub deduplication_id: Option<String>,
    /// The account that sent it.
    pub sender_id: String,
}

impl NewMessage {
    /// What counts against the limits of SQS: body and the names, types and values of the
    /// attributes; system attributes do not.
    pub fn size_bytes(&self) -> usize {
        let attributes: usize = self
            .attributes
            .iter()
            .map(|(name, attribute)| {
                name.len() + attribute.data_type.len() + attribute.value.size_bytes()
            })
            .sum();
        self.body.len() + attributes
    }
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SentMessage {
    /// Names the message for its whole life.
    pub id: MessageId,
    /// FIFO queues only.
    pub sequence_number: Option<SequenceNumber>,
}

/// A message as a receiver gets it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReceivedMessage {
    /// As answered when it was sent.
    pub id: MessageId,
    /// Deletes this delivery of the message, or changes its visibility.
    pub receipt_handle: ReceiptHandle,
    /// UTF-8 text.
    pub body: Bytes,
    /// The sender's own attributes.
    pub attributes: MessageAttributes,
    /// As set by the sender.
    pub trace_header: Option<String>,
    /// The account that sent it.
    pub sender_id: String,
    /// When it was accepted.
    pub sent_at: Millis,
    /// When it was received for the first time.
    pub first_received_at: Millis,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// As set by the sender.
    pub message_group: Option<String>,
    /// FIFO queues only.
    pub deduplication_id: Option<String>,
    /// FIFO queues only.
    pub sequence_number: Option<SequenceNumber>,
    /// In a dead-letter queue: the queue from which it was moved.
    pub dead_letter_source: Option<QueueKey>,
}

/// A place in the order of a FIFO queue. Grows with each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SequenceNumber(pub u64);

impl fmt::Display for SequenceNumber {
    /// Twenty digits, as AWS has them, so that order as text is order as numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FIRST: u128 = 10_000_000_000_000_000_000;
        write!(f, "{}", FIRST + u128::from(self.0))
    }
}
