//! How many messages pass through each queue in a second, from what its leader has counted at two
//! moments.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::events::{Counts, Picture};

/// Long enough to be steady, and short enough to be now.
const OVER: Duration = Duration::from_secs(3);

/// What was told in the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rates {
    told: VecDeque<Told>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Each leader counts for itself.
    by: u64,
    queues: BTreeMap<String, Counts>,
}

/// Messages of one queue in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) sent: f64,
    pub(super) received: f64,
    pub(super) deleted: f64,
}

impl Rates {
    /// Takes a picture in.
    pub(super) fn note(&mut self, at: Instant, picture: &Picture) {
        let Some((by, best)) = picture.best() else {
            return;
        };
        if self.told.back().is_some_and(|last| last.by != by) {
            self.told.clear();
        }
        let queues = best.queues.iter();
        let queues = queues.map(|queue| (queue.name.clone(), queue.counts));
        let queues = queues.collect();
        self.told.push_back(Told { at, by, queues });
        while self.told.len() > 2 && at.saturating_duration_since(self.told[0].at) > OVER {
            self.told.pop_front();
        }
    }

    /// The rate of a queue, once two pictures of the same leader told of it.
    pub(super) fn of(&self, queue: &str) -> Option<Rate> {
        let last = self.told.back()?;
        let first = self
            .told
            .iter()
            .find(|told| told.queues.contains_key(queue));
        let first = first.filter(|first| first.at < last.at)?;
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let (now, before) = (last.queues.get(queue)?, first.queues.get(queue)?);
        // A node that began anew counts from 0.
        #[expect(clippy::cast_precision_loss, reason = "shown to a tenth")]
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        Some(Rate {
            sent: rate(now.sent, before.sent),
            received: rate(now.received, before.received),
            deleted: rate(now.deleted, before.deleted),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(leader: u64, sent: u64) -> Picture {
        let json = serde_json::json!({ "from": 1, "nodes": [{
            "id": leader, "zone": "a", "why": null, "seen": {
                "role": "leader", "term": 4, "last_log_index": 1, "durable_index": 1,
                "committed_index": 1, "applied_index": 1, "faults": [], "queues": [{
                    "name": "work", "visible": 0, "in_flight": 0, "delayed": 0,
                    "oldest_age_seconds": null, "waiting_receivers": 0,
                    "sent": sent, "received": 2, "deleted": 0,
                }],
            },
        }]});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_rate_is_of_the_last_seconds_of_one_leader() {
        let began = Instant::now();
        let mut rates = Rates::default();
        let mut note = |millis: u64, leader: u64, sent: u64| {
            rates.note(
                began + Duration::from_millis(millis),
                &picture(leader, sent),
            );
            rates.of("work").map(|rate| rate.sent)
        };
        assert_eq!(note(0, 1, 100), None, "one picture is no rate");
        assert_eq!(note(1000, 1, 150), Some(50.0));
        assert_eq!(note(4000, 1, 450), Some(100.0), "the first is too long ago");
        assert_eq!(note(4500, 2, 3), None, "another leader counts for itself");
        assert_eq!(note(5000, 2, 8), Some(10.0));
        assert_eq!(note(5500, 2, 0), Some(0.0), "it began anew");
        assert_eq!(rates.of("other"), None);
    }
}
