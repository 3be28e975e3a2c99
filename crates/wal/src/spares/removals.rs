//! When segments that are not needed any more are removed.
//!
//! Many go at once where a long queue is deleted. A file system that tells its disk of each block that
//! is free would let all syncs wait for that, so they go one by one.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::segment::SegmentId;

/// Between two removals, where few are to go.
pub(super) const REMOVAL_PAUSE: Duration = Duration::from_millis(250);
/// The more there are, the faster they go: however fast they come, each waits for about so long.
const REMOVAL_WAIT: Duration = Duration::from_secs(20);

/// The segments that are to go.
pub(super) struct Removals {
    segments: VecDeque<SegmentId>,
    /// When one went.
    last: Instant,
}

impl Removals {
    pub(super) fn new() -> Removals {
        Removals {
            segments: VecDeque::new(),
            last: Instant::now(),
        }
    }

    pub(super) fn add(&mut self, id: SegmentId) {
        self.segments.push_back(id);
    }

    /// When the next one goes; nothing where there is none.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let pause = pause_between(self.segments.len()).saturating_sub(self.last.elapsed());
        (!self.segments.is_empty()).then_some(pause)
    }

    /// The one that goes now.
    pub(super) fn next(&mut self) -> Option<SegmentId> {
        self.last = Instant::now();
        self.segments.pop_front()
    }
}

/// How long to wait between two removals while so many segments are to go.
fn pause_between(segments: usize) -> Duration {
    let share = REMOVAL_WAIT / u32::try_from(segments.max(1)).unwrap_or(u32::MAX);
    share.min(REMOVAL_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_removed_with_a_pause_which_is_shorter_the_more_there_are() {
        assert_eq!(pause_between(1), REMOVAL_PAUSE);
        assert_eq!(pause_between(80), REMOVAL_PAUSE);
        assert_eq!(pause_between(2_000), REMOVAL_WAIT / 2_000);
    }
}
