//! Servers as processes: each ends with the value that stands for it, and so does all that it
//! started itself.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Three Erlang nodes that form a cluster on a busy machine take most of it.
const READY_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What a killed process needs to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A server. It is killed when this is dropped: what it has stored is of no use to anybody.
pub(crate) struct Server {
    process: Child,
    log: PathBuf,
}

impl Server {
    /// Starts it in a process group of its own, so that a Ctrl-C ends it through us alone. What it
    /// prints goes to the log.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Server> {
        let out = File::create(log).with_context(|| format!("{} cannot be made", log.display()))?;
        let process = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        Ok(Server {
            process,
            log: log.to_owned(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has printed this.
    pub(crate) async fn prints(&mut self, text: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let log = fs::read(&self.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            if log.contains(text) {
                return Ok(());
            }
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(10)..].join("\n  ");
            if let Some(status) = self.process.try_wait()? {
                bail!("a server ended with {status}; its last words:\n  {end}");
            }
            if Instant::now() > deadline {
                bail!("a server is not ready in time; its last words:\n  {end}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Before it is killed: afterwards its children are somebody else's.
        let mut all = descendants(self.pid());
        all.push(self.pid());
        for pid in &all {
            signal(*pid);
        }
        let _ = self.process.wait();
        let deadline = Instant::now() + GONE_WITHIN;
        while all.iter().any(|pid| parent(*pid).is_some()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A port that is free now, and that nobody else is likely to take before it is used.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn signal(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        // One that has ended already is not there to be killed.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// All that this process started, and all that those did.
fn descendants(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&above) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == above)
                .map(|(pid, _)| pid),
        );
        next += 1;
    }
    found.split_off(1)
}

/// The parent of a process that lives: field 4 of `/proc/PID/stat`. The second one, a name in parentheses, may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    // A zombie does nothing any more; whoever should bury it may be slow.
    let is_dead = fields.next()? == "Z";
    fields.next()?.parse().ok().filter(|_| !is_dead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_ends_with_its_value_and_takes_along_what_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & setsid sleep 600 & echo ready; wait"]);
        let server = Server::start(&mut command, &folder.path().join("log")).expect("started");
        let deadline = Instant::now() + GONE_WITHIN;
        while descendants(server.pid()).len() < 2 {
            assert!(Instant::now() < deadline, "it starts its own");
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut all = descendants(server.pid());
        all.push(server.pid());
        drop(server);
        let left: Vec<&u32> = all.iter().filter(|pid| parent(**pid).is_some()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
