//! `zonemq bench`: puts a load on the local cluster, or on any endpoint that speaks SQS, and tells
//! what it did.

mod args;
mod progress;
mod table;

use std::fs;

use anyhow::{Context, anyhow};
use zonemq_bench::{BenchError, Ended, Endpoint, Results, plot};
use zonemq_world::{Chance, World, real::RealWorld};

pub(crate) use args::BenchArgs;

use crate::cluster::DataFolder;
use crate::failure::Failure;
use crate::say::{self, complain, say};
use crate::stop_signal::StopSignal;
use progress::Display;

pub(crate) async fn run(args: BenchArgs) -> Result<(), Failure> {
    let local = if args.endpoints.is_empty() {
        living_nodes(&args)?
    } else {
        Vec::new()
    };
    // Its own, so that runs beside each other do not meet.
    let run = format!("{:08x}", RealWorld::new().chance().next_u64() >> 32);
    let options = args.options(local, run);
    let mut stop = StopSignal::catch().context("signals cannot be caught")?;
    let mut display = Display::new(options.duration);
    let ran = zonemq_bench::run(&options, stop.received(), |progress| display.show(progress)).await;
    display.clear();
    let results = ran.map_err(failure)?;

    if let Some(file) = &args.plot {
        fs::write(file, plot::svg(&results))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&results).map_err(anyhow::Error::from)?;
        say!("{text}");
    } else {
        say::text(&table::told(&results));
    }
    for queue in &results.left_behind {
        complain!("the queue {queue} could not be removed");
    }
    all_failed(&results)
}

/// The nodes of the local cluster that live.
fn living_nodes(args: &BenchArgs) -> Result<Vec<(Endpoint, u32)>, Failure> {
    let (folder, cluster) = DataFolder::existing(&args.data.data)?;
    let living = folder.living(&cluster.nodes)?;
    if living.is_empty() {
        return Err(Failure::Usage(format!(
            "the cluster in {} does not run; `zonemq up` starts it, --endpoint names another",
            folder.path().display()
        )));
    }
    let nodes = living.into_iter().map(|(node, pid)| {
        let url = format!("http://{}", node.api);
        let endpoint = url.parse().context("a node has no address to speak to")?;
        Ok((endpoint, pid.as_raw().unsigned_abs()))
    });
    Ok(nodes.collect::<anyhow::Result<_>>()?)
}

fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::Options(_) => Failure::Usage(error.to_string()),
        BenchError::Unreachable { .. }
        | BenchError::TooManyOpenFiles { .. }
        | BenchError::Refused { .. }
        | BenchError::NoSqs { .. }
        | BenchError::NotFilled { .. }
        | BenchError::StoppedEarly
        | BenchError::Threads(_) => Failure::Runtime(error.into()),
    }
}

/// A run without a single success is no measurement.
fn all_failed(results: &Results) -> Result<(), Failure> {
    let nothing = results.operations().next().is_none() && results.empty_receives == 0;
    match &results.first_error {
        Some(error) if nothing && results.ended != Ended::Interrupted => {
            Err(anyhow!("every request failed, the first one with: {error}").into())
        }
        _ => Ok(()),
    }
}
