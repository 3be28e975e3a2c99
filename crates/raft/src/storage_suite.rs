//! openraft's own suite of what it expects of a log and a state machine, run on ours with real
//! files.

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;
use tokio::sync::mpsc;
use zonemq_queue::command::Event;
use zonemq_wal::{GroupId, Options, Wal};
use zonemq_world::real::RealWorld;

use crate::log_store::LogStore;
use crate::snapshot_file::SnapshotFile;
use crate::state_machine::StateMachine;
use crate::types::TypeConfig;

struct OnFiles;

/// What must outlive a store under test.
struct Kept {
    _folder: TempDir,
    _events: mpsc::Receiver<Vec<Event>>,
}

impl StoreBuilder<TypeConfig, LogStore, StateMachine, Kept> for OnFiles {
    async fn build(&self) -> Result<(Kept, LogStore, StateMachine), StorageError<TypeConfig>> {
        let folder = tempfile::tempdir().unwrap();
        let world = RealWorld::new();
        let group = GroupId(0);
        let options = Options {
            segment_bytes: 1 << 20,
            directory: folder.path().join("log"),
        };
        let (wal, mut recovered) = Wal::open(&world, options).await.unwrap();
        let log = recovered.groups.remove(&group).unwrap_or_default();
        let log = LogStore::new(group, wal, log).unwrap();
        let (snapshots, latest) =
            SnapshotFile::open(&world, group, &folder.path().join("snapshots"))
                .await
                .unwrap();
        let (events_sender, events) = mpsc::channel(16);
        let machine = StateMachine::new(1, latest.unwrap_or_default(), snapshots, events_sender);
        let kept = Kept {
            _folder: folder,
            _events: events,
        };
        Ok((kept, log, machine))
    }
}

#[tokio::test]
async fn the_log_and_the_state_machine_do_what_openraft_expects() {
    Suite::test_all(OnFiles).await.unwrap();
}
