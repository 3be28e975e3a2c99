//! How values become bytes: the one place that names bincode.
//!
//! Everything stored or sent goes through here, so that a change of format is a change of this
//! file. bincode writes the position of a field or variant, not its name: structs never change
//! and enums only grow at the end. The golden bytes in the tests hold that.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest value that is decoded from the network or the disk.
pub const MAX_ENCODED_BYTES: usize = 1 << 30;

/// The bytes are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They end early, or hold something that the type does not allow.
    #[error("cannot decode: {0}")]
    Malformed(#[from] bincode::error::DecodeError),
    /// They go on after the value.
    #[error("{0} bytes are left over after the value")]
    TrailingBytes(usize),
}

fn format() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_ENCODED_BYTES>()
}

/// Encodes a value of our own types.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Our types have no maps of unknown length and no custom serializers: into memory, encoding
    // cannot fail.
    bincode::serde::encode_to_vec(value, bincode::config::standard())
        .expect("values of our own types can be encoded")
}

/// Decodes a value that takes up all of `bytes`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, format())?;
    if used < bytes.len() {
        return Err(DecodeError::TrailingBytes(bytes.len() - used));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use zonemq_queue::attributes::AttributeChanges;
    use zonemq_queue::command::{Batch, Command, CommandError, Cooldown, Outcome, Reply, Request};
    use zonemq_queue::ids::{MessageId, QueueKey, RequestId, SessionId};
    use zonemq_queue::message::{AttributeContent, AttributeValue, NewMessage, SentMessage};
    use zonemq_queue::state::State;
    use zonemq_queue::time::{Millis, Seconds};

    use super::*;

    fn batch() -> Batch {
        let message = NewMessage {
            body: Bytes::from_static(b"body"),
            attributes: BTreeMap::from([(
                "a".to_owned(),
                AttributeValue {
                    data_type: "Binary".to_owned(),
                    value: AttributeContent::Binary(Bytes::from_static(&[1, 2])),
                },
            )]),
            trace_header: None,
            delay: Some(Seconds(5)),
            message_group: None,
            deduplication_id: None,
            sender_id: "me".to_owned(),
        };
        Batch {
            stamp: Millis(1_000),
            nonce: 7,
            requests: vec![Request {
                id: RequestId {
                    session: SessionId(3),
                    sequence: 4,
                },
                finished_below: 2,
                command: Command::SendMessages {
                    queue: QueueKey {
                        account: "0".to_owned(),
                        region: "r".to_owned(),
                        name: "q".to_owned(),
                    },
                    messages: vec![message],
                },
            }],
        }
    }

    #[test]
    fn the_bytes_of_a_batch_stay_as_they_are() {
        let expected = [
            251, 232, 3, 7, 1, 3, 4, 2, 7, 1, b'0', 1, b'r', 1, b'q', 1, 4, b'b', b'o', b'd', b'y',
            1, 1, b'a', 6, b'B', b'i', b'n', b'a', b'r', b'y', 1, 2, 1, 2, 0, 1, 5, 0, 0, 2, b'm',
            b'e',
        ];
        assert_eq!(encode(&batch()), expected);
        assert_eq!(decode::<Batch>(&expected).unwrap(), batch());
    }

    #[test]
    fn the_bytes_of_replies_stay_as_they_are() {
        let sent: Reply = Ok(Outcome::Sent(vec![
            Ok(SentMessage {
                id: MessageId(1),
                sequence_number: None,
            }),
            Err(CommandError::MessageTooLong { limit: 9 }),
        ]));
        assert_eq!(encode(&sent), [0, 4, 2, 0, 1, 0, 1, 7, 9]);
        let missing: Reply = Err(CommandError::QueueDoesNotExist);
        assert_eq!(encode(&missing), [1, 0]);
    }

    #[test]
    fn bytes_after_the_value_are_refused() {
        let mut bytes = encode(&batch());
        bytes.push(0);
        assert!(matches!(
            decode::<Batch>(&bytes),
            Err(DecodeError::TrailingBytes(1))
        ));
    }

    #[test]
    fn a_value_that_ends_early_is_refused_at_every_byte() {
        let bytes = encode(&batch());
        for length in 0..bytes.len() {
            assert!(decode::<Batch>(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn an_impossible_length_is_refused_before_memory_is_taken() {
        // A byte string of 2^63 bytes.
        let bytes = [253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(decode::<Bytes>(&bytes).is_err());
    }

    fn queue() -> QueueKey {
        QueueKey {
            account: "0".to_owned(),
            region: "r".to_owned(),
            name: "q".to_owned(),
        }
    }

    fn one_of_each_command() -> Vec<Command> {
        let queue = queue();
        vec![
            Command::CreateQueue {
                queue: queue.clone(),
                attributes: AttributeChanges::default(),
                tags: BTreeMap::new(),
                cooldown: Cooldown::Off,
            },
            Command::DeleteQueue {
                queue: queue.clone(),
            },
            Command::GetQueueUrl {
                queue: queue.clone(),
            },
            Command::ListQueues {
                account: "0".to_owned(),
                region: "r".to_owned(),
                prefix: String::new(),
                after: None,
                limit: 1,
            },
            Command::GetQueueAttributes {
                queue: queue.clone(),
            },
            Command::SetQueueAttributes {
                queue: queue.clone(),
                changes: AttributeChanges::default(),
            },
            Command::PurgeQueue {
                queue: queue.clone(),
                cooldown: Cooldown::Off,
            },
            Command::SendMessages {
                queue: queue.clone(),
                messages: Vec::new(),
            },
            Command::ReceiveMessages {
                queue: queue.clone(),
                max_messages: 1,
                visibility_timeout: None,
                wait_time: None,
                attempt: None,
            },
            Command::DeleteMessages {
                queue: queue.clone(),
                handles: Vec::new(),
            },
            Command::ChangeMessageVisibilities {
                queue,
                changes: Vec::new(),
            },
            Command::AdvanceClock { millis: 60_000 },
        ]
    }

    #[test]
    fn every_command_keeps_its_number() {
        for (number, command) in one_of_each_command().iter().enumerate() {
            assert_eq!(usize::from(encode(command)[0]), number, "{command:?}");
        }
    }

    #[test]
    fn a_state_is_read_from_a_snapshot_as_it_was_written() {
        let mut state = State::default();
        let mut apply = |sequence, command| {
            let mut batch = batch();
            batch.requests[0].id.sequence = sequence;
            batch.requests[0].command = command;
            state.apply(&batch);
        };
        let send = batch().requests.remove(0).command;
        let mut commands = one_of_each_command();
        let create = commands.remove(0);
        let receive = commands.remove(7);
        let advance = commands.remove(9);
        // Two messages, one of them in flight, and replies that are remembered.
        for (sequence, command) in (2..).zip([create, send.clone(), advance, receive, send]) {
            apply(sequence, command);
        }
        let read: State = decode(&encode(&state)).unwrap();
        assert_eq!(read.hash(), state.hash());
        assert_eq!(read, state);
        let (_, described) = read.queues().next().unwrap();
        assert_eq!((described.in_flight, described.delayed), (1, 1));
    }
}
