//! Clients at work: what the lanes of a scenario do to a cluster, and what they are told.
//!
//! The same clients run in the simulator and on real processes. What they need from outside, a
//! network and chance, are `world`'s; time is tokio's. Each call goes through a [`Worker`] into a
//! [`Recorder`], which makes the history for the judge; a [`Laborer`] is one client of a lane, and
//! [`Workload`] tells all of them when to drain their queues. [`calls`] puts what they did in words.

mod calls;
mod client;
mod laborer;
mod recorder;
mod seeded;
mod words;
mod worker;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use zonemq_history::event::What;
use zonemq_scenario::{Lane, Load};
use zonemq_world::{Chance, Network};

pub use calls::calls;
pub use client::{CallError, Client};
pub use laborer::Laborer;
pub use recorder::{Recorder, Stopwatch};
pub use seeded::Seeded;
pub use worker::{Names, Permits, Told, Worker};

/// For so long nothing must come before a queue is empty: by then all visibility timeouts and
/// delays are over.
pub const QUIET: Duration = Duration::from_secs(8);
/// How long receivers may take to empty their queues, beside their quiet at the end.
pub const DRAIN_WITHIN: Duration = Duration::from_mins(2);

/// What the clients do now. Whoever runs the scenario moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Senders send and receivers receive.
    Work,
    /// Receivers go on until nothing has come for so long.
    Drain {
        /// For so long.
        quiet: Duration,
    },
}

/// One client, and how it reaches the cluster.
pub struct Place<N, C> {
    /// Who it is, in the history.
    pub name: String,
    /// Its way to the nodes.
    pub network: N,
    /// Where they listen to clients.
    pub nodes: Vec<SocketAddr>,
    /// It begins with this of them, counted around.
    pub first: usize,
    /// What it chooses follows from this.
    pub chance: C,
    /// What queues are called on the wire.
    pub names: Names,
    /// Only these of its calls are made, and when; all where absent.
    pub kept: Option<Vec<(u64, u64)>>,
}

/// What the clients of a run share.
pub struct Workload {
    /// What they were told.
    pub recorder: Recorder,
    lanes: Vec<Lane>,
    send_pause: Duration,
    phase: watch::Sender<Phase>,
}

impl Workload {
    /// Nobody works yet.
    pub fn new(load: &Load, recorder: Recorder) -> Workload {
        Workload {
            recorder,
            lanes: load.lanes.clone(),
            send_pause: Duration::from_millis(load.send_pause_millis),
            phase: watch::Sender::new(Phase::Work),
        }
    }

    /// A client of a lane at a place, which works when it is told its role.
    pub fn laborer<N: Network, C: Chance>(&self, lane: Lane, place: Place<N, C>) -> Laborer<N, C> {
        let phases = self.phase.subscribe();
        let worker = Worker {
            client: Client::new(place.network, place.nodes, place.first),
            name: place.name,
            recorder: self.recorder.clone(),
            chance: place.chance,
            names: place.names,
            permits: Permits::new(place.kept, phases.clone()),
        };
        Laborer::new(worker, lane, phases, self.send_pause)
    }

    /// Nothing is sent any more. Receivers that have had nothing for as long as `quiet` call their
    /// queues empty.
    pub fn begin_drain(&self, quiet: Duration) {
        self.recorder.note(What::Healed);
        self.phase.send_replace(Phase::Drain { quiet });
    }

    /// All receivers have found their queues empty.
    pub fn note_drained(&self) {
        for (queue, _) in self.lanes.iter().flat_map(|lane| lane.queues()) {
            let queue = queue.to_owned();
            self.recorder.note(What::Drained { queue });
        }
    }
}
