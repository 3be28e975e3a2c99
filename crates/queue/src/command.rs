//! What can be asked of the replicated state, and what it answers.
//!
//! Commands travel in Raft entries and lie in logs and snapshots: these enums only grow at the end,
//! because the codec writes the position of a variant (golden-byte tests in `crates/raft`).

use serde::{Deserialize, Serialize};

use crate::attributes::{AttributeChanges, QueueDescription, Tags};
pub use crate::command_error::CommandError;
use crate::discarded::Discarded;
use crate::ids::{MoveTaskId, QueueKey, RequestId};
use crate::message::{Content, ContentPlace, NewMessage, ReceivedMessage, SentMessage};
use crate::move_task::MoveTask;
use crate::receipt::ReceiptHandle;
use crate::time::{Millis, Seconds};

/// What one Raft entry holds: many requests under one stamp of the leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The leader's clock when it proposed the entry.
    pub stamp: Millis,
    /// Random bits for ids that nobody can guess; chosen by the leader, the same on all replicas.
    pub nonce: u128,
    /// In the order in which they take effect.
    pub requests: Vec<Request>,
}

/// A command with the name that makes its retries harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The same for every retry.
    pub id: RequestId,
    /// The router that named it has finished with every request of its session below this
    /// sequence: their replies can be forgotten, and late copies of them are not executed.
    pub finished_below: u64,
    /// What to do.
    pub command: Command,
}

/// Everything that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Creates a queue, or finds the one that has the same name and does not contradict.
    CreateQueue {
        /// Its name.
        queue: QueueKey,
        /// Settings other than the defaults.
        attributes: Box<AttributeChanges>,
        /// Its tags.
        tags: Tags,
        /// Whether a name is free only 60 seconds after its queue was deleted.
        cooldown: Cooldown,
    },
    /// Removes a queue and all it holds.
    DeleteQueue {
        /// Its name.
        queue: QueueKey,
    },
    /// Asks whether a queue exists.
    GetQueueUrl {
        /// Its name.
        queue: QueueKey,
    },
    /// Names of queues in order, one page.
    ListQueues {
        /// Whose queues.
        account: String,
        /// In which region.
        region: String,
        /// Only names that begin with this.
        prefix: String,
        /// Only names after this one.
        after: Option<String>,
        /// At most this many, at least 1.
        limit: u16,
    },
    /// Tells settings and counts.
    GetQueueAttributes {
        /// Of which queue.
        queue: QueueKey,
    },
    /// Changes settings.
    SetQueueAttributes {
        /// Of which queue.
        queue: QueueKey,
        /// The ones to change.
        changes: Box<AttributeChanges>,
    },
    /// Removes all messages. In FIFO queues, deduplication ids are forgotten, too.
    PurgeQueue {
        /// Of which queue.
        queue: QueueKey,
        /// Whether a queue can be purged only 60 seconds after its last purge.
        cooldown: Cooldown,
    },
    /// Adds messages; each is accepted or refused by itself.
    SendMessages {
        /// To which queue.
        queue: QueueKey,
        /// At most ten.
        messages: Vec<NewMessage>,
    },
    /// Hides up to so many visible messages and returns them.
    ReceiveMessages {
        /// From which queue.
        queue: QueueKey,
        /// 1 to 10.
        max_messages: u8,
        /// How long they stay hidden; the queue's own time-out where absent.
        visibility_timeout: Option<Seconds>,
        /// How long the caller is ready to wait; the queue's own wait time where absent. The
        /// waiting is done before the command is proposed; here it only tells a long poll (above
        /// zero) from a short one, which is refused with too many messages in flight.
        wait_time: Option<Seconds>,
        /// FIFO queues: ReceiveRequestAttemptId. The same messages again for the same id.
        attempt: Option<String>,
    },
    /// Removes messages for good; each handle is judged by itself.
    DeleteMessages {
        /// From which queue.
        queue: QueueKey,
        /// At most ten.
        handles: Vec<ReceiptHandle>,
    },
    /// Hides messages for another span from now on; each is judged by itself.
    ChangeMessageVisibilities {
        /// In which queue.
        queue: QueueKey,
        /// At most ten.
        changes: Vec<(ReceiptHandle, Seconds)>,
    },
    /// Moves the clock of the replicated state forward, for tests of long spans.
    AdvanceClock {
        /// By so many milliseconds.
        millis: u64,
    },
    /// Adds tags, or gives them other values.
    TagQueue {
        /// Of which queue.
        queue: QueueKey,
        /// By key.
        tags: Tags,
    },
    /// Removes tags; those that are not there are no error.
    UntagQueue {
        /// Of which queue.
        queue: QueueKey,
        /// Their keys.
        keys: Vec<String>,
    },
    /// Tells the tags.
    ListQueueTags {
        /// Of which queue.
        queue: QueueKey,
    },
    /// Adds a statement to the access policy.
    AddPermission {
        /// Of which queue.
        queue: QueueKey,
        /// Names the statement.
        label: String,
        /// Who may.
        accounts: Vec<String>,
        /// May what: names of operations, or `*`.
        actions: Vec<String>,
    },
    /// Removes a statement from the access policy.
    RemovePermission {
        /// Of which queue.
        queue: QueueKey,
        /// Names the statement.
        label: String,
    },
    /// Tells which queues send their dead letters to a queue, in order, one page.
    ListDeadLetterSourceQueues {
        /// The dead-letter queue.
        queue: QueueKey,
        /// Only sources after this one.
        after: Option<QueueKey>,
        /// At most this many, at least 1.
        limit: u16,
    },
    /// Begins to move the messages of a dead-letter queue, back or elsewhere.
    StartMessageMoveTask {
        /// The dead-letter queue.
        source: QueueKey,
        /// Where to; where absent, each message goes to the queue from which it came.
        destination: Option<QueueKey>,
        /// 1 to 500; as fast as zonemq moves them where absent.
        max_per_second: Option<u16>,
    },
    /// Tells the latest move tasks of a dead-letter queue, the latest first.
    ListMessageMoveTasks {
        /// The dead-letter queue.
        source: QueueKey,
        /// At most this many, 1 to 10.
        limit: u8,
    },
    /// Ends a move task; what was moved stays moved.
    CancelMessageMoveTask {
        /// The dead-letter queue.
        source: QueueKey,
        /// Its task.
        task: MoveTaskId,
    },
    /// Moves the next messages of a running task, as many as its rate allows by now. The leader
    /// proposes it again and again while there are such tasks; no caller can.
    MoveMessages {
        /// The dead-letter queue.
        source: QueueKey,
        /// Its task.
        task: MoveTaskId,
    },
}

/// Whether AWS's waiting times of 60 seconds hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cooldown {
    /// No: for tests, which have no minute to wait.
    #[default]
    Off,
    /// As AWS has it.
    Minute,
}

impl Command {
    /// Whether the state may be another one afterwards, so that doing it twice may matter.
    pub fn changes_state(&self) -> bool {
        match self {
            Command::GetQueueUrl { .. }
            | Command::ListQueues { .. }
            | Command::GetQueueAttributes { .. }
            | Command::ListQueueTags { .. }
            | Command::ListDeadLetterSourceQueues { .. }
            | Command::ListMessageMoveTasks { .. } => false,
            Command::CreateQueue { .. }
            | Command::DeleteQueue { .. }
            | Command::SetQueueAttributes { .. }
            | Command::PurgeQueue { .. }
            | Command::SendMessages { .. }
            | Command::ReceiveMessages { .. }
            | Command::DeleteMessages { .. }
            | Command::ChangeMessageVisibilities { .. }
            | Command::AdvanceClock { .. }
            | Command::TagQueue { .. }
            | Command::UntagQueue { .. }
            | Command::AddPermission { .. }
            | Command::RemovePermission { .. }
            | Command::StartMessageMoveTask { .. }
            | Command::CancelMessageMoveTask { .. }
            | Command::MoveMessages { .. } => true,
        }
    }
}

/// The answer to a [`Command`]. The state answers with places of contents; whoever has the log
/// makes contents of them.
pub type Reply<C = Content> = Result<Outcome<C>, CommandError>;

/// A command that was carried out. What is large and rare is boxed, here and in commands: all the
/// others are moved about as if they were as large.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome<C = Content> {
    /// CreateQueue, GetQueueUrl: the queue exists.
    Exists,
    /// DeleteQueue, SetQueueAttributes, PurgeQueue, TagQueue, UntagQueue, AddPermission,
    /// RemovePermission.
    Done,
    /// ListQueues: names, and whether there are more.
    Queues {
        /// In order.
        names: Vec<String>,
        /// Names after the last of these exist.
        more: bool,
    },
    /// GetQueueAttributes.
    Described(Box<QueueDescription>),
    /// SendMessages, in the order of the request.
    Sent(Vec<Result<SentMessage, CommandError>>),
    /// ReceiveMessages; empty when nothing is visible.
    Received(Vec<ReceivedMessage<C>>),
    /// DeleteMessages and ChangeMessageVisibilities, in the order of the request.
    Each(Vec<Result<(), CommandError>>),
    /// AdvanceClock: the clock as it now stands.
    ClockAdvanced(Millis),
    /// ListQueueTags.
    Tags(Tags),
    /// ListDeadLetterSourceQueues: queues, and whether there are more.
    DeadLetterSourceQueues {
        /// In order.
        queues: Vec<QueueKey>,
        /// Queues after the last of these exist.
        more: bool,
    },
    /// StartMessageMoveTask.
    MoveTaskStarted(MoveTaskId),
    /// ListMessageMoveTasks: the latest first.
    MoveTasks(Vec<MoveTask>),
    /// CancelMessageMoveTask: so many messages had been moved.
    MoveTaskCancelled {
        /// How many.
        moved: u64,
    },
    /// MoveMessages: so many were moved this time.
    MessagesMoved {
        /// How many.
        count: u64,
    },
}

impl Outcome<ContentPlace> {
    /// Where the contents lie that this outcome is about, in order.
    pub fn content_places(&self) -> Vec<ContentPlace> {
        match self {
            Outcome::Received(messages) => messages.iter().map(|message| message.content).collect(),
            Outcome::Exists
            | Outcome::Done
            | Outcome::Queues { .. }
            | Outcome::Described(_)
            | Outcome::Sent(_)
            | Outcome::Each(_)
            | Outcome::ClockAdvanced(_)
            | Outcome::Tags(_)
            | Outcome::DeadLetterSourceQueues { .. }
            | Outcome::MoveTaskStarted(_)
            | Outcome::MoveTasks(_)
            | Outcome::MoveTaskCancelled { .. }
            | Outcome::MessagesMoved { .. } => Vec::new(),
        }
    }

    /// The outcome with what was read at its [places](Self::content_places), in their order. A
    /// message whose content is gone was deleted meanwhile, and is left out.
    #[must_use]
    pub fn with_contents(self, contents: Vec<Option<Content>>) -> Outcome<Content> {
        assert_eq!(
            contents.len(),
            self.content_places().len(),
            "one content for each place"
        );
        match self {
            Outcome::Received(messages) => Outcome::Received(
                messages
                    .into_iter()
                    .zip(contents)
                    .filter_map(|(message, content)| Some(message.with_content(content?)))
                    .collect(),
            ),
            Outcome::Exists => Outcome::Exists,
            Outcome::Done => Outcome::Done,
            Outcome::Queues { names, more } => Outcome::Queues { names, more },
            Outcome::Described(description) => Outcome::Described(description),
            Outcome::Sent(each) => Outcome::Sent(each),
            Outcome::Each(each) => Outcome::Each(each),
            Outcome::ClockAdvanced(now) => Outcome::ClockAdvanced(now),
            Outcome::Tags(tags) => Outcome::Tags(tags),
            Outcome::DeadLetterSourceQueues { queues, more } => {
                Outcome::DeadLetterSourceQueues { queues, more }
            }
            Outcome::MoveTaskStarted(task) => Outcome::MoveTaskStarted(task),
            Outcome::MoveTasks(tasks) => Outcome::MoveTasks(tasks),
            Outcome::MoveTaskCancelled { moved } => Outcome::MoveTaskCancelled { moved },
            Outcome::MessagesMoved { count } => Outcome::MessagesMoved { count },
        }
    }
}

/// What the node's waiting receivers want to know of an applied batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This many messages of the queue became visible.
    Visible {
        /// In which queue.
        queue: QueueKey,
        /// How many.
        count: u64,
    },
    /// A message will become visible at this moment, which may be earlier than what was known.
    VisibleAt {
        /// In which queue.
        queue: QueueKey,
        /// On the clock of the leader's stamps (see [`crate::state::State::readiness`]).
        stamp: Millis,
    },
    /// The queue is gone: waiting for it is over.
    QueueDeleted {
        /// Which one.
        queue: QueueKey,
    },
    /// The clock was advanced: every queue may have visible messages now.
    ClockAdvanced,
}

/// What came of applying one [`Batch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// One for each request, in order.
    pub replies: Vec<Reply<ContentPlace>>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// What no queue holds any more, to be freed.
    pub discarded: Discarded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_about_for_each_request_is_small() {
        assert!(size_of::<Request>() <= 192);
        assert!(size_of::<Reply<ContentPlace>>() <= 32);
    }
}
