//! When snapshots are taken: by what the log has grown and the queues have shrunk.

use std::time::Duration;

use tokio::time::interval;
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
    loop {
        checks.tick().await;
        let pushed = log.pushed_bytes();
        let messages = messages();
        if !is_due(
            pushed - pushed_at_last,
            log_bytes,
            messages,
            messages_at_last,
        ) {
            continue;
        }
        pushed_at_last = pushed;
        messages_at_last = messages;
        if raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}

/// About what a message takes in a snapshot.
const SNAPSHOT_MESSAGE_BYTES: u64 = 65;
/// Fewer messages are not worth a snapshot of their own when they are gone.
const MANY_MESSAGES: u64 = 10_000;

/// A snapshot is due when the log has grown enough since the last one, and by twice as much as a new
/// one is long: so each byte is written about one and a half times, and a node that starts reads not
/// much more of the log than of snapshots. And when most of the messages of the last one are gone:
/// what they contained takes room until the next one says that nobody wants it.
fn is_due(pushed_bytes: u64, log_bytes: u64, messages: u64, messages_at_last: u64) -> bool {
    let has_grown = pushed_bytes >= log_bytes.max(2 * messages * SNAPSHOT_MESSAGE_BYTES);
    let has_drained = messages_at_last >= MANY_MESSAGES && messages < messages_at_last / 2;
    has_grown || has_drained
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_twice_as_far_apart_as_they_are_long_but_not_when_most_of_it_is_gone() {
        const LOG: u64 = 64 << 20;
        assert!(!is_due(LOG - 1, LOG, 0, 0));
        assert!(is_due(LOG, LOG, 0, 0));
        assert!(!is_due(9 * LOG, LOG, 5_000_000, 5_000_000));
        assert!(is_due(10 * LOG, LOG, 5_000_000, 5_000_000));
        assert!(is_due(1, LOG, 4_999, 10_000));
        assert!(!is_due(1, LOG, 0, 9_999));
    }
}
