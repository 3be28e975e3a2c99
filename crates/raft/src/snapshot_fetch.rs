//! A node whose snapshot is damaged, missing or too old for its log takes a peer's before it takes
//! part in anything. Its log is whole, so it may vote afterwards like any other.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::checkpoint::{Announced, AppliedState, Checkpoint, CheckpointError};
use crate::codec;
use crate::link::{ExchangeError, Peers};
use crate::snapshot_stream::{ArrivalError, Arrivals};
use crate::types::NodeId;
use crate::wire::Service;

/// Between two rounds of asking all peers.
const PAUSE: Duration = Duration::from_millis(500);

/// What a peer is asked for.
#[derive(Serialize, Deserialize)]
pub(crate) struct FetchRequest {
    /// The snapshot must hold this entry: those before it may be gone from the asker's log.
    pub(crate) at_least: Option<u64>,
}

/// Why a peer did not give its snapshot.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("its answer cannot be read: {0}")]
    Answer(#[from] codec::DecodeError),
    #[error(transparent)]
    Arrival(#[from] ArrivalError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Asks the peers one after the other until one has given a snapshot, and installs it.
/// `contents_through` is the last entry of this node's log.
pub(crate) async fn fetch(
    peers: &Peers,
    others: &[NodeId],
    arrivals: &Arrivals,
    at_least: Option<u64>,
    contents_through: Option<u64>,
) -> (Checkpoint, AppliedState) {
    loop {
        for node in others {
            match fetch_from(peers, *node, arrivals, at_least, contents_through).await {
                Ok(installed) => {
                    tracing::warn!(node, "took the snapshot of a peer");
                    return installed;
                }
                Err(problem) => tracing::warn!(node, %problem, "no snapshot from this peer yet"),
            }
        }
        sleep(PAUSE).await;
    }
}

async fn fetch_from(
    peers: &Peers,
    node: NodeId,
    arrivals: &Arrivals,
    at_least: Option<u64>,
    contents_through: Option<u64>,
) -> Result<(Checkpoint, AppliedState), FetchError> {
    let (sender, mut receiver) = peers.open(node, Service::FetchSnapshot, arrivals.group)?;
    let request = FetchRequest { at_least };
    sender.send(codec::encode(&request).into()).await?;
    let announced = receiver.next().await?;
    let announced = announced.ok_or(ExchangeError::OutOfTurn(node))?;
    let announced: Announced = codec::decode(&announced)?;
    let mut arrival = arrivals.begin(announced, contents_through).await?;
    sender.send(codec::encode(&arrival.resume).into()).await?;
    while let Some(part) = receiver.next().await? {
        arrival.take(&part).await?;
    }
    let checkpoint = arrival.finish().await?;
    let applied = arrivals.checkpoints.install(&checkpoint).await?;
    Ok((checkpoint, applied))
}
