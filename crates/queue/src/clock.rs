//! The clock of the replicated state: the largest stamp of a leader, plus what an administrator
//! has advanced it by.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// Ten years: one command cannot advance the clock further.
const LONGEST_ADVANCE_MILLIS: u64 = 10 * 365 * 24 * 3_600_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct QueueClock {
    wall: Millis,
    advanced_millis: u64,
}

impl QueueClock {
    /// Takes the stamp of a batch. A leader whose clock is behind does not turn time back.
    pub(crate) fn stamp(&mut self, stamp: Millis) {
        self.wall = self.wall.max(stamp);
    }

    pub(crate) fn advance(&mut self, millis: u64) {
        let millis = millis.min(LONGEST_ADVANCE_MILLIS);
        self.advanced_millis = self.advanced_millis.saturating_add(millis);
    }

    /// The leaders' own clock.
    pub(crate) fn wall(&self) -> Millis {
        self.wall
    }

    /// The time by which all rules of queues go.
    pub(crate) fn now(&self) -> Millis {
        self.at(self.wall)
    }

    /// The time if a batch with this stamp were applied now.
    pub(crate) fn at(&self, stamp: Millis) -> Millis {
        Millis(self.wall.max(stamp).0.saturating_add(self.advanced_millis))
    }

    /// The stamp at which the queues' clock shows `moment`.
    pub(crate) fn stamp_of(&self, moment: Millis) -> Millis {
        Millis(moment.0.saturating_sub(self.advanced_millis))
    }
}
