//! What is counted while a load runs: one tally for each thread of the load, behind a lock that
//! nobody but the progress display ever waits for.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::connection::CallError;

/// Microseconds that a histogram tells apart: from one to far more than any request takes.
const HISTOGRAM_MICROS: (u64, u64) = (1, 600_000_000);
const HISTOGRAM_DIGITS: u8 = 3;
/// A timeline has at most so many whole intervals.
const MOST_INTERVALS: u32 = 600;
/// Shorter ones would show the single waves of a group commit.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// More kinds of errors than this are counted as one.
const MOST_ERROR_KINDS: usize = 32;
const OTHER_ERRORS: &str = "other";

/// What clients do to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Send,
    Receive,
    Delete,
}

impl Operation {
    pub(crate) const ALL: [Operation; 3] = [Operation::Send, Operation::Receive, Operation::Delete];
}

/// Counts of one operation.
#[derive(Debug)]
pub(crate) struct OperationTally {
    pub(crate) requests: u64,
    pub(crate) messages: u64,
    pub(crate) latency: Histogram<u64>,
    /// Messages in each interval.
    pub(crate) timeline: Vec<u64>,
    /// When the last request with messages was answered, since the begin.
    pub(crate) last: Duration,
}

/// Counts of all that some clients did.
#[derive(Debug)]
pub(crate) struct Tally {
    operations: [OperationTally; Operation::ALL.len()],
    /// From the send of a message to its receive.
    pub(crate) send_to_receive: Histogram<u64>,
    /// Receives that brought nothing.
    pub(crate) empty_receives: u64,
    /// How often, by kind.
    pub(crate) errors: BTreeMap<String, u64>,
    /// The first one, in full.
    pub(crate) first_error: Option<String>,
    interval: Duration,
}

/// The length of the intervals of a run's timeline.
pub(crate) fn interval_of(duration: Duration) -> Duration {
    (duration / MOST_INTERVALS).max(SHORTEST_INTERVAL)
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(interval: Duration) -> Tally {
        Tally {
            operations: Operation::ALL.map(|_| OperationTally {
                requests: 0,
                messages: 0,
                latency: histogram(),
                timeline: Vec::new(),
                last: Duration::ZERO,
            }),
            send_to_receive: histogram(),
            empty_receives: 0,
            errors: BTreeMap::new(),
            first_error: None,
            interval,
        }
    }

    /// The counts of an operation.
    pub(crate) fn of(&self, operation: Operation) -> &OperationTally {
        &self.operations[operation as usize]
    }

    /// A request with so many messages that was answered at this moment since the begin.
    pub(crate) fn done(
        &mut self,
        operation: Operation,
        messages: usize,
        took: Duration,
        at: Duration,
    ) {
        let interval = at.as_nanos() / self.interval.as_nanos().max(1);
        // What ends after the duration counts to the last one.
        let interval = usize::try_from(interval).unwrap_or(usize::MAX);
        let interval = interval.min(MOST_INTERVALS as usize);
        let messages = messages as u64;
        let tally = &mut self.operations[operation as usize];
        tally.requests += 1;
        tally.messages += messages;
        tally.latency.saturating_record(micros(took));
        if messages > 0 {
            if tally.timeline.len() <= interval {
                tally.timeline.resize(interval + 1, 0);
            }
            tally.timeline[interval] += messages;
            tally.last = tally.last.max(at);
        }
    }

    /// A message that was received so long after it was sent.
    pub(crate) fn arrived(&mut self, took: Duration) {
        self.send_to_receive.saturating_record(micros(took));
    }

    /// A request that brought nothing but this.
    pub(crate) fn failed(&mut self, error: &CallError) {
        self.failed_with(error.kind(), || error.to_string());
    }

    /// Something went wrong, of this kind.
    pub(crate) fn failed_with(&mut self, kind: &str, text: impl FnOnce() -> String) {
        let known = self.errors.contains_key(kind) || self.errors.len() < MOST_ERROR_KINDS;
        let kind = if known { kind } else { OTHER_ERRORS };
        *self.errors.entry(kind.to_owned()).or_default() += 1;
        self.first_error.get_or_insert_with(text);
    }

    /// Adds what other clients did.
    pub(crate) fn add(&mut self, other: &Tally) {
        for (mine, theirs) in self.operations.iter_mut().zip(&other.operations) {
            mine.requests += theirs.requests;
            mine.messages += theirs.messages;
            add(&mut mine.latency, &theirs.latency);
            if mine.timeline.len() < theirs.timeline.len() {
                mine.timeline.resize(theirs.timeline.len(), 0);
            }
            for (mine, theirs) in mine.timeline.iter_mut().zip(&theirs.timeline) {
                *mine += theirs;
            }
            mine.last = mine.last.max(theirs.last);
        }
        add(&mut self.send_to_receive, &other.send_to_receive);
        self.empty_receives += other.empty_receives;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
    }

    /// All errors.
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn histogram() -> Histogram<u64> {
    let (low, high) = HISTOGRAM_MICROS;
    // The bounds are constants that it takes: at least 1, far apart, at most 5 digits.
    Histogram::new_with_bounds(low, high, HISTOGRAM_DIGITS).expect("bounds of a histogram")
}

fn add(mine: &mut Histogram<u64>, theirs: &Histogram<u64>) {
    // The bounds are the same, so that nothing falls outside.
    let _ = mine.add(theirs);
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn tallies_of_threads_add_up() {
        let mut first = Tally::new(SECOND);
        let mut second = Tally::new(SECOND);
        first.done(Operation::Send, 1, SECOND, SECOND / 2);
        second.done(Operation::Send, 10, 2 * SECOND, 3 * SECOND);
        second.failed_with("timed out", || "the first".to_owned());
        second.failed_with("timed out", || "the second".to_owned());
        first.add(&second);
        let sent = first.of(Operation::Send);
        assert_eq!((sent.requests, sent.messages), (2, 11));
        assert_eq!(sent.timeline, [1, 0, 0, 10]);
        assert_eq!(sent.last, 3 * SECOND);
        assert_eq!(sent.latency.len(), 2);
        assert_eq!(first.error_count(), 2);
        assert_eq!(first.first_error.as_deref(), Some("the first"));
        assert_eq!(first.of(Operation::Delete).requests, 0);
    }

    #[test]
    fn a_timeline_and_the_kinds_of_errors_are_bounded() {
        let day = Duration::from_hours(24);
        let mut tally = Tally::new(interval_of(day));
        tally.done(Operation::Send, 1, SECOND, 3 * day);
        assert_eq!(tally.of(Operation::Send).timeline.len(), 601);
        for kind in 0..1000 {
            tally.failed_with(&kind.to_string(), String::new);
        }
        assert_eq!(tally.errors.len(), MOST_ERROR_KINDS + 1);
        assert_eq!(tally.error_count(), 1000);
        assert_eq!(interval_of(SECOND), SHORTEST_INTERVAL);
    }
}
