//! When snapshots are taken: by what the log has grown and the queues have shrunk.

use std::time::Duration;

use tokio::time::{Instant, interval};
use zonemq_queue::state::State;

use crate::log_store::LogStore;
use crate::state_machine::{self, Applied};
use crate::types::Raft;

const SNAPSHOT_CHECK: Duration = Duration::from_millis(500);

/// Asks for snapshots when they are due, see [`is_due`].
pub(crate) async fn snapshot_when_due(raft: Raft, log: LogStore, applied: Applied, log_bytes: u64) {
    let messages = || state_machine::read(&applied, State::messages);
    let mut checks = interval(SNAPSHOT_CHECK);
    let mut pushed_at_last = 0;
    let mut messages_at_last = messages();
    let mut last = Instant::now();
    loop {
        checks.tick().await;
        let pushed = log.pushed_bytes();
        let since_last = SinceLast {
            pushed_bytes: pushed - pushed_at_last,
            messages_before: messages_at_last,
            messages_now: messages(),
            time: last.elapsed(),
        };
        if !is_due(since_last, log_bytes) {
            continue;
        }
        pushed_at_last = pushed;
        messages_at_last = since_last.messages_now;
        last = Instant::now();
        if raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}

/// About what a message takes in a snapshot.
const SNAPSHOT_MESSAGE_BYTES: u64 = 65;
/// Fewer messages are not worth a snapshot of their own when they are gone.
const MANY_MESSAGES: u64 = 10_000;

/// A log that grows as fast as disks take it is let grow for so long, or to so many times as much:
/// snapshots half a second apart would cost every twentieth message.
const PAUSE: Duration = Duration::from_secs(2);
const MOST_IN_A_PAUSE: u64 = 4;

/// What has changed since the last snapshot.
#[derive(Clone, Copy, Debug)]
struct SinceLast {
    pushed_bytes: u64,
    messages_before: u64,
    messages_now: u64,
    time: Duration,
}

/// A snapshot is due when the log has grown enough since the last one, and by twice as much as a new
/// one is long: so each byte is written about one and a half times, and a node that starts reads not
/// much more of the log than of snapshots. And when most of the messages of the last one are gone:
/// what they contained takes room until the next one says that nobody wants it.
fn is_due(since_last: SinceLast, log_bytes: u64) -> bool {
    let SinceLast {
        pushed_bytes,
        messages_before,
        messages_now,
        time,
    } = since_last;
    let enough = if time >= PAUSE {
        log_bytes
    } else {
        MOST_IN_A_PAUSE * log_bytes
    };
    let has_grown = pushed_bytes >= enough.max(2 * messages_now * SNAPSHOT_MESSAGE_BYTES);
    let has_drained = messages_before >= MANY_MESSAGES && messages_now < messages_before / 2;
    has_grown || has_drained
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: u64 = 64 << 20;

    fn after(time: Duration, pushed_bytes: u64, messages_before: u64, messages_now: u64) -> bool {
        let since_last = SinceLast {
            pushed_bytes,
            messages_before,
            messages_now,
            time,
        };
        is_due(since_last, LOG)
    }

    #[test]
    fn snapshots_are_twice_as_far_apart_as_they_are_long_but_not_when_most_of_it_is_gone() {
        assert!(!after(PAUSE, LOG - 1, 0, 0));
        assert!(after(PAUSE, LOG, 0, 0));
        assert!(!after(PAUSE, 9 * LOG, 5_000_000, 5_000_000));
        assert!(after(PAUSE, 10 * LOG, 5_000_000, 5_000_000));
        assert!(after(PAUSE, 1, 10_000, 4_999));
        assert!(!after(PAUSE, 1, 9_999, 0));
    }

    #[test]
    fn a_log_that_grows_fast_is_let_grow_for_a_while_and_not_for_ever() {
        let soon = PAUSE / 2;
        assert!(!after(soon, 4 * LOG - 1, 0, 0));
        assert!(after(soon, 4 * LOG, 0, 0));
        assert!(after(soon, 1, 10_000, 4_999), "what is gone takes room");
    }
}
