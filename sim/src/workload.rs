//! Puts clients on hosts: senders, receivers and administrators of each lane.

use std::net::SocketAddr;

use zonemq_history::event::{Event, What};
use zonemq_scenario::Load;
use zonemq_workload::{Names, Place, Recorder, Stopwatch, Workload};

use crate::case::Calls;
use crate::cluster::Cluster;
use crate::coverage::Coverage;
use crate::world::{self, SimChance, SimNetwork};

/// An empty history on the simulated clock.
pub(crate) fn recorder() -> Recorder {
    Recorder::new(Stopwatch::new(world::elapsed))
}

/// How many hosts the clients need.
pub(crate) fn hosts(load: &Load) -> u64 {
    load.roles().len() as u64
}

/// Puts all clients on hosts.
pub(crate) fn start(
    cluster: &mut Cluster,
    load: &Load,
    seed: u64,
    calls: Option<&Calls>,
) -> Workload {
    let workload = Workload::new(load, recorder());
    let nodes: Vec<SocketAddr> = cluster.hosts.iter().map(|host| host.api).collect();
    let hosts = cluster.clients().to_vec();
    for (number, (host, (lane, role))) in hosts.into_iter().zip(load.roles()).enumerate() {
        let place = Place {
            name: host.name.clone(),
            network: SimNetwork::new(&cluster.fabric, host.ip),
            nodes: nodes.clone(),
            // Each begins with the node of its own zone.
            first: number,
            chance: SimChance::new(seed, &host.name),
            names: Names::default(),
            kept: calls.map(|calls| calls.get(&host.name).cloned().unwrap_or_default()),
        };
        let laborer = workload.laborer(lane, place);
        cluster.sim.client(host.name, async move {
            laborer.run(role).await;
            Ok(())
        });
    }
    workload
}

/// Counts how calls ended.
pub(crate) fn count_ends(events: &[Event], coverage: &Coverage) {
    for event in events {
        let end = match event.what {
            What::Ok { .. } => "client: calls answered",
            What::Failed { .. } => "client: calls failed",
            What::Unknown { .. } => "client: calls without a known result",
            What::Invoke { .. }
            | What::ClocksErr
            | What::Healed
            | What::Drained { .. }
            | What::Note { .. } => continue,
        };
        coverage.add(end, 1);
    }
}
