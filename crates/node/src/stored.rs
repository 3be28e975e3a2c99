//! What lies in the folder of a node that does not run: for `zonemq check-store`. Nothing is
//! changed, and all of it is read.

use std::path::{Path, PathBuf};

use zonemq_raft::StoredGroup;
use zonemq_wal::{DamagedWrite, OpenError, Progress, StoppedLog};
use zonemq_world::World;

use crate::router::GROUP;

/// A node's store.
#[derive(Debug)]
pub struct Stored {
    /// The files of the log.
    pub segments: usize,
    /// Their bytes, prepared room included.
    pub log_bytes: u64,
    /// Where the log is not as it was written. What was lost by it is told by the group.
    pub damage: Vec<DamagedWrite>,
    /// The group that this node serves.
    pub group: StoredGroup,
}

impl Stored {
    /// Reads the store in a node's `data` folder, see [`crate::NodeConfig::data`].
    pub async fn read<W: World>(
        world: &W,
        data: &Path,
        progress: &Progress,
    ) -> Result<Stored, OpenError> {
        let log = StoppedLog::read(world, &log_folder(data), progress).await?;
        let snapshots = snapshots_folder(data);
        Ok(Stored {
            group: StoredGroup::read(world, &log, GROUP, &snapshots, progress).await,
            segments: log.segments,
            log_bytes: log.bytes,
            damage: log.recovered.damage,
        })
    }
}

/// Where the log lies in a node's folder.
pub(crate) fn log_folder(data: &Path) -> PathBuf {
    data.join("log")
}

/// Where the snapshots lie.
pub(crate) fn snapshots_folder(data: &Path) -> PathBuf {
    data.join("snapshots")
}
