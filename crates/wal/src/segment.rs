//! One file of the log: its name, its header, and how it is read.
//!
//! A segment begins with a block of its own that tells its id and a salt, twice; writes follow,
//! without gaps. Behind the last one lie zeros.

use std::ops::Range;

use bytes::Bytes;
use zonemq_world::Chance;

use crate::record::Seed;
use crate::write::{self, Found, Tail, Write};

/// Numbers segments from 1, in the order in which they are begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

impl SegmentId {
    pub(crate) fn next(self) -> SegmentId {
        SegmentId(self.0 + 1)
    }

    /// Its file in the folder of the log.
    pub fn file_name(self) -> String {
        format!("{:016x}.log", self.0)
    }

    /// The file that is being made ready to become this segment.
    pub(crate) fn unfinished_name(self) -> String {
        format!("{:016x}.unfinished", self.0)
    }

    /// The file that tells what lies where in this segment.
    pub(crate) fn summary_name(self) -> String {
        format!("{:016x}.summary", self.0)
    }

    pub(crate) fn of_file_name(name: &str) -> Option<SegmentId> {
        let id = u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()?;
        (SegmentId(id).file_name() == name).then_some(SegmentId(id))
    }

    pub(crate) fn of_summary_name(name: &str) -> Option<SegmentId> {
        let id = u64::from_str_radix(name.strip_suffix(".summary")?, 16).ok()?;
        (SegmentId(id).summary_name() == name).then_some(SegmentId(id))
    }
}

/// Records start here. The header has a block of its own, so that no later write touches it.
pub(crate) const RECORDS_START: u64 = 4096;
const MAGIC: &[u8; 8] = b"ZONEMQWL";
const VERSION: u32 = 2;
/// The header lies at the start of its block and once more here.
const SECOND_COPY: usize = 2048;
const HEADER_BYTES: usize = 32;

/// What the first block of a segment tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) id: SegmentId,
    /// Random, so that nobody who sends messages can write what looks like a record.
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

    #[cfg(test)]
    pub(crate) fn with_salt(id: SegmentId, salt: u64) -> Self {
        SegmentHeader { id, salt }
    }

    /// No two segments have the same, but by chance.
    pub(crate) fn salt(&self) -> u64 {
        self.salt
    }

    pub(crate) fn seed(&self) -> Seed {
        let seed = crc32c::crc32c(&self.id.0.to_le_bytes());
        Seed(crc32c::crc32c_append(seed, &self.salt.to_le_bytes()))
    }

    /// The block, as far as it says something.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut block = self.encode_once();
        block.resize(SECOND_COPY, 0);
        block.extend(self.encode_once());
        block
    }

    fn encode_once(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.id.0.to_le_bytes());
        bytes.extend(self.salt.to_le_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// The header, from whichever copy can be read, and whether both copies say so.
    pub(crate) fn decode(id: SegmentId, block: &[u8]) -> Result<(Self, bool), HeaderError> {
        let second = block.get(SECOND_COPY..).unwrap_or_default();
        match Self::decode_once(id, block) {
            Err(HeaderError::NotASegment) => {
                Self::decode_once(id, second).map(|header| (header, false))
            }
            first => first.map(|header| {
                let agrees = Self::decode_once(id, second) == Ok(header);
                (header, agrees)
            }),
        }
    }

    fn decode_once(id: SegmentId, bytes: &[u8]) -> Result<Self, HeaderError> {
        let block = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(HeaderError::NotASegment)?;
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

/// Where the header lies, twice.
pub(crate) fn header_copies() -> impl Iterator<Item = Range<usize>> {
    [0, SECOND_COPY].into_iter().map(|at| at..at + HEADER_BYTES)
}

/// Where the first write begins, as an offset in memory.
pub(crate) fn records_start() -> usize {
    usize::try_from(RECORDS_START).unwrap_or(usize::MAX)
}

/// All that can be read of a segment.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) writes: Vec<Write>,
    /// Where the last write began.
    pub(crate) last_write_start: usize,
    /// Where the last write ends.
    pub(crate) end: usize,
    /// Where writes begin that were durable and cannot be read whole any more.
    pub(crate) damaged: Vec<u64>,
}

/// Reads the writes of a segment, given whole.
pub(crate) fn read(header: &SegmentHeader, bytes: &Bytes, tail: Tail) -> Contents {
    let start = records_start();
    let mut contents = Contents {
        writes: Vec::new(),
        last_write_start: start,
        end: start,
        damaged: Vec::new(),
    };
    loop {
        let start = contents.end;
        let write = match write::read(bytes, start, header.seed(), tail) {
            Found::Nothing => return contents,
            Found::Whole(write) => write,
            Found::Damaged(write) => {
                contents.damaged.push(start as u64);
                write
            }
        };
        contents.last_write_start = start;
        contents.end = write.end;
        contents.writes.push(write);
    }
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
            b"ZONEMQWL\x02\0\0\0",
            b"\x1f\0\0\0\0\0\0\0",
            b"\x08\x07\x06\x05\x04\x03\x02\x01",
            b"\xe0\xda\x93\xc3",
        ];
        let block = HEADER.encode();
        assert_eq!(block[..HEADER_BYTES], golden.concat());
        assert_eq!(block[SECOND_COPY..], golden.concat());
        assert_eq!(SegmentHeader::decode(HEADER.id, &block), Ok((HEADER, true)));
    }

    #[test]
    fn a_header_with_any_flipped_bit_is_read_from_its_other_copy() {
        let block = HEADER.encode();
        for byte in (0..HEADER_BYTES).chain(SECOND_COPY..block.len()) {
            for bit in 0..8 {
                let mut flipped = block.clone();
                flipped[byte] ^= 1 << bit;
                let read = SegmentHeader::decode(HEADER.id, &flipped);
                assert_eq!(read, Ok((HEADER, false)), "byte {byte}");
            }
        }
    }

    #[test]
    fn a_header_of_another_segment_is_refused() {
        let read = SegmentHeader::decode(SegmentId(1), &HEADER.encode());
        assert_eq!(read, Err(HeaderError::NotASegment));
    }
}
