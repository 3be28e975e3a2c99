//! openraft's state machine: applies committed entries to the queues' state, and takes and
//! installs snapshots of it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::mpsc;
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::command::{self, Event};
use zonemq_queue::discarded::Discarded;
use zonemq_queue::state::State;

use crate::checkpoint::{AppliedState, Checkpoint};
use crate::checkpoints::Checkpoints;
use crate::comparison::Comparison;
use crate::entry;
use crate::freeing::Freeing;
use crate::storekeeper::Storekeeper;
use crate::types::{LogEntry, LogId, NodeId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// What is applied, with the place in the log up to which it is.
pub(crate) type Applied = Arc<RwLock<AppliedState>>;

/// The replicated state of one group.
pub(crate) struct StateMachine {
    me: NodeId,
    applied: Applied,
    checkpoints: Checkpoints,
    latest: Arc<Mutex<Option<Checkpoint>>>,
    watchers: Watchers,
    events: mpsc::Sender<Vec<Event>>,
    freeing: Freeing,
}

/// Who wants to know how the state comes along.
pub(crate) struct Watchers {
    pub(crate) storekeeper: Storekeeper,
    pub(crate) comparison: Comparison,
}

impl StateMachine {
    /// Goes on from what is applied, as the latest checkpoint holds it. What each batch makes
    /// visible is told to `events`.
    pub(crate) fn new(
        me: NodeId,
        applied: Applied,
        latest: Option<Checkpoint>,
        checkpoints: Checkpoints,
        watchers: Watchers,
        events: mpsc::Sender<Vec<Event>>,
        freeing: Freeing,
    ) -> StateMachine {
        StateMachine {
            me,
            applied,
            checkpoints,
            latest: Arc::new(Mutex::new(latest)),
            watchers,
            events,
            freeing,
        }
    }

    /// Applies one entry; the replies are for the leader that waits for them.
    fn apply_entry(&self, entry: LogEntry) -> io::Result<command::Applied> {
        let decoded = match &entry.payload {
            EntryPayload::Blank | EntryPayload::Membership(_) => None,
            EntryPayload::Normal(payload) => {
                let decoded = entry::decode_batch(payload, entry.log_id.index);
                Some(decoded.map_err(io::Error::other)?)
            }
        };
        let mut applied = self.applied.write().unwrap_or_else(PoisonError::into_inner);
        let done = decoded.map(|(mut batch, contents)| {
            if is_planted(Bug::ClockOfTheReplica) {
                // Clocks of machines are never quite the same.
                batch.stamp.0 += self.me * 100;
            }
            applied.state.apply(&batch, &contents)
        });
        if let EntryPayload::Membership(membership) = entry.payload {
            applied.membership = StoredMembership::new(Some(entry.log_id), membership);
        }
        applied.last_applied = Some(entry.log_id);
        let comparison = &self.watchers.comparison;
        comparison.applied(entry.log_id.index, &applied.state);
        Ok(done.unwrap_or(command::Applied {
            replies: Vec::new(),
            events: Vec::new(),
            discarded: Discarded::default(),
        }))
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Checkpoint;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let applied = self.applied.read().unwrap_or_else(PoisonError::into_inner);
        Ok((applied.last_applied, applied.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let done = self.apply_entry(entry)?;
            if let Some(responder) = responder {
                responder.send(done.replies);
            }
            if !done.discarded.is_empty() {
                self.freeing.free(done.discarded);
            }
            if !done.events.is_empty() {
                // Closed only when the node is stopping.
                let _ = self.events.send(done.events).await;
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        let applied = self.applied.read().unwrap_or_else(PoisonError::into_inner);
        SnapshotBuilder {
            // Pages of messages are shared until one of the two changes them.
            applied: applied.clone(),
            checkpoints: self.checkpoints.clone(),
            latest: self.latest.clone(),
            storekeeper: self.watchers.storekeeper.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMeta,
        snapshot: Checkpoint,
    ) -> Result<(), io::Error> {
        let installed = self.checkpoints.install(&snapshot).await;
        let installed = installed.map_err(io::Error::other)?;
        set_latest(&self.latest, snapshot);
        let mut applied = self.applied.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = std::mem::replace(&mut *applied, installed);
        drop(applied);
        self.freeing.free(replaced);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(latest.clone().map(|checkpoint| Snapshot {
            meta: checkpoint.announced.meta.clone(),
            snapshot: checkpoint,
        }))
    }
}

fn set_latest(latest: &Mutex<Option<Checkpoint>>, checkpoint: Checkpoint) {
    *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint);
}

/// The state as it was at one moment, to be written once while the original goes on.
pub(crate) struct SnapshotBuilder {
    applied: AppliedState,
    checkpoints: Checkpoints,
    latest: Arc<Mutex<Option<Checkpoint>>>,
    storekeeper: Storekeeper,
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = Checkpoint;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let mut applied = std::mem::take(&mut self.applied);
        let meta = applied.meta();
        let through = applied.last_applied.map_or(0, |last| last.index);
        applied.state = applied.state.for_snapshot();
        let state = applied.state.clone();
        let checkpoint = self.checkpoints.save(applied).await?;
        set_latest(&self.latest, checkpoint.clone());
        self.storekeeper.checkpointed(state, through);
        Ok(Snapshot {
            meta,
            snapshot: checkpoint,
        })
    }
}

/// Reads the applied state.
pub(crate) fn read<T>(applied: &Applied, read: impl FnOnce(&State) -> T) -> T {
    read(&applied.read().unwrap_or_else(PoisonError::into_inner).state)
}

/// The last entry applied, if there is one.
pub(crate) fn applied_index(applied: &Applied) -> Option<u64> {
    let applied = applied.read().unwrap_or_else(PoisonError::into_inner);
    applied.last_applied.map(|last| last.index)
}

/// The last entry applied, and the hash of the state after it.
pub(crate) fn fingerprint(applied: &Applied) -> (u64, u64) {
    let applied = applied.read().unwrap_or_else(PoisonError::into_inner);
    let index = applied.last_applied.map_or(0, |last| last.index);
    (index, applied.state.hash())
}
