//! What a node takes of the machine, as the machine tells: memory and disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::cluster::TestCluster;

/// What one node takes at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// Which node.
    pub id: u64,
    /// Its process.
    pub pid: i32,
    /// Resident memory.
    pub resident_bytes: u64,
    /// The most that was resident since the process started.
    pub peak_bytes: u64,
    /// Blocks of the disk that its folder takes.
    pub disk_bytes: u64,
}

/// What each living node takes now.
pub fn of_each_node(cluster: &TestCluster) -> Vec<Footprint> {
    let status = cluster.status();
    let nodes = status.nodes.iter().filter_map(|node| {
        let pid = node.pid?;
        // A node that is killed meanwhile takes nothing.
        let told = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(Footprint {
            id: node.id,
            pid,
            resident_bytes: kibibytes(&told, "VmRSS:")?,
            peak_bytes: kibibytes(&told, "VmHWM:")?,
            disk_bytes: disk_bytes(&cluster.node_folder(node.id)),
        })
    });
    nodes.collect()
}

fn kibibytes(told: &str, name: &str) -> Option<u64> {
    let line = told.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

/// The blocks of all files below a folder. Files may go while it counts.
fn disk_bytes(path: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    let Ok(entry) = path.symlink_metadata() else {
        return 0;
    };
    let below = std::fs::read_dir(path).into_iter().flatten().flatten();
    let below: u64 = below.map(|entry| disk_bytes(&entry.path())).sum();
    entry.blocks() * BLOCK_BYTES + below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_the_kernel_tells_it() {
        let told = "Name:\tzonemq\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kibibytes(told, "VmRSS:"), Some(1 << 20));
        assert_eq!(kibibytes(told, "VmHWM:"), Some(2 << 20));
        assert_eq!(kibibytes(told, "VmSwap:"), None);
    }

    #[test]
    fn the_disk_is_counted_in_blocks_and_through_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = disk_bytes(folder.path());
        let below = folder.path().join("below");
        std::fs::create_dir(&below).expect("made");
        std::fs::write(below.join("file"), vec![1; 1 << 20]).expect("written");
        assert!(disk_bytes(folder.path()) >= empty + (1 << 20));
        assert_eq!(disk_bytes(&folder.path().join("gone")), 0);
    }
}
