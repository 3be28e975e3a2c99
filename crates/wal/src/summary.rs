//! Where everything lies in a full segment, as a small file beside it: so that a log with a large
//! backlog is opened by reading these instead of all that was ever sent.
//!
//! ```text
//! magic | version | salt of the segment | its length | end of its last write | bytes of payloads
//!       | groups, each: id, last index, runs of entries, kept entries | CRC32C
//! ```
//!
//! A summary is a shortcut and no more: it is written when its segment is full, nobody waits for
//! it, and one that is missing, damaged or of another segment is passed over. Then the segment
//! itself is read.

use std::collections::BTreeMap;

use crate::record::GroupId;
use crate::segment::SegmentHeader;

const MAGIC: &[u8; 8] = b"ZONEMQSU";
const VERSION: u32 = 1;

/// What a full segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Of the file, in bytes.
    pub(crate) length: u64,
    /// Where the last write ends.
    pub(crate) end: u64,
    /// The bytes of all entries and parts in it.
    pub(crate) payload_bytes: u64,
    pub(crate) groups: BTreeMap<GroupId, GroupSummary>,
}

/// What a segment holds of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupSummary {
    /// The highest index of which it has anything.
    pub(crate) last_index: u64,
    /// Entries that follow each other: the index of the first, and the offset of each.
    pub(crate) runs: Vec<(u64, Vec<u32>)>,
    /// What was kept of entries: index and offset.
    pub(crate) kept: Vec<(u64, u32)>,
}

impl Summary {
    /// The bytes of the file beside this segment.
    pub(crate) fn encode(&self, segment: &SegmentHeader) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_u32(&mut bytes, VERSION);
        bytes.extend(segment.salt().to_le_bytes());
        for number in [self.length, self.end, self.payload_bytes] {
            bytes.extend(number.to_le_bytes());
        }
        put_count(&mut bytes, self.groups.len());
        for (id, group) in &self.groups {
            put_u32(&mut bytes, id.0);
            bytes.extend(group.last_index.to_le_bytes());
            put_count(&mut bytes, group.runs.len());
            for (first, offsets) in &group.runs {
                bytes.extend(first.to_le_bytes());
                put_count(&mut bytes, offsets.len());
                for offset in offsets {
                    put_u32(&mut bytes, *offset);
                }
            }
            put_count(&mut bytes, group.kept.len());
            for (index, offset) in &group.kept {
                bytes.extend(index.to_le_bytes());
                put_u32(&mut bytes, *offset);
            }
        }
        let checksum = crc32c::crc32c(&bytes);
        put_u32(&mut bytes, checksum);
        bytes
    }

    /// The reverse of [`Summary::encode`]; `None` if the bytes are anything else.
    pub(crate) fn decode(bytes: &[u8], segment: &SegmentHeader) -> Option<Summary> {
        let (body, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(body).to_le_bytes() != *checksum {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        let rest = &mut rest;
        if take_u32(rest)? != VERSION || take_u64(rest)? != segment.salt() {
            return None;
        }
        let (length, end, payload_bytes) = (take_u64(rest)?, take_u64(rest)?, take_u64(rest)?);
        let mut groups = BTreeMap::new();
        for _ in 0..take_u32(rest)? {
            let id = GroupId(take_u32(rest)?);
            let mut group = GroupSummary {
                last_index: take_u64(rest)?,
                ..GroupSummary::default()
            };
            for _ in 0..take_u32(rest)? {
                let first = take_u64(rest)?;
                let count = take_u32(rest)?;
                let offsets = (0..count).map(|_| take_u32(rest)).collect::<Option<_>>()?;
                group.runs.push((first, offsets));
            }
            for _ in 0..take_u32(rest)? {
                group.kept.push((take_u64(rest)?, take_u32(rest)?));
            }
            groups.insert(id, group);
        }
        rest.is_empty().then_some(Summary {
            length,
            end,
            payload_bytes,
            groups,
        })
    }
}

fn put_u32(into: &mut Vec<u8>, number: u32) {
    into.extend(number.to_le_bytes());
}

fn put_count(into: &mut Vec<u8>, count: usize) {
    // A segment is below 4 GiB, and each of these takes bytes in it.
    put_u32(into, u32::try_from(count).unwrap_or(u32::MAX));
}

fn take_u32(from: &mut &[u8]) -> Option<u32> {
    let (number, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(u32::from_le_bytes(*number))
}

fn take_u64(from: &mut &[u8]) -> Option<u64> {
    let (number, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::SegmentId;

    fn segment(salt: u64) -> SegmentHeader {
        SegmentHeader::with_salt(SegmentId(1), salt)
    }

    fn summary() -> Summary {
        let group = GroupSummary {
            last_index: 9,
            runs: vec![(3, vec![0x10, 0x20])],
            kept: vec![(2, 0x30)],
        };
        Summary {
            length: 0x4000,
            end: 0x3000,
            payload_bytes: 0x200,
            groups: BTreeMap::from([(GroupId(5), group)]),
        }
    }

    #[test]
    fn the_bytes_of_a_summary_never_change() {
        let golden: [&[u8]; 11] = [
            b"ZONEMQSU\x01\0\0\0",
            b"\x07\0\0\0\0\0\0\0",
            b"\0\x40\0\0\0\0\0\0",
            b"\0\x30\0\0\0\0\0\0",
            b"\0\x02\0\0\0\0\0\0",
            b"\x01\0\0\0\x05\0\0\0",
            b"\x09\0\0\0\0\0\0\0",
            b"\x01\0\0\0\x03\0\0\0\0\0\0\0",
            b"\x02\0\0\0\x10\0\0\0\x20\0\0\0",
            b"\x01\0\0\0\x02\0\0\0\0\0\0\0",
            b"\x30\0\0\0",
        ];
        let bytes = summary().encode(&segment(7));
        assert_eq!(bytes[..bytes.len() - 4], golden.concat());
        assert_eq!(Summary::decode(&bytes, &segment(7)), Some(summary()));
    }

    #[test]
    fn a_summary_that_is_damaged_cut_off_or_of_another_segment_is_none() {
        let bytes = summary().encode(&segment(7));
        assert_eq!(Summary::decode(&bytes, &segment(8)), None);
        for end in 0..bytes.len() {
            assert_eq!(Summary::decode(&bytes[..end], &segment(7)), None, "{end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Summary::decode(&flipped, &segment(7)), None, "{bit}");
        }
    }
}
