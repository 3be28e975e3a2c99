//! On real files: what was written is read again, space is freed, files are used again.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use zonemq_wal::{GroupId, Live, Options, Part, PartPlace, Record, Recovered, SegmentId, Wal};
use zonemq_world::real::RealWorld;

const GROUP: GroupId = GroupId(4);

async fn open(folder: &Path) -> (Wal, Recovered) {
    let options = Options {
        segment_bytes: 64 * 1024,
        progress: zonemq_wal::Progress::default(),
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
async fn an_entry_is_read_whole_though_parts_of_it_came_with_a_snapshot_that_was_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wal, _) = open(folder.path()).await;
    append(&wal, vec![entry(0, 10), entry(1, 20)]).await;
    let part = |offset, bytes: &'static [u8]| Part {
        offset,
        bytes: Bytes::from_static(bytes),
    };
    let kept = Record::Kept {
        group: GROUP,
        index: 1,
        parts: vec![part(4, b"kept")],
    };
    append(&wal, vec![kept]).await;
    wal.close().await;
    let (wal, _) = open(folder.path()).await;
    assert_eq!(lengths(&wal, 2).await, [10, 20]);
    let place = |offset, length| PartPlace {
        index: 1,
        offset,
        length,
    };
    let wanted = vec![place(0, 4), place(4, 4), place(8, 12)];
    let read = wal.read_parts(GROUP, wanted).await.expect("it is open");
    let read: Vec<Bytes> = read
        .into_iter()
        .map(|part| part.expect("is there"))
        .collect();
    assert_eq!(read, [&b"xxxx"[..], b"kept", b"xxxxxxxxxxxx"]);
    wal.close().await;
}

#[tokio::test]
async fn what_the_system_has_in_memory_is_read_at_once_and_else_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wal, _) = open(folder.path()).await;
    let whole = Bytes::from_static(b"0123456789");
    let written = Record::Entry {
        group: GROUP,
        term: 1,
        index: 0,
        payload: whole.clone(),
    };
    append(&wal, vec![written]).await;
    let place = |index, offset, length| PartPlace {
        index,
        offset,
        length,
    };
    // A file system may have no such reads.
    let read = wal.read_cached(GROUP, place(0, 2, 5));
    assert!(read.is_none_or(|read| read == whole[2..7]));
    assert_eq!(wal.read_cached(GROUP, place(1, 2, 5)), None);
    // Longer than the segment.
    assert_eq!(wal.read_cached(GROUP, place(0, 2, 1 << 20)), None);
    wal.close().await;
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
    let count = names(folder.path(), "log").len();
    // The first, and those that hold what is left.
    assert!((2..=4).contains(&count), "{count} segments are left");
    let summaries = names(folder.path(), "summary").len();
    assert!(
        summaries < count,
        "{summaries} summaries of {count} segments"
    );

    let (wal, recovered) = open(folder.path()).await;
    let log = &recovered.groups[&GROUP];
    assert_eq!(log.purged.as_ref().map(|(index, _)| *index), Some(797));
    assert_eq!(log.entries.len(), 2);
    assert_eq!(lengths(&wal, 1).await, [4_000]);
    assert_eq!(wal.segment_of(GROUP, 400), None);
    wal.close().await;
}

/// The files of the log with this extension, in order.
fn names(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder.join("log")).expect("listed");
    let paths = files.map(|file| file.expect("listed").path());
    let mut names: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_segment_that_is_purged_is_not_read_to_open_the_log_but_its_summary() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wal, _) = open(folder.path()).await;
    for index in 0..100 {
        append(&wal, vec![entry(index, 4_000)]).await;
    }
    append(&wal, vec![purge(60)]).await;
    for index in 100..120 {
        append(&wal, vec![entry(index, 4_000)]).await;
    }
    let (first, places) = (wal.segment_of(GROUP, 0), wal.sealed_segments(GROUP));
    wal.close().await;

    // What is not read is not found to be damaged.
    let segments = names(folder.path(), "log");
    let mut bytes = std::fs::read(&segments[0]).expect("a segment");
    bytes[20_000] ^= 1;
    std::fs::write(&segments[0], bytes).expect("damaged");
    let (wal, recovered) = open(folder.path()).await;
    assert_eq!(recovered.damage, []);
    assert_eq!(wal.segment_of(GROUP, 0), first);
    assert_eq!(wal.sealed_segments(GROUP), places);
    assert_eq!(recovered.groups[&GROUP].entries.len(), 59);
    assert_eq!(lengths(&wal, 3).await, [4_000; 3]);
    wal.read_entries(GROUP, 0, 10, usize::MAX)
        .await
        .expect_err("one of them is damaged");
    wal.close().await;

    // Without its summary it is read.
    for summary in names(folder.path(), "summary") {
        std::fs::remove_file(summary).expect("removed");
    }
    let (wal, recovered) = open(folder.path()).await;
    assert_eq!(recovered.damage.len(), 1);
    assert_eq!(wal.sealed_segments(GROUP).len(), places.len());
    wal.close().await;
    let summaries = names(folder.path(), "summary").len();
    assert_eq!(
        summaries,
        segments.len() - 2,
        "but for the damaged and the current one"
    );
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
