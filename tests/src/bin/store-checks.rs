//! The long checks of the store as commands. Exit codes: 0 every figure holds, 1 one was missed, 2
//! the check cannot be run here, 101 something broke on the way.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use zonemq_tests::check;
use zonemq_tests::store::report::Report;
use zonemq_tests::store::{backlog, full_disk, memory, pauses, restart, soak};

/// Measures the store on real processes, and holds each figure against what it must be.
///
/// `ZONEMQ_BIN` names the program under test; without it, it is built in the profile of this one.
#[derive(Debug, Parser)]
#[command(name = "store-checks", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    check: Check,
}

#[derive(Debug, Subcommand)]
enum Check {
    /// Memory of each node at a large backlog
    Memory(memory::MemoryArgs),
    /// Memory, disk and the drain's rate at a backlog far larger than memory
    Backlog(backlog::BacklogArgs),
    /// Time until killed nodes serve again with a large backlog
    Restart(restart::RestartArgs),
    /// Sends beside checkpoints and compactions against sends without
    Pauses(pauses::PausesArgs),
    /// Full disks under load, then space again; needs root or user namespaces
    FullDisk(full_disk::FullDiskArgs),
    /// Random sends, receives and deletes at a large backlog, with kills
    Soak(soak::SoakArgs),
}

impl Check {
    async fn run(&self, report: &mut Report) -> anyhow::Result<()> {
        match self {
            Check::Memory(args) => memory::run(args, report).await,
            Check::Backlog(args) => backlog::run(args, report).await,
            Check::Restart(args) => restart::run(args, report).await,
            Check::Pauses(args) => pauses::run(args, report).await,
            Check::FullDisk(args) => full_disk::run(args, report).await?,
            Check::Soak(args) => soak::run(args, report).await,
        }
        Ok(())
    }
}

/// Tells a process that it was started in namespaces of its own.
const UNSHARED: &str = "ZONEMQ_STORE_CHECKS_UNSHARED";

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    if matches!(cli.check, Check::FullDisk(_)) && !full_disk::can_mount() {
        if std::env::var_os(UNSHARED).is_none() {
            let this = std::env::current_exe()?;
            let mut again = Command::new("unshare");
            again
                .args(["--user", "--map-root-user", "--mount"])
                .arg(this);
            // Only returns if it fails.
            let error = again
                .args(std::env::args_os().skip(1))
                .env(UNSHARED, "1")
                .exec();
            eprintln!("unshare cannot be started: {error}");
        }
        eprintln!("No tmpfs can be mounted here, neither as this user nor in a user namespace.");
        return Ok(ExitCode::from(2));
    }
    let title = format!("{:?}", cli.check);
    check::run(&title, async |report| cli.check.run(report).await)
}
