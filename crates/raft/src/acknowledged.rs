//! What the peers were told that is durable here. A node whose log ends before that has lost
//! something without noticing: its folder was replaced by an old copy, or emptied.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use openraft::async_runtime::WatchReceiver;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use zonemq_wal::GroupId;

use crate::codec;
use crate::link::Peers;
use crate::types::{LogId, NodeId, Raft};
use crate::wire::Service;

/// Shorter than the shortest time until a follower stands for election: who asks does not vote yet.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a node knows of a peer's log.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AcknowledgedReply {
    /// The last entry that the peer said was durable. Only a leader knows any.
    pub(crate) last: Option<LogId>,
}

/// What this node was told by a peer.
pub(crate) fn known_of(raft: &Raft, peer: NodeId) -> AcknowledgedReply {
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    let known = metrics.replication.as_ref();
    AcknowledgedReply {
        last: known.and_then(|known| known.get(&peer).copied().flatten()),
    }
}

/// The last entry of this node's log that any peer knows of. One that does not answer soon is not
/// waited for: a guard, and no promise.
pub(crate) async fn ask(peers: &Peers, others: &[NodeId], group: GroupId) -> Option<LogId> {
    let asked = others.iter().map(|node| async move {
        let call = peers.call(*node, Service::Acknowledged, group, Bytes::new());
        let reply = timeout(PATIENCE, call).await.ok()?.ok()?;
        let reply: AcknowledgedReply = codec::decode(&reply).ok()?;
        reply.last
    });
    join_all(asked).await.into_iter().flatten().max()
}
