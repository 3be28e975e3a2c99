//! `zonemq run`: plays a scenario on real processes. Clients work, faults come at their times, all is
//! healed, the queues are drained, and the judge says whether every promise was kept.
//!
//! The scenario is the simulator's file, the clients are its clients, and the faults are the words of
//! `zonemq fault` ([`steps`]), said by a hand ([`hand`]) on a cluster for this run alone ([`stage`]).

mod args;
mod clients;
mod hand;
mod observer;
mod page;
mod possible;
mod simulator;
mod stage;
mod steps;
mod told;

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use zonemq_history::{Verdict as Judged, judge};
use zonemq_report::{Timeline, Verdict, Violation};
use zonemq_scenario::{Scenario, plan};
use zonemq_workload::{Names, Recorder, Seeded, Stopwatch};
use zonemq_world::{Chance, World, real::RealWorld};

use self::args::Engine;
pub(crate) use self::args::RunArgs;
use self::clients::Clients;
use self::hand::{Cue, Said};
use self::observer::Observer;
use self::page::Ended;
use self::stage::Stage;
use crate::failure::Failure;
use crate::fault;
use crate::http;
use crate::say::complain;
use crate::stop_signal::StopSignal;

const DEFAULT_SEED: u64 = 1;

/// Runs it; 0 where every promise was kept.
pub(crate) async fn run(args: RunArgs) -> ExitCode {
    let done = match args.engine {
        Engine::Real => on_processes(&args).await,
        Engine::Sim => simulator::hand_over(&args).await,
    };
    done.unwrap_or_else(|failure| {
        complain!("{failure}");
        told::UNJUDGED.into()
    })
}

async fn on_processes(args: &RunArgs) -> Result<ExitCode, Failure> {
    let mut stop = StopSignal::catch().context("signals cannot be caught")?;
    let scenario = scenario(args)?;
    possible::check(&scenario)?;
    let stage = if let Some(data) = &args.data {
        Stage::enter(data)?
    } else {
        Stage::build(scenario.cluster, &mut stop).await?
    };
    let seed = args.seed.unwrap_or(DEFAULT_SEED);
    let names = names(&stage);
    let played = tokio::select! {
        played = play(args, &scenario, seed, &stage, &names) => played,
        () = stop.received() => Err(anyhow!("the run was interrupted").into()),
    };
    if !stage.is_own() {
        // A cluster that stays must be as it was, however the run has ended.
        fault::heal_quietly(&stage.data).await?;
        clients::remove_queues(&scenario.workload, &stage.cluster, &names).await;
    }
    let closed = stage.close().await;
    let (timeline, all) = played?;
    closed?;
    Ok(told::tell(args, seed, &timeline, &all)?)
}

/// The scenario, with as long a run as is asked for.
fn scenario(args: &RunArgs) -> Result<Scenario, Failure> {
    if args.scenario.ends_with(".failure.toml") {
        return Err(Failure::Usage(format!(
            "{} is a failure of the simulator: only --engine sim can repeat it",
            args.scenario
        )));
    }
    let read = |file: &str| fs::read_to_string(file);
    let scenario = zonemq_scenario::load(&args.scenario, read);
    let mut scenario = scenario.map_err(|error| Failure::Usage(error.to_string()))?;
    if let Some(seconds) = args.seconds {
        let wanted = Duration::try_from_secs_f64(seconds);
        scenario.run.seconds =
            wanted.map_err(|error| Failure::Usage(format!("--seconds {seconds}: {error}")))?;
    }
    Ok(scenario)
}

/// Plays it to the end; what happened, and all words that were said.
async fn play(
    args: &RunArgs,
    scenario: &Scenario,
    seed: u64,
    stage: &Stage,
    names: &Names,
) -> Result<(Timeline, Vec<Said>), Failure> {
    let began = Instant::now();
    let recorder = Recorder::new(Stopwatch::new(move || began.elapsed()));
    let tell = |what: &str| {
        if !args.json {
            told::happened(recorder.elapsed(), what);
        }
    };
    let nodes = &stage.cluster.nodes;
    let observer = Observer::begin(&http::client()?, &stage.folder, nodes, &recorder);
    let load = &scenario.workload;
    let mut clients = Clients::start(load, &stage.cluster, seed, names, recorder.clone());
    let (many, of) = (clients.zones.len(), nodes.len());
    tell(&format!("{many} clients at work on {of} nodes"));

    let end = scenario.run.seconds;
    let say = |said: &Said| tell(&told::said(said));
    let all = hand::say_all(cues(scenario, seed, stage), end, stage, &recorder, say).await;
    tokio::time::sleep(end.saturating_sub(recorder.elapsed())).await;

    let mut violations = fallen(stage)?;
    match fault::heal_quietly(&stage.data).await {
        Ok(_) => {
            tell("everything is healed, and the queues are drained");
            if !clients.drain().await {
                violations.push(liveness("the queues were not drained in time".to_owned()));
            }
        }
        Err(failure) => violations.push(liveness(failure.to_string())),
    }
    let history = recorder.history().context("the history has no order")?;
    let (verdict, summary) = judged(judge(&history), violations);
    let ended = Ended {
        verdict,
        summary,
        events: recorder.events(),
        seen: observer.end(),
        zones: std::mem::take(&mut clients.zones),
        took: recorder.elapsed(),
    };
    let title = format!(
        "{} on real processes, with faults of seed {seed}",
        args.scenario
    );
    Ok((page::timeline(title, scenario, stage, ended, &all), all))
}

/// What queues are called: in a cluster that somebody else uses, something that nobody else has.
fn names(stage: &Stage) -> Names {
    let prefix = if stage.is_own() {
        String::new()
    } else {
        format!("run-{:08x}-", RealWorld::new().chance().next_u64() >> 32)
    };
    Names {
        account: stage.cluster.service.account.clone(),
        region: stage.cluster.service.region.clone(),
        prefix,
    }
}

/// All words of a run, by their times.
fn cues(scenario: &Scenario, seed: u64, stage: &Stage) -> Vec<Cue> {
    let members = stage.members();
    let mut dice = Seeded::new(seed, "targets");
    let mut cues = Vec::new();
    for planned in plan(scenario, &mut Seeded::for_plan(seed)) {
        let steps = steps::steps(&planned, &members, &mut dice, &stage.data);
        cues.extend(steps.into_iter().map(|step| Cue {
            number: planned.number,
            kind: planned.fault.kind,
            step,
        }));
    }
    cues.sort_by_key(|cue| cue.step.at);
    cues
}

/// Nodes that ended by themselves have broken a promise, whatever clients saw of it.
fn fallen(stage: &Stage) -> anyhow::Result<Vec<Violation>> {
    let fallen = stage.fallen()?.into_iter();
    let told = fallen.map(|name| Violation {
        promise: "a node goes on".to_owned(),
        story: format!("{name} has ended though nobody stopped it"),
        at: None,
    });
    Ok(told.collect())
}

fn liveness(story: String) -> Violation {
    Violation {
        promise: "liveness".to_owned(),
        story,
        at: None,
    }
}

/// What the nodes did comes before what clients saw of it.
fn judged(judged: Judged, mut violations: Vec<Violation>) -> (Verdict, String) {
    let summary = match judged {
        Judged::Pass(counts) => counts.to_string(),
        Judged::Violated(counts, broken) => {
            violations.extend(broken.into_iter().map(|broken| Violation {
                promise: broken.invariant.as_str().to_owned(),
                story: broken.story,
                at: Some(broken.at),
            }));
            counts.to_string()
        }
        Judged::Unknown(reason) if violations.is_empty() => {
            return (Verdict::Unknown { reason }, String::new());
        }
        Judged::Unknown(_) => String::new(),
    };
    if violations.is_empty() {
        return (Verdict::Pass, summary);
    }
    (Verdict::Violation { violations }, summary)
}
