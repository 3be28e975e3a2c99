//! Which messages a FIFO queue has accepted in the last five minutes. Kept whether they are
//! received, deleted or moved; forgotten by a purge.
//!
//! A busy queue remembers millions of them. They lie on small pages, and so does what finds them by
//! their keys: like the pages of messages, each is shared with clones of the state until one of them
//! changes it, so that a snapshot copies two lists of pages and holds nobody up.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::attributes::{DeduplicationScope, FifoAttributes};
use crate::ids::MessageId;
use crate::message::{Content, NewMessage, SentMessage, SequenceNumber};
use crate::time::{Millis, Seconds};
use crate::upkeep::Upkeep;

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

    /// Different for different keys, and as short for long ones.
    fn digest(&self) -> KeyDigest {
        let mut hasher = Sha256::new();
        match &self.group {
            // The scope of a queue can change: keys with and without a group may meet.
            None => hasher.update([0]),
            Some(group) => {
                hasher.update([1]);
                hasher.update((group.len() as u64).to_be_bytes());
                hasher.update(group);
            }
        }
        hasher.update(&self.id);
        hasher.finalize().into()
    }
}

/// SHA-256 of a key.
type KeyDigest = [u8; 32];

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Accepted {
    at: Millis,
    key: DeduplicationKey,
    sent: SentMessage,
}

impl Accepted {
    fn is_within_the_window(&self, now: Millis) -> bool {
        self.at + WINDOW > now
    }

    /// About what it takes when it is encoded, rather too much than too little.
    pub(crate) fn size_bytes(&self) -> usize {
        64 + self.key.id.len() + self.key.group.as_ref().map_or(0, String::len)
    }
}

/// The memory of one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Deduplication {
    /// By sequence number, which is also the order of age. Empty pages are not kept.
    accepted: BTreeMap<PageNumber, Arc<Page>>,
    /// The sequence numbers by the digests of keys.
    numbers: BTreeMap<Shelf, Arc<BTreeMap<KeyDigest, SequenceNumber>>>,
}

/// Which 64 sequence numbers are on the page: a sequence number divided by 64.
type PageNumber = u64;
/// In the order of their sequence numbers, which need not follow one another.
type Page = VecDeque<(SequenceNumber, Accepted)>;
/// The first twelve bits of a digest: of a million keys, a few hundred have the same.
type Shelf = u16;

fn page_of(number: SequenceNumber) -> PageNumber {
    number.0 / 64
}

fn shelf_of(digest: &KeyDigest) -> Shelf {
    u16::from_be_bytes([digest[0], digest[1]]) >> 4
}

impl Deduplication {
    /// Forgets what is older than the window, as far as there may be upkeep.
    pub(crate) fn advance(&mut self, now: Millis, upkeep: &mut Upkeep) {
        while let Some(mut first) = self.accepted.first_entry()
            && let Some((number, oldest)) = first.get().front()
            && !oldest.is_within_the_window(now)
            && upkeep.takes_a_step()
        {
            let number = *number;
            let digest = oldest.key.digest();
            let page = Arc::make_mut(first.get_mut());
            page.pop_front();
            if page.is_empty() {
                first.remove();
            }
            self.forget(&digest, number);
        }
    }

    /// Unless a later message has the key by now.
    fn forget(&mut self, digest: &KeyDigest, number: SequenceNumber) {
        if let Entry::Occupied(mut shelf) = self.numbers.entry(shelf_of(digest)) {
            if shelf.get().get(digest) != Some(&number) {
                return;
            }
            let numbers = Arc::make_mut(shelf.get_mut());
            numbers.remove(digest);
            if numbers.is_empty() {
                shelf.remove();
            }
        }
    }

    /// What was answered when a message with this key was accepted within the window.
    pub(crate) fn find(&self, now: Millis, key: &DeduplicationKey) -> Option<&SentMessage> {
        self.find_digest(now, &key.digest())
    }

    fn find_digest(&self, now: Millis, digest: &KeyDigest) -> Option<&SentMessage> {
        let number = *self.numbers.get(&shelf_of(digest))?.get(digest)?;
        let page = self.accepted.get(&page_of(number))?;
        let at = page.binary_search_by_key(&number, |(number, _)| *number);
        let (_, accepted) = page.get(at.ok()?)?;
        accepted.is_within_the_window(now).then_some(&accepted.sent)
    }

    /// Remembers a message that is accepted now, and returns what is answered. There is none with its
    /// key.
    pub(crate) fn remember(
        &mut self,
        now: Millis,
        key: DeduplicationKey,
        id: MessageId,
        number: SequenceNumber,
    ) -> SentMessage {
        let sent = SentMessage {
            id,
            sequence_number: Some(number),
        };
        let accepted = Accepted {
            at: now,
            key,
            sent: sent.clone(),
        };
        let digest = accepted.key.digest();
        let known = self.find_digest(now, &digest);
        assert!(known.is_none(), "a duplicate was accepted");
        let is_new = self.insert(number, &digest, accepted);
        assert!(is_new, "a sequence number is used once");
        sent
    }

    /// Whether there was none with its number. One with its key may be there, older than the window
    /// and not forgotten yet.
    fn insert(&mut self, number: SequenceNumber, digest: &KeyDigest, accepted: Accepted) -> bool {
        let page = Arc::make_mut(self.accepted.entry(page_of(number)).or_default());
        let Err(at) = page.binary_search_by_key(&number, |(number, _)| *number) else {
            return false;
        };
        page.insert(at, (number, accepted));
        let numbers = self.numbers.entry(shelf_of(digest)).or_default();
        if numbers.get(digest).is_none_or(|earlier| *earlier < number) {
            Arc::make_mut(numbers).insert(*digest, number);
        }
        true
    }

    /// All of it, the oldest first.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = Accepted> + Send {
        let pages = self.accepted.into_values().flat_map(Arc::unwrap_or_clone);
        pages.map(|(_, accepted)| accepted)
    }

    /// Nothing if it is there already.
    pub(crate) fn restore(&mut self, accepted: Accepted) -> Option<()> {
        let number = accepted.sent.sequence_number?;
        let digest = accepted.key.digest();
        self.insert(number, &digest, accepted).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn key(name: u16) -> DeduplicationKey {
        DeduplicationKey {
            group: None,
            id: name.to_string(),
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// A message with this key, if there was none; the sequence number goes on by so much.
        Accept(u16, u64),
        /// So many milliseconds pass, and there may be so much upkeep.
        Wait(u64, u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u16..200, 1_u64..100).prop_map(|(name, gap)| Step::Accept(name, gap)),
            1 => (0_u64..200_000, 0_u32..30).prop_map(|(millis, steps)| Step::Wait(millis, steps)),
        ]
    }

    proptest! {
        #[test]
        fn what_was_accepted_within_the_window_is_known_and_nothing_else(
            steps in vec(step(), 0..400)
        ) {
            let mut memory = Deduplication::default();
            let (mut now, mut number) = (Millis(0), SequenceNumber(0));
            let mut accepted: Vec<(Millis, u16, SequenceNumber)> = Vec::new();
            for step in steps {
                match step {
                    Step::Accept(name, gap) => {
                        if memory.find(now, &key(name)).is_none() {
                            number.0 += gap;
                            memory.remember(now, key(name), MessageId(name.into()), number);
                            accepted.push((now, name, number));
                        }
                    }
                    Step::Wait(millis, steps) => {
                        now.0 += millis;
                        memory.advance(now, &mut Upkeep::of(steps));
                        accepted.retain(|(at, ..)| *at + WINDOW > now);
                    }
                }
            }
            let known = |name: u16| memory.find(now, &key(name)).and_then(|sent| sent.sequence_number);
            for name in 0..200 {
                let model = accepted.iter().find(|(_, accepted, _)| *accepted == name);
                prop_assert_eq!(known(name), model.map(|(_, _, number)| *number));
            }

            // In whichever order it comes back.
            let mut restored = Deduplication::default();
            let parts: Vec<_> = memory.clone().into_parts().collect();
            prop_assert!(parts.is_sorted_by_key(|part| part.at));
            for part in parts.into_iter().rev() {
                prop_assert_eq!(restored.restore(part.clone()), Some(()));
                prop_assert_eq!(restored.restore(part), None, "twice");
            }
            prop_assert_eq!(restored, memory);
        }
    }

    fn shared<'a, T: 'a>(parts: impl Iterator<Item = &'a Arc<T>>) -> usize {
        parts.filter(|part| Arc::strong_count(part) > 1).count()
    }

    #[test]
    fn a_clone_has_all_but_what_is_touched_in_common_with_its_original() {
        let mut memory = Deduplication::default();
        for name in 0..6400 {
            memory.remember(
                Millis(0),
                key(name),
                MessageId(0),
                SequenceNumber(name.into()),
            );
        }
        let snapshot = memory.clone();
        memory.remember(Millis(1), key(6400), MessageId(0), SequenceNumber(6400));
        memory.remember(Millis(1), key(6401), MessageId(0), SequenceNumber(6401));
        assert_eq!(shared(memory.accepted.values()), 100);
        let shelves = snapshot.numbers.len();
        assert!(shared(memory.numbers.values()) >= shelves - 2);
        assert_eq!(snapshot.find(Millis(1), &key(6400)), None);
    }

    #[test]
    fn the_digest_tells_a_group_from_the_id_behind_it_and_from_none() {
        let key = |group: Option<&str>, id: &str| DeduplicationKey {
            group: group.map(str::to_owned),
            id: id.to_owned(),
        };
        let digest = key(Some("a"), "bc").digest();
        assert_ne!(digest, key(Some("ab"), "c").digest());
        assert_ne!(digest, key(None, "\0\0\0\0\0\0\0\u{1}abc").digest());
    }
}
