//! What one group keeps on the disk, opened: its log, its latest checkpoint, and those that look
//! after them.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, RwLock};

use tokio::sync::{Mutex, mpsc};
use zonemq_queue::command::Event;
use zonemq_wal::{GroupId, Progress, RecoveredGroup, Wal};
use zonemq_world::World;

use crate::abstention::{Abstention, AbstentionError};
use crate::checkpoint::CheckpointError;
use crate::checkpoints::{Checkpoints, Loaded};
use crate::codec::DecodeError;
use crate::comparison::Comparison;
use crate::contents::Contents;
use crate::freeing::Freeing;
use crate::link::Peers;
use crate::log_store::LogStore;
use crate::mending::Mending;
use crate::snapshot_fetch;
use crate::snapshot_stream::Arrivals;
use crate::state_machine::{Applied, StateMachine, Watchers};
use crate::storekeeper::Storekeeper;
use crate::types::NodeId;

/// Why what a group keeps cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the log holds something that cannot be read: {0}")]
    Log(#[from] DecodeError),
    #[error(transparent)]
    Abstention(#[from] AbstentionError),
    #[error(
        "the snapshot cannot be used, and there is no other node that could be asked for it: {0}; \
         restore the node's folder from a copy"
    )]
    Checkpoint(#[from] CheckpointError),
    #[error("the disk refuses: {0}")]
    Disk(#[from] io::Error),
}

/// The store of one group.
pub(crate) struct GroupStore {
    pub(crate) log: LogStore,
    pub(crate) applied: Applied,
    pub(crate) contents: Contents,
    pub(crate) arrivals: Arc<Arrivals>,
    pub(crate) abstention: Abstention,
    pub(crate) comparison: Comparison,
    pub(crate) machine: StateMachine,
}

/// Whose store it is, and where.
pub(crate) struct Owner<'o> {
    pub(crate) group: GroupId,
    pub(crate) me: NodeId,
    pub(crate) voters: &'o BTreeSet<NodeId>,
    pub(crate) snapshots: &'o Path,
    /// States are compared with those of the peers after so many entries.
    pub(crate) compare_every: u64,
    /// Counts what of the snapshot has been read.
    pub(crate) progress: Progress,
}

impl GroupStore {
    /// Opens the store of a group. What entries make visible is told to `events`.
    pub(crate) async fn open<W: World>(
        world: &W,
        owner: Owner<'_>,
        wal: Wal,
        recovered: RecoveredGroup,
        peers: Peers,
        events: mpsc::Sender<Vec<Event>>,
    ) -> Result<GroupStore, StoreError> {
        let Owner {
            group,
            me,
            voters,
            snapshots,
            compare_every,
            progress,
        } = owner;
        let log = LogStore::new(group, wal.clone(), &recovered)?;
        let abstention = Abstention::find(group, wal.clone(), &recovered, log.last()).await?;
        let checkpoints = Checkpoints::open(world, group, snapshots)?;
        let others: Vec<NodeId> = voters.iter().copied().filter(|node| *node != me).collect();
        let arrivals = Arc::new(Arrivals {
            group,
            wal: wal.clone(),
            checkpoints: checkpoints.clone(),
            latest: Mutex::default(),
        });
        let (latest, applied) = match usable(checkpoints.load(progress).await, &log) {
            Ok(found) => found.map_or_else(Default::default, |loaded| {
                (Some(loaded.checkpoint), loaded.applied)
            }),
            Err(error @ CheckpointError::Disk(_)) => return Err(error.into()),
            Err(error) if others.is_empty() => return Err(error.into()),
            Err(problem) => {
                tracing::error!(%problem, "the snapshot cannot be used; the peers are asked for theirs");
                let (purged, last) = (log.purged_index(), log.last().map(|last| last.index));
                let fetched = snapshot_fetch::fetch(&peers, &others, &arrivals, purged, last);
                let (checkpoint, applied) = fetched.await;
                (Some(checkpoint), applied)
            }
        };
        let applied: Applied = Arc::new(RwLock::new(applied));
        let mending = Mending {
            group,
            peers: peers.clone(),
            others: others.clone(),
            wal: wal.clone(),
            log: log.clone(),
            applied: applied.clone(),
        };
        let storekeeper =
            Storekeeper::start(world, group, wal.clone(), log.clone(), mending.clone())?;
        let comparison = Comparison::start(
            world,
            group,
            compare_every,
            peers,
            others,
            checkpoints.clone(),
        )?;
        let machine = StateMachine::new(
            me,
            applied.clone(),
            latest,
            checkpoints,
            Watchers {
                storekeeper,
                comparison: comparison.clone(),
            },
            events,
            Freeing::start(world)?,
        );
        Ok(GroupStore {
            contents: Contents {
                log: log.clone(),
                mending,
            },
            arrivals,
            log,
            applied,
            abstention,
            comparison,
            machine,
        })
    }
}

/// What was loaded, if the log goes on from it.
fn usable(
    loaded: Result<Option<Loaded>, CheckpointError>,
    log: &LogStore,
) -> Result<Option<Loaded>, CheckpointError> {
    let loaded = loaded?;
    let last_applied = loaded
        .as_ref()
        .and_then(|loaded| loaded.applied.last_applied);
    if last_applied.map(|last| last.index) < log.purged_index() {
        let what = if loaded.is_some() {
            "it is older than the log, which begins behind it"
        } else {
            "it is missing, and the log begins behind it"
        };
        return Err(CheckpointError::Damaged(what.to_owned()));
    }
    Ok(loaded)
}
