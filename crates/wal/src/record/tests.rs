//! The bytes of records.

use super::*;

const SEED: Seed = Seed(0xdead_beef);

fn all_kinds() -> Vec<Stored> {
    let group = GroupId(7);
    let parts = vec![
        Part {
            offset: 3,
            bytes: Bytes::from_static(b"one"),
        },
        Part {
            offset: 90,
            bytes: Bytes::from_static(b"other"),
        },
    ];
    let records = [
        Record::Entry {
            group,
            term: 2,
            index: 3,
            payload: Bytes::from_static(b"entry"),
        },
        Record::Vote {
            group,
            payload: Bytes::from_static(b"vote"),
        },
        Record::TruncateAfter {
            group,
            index: Some(9),
        },
        Record::TruncateAfter { group, index: None },
        Record::PurgeThrough {
            group,
            index: 5,
            payload: Bytes::from_static(b"purged!!"),
        },
        Record::Note {
            group,
            payload: Bytes::from_static(b"note"),
        },
        Record::Kept {
            group,
            index: 4,
            parts,
        },
    ];
    let segments = vec![SegmentId(2), SegmentId(5)];
    let mut all = vec![
        Stored::Opening {
            previous_end: 4096,
            segments: segments.clone(),
        },
        Stored::Retired { segments },
    ];
    all.extend(records.map(Stored::Record));
    all
}

fn encoded(stored: &Stored) -> Bytes {
    let mut bytes = Vec::new();
    encode(stored, SEED, 4096, &mut bytes);
    bytes.into()
}

fn decoded(bytes: &Bytes, seed: Seed) -> Option<Stored> {
    let header = Header::at(bytes, 0, seed)?;
    header.record(header.payload(bytes, 0, seed)?)
}

#[test]
fn every_record_is_read_as_it_was_written() {
    for stored in all_kinds() {
        let bytes = encoded(&stored);
        assert_eq!(decoded(&bytes, SEED), Some(stored.clone()));
        assert_eq!((bytes.len() * stored.copies()) as u64, stored.bytes());
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
    assert_eq!(encoded(&all_kinds()[2]), golden.concat());
    let payloads = all_kinds();
    let payloads = payloads
        .iter()
        .map(|stored| encoded(stored).slice(HEADER_BYTES..));
    let golden: [&[u8]; 9] = [
        b"\0\x10\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0",
        b"\x02\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0",
        b"entry\0\0\0",
        b"vote\0\0\0\0",
        b"",
        b"",
        b"purged!!",
        b"note\0\0\0\0",
        b"\x02\0\0\0\x03\0\0\0\x03\0\0\0\x5a\0\0\0\x05\0\0\0oneother\0\0\0\0",
    ];
    for (payload, golden) in payloads.zip(golden) {
        assert_eq!(payload, golden);
    }
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
    let bytes = encoded(&all_kinds()[2]);
    assert_eq!(decoded(&bytes, Seed(1)), None);
}
