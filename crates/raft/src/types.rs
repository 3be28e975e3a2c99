//! The types that openraft is instantiated with.

use std::fmt;

use bytes::Bytes;
use openraft::impls::EmptyNode;
use openraft::type_config::alias;
use serde::{Deserialize, Serialize};
use zonemq_queue::command::Reply;
use zonemq_queue::message::ContentPlace;

use crate::checkpoint::Checkpoint;

/// Names a node for ever; never given to another one.
pub type NodeId = u64;

/// The application's part of a log entry: an encoded [`zonemq_queue::command::Batch`], see `entry`.
///
/// It is encoded once, by the leader that proposes it, and stays as it is in the log, on the wire
/// and in memory; only applying it decodes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payload(pub(crate) Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch of {} bytes", self.0.len())
    }
}

openraft::declare_raft_types!(
    /// zonemq's Raft. Leader ids are those of standard Raft: at most one leader in a term, which
    /// is what learners read about and must see.
    pub(crate) TypeConfig:
        D = Payload,
        R = Vec<Reply<ContentPlace>>,
        NodeId = NodeId,
        Node = EmptyNode,
        LeaderId = openraft::impls::leader_id_std::LeaderId<Self::Term, Self::NodeId>,
);

pub(crate) type Raft = openraft::Raft<TypeConfig, crate::state_machine::StateMachine>;
pub(crate) type LogId = alias::LogIdOf<TypeConfig>;
pub(crate) type Vote = alias::VoteOf<TypeConfig>;
pub(crate) type LogEntry = alias::EntryOf<TypeConfig>;
pub(crate) type Membership = openraft::Membership<NodeId, EmptyNode>;
pub(crate) type StoredMembership = alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;
pub(crate) type Snapshot = alias::SnapshotOf<TypeConfig, Checkpoint>;
pub(crate) type AppendRequest = openraft::raft::AppendEntriesRequest<TypeConfig>;
pub(crate) type StreamAppendResult = openraft::raft::StreamAppendResult<TypeConfig>;
pub(crate) type VoteRequest = openraft::raft::VoteRequest<TypeConfig>;
pub(crate) type VoteResponse = openraft::raft::VoteResponse<TypeConfig>;
pub(crate) type RpcError = openraft::error::RPCError<TypeConfig>;
