//! Moments and spans of time, in the units that SQS uses.

use std::ops::Add;

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since the Unix epoch, on the clock of the replicated state.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Millis(pub u64);

impl Millis {
    /// Whole seconds since the epoch, as queue attributes tell time.
    pub fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The span from `earlier` to this moment in milliseconds; zero if `earlier` is later.
    pub fn millis_since(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Seconds> for Millis {
    type Output = Millis;

    fn add(self, span: Seconds) -> Millis {
        Millis(self.0.saturating_add(span.as_millis()))
    }
}

/// A span in whole seconds, as SQS counts delays, time-outs and retention.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The span in milliseconds.
    pub fn as_millis(self) -> u64 {
        u64::from(self.0) * 1000
    }
}
