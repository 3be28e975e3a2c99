//! Passing a request on to the leader, and serving what was passed on to this node.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use zonemq_raft::{Forwarded, Peers, codec};
use zonemq_world::Clock;

use crate::leader::{LeaderReply, LeaderRequest, LeaderService};
use crate::router::GROUP;

/// What the other node answers. Grows at the end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ForwardReply {
    /// The leader's answer.
    Served(LeaderReply),
    /// There is none: try again, a command with the same id.
    TryAgain {
        /// For the log.
        reason: String,
    },
}

/// Asks the node that leads. An error says why there is no reply: try again.
pub(crate) async fn to_leader(
    peers: &Peers,
    node: u64,
    request: &LeaderRequest,
) -> Result<LeaderReply, String> {
    let reply = peers
        .forward(node, GROUP, codec::encode(request).into())
        .await
        .map_err(|error| error.to_string())?;
    match codec::decode(&reply).map_err(|error| error.to_string())? {
        ForwardReply::Served(reply) => Ok(reply),
        ForwardReply::TryAgain { reason } => Err(reason),
    }
}

/// Serves what other nodes pass on, until `forwarded` closes.
pub(crate) async fn serve<C: Clock>(
    leader: LeaderService<C>,
    mut forwarded: mpsc::Receiver<Forwarded>,
) {
    while let Some(Forwarded {
        request, mut reply, ..
    }) = forwarded.recv().await
    {
        let leader = leader.clone();
        tokio::spawn(async move {
            let answer = tokio::select! {
                answer = answer(&leader, &request) => answer,
                // Nobody waits for it any more: a receiver leaves its line.
                () = reply.closed() => return,
            };
            reply.send(codec::encode(&answer).into()).await;
        });
    }
}

async fn answer<C: Clock>(leader: &LeaderService<C>, request: &[u8]) -> ForwardReply {
    let request: LeaderRequest = match codec::decode(request) {
        Ok(request) => request,
        Err(error) => {
            return ForwardReply::TryAgain {
                reason: error.to_string(),
            };
        }
    };
    match leader.serve(request).await {
        Ok(reply) => ForwardReply::Served(reply),
        Err(error) => ForwardReply::TryAgain {
            reason: error.to_string(),
        },
    }
}
