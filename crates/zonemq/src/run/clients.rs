//! The clients of a scenario on real processes: the simulator's own, over TCP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use zonemq_scenario::Load;
use zonemq_workload::{
    CallError, Client, DRAIN_WITHIN, Names, Place, QUIET, Recorder, Seeded, Workload,
};
use zonemq_world::World;
use zonemq_world::real::{RealWorld, Tcp};

use crate::cluster::Cluster;
use crate::say::complain;

/// One try to remove a queue. A busy machine may need another.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);
const REMOVE_TRIES: usize = 3;
/// What a queue that is gone, or never was, is called.
const GONE: &str = "QueueDoesNotExist";

/// All clients at work.
pub(super) struct Clients {
    pub(super) workload: Workload,
    /// Where each is.
    pub(super) zones: BTreeMap<String, String>,
    working: JoinSet<()>,
}

impl Clients {
    /// Lets them begin, under these names of their queues.
    pub(super) fn start(
        load: &Load,
        cluster: &Cluster,
        seed: u64,
        names: &Names,
        recorder: Recorder,
    ) -> Clients {
        let workload = Workload::new(load, recorder);
        let nodes: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.api).collect();
        let mut working = JoinSet::new();
        let mut zones = BTreeMap::new();
        let homes = cluster.nodes.iter().cycle();
        for ((number, (lane, role)), home) in load.roles().into_iter().enumerate().zip(homes) {
            let name = format!("client-{}", number + 1);
            zones.insert(name.clone(), home.zone.clone());
            let place = Place {
                network: RealWorld::new().network().clone(),
                nodes: nodes.clone(),
                // Each begins with the node of its own zone.
                first: number,
                chance: Seeded::new(seed, &name),
                name,
                names: names.clone(),
                kept: None,
            };
            working.spawn(workload.laborer(lane, place).run(role));
        }
        Clients {
            workload,
            zones,
            working,
        }
    }

    /// Lets receivers empty their queues. Whether they did in time.
    pub(super) async fn drain(&mut self) -> bool {
        self.workload.begin_drain(QUIET);
        let all = async { while self.working.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(QUIET + DRAIN_WITHIN, all)
            .await
            .is_ok();
        if in_time {
            self.workload.note_drained();
        }
        in_time
    }
}

/// Removes the queues of these clients, as far as somebody takes the wish.
pub(super) async fn remove_queues(load: &Load, cluster: &Cluster, names: &Names) {
    let nodes = cluster.nodes.iter().map(|node| node.api).collect();
    let mut client = Client::new(RealWorld::new().network().clone(), nodes, 0);
    for (queue, _) in load.lanes.iter().flat_map(|lane| lane.queues()) {
        let url = json!({ "QueueUrl": names.url(queue) });
        if let Err(error) = remove_queue(&mut client, &url).await {
            complain!("the queue {} stays: {error}", names.name(queue));
        }
    }
}

async fn remove_queue(client: &mut Client<Tcp>, url: &Value) -> Result<(), CallError> {
    let mut result = Ok(());
    for _ in 0..REMOVE_TRIES {
        match client.call("DeleteQueue", url, REMOVE_WITHIN).await {
            Ok(_) => return Ok(()),
            Err(CallError::Failed(why)) if why.contains(GONE) => return Ok(()),
            Err(error) => result = Err(error),
        }
    }
    result
}
