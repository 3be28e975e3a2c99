//! What the machine is, as far as it decides about speed: without it, figures of two days cannot be
//! compared.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A machine. What it does not tell is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name for itself.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory.
    pub memory_bytes: u64,
    /// Version of the kernel.
    pub kernel: String,
    /// The file system on which everything was written.
    pub file_system: String,
    /// How many tasks wanted a core before the set began, on average of a minute: others at work
    /// make its figures worse.
    pub load_before: String,
}

impl Machine {
    /// This one, with the file system of a folder.
    pub fn this(folder: &Path) -> Machine {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let folder = fs::canonicalize(folder).unwrap_or_default();
        Machine {
            processor: value(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_bytes: memory(&read("/proc/meminfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&read("/proc/mounts"), &folder),
            load_before: first_word(&read("/proc/loadavg")),
        }
    }
}

fn value(told: &str, name: &str) -> String {
    let mut lines = told.lines().filter_map(|line| line.split_once(':'));
    let line = lines.find(|(key, _)| key.trim() == name);
    line.map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn memory(told: &str) -> u64 {
    let kibibytes: u64 = first_word(&value(told, "MemTotal"))
        .parse()
        .unwrap_or_default();
    kibibytes * 1024
}

fn first_word(told: &str) -> String {
    told.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The type of the mount that is deepest above the folder.
fn file_system(mounts: &str, folder: &Path) -> String {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        Some((Path::new(fields.next()?), fields.next()?))
    });
    let above = mounts.filter(|(place, _)| folder.starts_with(place));
    let deepest = above.max_by_key(|(place, _)| place.components().count());
    deepest.map(|(_, kind)| kind.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_read_as_the_kernel_tells_it() {
        let processors = "processor\t: 0\nmodel name\t: Fast: 9\nprocessor\t: 1\n";
        assert_eq!(value(processors, "model name"), "Fast: 9");
        assert_eq!(memory("MemTotal:  16 kB\nMemFree: 1 kB\n"), 16 * 1024);
        assert_eq!(memory(""), 0);
        assert_eq!(first_word("0.25 0.50 1.00 1/100 7\n"), "0.25");
    }

    #[test]
    fn a_folder_is_on_the_file_system_that_is_mounted_deepest_above_it() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/b /run/disk xfs rw 0 0\n";
        let of = |folder: &str| file_system(mounts, Path::new(folder));
        assert_eq!(of("/srv/bench"), "ext4");
        assert_eq!(of("/run/disk/bench"), "xfs");
        assert_eq!(of("/run/disks"), "tmpfs");
        assert_eq!(file_system("", Path::new("/srv")), "");
    }
}
