//! Where a lesson takes place: the learner's running cluster, with queues of the lesson's own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use reqwest::Client as Asker;
use serde_json::{Value, json};
use zonemq_lessons::{COURSE, Queue, Through};
use zonemq_workload::{CallError, Client, Names};
use zonemq_world::{Chance, World, real::RealWorld};

use crate::args::DataArgs;
use crate::cluster::{Cluster, DataFolder};
use crate::failure::Failure;
use crate::fault;
use crate::http;
use crate::status::{self, ClusterStatus};

const ASK_EVERY: Duration = Duration::from_millis(20);
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// A cluster, and what was noted of it.
pub(super) struct Classroom {
    pub(super) data: DataArgs,
    asker: Asker,
    folder: DataFolder,
    pub(super) cluster: Cluster,
    pub(super) names: Names,
    pub(super) notes: Notes,
    /// Queues that are to be removed.
    pub(super) queues: Vec<Queue>,
}

/// What checks compare with.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Who led before the last fault, in which term.
    pub(super) leader: Option<u64>,
    pub(super) term: Option<u64>,
    /// Up to where the log was committed before the last act.
    pub(super) committed: Option<u64>,
    /// How much was broken on purpose before the last act.
    pub(super) broken: usize,
    pub(super) sent: Option<Sent>,
    /// What came last, in its order.
    pub(super) received: Vec<Came>,
    /// What came to the second of two consumers.
    pub(super) rival: Vec<Came>,
    /// The last handle of each body.
    pub(super) handles: BTreeMap<String, String>,
    /// How long the last act took.
    pub(super) took: Duration,
}

/// A message that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) body: &'static str,
    pub(super) through: u64,
    pub(super) answer: Answer,
}

/// What its sender was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200.
    Acknowledged,
    /// It certainly is not in the queue.
    Refused(String),
    /// Nothing in time, or that nobody knows.
    Unknown,
}

/// A message that came.
#[derive(Clone, Debug)]
pub(super) struct Came {
    pub(super) body: String,
    pub(super) times: u64,
}

impl Classroom {
    /// Takes the learner's cluster, if it is whole and nothing is broken.
    pub(super) async fn enter(data: &DataArgs) -> Result<Classroom, Failure> {
        let (folder, cluster) = DataFolder::existing(&data.data)?;
        let mut room = Classroom {
            data: data.clone(),
            asker: http::client()?,
            names: Names {
                account: cluster.service.account.clone(),
                region: cluster.service.region.clone(),
                prefix: format!("learn-{:08x}-", RealWorld::new().chance().next_u64() >> 32),
            },
            folder,
            cluster,
            notes: Notes::default(),
            queues: Vec::new(),
        };
        let count = room.cluster.nodes.len();
        if count < COURSE.least_nodes {
            return Err(Failure::Usage(format!(
                "a lesson needs {} nodes, and this cluster has {count}",
                COURSE.least_nodes
            )));
        }
        let status = room.status().await?;
        if status.nodes.iter().any(|node| node.role.is_none())
            || !fault::active(data).await?.is_empty()
        {
            return Err(Failure::Usage(
                "a lesson begins on a cluster in which all is well: `zonemq status` and `zonemq fault \
                 status` show this one, `zonemq up` starts it, `zonemq fault heal` mends it"
                    .to_owned(),
            ));
        }
        room.note_leader().await?;
        Ok(room)
    }

    pub(super) async fn status(&self) -> anyhow::Result<ClusterStatus> {
        status::collect(&self.asker, &self.folder, &self.cluster).await
    }

    /// Waits until the cluster is like this, for as long as it may take.
    pub(super) async fn wait_until(
        &self,
        within: Duration,
        is_so: impl Fn(&ClusterStatus) -> bool,
    ) -> anyhow::Result<Result<ClusterStatus, ClusterStatus>> {
        let deadline = Instant::now() + within;
        loop {
            let status = self.status().await?;
            if is_so(&status) {
                return Ok(Ok(status));
            }
            if Instant::now() > deadline {
                return Ok(Err(status));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Notes who leads, as the one before the next fault.
    pub(super) async fn note_leader(&mut self) -> anyhow::Result<()> {
        let status = self.status().await?;
        if let Some(leader) = status.leading() {
            self.notes.leader = Some(leader.id);
            self.notes.term = leader.term;
        }
        Ok(())
    }

    /// Notes up to where the log is committed.
    pub(super) async fn note_committed(&mut self) -> anyhow::Result<()> {
        let status = self.status().await?;
        let committed = status.nodes.iter().map(|node| node.committed_index);
        self.notes.committed = committed.max().flatten();
        Ok(())
    }

    /// Notes how much is broken on purpose.
    pub(super) async fn note_broken(&mut self) -> Result<(), Failure> {
        self.notes.broken = fault::active(&self.data).await?.len();
        Ok(())
    }

    /// A node to speak to, and where it listens.
    pub(super) async fn node(&self, through: Through) -> anyhow::Result<(u64, SocketAddr)> {
        let status = self.status().await?;
        let runs = |id: u64| {
            let node = status.nodes.iter().find(|node| node.id == id);
            node.is_some_and(|node| node.role.is_some())
        };
        let mut nodes = self.cluster.nodes.iter();
        let found = nodes.find(|node| match through {
            Through::Former => self.notes.leader == Some(node.id),
            Through::Other => self.notes.leader != Some(node.id) && runs(node.id),
        });
        let node = found.ok_or_else(|| anyhow!("there is no node to speak to"))?;
        Ok((node.id, node.api))
    }

    /// Calls an operation of SQS at a node.
    pub(super) async fn call(
        &self,
        at: SocketAddr,
        operation: &str,
        input: &Value,
        within: Duration,
    ) -> Result<Value, CallError> {
        let network = RealWorld::new().network().clone();
        let mut client = Client::new(network, vec![at], 0);
        client.call(operation, input, within).await
    }

    /// Mends what the lesson has broken, and removes its queues.
    pub(super) async fn leave(self) -> Result<(), Failure> {
        fault::heal_quietly(&self.data).await?;
        let (_, at) = self.node(Through::Former).await?;
        for queue in &self.queues {
            let url = json!({ "QueueUrl": self.names.url(queue.name()) });
            let removed = self.call(at, "DeleteQueue", &url, REMOVE_WITHIN).await;
            removed.map_err(|error| {
                anyhow!("the queue {} stays: {error}", self.names.name(queue.name()))
            })?;
        }
        Ok(())
    }
}
