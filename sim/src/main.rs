//! Runs a whole zonemq cluster in one thread on a simulated network, disk and clock, breaks what
//! can break, and judges what clients were told. The same seed gives the same run, byte for byte.

mod args;
mod bugs;
mod case;
mod cluster;
mod coverage;
mod explore;
mod faults;
mod flips;
mod invariants;
mod kinds;
mod observer;
mod report;
mod run;
mod shrink;
mod syncs;
mod timeline;
mod trace;
mod workload;
mod world;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Args, RunArgs};
use crate::case::Case;
use crate::observer::Observer;
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
    // It would end with the first panic, and tell nothing of it.
    anyhow::ensure!(
        cfg!(panic = "unwind"),
        "it was built for the server's profile: start it with `cargo sim`, which builds it for its own"
    );
    match args {
        Args::Run(args) | Args::Replay(args) => run(args),
        Args::Explore(args) => explore::explore(args),
        Args::Shrink(args) => shrink::shrink(args),
        Args::Flips(args) => flips::flips(args),
        Args::Syncs(args) => syncs::syncs(args),
        Args::Bugs(args) => bugs::hunt(args),
        Args::Faults { seed } => kinds::show(*seed),
        Args::List => {
            for (name, text) in zonemq_scenario::BUNDLED {
                let scenario = zonemq_scenario::parse(name, text)?;
                let first = scenario.teaches.split(". ").next().unwrap_or_default();
                println!("{name:<24} {first}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Args::Explain { scenario } => {
            println!("{}", case::scenario(scenario)?.teaches.trim());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let case = Case::of(&args.case)?;
    let scenario = case::scenario(&case.scenario)?;
    if let Some(bug) = case.bug()? {
        zonemq_planted::plant(bug);
    }
    let is_traced = args.trace_hash || args.trace.is_some();
    let trace = is_traced
        .then(|| Trace::begin(args.trace.as_deref()))
        .transpose()?;
    let observer = args.report.as_ref().map(|_| Observer::default());
    tracing_subscriber::registry()
        .with(trace.as_ref().map(Trace::layer))
        .with(observer.as_ref().map(Observer::layer))
        .init();
    let finished = run::run(&scenario, &case, observer.as_ref())?;
    report::print(args, &case, &finished);
    if let (Some(path), Some(observer)) = (&args.report, observer) {
        let timeline = timeline::timeline(&case, &scenario, &finished, observer.seen());
        report::write_page(path, &timeline)?;
    }
    if let Some(path) = &args.history {
        report::write_history(path, &finished.events)?;
    }
    if let Some(trace) = trace {
        let (hash, bytes) = trace.finish()?;
        println!("trace {hash} over {bytes} bytes");
    }
    Ok(ExitCode::from(report::exit_code(&finished.verdict)))
}
