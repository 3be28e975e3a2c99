//! What the log has done, counted by the writer and read by whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts since the log was opened.
#[derive(Debug, Default)]
pub struct Stats {
    written_bytes: AtomicU64,
    sync_nanos: AtomicU64,
    /// By [`bucket_of`].
    syncs: [AtomicU64; BUCKETS],
}

/// The first bucket ends at 16 microseconds, each other at twice the one before: the last but one
/// ends at about 4 seconds, the last never.
const BUCKETS: usize = 20;
const FIRST_BUCKET_NANOS: u64 = 16_000;

fn bucket_of(nanos: u64) -> usize {
    let rank = nanos
        .div_ceil(FIRST_BUCKET_NANOS)
        .max(1)
        .next_power_of_two();
    (rank.ilog2() as usize).min(BUCKETS - 1)
}

/// How long the writes took to become durable.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncTimes {
    /// All together.
    pub total: Duration,
    /// For each bucket its upper bound in seconds, and how many took longer than the bound before
    /// and at most this.
    pub buckets: Vec<(f64, u64)>,
}

impl Stats {
    pub(crate) fn count_write(&self, bytes: usize, sync: Duration) {
        let nanos = u64::try_from(sync.as_nanos()).unwrap_or(u64::MAX);
        self.written_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
        self.sync_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.syncs[bucket_of(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes of records, their headers included.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// How long each write took to become durable.
    pub fn sync_times(&self) -> SyncTimes {
        let bounds = (0..BUCKETS).map(|bucket| {
            if bucket == BUCKETS - 1 {
                f64::INFINITY
            } else {
                Duration::from_nanos(FIRST_BUCKET_NANOS << bucket).as_secs_f64()
            }
        });
        let counts = self.syncs.iter().map(|count| count.load(Ordering::Relaxed));
        SyncTimes {
            total: Duration::from_nanos(self.sync_nanos.load(Ordering::Relaxed)),
            buckets: bounds.zip(counts).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_counted_in_the_first_bucket_that_holds_it() {
        for (nanos, bucket) in [
            (0, 0),
            (16_000, 0),
            (16_001, 1),
            (32_000, 1),
            (32_001, 2),
            (u64::MAX / 2, 19),
        ] {
            assert_eq!(bucket_of(nanos), bucket, "{nanos} ns");
        }
        let stats = Stats::default();
        stats.count_write(10, Duration::from_micros(20));
        stats.count_write(5, Duration::from_mins(1));
        let times = stats.sync_times();
        assert_eq!(stats.written_bytes(), 15);
        assert_eq!(times.buckets[1], (0.000_032, 1));
        assert_eq!(times.buckets[19], (f64::INFINITY, 1));
        assert_eq!(times.buckets.iter().map(|(_, count)| count).sum::<u64>(), 2);
    }
}
