//! What a run was, as data: everything that the page shows, and nothing that it must ask for.
//!
//! Whoever runs a cluster fills this in, the simulator or the real one. Moments are microseconds
//! since the run began; nodes are named by their place in [`Timeline::nodes`].

use serde::{Deserialize, Serialize};

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario teaches, in a paragraph.
    pub teaches: String,
    /// What everything followed from; absent where a run cannot be repeated.
    pub seed: Option<u64>,
    /// The line for a terminal that runs the same again.
    pub replay: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// What the judge counted, in a sentence.
    pub summary: String,
    /// How long it took.
    pub end: u64,
    /// When all faults were over, if they were.
    pub healed: Option<u64>,
    /// In the order in which they are drawn: by zone.
    pub nodes: Vec<Node>,
    /// What each node was, from when on; by time.
    pub roles: Vec<RoleChange>,
    /// By their beginning.
    pub faults: Vec<Fault>,
    /// Where the logs of the nodes stood, sampled; by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<Progress>,
    /// What nodes told one another, by when it was sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rpcs: Vec<Rpc>,
    /// What clients asked for, by their beginning.
    pub calls: Vec<Call>,
    /// What the nodes logged; by time.
    pub logs: Vec<LogLine>,
    /// What faults really did: a name in plain words, and how often.
    pub coverage: Vec<(String, u64)>,
    /// What was too much for a page, in a sentence for each: so many RPCs were left out, and why.
    pub left_out: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// Every promise was kept.
    #[default]
    Pass,
    /// These promises were broken, the first first.
    Violation {
        /// Each with what shows it.
        violations: Vec<Violation>,
    },
    /// Nothing can be said.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// A promise that was broken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The promise's name, as `no loss`.
    pub promise: String,
    /// The smallest story that shows it, in plain words.
    pub story: String,
    /// When it became certain, where that is known.
    pub at: Option<u64>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// `n1`
    pub name: String,
    /// `a`
    pub zone: String,
}

/// From now on a node is something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChange {
    /// When.
    pub at: u64,
    /// Which.
    pub node: usize,
    /// What it is now.
    pub role: Role,
    /// In which of Raft's terms; the last known one of a node that is down.
    pub term: u64,
}

/// What a node can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It does not run.
    Down,
    /// It follows, or waits for a leader.
    Follower,
    /// It asks for votes.
    Candidate,
    /// It leads.
    Leader,
    /// It is told of the log and has no vote.
    Learner,
}

/// Something that went wrong for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its number in the plan, as replay lines have it.
    pub number: usize,
    /// Its kind, as scenarios write it: `power-loss`.
    pub kind: String,
    /// All of it in a sentence.
    pub words: String,
    /// Whom it met.
    pub nodes: Vec<usize>,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
}

/// Where the log of a node stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When.
    pub at: u64,
    /// Which node.
    pub node: usize,
    /// The index of the last entry of its log.
    pub last: u64,
    /// The index of the last entry that it knew to be committed.
    pub committed: u64,
    /// The index of the last entry that it had applied.
    pub applied: u64,
}

/// Something that one node told another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rpc {
    /// Who.
    pub from: usize,
    /// Whom.
    pub to: usize,
    /// What: `append`, `vote`, `snapshot`, `forward`, and their answers.
    pub kind: String,
    /// More about it, in a few words: which entries, which term.
    pub words: String,
    /// When.
    pub sent: u64,
    /// When it arrived, if it did.
    pub received: Option<u64>,
}

/// A client's call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its name in the history.
    pub number: u64,
    /// Who.
    pub client: String,
    /// Where the client is.
    pub zone: String,
    /// SQS's name: `SendMessage`.
    pub operation: String,
    /// Which queue, and what: bodies, counts.
    pub words: String,
    /// From when.
    pub from: u64,
    /// Until when; absent where it never ended.
    pub to: Option<u64>,
    /// How it ended.
    pub end: CallEnd,
    /// What the client was told, in a few words.
    pub told: String,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// With an answer.
    Ok,
    /// It was refused, and had no effect.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// A line of a node's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: u64,
    /// Which node.
    pub node: usize,
    /// `INFO`, `WARN`, `ERROR` or `DEBUG`.
    pub level: String,
    /// What.
    pub text: String,
}
