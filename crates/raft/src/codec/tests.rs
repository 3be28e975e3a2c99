//! The bytes of what is stored and sent. Who changes them must know how nodes of the version before
//! read them.

use std::collections::BTreeMap;

use bytes::Bytes;
use zonemq_queue::attributes::{
    AttributeChanges, Change, DeduplicationScope, FifoThroughputLimit, RedriveAllowPolicy,
    RedrivePolicy,
};
use zonemq_queue::command::{Batch, Command, CommandError, Cooldown, Outcome, Reply, Request};
use zonemq_queue::ids::{MessageId, MoveTaskId, QueueKey, RequestId, SessionId};
use zonemq_queue::message::{
    AttributeContent, AttributeValue, Content, ContentPlace, NewMessage, SentMessage,
};
use zonemq_queue::pieces::Assembly;
use zonemq_queue::state::State;
use zonemq_queue::time::{Millis, Seconds};

use super::*;
use crate::entry;
use crate::types::Payload;

fn batch() -> Batch {
    let message = NewMessage {
        content: Content {
            body: Bytes::from_static(b"body"),
            attributes: BTreeMap::from([(
                "a".to_owned(),
                AttributeValue {
                    data_type: "Binary".to_owned(),
                    value: AttributeContent::Binary(Bytes::from_static(&[1, 2])),
                },
            )]),
            trace_header: None,
            sender_id: "me".to_owned(),
            deduplication_id: None,
        },
        delay: Some(Seconds(5)),
        message_group: None,
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
        251, 232, 3, 7, 1, 3, 4, 2, 7, 1, b'0', 1, b'r', 1, b'q', 1, 4, b'b', b'o', b'd', b'y', 1,
        1, b'a', 6, b'B', b'i', b'n', b'a', b'r', b'y', 1, 2, 1, 2, 0, 2, b'm', b'e', 0, 1, 5, 0,
    ];
    assert_eq!(encode(&batch()), expected);
    assert_eq!(decode::<Batch>(&expected).unwrap(), batch());
}

#[test]
fn the_bytes_of_a_batch_in_the_log_stay_as_they_are() {
    let expected: [&[u8]; 4] = [
        // A batch, and the length of its head.
        &[1, 20, 0, 0, 0],
        &[
            251, 232, 3, 7, 1, 3, 4, 2, 0, 1, b'0', 1, b'r', 1, b'q', 1, 1, 5, 0, 28,
        ],
        &[
            4, b'b', b'o', b'd', b'y', 1, 1, b'a', 6, b'B', b'i', b'n', b'a', b'r', b'y', 1, 2, 1,
            2, 0, 2, b'm', b'e', 0,
        ],
        // The checksum of the content.
        &[0x5c, 0x21, 0x79, 0x1f],
    ];
    let payload = entry::encode_batch(batch());
    assert_eq!(payload.0, expected.concat());
    let (read, places) = entry::decode_batch(&payload, 9).unwrap();
    assert_eq!(read, batch());
    let place = ContentPlace {
        index: 9,
        offset: 25,
        length: 28,
    };
    assert_eq!(places, [place]);
    assert!(entry::is_content(&entry::slice(&payload, place).unwrap()));
}

#[test]
fn a_batch_in_the_log_is_read_as_it_was_written_however_long_its_head_is() {
    let send = batch().requests.remove(0);
    for tag_bytes in [0, 1, 10_000] {
        let tags = BTreeMap::from([("k".to_owned(), "v".repeat(tag_bytes))]);
        let queue = queue();
        let tag = Request {
            command: Command::TagQueue { queue, tags },
            ..send.clone()
        };
        let mut batch = batch();
        batch.requests.extend([tag, send.clone()]);
        let payload = entry::encode_batch(batch.clone());
        let (read, places) = entry::decode_batch(&payload, 9).unwrap();
        assert_eq!(read, batch);
        assert_eq!(places.len(), 2);
    }
}

#[test]
fn a_batch_in_the_log_that_ends_early_is_refused_at_every_byte() {
    let payload = entry::encode_batch(batch()).0;
    for length in 0..payload.len() {
        let short = Payload(payload.slice(..length));
        assert!(entry::decode_batch(&short, 1).is_err(), "{length}");
    }
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
            attributes: Box::default(),
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
            changes: Box::default(),
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
            queue: queue.clone(),
            changes: Vec::new(),
        },
        Command::AdvanceClock { millis: 60_000 },
        Command::TagQueue {
            queue: queue.clone(),
            tags: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        },
        Command::UntagQueue {
            queue: queue.clone(),
            keys: Vec::new(),
        },
        Command::ListQueueTags {
            queue: queue.clone(),
        },
        Command::AddPermission {
            queue: queue.clone(),
            label: "l".to_owned(),
            accounts: vec!["1".to_owned()],
            actions: vec!["*".to_owned()],
        },
        Command::RemovePermission {
            queue: queue.clone(),
            label: "other".to_owned(),
        },
        Command::ListDeadLetterSourceQueues {
            queue: queue.clone(),
            after: None,
            limit: 1,
        },
        Command::StartMessageMoveTask {
            source: queue.clone(),
            destination: None,
            max_per_second: Some(1),
        },
        Command::ListMessageMoveTasks {
            source: queue.clone(),
            limit: 1,
        },
        Command::CancelMessageMoveTask {
            source: queue.clone(),
            task: MoveTaskId(9),
        },
        Command::MoveMessages {
            source: queue,
            task: MoveTaskId(1),
        },
    ]
}

#[test]
fn every_command_keeps_its_number() {
    for (number, command) in one_of_each_command().iter().enumerate() {
        assert_eq!(usize::from(encode(command)[0]), number, "{command:?}");
    }
}

#[test]
fn every_refusal_keeps_its_number() {
    let refusals = [
        CommandError::QueueDoesNotExist,
        CommandError::QueueNameExists {
            attribute: String::new(),
        },
        CommandError::ReceiptHandleIsInvalid,
        CommandError::MessageDoesNotExist,
        CommandError::MessageNotInflight,
        CommandError::VisibilityBeyondLimit,
        CommandError::OverLimit,
        CommandError::MessageTooLong { limit: 0 },
        CommandError::RequestAbandoned,
        CommandError::QueueDeletedRecently,
        CommandError::PurgeQueueInProgress,
        CommandError::DeduplicationIdMissing,
        CommandError::ReceiptHandleHasExpired,
        CommandError::ThroughputLimitNeedsGroupScope,
        CommandError::DeadLetterQueueDoesNotExist,
        CommandError::DeadLetterQueueOfOtherType,
        CommandError::DeadLetterQueueNotAllowed,
        CommandError::TooManyTags,
        CommandError::PermissionExists,
        CommandError::PermissionDoesNotExist,
        CommandError::TooManyPermissions,
        CommandError::MoveSourceDoesNotExist,
        CommandError::MoveDestinationDoesNotExist,
        CommandError::MoveSourceIsNotDeadLetterQueue,
        CommandError::MoveDestinationOfOtherType,
        CommandError::MoveTaskIsRunning,
        CommandError::MoveTaskDoesNotExist,
    ];
    for (number, refusal) in refusals.iter().enumerate() {
        assert_eq!(usize::from(encode(refusal)[0]), number, "{refusal:?}");
    }
}

#[test]
fn the_bytes_of_all_settings_stay_as_they_are() {
    let attributes = AttributeChanges {
        delay: Some(Seconds(1)),
        maximum_message_size: Some(2),
        message_retention_period: Some(Seconds(3)),
        receive_message_wait_time: Some(Seconds(4)),
        visibility_timeout: Some(Seconds(5)),
        content_based_deduplication: Some(true),
        deduplication_scope: Some(DeduplicationScope::MessageGroup),
        fifo_throughput_limit: Some(FifoThroughputLimit::PerMessageGroupId),
        sqs_managed_sse_enabled: Some(false),
        kms_master_key_id: Some(Change::Set("k".to_owned())),
        kms_data_key_reuse_period: Some(Seconds(6)),
        policy: Some(Change::Remove),
        redrive_policy: Some(Change::Set(RedrivePolicy {
            dead_letter_queue: queue(),
            max_receive_count: 7,
        })),
        redrive_allow_policy: Some(Change::Set(RedriveAllowPolicy::ByQueue(vec![queue()]))),
    };
    let expected = [
        1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, b'k', 1, 6, 1, 1, 1, 0, 1,
        b'0', 1, b'r', 1, b'q', 7, 1, 0, 2, 1, 1, b'0', 1, b'r', 1, b'q',
    ];
    assert_eq!(encode(&attributes), expected);
    assert_eq!(decode::<AttributeChanges>(&expected).unwrap(), attributes);
}

#[test]
fn a_state_is_read_from_a_snapshot_as_it_was_written() {
    let mut state = State::default();
    let mut apply = |sequence, command| {
        let mut batch = batch();
        batch.requests[0].id.sequence = sequence;
        batch.requests[0].command = command;
        let payload = entry::encode_batch(batch);
        let (batch, contents) = entry::decode_batch(&payload, sequence).unwrap();
        state.apply(&batch, &contents);
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
    // A FIFO queue, which remembers what it accepted, with the other as its dead-letter queue, and
    // a task that moves messages.
    let fifo = QueueKey {
        name: "f.fifo".to_owned(),
        ..queue()
    };
    let mut in_fifo = batch().requests.remove(0).command;
    if let Command::SendMessages { queue, messages } = &mut in_fifo {
        *queue = fifo.clone();
        messages[0].message_group = Some("g".to_owned());
        messages[0].content.deduplication_id = Some("d".to_owned());
    }
    let source = QueueKey {
        name: "s".to_owned(),
        ..queue()
    };
    let policy = RedrivePolicy {
        dead_letter_queue: queue(),
        max_receive_count: 1,
    };
    let create = |queue: &QueueKey, redrive_policy| Command::CreateQueue {
        queue: queue.clone(),
        attributes: Box::new(AttributeChanges {
            redrive_policy,
            ..AttributeChanges::default()
        }),
        tags: BTreeMap::new(),
        cooldown: Cooldown::Off,
    };
    let receive = Command::ReceiveMessages {
        queue: fifo.clone(),
        max_messages: 1,
        visibility_timeout: None,
        wait_time: None,
        attempt: Some("a".to_owned()),
    };
    let settings = [
        create(&fifo, None),
        in_fifo,
        receive,
        create(&source, Some(Change::Set(policy))),
    ];
    let kept = commands.into_iter().filter(|command| {
        matches!(
            command,
            Command::TagQueue { .. }
                | Command::AddPermission { .. }
                | Command::StartMessageMoveTask { .. }
        )
    });
    for (sequence, command) in (10..).zip(settings.into_iter().chain(kept)) {
        apply(sequence, command);
    }
    assert_eq!(state.running_move_tasks().count(), 1);
    let mut assembly = Assembly::default();
    for piece in state.clone().into_pieces() {
        let piece = decode(&encode(&piece)).unwrap();
        assembly.push(piece).unwrap();
    }
    let read = assembly.finish().unwrap();
    assert_eq!(read.hash(), state.hash());
    assert_eq!(read, state);
    let (_, described) = read.queues().find(|(key, _)| **key == queue()).unwrap();
    assert_eq!((described.in_flight, described.delayed), (1, 1));
}
