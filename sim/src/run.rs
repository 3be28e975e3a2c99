//! One run: a cluster under load, faults, then peace, and the question whether all of it was
//! right.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;
use turmoil::Sim;
use zonemq_history::event::{Event, What};
use zonemq_history::{Verdict as Judged, judge};
use zonemq_report::{Fault, Node, Violation};
use zonemq_scenario::{Kind, Scenario};
use zonemq_sim_determinism as determinism;
use zonemq_workload::{DRAIN_WITHIN, QUIET, Workload};
use zonemq_world::World;

use crate::case::Case;
use crate::cluster::{ClientHost, Cluster, Host};
use crate::faults::{self, Happened, Injector};
use crate::invariants::Invariants;
use crate::observer::Observer;
use crate::syncs;
use crate::workload;
use crate::world::EPOCH;

/// How long a healed cluster may take to agree on a leader and to catch up.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);
/// No run is longer.
const LONGEST_RUN: Duration = Duration::from_hours(24);
const STEPS_BETWEEN_STATE_CHECKS: u64 = 250;
const STEP: Duration = Duration::from_millis(1);

/// What a run has shown.
#[derive(Debug)]
pub(crate) enum Verdict {
    Pass,
    /// These promises were broken.
    Violation(Vec<Violation>),
    /// Nothing can be said.
    Unknown(String),
}

/// A finished run.
pub(crate) struct Finished {
    pub(crate) verdict: Verdict,
    pub(crate) happened: Vec<Happened>,
    pub(crate) summary: String,
    /// What clients asked and were told.
    pub(crate) events: Vec<Event>,
    pub(crate) coverage: BTreeMap<String, u64>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) faults: Vec<Fault>,
    /// Where each client is.
    pub(crate) client_zones: BTreeMap<String, String>,
    pub(crate) simulated: Duration,
    pub(crate) wall: Duration,
}

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// tokio catches what panics in a task; here it must not go unseen.
pub(crate) fn watch_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
        panics.push(panic.to_string());
        report(panic);
    }));
}

/// What has panicked so far.
pub(crate) fn panics() -> Vec<String> {
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    panics.clone()
}

/// A simulation without hosts, in which all chance and time follow from the seed from now on.
pub(crate) fn simulation(seed: u64) -> Sim<'static> {
    determinism::begin(seed, EPOCH);
    turmoil::Builder::new()
        .rng_seed(seed)
        .epoch(UNIX_EPOCH + EPOCH)
        .simulation_duration(LONGEST_RUN)
        .tick_duration(STEP)
        .tcp_capacity(1 << 16)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::from_millis(1))
        .build()
}

/// Runs one simulation. A process can do this once.
/// Whoever observes sees all of it.
pub(crate) fn run(
    scenario: &Scenario,
    case: &Case,
    observer: Option<&Observer>,
) -> anyhow::Result<Finished> {
    let seed = case.chance_seed();
    watch_panics();
    let wall_start = determinism::wall_elapsed();
    let sim = simulation(seed);
    let load = &scenario.workload;
    let (size, store) = (scenario.cluster, scenario.store);
    let mut cluster = Cluster::start(sim, seed, size, store, workload::hosts(load));
    if let Some(failing) = &case.failing_sync {
        failing.arm(&cluster)?;
    }
    let mut plan = faults::plan(scenario, case.seed);
    let kept = case.faults.as_ref();
    plan.retain(|planned| kept.is_none_or(|kept| kept.contains(&planned.number)));
    let clocks_err = plan
        .iter()
        .any(|planned| matches!(planned.fault.kind, Kind::ClockJump | Kind::ClockDrift));
    let workload = workload::start(&mut cluster, load, seed, case.calls.as_ref());
    if clocks_err {
        workload.recorder.note(What::ClocksErr);
    }
    let busy = match case.seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).context("the length of the work")?,
        None => scenario.run.seconds,
    };
    let mut run = Run {
        cluster,
        workload,
        injector: Injector::new(plan, seed),
        invariants: Invariants::default(),
        observer: observer.cloned(),
        steps: 0,
    };
    let (verdict, summary) = run.drive(busy)?;
    for host in &run.cluster.hosts {
        let (what, count) = (syncs::counter(&host.name), host.world.disk().syncs());
        run.cluster.coverage.add(&what, count);
    }
    let events = run.workload.recorder.events();
    workload::count_ends(&events, &run.cluster.coverage);
    Ok(Finished {
        verdict,
        happened: run.injector.log,
        summary,
        events,
        coverage: run.cluster.coverage.counts(),
        nodes: run.cluster.hosts.iter().map(node).collect(),
        faults: run.injector.faults,
        client_zones: run.cluster.clients().iter().map(home).collect(),
        simulated: run.cluster.now(),
        wall: determinism::wall_elapsed().saturating_sub(wall_start),
    })
}

fn node(host: &Host) -> Node {
    Node {
        name: host.name.clone(),
        zone: host.zone.clone(),
    }
}

fn home(client: &ClientHost) -> (String, String) {
    (client.name.clone(), client.zone.clone())
}

/// A promise that was broken, as texts tell it: its name, a colon, and what shows it.
fn violation(text: &str) -> Violation {
    let (promise, story) = text.split_once(": ").unwrap_or((text, ""));
    Violation {
        promise: promise.to_owned(),
        story: story.to_owned(),
        ..Violation::default()
    }
}

struct Run {
    cluster: Cluster,
    workload: Workload,
    injector: Injector,
    invariants: Invariants,
    observer: Option<Observer>,
    steps: u64,
}

impl Run {
    /// Lets a step pass; returns whether all clients are done.
    fn step(&mut self) -> anyhow::Result<bool> {
        let (is_finished, ended) = self.cluster.step()?;
        determinism::advance(EPOCH + self.cluster.now());
        self.injector.step(&mut self.cluster, ended);
        self.steps += 1;
        self.invariants
            .check(&self.cluster, self.injector.destroyed());
        if let Some(observer) = &self.observer {
            observer.look(&self.cluster);
        }
        if self.steps.is_multiple_of(STEPS_BETWEEN_STATE_CHECKS) {
            self.invariants.check_states(&self.cluster);
        }
        Ok(is_finished)
    }

    fn drive(&mut self, busy: Duration) -> anyhow::Result<(Verdict, String)> {
        while self.cluster.now() < busy {
            self.step()?;
        }
        self.injector.heal(&mut self.cluster);
        let lost = self.injector.refused().len();
        // Nodes that refuse what nobody has damaged have broken a promise themselves.
        if lost * 2 >= self.cluster.hosts.len() && self.injector.violations.is_empty() {
            let reason =
                format!("{lost} nodes refuse their damaged data: there is no majority left");
            return Ok((Verdict::Unknown(reason), String::new()));
        }
        let quiet = self.quiet();
        let mut violations: Vec<String> = Vec::new();
        if !self.settles(quiet)? {
            violations.push(format!(
                "liveness: the nodes did not agree within {SETTLE_WITHIN:?} after everything was healed: {}",
                self.cluster.standing()
            ));
        } else if !self.drains(quiet)? {
            violations.push(format!(
                "liveness: the queues were not drained within {:?} after everything was healed",
                quiet + DRAIN_WITHIN
            ));
        } else {
            self.workload.note_drained();
        }
        let mut summary = String::new();
        let mut told = Vec::new();
        match judge(&self.workload.recorder.history()?) {
            Judged::Pass(counts) => summary = counts.to_string(),
            Judged::Violated(counts, broken) => {
                summary = counts.to_string();
                told.extend(broken.into_iter().map(|broken| Violation {
                    promise: broken.invariant.as_str().to_owned(),
                    story: broken.story,
                    at: Some(broken.at),
                }));
            }
            Judged::Unknown(why) if violations.is_empty() => {
                return Ok((Verdict::Unknown(why), summary));
            }
            Judged::Unknown(_) => {}
        }
        self.invariants.check_states(&self.cluster);
        // What the nodes did comes before what clients saw of it.
        violations.splice(0..0, panics().iter().map(|panic| format!("panic: {panic}")));
        violations.splice(0..0, self.injector.violations.drain(..));
        violations.splice(0..0, self.invariants.violations.drain(..));
        let mut violations: Vec<Violation> =
            violations.iter().map(|text| violation(text)).collect();
        violations.append(&mut told);
        let verdict = if violations.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Violation(violations)
        };
        Ok((verdict, summary))
    }

    /// For how long nothing must come before a queue is empty. The clock of the queues never goes
    /// back: if a leader's was ahead, it stands still until the others have caught up.
    fn quiet(&self) -> Duration {
        let hosts = self.cluster.hosts.iter();
        let leads = hosts.map(|host| host.world.clock().greatest_lead());
        QUIET + leads.max().unwrap_or_default()
    }

    /// Whether the nodes agree within their time.
    fn settles(&mut self, quiet: Duration) -> anyhow::Result<bool> {
        let until = self.cluster.now() + SETTLE_WITHIN;
        self.workload.begin_drain(quiet);
        while !self.cluster.is_settled(self.injector.refused()) {
            if self.cluster.now() > until {
                return Ok(false);
            }
            self.step()?;
        }
        // Now all have applied the same, and nothing has been drained that tells them apart.
        self.invariants.check_states(&self.cluster);
        Ok(true)
    }

    /// Whether the receivers find the queue empty within their time.
    fn drains(&mut self, quiet: Duration) -> anyhow::Result<bool> {
        let until = self.cluster.now() + quiet + DRAIN_WITHIN;
        while !self.step()? {
            if self.cluster.now() > until {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
