//! What a run measured. The shape of its JSON is a promise: fields may come, none goes or changes
//! its meaning.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::options::{Options, QueueKind, Workload};
use crate::processes::ServerUse;
use crate::tally::{Operation, OperationTally, Tally};

/// What a run was, and what it measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// `send`, `receive`, `mixed` or `wait`.
    pub workload: String,
    /// Where requests went.
    pub endpoints: Vec<String>,
    /// How many clients there were.
    pub clients: usize,
    /// How many queues there were.
    pub queues: usize,
    /// Message groups of FIFO queues; nothing for standard queues.
    pub message_groups: Option<u32>,
    /// Length of each body.
    pub body_bytes: usize,
    /// Messages in a request.
    pub batch: usize,
    /// When the clock started, in milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// How long it ran.
    pub seconds: f64,
    /// Why it ended.
    pub ended: Ended,
    /// What counts: messages sent, or, where messages are deleted, messages deleted.
    pub messages: u64,
    /// The same in a second.
    pub messages_per_second: f64,
    /// Sends; nothing where none was answered.
    pub send: Option<OperationResults>,
    /// Receives that brought something.
    pub receive: Option<OperationResults>,
    /// Deletes.
    pub delete: Option<OperationResults>,
    /// From the send of a message to its receive.
    pub send_to_receive: Option<Latency>,
    /// Receives that brought nothing.
    pub empty_receives: u64,
    /// How often something failed, by SQS's code, or in words where there is none.
    pub errors: BTreeMap<String, u64>,
    /// The first error, in full.
    pub first_error: Option<String>,
    /// What the servers took, where their processes are known.
    pub servers: Option<ServerUse>,
    /// Time on a CPU that the load itself took.
    pub load_cpu_seconds: Option<f64>,
    /// Messages over time.
    pub timeline: Timeline,
    /// URLs of queues that could not be removed.
    pub left_behind: Vec<String>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Its time was over.
    Time,
    /// All that was there was deleted.
    Drained,
    /// It was told to stop.
    Interrupted,
}

/// What came of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationResults {
    /// Requests that were answered with success.
    pub requests: u64,
    /// Messages in them.
    pub messages: u64,
    /// The same in a second.
    pub messages_per_second: f64,
    /// From the request to the whole answer.
    pub latency: Latency,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub struct Latency {
    pub min_ms: f64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p75_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub p99_9_ms: f64,
    pub p99_99_ms: f64,
    pub max_ms: f64,
}

/// Messages in each interval, from the start on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The length of each; the last one may not have been whole.
    pub interval_seconds: f64,
    /// Messages that were sent.
    pub sent: Vec<u64>,
    /// Messages that were received.
    pub received: Vec<u64>,
    /// Messages that were deleted.
    pub deleted: Vec<u64>,
}

/// What is known of a run beside its tally.
pub(crate) struct Measured {
    pub(crate) started: SystemTime,
    pub(crate) took: Duration,
    pub(crate) ended: Ended,
    pub(crate) interval: Duration,
    pub(crate) server_cpu_seconds: Option<f64>,
    pub(crate) server_resident_bytes: Option<u64>,
    pub(crate) load_cpu_seconds: Option<f64>,
}

impl Results {
    pub(crate) fn new(options: &Options, tally: &Tally, measured: &Measured) -> Results {
        let seconds = measured.took.as_secs_f64();
        let messages = tally.of(counted(options.workload)).messages;
        let started = measured.started.duration_since(UNIX_EPOCH);
        let started = started.unwrap_or_default().as_millis();
        Results {
            workload: options.workload.as_str().to_owned(),
            endpoints: options.endpoints.iter().map(ToString::to_string).collect(),
            clients: options.clients,
            queues: options.queues,
            message_groups: match options.kind {
                QueueKind::Standard => None,
                QueueKind::Fifo { groups } => Some(groups),
            },
            body_bytes: options.body_bytes,
            batch: options.batch,
            started_unix_ms: u64::try_from(started).unwrap_or(u64::MAX),
            seconds,
            ended: measured.ended,
            messages,
            messages_per_second: quotient(messages, seconds),
            send: operation(tally.of(Operation::Send), seconds),
            receive: operation(tally.of(Operation::Receive), seconds),
            delete: operation(tally.of(Operation::Delete), seconds),
            send_to_receive: latency(&tally.send_to_receive),
            empty_receives: tally.empty_receives,
            errors: tally.errors.clone(),
            first_error: tally.first_error.clone(),
            servers: measured.server_cpu_seconds.and_then(|cpu_seconds| {
                Some(ServerUse {
                    cpu_seconds,
                    messages_per_cpu_second: quotient(messages, cpu_seconds),
                    resident_bytes: measured.server_resident_bytes?,
                })
            }),
            load_cpu_seconds: measured.load_cpu_seconds,
            timeline: Timeline {
                interval_seconds: measured.interval.as_secs_f64(),
                sent: tally.of(Operation::Send).timeline.clone(),
                received: tally.of(Operation::Receive).timeline.clone(),
                deleted: tally.of(Operation::Delete).timeline.clone(),
            },
            left_behind: Vec::new(),
        }
    }

    /// The operations that were answered, by their names, in the order of a message's life.
    pub fn operations(&self) -> impl Iterator<Item = (&'static str, &OperationResults)> {
        let all = [
            ("send", &self.send),
            ("receive", &self.receive),
            ("delete", &self.delete),
        ];
        all.into_iter()
            .filter_map(|(name, results)| Some((name, results.as_ref()?)))
    }

    /// All errors.
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// The operation whose messages are the measure of a workload.
pub(crate) fn counted(workload: Workload) -> Operation {
    match workload {
        Workload::Send => Operation::Send,
        Workload::Receive { .. } | Workload::Mixed { .. } | Workload::Wait => Operation::Delete,
    }
}

fn operation(tally: &OperationTally, seconds: f64) -> Option<OperationResults> {
    Some(OperationResults {
        requests: tally.requests,
        messages: tally.messages,
        messages_per_second: quotient(tally.messages, seconds),
        latency: latency(&tally.latency)?,
    })
}

fn latency(histogram: &Histogram<u64>) -> Option<Latency> {
    if histogram.is_empty() {
        return None;
    }
    let at = |quantile| ms(histogram.value_at_quantile(quantile));
    Some(Latency {
        min_ms: ms(histogram.min()),
        mean_ms: histogram.mean() / 1000.0,
        p50_ms: at(0.5),
        p75_ms: at(0.75),
        p90_ms: at(0.9),
        p95_ms: at(0.95),
        p99_ms: at(0.99),
        p99_9_ms: at(0.999),
        p99_99_ms: at(0.9999),
        max_ms: ms(histogram.max()),
    })
}

/// Microseconds in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 microseconds")]
pub(crate) fn ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// So many in a unit; nothing in no time.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 messages")]
pub(crate) fn quotient(count: u64, units: f64) -> f64 {
    if units > 0.0 {
        count as f64 / units
    } else {
        0.0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::options::tests::options;

    /// A run of two seconds with a send in each half second.
    pub(crate) fn results() -> Results {
        let half = Duration::from_millis(500);
        let mut tally = Tally::new(half);
        for turn in 0..4 {
            let took = Duration::from_millis(1 + u64::from(turn));
            tally.done(Operation::Send, 10, took, half * turn + took);
        }
        let measured = Measured {
            started: UNIX_EPOCH + half,
            took: half * 4,
            ended: Ended::Time,
            interval: half,
            server_cpu_seconds: Some(0.5),
            server_resident_bytes: Some(1 << 20),
            load_cpu_seconds: None,
        };
        Results::new(&options(), &tally, &measured)
    }

    #[test]
    fn rates_are_messages_over_the_time_that_it_ran() {
        let results = results();
        assert_eq!(results.messages, 40);
        assert_eq!(results.messages_per_second.to_string(), "20");
        let servers = results.servers.expect("they are known");
        assert_eq!(servers.messages_per_cpu_second.to_string(), "80");
        assert_eq!(results.timeline.sent, [10, 10, 10, 10]);
        let latency = results.send.as_ref().expect("sends").latency;
        assert!((latency.max_ms - 4.0).abs() < 0.01, "{latency:?}");
        assert!((latency.p50_ms - 2.0).abs() < 0.01, "{latency:?}");
        assert_eq!((results.receive, results.send_to_receive), (None, None));
    }

    #[test]
    fn results_read_back_as_they_were_written() {
        let results = results();
        let text = serde_json::to_string(&results).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Results>(&text).expect("read"),
            results
        );
    }

    #[test]
    fn no_time_has_no_rate() {
        assert_eq!(quotient(5, 0.0).to_string(), "0");
    }
}
