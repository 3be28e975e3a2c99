//! Who writes an append: the log's thread, or a task of whoever hands it over.

use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use zonemq_wal::{GroupId, Options, Progress, Record, Wal, WalFailed};
use zonemq_world::World;

use crate::fake_clock::FakeClock;
use crate::fake_world::{FakeDisk, FakeWorld};
use crate::run;

const SEGMENT_BYTES: u64 = 128 * 1024;
const SMALL: usize = 1_000;
const LARGE: usize = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Thread,
    Caller,
}

/// A new log, and what it will hold.
struct Log {
    wal: Wal,
    disk: FakeDisk,
    clock: FakeClock,
    entries: u64,
}

type Written = oneshot::Receiver<Result<Writer, WalFailed>>;

impl Log {
    async fn open() -> Log {
        let world = FakeWorld::new(3);
        let options = Options {
            directory: "log".into(),
            segment_bytes: SEGMENT_BYTES,
            progress: Progress::default(),
        };
        let (wal, _) = Wal::open(&world, options).await.expect("a new log");
        Log {
            wal,
            disk: world.fake_disk().clone(),
            clock: world.clock().clone(),
            entries: 0,
        }
    }

    fn hand_over(
        &mut self,
        append: fn(&Wal, Vec<Record>, zonemq_wal::Completion),
        bytes: usize,
    ) -> Written {
        let entry = Record::Entry {
            group: GroupId(0),
            term: 1,
            index: self.entries,
            payload: Bytes::from(vec![1; bytes]),
        };
        self.entries += 1;
        let (sender, written) = oneshot::channel();
        let disk = self.disk.clone();
        let done = move |result: Result<(), WalFailed>| {
            let writer = if disk.is_log_writer() {
                Writer::Thread
            } else {
                Writer::Caller
            };
            drop(sender.send(result.map(|()| writer)));
        };
        append(&self.wal, vec![entry], Box::new(done));
        written
    }

    fn writes(&self) -> u64 {
        let times = self.wal.stats().sync_times();
        times.buckets.iter().map(|(_, writes)| writes).sum()
    }

    /// Who wrote it, once it is durable.
    async fn alone(&mut self, bytes: usize) -> Writer {
        let written = self.hand_over(Wal::append_alone, bytes);
        written.await.expect("answered").expect("durable")
    }
}

#[test]
fn a_small_append_that_has_no_company_is_written_by_whoever_hands_it_over() {
    run(async {
        let mut log = Log::open().await;
        assert_eq!(log.alone(SMALL).await, Writer::Caller);
        assert_eq!(log.alone(LARGE).await, Writer::Thread);
        assert_eq!(log.alone(SMALL).await, Writer::Caller);
        let written = log.hand_over(Wal::append, SMALL).await;
        assert_eq!(written.expect("answered").expect("durable"), Writer::Thread);
    });
}

#[test]
fn appends_in_company_are_written_together_by_the_thread() {
    run(async {
        let mut log = Log::open().await;
        let before = log.writes();
        let first = log.hand_over(Wal::append_alone, SMALL);
        let second = log.hand_over(Wal::append_alone, SMALL);
        for written in [first, second] {
            let writer = written.await.expect("answered").expect("durable");
            assert_eq!(writer, Writer::Thread);
        }
        assert_eq!(log.writes() - before, 1);
    });
}

#[test]
fn what_is_handed_over_while_another_is_written_in_place_follows_it() {
    run(async {
        let mut log = Log::open().await;
        log.clock.hold();
        let first = log.hand_over(Wal::append_alone, SMALL);
        all_that_is_ready().await;
        let rest = [
            log.hand_over(Wal::append_alone, SMALL),
            log.hand_over(Wal::append_alone, SMALL),
        ];
        all_that_is_ready().await;
        log.clock.go_on();
        let first = first.await.expect("answered").expect("durable");
        assert_eq!(first, Writer::Caller);
        for written in rest {
            let writer = written.await.expect("answered").expect("durable");
            assert_eq!(writer, Writer::Thread);
        }
    });
}

#[test]
fn what_a_caller_did_not_come_to_write_is_written_by_the_thread() {
    let threads = runtime();
    let caller = runtime();
    let mut log = threads.block_on(Log::open());
    let written = {
        let _on = caller.enter();
        log.hand_over(Wal::append_alone, SMALL)
    };
    drop(caller);
    let writer = threads.block_on(written).expect("answered");
    assert_eq!(writer.expect("durable"), Writer::Thread);
}

#[test]
fn a_new_segment_is_begun_by_the_thread() {
    run(async {
        let mut log = Log::open().await;
        let mut by_the_thread = 0;
        for _ in 0..2 * SEGMENT_BYTES / SMALL as u64 {
            by_the_thread += u64::from(log.alone(SMALL).await == Writer::Thread);
        }
        let begun = log.disk.segments().len() as u64 - 1;
        assert!(begun >= 2);
        // The last one of a segment may fit, and is not known to.
        assert!((begun..=2 * begun).contains(&by_the_thread));
    });
}

#[test]
fn a_slow_disk_is_waited_for_by_the_thread_until_it_has_been_quick_for_a_while() {
    run(async {
        let mut log = Log::open().await;
        log.disk.take_for_a_sync(Duration::from_millis(4));
        assert_eq!(log.alone(SMALL).await, Writer::Caller);
        log.disk.take_for_a_sync(Duration::from_micros(4_001));
        assert_eq!(log.alone(SMALL).await, Writer::Caller, "nobody knows yet");
        assert_eq!(log.alone(SMALL).await, Writer::Thread);
        log.disk.take_for_a_sync(Duration::ZERO);
        for _ in 0..64 {
            assert_eq!(log.alone(10).await, Writer::Thread);
        }
        assert_eq!(log.alone(SMALL).await, Writer::Caller);
    });
}

/// Lets all others go as far as they come.
async fn all_that_is_ready() {
    for _ in 0..100 {
        yield_now().await;
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

#[test]
fn a_caller_that_ends_in_the_middle_of_a_write_leaves_a_log_that_takes_no_more() {
    let threads = runtime();
    let caller = runtime();
    let mut log = threads.block_on(Log::open());
    let before = log.disk.operations();
    let mut unfinished = {
        let _on = caller.enter();
        log.hand_over(Wal::append_alone, SMALL)
    };
    caller.block_on(async {
        while log.disk.operations() == before {
            yield_now().await;
        }
    });
    // It is written, and not synced.
    drop(caller);
    let never = oneshot::error::TryRecvError::Closed;
    assert_eq!(unfinished.try_recv().unwrap_err(), never);
    let refused = threads.block_on(log.hand_over(Wal::append, SMALL));
    assert!(matches!(refused.expect("answered"), Err(WalFailed::Closed)));
}
