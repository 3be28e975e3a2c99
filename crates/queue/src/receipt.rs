//! Receipt handles: which delivery of which message a caller holds.
//!
//! The text is base64url without padding of 33 bytes: version 1, queue, message, receive count,
//! token (big-endian), and a CRC32C of all that, so that a mangled handle is told from a stale one.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::ids::{MessageKey, QueueId};

/// Names one delivery of one message. Callers see opaque text and hand it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReceiptHandle {
    /// The life of the queue that gave it out.
    pub queue: QueueId,
    /// The message.
    pub message: MessageKey,
    /// Which delivery: the receive count then.
    pub receive_count: u32,
    /// From the nonce of the batch, so that a handle can't be guessed.
    pub token: u64,
}

/// The text is not a receipt handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt handle")]
pub struct InvalidReceiptHandle;

const VERSION: u8 = 1;
const LENGTH: usize = 1 + 8 + 8 + 4 + 8 + CHECKSUM_LENGTH;
const CHECKSUM_LENGTH: usize = 4;

impl fmt::Display for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend(self.queue.0.to_be_bytes());
        bytes.extend(self.message.0.to_be_bytes());
        bytes.extend(self.receive_count.to_be_bytes());
        bytes.extend(self.token.to_be_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for ReceiptHandle {
    type Err = InvalidReceiptHandle;

    fn from_str(text: &str) -> Result<Self, InvalidReceiptHandle> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| InvalidReceiptHandle)?;
        if bytes.len() != LENGTH {
            return Err(InvalidReceiptHandle);
        }
        let (mut body, checksum) = bytes.split_at(LENGTH - CHECKSUM_LENGTH);
        if checksum != crc32c::crc32c(body).to_be_bytes() || body[0] != VERSION {
            return Err(InvalidReceiptHandle);
        }
        body = &body[1..];
        Ok(ReceiptHandle {
            queue: QueueId(u64::from_be_bytes(take(&mut body)?)),
            message: MessageKey(u64::from_be_bytes(take(&mut body)?)),
            receive_count: u32::from_be_bytes(take(&mut body)?),
            token: u64::from_be_bytes(take(&mut body)?),
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], InvalidReceiptHandle> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(InvalidReceiptHandle)?;
    *bytes = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HANDLE: ReceiptHandle = ReceiptHandle {
        queue: QueueId(1),
        message: MessageKey(0x0203),
        receive_count: 4,
        token: 0x0506_0708_090a_0b0c,
    };

    #[test]
    fn the_text_of_a_handle_never_changes() {
        assert_eq!(
            HANDLE.to_string(),
            "AQAAAAAAAAABAAAAAAAAAgMAAAAEBQYHCAkKCwxw_tGw"
        );
    }

    #[test]
    fn a_handle_with_any_changed_character_is_not_one() {
        let text = HANDLE.to_string();
        for at in 0..text.len() {
            let mut mangled = text.clone().into_bytes();
            mangled[at] = if mangled[at] == b'A' { b'B' } else { b'A' };
            let mangled = String::from_utf8(mangled).unwrap();
            assert_eq!(mangled.parse::<ReceiptHandle>(), Err(InvalidReceiptHandle));
        }
    }

    proptest! {
        #[test]
        fn a_handle_survives_being_text(queue: u64, message: u64, receive_count: u32, token: u64) {
            let handle = ReceiptHandle {
                queue: QueueId(queue),
                message: MessageKey(message),
                receive_count,
                token,
            };
            prop_assert_eq!(handle.to_string().parse(), Ok(handle));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = text.parse::<ReceiptHandle>();
        }
    }
}
