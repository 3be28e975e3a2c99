//! What lies where in a segment: for those who damage one on purpose and must say what they hit.

use std::ops::Range;

use bytes::Bytes;

use crate::record::{HEADER_BYTES, Header, Record, Stored};
use crate::segment::{self, SegmentHeader, SegmentId};
use crate::write::{END_BYTES, Tail};

/// A stretch of a segment that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From the beginning of the file.
    pub bytes: Range<usize>,
    /// What lies there.
    pub what: Stretched,
}

/// What a stretch says. Of what is written twice, each copy is a stretch of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stretched {
    /// Which segment this is.
    Header,
    /// Where a write begins, and what it holds.
    Head,
    /// That a write ends. It is asked for only where the write cannot be read.
    End,
    /// What the log tells itself: which segments there are.
    Segments,
    /// Something that was appended.
    Record(Record),
}

/// The stretches of a segment that is given whole and has no damage; between and behind them lies
/// nothing but zeros, which fill records up to a multiple of 8 bytes. `None` if the file of this
/// name is no segment.
pub fn stretches(name: &str, bytes: &Bytes) -> Option<Vec<Stretch>> {
    let id = SegmentId::of_file_name(name)?;
    let (header, _) = SegmentHeader::decode(id, bytes).ok()?;
    let mut stretches: Vec<Stretch> = segment::header_copies()
        .map(|bytes| Stretch {
            bytes,
            what: Stretched::Header,
        })
        .collect();
    let contents = segment::read(&header, bytes, Tail::MayBeTorn);
    let mut start = segment::records_start();
    for write in contents.writes {
        let mut put = |start: usize, bytes: usize, what| {
            let bytes = start..start + bytes;
            stretches.push(Stretch { bytes, what });
        };
        let unpadded = |start| {
            let header = Header::at(bytes, start, header.seed());
            header.map_or(0, |header| HEADER_BYTES + header.payload_bytes)
        };
        put(start, unpadded(start), Stretched::Head);
        for (start, stored) in write.records {
            let what = match stored {
                Stored::Opening { .. } | Stored::Retired { .. } => Stretched::Segments,
                Stored::Record(record) => Stretched::Record(record),
            };
            put(start, unpadded(start), what);
        }
        put(write.end - END_BYTES, END_BYTES, Stretched::End);
        start = write.end;
    }
    Some(stretches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ALIGNMENT, GroupId, Seed};
    use crate::write;

    fn vote() -> Record {
        Record::Vote {
            group: GroupId(1),
            payload: Bytes::from_static(b"for n2"),
        }
    }

    #[test]
    fn a_segment_is_told_stretch_by_stretch_and_each_copy_of_a_vote_is_one() {
        let header = SegmentHeader::with_salt(SegmentId(3), 7);
        let entry = Record::Entry {
            group: GroupId(1),
            term: 1,
            index: 1,
            payload: Bytes::from_static(b"a message"),
        };
        let stored = [entry.clone(), vote()].map(Stored::Record);
        let mut bytes = header.encode();
        let start = segment::records_start();
        bytes.resize(start, 0);
        let tops = write::tops_of([&entry].into_iter());
        let seed: Seed = header.seed();
        let mut written = Vec::new();
        write::encode(&stored, &tops, seed, start, &mut written);
        bytes.extend(written);
        let end = bytes.len();
        bytes.resize(end + 512, 0);
        let bytes = Bytes::from(bytes);
        let name = SegmentId(3).file_name();
        let told = stretches(&name, &bytes).unwrap();
        let what: Vec<Stretched> = told.iter().map(|stretch| stretch.what.clone()).collect();
        let vote = Stretched::Record(vote());
        let header = Stretched::Header;
        assert_eq!(
            what,
            [
                header.clone(),
                header,
                Stretched::Head,
                Stretched::Record(entry),
                vote.clone(),
                vote,
                Stretched::End
            ]
        );
        let from_records = &told[2..];
        assert_eq!(from_records[0].bytes.start, start);
        assert_eq!(from_records[4].bytes.end, end);
        let is_padded = |pair: &[Stretch]| {
            let padding = pair[0].bytes.end..pair[1].bytes.start;
            padding.len() < ALIGNMENT && bytes[padding].iter().all(|byte| *byte == 0)
        };
        assert!(from_records.windows(2).all(is_padded), "{told:?}");
        assert_eq!(
            from_records[1].bytes.len(),
            HEADER_BYTES + b"a message".len()
        );
        assert_eq!(stretches("0000000000000003.summary", &bytes), None);
    }
}
