//! What a message carries, on its way in and on its way out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::deduplication;
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

/// What the queue never looks at again once a message is accepted: it stays in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// UTF-8 text.
    pub body: Bytes,
    /// The sender's own attributes.
    pub attributes: MessageAttributes,
    /// The AWS X-Ray header, the one system attribute that a sender may set.
    pub trace_header: Option<String>,
    /// The account that sent it.
    pub sender_id: String,
    /// As set by the sender. FIFO queues only.
    pub deduplication_id: Option<String>,
}

impl Content {
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

/// Where an encoded [`Content`] lies in the log of its group: the same on every replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentPlace {
    /// The log index of its entry.
    pub index: u64,
    /// Where it begins in the entry, in bytes.
    pub offset: u32,
    /// How long it is, in bytes.
    pub length: u32,
}

/// A message as its sender hands it over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewMessage {
    /// What the receiver gets to read.
    pub content: Content,
    /// Overrides the delay of the queue.
    pub delay: Option<Seconds>,
    /// FIFO queues, and fair standard queues.
    pub message_group: Option<String>,
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SentMessage {
    /// Names the message for its whole life.
    pub id: MessageId,
    /// FIFO queues only.
    pub sequence_number: Option<SequenceNumber>,
}

/// A message as a receiver gets it; as the queue knows it, with the place of its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReceivedMessage<C = Content> {
    /// As answered when it was sent.
    pub id: MessageId,
    /// Deletes this delivery of the message, or changes its visibility.
    pub receipt_handle: ReceiptHandle,
    /// What its sender wrote, or where that lies.
    pub content: C,
    /// When it was accepted.
    pub sent_at: Millis,
    /// When it was received for the first time.
    pub first_received_at: Millis,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// As set by the sender.
    pub message_group: Option<String>,
    /// FIFO queues only.
    pub sequence_number: Option<SequenceNumber>,
    /// In a dead-letter queue: the queue from which it was moved.
    pub dead_letter_source: Option<QueueKey>,
    /// The message's own id when it was buried in a FIFO queue: its deduplication id now.
    pub letter: Option<MessageId>,
}

impl ReceivedMessage<ContentPlace> {
    /// The message with what was read at its place.
    pub fn with_content(self, content: Content) -> ReceivedMessage<Content> {
        ReceivedMessage {
            id: self.id,
            receipt_handle: self.receipt_handle,
            content,
            sent_at: self.sent_at,
            first_received_at: self.first_received_at,
            receive_count: self.receive_count,
            message_group: self.message_group,
            sequence_number: self.sequence_number,
            dead_letter_source: self.dead_letter_source,
            letter: self.letter,
        }
    }
}

impl ReceivedMessage<Content> {
    /// The id of the letter that it was, or its sender's, or the one that the FIFO queue made
    /// from the body.
    pub fn deduplication_id(&self) -> Option<Cow<'_, str>> {
        if let Some(letter) = self.letter {
            return Some(Cow::Owned(letter.to_string()));
        }
        match &self.content.deduplication_id {
            Some(id) => Some(Cow::Borrowed(id)),
            None => self
                .sequence_number
                .map(|_| Cow::Owned(deduplication::hash_of_body(&self.content.body))),
        }
    }
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
