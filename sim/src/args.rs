//! The command line.

use std::path::PathBuf;

use clap::Parser;
use zonemq_planted::Bug;

use crate::syncs::FailingSync;

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
    /// Find the fewest faults and calls with which a failing run still fails
    Shrink(ShrinkArgs),
    /// Run a scenario with many seeds, on all cores
    Explore(ExploreArgs),
    /// Flip each bit that a node has stored, one at a time, and see whether it is told and mended
    Flips(FlipsArgs),
    /// Run a scenario once for each sync call in it, with that call alone failing
    Syncs(SyncsArgs),
    /// Plant bugs one after the other, and count the seeds until each is caught
    Bugs(BugsArgs),
    /// Show that each kind of fault takes effect, in the scenario kind:NAME of its own
    Faults {
        /// Everything in the runs follows from it
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// List the bundled scenarios
    List,
    /// Tell what a scenario teaches
    Explain {
        /// A bundled scenario, or a file that ends in .toml
        scenario: String,
    },
}

/// Which run.
#[derive(Debug, clap::Args)]
pub(crate) struct CaseArgs {
    /// A bundled scenario, a file that ends in .toml, or a failure that ends in .failure.toml
    pub(crate) scenario: String,
    /// Everything in the run follows from it; 1 if left out
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Let clients work for so long, instead of as long as the scenario says
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
    /// Leave all faults out but these, by their numbers
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Option<Vec<usize>>,
    /// Plant a bug in the nodes: `bugs --help` tells their names
    #[arg(long, value_parser = bug)]
    pub(crate) plant: Option<Bug>,
    /// Let one sync call of a node fail: n1:17 is the 17th of n1
    #[arg(long, value_name = "NODE:NUMBER")]
    pub(crate) failing_sync: Option<FailingSync>,
}

/// One run.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) case: CaseArgs,
    /// Print what happened and what it did
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Record everything, at the finest level, and print the hash of it
    #[arg(long)]
    pub(crate) trace_hash: bool,
    /// Record everything in this file
    #[arg(long)]
    pub(crate) trace: Option<PathBuf>,
    /// Write what happened as a page for a browser to this file
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// Write what clients asked and were told to this file, for `zonemq check`
    #[arg(long)]
    pub(crate) history: Option<PathBuf>,
}

/// A failing run, to be made small.
#[derive(Debug, clap::Args)]
pub(crate) struct ShrinkArgs {
    #[command(flatten)]
    pub(crate) case: CaseArgs,
    /// Where the small failure is kept; a name made of scenario and seed if left out
    #[arg(long)]
    pub(crate) out: Option<String>,
    /// Try no longer than this
    #[arg(long, default_value_t = 300)]
    pub(crate) within_seconds: u64,
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
    /// Run each seed twice, and compare all that was logged, at the finest level
    #[arg(long)]
    pub(crate) twice: bool,
    /// How many runs at the same time; as many as there are cores if left out
    #[arg(long, short)]
    pub(crate) jobs: Option<usize>,
}

/// One trial for each bit.
#[derive(Debug, clap::Args)]
pub(crate) struct FlipsArgs {
    /// Whose bits
    #[arg(long, default_value = "n1")]
    pub(crate) node: String,
    /// Everything follows from it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Only every so many bits
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) stride: u64,
    /// Leave out so many bits at the beginning
    #[arg(long, default_value_t = 0)]
    pub(crate) offset: u64,
    /// Only the bits of files whose names end so, such as `.summary`; may be given several times
    #[arg(long)]
    pub(crate) file: Vec<String>,
    /// This bit alone, by its number, and tell what the node said
    #[arg(long, conflicts_with_all = ["stride", "offset", "file"])]
    pub(crate) bit: Option<u64>,
    /// Plant a bug in the nodes: `bugs --help` tells their names
    #[arg(long, value_parser = bug)]
    pub(crate) plant: Option<Bug>,
    /// How many trials at the same time; as many as there are cores if left out
    #[arg(long, short)]
    pub(crate) jobs: Option<usize>,
}

/// One run for each sync call.
#[derive(Debug, clap::Args)]
pub(crate) struct SyncsArgs {
    /// A bundled scenario, or a file that ends in .toml
    #[arg(default_value = "sync-calls")]
    pub(crate) scenario: String,
    /// Only the calls of this node; of all nodes if left out
    #[arg(long)]
    pub(crate) node: Option<String>,
    /// Everything in the runs follows from it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Only every so many calls
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) stride: u64,
    /// Plant a bug in the nodes: `bugs --help` tells their names
    #[arg(long, value_parser = bug)]
    pub(crate) plant: Option<Bug>,
    /// How many runs at the same time; as many as there are cores if left out
    #[arg(long, short)]
    pub(crate) jobs: Option<usize>,
}

/// Planted bugs.
#[derive(Debug, clap::Args)]
#[command(after_help = known_bugs())]
pub(crate) struct BugsArgs {
    /// Only these; all if left out
    #[arg(value_parser = bug)]
    pub(crate) bugs: Vec<Bug>,
    /// Give up on a bug after so many seeds
    #[arg(long, default_value_t = 200)]
    pub(crate) seeds: u64,
    /// How many bugs at the same time; as many as there are cores if left out
    #[arg(long, short)]
    pub(crate) jobs: Option<usize>,
}

fn bug(name: &str) -> Result<Bug, String> {
    Bug::named(name).ok_or_else(|| "there is no bug of this name".to_owned())
}

fn known_bugs() -> String {
    let lines = Bug::ALL
        .iter()
        .map(|bug| format!("  {:<32} {}\n", bug.as_str(), bug.explanation()));
    format!("The bugs:\n{}", lines.collect::<String>())
}

fn seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let parsed = text.split_once("..").and_then(|(first, end)| {
        let range = first.parse().ok()?..end.parse().ok()?;
        (!range.is_empty()).then_some(range)
    });
    parsed.ok_or_else(|| "write it like 0..100".to_owned())
}
