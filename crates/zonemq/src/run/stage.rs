//! The cluster on which a scenario is played: one for it alone, or one that runs already.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use zonemq_scenario::Size;

use super::steps::Member;
use crate::args::DataArgs;
use crate::cluster::{Cluster, DataFolder};
use crate::failure::Failure;
use crate::fault;
use crate::launch;
use crate::lock::{self, Held};
use crate::stop_signal::StopSignal;

/// A little longer than `up` itself waits.
const READY_WITHIN: Duration = Duration::from_secs(70);
/// `up` stops its nodes first; each may take its time.
const GONE_WITHIN: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The cluster's folder in the temporary one.
const CLUSTER: &str = "cluster";
/// Shorter than clients wait, so that they hear of it.
const REQUEST_TIMEOUT: &str = "5s";

/// A running cluster.
pub(super) struct Stage {
    pub(super) data: DataArgs,
    pub(super) folder: DataFolder,
    pub(super) cluster: Cluster,
    own: Option<Own>,
}

/// A cluster for one run: `zonemq up`, which ends with this process.
struct Own {
    up: Child,
    /// `up` follows whoever holds this lock.
    _held: Held,
    home: TempDir,
}

impl Stage {
    /// Starts a cluster in a temporary folder on free ports; nothing of it stays if that fails, or is
    /// stopped.
    pub(super) async fn build(size: Size, stop: &mut StopSignal) -> Result<Stage, Failure> {
        let mut own = Own::start(size)?;
        let data = own.home.path().join(CLUSTER);
        let folder = DataFolder::at(&data)?;
        let formed = tokio::select! {
            formed = wait_until_formed(&folder, &mut own.up) => formed,
            () = stop.received() => Err(anyhow!("the run was interrupted").into()),
        };
        match formed {
            Ok(cluster) => Ok(Stage {
                data: DataArgs { data },
                folder,
                cluster,
                own: Some(own),
            }),
            Err(failure) => {
                own.end().await?;
                Err(failure)
            }
        }
    }

    /// Takes a cluster that runs.
    pub(super) fn enter(data: &Path) -> Result<Stage, Failure> {
        let (folder, cluster) = DataFolder::existing(data)?;
        if folder.living(&cluster.nodes)?.is_empty() {
            return Err(Failure::Usage(format!(
                "the cluster in {} does not run; `zonemq up` starts it",
                folder.path().display()
            )));
        }
        Ok(Stage {
            data: DataArgs {
                data: data.to_owned(),
            },
            folder,
            cluster,
            own: None,
        })
    }

    /// Whether it is there for this run alone.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    pub(super) fn members(&self) -> Vec<Member> {
        let nodes = self.cluster.nodes.iter();
        let member = nodes.map(|node| Member {
            id: node.id,
            zone: node.zone.clone(),
        });
        member.collect()
    }

    /// Nodes that have ended though nobody stopped them.
    pub(super) fn fallen(&self) -> anyhow::Result<Vec<String>> {
        let stopped = fault::stopped_nodes(&self.folder);
        let mut fallen = Vec::new();
        for node in &self.cluster.nodes {
            if self.folder.node_pid(node)?.is_none() && !stopped.contains(&node.id) {
                fallen.push(node.name());
            }
        }
        Ok(fallen)
    }

    /// Stops the cluster and removes its folder, if it was there for this run alone.
    pub(super) async fn close(self) -> Result<(), Failure> {
        match self.own {
            Some(own) => Ok(own.end().await?),
            None => Ok(()),
        }
    }
}

impl Own {
    fn start(size: Size) -> anyhow::Result<Own> {
        let home = tempfile::Builder::new().prefix("zonemq-run-").tempdir();
        let home = home.context("no temporary folder can be made")?;
        let lock_file = home.path().join("run.pid");
        let held = lock::take(&lock_file).context("the temporary folder cannot be locked")?;
        let held = held.context("a new file is locked by somebody else")?;
        Ok(Own {
            up: start(size, &home.path().join(CLUSTER), &lock_file)?,
            _held: held,
            home,
        })
    }

    /// Stops the cluster in good order, and removes its folder.
    async fn end(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.up.id().and_then(|pid| i32::try_from(pid).ok()) {
            launch::signal(Pid::from_raw(pid), Signal::SIGTERM)?;
        }
        let gone = tokio::time::timeout(GONE_WITHIN, self.up.wait()).await;
        gone.context("the cluster of this run did not stop")?
            .context("the cluster of this run cannot be waited for")?;
        self.home.close().context("the temporary folder stays")
    }
}

fn start(size: Size, data: &Path, lock_file: &Path) -> anyhow::Result<Child> {
    let zones: Vec<String> = (b'a'..=b'z')
        .take(size.zones.into())
        .map(|letter| char::from(letter).to_string())
        .collect();
    let program = std::env::current_exe().context("the path of zonemq itself is unknown")?;
    Command::new(program)
        .args(["up", "--port", "0", "--request-timeout", REQUEST_TIMEOUT])
        .args(["--zones", &zones.join(",")])
        .args(["--nodes-per-zone", &size.nodes_per_zone.to_string()])
        .arg("--data")
        .arg(data)
        .arg("--stop-with")
        .arg(lock_file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // Ctrl-C in the terminal is for this process, which ends the run in good order.
        .process_group(0)
        .spawn()
        .context("the cluster of this run cannot be started")
}

/// Waits until the nodes have agreed.
async fn wait_until_formed(folder: &DataFolder, up: &mut Child) -> Result<Cluster, Failure> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        if let Some(cluster) = folder.load()?
            && cluster.formed
        {
            return Ok(cluster);
        }
        if let Some(how) = up.try_wait().context("`zonemq up` cannot be waited for")? {
            return Err(anyhow!("the cluster of this run did not start ({how})").into());
        }
        if Instant::now() > deadline {
            return Err(anyhow!("the cluster of this run was not ready in time").into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
