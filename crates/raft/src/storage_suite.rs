//! openraft's own suite of what it expects of a log and a state machine, run on ours with real
//! files.

use std::collections::{BTreeMap, BTreeSet};

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;
use tokio::sync::mpsc;
use zonemq_queue::command::Event;
use zonemq_wal::{GroupId, Options, Wal};
use zonemq_world::real::RealWorld;

use crate::group_store::{GroupStore, Owner};
use crate::link::Peers;
use crate::log_store::LogStore;
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
            progress: zonemq_wal::Progress::default(),
            directory: folder.path().join("log"),
        };
        let (wal, mut recovered) = Wal::open(&world, options).await.unwrap();
        let log = recovered.groups.remove(&group).unwrap_or_default();
        let (events_sender, events) = mpsc::channel(16);
        let owner = Owner {
            group,
            me: 1,
            voters: &BTreeSet::from([1]),
            snapshots: &folder.path().join("snapshots"),
            compare_every: 100,
            progress: zonemq_wal::Progress::default(),
        };
        let nobody = Peers::new(&world, "test", 1, &BTreeMap::new());
        let store = GroupStore::open(&world, owner, wal, log, nobody, events_sender)
            .await
            .unwrap();
        let kept = Kept {
            _folder: folder,
            _events: events,
        };
        Ok((kept, store.log, store.machine))
    }
}

#[tokio::test]
async fn the_log_and_the_state_machine_do_what_openraft_expects() {
    Suite::test_all(OnFiles).await.unwrap();
}
