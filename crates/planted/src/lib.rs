//! Bugs that can be planted, to show that the simulator and its judge would find them.
//!
//! Each is one wrong line at the place where somebody could really make the mistake. Without the
//! feature `plant`, which only the simulator's build has, [`is_planted`] is the constant `false`
//! and the compiler removes them all. A process has at most one.

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $name:ident = $text:literal,)+) => {
        /// A mistake that somebody could have made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[doc = $what])+ $name,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Bug] = &[$(Bug::$name),+];

            /// Its name, as people type it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Bug::$name => $text,)+
                }
            }

            /// What is wrong with it, in one sentence.
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Bug::$name => concat!($($what),+).trim_ascii(),)+
                }
            }

            /// The bug of this name.
            pub fn named(name: &str) -> Option<Bug> {
                match name {
                    $($text => Some(Bug::$name),)+
                    _ => None,
                }
            }
        }
    };
}

bugs! {
    /// Nobody waits for the disk: what is acknowledged may be in memory only.
    SyncSkipped = "sync-skipped",
    /// An fsync that fails is taken for one that succeeded.
    SyncErrorIgnored = "sync-error-ignored",
    /// New files are used before their directory is durable.
    DirectorySyncSkipped = "directory-sync-skipped",
    /// Damage in the middle of the log is taken for a torn tail, and the rest is cut off.
    DamageCutOff = "damage-cut-off",
    /// What a peer gives for what is damaged here is answered, and not kept.
    MendedNotKept = "mended-not-kept",
    /// A vote is given before it is durable: a restarted node votes twice in one term.
    VoteNotAwaited = "vote-not-awaited",
    /// Entries count as durable as soon as they are handed to the disk.
    AppendAcknowledgedAtOnce = "append-acknowledged-at-once",
    /// A leader that comes back goes on in its old term, with a log that may be shorter.
    LeaderRestored = "leader-restored",
    /// Clients are answered when their command is proposed, not when it is committed.
    AnsweredBeforeCommitted = "answered-before-committed",
    /// Entries get the replica's own time, not the leader's stamp.
    ClockOfTheReplica = "clock-of-the-replica",
    /// Snapshots leave out what was deduplicated.
    SnapshotWithoutDeduplication = "snapshot-without-deduplication",
    /// Snapshots leave out which requests were carried out.
    SnapshotWithoutRequestIds = "snapshot-without-request-ids",
    /// The state does not remember which requests it has carried out.
    RequestIdsForgotten = "request-ids-forgotten",
    /// A retry has another request id than the first try.
    RetryUnderANewId = "retry-under-a-new-id",
    /// A received message stays visible to others.
    ReceiveHidesNothing = "receive-hides-nothing",
    /// Receiving a message does not count.
    ReceiveCountStays = "receive-count-stays",
    /// The handle of an earlier delivery of a FIFO message still deletes it.
    OldHandleWorks = "old-handle-works",
    /// A delete is answered and not done.
    DeleteOnlyAnswers = "delete-only-answers",
    /// A delayed message is visible at once.
    DelayIgnored = "delay-ignored",
    /// Nothing ever expires.
    RetentionIgnored = "retention-ignored",
    /// A purge leaves the messages that are in flight.
    PurgeMissesInFlight = "purge-misses-in-flight",
    /// A group goes on while a message of it is in flight.
    GroupLockLost = "group-lock-lost",
    /// Messages of a group are received the last first.
    GroupOrderReversed = "group-order-reversed",
    /// Sequence numbers begin again when the queue is empty.
    SequenceNumberReused = "sequence-number-reused",
    /// Deleting a message forgets its deduplication id.
    DeduplicationForgottenOnDelete = "deduplication-forgotten-on-delete",
    /// A message dies one receive too early.
    DeadLetterTooEarly = "dead-letter-too-early",
    /// A dead letter leaves its queue and arrives nowhere.
    DeadLetterLost = "dead-letter-lost",
    /// A dead letter arrives, and stays where it was.
    DeadLetterCopied = "dead-letter-copied",
    /// A move task copies messages.
    MoveCopies = "move-copies",
    /// A move task takes messages and brings them nowhere.
    MoveLoses = "move-loses",
    /// Of a batch only the first message is kept; all are acknowledged.
    BatchKeepsTheFirst = "batch-keeps-the-first",
}

/// Whether the process has this bug.
#[cfg(not(feature = "plant"))]
#[inline]
pub const fn is_planted(_: Bug) -> bool {
    false
}

#[cfg(feature = "plant")]
pub use planting::{is_planted, plant};

#[cfg(feature = "plant")]
mod planting {
    use std::sync::OnceLock;

    use super::Bug;

    /// One for the process: a simulation is a process.
    static PLANTED: OnceLock<Bug> = OnceLock::new();

    /// Whether the process has this bug.
    pub fn is_planted(bug: Bug) -> bool {
        PLANTED.get() == Some(&bug)
    }

    /// Gives the process a bug, for good. Returns whether it is the first.
    pub fn plant(bug: Bug) -> bool {
        PLANTED.set(bug).is_ok()
    }
}
