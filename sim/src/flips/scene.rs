//! Three nodes that have lived for a while, one of which is down now: the moment from which every
//! trial goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context as Waiting, Poll, Waker};
use std::time::Duration;

use anyhow::{Context, bail};
use zonemq_raft::{GroupStatus, Inspection};
use zonemq_scenario::{Size, Store};
use zonemq_sim_determinism as determinism;

use super::story::{Chapter, Story};
use crate::cluster::{Cluster, Crash, HostIndex};
use crate::invariants::Invariants;
use crate::observer::Observer;
use crate::run;
use crate::world::EPOCH;

/// Whatever is waited for comes sooner, or never.
const PATIENCE: Duration = Duration::from_secs(30);
/// By then snapshots are taken, and what they make useless is gone.
const SETTLING: Duration = Duration::from_secs(3);
/// A node that gave up is started again after this, as a supervisor does.
const SUPERVISOR_PAUSE: Duration = Duration::from_secs(1);
const STEPS_BETWEEN_STATE_CHECKS: u64 = 250;

/// So that full segments, summaries, kept parts and snapshots come of a few dozen messages.
const STORE: Store = Store {
    segment_bytes: 18 << 10,
    snapshot_log_bytes: 2 << 10,
    scrub_pause_millis: 300,
};

/// The simulation, and what is known of it.
pub(super) struct Scene {
    pub(super) cluster: Cluster,
    pub(super) story: Story,
    pub(super) invariants: Invariants,
    observer: Observer,
    /// The node whose bits are flipped.
    pub(super) damaged: HostIndex,
    /// Where it stood before it was stopped.
    pub(super) before: Option<GroupStatus>,
    /// What can be read on a node whose disk is whole.
    pub(super) whole: Inspection,
    /// The nodes that start again, and when.
    restarts: BTreeMap<HostIndex, Duration>,
    /// Why nodes will not start any more.
    pub(super) refusals: Vec<String>,
    steps: u64,
}

impl Scene {
    /// Tells the story, with an election between any two chapters, and kills the node.
    pub(super) fn play(node: &str, seed: u64, observer: Observer) -> anyhow::Result<Scene> {
        run::watch_panics();
        let mut cluster = Cluster::start(run::simulation(seed), seed, Size::default(), STORE, 1);
        let damaged = cluster
            .indexes()
            .find(|index| cluster.host(*index).name == node)
            .with_context(|| format!("there is no node {node}: say n1, n2 or n3"))?;
        let story = Story::start(&mut cluster, seed);
        let mut scene = Scene {
            cluster,
            story,
            invariants: Invariants::default(),
            observer,
            damaged,
            before: None,
            whole: Inspection::default(),
            restarts: BTreeMap::new(),
            refusals: Vec::new(),
            steps: 0,
        };
        let chapters = [
            Chapter::First,
            Chapter::Second,
            Chapter::Third,
            Chapter::Fourth,
        ];
        for chapter in chapters {
            scene.settle()?;
            scene.story.begin(chapter);
            if !scene.until(PATIENCE, |scene| scene.story.is_done(chapter))? {
                bail!("the client does not come to the end of {chapter:?}");
            }
            scene.pass(SETTLING)?;
            if chapter != Chapter::Fourth {
                scene.depose_leader()?;
            }
        }
        scene.settle()?;
        let group = scene.cluster.group(damaged).context("the node is down")?;
        scene.before = Some(group.status());
        scene.whole = scene
            .inspect(damaged)?
            .context("the disk does not answer")?;
        scene.cluster.crash(damaged, Crash::Process);
        // The others go on: a leader is there when the node comes back.
        let leads = |scene: &Scene| scene.cluster.leader().is_some();
        if !scene.until(PATIENCE, leads)? {
            bail!("there is no leader without the node");
        }
        scene.pass(SETTLING)?;
        Ok(scene)
    }

    /// Lets a millisecond pass.
    pub(super) fn step(&mut self) -> anyhow::Result<()> {
        let (_, ended) = self.cluster.step()?;
        let now = self.cluster.now();
        determinism::advance(EPOCH + now);
        for (index, end) in ended {
            let name = &self.cluster.host(index).name;
            if end.refuses_its_data {
                self.refusals.push(format!("{name} {}", end.reason));
            } else {
                self.restarts.insert(index, now + SUPERVISOR_PAUSE);
            }
        }
        let due = |(index, at): (&HostIndex, &Duration)| (*at <= now).then_some(*index);
        for index in self.restarts.iter().filter_map(due).collect::<Vec<_>>() {
            self.restarts.remove(&index);
            self.cluster.restart(index);
        }
        let destroyed = BTreeSet::from([self.damaged]);
        self.invariants.check(&self.cluster, &destroyed);
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_BETWEEN_STATE_CHECKS) {
            self.invariants.check_states(&self.cluster);
        }
        Ok(())
    }

    pub(super) fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = self.cluster.now() + time;
        while self.cluster.now() < until {
            self.step()?;
        }
        Ok(())
    }

    /// Whether it comes about in time.
    pub(super) fn until(
        &mut self,
        within: Duration,
        mut is_so: impl FnMut(&Scene) -> bool,
    ) -> anyhow::Result<bool> {
        let end = self.cluster.now() + within;
        while !is_so(self) {
            if self.cluster.now() > end {
                return Ok(false);
            }
            self.step()?;
        }
        Ok(true)
    }

    /// Waits for a leader whom all follow, with all that is committed applied.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        let is_settled = |scene: &Scene| scene.cluster.is_settled(&BTreeSet::new());
        if self.until(PATIENCE, is_settled)? {
            return Ok(());
        }
        bail!("the nodes do not settle: {}", self.cluster.standing())
    }

    /// Kills whoever leads, and starts it again when another one does.
    pub(super) fn depose_leader(&mut self) -> anyhow::Result<()> {
        let leader = self.cluster.leader().context("nobody leads")?;
        self.cluster.crash(leader, Crash::Process);
        if !self.until(PATIENCE, |scene| scene.cluster.leader().is_some())? {
            bail!("nobody is elected: {}", self.cluster.standing());
        }
        self.cluster.restart(leader);
        self.settle()
    }

    /// What can be read from a node's own disk; `None` while it is down.
    pub(super) fn inspect(&mut self, index: HostIndex) -> anyhow::Result<Option<Inspection>> {
        let Some(group) = self.cluster.group(index) else {
            return Ok(None);
        };
        self.wait_for(async move { group.inspect().await })
    }

    /// Polls what the tasks of a node work on, from outside of it.
    fn wait_for<T>(&mut self, future: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
        let mut future = pin!(future);
        let end = self.cluster.now() + PATIENCE;
        while self.cluster.now() < end {
            let mut waiting = Waiting::from_waker(Waker::noop());
            if let Poll::Ready(output) = future.as_mut().poll(&mut waiting) {
                return Ok(Some(output));
            }
            self.step()?;
        }
        Ok(None)
    }

    /// What the damaged node has warned of since this was asked the last time.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        let logs = self.observer.take_logs().into_iter();
        let own = logs.filter(|line| line.node == self.damaged.0);
        let told = own.filter(|line| {
            let of_store = ["zonemq_wal", "zonemq_raft"];
            of_store.iter().any(|name| line.text.starts_with(name))
        });
        told.map(|line| line.text).collect()
    }
}
