//! What it takes until appends are durable, on the disk below the build's folder: one after the
//! other, and many that share a write and an fdatasync.
//!
//! The figures are the disk's more than ours; those of the longest group are the most ours. The log
//! is purged on the way as a node's is, outside the clock: its space stays bounded.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use zonemq_wal::{GroupId, Live, Options, Record, Wal};
use zonemq_world::real::RealWorld;

const GROUP: GroupId = GroupId(1);
const BODY_BYTES: usize = 1024;
/// Appends under way at one time.
const APPENDS: [u64; 4] = [1, 16, 64, 256];
const SEGMENT_BYTES: u64 = 16 << 20;
/// So much of the log is kept.
const KEPT_ENTRIES: u64 = 64 << 10;

/// A log, and what its owner must know of it.
struct Log {
    wal: Wal,
    payload: Bytes,
    next_index: u64,
    purged_before: u64,
    // Last: the log is closed before its folder goes.
    _folder: TempDir,
}

impl Log {
    async fn open() -> Log {
        // On the disk of the build's folder: a temporary one may lie in memory.
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = tempfile::tempdir_in(beside).expect("a folder can be made");
        let options = Options {
            directory: folder.path().join("log"),
            segment_bytes: SEGMENT_BYTES,
            progress: zonemq_wal::Progress::default(),
        };
        let (wal, _) = Wal::open(&RealWorld::new(), options)
            .await
            .expect("a new log opens");
        Log {
            wal,
            payload: Bytes::from(vec![b'x'; BODY_BYTES]),
            next_index: 0,
            purged_before: 0,
            _folder: folder,
        }
    }

    /// Begins an append of one entry. It is durable when this resolves.
    fn append(&mut self) -> oneshot::Receiver<()> {
        let entry = Record::Entry {
            group: GROUP,
            term: 1,
            index: self.next_index,
            payload: self.payload.clone(),
        };
        self.next_index += 1;
        self.hand_over(entry)
    }

    fn hand_over(&self, record: Record) -> oneshot::Receiver<()> {
        let (sender, durable) = oneshot::channel();
        let done = move |result: Result<(), _>| {
            result.expect("the disk takes it");
            // Nobody waits for it once the bench is over.
            let _ = sender.send(());
        };
        self.wal.append(vec![record], Box::new(done));
        durable
    }

    /// So many appends at once, until the last of them is durable.
    async fn time_appends(&mut self, count: u64) -> Duration {
        let begun = Instant::now();
        let appends: Vec<_> = (0..count).map(|_| self.append()).collect();
        for durable in appends {
            durable.await.expect("it is told");
        }
        let took = begun.elapsed();
        self.free_space().await;
        took
    }

    async fn free_space(&mut self) {
        if self.next_index - self.purged_before < KEPT_ENTRIES {
            return;
        }
        self.purged_before = self.next_index;
        let last = self.next_index - 1;
        let purge = Record::PurgeThrough {
            group: GROUP,
            index: last,
            payload: Bytes::new(),
        };
        self.hand_over(purge).await.expect("it is told");
        let nothing = Live {
            through: last,
            before: self.wal.current_segment(),
            bytes: BTreeMap::new(),
        };
        self.wal.retire(GROUP, nothing);
    }
}

fn commits(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("commit");
    for appends in APPENDS {
        group.throughput(Throughput::Elements(appends));
        group.bench_function(format!("{appends} at once"), |bencher| {
            let mut log = runtime.block_on(Log::open());
            bencher.iter_custom(|iterations| {
                runtime.block_on(async {
                    let mut took = Duration::ZERO;
                    for _ in 0..iterations {
                        took += log.time_appends(appends).await;
                    }
                    took
                })
            });
            runtime.block_on(log.wal.close());
        });
    }
    group.finish();
}

criterion_group!(benches, commits);
criterion_main!(benches);
