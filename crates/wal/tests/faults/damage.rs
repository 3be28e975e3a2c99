//! What is gone altogether, and what a log does once its disk has failed.

use std::path::PathBuf;

use bytes::Bytes;
use zonemq_wal::{GroupId, OpenError, Options, Record, Wal, WalFailed};

use crate::fake_world::FakeWorld;
use crate::run;

const LAST: u64 = 23;

fn options() -> Options {
    Options {
        segment_bytes: 8 * 1024,
        progress: zonemq_wal::Progress::default(),
        directory: "log".into(),
    }
}

async fn append(wal: &Wal, index: u64) -> Result<(), WalFailed> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let records = vec![
        Record::Vote {
            group: GroupId(0),
            payload: Bytes::from(index.to_string()),
        },
        Record::Entry {
            group: GroupId(0),
            term: 1,
            index,
            payload: Bytes::from(vec![1; 300]),
        },
    ];
    wal.append(records, Box::new(|result| drop(sender.send(result))));
    receiver.await.expect("every append is answered")
}

/// A log of several segments, every append in a write of its own.
async fn several_segments() -> (FakeWorld, Vec<PathBuf>) {
    let world = FakeWorld::new(3);
    let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
    for index in 0..=LAST {
        append(&wal, index).await.expect("durable");
    }
    wal.close().await;
    let segments = world.fake_disk().segments();
    assert!(segments.len() >= 3, "{segments:?}");
    (world.restarted(), segments)
}

/// The last index, if the log opens.
async fn last_index(world: &FakeWorld) -> Result<u64, OpenError> {
    let (wal, recovered) = Wal::open(world, options()).await?;
    wal.close().await;
    let log = &recovered.groups[&GroupId(0)];
    let last = log.entries.back().expect("entries");
    assert_eq!(
        log.entries.len() as u64,
        last.index + 1,
        "no entry is missing"
    );
    Ok(last.index)
}

#[test]
fn a_missing_segment_is_noticed() {
    run(async {
        let (world, segments) = several_segments().await;
        let disk = world.fake_disk().copy();
        disk.forget(&segments[1]);
        let opened = last_index(&world.with_disk(disk)).await;
        assert!(matches!(opened, Err(OpenError::SegmentMissing { path }) if path == segments[1]));
    });
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_any_more() {
    run(async {
        let world = FakeWorld::new(5);
        let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
        append(&wal, 0).await.expect("durable");
        let mut failure = wal.failure();
        assert!(failure.borrow().is_none());

        world.fake_disk().fail_syncs();
        assert!(matches!(append(&wal, 1).await, Err(WalFailed::Disk(_))));
        failure.changed().await.expect("it is told");
        assert!(failure.borrow_and_update().is_some());

        // The disk works again, but what it has dropped it will not give back.
        world.fake_disk().heal();
        assert!(matches!(append(&wal, 2).await, Err(WalFailed::Disk(_))));
        assert_eq!(world.fake_disk().paths().len(), 2);
    });
}

/// Found by the simulator: what a failed sync has dropped can be read until the power fails.
#[test]
fn a_write_whose_sync_failed_is_written_once_more_before_the_log_goes_on() {
    run(async {
        let world = FakeWorld::new(5);
        let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
        append(&wal, 0).await.expect("durable");
        world.fake_disk().fail_syncs();
        append(&wal, 1).await.expect_err("the sync fails");
        world.fake_disk().heal();

        // The process is started again, and finds what the system still shows.
        let world = world.restarted();
        let (wal, recovered) = Wal::open(&world, options()).await.expect("it opens");
        assert_eq!(recovered.groups[&GroupId(0)].entries.len(), 2);
        append(&wal, 2).await.expect("durable");
        world.fake_disk().lose_power(|| false);
        assert_eq!(last_index(&world.restarted()).await.expect("it opens"), 2);
    });
}

#[test]
fn a_closed_log_takes_nothing() {
    run(async {
        let world = FakeWorld::new(5);
        let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
        let other = wal.clone();
        wal.close().await;
        assert!(matches!(append(&other, 0).await, Err(WalFailed::Closed)));
    });
}
