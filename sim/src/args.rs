//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Breaks a simulated zonemq cluster and judges what its clients were told
#[derive(Debug, Parser)]
#[command(
    after_help = "Exit codes: 0 all promises were kept, 1 one was broken, 2 nothing can be said, 3 the simulator itself failed."
)]
pub(crate) enum Args {
    /// Run a scenario once
    Run(RunArgs),
    /// Run it again: the same as run
    Replay(RunArgs),
    /// Run a scenario with many seeds, on all cores
    Explore(ExploreArgs),
    /// List the bundled scenarios
    List,
    /// Tell what a scenario teaches
    Explain {
        /// A bundled scenario, or a file that ends in .toml
        scenario: String,
    },
}

/// One run.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// A bundled scenario, or a file that ends in .toml
    pub(crate) scenario: String,
    /// Everything in the run follows from it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Leave all faults out but these, by their numbers
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Option<Vec<usize>>,
    /// Print what happened and what it did
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Record everything, at the finest level, and print the hash of it
    #[arg(long)]
    pub(crate) trace_hash: bool,
    /// Record everything in this file
    #[arg(long)]
    pub(crate) trace: Option<PathBuf>,
}

/// Many runs.
#[derive(Debug, clap::Args)]
pub(crate) struct ExploreArgs {
    /// A bundled scenario, or a file that ends in .toml
    pub(crate) scenario: String,
    /// From the first seed up to the one before the last: 0..100
    #[arg(long, default_value = "0..100", value_parser = seeds)]
    pub(crate) seeds: std::ops::Range<u64>,
    /// Go on after a failure, and count
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// How many runs at the same time; as many as there are cores if left out
    #[arg(long, short)]
    pub(crate) jobs: Option<usize>,
}

fn seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let parsed = text.split_once("..").and_then(|(first, end)| {
        let range = first.parse().ok()?..end.parse().ok()?;
        (!range.is_empty()).then_some(range)
    });
    parsed.ok_or_else(|| "write it like 0..100".to_owned())
}
