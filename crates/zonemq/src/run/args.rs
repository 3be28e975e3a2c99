//! What `zonemq run` can be told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which scenario, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    /// A bundled scenario (`leader-kill`, `halves`, ...), a kind of fault (`kind:pause`), or a file
    /// that ends in .toml
    pub(crate) scenario: String,
    /// On real processes, or in the simulator, which knows more faults and repeats a run by its seed
    #[arg(long, value_enum, default_value_t = Engine::Real)]
    pub(crate) engine: Engine,
    /// What happens by chance follows from it [default: 1]. On real processes the same faults come
    /// again, but never quite the same run
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Clients work for so long, instead of as long as the scenario says
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
    /// Write what happened as a page for a browser to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Use the running cluster in this folder, under queues of its own, and heal it at the end; a
    /// cluster for this run alone if left out
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

/// What runs the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Processes on this machine.
    Real,
    /// The program `zonemq-sim`.
    Sim,
}
