//! On real files: what was written is read again, space is freed, files are used again.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use zonemq_wal::{GroupId, Live, Options, Record, Recovered, SegmentId, Wal};
use zonemq_world::real::RealWorld;

const GROUP: GroupId = GroupId(4);

async fn open(folder: &Path) -> (Wal, Recovered) {
    let options = Options {
        segment_bytes: 64 * 1024,
        directory: folder.join("log"),
    };
    Wal::open(&RealWorld::new(), options)
        .await
        .expect("it opens")
}

async fn append(wal: &Wal, records: Vec<Record>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    wal.append(records, Box::new(|result| drop(sender.send(result))));
    receiver.await.expect("answered").expect("durable");
}

fn entry(index: u64, bytes: usize) -> Record {
    Record::Entry {
        group: GROUP,
        term: 1,
        index,
        payload: Bytes::from(vec![b'x'; bytes]),
    }
}

fn purge(index: u64) -> Record {
    Record::PurgeThrough {
        group: GROUP,
        index,
        payload: Bytes::from_static(b"in the snapshot"),
    }
}

#[tokio::test]
async fn what_was_written_is_there_when_the_log_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wal, recovered) = open(folder.path()).await;
    assert!(recovered.groups.is_empty());
    let vote = Bytes::from_static(b"vote");
    append(
        &wal,
        vec![
            Record::Vote {
                group: GROUP,
                payload: vote.clone(),
            },
            entry(0, 10),
            entry(1, 20),
        ],
    )
    .await;
    wal.close().await;
    for _ in 0..2 {
        let (wal, recovered) = open(folder.path()).await;
        let log = &recovered.groups[&GROUP];
        assert_eq!(log.vote.as_ref(), Some(&vote));
        assert_eq!(log.entries.len(), 2);
        assert_eq!(lengths(&wal, 2).await, [10, 20]);
        wal.close().await;
    }
}

/// The lengths of the first entries, as they are read.
async fn lengths(wal: &Wal, count: u64) -> Vec<usize> {
    let entries = wal.read_entries(GROUP, 0, count, usize::MAX).await;
    let entries = entries.expect("they can be read").into_iter();
    entries.map(|entry| entry.payload.len()).collect()
}

#[tokio::test]
async fn segments_in_which_nothing_is_wanted_are_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wal, _) = open(folder.path()).await;
    // About fifty segments' worth.
    for index in 0..800 {
        append(&wal, vec![entry(index, 4_000)]).await;
        if index % 16 == 15 {
            let live = Live {
                through: index,
                before: wal.current_segment(),
                // Something in the first one is wanted for ever.
                bytes: BTreeMap::from([(SegmentId(1), 10)]),
            };
            append(&wal, vec![purge(index - 2)]).await;
            wal.retire(GROUP, live);
        }
    }
    wal.close().await;
    let files = std::fs::read_dir(folder.path().join("log")).expect("listed");
    let count = files.count();
    // The first, two or three that hold what is left, and the next one.
    assert!((3..=6).contains(&count), "{count} files are left");

    let (wal, recovered) = open(folder.path()).await;
    let log = &recovered.groups[&GROUP];
    assert_eq!(log.purged.as_ref().map(|(index, _)| *index), Some(797));
    assert_eq!(log.entries.len(), 2);
    assert_eq!(lengths(&wal, 1).await, [4_000]);
    assert_eq!(wal.segment_of(GROUP, 400), None);
    wal.close().await;
}

#[tokio::test]
async fn a_record_longer_than_a_segment_gets_a_segment_of_its_own_length() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wal, _) = open(folder.path()).await;
    append(&wal, vec![entry(0, 10)]).await;
    append(&wal, vec![entry(1, 300_000)]).await;
    append(&wal, vec![entry(2, 10)]).await;
    wal.close().await;
    let (wal, recovered) = open(folder.path()).await;
    assert_eq!(recovered.groups[&GROUP].entries.len(), 3);
    assert_eq!(lengths(&wal, 3).await, [10, 300_000, 10]);
    wal.close().await;
}

#[tokio::test]
async fn many_appends_share_one_write_and_are_answered_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wal, _) = open(folder.path()).await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for index in 0..1_000 {
        let sender = sender.clone();
        wal.append(
            vec![entry(index, 10)],
            Box::new(move |result| {
                result.expect("durable");
                sender.send(index).expect("somebody counts");
            }),
        );
    }
    for index in 0..1_000 {
        assert_eq!(receiver.recv().await, Some(index));
    }
    let syncs: u64 = wal
        .stats()
        .sync_times()
        .buckets
        .iter()
        .map(|bucket| bucket.1)
        .sum();
    assert!(syncs < 500, "{syncs} writes for 1000 appends");
    wal.close().await;
}
