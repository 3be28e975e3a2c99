//! The names of things: queues, messages, requests.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a caller calls a queue: account, region and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueueKey {
    /// Twelve digits.
    pub account: String,
    /// For example `us-east-1`.
    pub region: String,
    /// 1 to 80 letters, digits, hyphens and underscores; may end in `.fifo`.
    pub name: String,
}

impl QueueKey {
    /// The Amazon Resource Name of the queue.
    pub fn arn(&self) -> String {
        format!("arn:aws:sqs:{}:{}:{}", self.region, self.account, self.name)
    }

    /// The queue that an Amazon Resource Name names. It need not exist.
    pub fn of_arn(arn: &str) -> Option<QueueKey> {
        let mut parts = arn.strip_prefix("arn:aws:sqs:")?.split(':');
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let key = QueueKey {
            region: part()?.to_owned(),
            account: part()?.to_owned(),
            name: part()?.to_owned(),
        };
        parts.next().is_none().then_some(key)
    }

    /// Whether it is the name of a FIFO queue: the name decides, and never changes.
    pub fn is_fifo(&self) -> bool {
        self.name.strip_suffix(".fifo").is_some()
    }
}

/// One life of a queue, from its creation to its deletion. A queue that is created again under
/// the same name has another id, so that old receipt handles mean nothing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueueId(pub u64);

/// One message move task, in the order in which they were started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MoveTaskId(pub u64);

/// A message, in the order of arrival in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageKey(pub u64);

/// What callers see as `MessageId`: printed as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(pub u128);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let groups = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        f.write_str(&groups.join("-"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One life of a router: it numbers its requests and says which ones it has finished with. Raft's
/// dissertation calls this a client session (section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// Names one request for ever, so that a retry of it is recognised and never counts twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// The router that numbers it.
    pub session: SessionId,
    /// Counts up from 1 in the session.
    pub sequence: u64,
}
