//! `zonemq check-store`: reads all that a stopped node has stored, and says what it is and whether
//! it is whole. Nothing is changed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{HumanBytes, HumanCount};
use tokio::sync::oneshot;
use zonemq_node::{OpenError, Progress, Stored};
use zonemq_world::real::RealWorld;
use zonemq_world::{Disk, Urgency, World};

use crate::args::CheckStoreArgs;
use crate::cluster::{DataFolder, node_pid, store_folder};
use crate::failure::Failure;
use crate::identity::Identity;
use crate::reading;
use crate::say::say;
use crate::table;

/// More problems of a node are only counted.
const PROBLEMS_SHOWN: usize = 20;

/// Prints what each folder holds; success where all of it is whole.
pub(crate) async fn run(args: CheckStoreArgs) -> Result<ExitCode, Failure> {
    let mut is_whole = true;
    for folder in node_folders(&args.folder)? {
        is_whole &= check(&folder).await?;
    }
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A node's folder stands for itself, and a cluster's for all of its nodes.
fn node_folders(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let data = DataFolder::at(folder)?;
    match data.load()? {
        Some(cluster) => Ok(cluster
            .nodes
            .iter()
            .map(|node| data.node_folder(node))
            .collect()),
        None => Ok(vec![data.path().to_owned()]),
    }
}

/// Whether what the node in this folder has stored is whole.
async fn check(folder: &Path) -> Result<bool, Failure> {
    let shown = folder.display();
    let owner = Identity::read(folder)?.ok_or_else(|| {
        Failure::Usage(format!(
            "{shown} holds neither a node nor a cluster; name the folder that `zonemq node` or \
             `zonemq up` was given with --data"
        ))
    })?;
    if let Some(pid) = node_pid(folder)? {
        return Err(Failure::Usage(format!(
            "the node in {shown} runs (process {pid}); stop it first, for example with \
             `zonemq down`"
        )));
    }
    say!(
        "{shown}: node n{} of zone {} in cluster {}",
        owner.id,
        owner.zone,
        owner.cluster
    );
    let stored = match read(store_folder(folder)).await? {
        Ok(stored) => stored,
        Err(error) => {
            say!("  DAMAGED: {error}\n");
            return Ok(false);
        }
    };
    print_contents(&stored);
    Ok(print_verdict(&stored))
}

/// Reads the store on a thread of its own, because the real disk blocks.
async fn read(store: PathBuf) -> anyhow::Result<Result<Stored, OpenError>> {
    let world = RealWorld::new();
    let progress = Progress::default();
    let (done, result) = oneshot::channel();
    let reading = {
        let (world, progress) = (world.clone(), progress.clone());
        async move { drop(done.send(Stored::read(&world, &store, &progress).await)) }
    };
    let spawned = world
        .disk()
        .spawn("check-store", Urgency::Foreground, reading);
    spawned.context("there are no more threads")?;
    let read = reading::shown(&progress, result).await;
    read.context("the reading of the store broke off")
}

fn print_contents(stored: &Stored) {
    let group = &stored.group;
    say!(
        "  log       {} segments, {}",
        stored.segments,
        HumanBytes(stored.log_bytes)
    );
    let vote = group.vote;
    let vote = vote.map(|(term, node)| format!("in term {term}, for n{node}"));
    say!("  vote      {}", or_none(vote));
    let snapshot = group.snapshot;
    let snapshot = snapshot.map(|index| format!("up to entry {}", HumanCount(index)));
    say!("  snapshot  {}", or_none(snapshot));
    let entries = group.entries;
    let entries =
        entries.map(|(first, last)| format!("{} to {}", HumanCount(first), HumanCount(last)));
    say!("  entries   {}", or_none(entries));
    let messages = group.queues.iter().map(|(_, messages)| messages).sum();
    say!(
        "  messages  {}, {}",
        HumanCount(messages),
        HumanBytes(group.content_bytes)
    );
    if group.queues.is_empty() {
        return;
    }
    let mut table = table::with_header(["queue", "region", "account", "messages"]);
    for (queue, messages) in &group.queues {
        table.add_row([
            queue.name.clone(),
            queue.region.clone(),
            queue.account.clone(),
            HumanCount(*messages).to_string(),
        ]);
    }
    say!("{table}");
}

fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| "none".to_owned())
}

fn print_verdict(stored: &Stored) -> bool {
    let damaged = stored.damage.iter().map(|damage| {
        let file = damage.segment.file_name();
        format!(
            "log/{file} is not as it was written, at byte {}",
            damage.offset
        )
    });
    let problems = stored.group.problems.iter().map(ToString::to_string);
    let problems: Vec<String> = damaged.chain(problems).collect();
    if problems.is_empty() {
        say!("  whole: all of it is as it was written\n");
        return true;
    }
    say!("  DAMAGED: {} places", HumanCount(problems.len() as u64));
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        say!("    {problem}");
    }
    if let Some(more @ 1..) = problems.len().checked_sub(PROBLEMS_SHOWN) {
        say!("    and {more} more");
    }
    say!(
        "  Start the node beside the others: it does not vote until it has from them what is \
         missing here.\n"
    );
    false
}
