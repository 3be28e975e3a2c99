//! The long checks of speed as commands. Exit codes: 0 every figure holds, 1 one was missed, 101
//! something broke on the way.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zonemq_tests::check;
use zonemq_tests::speed::{consoles, elections, failovers, stalls};

/// Measures what only shows over many minutes, and holds each figure against what it must be.
///
/// `ZONEMQ_BIN` names the program under test; without it, it is built in the profile of this one.
#[derive(Debug, Parser)]
#[command(name = "speed-checks", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    check: Check,
}

#[derive(Debug, Subcommand)]
enum Check {
    /// How long nothing is acknowledged when the leader dies
    Failovers(failovers::FailoversArgs),
    /// Elections that nobody needed, under full load
    Elections(elections::ElectionsArgs),
    /// How long nothing is acknowledged while millions of messages go, or lie in as many groups
    Stalls(stalls::StallsArgs),
    /// What consoles that are open cost clients that send
    Consoles(consoles::ConsolesArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let title = format!("{:?}", cli.check);
    check::run(&title, async |report| {
        match &cli.check {
            Check::Failovers(args) => failovers::run(args, report).await,
            Check::Elections(args) => elections::run(args, report).await,
            Check::Stalls(args) => stalls::run(args, report).await,
            Check::Consoles(args) => consoles::run(args, report).await?,
        }
        Ok(())
    })
}
