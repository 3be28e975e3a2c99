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
//! record that strayed here from elsewhere is never taken for one of this segment.

use bytes::Bytes;

use crate::segment::SegmentId;

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
    /// The entries of a group through an index are in a snapshot: as entries, they are not needed
    /// any more. What lies in them stays until it is dead, see [`crate::Wal::retire`].
    PurgeThrough {
        /// Whose log.
        group: GroupId,
        /// The last entry that goes.
        index: u64,
        /// What its owner wants to know of the last purged entry.
        payload: Bytes,
    },
    /// What the owner of a group must not forget beside its vote; the latest counts.
    Note {
        /// Whose.
        group: GroupId,
        /// The note itself.
        payload: Bytes,
    },
    /// Parts of an entry that are still wanted though its segment is to go, or that came from a
    /// peer. They take the place of all that was there of this entry.
    Kept {
        /// Whose log.
        group: GroupId,
        /// The entry.
        index: u64,
        /// In the order of their offsets.
        parts: Vec<Part>,
    },
}

/// A stretch of the payload of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where in the payload it begins.
    pub offset: u32,
    /// What lies there.
    pub bytes: Bytes,
}

/// A record as it lies in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// The first record of a segment: how far the segment before it was written, and which
    /// segments there are, this one among them.
    Opening {
        previous_end: u64,
        segments: Vec<SegmentId>,
    },
    /// Nothing in these segments is wanted any more.
    Retired { segments: Vec<SegmentId> },
    /// Something that was appended.
    Record(Record),
}

/// Start of all checksums in one use of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u32);

pub(crate) const HEADER_BYTES: usize = 48;
pub(crate) const ALIGNMENT: usize = 8;
/// Longer ones are refused by [`encode`] and not believed when read.
pub(crate) const PAYLOAD_LIMIT: usize = 1 << 30;

/// What a record is, as a number. Grows only; a number is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Entry = 1,
    Vote = 2,
    TruncateAfter = 3,
    TruncateAll = 4,
    PurgeThrough = 5,
    Opening = 7,
    Retired = 8,
    Note = 9,
    Kept = 10,
    /// The beginning of a write: see `write`.
    Write = 11,
}

impl Kind {
    fn of(number: u32) -> Option<Kind> {
        match number {
            1 => Some(Kind::Entry),
            2 => Some(Kind::Vote),
            3 => Some(Kind::TruncateAfter),
            4 => Some(Kind::TruncateAll),
            5 => Some(Kind::PurgeThrough),
            7 => Some(Kind::Opening),
            8 => Some(Kind::Retired),
            9 => Some(Kind::Note),
            10 => Some(Kind::Kept),
            11 => Some(Kind::Write),
            _ => None,
        }
    }
}

/// The bytes that a payload of this length takes in a segment, with its header.
pub(crate) fn padded(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).next_multiple_of(ALIGNMENT)
}

impl Stored {
    /// How often it is written, one copy behind the other. Peers have the entries, but nobody else
    /// has what is small: one damaged place must not take it away.
    pub(crate) fn copies(&self) -> usize {
        match self {
            Stored::Record(Record::Entry { .. } | Record::Kept { .. }) => 1,
            Stored::Opening { .. } | Stored::Retired { .. } | Stored::Record(_) => 2,
        }
    }

    fn payload_bytes(&self) -> usize {
        match self {
            Stored::Opening { segments, .. } => 8 + 8 * segments.len(),
            Stored::Retired { segments } => 8 * segments.len(),
            Stored::Record(record) => match record {
                Record::Entry { payload, .. }
                | Record::Vote { payload, .. }
                | Record::PurgeThrough { payload, .. }
                | Record::Note { payload, .. } => payload.len(),
                Record::TruncateAfter { .. } => 0,
                Record::Kept { parts, .. } => {
                    let bytes: usize = parts.iter().map(|part| part.bytes.len()).sum();
                    4 + PART_BYTES * parts.len() + bytes
                }
            },
        }
    }

    /// The bytes that all its copies take in a segment.
    pub(crate) fn bytes(&self) -> u64 {
        (padded(self.payload_bytes()) * self.copies()) as u64
    }
}

/// Of one part in the table that a [`Record::Kept`] begins with: its offset and its length.
pub(crate) const PART_BYTES: usize = 8;

#[expect(clippy::cast_possible_truncation, reason = "at most PAYLOAD_LIMIT")]
fn length_field(length: usize) -> [u8; 4] {
    assert!(length <= PAYLOAD_LIMIT, "a record of more than 1 GiB");
    (length as u32).to_le_bytes()
}

fn put_parts(parts: &[Part], into: &mut Vec<u8>) {
    into.extend(length_field(parts.len()));
    for part in parts {
        into.extend(part.offset.to_le_bytes());
        into.extend(length_field(part.bytes.len()));
    }
    for part in parts {
        into.extend_from_slice(&part.bytes);
    }
}

fn put_segments(segments: &[SegmentId], into: &mut Vec<u8>) {
    for segment in segments {
        into.extend(segment.0.to_le_bytes());
    }
}

/// Adds a payload.
type Put<'r> = &'r dyn Fn(&mut Vec<u8>);

/// The fields of a header that differ from kind to kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) kind: Kind,
    pub(crate) group: GroupId,
    pub(crate) term: u64,
    pub(crate) index: u64,
}

/// Adds one copy of a record to the bytes of a write that begins at `write_start` of its segment.
pub(crate) fn encode(stored: &Stored, seed: Seed, write_start: u64, into: &mut Vec<u8>) {
    let fields = |kind, group, term, index| Fields {
        kind,
        group,
        term,
        index,
    };
    let none = GroupId(0);
    let (fields, put): (Fields, Put<'_>) = match stored {
        Stored::Opening {
            previous_end,
            segments,
        } => (fields(Kind::Opening, none, 0, 0), &|into| {
            into.extend(previous_end.to_le_bytes());
            put_segments(segments, into);
        }),
        Stored::Retired { segments } => (fields(Kind::Retired, none, 0, 0), &|into| {
            put_segments(segments, into);
        }),
        Stored::Record(record) => match record {
            Record::Entry {
                group,
                term,
                index,
                payload,
            } => (fields(Kind::Entry, *group, *term, *index), &|into| {
                into.extend_from_slice(payload);
            }),
            Record::Vote { group, payload } => (fields(Kind::Vote, *group, 0, 0), &|into| {
                into.extend_from_slice(payload);
            }),
            Record::Note { group, payload } => (fields(Kind::Note, *group, 0, 0), &|into| {
                into.extend_from_slice(payload);
            }),
            Record::TruncateAfter { group, index } => match index {
                Some(index) => (fields(Kind::TruncateAfter, *group, 0, *index), &|_| {}),
                None => (fields(Kind::TruncateAll, *group, 0, 0), &|_| {}),
            },
            Record::PurgeThrough {
                group,
                index,
                payload,
            } => (fields(Kind::PurgeThrough, *group, 0, *index), &|into| {
                into.extend_from_slice(payload);
            }),
            Record::Kept {
                group,
                index,
                parts,
            } => (fields(Kind::Kept, *group, 0, *index), &|into| {
                put_parts(parts, into);
            }),
        },
    };
    encode_as(fields, seed, write_start, put, into);
}

/// Adds a header, and the payload that `put` adds.
pub(crate) fn encode_as(
    fields: Fields,
    seed: Seed,
    write_start: u64,
    put: Put<'_>,
    into: &mut Vec<u8>,
) {
    let start = into.len();
    into.resize(start + HEADER_BYTES, 0);
    put(into);
    let payload = &into[start + HEADER_BYTES..];
    let length = length_field(payload.len());
    let payload_checksum = crc32c::crc32c_append(seed.0, payload);
    let header = &mut into[start..start + HEADER_BYTES];
    header[4..8].copy_from_slice(&payload_checksum.to_le_bytes());
    header[8..12].copy_from_slice(&length);
    header[12..16].copy_from_slice(&(fields.kind as u32).to_le_bytes());
    header[16..20].copy_from_slice(&fields.group.0.to_le_bytes());
    header[24..32].copy_from_slice(&write_start.to_le_bytes());
    header[32..40].copy_from_slice(&fields.term.to_le_bytes());
    header[40..48].copy_from_slice(&fields.index.to_le_bytes());
    let checksum = crc32c::crc32c_append(seed.0, &header[4..]);
    header[..4].copy_from_slice(&checksum.to_le_bytes());
    into.resize(into.len().next_multiple_of(ALIGNMENT), 0);
}

/// A record's header that passed its checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    payload_checksum: u32,
    pub(crate) payload_bytes: usize,
    pub(crate) write_start: u64,
    pub(crate) fields: Fields,
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
            payload_bytes: u32_at(header, 8) as usize,
            write_start: u64_at(header, 24),
            fields: Fields {
                kind,
                group: GroupId(u32_at(header, 16)),
                term: u64_at(header, 32),
                index: u64_at(header, 40),
            },
        })
    }

    /// The bytes of the record, its payload and padding included.
    pub(crate) fn stored_bytes(&self) -> usize {
        padded(self.payload_bytes)
    }

    /// The payload of the record whose header lies at `offset`, if it passes its checksum.
    pub(crate) fn payload(&self, bytes: &Bytes, offset: usize, seed: Seed) -> Option<Bytes> {
        let start = offset + HEADER_BYTES;
        let end = start.checked_add(self.payload_bytes)?;
        if offset.checked_add(self.stored_bytes())? > bytes.len() {
            return None;
        }
        let payload = bytes.slice(start..end);
        self.passes(&payload, seed).then_some(payload)
    }

    /// Whether this is the payload that was written with this header.
    pub(crate) fn passes(&self, payload: &[u8], seed: Seed) -> bool {
        crc32c::crc32c_append(seed.0, payload) == self.payload_checksum
    }

    /// The record of this header and its payload. `None` for the beginning of a write, and for
    /// what nobody writes.
    pub(crate) fn record(&self, payload: Bytes) -> Option<Stored> {
        let Fields {
            kind,
            group,
            term,
            index,
        } = self.fields;
        let record = match kind {
            Kind::Write => return None,
            Kind::Opening => {
                let (previous_end, segments) = payload.split_first_chunk::<8>()?;
                return Some(Stored::Opening {
                    previous_end: u64::from_le_bytes(*previous_end),
                    segments: segments_of(segments),
                });
            }
            Kind::Retired => {
                return Some(Stored::Retired {
                    segments: segments_of(&payload),
                });
            }
            Kind::Entry => Record::Entry {
                group,
                term,
                index,
                payload,
            },
            Kind::Vote => Record::Vote { group, payload },
            Kind::Note => Record::Note { group, payload },
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
            Kind::Kept => Record::Kept {
                group,
                index,
                parts: parts_of(&payload)?,
            },
        };
        Some(Stored::Record(record))
    }
}

fn segments_of(bytes: &[u8]) -> Vec<SegmentId> {
    let (ids, _) = bytes.as_chunks::<8>();
    ids.iter()
        .map(|id| SegmentId(u64::from_le_bytes(*id)))
        .collect()
}

/// The table of a [`Record::Kept`]: offset in the entry and length of each part, in the order in
/// which they lie behind it.
pub(crate) fn part_table(payload: &[u8]) -> Option<(Vec<(u32, usize)>, usize)> {
    let (count, rest) = payload.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count) as usize;
    let table = rest.get(..count.checked_mul(PART_BYTES)?)?;
    let (rows, _) = table.as_chunks::<PART_BYTES>();
    let number = |bytes: &[u8]| {
        let reversed = bytes.iter().rev();
        reversed.fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte))
    };
    let rows = rows
        .iter()
        .map(|row| (number(&row[..4]), number(&row[4..]) as usize));
    Some((rows.collect(), 4 + table.len()))
}

fn parts_of(payload: &Bytes) -> Option<Vec<Part>> {
    let (table, mut start) = part_table(payload)?;
    let mut parts = Vec::with_capacity(table.len());
    for (offset, length) in table {
        let end = start.checked_add(length)?;
        if end > payload.len() {
            return None;
        }
        parts.push(Part {
            offset,
            bytes: payload.slice(start..end),
        });
        start = end;
    }
    Some(parts)
}

// Callers ask within the header.
fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let bytes = &header[at..at + 4];
    let reversed = bytes.iter().rev();
    reversed.fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn u64_at(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let bytes = &header[at..at + 8];
    let reversed = bytes.iter().rev();
    reversed.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests;
