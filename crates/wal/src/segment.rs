//! One file of the log: its name, its header, and how it is read.
//!
//! A segment begins with a block of its own that tells its id and the salt of this use of the
//! file; records follow, without gaps. Behind the last record lies whatever was in the file
//! before: zeros, or records of an earlier use, which the salt makes unreadable.

use bytes::Bytes;
use zonemq_planted::{Bug, is_planted};
use zonemq_world::Chance;

use crate::record::{Header, Seed, Stored};

/// Numbers segments from 1, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentId(pub(crate) u64);

impl SegmentId {
    pub(crate) fn next(self) -> SegmentId {
        SegmentId(self.0 + 1)
    }

    pub(crate) fn file_name(self) -> String {
        format!("{:016x}.log", self.0)
    }

    /// The file that is being made ready to become this segment.
    pub(crate) fn unfinished_name(self) -> String {
        format!("{:016x}.unfinished", self.0)
    }

    pub(crate) fn of_file_name(name: &str) -> Option<SegmentId> {
        let id = u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()?;
        (SegmentId(id).file_name() == name).then_some(SegmentId(id))
    }
}

/// Records start here. The header has a block of its own, so that no later write touches it.
pub(crate) const RECORDS_START: u64 = 4096;
const MAGIC: &[u8; 8] = b"ZONEMQWL";
const VERSION: u32 = 1;

/// What the first block of a segment tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) id: SegmentId,
    /// Random, for this use of the file.
    salt: u64,
}

/// Why the first block of a file is not the header of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    NotASegment,
    /// Written by another version of zonemq.
    Version(u32),
}

impl SegmentHeader {
    pub(crate) fn new(id: SegmentId, chance: &impl Chance) -> Self {
        SegmentHeader {
            id,
            salt: chance.next_u64(),
        }
    }

    pub(crate) fn seed(&self) -> Seed {
        let seed = crc32c::crc32c(&self.id.0.to_le_bytes());
        Seed(crc32c::crc32c_append(seed, &self.salt.to_le_bytes()))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.id.0.to_le_bytes());
        bytes.extend(self.salt.to_le_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(id: SegmentId, bytes: &[u8]) -> Result<Self, HeaderError> {
        let block = bytes.first_chunk::<32>().ok_or(HeaderError::NotASegment)?;
        let (body, checksum) = block.split_at(28);
        if crc32c::crc32c(body).to_le_bytes() != checksum || body[..8] != MAGIC[..] {
            return Err(HeaderError::NotASegment);
        }
        let number = |from: usize, to: usize| {
            let bytes = &body[from..to];
            bytes
                .iter()
                .rev()
                .fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte))
        };
        let version = number(8, 12);
        if version != u64::from(VERSION) {
            // Four bytes were read.
            return Err(HeaderError::Version(
                u32::try_from(version).unwrap_or(u32::MAX),
            ));
        }
        if number(12, 20) != id.0 {
            return Err(HeaderError::NotASegment);
        }
        Ok(SegmentHeader {
            id,
            salt: number(20, 28),
        })
    }
}

/// All that can be read of a segment.
pub(crate) struct Contents {
    pub(crate) records: Vec<Stored>,
    /// Where the last write began.
    pub(crate) last_write_start: u64,
    /// Where the last record ends.
    pub(crate) end: u64,
}

/// Something that was durable cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Where in the segment.
    pub(crate) offset: u64,
}

/// Reads the records of a segment, given whole.
///
/// What cannot be read is either behind the end of the log or damaged. One write follows another
/// only when that is durable, and each record tells where its write began. So if any record lies
/// behind the unreadable place whose write also began behind it, then that place was durable
/// once: it is damaged. Otherwise nothing behind it was ever acknowledged as durable, but for
/// the very last write, of which a crash may have left any part.
pub(crate) fn read(header: &SegmentHeader, bytes: &Bytes) -> Result<Contents, Damage> {
    let seed = header.seed();
    let mut records = Vec::new();
    let mut last_write_start = RECORDS_START;
    let mut end = usize::try_from(RECORDS_START).unwrap_or(usize::MAX);
    while let Some(found) = Header::at(bytes, end, seed)
        && let Some(record) = found.read(bytes, end, seed)
    {
        records.push(record);
        last_write_start = found.write_start;
        end += found.stored_bytes();
    }
    let later_write = (end..bytes.len())
        .step_by(8)
        .filter_map(|offset| Header::at(bytes, offset, seed))
        .any(|later| later.write_start > end as u64);
    if later_write && !is_planted(Bug::DamageCutOff) {
        return Err(Damage { offset: end as u64 });
    }
    Ok(Contents {
        records,
        last_write_start,
        end: end as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader {
        id: SegmentId(0x1f),
        salt: 0x0102_0304_0506_0708,
    };

    #[test]
    fn a_segment_is_named_by_its_number() {
        assert_eq!(HEADER.id.file_name(), "000000000000001f.log");
        for name in [
            "000000000000001f.log",
            "1f.log",
            "000000000000001F.log",
            "x",
        ] {
            let id = SegmentId::of_file_name(name);
            assert_eq!(id, (name == HEADER.id.file_name()).then_some(HEADER.id));
        }
    }

    #[test]
    fn the_bytes_of_a_header_never_change() {
        let golden: [&[u8]; 4] = [
            b"ZONEMQWL\x01\0\0\0",
            b"\x1f\0\0\0\0\0\0\0",
            b"\x08\x07\x06\x05\x04\x03\x02\x01",
            b"\x27\xc2\x57\x9a",
        ];
        assert_eq!(HEADER.encode(), golden.concat());
        assert_eq!(
            SegmentHeader::decode(HEADER.id, &HEADER.encode()),
            Ok(HEADER)
        );
    }

    #[test]
    fn a_header_with_any_flipped_bit_or_of_another_segment_is_refused() {
        let bytes = HEADER.encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = SegmentHeader::decode(HEADER.id, &flipped);
            assert_eq!(read, Err(HeaderError::NotASegment));
        }
        let read = SegmentHeader::decode(SegmentId(1), &bytes);
        assert_eq!(read, Err(HeaderError::NotASegment));
    }
}
