//! `/admin/queues/{name}/messages`: a look at what a queue holds. Nobody receives it: nothing is
//! hidden, counted or deleted, and no entry is written.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use serde::Serialize;
use zonemq_queue::ids::QueueKey;
use zonemq_queue::look::{SeenMessage, Whereabouts};
use zonemq_queue::time::Millis;
use zonemq_world::{Clock, World};

use super::number_in;
use crate::admin::NodeState;

const MESSAGES: u64 = 20;
const MOST_MESSAGES: u64 = 100;
/// Of one body; a longer one is cut.
const BODY_BYTES: usize = 256 << 10;
/// Of all bodies of an answer; the rest is not read.
const BODIES_BYTES: usize = 2 << 20;

/// The oldest messages of a queue as they are applied here. Stable: tools read it.
#[derive(Debug, Serialize)]
pub(super) struct Peeked {
    queue: String,
    node: u64,
    applied_index: u64,
    /// The time of the queues, by which the moments below go.
    now_millis: u64,
    messages: Vec<PeekedMessage>,
    /// Whether there are more than are told.
    more: bool,
}

#[derive(Debug, Serialize)]
struct PeekedMessage {
    #[serde(flatten)]
    message: ShownMessage,
    #[serde(flatten)]
    body: ShownBody,
}

/// A message but for its content.
#[derive(Debug, Serialize)]
pub(super) struct ShownMessage {
    id: String,
    sent_at_millis: u64,
    receive_count: u32,
    /// `visible`, `in_flight` or `delayed`.
    state: &'static str,
    /// When that ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_millis: Option<u64>,
    message_group: Option<String>,
    sequence_number: Option<String>,
    dead_letter_source: Option<String>,
    /// Where its content lies in the log.
    log_index: u64,
    log_offset: u32,
    log_bytes: u32,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct ShownBody {
    body: Option<String>,
    body_bytes: Option<usize>,
    body_is_truncated: bool,
    /// Why there is no body.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_problem: Option<String>,
}

impl ShownMessage {
    /// As it is at a moment: what is over by then may still be noted in the queue.
    pub(super) fn at(now: Millis, message: &SeenMessage) -> ShownMessage {
        let (state, until) = match message.whereabouts {
            Whereabouts::DelayedUntil(until) if until > now => ("delayed", Some(until.0)),
            Whereabouts::InFlightUntil(until) if until > now => ("in_flight", Some(until.0)),
            Whereabouts::Visible | Whereabouts::DelayedUntil(_) | Whereabouts::InFlightUntil(_) => {
                ("visible", None)
            }
        };
        let sequence_number = message.sequence_number.as_ref();
        let source = message.dead_letter_source.as_ref();
        ShownMessage {
            id: message.id.to_string(),
            sent_at_millis: message.sent_at.0,
            receive_count: message.receive_count,
            state,
            until_millis: until,
            message_group: message.message_group.clone(),
            sequence_number: sequence_number.map(ToString::to_string),
            dead_letter_source: source.map(|queue| queue.name.clone()),
            log_index: message.content.index,
            log_offset: message.content.offset,
            log_bytes: message.content.length,
        }
    }
}

impl ShownBody {
    fn of(body: &Bytes) -> ShownBody {
        let mut end = body.len().min(BODY_BYTES);
        // Not through a character: bytes that go on one begin with the bits 10.
        while end > 0 && body.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
            end -= 1;
        }
        ShownBody {
            body: Some(String::from_utf8_lossy(&body[..end]).into_owned()),
            body_bytes: Some(body.len()),
            body_is_truncated: end < body.len(),
            body_problem: None,
        }
    }

    fn missing(why: String) -> ShownBody {
        ShownBody {
            body_problem: Some(why),
            ..ShownBody::default()
        }
    }
}

/// `GET /admin/queues/{name}/messages?limit=N`
pub(super) async fn peek<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Peeked>, (StatusCode, String)> {
    let limit = number_in(&uri, "limit", MESSAGES)?.min(MOST_MESSAGES);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let queue = QueueKey {
        account: node.defaults.account.clone(),
        region: node.defaults.region.clone(),
        name,
    };
    let stamp = Millis(node.world.clock().now_millis());
    let applied_index = node.group.status().applied_index;
    let (now, seen) = node.group.read(|state| {
        // One more tells whether there are more.
        (state.queue_time(stamp), state.peek(&queue, limit + 1))
    });
    let mut seen = seen.ok_or_else(|| {
        let sentence = format!("this node knows no queue {}\n", queue.name);
        (StatusCode::NOT_FOUND, sentence)
    })?;
    let more = seen.len() > limit;
    seen.truncate(limit);
    let mut messages = Vec::with_capacity(seen.len());
    let mut told_bytes = 0;
    for message in seen {
        let body = if told_bytes < BODIES_BYTES {
            match node.group.content_at(message.content).await {
                Ok(content) => ShownBody::of(&content.body),
                Err(why) => ShownBody::missing(why),
            }
        } else {
            ShownBody::missing("not read: the bodies before it fill this answer".to_owned())
        };
        told_bytes += body.body.as_ref().map_or(0, String::len);
        messages.push(PeekedMessage {
            message: ShownMessage::at(now, &message),
            body,
        });
    }
    Ok(Json(Peeked {
        queue: queue.name,
        node: node.config.id,
        applied_index,
        now_millis: now.0,
        messages,
        more,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_is_cut_between_two_characters() {
        let long = Bytes::from("é".repeat(BODY_BYTES));
        let odd = Bytes::from(format!("x{}", "é".repeat(BODY_BYTES)));
        for (body, told_bytes) in [(long, BODY_BYTES), (odd, BODY_BYTES - 1)] {
            let shown = ShownBody::of(&body);
            let text = shown.body.unwrap();
            assert_eq!((text.len(), shown.body_is_truncated), (told_bytes, true));
            assert_eq!(shown.body_bytes, Some(body.len()));
            assert!(!text.contains('\u{fffd}'));
        }
    }

    #[test]
    fn a_short_body_is_told_in_full() {
        let shown = ShownBody::of(&Bytes::from_static("grüezi".as_bytes()));
        assert_eq!(shown.body.as_deref(), Some("grüezi"));
        assert!(!shown.body_is_truncated);
    }
}
