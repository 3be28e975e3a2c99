//! One file: what is durable, what readers see, and the writes between the two.

use std::io;
use std::sync::Arc;

use rand::Rng;

use super::SECTOR_BYTES;
use super::sparse::Sparse;

#[derive(Debug, Default)]
pub(crate) struct FileState {
    durable: Sparse,
    visible: Sparse,
    unsynced: Vec<Write>,
    /// How many writes there were ever.
    writes: u64,
}

#[derive(Clone, Debug)]
struct Write {
    number: u64,
    offset: u64,
    bytes: Arc<[u8]>,
}

/// What a loss of power did to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PowerLossOutcome {
    pub(crate) lost_bytes: u64,
    /// Writes of which a part is there and a part is not.
    pub(crate) torn_writes: u64,
}

impl FileState {
    pub(crate) fn len(&self) -> u64 {
        self.visible.len()
    }

    pub(crate) fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let read = self.visible.read(offset, length);
        read.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.visible.write(offset, bytes);
        self.writes += 1;
        self.unsynced.push(Write {
            number: self.writes,
            offset,
            bytes: bytes.into(),
        });
    }

    /// The number of the last write; a sync that begins now covers all up to it.
    pub(crate) fn last_write(&self) -> u64 {
        self.writes
    }

    /// Makes the writes up to this one durable.
    pub(crate) fn sync(&mut self, last: u64) {
        for write in self.take_unsynced(last) {
            self.durable.write(write.offset, &write.bytes);
        }
    }

    /// The writes up to this one will never be durable, though they can be read.
    pub(crate) fn forget_unsynced(&mut self, last: u64) {
        drop(self.take_unsynced(last));
    }

    fn take_unsynced(&mut self, last: u64) -> Vec<Write> {
        let covered = self.unsynced.partition_point(|write| write.number <= last);
        self.unsynced.drain(..covered).collect()
    }

    /// What was not synced is lost, but for the sectors that `keeps` says yes to.
    pub(crate) fn lose_power(&mut self, mut keeps: impl FnMut() -> bool) -> PowerLossOutcome {
        let mut outcome = PowerLossOutcome::default();
        for write in std::mem::take(&mut self.unsynced) {
            let mut kept = 0;
            let mut at = 0;
            while at < write.bytes.len() {
                let place = write.offset + at as u64;
                // At most a sector.
                let to_boundary =
                    usize::try_from(SECTOR_BYTES - place % SECTOR_BYTES).unwrap_or(usize::MAX);
                let end = write.bytes.len().min(at + to_boundary);
                if keeps() {
                    self.durable.write(place, &write.bytes[at..end]);
                    kept += end - at;
                }
                at = end;
            }
            outcome.lost_bytes += (write.bytes.len() - kept) as u64;
            if kept != 0 && kept != write.bytes.len() {
                outcome.torn_writes += 1;
            }
        }
        self.visible = self.durable.clone();
        outcome
    }

    pub(crate) fn has_data(&self) -> bool {
        !self.durable.places_of_data().is_empty()
    }

    /// Flips a bit in a byte that is not zero, and tells which byte.
    pub(crate) fn flip_bit(&mut self, dice: &mut impl Rng) -> Option<u64> {
        let places = self.durable.places_of_data();
        if places.is_empty() {
            return None;
        }
        let at = places[dice.random_range(0..places.len())];
        let mask = 1 << dice.random_range(0..8);
        self.flip(at, mask)?;
        Some(at)
    }

    /// Flips the bits of the mask in a byte; `None` where the file has no such byte.
    pub(crate) fn flip(&mut self, at: u64, mask: u8) -> Option<()> {
        let visible = self.visible.read(at, 1)?[0];
        self.visible.write(at, &[visible ^ mask]);
        // What was never synced has nothing durable that could be damaged.
        if let Some(durable) = self.durable.read(at, 1) {
            self.durable.write(at, &[durable[0] ^ mask]);
        }
        Some(())
    }

    /// All that can be read of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = usize::try_from(self.len()).unwrap_or(usize::MAX);
        self.visible.read(0, length).unwrap_or_default()
    }
}
