//! Undoes faults: one by its number, or all.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use nix::sys::signal::Signal;
use serde::Serialize;
use zonemq_node::outlook::names;

use super::args::Telling;
use super::record::{self, Stop};
use super::site::Site;
use crate::args::DataArgs;
use crate::cluster::DataFolder;
use crate::failure::Failure;
use crate::launch;
use crate::say::say;
use crate::status::{self, ClusterStatus};

/// The record may change sooner than the time is over: somebody else undoes the fault.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A node that was told to go on answers within this.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
const WHOLE_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(20);

/// What `heal --json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Healed {
    restarted: usize,
    leader: u64,
    term: u64,
    took_millis: u64,
}

/// Undoes one fault.
pub(super) async fn undo(number: u64, telling: &Telling) -> Result<(), Failure> {
    let site = Site::open(&telling.data)?;
    let _alone = record::alone(&site.folder).await?;
    let stopped = record::read(&site.folder).stopped;
    let mut deaf = Vec::new();
    let words = if let Some(stopped) = stopped.into_iter().find(|it| it.number == number) {
        if !telling.dry_run {
            match stopped.how {
                Stop::Paused => {
                    site.signal(&stopped.nodes, Signal::SIGCONT)?;
                    site.catch_up(&stopped.nodes).await?;
                }
                Stop::Killed => {
                    let faults = site.look().await?.faults();
                    let nodes = site.nodes(&stopped.nodes);
                    site.start_dead(&nodes, &faults).await?;
                }
            }
            record::run_again(&site.folder, &stopped.nodes).await?;
        }
        stopped.words
    } else {
        let seen = site.look().await?;
        let active = seen.active.get(&number).ok_or_else(|| {
            Failure::Usage(format!(
                "no fault {number} is active; `zonemq fault status` lists those that are"
            ))
        })?;
        if !telling.dry_run {
            deaf = site.untell(number, &seen.running()?).await;
        }
        active.fault.words.clone()
    };
    if !deaf.is_empty() {
        let (deaf, undo) = (names(&deaf), format!("zonemq fault undo {number}"));
        return Err(anyhow!("{deaf} did not answer and keeps to {words}: `{undo}` again").into());
    }
    let verb = if telling.dry_run {
        "Would undo"
    } else {
        "Undone"
    };
    if telling.json {
        say!(
            "{}",
            serde_json::json!({ "number": number, "fault": words })
        );
    } else {
        say!("{verb}: {words}.");
    }
    Ok(())
}

/// Undoes a fault of a process when its time is over, unless somebody else does before.
pub(super) async fn undo_when_due(number: u64, telling: &Telling) -> Result<(), Failure> {
    let site = Site::open(&telling.data)?;
    loop {
        let record = record::read(&site.folder);
        let Some(stopped) = record.stopped.iter().find(|it| it.number == number) else {
            return Ok(());
        };
        match stopped.left() {
            None => return Ok(()),
            Some(left) if left.is_zero() => return undo(number, telling).await,
            Some(left) => tokio::time::sleep(left.min(LOOK_EVERY)).await,
        }
    }
}

/// Undoes everything, waits until the cluster is whole, and tells how it is.
pub(super) async fn heal(telling: &Telling) -> Result<(), Failure> {
    if telling.dry_run {
        Site::open(&telling.data)?;
        say!("Would undo all faults, resume what is paused and restart what is dead.");
        return Ok(());
    }
    let began = Instant::now();
    let healed = heal_quietly(&telling.data).await?;
    if telling.json {
        let text = serde_json::to_string_pretty(&healed).map_err(anyhow::Error::from)?;
        say!("{text}");
    } else {
        let (_, cluster) = DataFolder::existing(&telling.data.data)?;
        say!(
            "Healed within {:.2} s: all {} nodes answer and have what is committed; n{} leads in \
             term {}.",
            began.elapsed().as_secs_f64(),
            cluster.nodes.len(),
            healed.leader,
            healed.term,
        );
    }
    Ok(())
}

/// Undoes everything, and waits until the cluster is whole.
pub(crate) async fn heal_quietly(data: &DataArgs) -> Result<Healed, Failure> {
    let began = Instant::now();
    let site = Site::open(data)?;
    let _alone = record::alone(&site.folder).await?;
    for (_, pid) in site.folder.living(&site.cluster.nodes)? {
        launch::signal(pid, Signal::SIGCONT)?;
    }
    record::change(&site.folder, |record| record.stopped.clear()).await?;
    // At the same time: those that live may be needed to hear of it, whoever is slow to start.
    let (restarted, mended) =
        tokio::join!(site.start_dead(&site.cluster.nodes, &[]), mend_all(&site));
    let restarted = restarted?;
    mended?;
    let (leader, term) = wait_until_whole(&site).await?;
    Ok(Healed {
        restarted,
        leader,
        term,
        took_millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Undoes all faults on the nodes that live, until each has answered.
async fn mend_all(site: &Site) -> Result<(), Failure> {
    let deadline = Instant::now() + ANSWERS_WITHIN;
    let living = site.folder.living(&site.cluster.nodes)?;
    let mut left: Vec<u64> = living.iter().map(|(node, _)| node.id).collect();
    loop {
        left = site.untell_all(&left).await;
        let still_living = site.folder.living(&site.nodes(&left))?.len();
        if still_living == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(anyhow!("{} cannot be told that faults are over", names(&left)).into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn wait_until_whole(site: &Site) -> Result<(u64, u64), Failure> {
    let deadline = Instant::now() + WHOLE_WITHIN;
    loop {
        let status = status::collect(&site.client, &site.folder, &site.cluster).await?;
        if let Some(whole) = whole(&status) {
            return Ok(whole);
        }
        if Instant::now() > deadline {
            return Err(anyhow!(
                "everything is undone, but the cluster is not whole after {} s: `zonemq status` \
                 shows what is missing",
                WHOLE_WITHIN.as_secs()
            )
            .into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Who leads, in which term, once all nodes follow and have what is committed.
fn whole(status: &ClusterStatus) -> Option<(u64, u64)> {
    let id = status.leader()?;
    let leader = status.nodes.iter().find(|node| node.id == id)?;
    let all_follow = status
        .nodes
        .iter()
        .all(|node| node.term == leader.term && node.applied_index >= leader.committed_index);
    all_follow.then_some((id, leader.term?))
}
