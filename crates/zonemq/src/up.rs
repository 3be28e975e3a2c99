//! `zonemq up`: starts the nodes of the local cluster, waits until it answers, and, unless it is
//! told to detach, stays until Ctrl-C.

use std::fs;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use reqwest::Client;
use tokio::task::JoinSet;

use crate::args::UpArgs;
use crate::cluster::{Cluster, DataFolder, LocalNode};
use crate::failure::Failure;
use crate::fault;
use crate::http;
use crate::launch::{self, Lifetime};
use crate::orphan::orphaned;
use crate::say::{complain, say};
use crate::status::{self, ClusterStatus};
use crate::stop_signal::StopSignal;
use crate::table;

/// An empty cluster takes a fraction of a second; one that recovers a long log takes longer.
const READY_WITHIN: Duration = Duration::from_mins(1);
const ASK_EVERY: Duration = Duration::from_millis(10);
/// How much of a node's log is shown when it does not start.
const LOG_LINES_SHOWN: usize = 8;

/// Node processes, each with the node that it runs.
type Children = JoinSet<(LocalNode, std::io::Result<ExitStatus>)>;

pub(crate) async fn run(args: UpArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let folder = DataFolder::at(&args.data.data)?;
    folder.prepare()?;
    let _held = folder
        .take_up_lock()?
        .ok_or_else(|| already_runs(&folder))?;
    let mut cluster = lay_out(&args, &folder)?;
    cluster.ports_are_free()?;
    fault::forget(&folder)?;
    folder.save(&cluster)?;

    let mut stop = StopSignal::catch().context("signals cannot be caught")?;
    let mut orphaned = Box::pin(orphaned(args.stop_with.clone()));
    let lifetime = if args.detach {
        Lifetime::Detached
    } else {
        Lifetime::FollowsUp
    };
    let mut children = Children::new();
    for node in &cluster.nodes {
        let mut child = launch::start(&folder, &cluster, node, lifetime, &[])?;
        let node = node.clone();
        children.spawn(async move { (node, child.wait().await) });
    }

    let client = http::client()?;
    let ready = tokio::select! {
        ready = wait_until_ready(&client, &folder, &cluster, &mut children) => ready,
        () = stop.received() => {
            launch::stop(&folder, &cluster.nodes).await?;
            return Ok(());
        }
        () = &mut orphaned => {
            launch::stop(&folder, &cluster.nodes).await?;
            return Ok(());
        }
    };
    if let Err(failure) = ready {
        launch::stop(&folder, &cluster.nodes).await?;
        return Err(failure);
    }
    let took = started.elapsed();
    cluster.formed = true;
    folder.save(&cluster)?;
    let status = status::collect(&client, &folder, &cluster).await?;
    print_welcome(&folder, &cluster, &status, took);
    let said = args.data.said();
    match lifetime {
        Lifetime::Detached => say!("`zonemq down{said}` stops it."),
        Lifetime::FollowsUp => say!("Ctrl-C stops it."),
    }

    let first = cluster.nodes[0].api;
    say!(
        "http://{first}/console shows it in a browser, `zonemq top{said}` here; `zonemq learn{said}` \
         teaches on it."
    );
    match lifetime {
        Lifetime::Detached => Ok(()),
        Lifetime::FollowsUp => tokio::select! {
            ended = supervise(&mut children) => ended,
            () = stop.received() => stop_all(&folder, &cluster).await,
            () = &mut orphaned => stop_all(&folder, &cluster).await,
        },
    }
}

/// The cluster that the folder has, or a new one; nothing of it runs yet.
fn lay_out(args: &UpArgs, folder: &DataFolder) -> Result<Cluster, Failure> {
    let existing = folder.load()?;
    if let Some(cluster) = &existing
        && !folder.living(&cluster.nodes)?.is_empty()
    {
        return Err(already_runs(folder));
    }
    if args.fresh {
        folder.clear()?;
        return Cluster::plan(args);
    }
    match existing {
        Some(cluster) => {
            cluster.agrees_with(args, folder)?;
            Ok(Cluster {
                service: args.service.clone(),
                ..cluster
            })
        }
        None => Cluster::plan(args),
    }
}

fn already_runs(folder: &DataFolder) -> Failure {
    Failure::Usage(format!(
        "the cluster in {} runs already; `zonemq status` shows it, `zonemq down` stops it",
        folder.path().display()
    ))
}

/// Waits until every node is healthy; fails as soon as one of them ends.
async fn wait_until_ready(
    client: &Client,
    folder: &DataFolder,
    cluster: &Cluster,
    children: &mut Children,
) -> Result<(), Failure> {
    let mut asking = JoinSet::new();
    for node in &cluster.nodes {
        let (client, url) = (client.clone(), http::url(node.api, "/health"));
        asking.spawn(async move {
            loop {
                let asked = client.get(&url).send().await;
                if asked.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        });
    }
    tokio::select! {
        _ = asking.join_all() => Ok(()),
        Some(ended) = children.join_next() => {
            let (node, how) = ended.context("the wait for a node broke off")?;
            Err(did_not_start(folder, &node, how.context("a node cannot be waited for")?))
        }
        () = tokio::time::sleep(READY_WITHIN) => Err(anyhow!(
            "the cluster did not answer within {} s; the logs are {}/n*/node.log",
            READY_WITHIN.as_secs(),
            folder.path().display()
        ).into()),
    }
}

/// What a node's end during the start means, in the node's own last words.
fn did_not_start(folder: &DataFolder, node: &LocalNode, how: ExitStatus) -> Failure {
    let log_file = launch::log_file(folder, node);
    let log = fs::read_to_string(&log_file).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let name = node.name();
    if how.code() == Some(Failure::USAGE.into()) {
        let last = lines.last().copied().unwrap_or_default();
        let reason = last.trim_start_matches("zonemq: ");
        return Failure::Usage(format!("{name} did not start: {reason}"));
    }
    let shown = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n  ");
    let sentence = format!(
        "{name} did not start ({how}); its log is {} and ends with\n  {shown}",
        log_file.display()
    );
    if how.code() == Some(Failure::DISK.into()) {
        Failure::Disk(sentence)
    } else {
        Failure::Runtime(anyhow!(sentence))
    }
}

fn print_welcome(folder: &DataFolder, cluster: &Cluster, status: &ClusterStatus, took: Duration) {
    let mut table = table::with_header(["node", "zone", "API address", "role", "data folder"]);
    for (node, state) in cluster.nodes.iter().zip(&status.nodes) {
        table.add_row([
            node.name(),
            node.zone.clone(),
            format!("http://{}", node.api),
            state.shown_role().to_owned(),
            folder.node_folder(node).display().to_string(),
        ]);
    }
    let region = &cluster.service.region;
    say!("{table}");
    say!(
        "Ready in {:.2} s. For any AWS SDK or the AWS CLI (before its version 2, with --endpoint-url):\n",
        took.as_secs_f64()
    );
    say!(
        "export AWS_ENDPOINT_URL_SQS=http://{}",
        cluster.nodes[0].api
    );
    say!("export AWS_ACCESS_KEY_ID=zonemq AWS_SECRET_ACCESS_KEY=zonemq");
    say!("export AWS_REGION={region} AWS_DEFAULT_REGION={region}\n");
}

/// Tells about nodes that end, for as long as it may.
async fn supervise(children: &mut Children) -> Result<(), Failure> {
    loop {
        let Some(ended) = children.join_next().await else {
            return std::future::pending().await;
        };
        let (node, how) = ended.context("the wait for a node broke off")?;
        let how = how.context("a node cannot be waited for")?;
        let name = node.name();
        say!("{name} ended ({how}); `zonemq fault restart {name}` starts it again.");
    }
}

/// Stops all nodes, those too that `zonemq fault restart` started.
async fn stop_all(folder: &DataFolder, cluster: &Cluster) -> Result<(), Failure> {
    say!("Stopping.");
    for name in launch::stop(folder, &cluster.nodes).await? {
        complain!("{name} did not stop in time and was killed");
    }
    Ok(())
}
