//! `/admin/overview`: all that this node knows of itself and of the queues, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Serialize;
use zonemq_queue::ids::QueueKey;
use zonemq_queue::time::Millis;
use zonemq_world::{Clock, World};

use super::log::{Log, log_of};
use super::number_in;
use crate::admin::{NodeState, Status};
use crate::faults::{Fault, FaultBoard};
use crate::traffic::Counts;

/// More queues than a person looks through.
const MOST_QUEUES: usize = 500;

/// What a node tells of itself. Stable: tools read it.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    #[serde(flatten)]
    status: Status,
    durable_index: u64,
    snapshot_index: u64,
    /// Not before a node knows that it lacks nothing that it once had.
    votes: bool,
    /// What the leader was told to be durable on each node; empty elsewhere.
    durable_indexes: Vec<DurableIndex>,
    queues: Vec<QueueOverview>,
    /// Whether there are more queues than are told.
    more_queues: bool,
    /// Whether the node can be broken on purpose.
    faults_enabled: bool,
    faults: Vec<Fault>,
    /// The last entries of the log, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Log>,
}

#[derive(Debug, Serialize)]
struct DurableIndex {
    node: u64,
    index: u64,
}

#[derive(Debug, Serialize)]
struct QueueOverview {
    name: String,
    account: String,
    region: String,
    fifo: bool,
    visible: u64,
    in_flight: u64,
    delayed: u64,
    oldest_age_seconds: Option<u64>,
    /// Long polls that wait at this node: the leader has them all.
    waiting_receivers: usize,
    /// What was sent, received and deleted through this node while it led, since its start: the
    /// leader has them all of its time.
    #[serde(flatten)]
    counts: Counts,
    noisy_groups: u64,
    /// Where messages go that were received too often.
    dead_letter_queue: Option<String>,
    /// The queues whose dead letters come here.
    dead_letter_sources: Vec<String>,
}

/// `GET /admin/overview`, with the last entries of the log for `?log=N`.
pub(super) async fn overview<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    uri: Uri,
) -> Result<Json<Overview>, (StatusCode, String)> {
    let entries = number_in(&uri, "log", 0)?;
    Ok(Json(overview_of(&node, entries).await))
}

/// What this node tells, with so many entries of its log.
pub(super) async fn overview_of<W: World>(node: &NodeState<W>, entries: u64) -> Overview {
    let log = match entries {
        0 => None,
        entries => Some(log_of(node, entries).await),
    };
    let group = &node.group;
    let durable_indexes = group.durable_indexes().into_iter();
    let (queues, more_queues) = queues(node);
    let faults = &node.config.faults;
    Overview {
        durable_index: group.durable_index(),
        snapshot_index: group.status().snapshot_index,
        votes: group.votes(),
        durable_indexes: durable_indexes
            .map(|(node, index)| DurableIndex { node, index })
            .collect(),
        queues,
        more_queues,
        faults_enabled: faults.is_some(),
        faults: faults.as_ref().map_or_else(Vec::new, FaultBoard::active),
        status: Status::of(node),
        log,
    }
}

fn queues<W: World>(node: &NodeState<W>) -> (Vec<QueueOverview>, bool) {
    let stamp = Millis(node.world.clock().now_millis());
    let waiting = node.waiters.by_queue();
    let mut sources: BTreeMap<QueueKey, Vec<String>> = BTreeMap::new();
    let traffic = &node.router.leader.traffic;
    let (mut keys, mut queues) = (Vec::new(), Vec::new());
    let more = node.group.read(|state| {
        let now = state.queue_time(stamp);
        let mut all = state.queues();
        for (key, description) in all.by_ref().take(MOST_QUEUES) {
            let policy = description.attributes.redrive_policy;
            let target = policy.map(|policy| policy.dead_letter_queue);
            if let Some(target) = &target {
                let sources = sources.entry(target.clone()).or_default();
                sources.push(key.name.clone());
            }
            let oldest = state.oldest_sent_at(key);
            let age = oldest.map(|sent_at| now.millis_since(sent_at) / 1000);
            keys.push(key.clone());
            queues.push(QueueOverview {
                name: key.name.clone(),
                account: key.account.clone(),
                region: key.region.clone(),
                fifo: key.is_fifo(),
                visible: description.visible,
                in_flight: description.in_flight,
                delayed: description.delayed,
                oldest_age_seconds: age,
                waiting_receivers: waiting.get(key).copied().unwrap_or(0),
                counts: traffic.counts(key),
                noisy_groups: description.noisy_groups,
                dead_letter_queue: target.map(|target| target.name),
                dead_letter_sources: Vec::new(),
            });
        }
        all.next().is_some()
    });
    if !more {
        traffic.keep(&keys);
    }
    for (key, queue) in keys.iter().zip(&mut queues) {
        queue.dead_letter_sources = sources.remove(key).unwrap_or_default();
    }
    (queues, more)
}
