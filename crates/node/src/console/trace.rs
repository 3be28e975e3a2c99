//! Where one message is: `/admin/messages/{id}` on this node, `/console/messages/{id}` on all.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use zonemq_queue::ids::MessageId;
use zonemq_queue::time::Millis;
use zonemq_raft::{MOST_SEEN_ENTRIES, SeenKind};
use zonemq_world::{Clock, World};

use super::asking::{self, Look};
use super::messages::ShownMessage;
use crate::admin::NodeState;

/// What a node knows of a message. Stable: tools read it.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    node: u64,
    zone: String,
    id: String,
    now_millis: u64,
    durable_index: u64,
    committed_index: u64,
    applied_index: u64,
    /// The queue that holds it, as applied here.
    queue: Option<String>,
    message: Option<ShownMessage>,
    /// The entry that it came with: known while a queue holds the message, or while the entry is
    /// among the last of the log.
    entry: Option<EntryPlace>,
}

#[derive(Debug, Serialize)]
struct EntryPlace {
    index: u64,
    durable: bool,
    committed: bool,
    applied: bool,
}

/// Reads an id as it is printed.
pub(super) fn message_id(text: &str) -> Result<MessageId, (StatusCode, String)> {
    let digits = text.replace('-', "");
    let number = (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok());
    number.flatten().map(MessageId).ok_or_else(|| {
        let sentence = "a message id looks like 123e4567-e89b-42d3-a456-426614174000\n";
        (StatusCode::BAD_REQUEST, sentence.to_owned())
    })
}

/// `GET /admin/messages/{id}`
pub(super) async fn here<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Path(id): Path<String>,
) -> Result<Json<Trace>, (StatusCode, String)> {
    Ok(Json(trace_of(&node, message_id(&id)?).await))
}

/// What this node knows of the message.
pub(super) async fn trace_of<W: World>(node: &NodeState<W>, id: MessageId) -> Trace {
    let group = &node.group;
    // Beside the traffic: the pages of a clone are shared.
    let state = group.read(Clone::clone);
    let stamp = Millis(node.world.clock().now_millis());
    let now = state.queue_time(stamp);
    let looked = tokio::task::spawn_blocking(move || state.find_message(id)).await;
    let found = looked.ok().flatten();
    let index = match &found {
        Some((_, message)) => Some(message.content.index),
        None => entry_that_sent(node, id).await,
    };
    let durable_index = group.durable_index();
    let status = group.status();
    Trace {
        node: node.config.id,
        zone: node.config.zone.clone(),
        id: id.to_string(),
        now_millis: now.0,
        durable_index,
        committed_index: status.committed_index,
        applied_index: status.applied_index,
        entry: index.map(|index| EntryPlace {
            index,
            durable: index <= durable_index,
            committed: index <= status.committed_index,
            applied: index <= status.applied_index,
        }),
        queue: found.as_ref().map(|(queue, _)| queue.name.clone()),
        message: found.map(|(_, message)| ShownMessage::at(now, &message)),
    }
}

/// Of the last entries, which tell the first of their messages.
async fn entry_that_sent<W: World>(node: &NodeState<W>, id: MessageId) -> Option<u64> {
    let id = id.to_string();
    let entries = node.group.last_entries(MOST_SEEN_ENTRIES).await.ok()?;
    let sent_it = |kind: &SeenKind| match kind {
        SeenKind::Batch { message_ids, .. } => message_ids.contains(&id),
        SeenKind::Blank | SeenKind::Membership { .. } | SeenKind::Unreadable { .. } => false,
    };
    let entry = entries.iter().find(|entry| sent_it(&entry.kind));
    entry.map(|entry| entry.index)
}

/// What all nodes know of a message.
#[derive(Debug, Serialize)]
pub(super) struct Traces {
    nodes: Vec<NodeTrace>,
}

#[derive(Debug, Serialize)]
struct NodeTrace {
    id: u64,
    zone: String,
    trace: Option<Value>,
    /// Why it does not tell.
    why: Option<String>,
}

/// `GET /console/messages/{id}`
pub(super) async fn everywhere<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Path(id): Path<String>,
) -> Result<Json<Traces>, (StatusCode, String)> {
    let look = Look::Message {
        id: message_id(&id)?.to_string(),
    };
    let mut asked = Vec::new();
    for member in node.config.members.clone() {
        let (node, look) = (node.clone(), look.clone());
        let asking = {
            let member = member.clone();
            tokio::spawn(async move { asking::ask(&node, &member, &look).await })
        };
        asked.push((member, asking));
    }
    let mut nodes = Vec::new();
    for (member, asking) in asked {
        let answer = asking.await.unwrap_or_else(|error| Err(error.to_string()));
        let trace = answer.and_then(|json| {
            serde_json::from_str(&json).map_err(|_| "it answers something else".to_owned())
        });
        let (trace, why) = match trace {
            Ok(trace) => (Some(trace), None),
            Err(why) => (None, Some(why)),
        };
        nodes.push(NodeTrace {
            id: member.id,
            zone: member.zone,
            trace,
            why,
        });
    }
    Ok(Json(Traces { nodes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_printed() {
        let id = MessageId(0x123e_4567_e89b_42d3_a456_4266_1417_4000);
        assert_eq!(message_id(&id.to_string()), Ok(id));
        for wrong in ["", "123", "123e4567-e89b-42d3-a456-42661417400g", "é"] {
            let (status, sentence) = message_id(wrong).unwrap_err();
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(sentence.contains("looks like"), "{sentence}");
        }
    }
}
