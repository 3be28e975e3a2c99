//! A simulated cluster: the real node on each host, and the hand that stops and starts hosts.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use turmoil::Sim;
use zonemq_node::{Cooldown, Member, Node, NodeConfig, Progress, StartError};
use zonemq_raft::{Group, GroupStatus, Role};
use zonemq_scenario::{Size, Store};
use zonemq_wal::OpenError;
use zonemq_world::World;

use crate::coverage::Coverage;
use crate::world::disk::PowerLoss;
use crate::world::{Fabric, SimWorld};

const API_PORT: u16 = 4100;
const PEER_PORT: u16 = 4101;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a node gave up by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) reason: String,
    /// It will not start on what is on its disk, however often it is tried.
    pub(crate) refuses_its_data: bool,
}

/// Names a host of the cluster by its place in [`Cluster::hosts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostIndex(pub(crate) usize);

/// How a node ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process dies; the system keeps what it wrote and closes its connections.
    Process,
    /// The machine loses its power; nobody is told.
    Power(PowerLoss),
}

/// One host, whatever runs on it now.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) id: u64,
    /// `n1`
    pub(crate) name: String,
    /// `a`
    pub(crate) zone: String,
    pub(crate) ip: IpAddr,
    pub(crate) api: SocketAddr,
    pub(crate) world: SimWorld,
    pub(crate) is_up: bool,
    /// What is shared with the software on the host.
    life: Life,
}

/// What a running node tells the simulator.
#[derive(Clone, Debug, Default)]
struct Life(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    group: Option<Arc<Group>>,
    end: Option<End>,
}

impl Life {
    fn with<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All hosts with their network.
pub(crate) struct Cluster {
    pub(crate) sim: Sim<'static>,
    pub(crate) fabric: Fabric,
    pub(crate) coverage: Coverage,
    pub(crate) hosts: Vec<Host>,
    clients: Vec<ClientHost>,
}

/// A host from which clients call.
#[derive(Clone, Debug)]
pub(crate) struct ClientHost {
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) ip: IpAddr,
}

impl Cluster {
    /// Starts a node on each host.
    pub(crate) fn start(
        mut sim: Sim<'static>,
        seed: u64,
        size: Size,
        store: Store,
        clients: u64,
    ) -> Cluster {
        let coverage = Coverage::default();
        let fabric = Fabric::new(seed, &coverage);
        let mut hosts = Vec::new();
        for id in 1..=u64::from(size.zones) * u64::from(size.nodes_per_zone) {
            let name = format!("n{id}");
            let ip = sim.lookup(name.as_str());
            // Fewer than 26 zones: the scenario was checked.
            let zone = (id - 1) % u64::from(size.zones);
            hosts.push(Host {
                id,
                world: SimWorld::new(seed, &name, ip, &fabric, &coverage),
                name,
                zone: zone_name(zone),
                ip,
                api: SocketAddr::new(ip, API_PORT),
                is_up: true,
                life: Life::default(),
            });
        }
        let clients = (1..=clients).map(|number| {
            let name = format!("c{number}");
            ClientHost {
                ip: sim.lookup(name.as_str()),
                zone: zone_name((number - 1) % u64::from(size.zones)),
                name,
            }
        });
        let clients = clients.collect();
        for host in &hosts {
            let config = node_config(host, &hosts, store);
            let world = host.world.clone();
            let life = host.life.clone();
            sim.host(host.name.as_str(), move || {
                run_node(world.clone(), config.clone(), life.clone())
            });
        }
        Cluster {
            sim,
            fabric,
            coverage,
            hosts,
            clients,
        }
    }

    /// The hosts for clients.
    pub(crate) fn clients(&self) -> &[ClientHost] {
        &self.clients
    }

    pub(crate) fn node_ips(&self) -> impl Iterator<Item = IpAddr> {
        self.hosts.iter().map(|host| host.ip)
    }

    pub(crate) fn client_ips(&self) -> impl Iterator<Item = IpAddr> {
        self.clients.iter().map(|client| client.ip)
    }

    /// Where a client lives.
    pub(crate) fn client_zone(&self, ip: IpAddr) -> Option<&String> {
        let client = self.clients.iter().find(|client| client.ip == ip);
        client.map(|client| &client.zone)
    }

    /// Lets the smallest amount of time pass everywhere. Nodes that gave up are down afterwards;
    /// they are returned with their reasons, after whether all clients are done.
    pub(crate) fn step(&mut self) -> anyhow::Result<(bool, Vec<(HostIndex, End)>)> {
        let is_finished = self.sim.step().map_err(|error| anyhow!("{error}"))?;
        let mut ended = Vec::new();
        for index in 0..self.hosts.len() {
            if let Some(end) = self.hosts[index].life.with(|told| told.end.take()) {
                self.crash(HostIndex(index), Crash::Process);
                ended.push((HostIndex(index), end));
            }
        }
        Ok((is_finished, ended))
    }

    pub(crate) fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    pub(crate) fn host(&self, index: HostIndex) -> &Host {
        &self.hosts[index.0]
    }

    pub(crate) fn indexes(&self) -> impl Iterator<Item = HostIndex> + use<> {
        (0..self.hosts.len()).map(HostIndex)
    }

    /// Ends the node on a host, if one runs.
    pub(crate) fn crash(&mut self, index: HostIndex, crash: Crash) {
        let host = &mut self.hosts[index.0];
        if !host.is_up {
            return;
        }
        host.is_up = false;
        if let Crash::Power(_) = crash {
            self.fabric.set_power(host.ip, false);
        }
        host.life.with(|told| *told = Told::default());
        self.sim.crash(host.name.as_str());
        if let Crash::Power(loss) = crash {
            host.world.disk().lose_power(loss);
        }
        self.coverage.add("node: crashes", 1);
        tracing::info!(node = host.name, ?crash, "crashed");
    }

    /// Starts the node on a host, if none runs.
    pub(crate) fn restart(&mut self, index: HostIndex) {
        let host = &mut self.hosts[index.0];
        if host.is_up {
            return;
        }
        host.is_up = true;
        self.fabric.set_power(host.ip, true);
        self.sim.bounce(host.name.as_str());
        self.coverage.add("node: restarts", 1);
        tracing::info!(node = host.name, "restarted");
    }

    /// The group on a host, while a node runs there and is ready.
    pub(crate) fn group(&self, index: HostIndex) -> Option<Arc<Group>> {
        self.host(index).life.with(|told| told.group.clone())
    }

    /// Where the node on a host stands, while one runs there.
    pub(crate) fn status(&self, index: HostIndex) -> Option<GroupStatus> {
        self.group(index).map(|group| group.status())
    }

    /// The node that leads in the highest term, as the nodes themselves see it.
    pub(crate) fn leader(&self) -> Option<HostIndex> {
        let led = self.indexes().filter_map(|index| {
            let status = self.status(index)?;
            (status.role == Role::Leader).then_some((status.term, index))
        });
        led.max().map(|(_, index)| index)
    }

    /// Where each node stands, in words.
    pub(crate) fn standing(&self) -> String {
        let nodes = self.indexes().map(|index| {
            let name = &self.host(index).name;
            match self.status(index) {
                None => format!("{name} is down"),
                Some(status) => format!(
                    "{name} is {} in term {}, follows {:?}, log {} committed {} applied {}",
                    status.role.as_str(),
                    status.term,
                    status.leader,
                    status.last_log_index,
                    status.committed_index,
                    status.applied_index
                ),
            }
        });
        nodes.collect::<Vec<_>>().join("; ")
    }

    /// Whether all but the nodes that are `excused` run and follow the same leader, with all that
    /// is committed applied.
    pub(crate) fn is_settled(&self, excused: &BTreeSet<HostIndex>) -> bool {
        let Some(leader) = self.leader().and_then(|leader| self.status(leader)) else {
            return false;
        };
        self.indexes().all(|index| {
            let settled = self.status(index).is_some_and(|status| {
                status.leader == leader.leader && status.applied_index == leader.last_log_index
            });
            settled || excused.contains(&index)
        })
    }
}

fn zone_name(number: u64) -> String {
    let letter = u8::try_from(number).map_or('?', |number| char::from(b'a' + number));
    letter.to_string()
}

fn node_config(host: &Host, hosts: &[Host], store: Store) -> NodeConfig {
    let members = hosts.iter().map(|member| Member {
        id: member.id,
        zone: member.zone.clone(),
        api: member.api,
        peer: SocketAddr::new(member.ip, PEER_PORT),
    });
    NodeConfig {
        segment_bytes: store.segment_bytes,
        scrub_pause: Duration::from_millis(store.scrub_pause_millis),
        progress: Progress::default(),
        compare_every: 100,
        snapshot_log_bytes: store.snapshot_log_bytes,
        cluster: "simulated".to_owned(),
        id: host.id,
        zone: host.zone.clone(),
        pid: 1,
        api: host.api,
        data: PathBuf::from("/data"),
        members: members.collect(),
        bootstrap: host.id == 1,
        request_timeout: REQUEST_TIMEOUT,
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        cooldown: Cooldown::Off,
        faults: None,
    }
}

/// The software of a host. It never ends by itself: the simulator must stop what it left running.
async fn run_node(world: SimWorld, config: NodeConfig, life: Life) -> turmoil::Result {
    let end = match Node::start(world, config).await {
        Ok(node) => {
            life.with(|told| told.group = Some(node.group().clone()));
            End {
                reason: node.failed().await,
                refuses_its_data: false,
            }
        }
        Err(error) => End {
            refuses_its_data: is_refusal(&error),
            reason: format!("does not start: {error}"),
        },
    };
    tracing::warn!(?end, "the node gives up");
    life.with(|told| told.end = Some(end));
    std::future::pending().await
}

/// Whether trying again is of no use.
fn is_refusal(error: &StartError) -> bool {
    match error {
        StartError::Log(OpenError::Disk(_)) | StartError::Listen { .. } | StartError::Thread(_) => {
            false
        }
        StartError::Log(_) | StartError::NotAMember(_) => true,
        // A disk that fails while the snapshot is read says so in words only.
        StartError::Group(error) => {
            let text = error.to_string();
            let passes = ["input/output error", "no storage space"];
            !passes.iter().any(|words| text.contains(words))
        }
    }
}
