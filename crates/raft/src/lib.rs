//! The agreement: one Raft group of a node, from a proposed command to its durable, replicated
//! reply.
//!
//! This crate is the only one that names openraft. It gives openraft a log (`log_store`, on
//! `zonemq-wal`), a state machine (`state_machine`, on `zonemq-queue`) and a network
//! (`network`, on `link`), and gives the node a [`Group`] to propose to. What messages contain stays
//! in the log (`entry`, `contents`); a snapshot is the index alone (`checkpoint`).

mod abstention;
mod acknowledged;
mod append;
mod checkpoint;
mod checkpoints;
pub mod codec;
mod comparison;
mod connector;
mod contact;
mod contents;
mod crowd;
mod entry;
mod exchanges;
mod freeing;
mod group;
mod group_store;
mod inspection;
mod leadership;
mod link;
mod located;
mod log_store;
mod look;
mod mending;
mod network;
mod outgoing;
mod peer_server;
mod proposer;
mod schedule;
mod scrub;
mod services;
mod snapshot_fetch;
mod snapshot_stream;
mod state_machine;
#[cfg(test)]
mod storage_suite;
mod stored;
mod storekeeper;
pub mod talk;
mod types;
mod wire;

pub use entry::{SeenCommands, SeenEntry, SeenKind};
pub use exchanges::{Forwarded, ReplyTo};
pub use group::{Group, GroupConfig, GroupError, GroupStatus, Role};
pub use inspection::Inspection;
pub use leadership::Leadership;
pub use link::{ExchangeError, Peers};
pub use look::MOST_SEEN_ENTRIES;
pub use peer_server::PeerServer;
pub use proposer::ProposeError;
pub use scrub::ScrubStats;
pub use stored::{StoredGroup, StoredProblem};
pub use types::NodeId;
pub use zonemq_wal::GroupId;
