//! What an entry says, without the contents of its messages: for those who look at the log.

use openraft::EntryPayload;
use serde::Serialize;
use zonemq_queue::ids::MessageId;
use zonemq_queue::look::message_id;

use super::{CommandHead, EntryError, decode_head};
use crate::types::{LogEntry, NodeId, Payload};

/// The ids that are told of one entry; a batch may send thousands of messages.
const TOLD_IDS: usize = 10;

/// An entry of the log in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenEntry {
    /// Its place in the log.
    pub index: u64,
    /// The term of the leader that made it.
    pub term: u64,
    /// The size of its payload.
    pub bytes: u64,
    /// What it says.
    #[serde(flatten)]
    pub kind: SeenKind,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SeenKind {
    /// Nothing: a leader's first entry in its term.
    Blank,
    /// Who votes from here on.
    Membership {
        /// The nodes.
        voters: Vec<NodeId>,
    },
    /// Commands that were proposed together.
    Batch {
        /// The leader's clock, in milliseconds of Unix time.
        stamp_millis: u64,
        /// The commands, those that are alike together.
        commands: Vec<SeenCommands>,
        /// The first of the messages that it sends.
        message_ids: Vec<String>,
    },
    /// It cannot be decoded.
    Unreadable {
        /// What is wrong.
        why: String,
    },
}

/// Commands of one name for one queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenCommands {
    /// What they are called.
    pub name: &'static str,
    /// Their queue, for commands of messages.
    pub queue: Option<String>,
    /// How many commands.
    pub count: u64,
    /// How many messages they send, delete or change.
    pub messages: u64,
}

impl SeenEntry {
    pub(crate) fn of(entry: &LogEntry) -> SeenEntry {
        let (kind, bytes) = match &entry.payload {
            EntryPayload::Blank => (SeenKind::Blank, 0),
            EntryPayload::Membership(membership) => {
                let voters = membership.voter_ids().collect();
                (SeenKind::Membership { voters }, 0)
            }
            EntryPayload::Normal(payload) => {
                let why = |error: EntryError| SeenKind::Unreadable {
                    why: error.to_string(),
                };
                let kind = batch(payload).unwrap_or_else(why);
                (kind, payload.0.len() as u64)
            }
        };
        SeenEntry {
            index: entry.log_id.index,
            term: entry.log_id.leader_id.term,
            bytes,
            kind,
        }
    }
}

/// Decodes the head alone: contents may be a megabyte each.
fn batch(payload: &Payload) -> Result<SeenKind, EntryError> {
    let (head, _) = decode_head(payload)?;
    let mut commands: Vec<SeenCommands> = Vec::new();
    let mut ids: Vec<MessageId> = Vec::new();
    for (request, told) in head.requests.iter().enumerate() {
        let (name, queue, messages) = match &told.command {
            CommandHead::SendMessages { queue, messages } => {
                let left = TOLD_IDS.saturating_sub(ids.len()).min(messages.len());
                ids.extend((0..left).map(|ordinal| message_id(head.nonce, request, ordinal)));
                ("SendMessages", Some(&queue.name), messages.len())
            }
            CommandHead::Other(command) => {
                let (queue, messages) = command.about_messages();
                (command.name(), queue, messages)
            }
        };
        let messages = messages as u64;
        let alike = commands
            .iter_mut()
            .find(|known| known.name == name && known.queue.as_ref() == queue);
        match alike {
            Some(known) => {
                known.count += 1;
                known.messages += messages;
            }
            None => commands.push(SeenCommands {
                name,
                queue: queue.cloned(),
                count: 1,
                messages,
            }),
        }
    }
    Ok(SeenKind::Batch {
        stamp_millis: head.stamp.0,
        commands,
        message_ids: ids.iter().map(ToString::to_string).collect(),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zonemq_queue::command::{Batch, Command, Request};
    use zonemq_queue::ids::{QueueKey, RequestId, SessionId};
    use zonemq_queue::message::{Content, NewMessage};
    use zonemq_queue::time::Millis;

    use super::super::BATCH;
    use super::*;
    use crate::entry;
    use crate::types::LogId;

    fn queue() -> QueueKey {
        QueueKey {
            account: "0".to_owned(),
            region: "r".to_owned(),
            name: "work".to_owned(),
        }
    }

    fn send(messages: usize) -> Command {
        let message = NewMessage {
            content: Content {
                body: Bytes::from_static(b"body"),
                attributes: std::collections::BTreeMap::new(),
                trace_header: None,
                sender_id: "0".to_owned(),
                deduplication_id: None,
            },
            delay: None,
            message_group: None,
        };
        Command::SendMessages {
            queue: queue(),
            messages: vec![message; messages],
        }
    }

    fn entry_of(commands: Vec<Command>) -> LogEntry {
        let requests = commands.into_iter().zip(1..).map(|(command, sequence)| {
            let session = SessionId(1);
            Request {
                id: RequestId { session, sequence },
                finished_below: 0,
                command,
            }
        });
        let batch = Batch {
            stamp: Millis(5),
            nonce: 1,
            requests: requests.collect(),
        };
        LogEntry {
            log_id: LogId::new_term_index(3, 9),
            payload: EntryPayload::Normal(entry::encode_batch(batch)),
        }
    }

    #[test]
    fn a_batch_is_told_by_its_commands_and_the_ids_of_its_messages() {
        let purge = Command::GetQueueUrl { queue: queue() };
        let seen = SeenEntry::of(&entry_of(vec![send(2), purge, send(1)]));
        assert_eq!((seen.index, seen.term), (9, 3));
        let SeenKind::Batch {
            commands,
            message_ids,
            stamp_millis,
        } = seen.kind
        else {
            panic!("a batch, not {:?}", seen.kind);
        };
        assert_eq!(stamp_millis, 5);
        let told: Vec<_> = commands
            .iter()
            .map(|one| (one.name, one.queue.as_deref(), one.count, one.messages))
            .collect();
        assert_eq!(
            told,
            [
                ("SendMessages", Some("work"), 2, 3),
                ("GetQueueUrl", Some("work"), 1, 0),
            ]
        );
        let third = message_id(1, 2, 0).to_string();
        assert_eq!((message_ids.len(), &message_ids[2]), (3, &third));
    }

    #[test]
    fn no_more_ids_are_told_than_a_person_reads() {
        let seen = SeenEntry::of(&entry_of(vec![send(8), send(8)]));
        let SeenKind::Batch { message_ids, .. } = seen.kind else {
            panic!("a batch, not {:?}", seen.kind);
        };
        assert_eq!(message_ids.len(), TOLD_IDS);
    }

    #[test]
    fn one_entry_with_one_request_is_told_from_all_else() {
        let one = entry_of(vec![send(3)]);
        assert!(entry::are_one_request(std::slice::from_ref(&one)));
        assert!(!entry::are_one_request(&[one.clone(), one]));
        assert!(!entry::are_one_request(&[]));
        for requests in [2, 300] {
            let several = entry_of(vec![send(1); requests]);
            assert!(!entry::are_one_request(&[several]), "{requests}");
        }
        let blank = LogEntry {
            log_id: LogId::new_term_index(1, 1),
            payload: EntryPayload::Blank,
        };
        assert!(!entry::are_one_request(&[blank]));
    }

    #[test]
    fn bytes_that_are_no_batch_are_told_as_such() {
        let seen = SeenEntry::of(&LogEntry {
            log_id: LogId::new_term_index(1, 1),
            payload: EntryPayload::Normal(Payload(Bytes::from_static(&[BATCH, 200, 0, 0, 0, 1]))),
        });
        assert!(matches!(seen.kind, SeenKind::Unreadable { .. }), "{seen:?}");
    }
}
