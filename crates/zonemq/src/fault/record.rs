//! What no node can remember, because it is dead or stands still: `faults.json` in the data folder
//! says which processes were stopped on purpose, and until when. Numbers of faults are given here.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};
use zonemq_world::{Clock, World, real::RealWorld};

use crate::cluster::DataFolder;
use crate::lock::{self, Held};

/// Whoever has the record is done with it in milliseconds.
const FREE_WITHIN: Duration = Duration::from_secs(10);
/// A deed may wait for a node that is slow to start.
const DONE_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The contents of `faults.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// The last number that a fault got.
    pub(super) last_number: u64,
    pub(super) stopped: Vec<Stopped>,
}

/// Processes that were stopped on purpose.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stopped {
    pub(super) number: u64,
    pub(super) words: String,
    pub(super) how: Stop,
    /// Those that still are.
    pub(super) nodes: Vec<u64>,
    pub(super) until_unix_millis: Option<u64>,
}

/// How a process was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stop {
    /// Undone by a restart.
    Killed,
    /// Undone by SIGCONT.
    Paused,
}

impl Stopped {
    /// What is left of its time: `None` where it has no end.
    pub(super) fn left(&self) -> Option<Duration> {
        let until = self.until_unix_millis?;
        Some(Duration::from_millis(until.saturating_sub(now_millis())))
    }
}

/// The end of something that lasts so long from now.
pub(super) fn until(lasts: Duration) -> u64 {
    now_millis().saturating_add(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX))
}

fn now_millis() -> u64 {
    RealWorld::new().clock().now_millis()
}

/// Reads the record. One that is missing or broken says nothing: mending must always work.
pub(super) fn read(folder: &DataFolder) -> Record {
    fs::read(folder.faults_file())
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

/// Changes the record while nobody else does.
pub(super) async fn change<T>(
    folder: &DataFolder,
    change: impl FnOnce(&mut Record) -> T,
) -> anyhow::Result<T> {
    let _held = take(&folder.faults_lock(), FREE_WITHIN).await?;
    let mut record = read(folder);
    let done = change(&mut record);
    record.stopped.retain(|stopped| !stopped.nodes.is_empty());
    let file = folder.faults_file();
    let new = file.with_extension("json.new");
    fs::write(&new, serde_json::to_string_pretty(&record)? + "\n")
        .and_then(|()| fs::rename(&new, &file))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(done)
}

/// Lets nobody else break or mend this cluster while the value lives. Whoever undoes a fault whose
/// time is over would else start a node under faults that a `heal` ends at the same moment.
pub(super) async fn alone(folder: &DataFolder) -> anyhow::Result<Held> {
    take(&folder.fault_deeds_lock(), DONE_WITHIN).await
}

async fn take(path: &Path, within: Duration) -> anyhow::Result<Held> {
    let deadline = Instant::now() + within;
    loop {
        let taken = lock::take(path);
        if let Some(held) = taken.with_context(|| format!("{} cannot be locked", path.display()))? {
            return Ok(held);
        }
        if Instant::now() > deadline {
            let who = lock::holder(path).ok().flatten();
            let pid = who.map_or(String::new(), |pid| format!(" (pid {pid})"));
            return Err(anyhow!(
                "another `zonemq fault`{pid} has been at work for {} s: end it, and try again",
                within.as_secs()
            ));
        }
        // Nobody tells when a lock is free but to a thread that blocks.
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// These nodes run again: no fault stops them any more.
pub(super) async fn run_again(folder: &DataFolder, nodes: &[u64]) -> anyhow::Result<()> {
    change(folder, |record| {
        for stopped in &mut record.stopped {
            stopped.nodes.retain(|id| !nodes.contains(id));
        }
    })
    .await
}

/// The nodes whose processes were stopped on purpose, and are not started yet.
pub(crate) fn stopped_nodes(folder: &DataFolder) -> Vec<u64> {
    let stopped = read(folder).stopped.into_iter();
    stopped.flat_map(|stopped| stopped.nodes).collect()
}

/// Forgets all faults: the cluster starts or stops as a whole.
pub(crate) fn forget(folder: &DataFolder) -> anyhow::Result<()> {
    match fs::remove_file(folder.faults_file()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context("the record of faults cannot be removed")
        }
        _ => Ok(()),
    }
}
