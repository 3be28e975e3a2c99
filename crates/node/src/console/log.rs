//! `/admin/log`: the last entries of this node's log, and how far each of them has come.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Serialize;
use zonemq_raft::{MOST_SEEN_ENTRIES, SeenEntry};
use zonemq_world::World;

use super::number_in;
use crate::admin::NodeState;

const ENTRIES: u64 = 20;

/// The end of a node's log. Stable: tools read it.
#[derive(Debug, Serialize)]
pub(super) struct Log {
    node: u64,
    last_log_index: u64,
    durable_index: u64,
    committed_index: u64,
    applied_index: u64,
    entries: Vec<ShownEntry>,
    /// Why there are no entries, if they cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownEntry {
    #[serde(flatten)]
    entry: SeenEntry,
    /// On this node's disk.
    durable: bool,
    committed: bool,
    applied: bool,
}

/// `GET /admin/log?last=N`
pub(super) async fn log<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    uri: Uri,
) -> Result<Json<Log>, (StatusCode, String)> {
    let last = number_in(&uri, "last", ENTRIES)?;
    Ok(Json(log_of(&node, last.min(MOST_SEEN_ENTRIES)).await))
}

/// The end of this node's log.
pub(super) async fn log_of<W: World>(node: &NodeState<W>, entries: u64) -> Log {
    let group = &node.group;
    let (entries, problem) = match group.last_entries(entries).await {
        Ok(entries) => (entries, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let durable_index = group.durable_index();
    let status = group.status();
    let shown = |entry: SeenEntry| ShownEntry {
        durable: entry.index <= durable_index,
        committed: entry.index <= status.committed_index,
        applied: entry.index <= status.applied_index,
        entry,
    };
    Log {
        node: node.config.id,
        last_log_index: status.last_log_index,
        durable_index,
        committed_index: status.committed_index,
        applied_index: status.applied_index,
        entries: entries.into_iter().map(shown).collect(),
        problem,
    }
}
