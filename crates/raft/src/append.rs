//! How an append travels: the request without its payloads, then the payloads, which are neither
//! copied into it by the sender nor out of it by the receiver.
//!
//! ```text
//! length of the head | head | payload | payload | ...
//! ```

use bytes::Bytes;
use openraft::EntryPayload;
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::entry;
use crate::types::{AppendRequest, LogEntry, LogId, Membership, Payload, Vote};

const LENGTH_BYTES: usize = 4;

/// The bytes are no append.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    /// The head cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What follows the head is not as long as it says.
    #[error("an append is not as long as it says")]
    Length,
}

/// An [`AppendRequest`] without the payloads of its entries.
#[derive(Serialize, Deserialize)]
struct Head {
    vote: Vote,
    previous: Option<LogId>,
    committed: Option<LogId>,
    entries: Vec<EntryHead>,
}

#[derive(Serialize, Deserialize)]
struct EntryHead {
    log_id: LogId,
    payload: PayloadHead,
}

/// Grows at the end only.
#[derive(Serialize, Deserialize)]
enum PayloadHead {
    Blank,
    /// Of so many bytes.
    Batch(u32),
    Membership(Membership),
}

/// The message in parts.
pub(crate) fn encode(request: AppendRequest) -> Vec<Bytes> {
    let mut parts = vec![Bytes::new()];
    let entries = request.entries.into_iter().map(|entry| EntryHead {
        log_id: entry.log_id,
        payload: match entry.payload {
            EntryPayload::Blank => PayloadHead::Blank,
            EntryPayload::Normal(Payload(payload)) => {
                let length = entry::length_of(&payload);
                parts.push(payload);
                PayloadHead::Batch(length)
            }
            EntryPayload::Membership(membership) => PayloadHead::Membership(membership),
        },
    });
    let head = Head {
        vote: request.vote,
        previous: request.prev_log_id,
        committed: request.leader_commit,
        entries: entries.collect(),
    };
    let mut bytes = vec![0; LENGTH_BYTES];
    codec::encode_into(&head, &mut bytes);
    let length = entry::length_of(&bytes[LENGTH_BYTES..]);
    bytes[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    parts[0] = bytes.into();
    parts
}

/// The request. Its payloads are parts of `message`.
pub(crate) fn decode(message: &Bytes) -> Result<AppendRequest, AppendError> {
    let (length, rest) = message
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or(AppendError::Length)?;
    let (head, payloads) = rest
        .split_at_checked(u32::from_le_bytes(*length) as usize)
        .ok_or(AppendError::Length)?;
    let head: Head = codec::decode(head)?;
    let mut payloads = message.slice_ref(payloads);
    let mut entries = Vec::with_capacity(head.entries.len());
    for entry in head.entries {
        let payload = match entry.payload {
            PayloadHead::Blank => EntryPayload::Blank,
            PayloadHead::Batch(length) => {
                let length = length as usize;
                if length > payloads.len() {
                    return Err(AppendError::Length);
                }
                EntryPayload::Normal(Payload(payloads.split_to(length)))
            }
            PayloadHead::Membership(membership) => EntryPayload::Membership(membership),
        };
        entries.push(LogEntry {
            log_id: entry.log_id,
            payload,
        });
    }
    if !payloads.is_empty() {
        return Err(AppendError::Length);
    }
    Ok(AppendRequest {
        vote: head.vote,
        prev_log_id: head.previous,
        entries,
        leader_commit: head.committed,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn request() -> AppendRequest {
        let payload =
            |bytes: &'static [u8]| EntryPayload::Normal(Payload(Bytes::from_static(bytes)));
        let members = Membership::new_with_defaults(vec![BTreeSet::from([1, 2])], [1, 2]);
        let payloads = [
            EntryPayload::Blank,
            payload(b"first"),
            EntryPayload::Membership(members),
            payload(b"second"),
        ];
        let entries = (6..).zip(payloads).map(|(index, payload)| LogEntry {
            log_id: LogId::new_term_index(3, index),
            payload,
        });
        AppendRequest {
            vote: Vote::new_committed(3, 1),
            prev_log_id: Some(LogId::new_term_index(2, 5)),
            entries: entries.collect(),
            leader_commit: Some(LogId::new_term_index(2, 4)),
        }
    }

    #[test]
    fn an_append_is_read_as_it_was_written() {
        let message = Bytes::from(encode(request()).concat());
        let read = decode(&message).unwrap();
        let sent = request();
        assert_eq!(read.vote, sent.vote);
        assert_eq!(read.prev_log_id, sent.prev_log_id);
        assert_eq!(read.leader_commit, sent.leader_commit);
        assert_eq!(read.entries, sent.entries);
    }

    #[test]
    fn payloads_are_parts_of_the_message() {
        let message = Bytes::from(encode(request()).concat());
        let read = decode(&message).unwrap();
        let EntryPayload::Normal(Payload(last)) = &read.entries[3].payload else {
            panic!("{:?}", read.entries[3]);
        };
        assert!(message.as_ptr_range().contains(&last.as_ptr()));
    }

    #[test]
    fn an_append_that_is_too_short_or_too_long_is_refused() {
        let message = Bytes::from(encode(request()).concat());
        for length in 0..message.len() {
            assert!(decode(&message.slice(..length)).is_err(), "{length}");
        }
        let long = Bytes::from([message.as_ref(), b"x"].concat());
        assert!(matches!(decode(&long), Err(AppendError::Length)));
    }

    #[test]
    fn the_bytes_of_an_append_stay_as_they_are() {
        let head = [
            32, 0, 0, 0, // The length of what follows before the payloads.
            3, 1, 1, 1, // Of the leader of term 3: node 1, committed.
            1, 2, 5, 1, 2, 4, // Behind 2-5; 2-4 is committed.
            4, // Entries:
            3, 6, 0, 3, 7, 1, 5, 3, 8, 2, 1, 2, 1, 2, 2, 1, 2, 3, 9, 1, 6,
        ];
        let payloads = b"firstsecond";
        assert_eq!(encode(request()).concat(), [&head[..], payloads].concat());
    }
}
