//! Message move tasks: the way back out of a dead-letter queue.

use serde::{Deserialize, Serialize};

use crate::ids::{MoveTaskId, QueueKey};
use crate::time::Millis;

/// A task that moves the messages of a dead-letter queue, or has done so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MoveTask {
    /// Its number among all tasks.
    pub id: MoveTaskId,
    /// Where to; where absent, each message goes to the queue from which it came.
    pub destination: Option<QueueKey>,
    /// The limit that its starter set.
    pub max_per_second: Option<u16>,
    /// How it stands.
    pub status: MoveTaskStatus,
    /// Messages moved so far.
    pub moved: u64,
    /// Messages that were there when it began.
    pub to_move: u64,
    /// When it began.
    pub started_at: Millis,
}

/// How a move task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MoveTaskStatus {
    /// Messages are being moved.
    Running,
    /// No message is left that can be moved.
    Completed,
    /// Somebody ended it.
    Cancelled,
    /// It could not go on.
    Failed(MoveFailure),
}

/// Why a move task could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MoveFailure {
    /// A message came to the dead-letter queue by itself: there is no queue to bring it back to.
    CouldNotDetermineMessageSource,
    /// The queue to which a message should go is gone.
    DestinationQueueDoesNotExist,
}
