//! What is written down while clients talk to a queue.

use serde::{Deserialize, Serialize};

/// A line of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds on the one clock of whoever writes the history.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A client begins a call.
    Invoke {
        /// Who.
        client: String,
        /// Names the call in the whole history.
        call: u64,
        /// What it asks for.
        operation: Operation,
    },
    /// The call was answered with 200.
    Ok {
        /// Which call.
        call: u64,
        /// What it was told.
        outcome: Outcome,
    },
    /// The call was refused, and has had no effect.
    Failed {
        /// Which call.
        call: u64,
        /// SQS's code.
        code: String,
    },
    /// Nobody knows whether the call had an effect, or will have one.
    Unknown {
        /// Which call.
        call: u64,
        /// What the client saw instead of an answer.
        why: String,
    },
    /// From here on the clocks of nodes cannot be trusted: promises about time are not judged.
    ClocksErr,
    /// All faults are over.
    Healed,
    /// Receivers have received from this queue, and deleted what came, until nothing came any more.
    Drained {
        /// Its name.
        queue: String,
    },
    /// Something to be shown beside the calls: a fault, an election.
    Note {
        /// In words.
        text: String,
    },
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name")]
pub enum Operation {
    /// Creates a queue with these settings.
    CreateQueue {
        /// Its name.
        queue: String,
        /// As far as they matter here.
        settings: Settings,
    },
    /// `SendMessage`, or `SendMessageBatch`.
    Send {
        /// To which queue.
        queue: String,
        /// In the order of the batch.
        messages: Vec<NewMessage>,
    },
    /// `ReceiveMessage`.
    Receive {
        /// From which queue.
        queue: String,
        /// For how long messages are hidden, where it is not the queue's own time.
        visibility_millis: Option<u64>,
        /// FIFO queues: the id of the attempt.
        attempt: Option<String>,
    },
    /// `DeleteMessage`, or `DeleteMessageBatch`.
    Delete {
        /// From which queue.
        queue: String,
        /// In the order of the batch.
        handles: Vec<String>,
    },
    /// `ChangeMessageVisibility`.
    ChangeVisibility {
        /// In which queue.
        queue: String,
        /// Of which delivery.
        handle: String,
        /// From now on.
        visibility_millis: u64,
    },
    /// `PurgeQueue`.
    Purge {
        /// Which queue.
        queue: String,
    },
    /// `StartMessageMoveTask`.
    StartMove {
        /// The dead-letter queue.
        source: String,
        /// Where to; the queues from which messages came where absent.
        destination: Option<String>,
    },
    /// The administrator's clock command.
    AdvanceClock {
        /// By how much.
        millis: u64,
    },
}

/// The settings of a queue that the judge must know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whether it is a FIFO queue.
    pub fifo: bool,
    /// Whether deduplication ids count in each group by itself.
    pub deduplicates_by_group: bool,
    /// `DelaySeconds`.
    pub delay_millis: u64,
    /// `VisibilityTimeout`.
    pub visibility_millis: u64,
    /// `MessageRetentionPeriod`; for ever where absent.
    pub retention_millis: Option<u64>,
    /// `RedrivePolicy`.
    pub dead_letters: Option<DeadLetters>,
}

/// Where dead letters go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// The dead-letter queue.
    pub queue: String,
    /// `maxReceiveCount`.
    pub max_receives: u64,
}

/// A message as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewMessage {
    /// No other message of the history has the same; a retry under one deduplication id has.
    pub body: String,
    /// FIFO queues, and fair queues.
    pub group: Option<String>,
    /// FIFO queues.
    pub deduplication_id: Option<String>,
    /// `DelaySeconds` of the message.
    pub delay_millis: Option<u64>,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing but that it is done.
    Done,
    /// Of each message of a send.
    Sent {
        /// In the order of the batch.
        messages: Vec<Result<Accepted, String>>,
    },
    /// The messages of a receive.
    Received {
        /// In the order of the answer.
        messages: Vec<Delivery>,
    },
    /// Of each handle of a delete: nothing, or the code of its refusal.
    Deleted {
        /// In the order of the batch.
        refusals: Vec<Option<String>>,
    },
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// `MessageId`
    pub message_id: String,
    /// `SequenceNumber`
    pub sequence_number: Option<String>,
}

/// A message that was received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// `MessageId`
    pub message_id: String,
    /// `ReceiptHandle`
    pub handle: String,
    /// `Body`
    pub body: String,
    /// `ApproximateReceiveCount`
    pub receive_count: u64,
    /// `MessageGroupId`
    pub group: Option<String>,
    /// `SequenceNumber`
    pub sequence_number: Option<String>,
    /// The name of the queue in `DeadLetterQueueSourceArn`.
    pub dead_letter_source: Option<String>,
}
