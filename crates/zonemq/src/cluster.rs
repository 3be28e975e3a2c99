//! The local cluster as its data folder describes it: `cluster.json`, a folder for each node, and
//! the locks of the living.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use zonemq_world::{Chance, World, real::RealWorld};

use crate::args::{MemberArg, ServiceArgs, UpArgs};
use crate::failure::Failure;
use crate::lock::{self, Held};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEFAULT_PORT: u16 = 9324;
const DEFAULT_ZONES: [&str; 3] = ["a", "b", "c"];
/// A node's peers reach it at its API port plus this.
const PEER_PORT_OFFSET: u16 = 100;
/// More voters than this make every write slower and nothing safer.
pub(crate) const MOST_NODES: usize = 9;
/// Where `--port 0` looks: below the ports that systems give to outgoing connections, so that
/// none of those takes a node's port while the node is down.
const PICKED_PORTS: std::ops::Range<u16> = 12_000..31_000;

/// A local cluster: kept in `cluster.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    /// Its name; a node's folder that belongs to another cluster is refused.
    #[serde(rename = "cluster")]
    pub(crate) name: String,
    /// Whether the nodes agreed once. Until then the first one may bootstrap; never after.
    pub(crate) formed: bool,
    /// What the nodes offer to clients.
    pub(crate) service: ServiceArgs,
    /// The nodes in the order of their ids.
    pub(crate) nodes: Vec<LocalNode>,
}

/// A node of a local cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LocalNode {
    /// Counted from 1.
    pub(crate) id: u64,
    /// The zone that it is in.
    pub(crate) zone: String,
    /// Where clients reach it.
    pub(crate) api: SocketAddr,
    /// Where the other nodes reach it.
    pub(crate) peer: SocketAddr,
}

impl LocalNode {
    /// The name that people use: `n1`.
    pub(crate) fn name(&self) -> String {
        format!("n{}", self.id)
    }

    /// The node as `zonemq node --member` takes it.
    pub(crate) fn member(&self) -> MemberArg {
        MemberArg {
            id: self.id,
            zone: self.zone.clone(),
            api: self.api,
            peer: self.peer,
        }
    }
}

impl Cluster {
    /// Lays out a new cluster.
    pub(crate) fn plan(args: &UpArgs) -> Result<Cluster, Failure> {
        let zones: Vec<String> = match &args.zones {
            Some(zones) => zones.clone(),
            None => DEFAULT_ZONES.map(str::to_owned).to_vec(),
        };
        if let Some(twice) = zones
            .iter()
            .enumerate()
            .find_map(|(index, zone)| zones[..index].contains(zone).then_some(zone))
        {
            return Err(Failure::Usage(format!(
                "zone {twice} is named twice in --zones"
            )));
        }
        let count = zones.len() * args.nodes_per_zone.unwrap_or(1);
        if count == 0 || count > MOST_NODES {
            return Err(Failure::Usage(format!(
                "a cluster has 1 to {MOST_NODES} nodes, and this would have {count}"
            )));
        }
        let ports = match args.port.unwrap_or(DEFAULT_PORT) {
            0 => free_ports(count)?,
            first => ports_from(first, count)?,
        };
        // n1, n2, n3 lie in different zones: the first nodes of each zone come first.
        let nodes = ports
            .into_iter()
            .zip(zones.iter().cycle())
            .zip(1..)
            .map(|((port, zone), id)| LocalNode {
                id,
                zone: zone.clone(),
                api: SocketAddr::new(HOST, port),
                peer: SocketAddr::new(HOST, port + PEER_PORT_OFFSET),
            })
            .collect();
        Ok(Cluster {
            name: format!("{:016x}", RealWorld::new().chance().next_u64()),
            formed: false,
            service: args.service.clone(),
            nodes,
        })
    }

    /// Checks that `up` does not ask for another shape than the one that the data has.
    pub(crate) fn agrees_with(&self, args: &UpArgs, folder: &DataFolder) -> Result<(), Failure> {
        let differs = |what: &str, has: String| {
            Err(Failure::Usage(format!(
                "the cluster in {} has {what} {has}, which cannot change; leave the flag out to go \
                 on with it, or add --fresh to throw its data away",
                folder.path.display()
            )))
        };
        let zones = self.zones();
        if args.zones.as_ref().is_some_and(|wanted| *wanted != zones) {
            return differs("zones", zones.join(","));
        }
        let per_zone = self.nodes.len() / zones.len().max(1);
        if args.nodes_per_zone.is_some_and(|wanted| wanted != per_zone) {
            return differs("nodes per zone:", per_zone.to_string());
        }
        let port = self.nodes.first().map_or(0, |node| node.api.port());
        if args
            .port
            .is_some_and(|wanted| wanted != 0 && wanted != port)
        {
            return differs("port", port.to_string());
        }
        Ok(())
    }

    /// The zones in the order in which they were named.
    fn zones(&self) -> Vec<String> {
        let mut zones: Vec<String> = Vec::new();
        for node in &self.nodes {
            if !zones.contains(&node.zone) {
                zones.push(node.zone.clone());
            }
        }
        zones
    }

    /// Checks that nobody else listens where this cluster will.
    pub(crate) fn ports_are_free(&self) -> Result<(), Failure> {
        let advice = if self.formed {
            "and the ports of a cluster do not change"
        } else {
            "choose another with --port"
        };
        for address in self.nodes.iter().flat_map(|node| [node.api, node.peer]) {
            if let Err(error) = TcpListener::bind(address) {
                return Err(Failure::Usage(format!(
                    "port {} of {} cannot be used ({error}); {advice}",
                    address.port(),
                    address.ip()
                )));
            }
        }
        Ok(())
    }
}

/// `count` API ports that follow each other.
fn ports_from(first: u16, count: usize) -> Result<Vec<u16>, Failure> {
    let ports: Vec<u16> = (first..=u16::MAX - PEER_PORT_OFFSET).take(count).collect();
    if ports.len() < count {
        return Err(Failure::Usage(format!(
            "port {first} leaves no room for {count} nodes and their peer ports"
        )));
    }
    Ok(ports)
}

/// `count` API ports that follow each other and are free now, with their peer ports.
fn free_ports(count: usize) -> Result<Vec<u16>, Failure> {
    const TRIES: usize = 100;
    let world = RealWorld::new();
    let room = u64::from(PICKED_PORTS.end - PICKED_PORTS.start);
    for _ in 0..TRIES {
        let offset = world.chance().next_u64() % room;
        let first = PICKED_PORTS.start + u16::try_from(offset).unwrap_or_default();
        let ports = ports_from(first, count)?;
        let free = |port: u16| TcpListener::bind(SocketAddr::new(HOST, port)).is_ok();
        if ports
            .iter()
            .all(|port| free(*port) && free(*port + PEER_PORT_OFFSET))
        {
            return Ok(ports);
        }
    }
    Err(Failure::Runtime(anyhow::anyhow!(
        "no free ports were found in {TRIES} tries"
    )))
}

/// The folder of a local cluster.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    /// The folder at this path, which need not exist yet.
    pub(crate) fn at(path: &Path) -> Result<DataFolder, Failure> {
        // Absolute, so that nodes find it wherever they are started from.
        let path =
            std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))?;
        Ok(DataFolder { path })
    }

    /// The cluster in this folder; a sentence where there is none.
    pub(crate) fn existing(path: &Path) -> Result<(DataFolder, Cluster), Failure> {
        let folder = DataFolder::at(path)?;
        match folder.load()? {
            Some(cluster) => Ok((folder, cluster)),
            None => Err(Failure::Usage(format!(
                "there is no cluster in {}; `zonemq up` starts one, --data names its folder",
                folder.path.display()
            ))),
        }
    }

    /// Creates the folder, or takes one that is empty or ours.
    pub(crate) fn prepare(&self) -> Result<(), Failure> {
        let shown = self.path.display();
        if self.path.exists() && !self.cluster_file().exists() {
            let mut entries =
                fs::read_dir(&self.path).with_context(|| format!("{shown} cannot be read"))?;
            let ours = |entry: &io::Result<fs::DirEntry>| {
                entry
                    .as_ref()
                    .is_ok_and(|entry| entry.path() == self.up_lock())
            };
            if entries.any(|entry| !ours(&entry)) {
                return Err(Failure::Usage(format!(
                    "{shown} holds something that is no cluster of ours; choose another folder \
                     with --data"
                )));
            }
        }
        fs::create_dir_all(&self.path).with_context(|| format!("{shown} cannot be created"))?;
        Ok(())
    }

    /// Removes the cluster and all its data, if there is one.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        let Some(cluster) = self.load()? else {
            return Ok(());
        };
        // File by file, so that nothing goes that we did not make.
        for node in &cluster.nodes {
            let folder = self.node_folder(node);
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("{} cannot be removed", folder.display()))?;
            }
        }
        let of_faults = [
            self.faults_file(),
            self.faults_lock(),
            self.fault_deeds_lock(),
        ];
        for file in of_faults {
            if file.exists() {
                fs::remove_file(&file)
                    .with_context(|| format!("{} cannot be removed", file.display()))?;
            }
        }
        fs::remove_file(self.cluster_file())
            .with_context(|| format!("{} cannot be removed", self.cluster_file().display()))?;
        Ok(())
    }

    /// Reads `cluster.json`.
    pub(crate) fn load(&self) -> Result<Option<Cluster>, Failure> {
        let file = self.cluster_file();
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("{} cannot be read", file.display()))
                    .into());
            }
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Failure::Usage(format!(
                "{} is no cluster file of ours: {error}",
                file.display()
            ))
        })
    }

    /// Writes `cluster.json`, whole or not at all.
    pub(crate) fn save(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let new = self.path.join("cluster.json.new");
        let text = serde_json::to_string_pretty(cluster)?;
        fs::write(&new, text + "\n")
            .and_then(|()| fs::rename(&new, self.cluster_file()))
            .with_context(|| format!("{} cannot be written", self.cluster_file().display()))
    }

    /// Takes the lock of `up`: one at a time starts or supervises this cluster.
    pub(crate) fn take_up_lock(&self) -> anyhow::Result<Option<Held>> {
        lock::take(&self.up_lock())
            .with_context(|| format!("{} cannot be locked", self.up_lock().display()))
    }

    /// The process of `up` that starts or supervises this cluster.
    pub(crate) fn up_pid(&self) -> anyhow::Result<Option<Pid>> {
        holder(&self.up_lock())
    }

    /// The process of a node, if it lives.
    pub(crate) fn node_pid(&self, node: &LocalNode) -> anyhow::Result<Option<Pid>> {
        node_pid(&self.node_folder(node))
    }

    /// The nodes that live, with their processes.
    pub(crate) fn living<'a>(
        &self,
        nodes: impl IntoIterator<Item = &'a LocalNode>,
    ) -> anyhow::Result<Vec<(&'a LocalNode, Pid)>> {
        let mut living = Vec::new();
        for node in nodes {
            if let Some(pid) = self.node_pid(node)? {
                living.push((node, pid));
            }
        }
        Ok(living)
    }

    /// Where a node keeps everything.
    pub(crate) fn node_folder(&self, node: &LocalNode) -> PathBuf {
        self.path.join(node.name())
    }

    /// The lock that nodes of a supervised cluster follow.
    pub(crate) fn up_lock(&self) -> PathBuf {
        self.path.join("up.pid")
    }

    /// What is broken on purpose and no node can remember.
    pub(crate) fn faults_file(&self) -> PathBuf {
        self.path.join("faults.json")
    }

    /// Held while that file changes.
    pub(crate) fn faults_lock(&self) -> PathBuf {
        self.path.join("faults.lock")
    }

    /// Held while somebody breaks or mends the cluster.
    pub(crate) fn fault_deeds_lock(&self) -> PathBuf {
        self.path.join("fault-deeds.lock")
    }

    fn cluster_file(&self) -> PathBuf {
        self.path.join("cluster.json")
    }

    /// The folder's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The lock that a living node holds in its folder.
pub(crate) fn node_lock(node_folder: &Path) -> PathBuf {
    node_folder.join("node.pid")
}

/// The process of the node in this folder, if it lives.
pub(crate) fn node_pid(node_folder: &Path) -> anyhow::Result<Option<Pid>> {
    holder(&node_lock(node_folder))
}

/// Where a node keeps what the cluster stores; files about the node itself lie beside it.
pub(crate) fn store_folder(node_folder: &Path) -> PathBuf {
    node_folder.join("store")
}

fn holder(path: &Path) -> anyhow::Result<Option<Pid>> {
    lock::holder(path).with_context(|| format!("the lock {} cannot be read", path.display()))
}

#[cfg(test)]
mod tests;
