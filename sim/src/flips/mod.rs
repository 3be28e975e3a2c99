//! Flips every bit that one of three nodes has stored, one at a time: each flip must be told or
//! mean nothing, nothing may be lost, and the node must mend itself from its peers.
//!
//! The past is simulated once, by a process that is then copied for every bit: so each trial goes on
//! from the same moment, to the byte, and none knows of another.

mod counts;
mod scene;
mod stored;
mod story;
mod trial;

use std::collections::VecDeque;
use std::io::{PipeWriter, Write};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use zonemq_sim_determinism::ProcessCopy;

use self::counts::Counts;
use self::scene::Scene;
use self::stored::{Place, Stored};
use self::trial::{Ending, Notice, Outcome};
use crate::args::FlipsArgs;
use crate::observer::Observer;

/// Each so-manieth trial ends with all messages received through the node. A prime: so it meets all
/// bits of a byte, and all strides but its own multiples.
const DRAIN_EACH: u64 = 37;

/// What the copy that simulates says, one line each.
#[derive(Serialize, Deserialize)]
enum Told {
    /// The past is over: what will be tried.
    Begun {
        summary: String,
        trials: u64,
    },
    Tried {
        number: u64,
        place: Place,
        outcome: Outcome,
    },
    Failed(String),
}

/// Flips the bits, and counts what became of them.
pub(crate) fn flips(args: &FlipsArgs) -> anyhow::Result<ExitCode> {
    // Before any thread there is, and before time stands still here, which the bar needs.
    let mut simulation = ProcessCopy::begin(|tells| {
        if let Err(error) = simulate(args, tells) {
            // Who reads it may be gone.
            let _ = tell(tells, &Told::Failed(format!("{error:#}")));
        }
    })?;
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} bits, {eta} left  {msg}")
            .context("the template of the progress bar")?,
    );
    let mut counts = Counts::default();
    let mut expected = None;
    while let Some(line) = simulation.next_line()? {
        match serde_json::from_str(&line).context("a line of the simulation")? {
            Told::Begun { summary, trials } => {
                println!("{summary}");
                expected = Some(trials);
                bar.set_length(trials);
            }
            Told::Tried {
                number,
                place,
                outcome,
            } => {
                counts.add(&place, &outcome);
                if args.bit.is_some() || !outcome.is_good() {
                    bar.suspend(|| show(args, number, &place, &outcome));
                }
                bar.set_message(format!("{} not good", counts.bad()));
                bar.inc(1);
            }
            Told::Failed(why) => bail!("{why}"),
        }
    }
    simulation.finish()?;
    bar.finish();
    ensure!(
        expected == Some(counts.trials()),
        "the simulation ended too early"
    );
    println!("{counts}");
    Ok(ExitCode::from(counts.exit_code()))
}

fn show(args: &FlipsArgs, number: u64, place: &Place, outcome: &Outcome) {
    println!("{place}:");
    let all = [
        ("lost", &outcome.lost),
        ("not repaired", &outcome.unrepaired),
        ("told", &outcome.told),
    ];
    for (what, texts) in all {
        for text in texts {
            println!("  {what}: {text}");
        }
    }
    if outcome.is_untold {
        println!("  not told: it is wanted, and damaged without a word");
    }
    if let Some(failure) = &outcome.failure {
        println!("  the simulator failed: {failure}");
    }
    if !outcome.is_good() {
        let FlipsArgs { node, seed, .. } = args;
        let plant = args.plant.map(|bug| format!(" --plant {}", bug.as_str()));
        let plant = plant.unwrap_or_default();
        println!("  again: cargo sim flips --node {node} --seed {seed} --bit {number}{plant}");
    }
}

fn tell(tells: &mut PipeWriter, what: &Told) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(what)?;
    line.push('\n');
    Ok(tells.write_all(line.as_bytes())?)
}

/// What the copy does that all trials are copied from. Between two of them it does nothing that
/// would make the next one differ.
fn simulate(args: &FlipsArgs, tells: &mut PipeWriter) -> anyhow::Result<()> {
    if let Some(bug) = args.plant {
        zonemq_planted::plant(bug);
    }
    let observer = Observer::default();
    let layer = observer.layer_of_warnings();
    tracing_subscriber::registry().with(layer).init();
    let mut scene = Scene::play(&args.node, args.seed, observer)?;
    let stored = Stored::of(&scene);
    let bits = stored.bits();
    let stride = usize::try_from(args.stride).unwrap_or(usize::MAX);
    let is_wanted = |number: &u64| {
        let is_wanted_in = |place: Place| args.file.iter().any(|end| place.is_in(end));
        args.file.is_empty() || stored.place(*number).is_some_and(is_wanted_in)
    };
    let strided = || (args.offset..bits).step_by(stride).filter(is_wanted);
    let numbers: Vec<u64> = match args.bit {
        Some(bit) => vec![bit],
        None => strided().collect(),
    };
    ensure!(
        numbers.last().is_some_and(|last| *last < bits),
        "there is no such bit: there are {bits}, in the files that are listed without --file"
    );
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    if args.plant.is_none() {
        check_without_flip(&mut scene)?;
    }
    let summary = stored.summary(&scene);
    let trials = numbers.len() as u64;
    tell(tells, &Told::Begun { summary, trials })?;
    let mut running: VecDeque<(u64, Place, ProcessCopy)> = VecDeque::new();
    for number in numbers {
        if running.len() == jobs {
            collect(&mut running, tells)?;
        }
        let place = stored.place(number).context("a bit of the store")?;
        let is_drained = args.bit.is_some() || number % DRAIN_EACH == 0;
        let ending = if is_drained {
            Ending::Drained
        } else {
            Ending::AsItIs
        };
        let copy = begin(&mut scene, Some(&place), ending)?;
        running.push_back((number, place, copy));
    }
    while !running.is_empty() {
        collect(&mut running, tells)?;
    }
    Ok(())
}

/// A copy that carries out one trial.
fn begin(scene: &mut Scene, place: Option<&Place>, ending: Ending) -> std::io::Result<ProcessCopy> {
    ProcessCopy::begin(|tells| {
        let outcome = trial::run(scene, place, ending);
        let line = serde_json::to_string(&outcome).unwrap_or_default();
        // A trial that tells nothing has failed.
        let _ = writeln!(tells, "{line}");
    })
}

fn collect(
    running: &mut VecDeque<(u64, Place, ProcessCopy)>,
    tells: &mut PipeWriter,
) -> anyhow::Result<()> {
    let Some((number, place, copy)) = running.pop_front() else {
        return Ok(());
    };
    let outcome = outcome(copy).unwrap_or_else(|error| Outcome {
        failure: Some(format!("{error:#}")),
        ..Outcome::default()
    });
    let tried = Told::Tried {
        number,
        place,
        outcome,
    };
    tell(tells, &tried)
}

fn outcome(mut copy: ProcessCopy) -> anyhow::Result<Outcome> {
    let line = copy.next_line()?;
    copy.finish()?;
    let line = line.context("the trial told nothing")?;
    Ok(serde_json::from_str(&line)?)
}

/// Without a flip, nothing is told and everything is there: otherwise no trial shows anything.
fn check_without_flip(scene: &mut Scene) -> anyhow::Result<()> {
    let outcome = outcome(begin(scene, None, Ending::Drained)?)?;
    let is_quiet = outcome.notice == Notice::Never && outcome.told.is_empty();
    if !outcome.is_good() || !is_quiet || !outcome.is_drained {
        bail!("without a flip it is not as it should be: {outcome:?}");
    }
    Ok(())
}
