//! Faults on purpose: what is broken now, until when, and how it is told.
//!
//! A fault is data: its effects name links, disks and clients of any node, and every node is told
//! the whole of it and takes what concerns itself. The time that a fault has left is kept here, so
//! that it ends even if whoever set it is gone. All of it exists only where the node was started
//! with it, and only for callers on the same machine.

mod board;
mod clients;
mod paths;

use serde::{Deserialize, Serialize};
use zonemq_world::faulty::{ClientRule, DiskRule, LinkRule, Passage};

pub use self::board::FaultBoard;
pub(crate) use self::clients::{let_answer_out, let_request_in};
pub(crate) use self::paths::{FAULTS_ARE_OFF, paths};

/// At one time; more are a mistake of a script.
const MAX_FAULTS: usize = 100;
/// All links of nine nodes, several times.
const MAX_EFFECTS: usize = 1000;
/// As long as a list of all sides and links.
const MAX_WORDS_BYTES: usize = 1000;
/// Faults are counted by hand or by a script, and the next number must fit too.
const MAX_NUMBER: u64 = 1_000_000_000;
/// Longer than anybody watches.
const LONGEST_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// Something that is broken on purpose, by a number for its undo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Names it on every node. 0 asks the node for the next one that is free.
    #[serde(default)]
    pub number: u64,
    /// What people call it: `cut n1->n3`.
    pub words: String,
    /// What it does.
    pub effects: Vec<Effect>,
    /// After this it ends by itself.
    #[serde(default)]
    pub left_millis: Option<u64>,
}

/// What a fault does to one place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// To everything that one node sends to another.
    Link {
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
        /// What happens to it.
        rule: LinkRule,
    },
    /// To a node's disk.
    Disk {
        /// Which node.
        node: u64,
        /// What happens to it.
        rule: DiskRule,
    },
    /// To what passes between a node and its clients.
    Clients {
        /// Which node.
        node: u64,
        /// What happens to it.
        rule: ClientRule,
    },
}

/// Why a node does not take a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// So many are active already.
    #[error("{MAX_FAULTS} faults are active, which is the most: undo one")]
    TooMany,
    /// It does too much at once.
    #[error("a fault has 1 to {MAX_EFFECTS} effects")]
    Effects,
    /// A number makes no sense.
    #[error("{0} is out of range: it must be {1}")]
    OutOfRange(&'static str, &'static str),
}

/// Ends faults when their time is over, where there can be any.
pub(crate) async fn keep_time(board: Option<FaultBoard>) {
    if let Some(board) = board {
        board.run().await;
    }
}

impl Fault {
    fn check(&self) -> Result<(), FaultError> {
        if self.effects.is_empty() || self.effects.len() > MAX_EFFECTS {
            return Err(FaultError::Effects);
        }
        if self.words.len() > MAX_WORDS_BYTES {
            return Err(FaultError::OutOfRange("words", "at most 1000 bytes"));
        }
        if self.number > MAX_NUMBER {
            return Err(FaultError::OutOfRange("number", "at most 1,000,000,000"));
        }
        let is_long = |millis: u64| millis > LONGEST_MILLIS;
        if self
            .left_millis
            .is_some_and(|left| left == 0 || is_long(left))
        {
            return Err(FaultError::OutOfRange(
                "the time of a fault",
                "1 ms to 24 h",
            ));
        }
        for effect in &self.effects {
            match effect {
                Effect::Link { rule, .. } => {
                    if !(0.0..=1.0).contains(&rule.loss) {
                        return Err(FaultError::OutOfRange("loss", "a share from 0 to 1"));
                    }
                    if is_long(rule.latency_millis) || is_long(rule.jitter_millis) {
                        return Err(FaultError::OutOfRange("a delay", "at most 24 h"));
                    }
                }
                Effect::Disk { rule, .. } if is_long(rule.fsync_millis) => {
                    return Err(FaultError::OutOfRange(
                        "the delay of an fsync",
                        "at most 24 h",
                    ));
                }
                // They are applied to requests, which cannot be refused below HTTP.
                Effect::Clients { rule, .. }
                    if [rule.requests, rule.answers].contains(&Passage::Refused) =>
                {
                    let passages = "open, held or swallowed";
                    return Err(FaultError::OutOfRange("the passage of clients", passages));
                }
                Effect::Disk { .. } | Effect::Clients { .. } => {}
            }
        }
        Ok(())
    }
}
