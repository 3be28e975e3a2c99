//! A wall clock per host, which may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use zonemq_world::Clock;

use super::{EPOCH, elapsed};
use crate::coverage::Coverage;

/// Simulated time, and how far this host's clock is off. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct SimClock {
    errors: Arc<Errors>,
    coverage: Coverage,
}

#[derive(Debug, Default)]
struct Errors {
    offset_millis: AtomicI64,
    drift_per_million: AtomicI64,
    drifts_since_millis: AtomicI64,
    greatest_lead_millis: AtomicI64,
}

impl SimClock {
    pub(crate) fn new(coverage: &Coverage) -> SimClock {
        SimClock {
            errors: Arc::default(),
            coverage: coverage.clone(),
        }
    }

    /// Sets the clock forward, or back.
    pub(crate) fn jump(&self, millis: i64) {
        self.errors
            .offset_millis
            .fetch_add(millis, Ordering::SeqCst);
    }

    /// From now on the clock gains so many microseconds in a second.
    pub(crate) fn drift(&self, now: Duration, per_million: i64) {
        let now = millis(now);
        self.errors
            .offset_millis
            .fetch_add(self.drifted(now), Ordering::SeqCst);
        self.errors
            .drift_per_million
            .store(per_million, Ordering::SeqCst);
        self.errors.drifts_since_millis.store(now, Ordering::SeqCst);
    }

    /// The clock is right again, as after a correction over the network.
    pub(crate) fn correct(&self) {
        self.errors.drift_per_million.store(0, Ordering::SeqCst);
        self.errors.offset_millis.store(0, Ordering::SeqCst);
    }

    /// How far it was ever ahead when it was asked.
    pub(crate) fn greatest_lead(&self) -> Duration {
        let lead = self.errors.greatest_lead_millis.load(Ordering::SeqCst);
        Duration::from_millis(u64::try_from(lead).unwrap_or(0))
    }

    fn drifted(&self, now_millis: i64) -> i64 {
        let since = self.errors.drifts_since_millis.load(Ordering::SeqCst);
        (now_millis - since) * self.errors.drift_per_million.load(Ordering::SeqCst) / 1_000_000
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Clock for SimClock {
    fn now_millis(&self) -> u64 {
        let now = millis(elapsed());
        let wrong = self.errors.offset_millis.load(Ordering::SeqCst) + self.drifted(now);
        if wrong != 0 {
            self.coverage.add("clock: wrong readings", 1);
        }
        self.errors
            .greatest_lead_millis
            .fetch_max(wrong, Ordering::SeqCst);
        u64::try_from(millis(EPOCH) + now + wrong).unwrap_or(0)
    }

    fn elapsed(&self) -> Duration {
        elapsed()
    }
}
