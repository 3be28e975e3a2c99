//! Runs a whole zonemq cluster in one thread on a simulated network, disk and clock, breaks what
//! can break, and judges what clients were told. The same seed gives the same run, byte for byte.

mod args;
mod bugs;
mod client;
mod cluster;
mod coverage;
mod explore;
mod faults;
mod invariants;
mod lane;
mod recorder;
mod report;
mod run;
mod scenario;
mod trace;
mod worker;
mod workload;
mod world;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, RunArgs};
use crate::report::HARNESS_FAILED;
use crate::trace::Trace;

fn main() -> ExitCode {
    match dispatch(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the simulator itself failed: {error:#}");
            ExitCode::from(HARNESS_FAILED)
        }
    }
}

fn dispatch(args: &Args) -> anyhow::Result<ExitCode> {
    match args {
        Args::Run(args) | Args::Replay(args) => run(args),
        Args::Explore(args) => explore::explore(args),
        Args::Bugs(args) => bugs::hunt(args),
        Args::List => {
            for (name, text) in scenario::BUNDLED {
                let scenario = scenario::parse(text)?;
                let first = scenario.teaches.split(". ").next().unwrap_or_default();
                println!("{name:<24} {first}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Args::Explain { scenario } => {
            println!("{}", scenario::load(scenario)?.teaches.trim());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = scenario::load(&args.scenario)?;
    if let Some(bug) = args.plant {
        zonemq_planted::plant(bug);
    }
    let is_traced = args.trace_hash || args.trace.is_some();
    let trace = is_traced
        .then(|| Trace::begin(args.trace.as_deref()))
        .transpose()?;
    let finished = run::run(&scenario, args.seed, args.only.as_deref())?;
    report::print(args, &finished);
    if let Some(path) = &args.history {
        report::write_history(path, &finished.events)?;
    }
    if let Some(trace) = trace {
        let (hash, bytes) = trace.finish()?;
        println!("trace {hash} over {bytes} bytes");
    }
    Ok(ExitCode::from(report::exit_code(&finished.verdict)))
}
