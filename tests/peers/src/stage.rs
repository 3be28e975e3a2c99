//! The queues side by side, and who is measured when: in each round each of them, one after the
//! other, so that a machine that gets slower does so for all.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zonemq_bench::cpu_seconds;

use crate::load::{Load, Measured};
use crate::nats::{self, Nats};
use crate::rabbitmq::{self, RabbitMq};
use crate::zonemq::Zonemq;

/// How much of everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scale {
    /// How often each is measured; the median counts.
    pub(crate) rounds: u32,
    /// Not measured, each time.
    pub(crate) warm_up: Duration,
    /// Measured, each time.
    pub(crate) run: Duration,
    /// Messages under way, one load after the other.
    pub(crate) in_flight: Vec<usize>,
    /// Length of each.
    pub(crate) body_bytes: usize,
    /// Which the clients of RabbitMQ share: each with one channel.
    pub(crate) rabbitmq_connections: usize,
    /// Which the clients of NATS share.
    pub(crate) nats_connections: usize,
}

/// Where a message is when it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Durability {
    /// On disk (fsync) on a majority.
    OnDisk,
    /// In the page cache of a majority, synced every two minutes.
    InPageCache,
}

/// One of the queues that are measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) durability: Durability,
    /// How its clients reach it.
    pub(crate) clients: String,
}

/// One load on one subject, in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Counted from 0.
    pub(crate) round: u32,
    pub(crate) in_flight: usize,
    /// Its place in the list of subjects.
    pub(crate) subject: usize,
    pub(crate) measured: Measured,
}

enum Cluster {
    Zonemq(Zonemq),
    RabbitMq(RabbitMq),
    Nats(Nats),
}

/// All clusters, running. They end when this is dropped.
pub(crate) struct Stage {
    /// The first is ours.
    pub(crate) subjects: Vec<Subject>,
    /// A peer that cannot be measured here, and why.
    pub(crate) left_out: Option<String>,
    clusters: Vec<Cluster>,
    body: Vec<u8>,
}

impl Stage {
    /// Starts all of them, with their files in this folder.
    pub(crate) async fn start(
        scale: &Scale,
        tools: &Path,
        revision: &str,
        folder: &Path,
    ) -> anyhow::Result<Stage> {
        let mut stage = Stage {
            subjects: Vec::new(),
            left_out: None,
            clusters: Vec::new(),
            body: vec![b'x'; scale.body_bytes],
        };
        let zonemq = Zonemq::start(&folder.join("zonemq"));
        stage.add(
            Cluster::Zonemq(zonemq),
            format!("zonemq {revision}"),
            Durability::OnDisk,
            "HTTP, one connection for each client".to_owned(),
        );

        let connections = scale.rabbitmq_connections;
        let rabbitmq = RabbitMq::start(tools, &folder.join("rabbitmq"), connections).await?;
        stage.add(
            Cluster::RabbitMq(rabbitmq),
            format!("RabbitMQ {}, quorum queue", rabbitmq::version(tools)?),
            Durability::OnDisk,
            format!("connections with a channel each, shared by all clients: {connections}"),
        );

        let version = nats::version(tools)?;
        let connections = scale.nats_connections;
        let synchronous = folder.join("nats-synchronous");
        let name = format!("NATS {version}, R3, synchronous writes");
        if let Err(error) = nats::make_synchronous(&synchronous) {
            stage.left_out = Some(format!("{name}: {error:#}"));
        } else {
            let nats = Nats::start(tools, &synchronous, connections).await?;
            stage.add(
                Cluster::Nats(nats),
                name,
                Durability::OnDisk,
                format!("connections, shared by all clients: {connections}"),
            );
        }
        let nats = Nats::start(tools, &folder.join("nats"), connections).await?;
        stage.add(
            Cluster::Nats(nats),
            format!("NATS {version}, R3, as it comes"),
            Durability::InPageCache,
            format!("connections, shared by all clients: {connections}"),
        );
        Ok(stage)
    }

    fn add(&mut self, cluster: Cluster, name: String, durability: Durability, clients: String) {
        self.clusters.push(cluster);
        self.subjects.push(Subject {
            name,
            durability,
            clients,
        });
    }

    /// Measures all of it, and says on standard error how far it is.
    pub(crate) async fn run(&self, scale: &Scale) -> anyhow::Result<Vec<Run>> {
        let mut runs = Vec::new();
        for round in 0..scale.rounds {
            for in_flight in &scale.in_flight {
                for subject in 0..self.subjects.len() {
                    let load = Load {
                        in_flight: *in_flight,
                        warm_up: scale.warm_up,
                        duration: scale.run,
                    };
                    self.quiet().await;
                    let measured = self.measure(subject, &load).await?;
                    eprintln!(
                        "round {}  {in_flight:>4} in flight  {:<36} {:>9.0} messages/s  {} errors",
                        round + 1,
                        self.subjects[subject].name,
                        measured.messages_per_second,
                        measured.errors
                    );
                    runs.push(Run {
                        round,
                        in_flight: *in_flight,
                        subject,
                        measured,
                    });
                }
            }
        }
        Ok(runs)
    }

    async fn measure(&self, subject: usize, load: &Load) -> anyhow::Result<Measured> {
        match &self.clusters[subject] {
            Cluster::Zonemq(zonemq) => zonemq.measure(load).await,
            Cluster::RabbitMq(rabbitmq) => rabbitmq.measure(load, &self.body).await,
            Cluster::Nats(nats) => nats.measure(load, &self.body).await,
        }
    }

    /// Waits until no server has anything to do: what one load leaves behind is not the next one's.
    async fn quiet(&self) {
        const AT_MOST: Duration = Duration::from_secs(30);
        const LOOK_EVERY: Duration = Duration::from_millis(500);
        /// Of one core. Twelve servers that wait need less.
        const BUSY: f64 = 0.2;
        let pids: Vec<u32> = self.clusters.iter().flat_map(Cluster::pids).collect();
        let deadline = Instant::now() + AT_MOST;
        while Instant::now() < deadline {
            let before = cpu_seconds(&pids);
            tokio::time::sleep(LOOK_EVERY).await;
            // Who is gone is missed by the next load.
            let (Some(before), Some(after)) = (before, cpu_seconds(&pids)) else {
                return;
            };
            if after - before < BUSY * LOOK_EVERY.as_secs_f64() {
                return;
            }
        }
        eprintln!("the servers are still busy with what was before");
    }
}

impl Cluster {
    fn pids(&self) -> Vec<u32> {
        match self {
            Cluster::Zonemq(zonemq) => zonemq.pids(),
            Cluster::RabbitMq(rabbitmq) => rabbitmq.pids(),
            Cluster::Nats(nats) => nats.pids(),
        }
    }
}
