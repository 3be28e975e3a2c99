//! `zonemq fault`: breaks nodes of the local cluster on purpose, and mends them.

use std::time::Duration;

use anyhow::{Context, anyhow};
use nix::sys::signal::Signal;
use reqwest::Client;

use crate::args::{FaultAction, FaultArgs, Target};
use crate::cluster::{Cluster, DataFolder, LocalNode};
use crate::failure::Failure;
use crate::http;
use crate::launch::{self, Lifetime};
use crate::status;

/// SIGKILL takes effect within milliseconds; a process in a slow disk call may take longer.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// Recovery reads the log; the node answers `/admin/status` after that.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(15);

pub(crate) async fn run(args: FaultArgs) -> Result<(), Failure> {
    let (folder, cluster) = DataFolder::existing(&args.data.data)?;
    let client = http::client()?;
    let targets = resolve(&args.target, &client, &folder, &cluster).await?;
    match args.action {
        FaultAction::Kill => {
            signal_all(&folder, &targets, Signal::SIGKILL)?;
            if !launch::wait_until_gone(&folder, &targets, GONE_WITHIN).await? {
                return Err(anyhow!("{} did not die", names(&targets)).into());
            }
            println!("Killed {}.", names(&targets));
        }
        FaultAction::Pause => {
            signal_all(&folder, &targets, Signal::SIGSTOP)?;
            println!("Paused {}.", names(&targets));
        }
        FaultAction::Resume => {
            signal_all(&folder, &targets, Signal::SIGCONT)?;
            println!("Resumed {}.", names(&targets));
        }
        FaultAction::Restart => {
            restart(&client, &folder, &cluster, &targets).await?;
            println!("Restarted {}.", names(&targets));
        }
    }
    Ok(())
}

/// The nodes that are meant, at this moment.
async fn resolve(
    target: &Target,
    client: &Client,
    folder: &DataFolder,
    cluster: &Cluster,
) -> Result<Vec<LocalNode>, Failure> {
    let by_id = |id: u64| cluster.nodes.iter().filter(move |node| node.id == id);
    let found: Vec<LocalNode> = match target {
        Target::Node(id) => by_id(*id).cloned().collect(),
        Target::Zone(zone) => cluster
            .nodes
            .iter()
            .filter(|node| node.zone == *zone)
            .cloned()
            .collect(),
        Target::Leader => {
            let status = status::collect(client, folder, cluster).await?;
            let id = status.leader().context("no node leads at this moment")?;
            by_id(id).cloned().collect()
        }
        Target::Follower => {
            let status = status::collect(client, folder, cluster).await?;
            let id = status
                .follower()
                .context("no node follows at this moment")?;
            by_id(id).cloned().collect()
        }
    };
    if found.is_empty() {
        return Err(Failure::Usage(match target {
            Target::Zone(zone) => format!("this cluster has no zone {zone}"),
            _ => format!("this cluster has only {}", names(&cluster.nodes)),
        }));
    }
    Ok(found)
}

fn signal_all(folder: &DataFolder, targets: &[LocalNode], signal: Signal) -> Result<(), Failure> {
    let living = folder.living(targets)?;
    if living.is_empty() {
        return Err(anyhow!(
            "{} is not running; `zonemq fault restart` starts it",
            names(targets)
        )
        .into());
    }
    for (_, pid) in living {
        launch::signal(pid, signal)?;
    }
    Ok(())
}

/// Stops the targets that live, starts all of them, and waits until each answers.
async fn restart(
    client: &Client,
    folder: &DataFolder,
    cluster: &Cluster,
    targets: &[LocalNode],
) -> Result<(), Failure> {
    launch::stop(folder, targets).await?;
    let lifetime = match folder.up_pid()? {
        Some(_) => Lifetime::FollowsUp,
        None => Lifetime::Detached,
    };
    for node in targets {
        let mut child = launch::start(folder, cluster, node, lifetime)?;
        let answers = async {
            loop {
                let asked = client
                    .get(http::url(node.api, "/admin/status"))
                    .send()
                    .await;
                if asked.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        let log = launch::log_file(folder, node);
        tokio::select! {
            () = answers => {}
            ended = child.wait() => {
                let how = ended.context("the process cannot be waited for")?;
                return Err(anyhow!(
                    "{} ended at once ({how}); its log is {}", node.name(), log.display()
                ).into());
            }
            () = tokio::time::sleep(ANSWERS_WITHIN) => {
                return Err(anyhow!(
                    "{} runs but does not answer; its log is {}", node.name(), log.display()
                ).into());
            }
        }
    }
    Ok(())
}

fn names(nodes: &[LocalNode]) -> String {
    let names: Vec<String> = nodes.iter().map(LocalNode::name).collect();
    names.join(", ")
}
