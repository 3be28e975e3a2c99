//! What a node counts, in Prometheus' text form.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use zonemq_queue::state::State;
use zonemq_raft::{Group, Role};
use zonemq_wal::Stats;

use crate::waiters::Waiters;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabels {
    group: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    account: String,
    region: String,
    queue: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueNameLabels {
    account: String,
    region: String,
    queue: String,
}

type RequestHistogram = Family<OperationLabels, Histogram, fn() -> Histogram>;

/// The node's metrics. Counters grow as things happen; gauges are read when somebody asks.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: RequestHistogram,
    is_leader: Family<GroupLabels, Gauge>,
    term: Family<GroupLabels, Gauge>,
    last_log_index: Family<GroupLabels, Gauge>,
    committed_index: Family<GroupLabels, Gauge>,
    applied_index: Family<GroupLabels, Gauge>,
    snapshot_index: Family<GroupLabels, Gauge>,
    scrub_passes: Family<GroupLabels, Gauge>,
    scrub_damaged: Family<GroupLabels, Gauge>,
    remembered_replies: Family<GroupLabels, Gauge>,
    messages: Family<QueueLabels, Gauge>,
    noisy_groups: Family<QueueNameLabels, Gauge>,
    waiting_receivers: Gauge,
}

fn request_buckets() -> Histogram {
    // 0.25 ms to about 33 s: long polls are requests, too.
    Histogram::new(exponential_buckets(0.000_25, 2.0, 18))
}

fn group_gauge(registry: &mut Registry, name: &str, help: &str) -> Family<GroupLabels, Gauge> {
    let family = Family::default();
    registry.register(name, help, Family::clone(&family));
    family
}

// Indexes and counts stay far below 2^63.
fn gauge_value(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        let mut registry = Registry::with_prefix("zonemq");
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register(
            "requests",
            "SQS requests answered, by operation and outcome (ok, or the error code)",
            requests.clone(),
        );
        let seconds = RequestHistogram::new_with_constructor(request_buckets);
        registry.register(
            "request_seconds",
            "Time from the whole request to its answer, waiting of receivers included",
            seconds.clone(),
        );
        let messages = Family::<QueueLabels, Gauge>::default();
        registry.register(
            "messages",
            "Messages in a queue, by state, as this node has applied them",
            messages.clone(),
        );
        let noisy_groups = Family::<QueueNameLabels, Gauge>::default();
        registry.register(
            "noisy_groups",
            "Message groups of a standard queue that wait for the others (fair queues)",
            noisy_groups.clone(),
        );
        let waiting_receivers = Gauge::default();
        registry.register(
            "waiting_receivers",
            "Long polls that wait on this node",
            waiting_receivers.clone(),
        );
        Metrics {
            is_leader: group_gauge(&mut registry, "raft_is_leader", "1 where this node leads"),
            term: group_gauge(&mut registry, "raft_term", "Raft's term"),
            last_log_index: group_gauge(
                &mut registry,
                "raft_last_log_index",
                "The last entry in the log",
            ),
            committed_index: group_gauge(
                &mut registry,
                "raft_committed_index",
                "The last entry known to be committed",
            ),
            applied_index: group_gauge(
                &mut registry,
                "raft_applied_index",
                "The last entry applied",
            ),
            scrub_passes: group_gauge(
                &mut registry,
                "scrub_passes",
                "How often all that is stored was read and checked since the start",
            ),
            scrub_damaged: group_gauge(
                &mut registry,
                "scrub_damaged",
                "Contents, entries and snapshots that were found to be damaged since the start",
            ),
            remembered_replies: group_gauge(
                &mut registry,
                "remembered_replies",
                "Replies that are kept for requests that may be sent again",
            ),
            snapshot_index: group_gauge(
                &mut registry,
                "raft_snapshot_index",
                "The last entry in the snapshot",
            ),
            registry,
            requests,
            seconds,
            messages,
            noisy_groups,
            waiting_receivers,
        }
    }

    /// Tells of the log's work on the disk, too.
    pub(crate) fn watch_log(&mut self, stats: Arc<Stats>) {
        self.registry
            .register_collector(Box::new(LogCollector(stats)));
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.requests
            .get_or_create(&RequestLabels { operation, outcome })
            .inc();
        self.seconds
            .get_or_create(&OperationLabels { operation })
            .observe(took.as_secs_f64());
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn render(&self, group: &Group, waiters: &Waiters) -> String {
        self.read_group(group);
        self.read_queues(group);
        self.waiting_receivers
            .set(gauge_value(waiters.count() as u64));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn read_group(&self, group: &Group) {
        let labels = GroupLabels {
            group: group.id().0,
        };
        let status = group.status();
        let set = |family: &Family<GroupLabels, Gauge>, value: u64| {
            family.get_or_create(&labels).set(gauge_value(value));
        };
        set(&self.is_leader, u64::from(status.role == Role::Leader));
        set(&self.term, status.term);
        set(&self.last_log_index, status.last_log_index);
        set(&self.committed_index, status.committed_index);
        set(&self.applied_index, status.applied_index);
        set(&self.snapshot_index, status.snapshot_index);
        set(&self.scrub_passes, group.scrubbed().passes());
        set(&self.scrub_damaged, group.scrubbed().damaged());
        let replies = group.read(State::remembered_replies);
        set(&self.remembered_replies, replies as u64);
    }

    fn read_queues(&self, group: &Group) {
        // Queues that are gone must not be told any more.
        self.messages.clear();
        self.noisy_groups.clear();
        let queues = group.read(|state| {
            state
                .queues()
                .map(|(key, description)| (key.clone(), description))
                .collect::<Vec<_>>()
        });
        for (key, description) in queues {
            self.noisy_groups
                .get_or_create(&QueueNameLabels {
                    account: key.account.clone(),
                    region: key.region.clone(),
                    queue: key.name.clone(),
                })
                .set(gauge_value(description.noisy_groups));
            for (state, count) in [
                ("visible", description.visible),
                ("in_flight", description.in_flight),
                ("delayed", description.delayed),
            ] {
                let labels = QueueLabels {
                    account: key.account.clone(),
                    region: key.region.clone(),
                    queue: key.name.clone(),
                    state,
                };
                self.messages.get_or_create(&labels).set(gauge_value(count));
            }
        }
    }
}

/// The log counts for itself; this tells Prometheus.
#[derive(Debug)]
struct LogCollector(Arc<Stats>);

impl Collector for LogCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let times = self.0.sync_times();
        let count = times.buckets.iter().map(|(_, count)| count).sum();
        encoder
            .encode_descriptor(
                "log_sync",
                "Time for a write of the log to become durable (fdatasync)",
                Some(&Unit::Seconds),
                MetricType::Histogram,
            )?
            .encode_histogram::<NoLabelSet>(
                times.total.as_secs_f64(),
                count,
                &times.buckets,
                None,
            )?;
        ConstCounter::new(self.0.written_bytes()).encode(encoder.encode_descriptor(
            "log_written",
            "Records written to the log, with their headers",
            Some(&Unit::Bytes),
            MetricType::Counter,
        )?)
    }
}
