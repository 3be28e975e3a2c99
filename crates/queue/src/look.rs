//! What can be seen of queues and their messages without touching them: for consoles.

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::identity;
use crate::ids::{MessageId, QueueKey};
use crate::message::{ContentPlace, SequenceNumber};
use crate::state::State;
use crate::time::Millis;

/// A message as the queue knows it. No handle comes with it: who sees it cannot delete it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMessage {
    /// As answered when it was sent.
    pub id: MessageId,
    /// Where what its sender wrote lies.
    pub content: ContentPlace,
    /// When it was accepted.
    pub sent_at: Millis,
    /// How often it was received.
    pub receive_count: u32,
    /// Whether it can be received.
    pub whereabouts: Whereabouts,
    /// As set by the sender.
    pub message_group: Option<String>,
    /// FIFO queues only.
    pub sequence_number: Option<SequenceNumber>,
    /// In a dead-letter queue: the queue from which it was moved.
    pub dead_letter_source: Option<QueueKey>,
}

/// Where a message is in its queue. What is over stays until the next command touches the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whereabouts {
    /// It can be received, or waits for its turn in its group.
    Visible,
    /// Hidden since it was sent, until this moment.
    DelayedUntil(Millis),
    /// Hidden since it was received, until this moment.
    InFlightUntil(Millis),
}

impl State {
    /// What the clock of the queues shows when a leader's clock shows `stamp`.
    pub fn queue_time(&self, stamp: Millis) -> Millis {
        self.clock.at(stamp)
    }

    /// When the oldest message of a queue was sent.
    pub fn oldest_sent_at(&self, queue: &QueueKey) -> Option<Millis> {
        self.catalog.find(queue).ok()?.messages.oldest_sent_at()
    }

    /// The first messages of a queue in the order of arrival; nothing if there is no such queue.
    pub fn peek(&self, queue: &QueueKey, limit: usize) -> Option<Vec<SeenMessage>> {
        let queue = self.catalog.find(queue).ok()?;
        Some(queue.messages.seen().take(limit).collect())
    }

    /// The message with this id, and its queue. Looks at every message.
    pub fn find_message(&self, id: MessageId) -> Option<(QueueKey, SeenMessage)> {
        let mut queues = self.catalog.iter();
        queues.find_map(|(key, queue)| Some((key.clone(), queue.messages.seen_with_id(id)?)))
    }
}

/// The id of the `ordinal`th message that the `request`th request of a batch sends.
pub fn message_id(nonce: u128, request: usize, ordinal: usize) -> MessageId {
    identity::of_message(nonce, request, ordinal).id
}

impl Command {
    /// The queue that it is about, and how many messages it names or wants.
    pub fn about_messages(&self) -> (Option<&String>, usize) {
        let (queue, messages) = match self {
            Command::SendMessages { queue, messages } => (queue, messages.len()),
            Command::DeleteMessages { queue, handles } => (queue, handles.len()),
            Command::ChangeMessageVisibilities { queue, changes } => (queue, changes.len()),
            Command::ReceiveMessages {
                queue,
                max_messages,
                ..
            } => (queue, usize::from(*max_messages)),
            Command::CreateQueue { queue, .. }
            | Command::DeleteQueue { queue }
            | Command::GetQueueUrl { queue }
            | Command::GetQueueAttributes { queue }
            | Command::SetQueueAttributes { queue, .. }
            | Command::PurgeQueue { queue, .. }
            | Command::TagQueue { queue, .. }
            | Command::UntagQueue { queue, .. }
            | Command::ListQueueTags { queue }
            | Command::AddPermission { queue, .. }
            | Command::RemovePermission { queue, .. }
            | Command::ListDeadLetterSourceQueues { queue, .. } => (queue, 0),
            Command::StartMessageMoveTask { source, .. }
            | Command::ListMessageMoveTasks { source, .. }
            | Command::CancelMessageMoveTask { source, .. }
            | Command::MoveMessages { source, .. } => (source, 0),
            Command::ListQueues { .. } | Command::AdvanceClock { .. } => return (None, 0),
        };
        (Some(&queue.name), messages)
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Command::CreateQueue { .. } => "CreateQueue",
            Command::DeleteQueue { .. } => "DeleteQueue",
            Command::GetQueueUrl { .. } => "GetQueueUrl",
            Command::ListQueues { .. } => "ListQueues",
            Command::GetQueueAttributes { .. } => "GetQueueAttributes",
            Command::SetQueueAttributes { .. } => "SetQueueAttributes",
            Command::PurgeQueue { .. } => "PurgeQueue",
            Command::SendMessages { .. } => "SendMessages",
            Command::ReceiveMessages { .. } => "ReceiveMessages",
            Command::DeleteMessages { .. } => "DeleteMessages",
            Command::ChangeMessageVisibilities { .. } => "ChangeMessageVisibilities",
            Command::AdvanceClock { .. } => "AdvanceClock",
            Command::TagQueue { .. } => "TagQueue",
            Command::UntagQueue { .. } => "UntagQueue",
            Command::ListQueueTags { .. } => "ListQueueTags",
            Command::AddPermission { .. } => "AddPermission",
            Command::RemovePermission { .. } => "RemovePermission",
            Command::ListDeadLetterSourceQueues { .. } => "ListDeadLetterSourceQueues",
            Command::StartMessageMoveTask { .. } => "StartMessageMoveTask",
            Command::ListMessageMoveTasks { .. } => "ListMessageMoveTasks",
            Command::CancelMessageMoveTask { .. } => "CancelMessageMoveTask",
            Command::MoveMessages { .. } => "MoveMessages",
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::command::{Batch, Cooldown, Request};
    use crate::ids::{RequestId, SessionId};
    use crate::message::{Content, NewMessage};
    use crate::time::Seconds;

    fn queue() -> QueueKey {
        QueueKey {
            account: "0".to_owned(),
            region: "r".to_owned(),
            name: "q".to_owned(),
        }
    }

    fn message(delay: u32) -> NewMessage {
        NewMessage {
            content: Content {
                body: Bytes::from_static(b"body"),
                attributes: std::collections::BTreeMap::new(),
                trace_header: None,
                sender_id: "0".to_owned(),
                deduplication_id: None,
            },
            delay: Some(Seconds(delay)),
            message_group: None,
        }
    }

    fn apply(state: &mut State, index: u64, command: Command) {
        let places = match &command {
            Command::SendMessages { messages, .. } => messages.len(),
            _ => 0,
        };
        let places: Vec<ContentPlace> = (0..places)
            .map(|at| ContentPlace {
                index,
                offset: u32::try_from(at).unwrap(),
                length: 8,
            })
            .collect();
        let batch = Batch {
            stamp: Millis(index * 1000),
            nonce: index.into(),
            requests: vec![Request {
                id: RequestId {
                    session: SessionId(1),
                    sequence: index,
                },
                finished_below: 0,
                command,
            }],
        };
        state.apply(&batch, &places);
    }

    fn with_messages() -> State {
        let mut state = State::default();
        apply(
            &mut state,
            1,
            Command::CreateQueue {
                queue: queue(),
                attributes: Box::default(),
                tags: crate::attributes::Tags::default(),
                cooldown: Cooldown::Off,
            },
        );
        apply(
            &mut state,
            2,
            Command::SendMessages {
                queue: queue(),
                messages: vec![message(0), message(0), message(60)],
            },
        );
        apply(
            &mut state,
            3,
            Command::ReceiveMessages {
                queue: queue(),
                max_messages: 1,
                visibility_timeout: Some(Seconds(30)),
                wait_time: None,
                attempt: None,
            },
        );
        state
    }

    #[test]
    fn a_look_tells_where_each_message_is_and_changes_nothing() {
        let state = with_messages();
        let before = state.hash();
        let seen = state.peek(&queue(), 10).unwrap();
        let places: Vec<Whereabouts> = seen.iter().map(|message| message.whereabouts).collect();
        assert_eq!(
            places,
            [
                Whereabouts::InFlightUntil(Millis(33_000)),
                Whereabouts::Visible,
                Whereabouts::DelayedUntil(Millis(62_000)),
            ]
        );
        assert_eq!(seen[0].receive_count, 1);
        assert_eq!(state.peek(&queue(), 2).unwrap(), seen[..2]);
        assert_eq!(state.oldest_sent_at(&queue()), Some(Millis(2_000)));
        assert_eq!(state.hash(), before);
    }

    #[test]
    fn a_message_is_found_by_its_id_with_its_queue_and_its_place_in_the_log() {
        let state = with_messages();
        let third = state.peek(&queue(), 3).unwrap().remove(2);
        let (found_in, found) = state.find_message(third.id).unwrap();
        assert_eq!((found_in, &found), (queue(), &third));
        assert_eq!((found.content.index, found.content.offset), (2, 2));
        assert_eq!(state.find_message(MessageId(1)), None);
    }

    #[test]
    fn a_queue_that_is_not_there_shows_nothing() {
        let state = State::default();
        assert_eq!(state.peek(&queue(), 1), None);
        assert_eq!(state.oldest_sent_at(&queue()), None);
    }
}
