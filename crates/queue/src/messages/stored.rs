//! A message as a queue keeps it, and how it looks to a receiver.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zonemq_planted::{Bug, is_planted};

use crate::fair_order::Position;
use crate::identity::{self, Identity};
use crate::ids::{MessageId, MessageKey, QueueId, QueueKey};
use crate::message::{ContentPlace, ReceivedMessage, SequenceNumber};
use crate::receipt::ReceiptHandle;
use crate::time::Millis;

/// A message as a queue keeps it. There may be millions: each byte counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct StoredMessage {
    id: MessageId,
    /// Makes receipt handles that nobody can guess.
    pub(super) secret: u64,
    pub(crate) content: ContentPlace,
    pub(super) place: Place,
    /// When it was accepted; from here its retention counts.
    pub(super) sent_at: Millis,
    /// Both mean something only once it was received.
    pub(super) first_received_at: Millis,
    pub(super) last_received_at: Millis,
    pub(super) receive_count: u32,
    rare: Option<Box<Rare>>,
}

/// What most messages of standard queues do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Rare {
    group: Option<Arc<str>>,
    /// The queue that it was moved from, as a dead letter.
    dead_letter_source: Option<Arc<QueueKey>>,
    /// Its id when it was buried in a FIFO queue. A box, because it would be half of all this.
    letter: Option<Box<MessageId>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Place {
    /// In its own place in the order.
    Visible,
    /// In a standard queue, received so often that it had to go behind the others.
    VisibleAtTheBack(Position),
    Delayed {
        until: Millis,
    },
    InFlight {
        until: Millis,
    },
}

impl StoredMessage {
    /// A message that is sent now and was never received. The queue gives it its place.
    pub(super) fn new(
        now: Millis,
        identity: Identity,
        content: ContentPlace,
        group: Option<Arc<str>>,
    ) -> StoredMessage {
        let rare = group.map(|group| {
            Box::new(Rare {
                group: Some(group),
                ..Rare::default()
            })
        });
        StoredMessage {
            id: identity.id,
            secret: identity.secret,
            content,
            place: Place::Visible,
            sent_at: now,
            first_received_at: now,
            last_received_at: now,
            receive_count: 0,
            rare,
        }
    }

    /// A new message with the content of this one, as which it comes to another queue.
    pub(super) fn moved(&self, now: Millis, identity: Identity) -> StoredMessage {
        let mut moved = StoredMessage::new(now, identity, self.content, self.group().cloned());
        if let Some(letter) = self.letter() {
            moved.rare().letter = Some(Box::new(letter));
        }
        moved
    }

    pub(super) fn id(&self) -> MessageId {
        self.id
    }

    pub(super) fn group(&self) -> Option<&Arc<str>> {
        self.rare.as_ref()?.group.as_ref()
    }

    pub(crate) fn dead_letter_source(&self) -> Option<&Arc<QueueKey>> {
        self.rare.as_ref()?.dead_letter_source.as_ref()
    }

    fn letter(&self) -> Option<MessageId> {
        self.rare.as_ref()?.letter.as_deref().copied()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn set_group(&mut self, group: Arc<str>) {
        self.rare().group = Some(group);
    }

    pub(super) fn set_dead_letter_source(&mut self, source: Arc<QueueKey>) {
        self.rare().dead_letter_source = Some(source);
    }

    /// From now on its id is its deduplication id, too.
    pub(super) fn become_letter(&mut self) {
        let id = self.id;
        self.rare().letter = Some(Box::new(id));
    }

    /// About what it takes when it is encoded, rather too much than too little.
    pub(super) fn encoded_bytes(&self) -> usize {
        let group = self.group().map_or(0, |group| group.len());
        let source = self.dead_letter_source().map_or(0, |key| {
            key.account.len() + key.region.len() + key.name.len()
        });
        // 17 for ids and 9 for other numbers, at most.
        17 + 3 * 9 + 2 * 5 + 10 + 4 * 9 + 5 + 1 + 2 * 3 + group + 4 + source + 18
    }

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
    ) -> ReceivedMessage<ContentPlace> {
        ReceivedMessage {
            id: self.id,
            receipt_handle: ReceiptHandle {
                queue,
                message: key,
                receive_count: self.receive_count,
                token: identity::token(self.secret, self.receive_count),
            },
            content: self.content,
            sent_at: self.sent_at,
            first_received_at: self.first_received_at,
            receive_count: self.receive_count,
            message_group: self.group().map(|group| group.as_ref().to_owned()),
            sequence_number,
            dead_letter_source: self.dead_letter_source().map(|key| key.as_ref().clone()),
            letter: self.letter(),
        }
    }
}
