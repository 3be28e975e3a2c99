//! Three nats-servers, and a JetStream stream with a replica on each.
//!
//! A server of version 2.9 writes each message to its files before it counts, but syncs these every
//! two minutes only, and no option changes that: what was acknowledged lies in the page cache of a
//! majority. Where the file system can be told to make all writes in a folder synchronous
//! (`chattr +S`, which new files inherit), the same program keeps the promise that the others keep.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::jetstream::{self, Context as JetStream};
use bytes::Bytes;

use crate::load::{self, Load, Measured, Publish};
use crate::servers::{Server, free_port};

const STREAM: &str = "bench";
const NODES: usize = 3;
const READY_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The cluster. It ends when this is dropped.
pub(crate) struct Nats {
    nodes: Vec<Server>,
    ports: Vec<u16>,
    connections: usize,
}

impl Nats {
    /// Starts it with all its files in a folder.
    pub(crate) async fn start(
        tools: &Path,
        folder: &Path,
        connections: usize,
    ) -> anyhow::Result<Nats> {
        let mut ports = Vec::new();
        let mut routes = Vec::new();
        for _ in 0..NODES {
            ports.push(free_port()?);
            routes.push(free_port()?);
        }
        let mut nodes = Vec::new();
        for number in 0..NODES {
            let home = folder.join(format!("nats{number}"));
            let store = home.join("store");
            fs::create_dir_all(&store)?;
            let file = home.join("nats.conf");
            fs::write(&file, configuration(number, &ports, &routes, &store))?;
            let mut command = Command::new(program(tools));
            command.arg("--config").arg(&file);
            nodes.push(Server::start(&mut command, &home.join("node.log"))?);
        }
        for node in &mut nodes {
            node.prints("Server is ready").await?;
        }
        let nats = Nats {
            nodes,
            ports,
            connections,
        };
        // The first stream waits until the servers have found each other.
        nats.new_stream().await?;
        nats.connect(0).await?.delete_stream(STREAM).await?;
        Ok(nats)
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(Server::pid).collect()
    }

    /// Puts the load on a new stream, at the server that leads it.
    pub(crate) async fn measure(&self, load: &Load, body: &[u8]) -> anyhow::Result<Measured> {
        let leader = self.new_stream().await?;
        let mut publishers = Vec::new();
        for _ in 0..self.connections.min(load.in_flight) {
            publishers.push(Publisher {
                jetstream: self.connect(leader).await?,
                body: Bytes::copy_from_slice(body),
            });
        }
        let measured = load::run(publishers, load, &self.pids()).await;
        self.connect(leader).await?.delete_stream(STREAM).await?;
        measured
    }

    async fn connect(&self, number: usize) -> anyhow::Result<JetStream> {
        let address = format!("nats://127.0.0.1:{}", self.ports[number]);
        let client = async_nats::connect(address).await;
        Ok(jetstream::new(client.context("NATS takes no connection")?))
    }

    /// Makes the stream, waits until all its replicas are there, and tells which server leads it.
    async fn new_stream(&self) -> anyhow::Result<usize> {
        let jetstream = self.connect(0).await?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let config = Config {
                name: STREAM.to_owned(),
                subjects: vec![STREAM.to_owned()],
                storage: StorageType::File,
                num_replicas: NODES,
                ..Config::default()
            };
            let stream = jetstream.get_or_create_stream(config).await;
            let cluster = stream
                .as_ref()
                .ok()
                .and_then(|it| it.cached_info().cluster.as_ref());
            if let Some(cluster) = cluster
                && let Some(leader) = &cluster.leader
                && cluster.replicas.len() == NODES - 1
                && cluster.replicas.iter().all(|replica| replica.current)
            {
                let leader = (0..NODES).find(|number| server_name(*number) == *leader);
                return leader.context("a server that is not ours leads the stream");
            }
            ensure!(
                Instant::now() < deadline,
                "NATS has no stream with {NODES} replicas: {:?}",
                stream.map(|it| it.cached_info().clone())
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

struct Publisher {
    jetstream: JetStream,
    body: Bytes,
}

impl Publish for Publisher {
    async fn publish(&self) -> anyhow::Result<()> {
        let publish = self.jetstream.publish(STREAM, self.body.clone());
        publish.await?.await?;
        Ok(())
    }
}

fn program(tools: &Path) -> std::path::PathBuf {
    tools.join("usr/sbin/nats-server")
}

fn server_name(number: usize) -> String {
    format!("nats{number}")
}

fn configuration(number: usize, ports: &[u16], routes: &[u16], store: &Path) -> String {
    let urls: Vec<String> = routes
        .iter()
        .map(|port| format!("nats://127.0.0.1:{port}"))
        .collect();
    format!(
        "server_name: {}\n\
         listen: 127.0.0.1:{}\n\
         jetstream {{ store_dir: \"{}\", max_memory_store: 64MB, max_file_store: 16GB }}\n\
         cluster {{ name: bench, listen: 127.0.0.1:{}, routes: [{}] }}\n",
        server_name(number),
        ports[number],
        store.display(),
        routes[number],
        urls.join(", ")
    )
}

/// Makes all writes below this folder synchronous, or says why that cannot be: it is a matter of
/// the file system.
pub(crate) fn make_synchronous(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let output = Command::new("chattr").arg("+S").arg(folder).output();
    let output = output.context("chattr cannot be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} cannot be made synchronous: {}",
        folder.display(),
        told.trim()
    );
    Ok(())
}

/// The version that the package holds.
pub(crate) fn version(tools: &Path) -> anyhow::Result<String> {
    let output = Command::new(program(tools)).arg("--version").output();
    let output = output.context("nats-server cannot be started")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let version = told.trim().rsplit('v').next().unwrap_or_default();
    Ok(version.to_owned())
}
