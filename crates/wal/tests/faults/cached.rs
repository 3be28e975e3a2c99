//! What the log leaves in the system's cache.

use bytes::Bytes;
use zonemq_wal::{GroupId, Options, Progress, Record, Wal};

use crate::fake_world::FakeWorld;
use crate::run;

#[test]
fn all_but_the_latest_segments_leave_the_cache() {
    run(async {
        let world = FakeWorld::new(5);
        let options = Options {
            directory: "log".into(),
            segment_bytes: 8 * 1024,
            progress: Progress::default(),
        };
        let (wal, _) = Wal::open(&world, options).await.expect("a new log");
        // Each fills a segment of its own.
        for index in 0..40 {
            let (sender, durable) = tokio::sync::oneshot::channel();
            let entry = Record::Entry {
                group: GroupId(0),
                term: 1,
                index,
                payload: Bytes::from(vec![1; 4 * 1024 - 512]),
            };
            wal.append(vec![entry], Box::new(|result| drop(sender.send(result))));
            let durable = durable.await.expect("every append is answered");
            durable.expect("the disk works");
        }
        wal.close().await;
        let disk = world.fake_disk();
        let segments = disk.segments();
        assert_eq!(segments.len(), 40);
        // The one that is written, and the 32 before it.
        assert_eq!(disk.uncached(), segments[..40 - 33]);
    });
}
