//! What a node is told when it starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use zonemq_queue::command::Cooldown;
use zonemq_wal::Progress;

use crate::faults::FaultBoard;

/// A voter of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Names the node for ever.
    pub id: u64,
    /// The failure domain that it stands in.
    pub zone: String,
    /// Where it serves clients.
    pub api: SocketAddr,
    /// Where it talks to its peers.
    pub peer: SocketAddr,
}

impl NodeConfig {
    /// A good size of the log's files: prepared in some milliseconds, filled in some hundred.
    pub const SEGMENT_BYTES: u64 = 16 << 20;
    /// A good distance between snapshots: recovery reads the last one and no more log than this, or
    /// four times as much after two seconds of full load.
    pub const SNAPSHOT_LOG_BYTES: u64 = 64 << 20;
    /// A good pause between scrubs: a node has read all that it stores at least once a day.
    pub const SCRUB_PAUSE: Duration = Duration::from_hours(12);
    /// A good number of entries between comparisons of states: some seconds under full load.
    pub const COMPARE_EVERY: u64 = 8192;
}

/// Everything that one node needs to know.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The cluster's id: nodes of different clusters never talk.
    pub cluster: String,
    /// This node's id.
    pub id: u64,
    /// This node's zone.
    pub zone: String,
    /// The process, for the status.
    pub pid: u32,
    /// Where to serve clients.
    pub api: SocketAddr,
    /// The node's own folder.
    pub data: PathBuf,
    /// The size of the files that the log is made of.
    pub segment_bytes: u64,
    /// Tells how far the start is.
    pub progress: Progress,
    /// How far the log grows between two snapshots, in bytes.
    pub snapshot_log_bytes: u64,
    /// How long to wait after all that is stored was read and checked, until it is done again.
    pub scrub_pause: Duration,
    /// The states of the replicas are compared after so many entries.
    pub compare_every: u64,
    /// All voters, this node among them.
    pub members: Vec<Member>,
    /// Form a new cluster if the folder is empty. Exactly one node of a new cluster does.
    pub bootstrap: bool,
    /// How long a request may wait for a leader and a majority before it is answered with 503.
    pub request_timeout: Duration,
    /// The account of callers whose access key is no account id.
    pub account: String,
    /// The region of callers who sign for none.
    pub region: String,
    /// Whether AWS's waiting times of 60 seconds hold, after DeleteQueue and between purges.
    pub cooldown: Cooldown,
    /// Where faults stand; `None` is a node that cannot be broken on purpose.
    pub faults: Option<FaultBoard>,
}
