//! What the peers were told that is durable here. A node whose log ends before that has lost
//! something without noticing: its folder was replaced by an old copy, or emptied.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use zonemq_wal::GroupId;

use crate::codec;
use crate::link::Peers;
use crate::types::{LogId, NodeId};
use crate::wire::Service;

/// Shorter than the shortest time until a follower stands for election: who asks does not vote yet.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a node knows of a peer's log.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AcknowledgedReply {
    /// The last entry that the peer said was durable. Only who has led knows any.
    pub(crate) last: Option<LogId>,
}

/// The most that each peer has ever acknowledged to this node. Raft's own memory of it is no use
/// here: it falls with the first answer of a peer whose log is shorter than before, which may come
/// before that peer asks. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acknowledged(Arc<Mutex<BTreeMap<NodeId, LogId>>>);

impl Acknowledged {
    /// Notes the last entry that a peer has just said is durable there.
    pub(crate) fn note(&self, peer: NodeId, last: LogId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = known.entry(peer).or_insert(last);
        *most = (*most).max(last);
    }

    /// What this node was told by a peer.
    pub(crate) fn of(&self, peer: NodeId) -> AcknowledgedReply {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        AcknowledgedReply {
            last: known.get(&peer).copied(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_has_acknowledged_is_not_forgotten_when_its_log_is_shorter() {
        let acknowledged = Acknowledged::default();
        let entry = |index| LogId::new_term_index(1, index);
        assert_eq!(acknowledged.of(2).last, None);
        for last in [entry(5), entry(9), entry(3)] {
            acknowledged.note(2, last);
        }
        assert_eq!(acknowledged.of(2).last, Some(entry(9)));
        assert_eq!(acknowledged.of(3).last, None);
    }
}
