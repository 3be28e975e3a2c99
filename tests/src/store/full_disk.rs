//! A full disk refuses sends in words, keeps deletes going, and is forgiven as soon as it has space.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tokio::task::JoinSet;

use crate::cluster::TestCluster;
use crate::store::backlog::tell_losses;
use crate::store::load::{BATCH, Load, PAUSE_AFTER_ERROR};
use crate::store::report::{Report, mib};

/// How small the disks are.
#[derive(Args, Clone, Debug)]
pub struct FullDiskArgs {
    /// Size of each node's disk, in MiB
    #[arg(long, default_value_t = 256, value_name = "MIB")]
    pub disk: u64,
    /// Part of it that is freed after a while, in MiB
    #[arg(long, default_value_t = 96, value_name = "MIB")]
    pub ballast: u64,
    /// Bytes of each body
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub body: usize,
    /// The longest that a client may wait to be refused, in seconds
    #[arg(long, default_value_t = 15.0, value_name = "SECONDS")]
    pub refused_within: f64,
    /// From free space to the first accepted send, in seconds
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    pub back_within: f64,
}

const NODES: u64 = 3;
const SENDERS: usize = 16;
const DELETES: u64 = 500;
/// The disk is full when no send was accepted for so long.
const REFUSED_FOR: Duration = Duration::from_secs(5);
const FILLED_WITHIN: Duration = Duration::from_mins(3);

/// A file system in memory, of a fixed size, that goes when this is dropped.
#[derive(Debug)]
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Puts what lies in a folder on a small disk in its place.
    fn under(folder: &Path, size_mib: u64) -> anyhow::Result<SmallDisk> {
        let aside = folder.with_extension("before");
        std::fs::rename(folder, &aside)?;
        let disk = SmallDisk::mount(folder, size_mib)?;
        copy_all(&aside, folder).context("what is there does not fit on a small disk")?;
        std::fs::remove_dir_all(&aside)?;
        Ok(disk)
    }

    fn mount(path: &Path, size_mib: u64) -> anyhow::Result<SmallDisk> {
        std::fs::create_dir_all(path)?;
        let size = format!("size={size_mib}m");
        let flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount(
            Some("tmpfs"),
            path,
            Some("tmpfs"),
            flags,
            Some(size.as_str()),
        )
        .with_context(|| format!("a tmpfs cannot be mounted on {}", path.display()))?;
        Ok(SmallDisk {
            path: path.to_owned(),
        })
    }

    /// Takes space that `free` gives back.
    fn ballast(&self, size_mib: u64) -> std::io::Result<()> {
        let part = vec![1; 1 << 20];
        let mut file = std::fs::File::create(self.path.join("ballast"))?;
        (0..size_mib).try_for_each(|_| std::io::Write::write_all(&mut file, &part))
    }

    fn free(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.path.join("ballast"))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // At once for everybody who looks; in truth when the last process that uses it is gone.
        if let Err(error) = umount2(&self.path, MntFlags::MNT_DETACH) {
            eprintln!("{} is still mounted: {error}", self.path.display());
        }
    }
}

/// Copies all that lies in a folder into another one.
pub fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&copy)?;
            copy_all(&entry.path(), &copy)?;
        } else {
            std::fs::copy(entry.path(), &copy)?;
        }
    }
    Ok(())
}

/// Whether this process may mount a file system.
pub fn can_mount() -> bool {
    tempfile::tempdir().is_ok_and(|folder| SmallDisk::mount(folder.path(), 1).is_ok())
}

/// What senders saw.
#[derive(Debug, Default)]
struct Refusals {
    longest: Duration,
    words: std::collections::BTreeMap<String, u64>,
}

/// Fills three small disks, deletes, frees space, and empties the queue.
pub async fn run(args: &FullDiskArgs, report: &mut Report) -> anyhow::Result<()> {
    let home = tempfile::Builder::new().prefix("zonemq-test-").tempdir()?;
    let mut new = TestCluster::start_in(home.path(), &[]);
    new.down();
    // Dropped from the last to the first: the cluster, the disks, the folder.
    let disks: Vec<SmallDisk> = (1..=NODES)
        .map(|id| SmallDisk::under(&new.node_folder(id), args.disk))
        .collect::<anyhow::Result<_>>()?;
    let mut cluster = new;
    cluster.up(&[]);
    let load = Load::create(&cluster, "work", args.body, &[]).await;
    for disk in &disks {
        disk.ballast(args.ballast).context("the ballast")?;
    }
    let before = processes(&cluster);

    let refusals = send_until_refused(&load).await;
    let accepted = load.ledger.counts().acknowledged;
    report.note("accepted until the disks were full", accepted);
    for disk in &disks {
        let stat = nix::sys::statvfs::statvfs(&disk.path)?;
        let free = mib(stat.blocks_available() * stat.fragment_size());
        report.note("  free of a disk", format!("{free:.1} MiB"));
    }
    tell_refusals(args, report, refusals.as_ref());
    tell_processes(report, "while the disks are full", &before, &cluster);
    let deleted = delete_some(&load).await;
    let check = "deletes while the disks are full";
    let figure = format!("at least {DELETES}");
    report.figure(check, figure, deleted, deleted >= DELETES);

    for disk in &disks {
        disk.free().context("the ballast")?;
    }
    let freed = Instant::now();
    let limit = Duration::from_secs_f64(args.back_within);
    let back = accepted_within(&load, limit).await;
    let seen = back.map_or("never".to_owned(), |at| {
        format!("{:.2} s", (at - freed).as_secs_f64())
    });
    let figure = format!("within {} s", args.back_within);
    report.figure(
        "sends accepted again after space was freed",
        figure,
        seen,
        back.is_some(),
    );
    tell_processes(report, "at the end", &before, &cluster);
    if back.is_some() {
        load.fill(1000).await;
    }
    load.drain().await;
    tell_losses(report, &load);
    Ok(())
}

/// Sends until nothing is accepted any more; what the refused were told. None if sends never end.
async fn send_until_refused(load: &Load) -> Option<Refusals> {
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    let mut senders = JoinSet::new();
    for turn in 0..SENDERS {
        let (load, told) = (load.clone(), told.clone());
        senders.spawn(async move {
            loop {
                let start = Instant::now();
                let sent = load.send_batch(turn, BATCH).await;
                if told.send((sent, start.elapsed())).is_err() {
                    return;
                }
            }
        });
    }
    let mut refusals = Refusals::default();
    let start = Instant::now();
    let mut accepted = Instant::now();
    // A send that hangs tells nothing; so the time is looked at between, too.
    while accepted.elapsed() < REFUSED_FOR || refusals.words.is_empty() {
        let next = tokio::time::timeout(PAUSE_AFTER_ERROR, tell.recv()).await;
        match next {
            Ok(Some((Ok(_), _))) => accepted = Instant::now(),
            Ok(Some((Err(words), took))) => {
                refusals.longest = refusals.longest.max(took);
                *refusals.words.entry(words).or_default() += 1;
            }
            Ok(None) => break,
            Err(_) => {}
        }
        if start.elapsed() > FILLED_WITHIN {
            break;
        }
    }
    // What is under way is answered, so that the ledger knows of it.
    drop(tell);
    senders.join_all().await;
    (!refusals.words.is_empty()).then_some(refusals)
}

fn tell_refusals(args: &FullDiskArgs, report: &mut Report, refusals: Option<&Refusals>) {
    let check = "sends are refused";
    let Some(refusals) = refusals else {
        report.figure(check, "with an SQS error", "no answer at all", false);
        return;
    };
    // A code has no spaces; what else went wrong is told in a sentence.
    let codes = refusals.words.keys();
    let clear = codes.clone().all(|words| !words.contains(' '));
    let codes: Vec<String> = codes
        .map(|words| words.chars().take(120).collect())
        .collect();
    report.figure(check, "with an SQS error", codes.join(", "), clear);
    let longest = refusals.longest.as_secs_f64();
    report.at_most(
        "the longest wait for a refusal",
        args.refused_within,
        longest,
        "s",
    );
}

/// Receives and deletes; how many deletes were answered with success.
async fn delete_some(load: &Load) -> u64 {
    let mut deleted = 0;
    for turn in 0..usize::try_from(DELETES).expect("small") {
        if deleted < DELETES {
            deleted += load.receive_and_delete(turn).await.unwrap_or(0);
        }
    }
    deleted
}

/// When the first send was accepted.
async fn accepted_within(load: &Load, limit: Duration) -> Option<Instant> {
    let accepted = async {
        for turn in 0.. {
            if load.send_batch(turn, BATCH).await.is_ok() {
                break;
            }
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
        }
        Instant::now()
    };
    tokio::time::timeout(limit, accepted).await.ok()
}

fn processes(cluster: &TestCluster) -> Vec<Option<i32>> {
    let status = cluster.status();
    status.nodes.iter().map(|node| node.pid).collect()
}

fn tell_processes(report: &mut Report, when: &str, before: &[Option<i32>], cluster: &TestCluster) {
    let now = processes(cluster);
    let same = before
        .iter()
        .zip(&now)
        .filter(|(old, new)| old == new)
        .count();
    let check = format!("processes that live on {when}");
    report.figure(&check, NODES, same, same == before.len());
}
