//! What a lesson is: data alone. [`acts`](super::acts) does what it says, and
//! [`checks`](super::checks) looks whether the cluster did what it should.

/// A lesson.
#[derive(Debug)]
pub(super) struct Lesson {
    /// What it is called by: `quorum`.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What one knows after it, in a sentence.
    pub(super) goal: &'static str,
    pub(super) steps: &'static [Step],
}

/// One thing to do, and to look at.
#[derive(Debug)]
pub(super) struct Step {
    /// What to read before it.
    pub(super) says: &'static str,
    pub(super) act: Act,
    pub(super) check: Check,
    /// Why it came as it did.
    pub(super) why: &'static str,
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Nothing: one only looks.
    Look,
    /// Words of `zonemq fault`, which the learner may type as well.
    Fault(&'static str),
    CreateQueue(Queue),
    Send(Letter),
    Receive(Receive),
    /// Deletes the last delivery of the message with this body.
    Delete {
        queue: Queue,
        body: &'static str,
    },
}

/// A queue of a lesson, under a prefix of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// `letters`: a standard queue.
    Standard,
    /// `orders.fifo`: a FIFO queue.
    Fifo,
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) queue: Queue,
    pub(super) body: &'static str,
    pub(super) through: Through,
}

/// Which node is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    /// The one that led before the last fault.
    Former,
    /// One that did not, and runs.
    Other,
}

/// How messages are received.
#[derive(Clone, Copy, Debug)]
pub(super) enum Receive {
    /// One message, or none after so many seconds.
    One { queue: Queue, wait_seconds: u64 },
    /// One message, which is deleted.
    OneAndDelete { queue: Queue, wait_seconds: u64 },
    /// Two consumers ask one after the other, at once.
    Rivals { queue: Queue },
    /// Until nothing comes for a second.
    All { queue: Queue },
}

/// What must be so.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// One node leads, and all others follow it and have what is committed.
    Whole,
    /// What was done was done: it needs no look.
    Done,
    /// The last message was acknowledged, and the log has grown by it.
    Acknowledged,
    /// The last message was not acknowledged in the time that its sender waits.
    NotAcknowledged,
    /// Another node than before leads, in a later term.
    AnotherLeads,
    /// These came and nothing else, in this order.
    Came(&'static [&'static str]),
    /// These came; the last message that was not acknowledged may be among them or not.
    CameAtLeast(&'static [&'static str]),
    /// Nothing came.
    NothingCame,
    /// This came to the first consumer, and nothing to the second.
    OneGot(&'static str),
    /// The one that came was received so many times by now.
    CameAgain { body: &'static str, times: u64 },
}

impl Queue {
    pub(super) fn name(self) -> &'static str {
        match self {
            Queue::Standard => "letters",
            Queue::Fifo => "orders.fifo",
        }
    }

    /// Short enough to wait for, or long enough to read a lesson in.
    pub(super) fn visibility_seconds(self) -> u64 {
        match self {
            Queue::Standard => 2,
            Queue::Fifo => 600,
        }
    }
}
