//! One write: records that become durable together.
//!
//! ```text
//! | head: bytes of the write; last entry of each group; checksum of each sector | records | end |
//! ```
//!
//! A write counts whole or not at all. What a crash leaves of one that nobody was told of is told
//! from damage to one that was durable by what lies there: the file was full of zeros before, so a
//! sector that the crash kept back is still zero, and a write that ends early lacks its end. A
//! damaged one has all its sectors, and one of them is wrong.

use std::ops::Range;

use bytes::Bytes;
use zonemq_planted::{Bug, is_planted};

use crate::record::{
    self, ALIGNMENT, Fields, GroupId, HEADER_BYTES, Header, Kind, Record, Seed, Stored,
};

/// A disk writes each of these whole or not at all, or the first bytes of one.
pub(crate) const SECTOR_BYTES: usize = 512;
/// The last bytes of each write. None of them is zero.
const END: [u8; 8] = *b"\xe7zq-end\xe7";
pub(crate) const END_BYTES: usize = END.len();
const TOP_BYTES: usize = 4 + 8 + 8;

/// The last entry of a group after a write: by it, a reader knows what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Top {
    pub(crate) group: GroupId,
    pub(crate) term: u64,
    pub(crate) index: u64,
}

/// Puts a write into `bytes`, which are empty, and tells where in the segment each record begins.
pub(crate) fn encode(
    stored: &[Stored],
    tops: &[Top],
    seed: Seed,
    start: usize,
    bytes: &mut Vec<u8>,
) -> Vec<usize> {
    assert!(bytes.is_empty(), "a write begins with its head");
    let (head_bytes, sectors_count) = head_size(stored, tops.len(), start);
    bytes.reserve(head_bytes + body_bytes(stored));
    // The head tells of what follows, so it comes last.
    bytes.resize(head_bytes, 0);
    let mut offsets = Vec::with_capacity(stored.len());
    for stored in stored {
        offsets.push(start + bytes.len());
        for _ in 0..stored.copies() {
            record::encode(stored, seed, start as u64, bytes);
        }
    }
    bytes.extend(END);

    let checksums = sectors(start + head_bytes..start + bytes.len())
        .map(|sector| crc32c::crc32c(&bytes[sector.start - start..sector.end - start]));
    let mut checksums: Vec<u32> = checksums.collect();
    // Not zero: what was written must not look as if it was not.
    checksums.resize(sectors_count, u32::MAX);
    let fields = Fields {
        kind: Kind::Write,
        group: GroupId(0),
        term: bytes.len() as u64,
        index: tops.len() as u64,
    };
    let mut head = Vec::with_capacity(head_bytes);
    let put = |into: &mut Vec<u8>| {
        for top in tops {
            into.extend(top.group.0.to_le_bytes());
            into.extend(top.term.to_le_bytes());
            into.extend(top.index.to_le_bytes());
        }
        for checksum in &checksums {
            into.extend(checksum.to_le_bytes());
        }
    };
    record::encode_as(fields, seed, start as u64, &put, &mut head);
    // Both are of the same length, or this panics: the head has the size that was meant.
    bytes[..head_bytes].copy_from_slice(&head);
    offsets
}

/// The bytes that a write takes in a segment.
pub(crate) fn encoded_bytes(stored: &[Stored], tops: usize, start: usize) -> usize {
    head_size(stored, tops, start).0 + body_bytes(stored)
}

fn body_bytes(stored: &[Stored]) -> usize {
    let records: u64 = stored.iter().map(Stored::bytes).sum();
    // What is encoded fits into memory.
    usize::try_from(records).unwrap_or(usize::MAX) + END.len()
}

/// The bytes of the head, and for how many sectors it has room. A longer head moves the records,
/// which may then touch one sector more.
fn head_size(stored: &[Stored], tops: usize, start: usize) -> (usize, usize) {
    let body = body_bytes(stored);
    let mut count = 0;
    loop {
        let head = record::padded(TOP_BYTES * tops + 4 * count);
        let from = start + head;
        let needed = sectors(from..from + body).count();
        if needed <= count {
            return (head, count);
        }
        count = needed;
    }
}

/// Cuts a stretch of a segment where its sectors end.
fn sectors(stretch: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = stretch.end;
    let mut next = stretch.start;
    std::iter::from_fn(move || {
        let start = next;
        next = end.min((start / SECTOR_BYTES + 1) * SECTOR_BYTES);
        (start < end).then_some(start..next)
    })
}

/// What the end of a segment may be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// A crash may have cut the last write off.
    MayBeTorn,
    /// All of it was durable before the next segment was begun; that one may tell where it ends.
    Durable { end: Option<usize> },
}

/// What lies where a write may begin.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing, or what a crash left of a write of which nobody was told that it is durable.
    Nothing,
    /// A write.
    Whole(Write),
    /// A write that was durable once, and what can still be read of it.
    Damaged(Write),
}

/// A write as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Write {
    /// Where the next one begins.
    pub(crate) end: usize,
    pub(crate) tops: Vec<Top>,
    /// Each with the place of its header in the segment; both copies of what is written twice.
    pub(crate) records: Vec<(usize, Stored)>,
}

struct Head {
    bytes: usize,
    end: usize,
    /// `None` where they are damaged.
    table: Option<(Vec<Top>, Vec<u32>)>,
}

impl Head {
    fn at(bytes: &Bytes, start: usize, seed: Seed) -> Option<Head> {
        let header = Header::at(bytes, start, seed)?;
        if header.fields.kind != Kind::Write || header.write_start != start as u64 {
            return None;
        }
        let length = usize::try_from(header.fields.term).ok()?;
        let end = start
            .checked_add(length)
            .filter(|end| *end <= bytes.len())?;
        let payload = header.payload(bytes, start, seed);
        let table = payload.and_then(|payload| {
            let tops = usize::try_from(header.fields.index).ok()?;
            let (tops, checksums) = payload.split_at_checked(tops.checked_mul(TOP_BYTES)?)?;
            let tops = tops.as_chunks::<TOP_BYTES>().0.iter().map(top_of);
            let checksums = checksums.as_chunks::<4>().0.iter();
            Some((
                tops.collect(),
                checksums.map(|bytes| u32::from_le_bytes(*bytes)).collect(),
            ))
        });
        Some(Head {
            bytes: header.stored_bytes(),
            end,
            table,
        })
    }
}

fn top_of(bytes: &[u8; TOP_BYTES]) -> Top {
    let number = |range: Range<usize>| {
        let reversed = bytes[range].iter().rev();
        reversed.fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte))
    };
    Top {
        // Four bytes were read.
        group: GroupId(u32::try_from(number(0..4)).unwrap_or(u32::MAX)),
        term: number(4..12),
        index: number(12..20),
    }
}

/// Reads the write that begins at `start` of a segment, given whole.
pub(crate) fn read(bytes: &Bytes, start: usize, seed: Seed, tail: Tail) -> Found {
    if let Tail::Durable { end: Some(end) } = tail
        && start >= end
    {
        return Found::Nothing;
    }
    let head = Head::at(bytes, start, seed);
    if let Some(Head {
        bytes: head_bytes,
        end,
        table: Some((tops, _)),
    }) = &head
        && let Some(records) = all_records(bytes, start, start + head_bytes..*end, seed)
    {
        return Found::Whole(Write {
            end: *end,
            tops: tops.clone(),
            records,
        });
    }
    let later = later_write(bytes, start, seed);
    let was_durable = match tail {
        Tail::Durable { end: Some(_) } => true,
        Tail::Durable { end: None } => later.is_some() || !is_zero(bytes, start..bytes.len()),
        Tail::MayBeTorn => later.is_some() || !is_torn(bytes, start, head.as_ref()),
    };
    if !was_durable || is_planted(Bug::DamageCutOff) {
        return Found::Nothing;
    }
    let known_end = match tail {
        Tail::Durable { end } => end,
        Tail::MayBeTorn => None,
    };
    let end = later
        .or(head.as_ref().map(|head| head.end))
        .or(known_end)
        .unwrap_or_else(|| end_of_what_is_there(bytes, start));
    Found::Damaged(Write {
        end,
        tops: head.and_then(|head| head.table).unwrap_or_default().0,
        records: readable_records(bytes, start, end, seed),
    })
}

/// The records of a stretch that holds nothing but records of this write and its end.
fn all_records(
    bytes: &Bytes,
    write_start: usize,
    stretch: Range<usize>,
    seed: Seed,
) -> Option<Vec<(usize, Stored)>> {
    let mut records = Vec::new();
    let mut offset = stretch.start;
    let end = stretch.end.checked_sub(END.len())?;
    while offset < end {
        let (record, next) = record_at(bytes, write_start, offset, seed)?;
        records.push((offset, record));
        offset = next;
    }
    (offset == end).then_some(records)
}

fn record_at(
    bytes: &Bytes,
    write_start: usize,
    offset: usize,
    seed: Seed,
) -> Option<(Stored, usize)> {
    let header = Header::at(bytes, offset, seed)?;
    if header.write_start != write_start as u64 {
        return None;
    }
    let record = header.record(header.payload(bytes, offset, seed)?)?;
    Some((record, offset + header.stored_bytes()))
}

/// Whatever passes its checksums, past what does not. Nobody can forge a record: the seed of the
/// checksums is random and never leaves the node.
fn readable_records(bytes: &Bytes, start: usize, end: usize, seed: Seed) -> Vec<(usize, Stored)> {
    let mut records = Vec::new();
    let mut offset = start;
    while offset < end {
        match record_at(bytes, start, offset, seed) {
            Some((record, next)) => {
                records.push((offset, record));
                offset = next;
            }
            None => offset += ALIGNMENT,
        }
    }
    records
}

/// Where a later write begins. There is one only if this one was durable.
fn later_write(bytes: &Bytes, start: usize, seed: Seed) -> Option<usize> {
    (start + ALIGNMENT..bytes.len())
        .step_by(ALIGNMENT)
        .find(|offset| {
            Header::at(bytes, *offset, seed).is_some_and(|header| {
                header.fields.kind == Kind::Write && header.write_start == *offset as u64
            })
        })
}

fn is_zero(bytes: &[u8], stretch: Range<usize>) -> bool {
    bytes[stretch].iter().all(|byte| *byte == 0)
}

/// Whether parts of the last write of the log were never written: then nobody was told of it. A
/// damaged bit makes no sector zero and takes no end away.
fn is_torn(bytes: &Bytes, start: usize, head: Option<&Head>) -> bool {
    let limit = bytes.len();
    let Some(head) = head else {
        let header_end = (start + HEADER_BYTES).next_multiple_of(SECTOR_BYTES);
        let header = start..limit.min(header_end);
        let is_kept_back = |sector: Range<usize>| is_zero(bytes, sector);
        if sectors(header).any(is_kept_back) {
            return true;
        }
        // All of the header was written, or a crash cut the write off within it.
        let written = bytes[start..].iter().rposition(|byte| *byte != 0);
        let end = start + written.map_or(0, |last| last + 1);
        return end < start + END.len() || bytes[end - END.len()..end] != END;
    };
    if is_zero(bytes, head.end - END.len()..head.end) {
        return true;
    }
    let body = start + head.bytes;
    if sectors(start..body).any(|sector| is_zero(bytes, sector)) {
        return true;
    }
    let Some((_, checksums)) = &head.table else {
        return false;
    };
    sectors(body..head.end)
        .zip(checksums)
        .any(|(sector, checksum)| {
            is_zero(bytes, sector.clone()) && crc32c::crc32c(&bytes[sector]) != *checksum
        })
}

fn end_of_what_is_there(bytes: &[u8], start: usize) -> usize {
    let last = bytes[start..].iter().rposition(|byte| *byte != 0);
    let end = start + last.map_or(0, |last| last + 1);
    end.next_multiple_of(ALIGNMENT).min(bytes.len())
}

/// The last entry of each group that has entries in a write.
pub(crate) fn tops_of<'r>(records: impl Iterator<Item = &'r Record>) -> Vec<Top> {
    let mut tops: Vec<Top> = Vec::new();
    for record in records {
        let Record::Entry {
            group, term, index, ..
        } = *record
        else {
            continue;
        };
        let top = Top { group, term, index };
        match tops.iter_mut().find(|known| known.group == group) {
            Some(known) => *known = top,
            None => tops.push(top),
        }
    }
    tops
}
