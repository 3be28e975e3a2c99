//! What a node tells about itself: health, status and metrics. And its one lever, the clock.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use zonemq_queue::command::{Command, Outcome};
use zonemq_raft::{Group, Role};
use zonemq_world::World;

use crate::config::NodeConfig;
use crate::console::Console;
use crate::metrics::Metrics;
use crate::router::Router;
use crate::waiters::Waiters;

/// What the handlers of all paths share.
#[derive(Debug)]
pub(crate) struct NodeState<W: World> {
    pub(crate) world: W,
    pub(crate) config: NodeConfig,
    pub(crate) defaults: zonemq_sqs::Defaults,
    pub(crate) group: Arc<Group>,
    pub(crate) router: Router<W::Clock>,
    pub(crate) waiters: Waiters,
    pub(crate) metrics: Metrics,
    pub(crate) console: Console,
}

/// The answer of `/admin/status`. Stable: tools read it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    cluster: String,
    id: u64,
    zone: String,
    pid: u32,
    api: String,
    role: &'static str,
    term: u64,
    leader: Option<u64>,
    /// Of a leader: without a majority it acknowledges nothing.
    hears_majority: Option<bool>,
    last_log_index: u64,
    committed_index: u64,
    applied_index: u64,
}

impl Status {
    /// Where a node stands now.
    pub(crate) fn of<W: World>(node: &NodeState<W>) -> Status {
        let config = &node.config;
        let group = node.group.status();
        Status {
            cluster: config.cluster.clone(),
            id: config.id,
            zone: config.zone.clone(),
            pid: config.pid,
            api: config.api.to_string(),
            role: group.role.as_str(),
            term: group.term,
            leader: group.leader,
            hears_majority: group.hears_majority,
            last_log_index: group.last_log_index,
            committed_index: group.committed_index,
            applied_index: group.applied_index,
        }
    }
}

/// `GET /admin/status`
pub(crate) async fn status<W: World>(State(node): State<Arc<NodeState<W>>>) -> Json<Status> {
    Json(Status::of(&node))
}

/// `GET /health`: 200 when this node can take requests, else 503 and the reason.
pub(crate) async fn health<W: World>(State(node): State<Arc<NodeState<W>>>) -> Response {
    let status = node.group.status();
    let reason = if status.leader.is_none() {
        "no leader is known"
    } else if status.role == Role::Learner {
        "this node is no voter yet"
    } else if status.applied_index < status.committed_index {
        "this node is catching up"
    } else {
        return (StatusCode::OK, "ok\n").into_response();
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
}

/// `GET /metrics`, in Prometheus' text form.
pub(crate) async fn metrics<W: World>(State(node): State<Arc<NodeState<W>>>) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = node.metrics.render(&node.group, &node.waiters);
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// How far to advance the clock.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    millis: u64,
}

/// `POST /admin/clock/advance` with `{"millis": 60000}`: moves the clock of the queues forward,
/// so that 14 days of retention take a second to test. Answers `{"now_millis": ...}`.
pub(crate) async fn advance_clock<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Json(advance): Json<Advance>,
) -> Response {
    let command = Command::AdvanceClock {
        millis: advance.millis,
    };
    match node.router.execute(command).await {
        Ok(Ok(Outcome::ClockAdvanced(now))) => {
            Json(serde_json::json!({ "now_millis": now.0 })).into_response()
        }
        Ok(reply) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("unexpected reply: {reply:?}\n"),
        )
            .into_response(),
        Err(unavailable) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{unavailable}\n")).into_response()
        }
    }
}
