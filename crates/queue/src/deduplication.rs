//! Which messages a FIFO queue has accepted in the last five minutes. Kept whether they are
//! received, deleted or moved; forgotten by a purge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::attributes::{DeduplicationScope, FifoAttributes};
use crate::message::{Content, NewMessage, SentMessage};
use crate::time::{Millis, Seconds};

const WINDOW: Seconds = Seconds(300);

/// Two messages with the same one are one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct DeduplicationKey {
    /// Where the scope is the group.
    group: Option<String>,
    id: String,
}

impl DeduplicationKey {
    /// The key of a message with this id.
    pub(crate) fn new(fifo: FifoAttributes, message: &NewMessage, id: String) -> Self {
        DeduplicationKey {
            group: match fifo.deduplication_scope {
                DeduplicationScope::Queue => None,
                DeduplicationScope::MessageGroup => message.message_group.clone(),
            },
            id,
        }
    }
}

/// The deduplication id of a message: its sender's, or one made from the body.
pub(crate) fn id_of(fifo: FifoAttributes, content: &Content) -> Option<String> {
    match &content.deduplication_id {
        Some(id) => Some(id.clone()),
        None => fifo
            .content_based_deduplication
            .then(|| hash_of_body(&content.body)),
    }
}

/// SHA-256 of the body alone, in hexadecimal.
pub(crate) fn hash_of_body(body: &[u8]) -> String {
    Sha256::digest(body)
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// One message that was accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    at: Millis,
    key: DeduplicationKey,
    sent: SentMessage,
}

impl Accepted {
    /// About what it takes when it is encoded, rather too much than too little.
    pub(crate) fn size_bytes(&self) -> usize {
        64 + self.key.id.len() + self.key.group.as_ref().map_or(0, String::len)
    }
}

/// The memory of one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Deduplication {
    sent: BTreeMap<DeduplicationKey, SentMessage>,
    by_age: BTreeSet<(Millis, DeduplicationKey)>,
}

impl Deduplication {
    /// Forgets what is older than the window.
    pub(crate) fn advance(&mut self, now: Millis) {
        while let Some((sent_at, _)) = self.by_age.first()
            && *sent_at + WINDOW <= now
        {
            if let Some((_, key)) = self.by_age.pop_first() {
                self.sent.remove(&key);
            }
        }
    }

    /// What was answered when a message with this key was accepted.
    pub(crate) fn find(&self, key: &DeduplicationKey) -> Option<&SentMessage> {
        self.sent.get(key)
    }

    /// Remembers a message that is accepted now. There is none with its key.
    pub(crate) fn remember(&mut self, now: Millis, key: DeduplicationKey, sent: SentMessage) {
        let before = self.sent.insert(key.clone(), sent);
        assert_eq!(before, None, "a duplicate was accepted");
        self.by_age.insert((now, key));
    }
    /// All of it, the oldest first.
    pub(crate) fn into_parts(mut self) -> impl Iterator<Item = Accepted> + Send {
        self.by_age.into_iter().filter_map(move |(at, key)| {
            let sent = self.sent.remove(&key)?;
            Some(Accepted { at, key, sent })
        })
    }

    /// Nothing if it is there already.
    pub(crate) fn restore(&mut self, accepted: Accepted) -> Option<()> {
        let Accepted { at, key, sent } = accepted;
        if self.sent.contains_key(&key) {
            return None;
        }
        self.remember(at, key, sent);
        Some(())
    }
}
