//! What a log consists of, and its bytes.
//!
//! ```text
//!  0  header CRC32C, of the bytes 4 to 48
//!  4  payload CRC32C
//!  8  payload length        12  kind         16  group       20  zero
//! 24  where the write that brought this record began, as an offset in the segment
//! 32  term                  40  index
//! 48  payload, then zeros up to the next multiple of 8
//! ```
//!
//! All numbers are little-endian. Both checksums start from the segment's [`Seed`], so that a
//! record from an earlier use of a recycled file is never taken for one of this.

use bytes::Bytes;

/// Which Raft group a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// One thing to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An entry of a group's log. Its index follows that of the group's last entry.
    Entry {
        /// Whose log.
        group: GroupId,
        /// Raft's term of the entry.
        term: u64,
        /// Raft's index of the entry.
        index: u64,
        /// The entry itself.
        payload: Bytes,
    },
    /// A group's vote; the latest counts.
    Vote {
        /// Whose vote.
        group: GroupId,
        /// The vote itself.
        payload: Bytes,
    },
    /// Takes back all entries of a group after an index, or all where it is `None`.
    TruncateAfter {
        /// Whose log.
        group: GroupId,
        /// The last entry that stays.
        index: Option<u64>,
    },
    /// The entries of a group through an index are in a snapshot: they are not needed any more.
    PurgeThrough {
        /// Whose log.
        group: GroupId,
        /// The last entry that goes.
        index: u64,
        /// What its owner wants to know of the last purged entry.
        payload: Bytes,
    },
}

/// A record as it lies in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// The first record of a segment: how far the segment before it was written.
    PreviousEnd {
        offset: u64,
    },
    Record(Record),
}

/// Start of all checksums in one use of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u32);

pub(crate) const HEADER_BYTES: usize = 48;
const ALIGNMENT: usize = 8;
/// Longer ones are refused by [`encode`] and not believed when read.
pub(crate) const PAYLOAD_LIMIT: usize = 1 << 30;

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Entry = 1,
    Vote = 2,
    TruncateAfter = 3,
    TruncateAll = 4,
    PurgeThrough = 5,
    PreviousEnd = 6,
}

impl Kind {
    fn of(number: u32) -> Option<Kind> {
        match number {
            1 => Some(Kind::Entry),
            2 => Some(Kind::Vote),
            3 => Some(Kind::TruncateAfter),
            4 => Some(Kind::TruncateAll),
            5 => Some(Kind::PurgeThrough),
            6 => Some(Kind::PreviousEnd),
            _ => None,
        }
    }
}

/// The bytes that a record takes in a segment.
pub(crate) fn stored_bytes(record: &Record) -> u64 {
    let payload = match record {
        Record::Entry { payload, .. }
        | Record::Vote { payload, .. }
        | Record::PurgeThrough { payload, .. } => payload.len(),
        Record::TruncateAfter { .. } => 0,
    };
    (HEADER_BYTES + payload).next_multiple_of(ALIGNMENT) as u64
}

impl Stored {
    /// The bytes that it takes in a segment.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Stored::PreviousEnd { .. } => HEADER_BYTES as u64,
            Stored::Record(record) => stored_bytes(record),
        }
    }
}

/// Adds a record to the bytes of a write that begins at `write_start` of its segment.
pub(crate) fn encode(stored: &Stored, seed: Seed, write_start: u64, into: &mut Vec<u8>) {
    let none = GroupId(0);
    let nothing = Bytes::new();
    let (kind, group, term, index, payload) = match stored {
        Stored::PreviousEnd { offset } => (Kind::PreviousEnd, none, 0, *offset, &nothing),
        Stored::Record(Record::Entry {
            group,
            term,
            index,
            payload,
        }) => (Kind::Entry, *group, *term, *index, payload),
        Stored::Record(Record::Vote { group, payload }) => (Kind::Vote, *group, 0, 0, payload),
        Stored::Record(Record::TruncateAfter { group, index }) => match index {
            Some(index) => (Kind::TruncateAfter, *group, 0, *index, &nothing),
            None => (Kind::TruncateAll, *group, 0, 0, &nothing),
        },
        Stored::Record(Record::PurgeThrough {
            group,
            index,
            payload,
        }) => (Kind::PurgeThrough, *group, 0, *index, payload),
    };
    assert!(
        payload.len() <= PAYLOAD_LIMIT,
        "a record of more than 1 GiB"
    );
    #[expect(clippy::cast_possible_truncation, reason = "at most PAYLOAD_LIMIT")]
    let length = payload.len() as u32;

    let start = into.len();
    into.extend([0; 4]);
    into.extend(crc32c::crc32c_append(seed.0, payload).to_le_bytes());
    into.extend(length.to_le_bytes());
    into.extend((kind as u32).to_le_bytes());
    into.extend(group.0.to_le_bytes());
    into.extend([0; 4]);
    into.extend(write_start.to_le_bytes());
    into.extend(term.to_le_bytes());
    into.extend(index.to_le_bytes());
    let checksum = crc32c::crc32c_append(seed.0, &into[start + 4..]);
    into[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    into.extend_from_slice(payload);
    into.resize(into.len().next_multiple_of(ALIGNMENT), 0);
}

/// A record's header that passed its checksum.
pub(crate) struct Header {
    payload_checksum: u32,
    payload_length: usize,
    kind: Kind,
    group: GroupId,
    pub(crate) write_start: u64,
    term: u64,
    index: u64,
}

impl Header {
    /// The header at `offset`, if there is one.
    pub(crate) fn at(bytes: &[u8], offset: usize, seed: Seed) -> Option<Header> {
        let header: &[u8; HEADER_BYTES] = bytes.get(offset..)?.first_chunk()?;
        // The kind first: it rules most other bytes out before the checksum is taken.
        let kind = Kind::of(u32_at(header, 12))?;
        if u32_at(header, 0) != crc32c::crc32c_append(seed.0, &header[4..]) {
            return None;
        }
        Some(Header {
            payload_checksum: u32_at(header, 4),
            payload_length: u32_at(header, 8) as usize,
            kind,
            group: GroupId(u32_at(header, 16)),
            write_start: u64_at(header, 24),
            term: u64_at(header, 32),
            index: u64_at(header, 40),
        })
    }

    /// The bytes of the record, its payload and padding included.
    pub(crate) fn stored_bytes(&self) -> usize {
        (HEADER_BYTES + self.payload_length).next_multiple_of(ALIGNMENT)
    }

    /// The record, if its payload passes its checksum.
    pub(crate) fn read(&self, bytes: &Bytes, offset: usize, seed: Seed) -> Option<Stored> {
        let start = offset + HEADER_BYTES;
        let end = start.checked_add(self.payload_length)?;
        if offset + self.stored_bytes() > bytes.len() {
            return None;
        }
        let payload = bytes.slice(start..end);
        if crc32c::crc32c_append(seed.0, &payload) != self.payload_checksum {
            return None;
        }
        let (group, term, index) = (self.group, self.term, self.index);
        let record = match self.kind {
            Kind::PreviousEnd => return Some(Stored::PreviousEnd { offset: index }),
            Kind::Entry => Record::Entry {
                group,
                term,
                index,
                payload,
            },
            Kind::Vote => Record::Vote { group, payload },
            Kind::TruncateAfter => Record::TruncateAfter {
                group,
                index: Some(index),
            },
            Kind::TruncateAll => Record::TruncateAfter { group, index: None },
            Kind::PurgeThrough => Record::PurgeThrough {
                group,
                index,
                payload,
            },
        };
        Some(Stored::Record(record))
    }
}

// Callers ask within the header.
fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let bytes = &header[at..at + 4];
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn u64_at(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let bytes = &header[at..at + 8];
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed(0xdead_beef);

    fn all_kinds() -> Vec<Stored> {
        let group = GroupId(7);
        vec![
            Stored::PreviousEnd { offset: 4096 },
            Stored::Record(Record::Entry {
                group,
                term: 2,
                index: 3,
                payload: Bytes::from_static(b"entry"),
            }),
            Stored::Record(Record::Vote {
                group,
                payload: Bytes::from_static(b"vote"),
            }),
            Stored::Record(Record::TruncateAfter {
                group,
                index: Some(9),
            }),
            Stored::Record(Record::TruncateAfter { group, index: None }),
            Stored::Record(Record::PurgeThrough {
                group,
                index: 5,
                payload: Bytes::from_static(b"purged!!"),
            }),
        ]
    }

    fn encoded(stored: &Stored) -> Bytes {
        let mut bytes = Vec::new();
        encode(stored, SEED, 4096, &mut bytes);
        bytes.into()
    }

    fn decoded(bytes: &Bytes, seed: Seed) -> Option<Stored> {
        Header::at(bytes, 0, seed)?.read(bytes, 0, seed)
    }

    #[test]
    fn every_record_is_read_as_it_was_written() {
        for stored in all_kinds() {
            let bytes = encoded(&stored);
            assert_eq!(decoded(&bytes, SEED), Some(stored.clone()));
            assert_eq!(bytes.len() as u64, stored.bytes());
        }
    }

    #[test]
    fn the_bytes_of_a_record_never_change() {
        let golden: [&[u8]; 3] = [
            // Checksums, length, kind, group.
            b"\x5f\x26\x82\x98\xb0\x42\xfb\x71\x05\x00\x00\x00\x01\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00",
            // Start of the write, term, index.
            b"\x00\x10\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00",
            b"\x65\x6e\x74\x72\x79\x00\x00\x00",
        ];
        assert_eq!(encoded(&all_kinds()[1]), golden.concat());
    }

    #[test]
    fn a_record_with_any_flipped_bit_is_not_one() {
        for stored in all_kinds() {
            let bytes = encoded(&stored);
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let read = decoded(&flipped.into(), SEED);
                // The zeros after a payload mean nothing, so they may be anything.
                assert!(read.is_none() || read.as_ref() == Some(&stored));
            }
        }
    }

    #[test]
    fn a_record_of_another_use_of_the_file_is_not_one() {
        let bytes = encoded(&all_kinds()[1]);
        assert_eq!(decoded(&bytes, Seed(1)), None);
    }
}
