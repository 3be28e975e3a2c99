//! Carries out the plan: begins each fault when its time has come, undoes it, and keeps nodes
//! running that nothing keeps down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use zonemq_scenario::{Kind, Planned};
use zonemq_world::World;

use super::effects::{Links, disk_faults, millis};
use super::target::resolve;
use crate::cluster::{Cluster, Crash, End, HostIndex};
use crate::observer::micros;
use crate::world::SimChance;
use crate::world::disk::{DiskFaults, PowerLoss};
use crate::world::network::LinkRule;

/// A node that gave up is started again after this, as a supervisor does.
const SUPERVISOR_PAUSE: Duration = Duration::from_secs(1);

/// Something that a reader of the report wants to know.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) at: Duration,
    pub(crate) what: String,
}

/// A fault that is at work.
#[derive(Debug)]
struct Active {
    number: usize,
    kind: Kind,
    hosts: Vec<HostIndex>,
    until: Duration,
    links: Vec<Links>,
    disk: DiskFaults,
    /// These may not run now.
    down: Vec<HostIndex>,
    /// The next of its restarts.
    next_restart: Option<Duration>,
    pause: Duration,
}

/// The hand that breaks and mends.
#[derive(Debug)]
pub(crate) struct Injector {
    waiting: VecDeque<Planned>,
    active: Vec<Active>,
    pub(super) chance: SimChance,
    /// When the supervisor starts a node again.
    restarts: BTreeMap<HostIndex, Duration>,
    /// Nodes whose durable data was destroyed: they may refuse to start.
    destroyed: BTreeSet<HostIndex>,
    /// Nodes that refused.
    refused: BTreeSet<HostIndex>,
    pub(crate) log: Vec<Happened>,
    /// Each fault that began, for reports.
    pub(crate) faults: Vec<zonemq_report::Fault>,
    pub(crate) violations: Vec<String>,
    links_are_stale: bool,
}

impl Injector {
    pub(crate) fn new(plan: Vec<Planned>, seed: u64) -> Injector {
        Injector {
            waiting: plan.into(),
            active: Vec::new(),
            chance: SimChance::new(seed, "faults"),
            restarts: BTreeMap::new(),
            destroyed: BTreeSet::new(),
            refused: BTreeSet::new(),
            log: Vec::new(),
            faults: Vec::new(),
            violations: Vec::new(),
            links_are_stale: false,
        }
    }

    /// The nodes that will not come back.
    pub(crate) fn refused(&self) -> &BTreeSet<HostIndex> {
        &self.refused
    }

    /// The nodes whose durable data was taken.
    pub(crate) fn destroyed(&self) -> &BTreeSet<HostIndex> {
        &self.destroyed
    }

    /// Does what is due now. `ended` are the nodes that gave up by themselves.
    pub(crate) fn step(&mut self, cluster: &mut Cluster, ended: Vec<(HostIndex, End)>) {
        let now = cluster.now();
        for (index, end) in ended {
            self.note_end(cluster, index, &end);
        }
        while self
            .waiting
            .front()
            .is_some_and(|planned| planned.at <= now)
        {
            if let Some(planned) = self.waiting.pop_front() {
                self.begin(cluster, planned);
            }
        }
        self.repeat_restarts(cluster, now);
        let (over, active) = std::mem::take(&mut self.active)
            .into_iter()
            .partition(|active| active.until <= now);
        self.active = active;
        let over: Vec<Active> = over;
        for fault in over {
            self.end(cluster, &fault);
        }
        self.apply(cluster, now);
    }

    /// Ends all faults and begins none any more.
    pub(crate) fn heal(&mut self, cluster: &mut Cluster) {
        self.waiting.clear();
        for fault in std::mem::take(&mut self.active) {
            self.end(cluster, &fault);
        }
        let now = cluster.now();
        for host in &cluster.hosts {
            host.world.clock().correct();
        }
        self.restarts.clear();
        self.apply(cluster, now);
        self.note(now, "everything is healed".to_owned());
    }

    fn note(&mut self, at: Duration, what: String) {
        tracing::info!(what, "fault");
        self.log.push(Happened { at, what });
    }

    fn note_end(&mut self, cluster: &Cluster, index: HostIndex, end: &End) {
        let now = cluster.now();
        let name = &cluster.host(index).name;
        self.note(now, format!("{name} gave up: {}", end.reason));
        cluster.coverage.add("node: gave up by itself", 1);
        if !end.refuses_its_data {
            self.restarts.insert(index, now + SUPERVISOR_PAUSE);
            return;
        }
        cluster.coverage.add("node: refused its damaged data", 1);
        self.refused.insert(index);
        if !self.destroyed.contains(&index) {
            self.violations.push(format!(
                "durability: {name} refuses to start, though nothing durable was taken from its disk: {}",
                end.reason
            ));
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind")]
    fn begin(&mut self, cluster: &mut Cluster, planned: Planned) {
        let now = cluster.now();
        let Planned {
            number,
            lasts,
            fault,
            ..
        } = planned;
        let hosts = resolve(&fault.target, cluster, &self.chance);
        let names: Vec<&str> = hosts
            .iter()
            .map(|i| cluster.host(*i).name.as_str())
            .collect();
        let what = format!(
            "[{number}] {} of {} ({}) for {:.2} s, amount {:.2}",
            fault.kind,
            fault.target,
            names.join(" "),
            lasts.as_secs_f64(),
            fault.amount
        );
        self.faults.push(zonemq_report::Fault {
            number,
            kind: fault.kind.to_string(),
            words: what.clone(),
            nodes: hosts.iter().map(|host| host.0).collect(),
            from: micros(now),
            to: micros(now + lasts),
        });
        self.note(now, what);
        if hosts.is_empty() {
            return;
        }
        cluster.coverage.add(&format!("fault: {}", fault.kind), 1);
        let mut active = Active {
            number,
            kind: fault.kind,
            links: self.links(cluster, fault.kind, fault.amount, &hosts, &fault.target),
            disk: disk_faults(fault.kind, fault.amount),
            down: Vec::new(),
            next_restart: None,
            pause: millis(fault.amount),
            until: now + lasts,
            hosts,
        };
        self.links_are_stale |= !active.links.is_empty();
        match fault.kind {
            Kind::Kill => take_down(cluster, &mut active, Crash::Process),
            Kind::PowerLoss => {
                take_down(cluster, &mut active, Crash::Power(PowerLoss::LosesUnsynced));
            }
            Kind::TornPowerLoss => {
                take_down(cluster, &mut active, Crash::Power(PowerLoss::TearsUnsynced));
            }
            Kind::BitFlip => {
                take_down(cluster, &mut active, Crash::Process);
                for index in active.hosts.clone() {
                    if let Some(place) = cluster.host(index).world.disk().flip_bit() {
                        self.note(now, format!("a bit flipped in {place}"));
                        self.destroyed.insert(index);
                    }
                }
            }
            Kind::RestartStorm => active.next_restart = Some(now),
            Kind::RollingRestart => {
                active.hosts = cluster.indexes().collect();
                active.next_restart = Some(now);
            }
            Kind::MisdirectedWrite => {
                for index in active.hosts.clone() {
                    let disk = cluster.host(index).world.disk();
                    disk.set_faults(|faults| faults.misdirects_next_write = true);
                    self.destroyed.insert(index);
                }
            }
            Kind::ClockJump =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "a minute in milliseconds")]
                for index in &active.hosts {
                    cluster.host(*index).world.clock().jump(fault.amount as i64);
                    cluster.coverage.add("clock: jumps", 1);
                }
            }
            Kind::ClockDrift =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "less than a million")]
                for index in &active.hosts {
                    let clock = cluster.host(*index).world.clock();
                    clock.drift(now, fault.amount as i64);
                    cluster.coverage.add("clock: drifts", 1);
                }
            }
            Kind::Pause
            | Kind::SlowNode
            | Kind::Isolate
            | Kind::IsolateFromAll
            | Kind::Halves
            | Kind::Ring
            | Kind::Bridge
            | Kind::AllApart
            | Kind::CutInbound
            | Kind::CutOutbound
            | Kind::CutClients
            | Kind::LoseResponses
            | Kind::HalfOpen
            | Kind::Delay
            | Kind::Jitter
            | Kind::Loss
            | Kind::SlowLink
            | Kind::SyncError
            | Kind::WriteError
            | Kind::ReadError
            | Kind::DiskFull
            | Kind::SlowDisk => {}
        }
        self.active.push(active);
    }

    fn end(&mut self, cluster: &mut Cluster, fault: &Active) {
        self.note(
            cluster.now(),
            format!("[{}] {} is over", fault.number, fault.kind),
        );
        self.links_are_stale |= !fault.links.is_empty();
        let spans = self.faults.iter_mut();
        for span in spans.filter(|span| span.number == fault.number) {
            span.to = micros(cluster.now());
        }
        match fault.kind {
            Kind::ClockJump | Kind::ClockDrift => {
                for index in &fault.hosts {
                    cluster.host(*index).world.clock().correct();
                }
            }
            // Only reading it again shows what became of it.
            Kind::MisdirectedWrite => {
                for index in &fault.hosts {
                    let disk = cluster.host(*index).world.disk();
                    disk.set_faults(|faults| faults.misdirects_next_write = false);
                    cluster.crash(*index, Crash::Process);
                }
            }
            _ => {}
        }
    }

    fn repeat_restarts(&mut self, cluster: &mut Cluster, now: Duration) {
        for active in &mut self.active {
            if active.next_restart.is_none_or(|at| at > now) {
                continue;
            }
            active.next_restart = Some(now + active.pause);
            if active.kind == Kind::RestartStorm {
                // They are started again in the same step.
                for index in &active.hosts {
                    cluster.crash(*index, Crash::Process);
                }
                continue;
            }
            active.down.clear();
            if active.hosts.is_empty() {
                active.next_restart = None;
            } else {
                let next = active.hosts.remove(0);
                cluster.crash(next, Crash::Process);
                active.down.push(next);
            }
        }
    }

    /// Makes the world what the active faults want it to be.
    fn apply(&mut self, cluster: &mut Cluster, now: Duration) {
        if std::mem::take(&mut self.links_are_stale) {
            self.apply_links(cluster);
        }
        for index in cluster.indexes() {
            let mut faults = DiskFaults::default();
            for active in self
                .active
                .iter()
                .filter(|active| active.hosts.contains(&index))
            {
                faults = faults.and(active.disk);
            }
            cluster.host(index).world.disk().set_faults(|now| {
                let mut faults = faults;
                faults.misdirects_next_write = now.misdirects_next_write;
                faults.syncs_lie = now.syncs_lie;
                *now = faults;
            });
            let is_kept_down = self
                .active
                .iter()
                .any(|active| active.down.contains(&index))
                || self.refused.contains(&index)
                || self.restarts.get(&index).is_some_and(|at| *at > now);
            if !is_kept_down {
                self.restarts.remove(&index);
                cluster.restart(index);
            }
        }
    }

    fn apply_links(&self, cluster: &Cluster) {
        let addresses: Vec<IpAddr> = cluster.node_ips().chain(cluster.client_ips()).collect();
        for &from in &addresses {
            for &to in addresses.iter().filter(|to| **to != from) {
                let mut rule = LinkRule::default();
                for (senders, receivers, more) in self.active.iter().flat_map(|a| &a.links) {
                    if senders.contains(&from) && receivers.contains(&to) {
                        rule = rule.and(*more);
                    }
                }
                cluster.fabric.set(from, to, rule);
            }
        }
    }
}

fn take_down(cluster: &mut Cluster, active: &mut Active, crash: Crash) {
    for index in &active.hosts {
        cluster.crash(*index, crash);
    }
    active.down.clone_from(&active.hosts);
}
