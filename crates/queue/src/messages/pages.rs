//! The messages of a queue by their keys, on pages of 64.
//!
//! A page is shared with clones of the state until one of them changes it: a snapshot copies the
//! list of pages only, while traffic goes on and copies what it touches.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::stored::StoredMessage;
use crate::ids::MessageKey;
use crate::key_set::{KEYS_IN_A_WORD, keys_in};
use crate::message::ContentPlace;

/// Messages by key. Empty pages are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Pages {
    by_number: BTreeMap<PageNumber, Arc<Page>>,
    len: u64,
}

/// Which 64 keys are on the page: a key divided by 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct PageNumber(u64);

/// The messages of 64 neighbouring keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Page {
    /// A bit for each key that is there.
    occupied: u64,
    /// In the order of their keys.
    messages: Vec<StoredMessage>,
}

fn split(key: MessageKey) -> (PageNumber, u64) {
    let bit = 1 << (key.0 % KEYS_IN_A_WORD);
    (PageNumber(key.0 / KEYS_IN_A_WORD), bit)
}

impl Page {
    pub(crate) fn content_places(&self) -> impl Iterator<Item = ContentPlace> + '_ {
        self.messages.iter().map(|message| message.content)
    }

    /// Whether there are as many messages as bits, and some.
    fn is_sound(&self) -> bool {
        self.occupied != 0 && self.messages.len() == self.occupied.count_ones() as usize
    }

    /// Where the message of a bit is, or would be.
    fn rank(&self, bit: u64) -> usize {
        (self.occupied & (bit - 1)).count_ones() as usize
    }

    fn find(&self, bit: u64) -> Option<usize> {
        (self.occupied & bit != 0).then(|| self.rank(bit))
    }

    /// There is none with this bit.
    fn insert(&mut self, bit: u64, message: StoredMessage) {
        let at = self.rank(bit);
        if self.messages.len() == self.messages.capacity() {
            // Doubles, like a `Vec` by itself, and ends at exactly a page.
            let len = self.messages.len();
            let spare = len.max(4).min(64 - len);
            self.messages.reserve_exact(spare);
        }
        self.occupied |= bit;
        self.messages.insert(at, message);
    }

    fn remove(&mut self, bit: u64) -> Option<StoredMessage> {
        let at = self.find(bit)?;
        self.occupied &= !bit;
        let message = self.messages.remove(at);
        if self.messages.len() < self.messages.capacity() / 2 {
            self.messages.shrink_to_fit();
        }
        Some(message)
    }

    /// About what it takes when it is encoded, rather too much than too little.
    pub(super) fn size_bytes(&self) -> usize {
        let messages = self.messages.iter().map(StoredMessage::encoded_bytes);
        32 + messages.sum::<usize>()
    }
}

impl Pages {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn get(&self, key: MessageKey) -> Option<&StoredMessage> {
        let (number, bit) = split(key);
        let page = self.by_number.get(&number)?;
        page.messages.get(page.find(bit)?)
    }

    pub(crate) fn get_mut(&mut self, key: MessageKey) -> Option<&mut StoredMessage> {
        let (number, bit) = split(key);
        let page = self.by_number.get_mut(&number)?;
        let at = page.find(bit)?;
        Arc::make_mut(page).messages.get_mut(at)
    }

    /// Keys are used once: there is none like this.
    pub(crate) fn insert(&mut self, key: MessageKey, message: StoredMessage) {
        let (number, bit) = split(key);
        let page = self.by_number.entry(number).or_default();
        assert_eq!(page.occupied & bit, 0, "a key is used once");
        Arc::make_mut(page).insert(bit, message);
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, key: MessageKey) -> Option<StoredMessage> {
        let (number, bit) = split(key);
        let page = self.by_number.get_mut(&number)?;
        page.find(bit)?;
        let page = Arc::make_mut(page);
        let message = page.remove(bit)?;
        if page.messages.is_empty() {
            self.by_number.remove(&number);
        }
        self.len -= 1;
        Some(message)
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MessageKey, &StoredMessage)> {
        self.by_number
            .iter()
            .flat_map(|(number, page)| keys_in(number.0, page.occupied).zip(&page.messages))
    }

    /// Page by page, in order.
    pub(crate) fn into_pages(self) -> impl Iterator<Item = (PageNumber, Arc<Page>)> + Send {
        self.by_number.into_iter()
    }

    /// Adds a page after all others. Returns its keys, or nothing if it is no such page.
    pub(crate) fn push_page(
        &mut self,
        number: PageNumber,
        page: Arc<Page>,
    ) -> Option<Vec<MessageKey>> {
        let last = self.by_number.last_key_value().map(|(last, _)| *last);
        if !page.is_sound() || last.is_some_and(|last| last >= number) {
            return None;
        }
        number.0.checked_mul(KEYS_IN_A_WORD)?;
        let keys = keys_in(number.0, page.occupied).collect();
        self.len += page.messages.len() as u64;
        self.by_number.insert(number, page);
        Some(keys)
    }

    /// Pages that a clone has, too.
    #[cfg(test)]
    pub(super) fn shared_pages(&self) -> usize {
        let pages = self.by_number.values();
        pages.filter(|page| Arc::strong_count(page) > 1).count()
    }

    /// What the pages take in memory, near enough, without what messages have in boxes.
    #[cfg(test)]
    pub(crate) fn size_bytes(&self) -> usize {
        let pages = self.by_number.values().map(|page| {
            // Each allocation costs the allocator about 16 bytes; an `Arc` has two counts.
            let messages = page.messages.capacity() * size_of::<StoredMessage>() + 16;
            messages + size_of::<Page>() + 2 * size_of::<usize>() + 16
        });
        pages.sum::<usize>() + crate::key_set::map_bytes(self.by_number.len())
    }
}

#[cfg(test)]
mod tests;
