//! Why the state machine refuses a command. It grows at the end only, like the commands.

use serde::{Deserialize, Serialize};

/// Why a command was refused. Refused commands change nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum CommandError {
    /// There is no queue of this name.
    #[error("the queue does not exist")]
    QueueDoesNotExist,
    /// CreateQueue: a queue of this name has another value for an attribute.
    #[error("a queue of this name exists with another value for {attribute}")]
    QueueNameExists {
        /// SQS's name of the first attribute that differs.
        attribute: String,
    },
    /// The handle was never given out by this queue.
    #[error("the receipt handle is not valid")]
    ReceiptHandleIsInvalid,
    /// ChangeMessageVisibility: the message is gone.
    #[error("the message does not exist or is not available for visibility timeout change")]
    MessageDoesNotExist,
    /// ChangeMessageVisibility: the message is visible (again).
    #[error("the message is not in flight")]
    MessageNotInflight,
    /// ChangeMessageVisibility: more than 12 hours since the message was received.
    #[error("the total visibility timeout is beyond the limit of 43200 seconds")]
    VisibilityBeyondLimit,
    /// A short poll while too many messages are in flight.
    #[error("too many messages are in flight")]
    OverLimit,
    /// SendMessages: larger than the queue allows.
    #[error("the message is longer than {limit} bytes")]
    MessageTooLong {
        /// The queue's MaximumMessageSize.
        limit: u32,
    },
    /// The router had already given this request up; it was not executed.
    #[error("the request was given up by its router before it was executed")]
    RequestAbandoned,
    /// CreateQueue: the queue of this name was deleted less than 60 seconds ago.
    #[error("a queue of this name was deleted less than 60 seconds ago")]
    QueueDeletedRecently,
    /// PurgeQueue: the queue was purged less than 60 seconds ago.
    #[error("the queue was purged less than 60 seconds ago")]
    PurgeQueueInProgress,
    /// SendMessages: a FIFO queue needs a deduplication id, or to make one from the body.
    #[error("the message has no deduplication id, and the queue does not make one")]
    DeduplicationIdMissing,
    /// DeleteMessages: in a FIFO queue, the visibility time-out of this delivery has ended.
    #[error("the receipt handle has expired")]
    ReceiptHandleHasExpired,
    /// CreateQueue, SetQueueAttributes: FifoThroughputLimit `perMessageGroupId` goes only with
    /// DeduplicationScope `messageGroup`.
    #[error("a throughput limit for each message group needs deduplication in each group")]
    ThroughputLimitNeedsGroupScope,
    /// CreateQueue, SetQueueAttributes: the RedrivePolicy names no queue that exists.
    #[error("the dead-letter queue does not exist")]
    DeadLetterQueueDoesNotExist,
    /// CreateQueue, SetQueueAttributes: one queue is FIFO and the other is not.
    #[error("the dead-letter queue is of another type than its source")]
    DeadLetterQueueOfOtherType,
    /// CreateQueue, SetQueueAttributes: the RedriveAllowPolicy of the dead-letter queue is
    /// against it.
    #[error("the dead-letter queue does not allow this source")]
    DeadLetterQueueNotAllowed,
    /// TagQueue: more than 50 tags.
    #[error("a queue can have at most 50 tags")]
    TooManyTags,
    /// AddPermission: the policy has a statement of this label.
    #[error("the policy has a statement of this label already")]
    PermissionExists,
    /// RemovePermission: it has none.
    #[error("the policy has no statement of this label")]
    PermissionDoesNotExist,
    /// AddPermission: the policy has 20 statements.
    #[error("the policy has as many statements as it can have")]
    TooManyPermissions,
    /// Move tasks: there is no such source queue.
    #[error("the source queue does not exist")]
    MoveSourceDoesNotExist,
    /// StartMessageMoveTask: there is no such destination queue.
    #[error("the destination queue does not exist")]
    MoveDestinationDoesNotExist,
    /// StartMessageMoveTask: no queue uses the source as its dead-letter queue.
    #[error("the source queue is not a dead-letter queue")]
    MoveSourceIsNotDeadLetterQueue,
    /// StartMessageMoveTask: one queue is FIFO and the other is not.
    #[error("the destination queue is of another type than the source queue")]
    MoveDestinationOfOtherType,
    /// StartMessageMoveTask: the source has a task that is running.
    #[error("a task is already moving messages from this queue")]
    MoveTaskIsRunning,
    /// CancelMessageMoveTask: there is no such task, or it has ended.
    #[error("there is no such task that is running")]
    MoveTaskDoesNotExist,
    /// SendMessages: the disk of the leader is nearly full. Decided by the leader alone, and never
    /// in the log.
    #[error("the disk is full")]
    StorageFull,
}
