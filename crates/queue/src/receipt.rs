//! Receipt handles: which delivery of which message a caller holds.

use std::fmt;
use std::str::FromStr;

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

impl fmt::Display for ReceiptHandle {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl FromStr for ReceiptHandle {
    type Err = InvalidReceiptHandle;

    fn from_str(_text: &str) -> Result<Self, InvalidReceiptHandle> {
        todo!()
    }
}
