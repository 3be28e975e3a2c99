//! What nodes tell one another, as trace events for whoever watches: the simulator draws them.
//!
//! A message is named by its two nodes, its service, its exchange and its direction; messages of
//! one exchange arrive in the order in which they were sent.

use crate::types::{AppendRequest, NodeId, VoteRequest};
use crate::wire::Service;

/// The target of these events.
pub const TARGET: &str = "zonemq_raft::talk";

/// Where a message is on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A request leaves this node.
    Ask,
    /// A request of the peer is here.
    Asked,
    /// An answer leaves this node.
    Answer,
    /// The peer's answer is here.
    Answered,
}

pub(crate) fn note(step: Step, peer: NodeId, service: Service, exchange: u64) {
    tracing::trace!(target: TARGET, ?step, peer, ?service, exchange);
}

/// More about the next request to this peer.
pub(crate) fn about_append(peer: NodeId, request: &AppendRequest) {
    let previous = request.prev_log_id.map_or(0, |id| id.index);
    let committed = request.leader_commit.map_or(0, |id| id.index);
    let term = request.vote.leader_id.term;
    match request.entries.len() as u64 {
        0 => tracing::trace!(
            target: TARGET, peer, about = %format_args!("term {term}: nothing new, committed {committed}")
        ),
        entries => tracing::trace!(
            target: TARGET, peer,
            about = %format_args!(
                "term {term}: entries {} to {}, committed {committed}", previous + 1, previous + entries
            )
        ),
    }
}

/// More about the next request to this peer.
pub(crate) fn about_vote(peer: NodeId, request: &VoteRequest) {
    let term = request.vote.leader_id.term;
    let last = request.last_log_id.map_or(0, |id| id.index);
    tracing::trace!(
        target: TARGET, peer, about = %format_args!("for term {term}, with a log that ends at {last}")
    );
}
