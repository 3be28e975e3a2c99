//! Puts clients on hosts: senders, receivers and administrators of each lane.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use zonemq_history::event::What;

use crate::case::Calls;
use crate::client::Client;
use crate::cluster::Cluster;
use crate::lane::{Laborer, Lane, Role};
use crate::recorder::Recorder;
use crate::worker::{Permits, Worker};
use crate::world::{SimChance, SimNetwork};

/// What the clients do now. The simulator moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Senders send and receivers receive.
    Work,
    /// Receivers go on until nothing has come for so long.
    Drain { quiet: Duration },
}

/// How many clients, and how fast they are.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Load {
    pub(crate) lanes: Vec<Lane>,
    /// Of each lane.
    pub(crate) senders: u64,
    /// Of each lane.
    pub(crate) receivers: u64,
    /// Between two sends of one sender.
    pub(crate) send_pause_millis: u64,
}

impl Default for Load {
    fn default() -> Self {
        Load {
            lanes: vec![Lane::Standard],
            senders: 2,
            receivers: 2,
            send_pause_millis: 20,
        }
    }
}

impl Load {
    fn roles(&self) -> Vec<(Lane, Role)> {
        let mut roles = Vec::new();
        for &lane in &self.lanes {
            roles.extend((0..self.senders).map(|_| (lane, Role::Sender)));
            roles.extend((0..self.receivers).map(|_| (lane, Role::Receiver)));
            roles.extend(
                lane.has_administrator()
                    .then_some((lane, Role::Administrator)),
            );
        }
        roles
    }

    /// How many hosts they need.
    pub(crate) fn clients(&self) -> u64 {
        self.roles().len() as u64
    }
}

/// What the clients share.
pub(crate) struct Workload {
    pub(crate) recorder: Recorder,
    lanes: Vec<Lane>,
    phase: watch::Sender<Phase>,
}

impl Workload {
    /// Puts all clients on hosts.
    pub(crate) fn start(
        cluster: &mut Cluster,
        load: &Load,
        seed: u64,
        calls: Option<&Calls>,
    ) -> Workload {
        let recorder = Recorder::default();
        let (phase, phases) = watch::channel(Phase::Work);
        let nodes: Vec<SocketAddr> = cluster.hosts.iter().map(|host| host.api).collect();
        let hosts = cluster.clients().to_vec();
        for (number, (host, (lane, role))) in hosts.into_iter().zip(load.roles()).enumerate() {
            let network = SimNetwork::new(&cluster.fabric, host.ip);
            let kept = calls.map(|calls| calls.get(&host.name).cloned().unwrap_or_default());
            let laborer = Laborer {
                stale: VecDeque::new(),
                worker: Worker {
                    // Each begins with the node of its own zone.
                    client: Client::new(network, nodes.clone(), number),
                    name: host.name.clone(),
                    recorder: recorder.clone(),
                    coverage: cluster.coverage.clone(),
                    chance: SimChance::new(seed, &host.name),
                    permits: Permits::new(kept, phases.clone()),
                },
                lane,
                phases: phases.clone(),
                send_pause: Duration::from_millis(load.send_pause_millis),
            };
            cluster.sim.client(host.name, async move {
                laborer.run(role).await;
                Ok(())
            });
        }
        Workload {
            recorder,
            lanes: load.lanes.clone(),
            phase,
        }
    }

    /// Nothing is sent any more. Receivers that have had nothing for as long as `quiet` call their
    /// queues empty.
    pub(crate) fn begin_drain(&self, quiet: Duration) {
        self.recorder.note(What::Healed);
        self.phase.send_replace(Phase::Drain { quiet });
    }

    /// All receivers have found their queues empty.
    pub(crate) fn note_drained(&self) {
        for (queue, _) in self.lanes.iter().flat_map(|lane| lane.queues()) {
            let queue = queue.to_owned();
            self.recorder.note(What::Drained { queue });
        }
    }
}
