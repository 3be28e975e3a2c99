//! How an entry lies in the log, and the contents of messages in it.
//!
//! ```text
//! entry:    0 | nothing                          blank
//!           1 | length of the head | head | content | content | ...       a batch of commands
//!           2 | membership
//! content:  encoded content | its CRC32C
//! ```
//!
//! The head is the batch without the contents of its messages. A content stays where it is as long
//! as its message lives, and is read from there when the message is received: so it has a checksum
//! of its own, and its place is the same on every replica.

mod summary;

use bytes::Bytes;
use openraft::EntryPayload;
use serde::{Deserialize, Serialize};
use zonemq_queue::command::{Batch, Command, Request};
use zonemq_queue::ids::{QueueKey, RequestId};
use zonemq_queue::message::{Content, ContentPlace, MessageAttributes, NewMessage};
use zonemq_queue::time::{Millis, Seconds};
use zonemq_wal::{GroupId, PartPlace, ReadError, Record};

use crate::codec::{self, DecodeError};
use crate::types::{LogEntry, LogId, Payload};

pub use summary::{SeenCommands, SeenEntry, SeenKind};

const BLANK: u8 = 0;
const BATCH: u8 = 1;
const MEMBERSHIP: u8 = 2;
/// Kind and length of the head.
const HEAD_START: usize = 5;
const CHECKSUM_BYTES: usize = 4;
/// Of a content beside what SQS counts: lengths, the sender's account, the checksum. A guess.
const OTHER_CONTENT_BYTES: usize = 48;
/// Of a batch and of each request in the head, beside names. A guess, too.
const REQUEST_HEAD_BYTES: usize = 64;
/// Of a message in the head, beside its group. A guess, too.
const MESSAGE_HEAD_BYTES: usize = 16;

/// The bytes are no entry of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    /// A part of it cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It ends too early.
    #[error("an entry is shorter than it says")]
    Short,
    /// A checksum does not match.
    #[error("the content of a message is damaged")]
    Checksum,
    /// Nobody writes this.
    #[error("there are no entries of kind {0}")]
    Kind(u8),
}

/// The entry as a record of the log.
pub(crate) fn to_record(group: GroupId, entry: &LogEntry) -> Record {
    let payload = match &entry.payload {
        EntryPayload::Blank => Bytes::from_static(&[BLANK]),
        EntryPayload::Normal(payload) => payload.0.clone(),
        EntryPayload::Membership(membership) => {
            let mut bytes = vec![MEMBERSHIP];
            bytes.extend(codec::encode(membership));
            bytes.into()
        }
    };
    Record::Entry {
        group,
        term: entry.log_id.leader_id.term,
        index: entry.log_id.index,
        payload,
    }
}

/// The reverse of [`to_record`].
pub(crate) fn from_record(term: u64, index: u64, payload: Bytes) -> Result<LogEntry, EntryError> {
    let payload = match payload.split_first() {
        None => return Err(EntryError::Short),
        Some((&BLANK, _)) => EntryPayload::Blank,
        Some((&BATCH, _)) => EntryPayload::Normal(Payload(payload)),
        Some((&MEMBERSHIP, rest)) => EntryPayload::Membership(codec::decode(rest)?),
        Some((&kind, _)) => return Err(EntryError::Kind(kind)),
    };
    Ok(LogEntry {
        log_id: LogId::new_term_index(term, index),
        payload,
    })
}

/// A [`Batch`] without the contents of its messages.
#[derive(Serialize, Deserialize)]
struct BatchHead {
    stamp: Millis,
    nonce: u128,
    requests: Vec<RequestHead>,
}

/// How a [`BatchHead`] begins.
#[derive(Deserialize)]
struct BatchStart {
    _stamp: Millis,
    _nonce: u128,
    requests_count: u64,
}

#[derive(Serialize, Deserialize)]
struct RequestHead {
    id: RequestId,
    finished_below: u64,
    command: CommandHead,
}

/// Grows at the end only.
#[derive(Serialize, Deserialize)]
enum CommandHead {
    SendMessages {
        queue: QueueKey,
        messages: Vec<MessageHead>,
    },
    Other(Command),
}

#[derive(Serialize, Deserialize)]
struct MessageHead {
    delay: Option<Seconds>,
    message_group: Option<String>,
    /// Of the content and its checksum.
    content_bytes: u32,
}

/// Encodes a batch as the payload of an entry.
pub(crate) fn encode_batch(batch: Batch) -> Payload {
    // The head tells what the contents take, so it is known last; room for it is left before them.
    let room = room_for_head(&batch);
    let mut payload = Vec::with_capacity(room + contents_bytes(&batch));
    payload.resize(room, 0);
    let requests = batch.requests.into_iter().map(|request| RequestHead {
        id: request.id,
        finished_below: request.finished_below,
        command: match request.command {
            Command::SendMessages { queue, messages } => CommandHead::SendMessages {
                queue,
                messages: messages
                    .into_iter()
                    .map(|message| MessageHead {
                        delay: message.delay,
                        message_group: message.message_group,
                        content_bytes: put_content(&message.content, &mut payload),
                    })
                    .collect(),
            },
            other => CommandHead::Other(other),
        },
    });
    let head = codec::encode(&BatchHead {
        stamp: batch.stamp,
        nonce: batch.nonce,
        requests: requests.collect(),
    });
    let start = [&[BATCH][..], &length_of(&head).to_le_bytes(), &head].concat();
    let unused = room.saturating_sub(start.len());
    // Where the room is too small, this makes it larger.
    payload.splice(unused..room, start);
    Payload(Bytes::from(payload).slice(unused..))
}

/// About what the head takes, so that the contents need not be moved for it.
fn room_for_head(batch: &Batch) -> usize {
    let requests = batch.requests.iter().map(|request| match &request.command {
        Command::SendMessages { queue, messages } => {
            let names = queue.account.len() + queue.region.len() + queue.name.len();
            let groups = messages
                .iter()
                .filter_map(|message| message.message_group.as_ref());
            let groups: usize = groups.map(String::len).sum();
            names + MESSAGE_HEAD_BYTES * messages.len() + groups
        }
        _ => 0,
    });
    REQUEST_HEAD_BYTES * (1 + batch.requests.len()) + requests.sum::<usize>()
}

/// A length within an entry, or within a message that carries entries.
pub(crate) fn length_of(bytes: &[u8]) -> u32 {
    // The limits of a batch lie far below.
    u32::try_from(bytes.len()).expect("an entry is below 4 GiB")
}

/// About what the contents take, so that they are put down without being moved.
fn contents_bytes(batch: &Batch) -> usize {
    let contents = batch.requests.iter().map(|request| match &request.command {
        Command::SendMessages { messages, .. } => messages
            .iter()
            .map(|message| message.content.size_bytes() + OTHER_CONTENT_BYTES)
            .sum(),
        _ => 0,
    });
    contents.sum()
}

fn put_content(content: &Content, into: &mut Vec<u8>) -> u32 {
    let start = into.len();
    codec::encode_into(content, into);
    let checksum = crc32c::crc32c(&into[start..]);
    into.extend(checksum.to_le_bytes());
    length_of(&into[start..])
}

/// The bytes of the head of a batch, and where the contents begin.
fn head_of(bytes: &[u8]) -> Result<(&[u8], usize), EntryError> {
    let (&[kind, ref length @ ..], _) = bytes
        .split_first_chunk::<HEAD_START>()
        .ok_or(EntryError::Short)?;
    if kind != BATCH {
        return Err(EntryError::Kind(kind));
    }
    let end = (u32::from_le_bytes(*length) as usize)
        .checked_add(HEAD_START)
        .ok_or(EntryError::Short)?;
    let head = bytes.get(HEAD_START..end).ok_or(EntryError::Short)?;
    Ok((head, end))
}

/// The head of a batch, and where the contents begin.
fn decode_head(payload: &Payload) -> Result<(BatchHead, usize), EntryError> {
    let (head, end) = head_of(&payload.0)?;
    Ok((codec::decode(head)?, end))
}

/// Whether these entries are one, with one request: whoever asked was alone.
pub(crate) fn are_one_request(entries: &[LogEntry]) -> bool {
    let [entry] = entries else {
        return false;
    };
    match &entry.payload {
        EntryPayload::Normal(payload) => head_of(&payload.0)
            .and_then(|(head, _)| Ok(codec::decode_start::<BatchStart>(head)?))
            .is_ok_and(|start| start.requests_count == 1),
        EntryPayload::Blank | EntryPayload::Membership(_) => false,
    }
}

/// The batch of an entry, and the places of the contents in it.
pub(crate) fn decode_batch(
    payload: &Payload,
    index: u64,
) -> Result<(Batch, Vec<ContentPlace>), EntryError> {
    let (head, mut offset) = decode_head(payload)?;
    let mut places = Vec::new();
    let mut content = |message: MessageHead| -> Result<NewMessage, EntryError> {
        let place = ContentPlace {
            index,
            // An entry is below 4 GiB.
            offset: u32::try_from(offset).map_err(|_| EntryError::Short)?,
            length: message.content_bytes,
        };
        offset += message.content_bytes as usize;
        let content = slice(payload, place).ok_or(EntryError::Short)?;
        places.push(place);
        Ok(NewMessage {
            content: decode_content(&content)?,
            delay: message.delay,
            message_group: message.message_group,
        })
    };
    let mut requests = Vec::with_capacity(head.requests.len());
    for request in head.requests {
        let command = match request.command {
            CommandHead::SendMessages { queue, messages } => {
                // Collected as a `Result`, they would be moved again and again.
                let mut decoded = Vec::with_capacity(messages.len());
                for message in messages {
                    decoded.push(content(message)?);
                }
                Command::SendMessages {
                    queue,
                    messages: decoded,
                }
            }
            CommandHead::Other(command) => command,
        };
        requests.push(Request {
            id: request.id,
            finished_below: request.finished_below,
            command,
        });
    }
    let batch = Batch {
        stamp: head.stamp,
        nonce: head.nonce,
        requests,
    };
    Ok((batch, places))
}

/// A content in an entry that is in memory.
pub(crate) fn slice(payload: &Payload, place: ContentPlace) -> Option<Bytes> {
    let start = place.offset as usize;
    let end = start.checked_add(place.length as usize)?;
    (end <= payload.0.len()).then(|| payload.0.slice(start..end))
}

/// Whether these bytes are a content as it was written.
pub(crate) fn is_content(bytes: &[u8]) -> bool {
    let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
        return false;
    };
    crc32c::crc32c(content) == u32::from_le_bytes(*checksum)
}

/// A content as the disk gave it, or why it is none.
pub(crate) fn whole_content(read: Result<Bytes, ReadError>) -> Result<Bytes, String> {
    match read {
        Ok(bytes) if is_content(&bytes) => Ok(bytes),
        Ok(_) => Err("its checksum does not match".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Where a content is read.
pub(crate) fn part_at(place: ContentPlace) -> PartPlace {
    PartPlace {
        index: place.index,
        offset: place.offset,
        length: place.length,
    }
}

/// Each place once, in the order of the log.
pub(crate) fn in_log_order(places: impl Iterator<Item = ContentPlace>) -> Vec<ContentPlace> {
    let mut places: Vec<ContentPlace> = places.collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// A [`Content`] of which the body still lies where it was read: its fields in their order.
#[derive(Deserialize)]
struct ContentView<'c> {
    #[serde(borrow)]
    body: &'c [u8],
    attributes: MessageAttributes,
    trace_header: Option<String>,
    sender_id: String,
    deduplication_id: Option<String>,
}

/// A content, if it is as it was written. Its body is a part of `bytes` and no copy: whoever keeps
/// it keeps them.
pub(crate) fn decode_content(bytes: &Bytes) -> Result<Content, EntryError> {
    if !is_content(bytes) {
        return Err(EntryError::Checksum);
    }
    let content: ContentView<'_> = codec::decode_borrowed(&bytes[..bytes.len() - CHECKSUM_BYTES])?;
    Ok(Content {
        body: bytes.slice_ref(content.body),
        attributes: content.attributes,
        trace_header: content.trace_header,
        sender_id: content.sender_id,
        deduplication_id: content.deduplication_id,
    })
}
