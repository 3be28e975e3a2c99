//! Keeps some space on the disk for what makes space: when it becomes scarce, sends are refused,
//! so that messages can still be deleted, votes be kept and snapshots be taken.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use zonemq_raft::Group;
use zonemq_world::{Disk, Urgency, World};

const CHECK: Duration = Duration::from_secs(1);
/// For the deletes of a backlog, and for segments that are made ready.
const RESERVED_SEGMENTS: u64 = 4;
/// For a snapshot beside the one before it; about what a message takes in both.
const SNAPSHOT_MESSAGE_BYTES: u64 = 130;

/// Whether there is space for more messages. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    is_scarce: Arc<AtomicBool>,
}

impl Space {
    /// Whether sends are to be refused.
    pub(crate) fn is_scarce(&self) -> bool {
        self.is_scarce.load(Ordering::Relaxed)
    }

    /// Watches the disk of a folder until `group` is of interest to nobody else.
    pub(crate) fn watch<W: World>(
        &self,
        world: &W,
        folder: PathBuf,
        segment_bytes: u64,
        group: &Arc<Group>,
    ) -> std::io::Result<()> {
        let disk = world.disk().clone();
        let group = Arc::downgrade(group);
        let is_scarce = self.is_scarce.clone();
        world
            .disk()
            .spawn("disk-space", Urgency::Background, async move {
                while let Some(group) = group.upgrade() {
                    let messages = group.read(zonemq_queue::state::State::messages);
                    drop(group);
                    let reserve =
                        RESERVED_SEGMENTS * segment_bytes + messages * SNAPSHOT_MESSAGE_BYTES;
                    // A disk that cannot tell is not full for that.
                    let free = disk.free_bytes(&folder).await.unwrap_or(u64::MAX);
                    let now = free < reserve;
                    if is_scarce.swap(now, Ordering::Relaxed) != now {
                        let (free, reserve) = (free >> 20, reserve >> 20);
                        if now {
                            tracing::warn!(free, reserve, "MiB are left: sends are refused");
                        } else {
                            tracing::info!(free, reserve, "MiB are left: sends are taken again");
                        }
                    }
                    sleep(CHECK).await;
                }
            })
    }
}
