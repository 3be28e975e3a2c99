//! Bytes of which most are zero: only pages that hold something take space.

use std::collections::BTreeMap;
use std::sync::Arc;

const PAGE_BYTES: usize = 4096;
type Page = [u8; PAGE_BYTES];
static ZEROS: Page = [0; PAGE_BYTES];

/// A long array of bytes. Clones share their pages until one of them writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse {
    len: u64,
    pages: BTreeMap<u64, Arc<Page>>,
}

impl Sparse {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.len = self.len.max(offset + bytes.len() as u64);
        for (page, at, part) in parts(offset, bytes.len()) {
            let bytes = &bytes[part];
            if let Some(page) = self.pages.get_mut(&page) {
                Arc::make_mut(page)[at..at + bytes.len()].copy_from_slice(bytes);
            } else if *bytes != ZEROS[..bytes.len()] {
                let mut fresh = [0; PAGE_BYTES];
                fresh[at..at + bytes.len()].copy_from_slice(bytes);
                self.pages.insert(page, Arc::new(fresh));
            }
        }
    }

    /// The bytes, or `None` where there are not so many.
    pub(crate) fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        if offset.checked_add(length as u64)? > self.len {
            return None;
        }
        let mut bytes = vec![0; length];
        for (page, at, part) in parts(offset, length) {
            if let Some(page) = self.pages.get(&page) {
                let length = part.len();
                bytes[part].copy_from_slice(&page[at..at + length]);
            }
        }
        Some(bytes)
    }

    /// The places of all bytes that are not zero.
    pub(crate) fn places_of_data(&self) -> Vec<u64> {
        let mut places = Vec::new();
        for (page, bytes) in &self.pages {
            let start = page * PAGE_BYTES as u64;
            let used = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
            places.extend(used.map(|(at, _)| start + at as u64));
        }
        places
    }
}

/// Cuts a stretch into pages: the page, the place in it, and the part of the stretch.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let page_bytes = PAGE_BYTES as u64;
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let place = offset + done as u64;
        // Below a page's length, which fits.
        let at = usize::try_from(place % page_bytes).unwrap_or(0);
        let end = length.min(done + PAGE_BYTES - at);
        let part = done..end;
        done = end;
        Some((place / page_bytes, at, part))
    })
}
