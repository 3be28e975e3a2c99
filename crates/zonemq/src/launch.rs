//! Starts node processes, signals them, and waits until they are gone.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use zonemq_node::Fault;

use crate::args::Switch;
use crate::cluster::{Cluster, DataFolder, LocalNode};
use crate::threads;

/// A node hands leadership over and syncs its log within this, or is killed.
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// How often a lock is looked at while waiting for a process to end.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Whom a node outlives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// It runs until it is stopped.
    Detached,
    /// It stops when the `up` that supervises the cluster ends, even by SIGKILL.
    FollowsUp,
}

/// Starts the process of a node, under `faults`; its log goes to `node.log` in its folder.
pub(crate) fn start(
    folder: &DataFolder,
    cluster: &Cluster,
    node: &LocalNode,
    lifetime: Lifetime,
    faults: &[Fault],
) -> anyhow::Result<Child> {
    let home = folder.node_folder(node);
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    let log_file = log_file(folder, node);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_file)
        .with_context(|| format!("{} cannot be written", log_file.display()))?;

    // A minute is long in a test, and short in production.
    let cooldowns = cluster.service.aws_cooldowns.unwrap_or(Switch::Off);
    let program = std::env::current_exe().context("the path of zonemq itself is unknown")?;
    let mut command = Command::new(program);
    command
        .args(["node", "--enable-faults"])
        .args(["--cluster", &cluster.name])
        .args(["--id", &node.id.to_string()])
        .arg("--data")
        .arg(&home)
        .args(["--account", &cluster.service.account])
        .args(["--region", &cluster.service.region])
        .args(["--aws-cooldowns", cooldowns.as_str()])
        .args([
            "--request-timeout",
            &cluster.service.request_timeout.to_string(),
        ])
        .args(["--scrub-pause", &cluster.service.scrub_pause.to_string()])
        .args(["--threads", &threads::of_one_among_several().to_string()]);
    for member in &cluster.nodes {
        command.args(["--member", &member.member().to_string()]);
    }
    if !cluster.formed && node.id == cluster.nodes[0].id {
        command.arg("--bootstrap");
    }
    if lifetime == Lifetime::FollowsUp {
        command.arg("--stop-with").arg(folder.up_lock());
    }
    if !faults.is_empty() {
        let faults = serde_json::to_string(faults).context("faults cannot be written")?;
        command.args(["--active-faults", &faults]);
    }
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("the log file cannot be shared")?)
        .stderr(log)
        // Ctrl-C in the terminal is for `up`, which stops the nodes in good order.
        .process_group(0)
        .spawn()
        .with_context(|| format!("{} cannot be started", node.name()))
}

/// Where a node's log lies.
pub(crate) fn log_file(folder: &DataFolder, node: &LocalNode) -> PathBuf {
    folder.node_folder(node).join("node.log")
}

/// Sends a signal. A process that is gone already is no error.
pub(crate) fn signal(pid: Pid, signal: Signal) -> anyhow::Result<()> {
    match kill(pid, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{signal} cannot be sent to {pid}")),
    }
}

/// Stops these nodes gracefully, paused ones too; kills those that do not end in time. Returns
/// the names of those that had to be killed.
pub(crate) async fn stop(folder: &DataFolder, nodes: &[LocalNode]) -> anyhow::Result<Vec<String>> {
    for (_, pid) in folder.living(nodes)? {
        signal(pid, Signal::SIGTERM)?;
        signal(pid, Signal::SIGCONT)?;
    }
    if wait_until_gone(folder, nodes, STOP_WITHIN).await? {
        return Ok(Vec::new());
    }
    let stubborn = folder.living(nodes)?;
    for (_, pid) in &stubborn {
        signal(*pid, Signal::SIGKILL)?;
    }
    wait_until_gone(folder, nodes, STOP_WITHIN).await?;
    Ok(stubborn.iter().map(|(node, _)| node.name()).collect())
}

/// Waits until none of these nodes lives any more; `false` where the time was too short.
pub(crate) async fn wait_until_gone(
    folder: &DataFolder,
    nodes: &[LocalNode],
    within: Duration,
) -> anyhow::Result<bool> {
    wait_until(within, || Ok(folder.living(nodes)?.is_empty())).await
}

/// Waits until this is so; `false` where the time was too short.
pub(crate) async fn wait_until(
    within: Duration,
    is_so: impl Fn() -> anyhow::Result<bool>,
) -> anyhow::Result<bool> {
    let deadline = Instant::now() + within;
    while !is_so()? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(true)
}
