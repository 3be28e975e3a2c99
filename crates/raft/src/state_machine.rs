//! openraft's state machine: applies committed entries to the queues' state, and takes and
//! installs snapshots of it.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::mpsc;
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::command::{Batch, Event};
use zonemq_queue::state::State;

use crate::codec;
use crate::snapshot_file::{self, SnapshotFile, StoredSnapshot};
use crate::types::{LogEntry, LogId, NodeId, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// What is applied, with the place in the log up to which it is.
pub(crate) type Applied = Arc<RwLock<StoredSnapshot>>;

/// The replicated state of one group.
pub(crate) struct StateMachine {
    me: NodeId,
    applied: Applied,
    snapshots: SnapshotFile,
    events: mpsc::Sender<Vec<Event>>,
}

impl StateMachine {
    /// Goes on from what the latest snapshot holds. What each batch makes visible is told to
    /// `events`.
    pub(crate) fn new(
        me: NodeId,
        latest: StoredSnapshot,
        snapshots: SnapshotFile,
        events: mpsc::Sender<Vec<Event>>,
    ) -> StateMachine {
        StateMachine {
            me,
            applied: Arc::new(RwLock::new(latest)),
            snapshots,
            events,
        }
    }

    pub(crate) fn applied(&self) -> Applied {
        self.applied.clone()
    }

    /// Applies one entry; the replies are for the leader that waits for them.
    fn apply_entry(&self, entry: LogEntry) -> io::Result<zonemq_queue::command::Applied> {
        let mut applied = self.applied.write().unwrap_or_else(PoisonError::into_inner);
        let done = match entry.payload {
            EntryPayload::Blank => None,
            EntryPayload::Normal(payload) => {
                let mut batch: Batch = codec::decode(&payload.0).map_err(io::Error::other)?;
                if is_planted(Bug::ClockOfTheReplica) {
                    // Clocks of machines are never quite the same.
                    batch.stamp.0 += self.me * 100;
                }
                Some(applied.state.apply(&batch))
            }
            EntryPayload::Membership(membership) => {
                applied.membership = StoredMembership::new(Some(entry.log_id), membership);
                None
            }
        };
        applied.last_applied = Some(entry.log_id);
        Ok(done.unwrap_or(zonemq_queue::command::Applied {
            replies: Vec::new(),
            events: Vec::new(),
        }))
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Bytes;
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
            // Bodies are shared, not copied: this copies the index alone.
            snapshot: applied.clone(),
            snapshots: self.snapshots.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMeta,
        snapshot: Bytes,
    ) -> Result<(), io::Error> {
        let installed = snapshot_file::from_bytes(&snapshot).map_err(io::Error::other)?;
        self.snapshots.save(snapshot).await?;
        *self.applied.write().unwrap_or_else(PoisonError::into_inner) = installed;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let Some(bytes) = self.snapshots.load().await? else {
            return Ok(None);
        };
        let snapshot = snapshot_file::from_bytes(&bytes).map_err(io::Error::other)?;
        Ok(Some(Snapshot {
            meta: meta(&snapshot),
            snapshot: bytes,
        }))
    }
}

fn meta(snapshot: &StoredSnapshot) -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: snapshot.last_applied,
        last_membership: snapshot.membership.clone(),
    }
}

/// A copy of the state as it was at one moment, to be written once while the original goes on.
pub(crate) struct SnapshotBuilder {
    snapshot: StoredSnapshot,
    snapshots: SnapshotFile,
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let meta = meta(&self.snapshot);
        let mut snapshot = std::mem::take(&mut self.snapshot);
        snapshot.state = snapshot.state.for_snapshot();
        let snapshot = self.snapshots.encode_and_save(snapshot).await?;
        Ok(Snapshot { meta, snapshot })
    }
}

/// Reads the applied state.
pub(crate) fn read<T>(applied: &Applied, read: impl FnOnce(&State) -> T) -> T {
    read(&applied.read().unwrap_or_else(PoisonError::into_inner).state)
}

/// The last entry applied, and the hash of the state after it.
pub(crate) fn fingerprint(applied: &Applied) -> (u64, u64) {
    let applied = applied.read().unwrap_or_else(PoisonError::into_inner);
    let index = applied.last_applied.map_or(0, |last| last.index);
    (index, applied.state.hash())
}
