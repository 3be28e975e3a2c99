//! What processes take of the machine, as Linux tells below `/proc`; elsewhere nothing is known.

use serde::{Deserialize, Serialize};

/// The unit of `/proc/PID/stat`, which Linux keeps at this on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the servers took while the load ran.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// Time on a CPU, in user and in kernel code, of all processes together.
    pub cpu_seconds: f64,
    /// Messages for each of those seconds.
    pub messages_per_cpu_second: f64,
    /// Resident memory of all processes together, at the end.
    pub resident_bytes: u64,
}

/// Time on a CPU that these processes have had; nothing where there are none, or one is gone.
pub fn cpu_seconds(pids: &[u32]) -> Option<f64> {
    let each = pids.iter().map(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        ticks(&stat)
    });
    let ticks: Option<f64> = each.sum();
    Some(ticks? / TICKS_PER_SECOND).filter(|_| !pids.is_empty())
}

/// Resident memory of these processes; nothing where there are none, or one is gone.
pub fn resident_bytes(pids: &[u32]) -> Option<u64> {
    let each = pids.iter().map(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        resident(&status)
    });
    let bytes: Option<u64> = each.sum();
    bytes.filter(|_| !pids.is_empty())
}

/// Fields 14 and 15; the second one, a name in parentheses, may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let user: f64 = fields.nth(11)?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_read_as_the_kernel_tells_them() {
        let stat = "7 (a ) name) S 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 1 0 5 1 1";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(ticks("7 (x) S 1"), None);
        let status = "VmHWM:\t 2048 kB\nVmRSS:\t 1024 kB\n";
        assert_eq!(resident(status), Some(1 << 20));
    }

    #[test]
    fn nothing_is_told_of_processes_that_are_gone() {
        let this = std::process::id();
        assert!(cpu_seconds(&[this]).is_some());
        assert_eq!(cpu_seconds(&[this, u32::MAX]), None);
        assert_eq!(cpu_seconds(&[]), None);
        assert_eq!(resident_bytes(&[u32::MAX]), None);
    }
}
