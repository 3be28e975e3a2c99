//! What a lesson is made of.

use serde::Serialize;

/// A lesson.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lesson {
    /// What it is called by: `quorum`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What one knows after it, in a sentence.
    pub goal: &'static str,
    /// One after the other.
    pub steps: &'static [Step],
}

/// One thing to do, and to look at.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Step {
    /// What to read before it.
    pub says: &'static str,
    /// What is done.
    pub act: Act,
    /// What must come of it.
    pub check: Check,
    /// Why it came as it did.
    pub why: &'static str,
}

/// What is done.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// Nothing: one only looks.
    Look,
    /// Makes a node silent to all others: its process is killed where that can be done, and cut off
    /// elsewhere.
    TakeAway {
        /// Which node.
        who: Who,
    },
    /// Cuts a node off from all others. Clients still reach it.
    CutOff {
        /// Which node.
        who: Who,
    },
    /// Loses what a node answers its clients.
    LoseAnswers {
        /// Which node.
        who: Who,
    },
    /// Undoes all that is broken.
    Mend,
    /// Makes a queue.
    CreateQueue {
        /// Which one.
        queue: Queue,
    },
    /// Sends a message.
    Send(Letter),
    /// Receives messages.
    Receive(Receive),
    /// Deletes the last delivery of the message with this body.
    Delete {
        /// Where it is.
        queue: Queue,
        /// What it says.
        body: &'static str,
    },
}

/// A node by its role, at the moment at which something is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The one that leads.
    Leader,
    /// One that follows, and is not away yet.
    Follower,
}

/// A queue of a lesson, under a prefix of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Facts")]
pub enum Queue {
    /// `letters`: a standard queue.
    Standard,
    /// `orders.fifo`: a FIFO queue.
    Fifo,
}

/// What a page is told of a queue.
#[derive(Serialize)]
struct Facts {
    name: &'static str,
    fifo: bool,
    visibility_seconds: u64,
}

/// A message to be sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Letter {
    /// Where it goes.
    pub queue: Queue,
    /// What it says. Spaces are dashes in its deduplication id, where it needs one.
    pub body: &'static str,
    /// Who takes it.
    pub through: Through,
}

/// Which node is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// The one that led before the last fault.
    Former,
    /// One that did not, and is not away.
    Other,
}

/// How messages are received.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Receive {
    /// One message, or none after so many seconds.
    One {
        /// From where.
        queue: Queue,
        /// How long it may take to come.
        wait_seconds: u64,
    },
    /// One message, which is deleted.
    OneAndDelete {
        /// From where.
        queue: Queue,
        /// How long it may take to come.
        wait_seconds: u64,
    },
    /// Two consumers ask one after the other, at once.
    Rivals {
        /// From where.
        queue: Queue,
    },
    /// Until nothing comes for a second.
    All {
        /// From where.
        queue: Queue,
    },
}

/// What must be so.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Check {
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
    Came {
        /// What they say.
        bodies: &'static [&'static str],
    },
    /// These came; the last message that was not acknowledged may be among them or not.
    CameAtLeast {
        /// What they say.
        bodies: &'static [&'static str],
    },
    /// Nothing came.
    NothingCame,
    /// This came to the first consumer, and nothing to the second.
    OneGot {
        /// What it says.
        body: &'static str,
    },
    /// The one that came was received so many times by now.
    CameAgain {
        /// What it says.
        body: &'static str,
        /// This time among them.
        times: u64,
    },
}

impl Act {
    /// Sends a message with this body.
    pub(crate) const fn send(queue: Queue, body: &'static str, through: Through) -> Act {
        Act::Send(Letter {
            queue,
            body,
            through,
        })
    }
}

impl Queue {
    /// Its name, without the prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Queue::Standard => "letters",
            Queue::Fifo => "orders.fifo",
        }
    }

    /// Short enough to wait for, or long enough to read a lesson in.
    pub const fn visibility_seconds(self) -> u64 {
        match self {
            Queue::Standard => 2,
            Queue::Fifo => 600,
        }
    }
}

impl From<Queue> for Facts {
    fn from(queue: Queue) -> Facts {
        Facts {
            name: queue.name(),
            fifo: queue == Queue::Fifo,
            visibility_seconds: queue.visibility_seconds(),
        }
    }
}

impl Receive {
    /// From where it receives.
    pub const fn queue(self) -> Queue {
        match self {
            Receive::One { queue, .. }
            | Receive::OneAndDelete { queue, .. }
            | Receive::Rivals { queue }
            | Receive::All { queue } => queue,
        }
    }
}
