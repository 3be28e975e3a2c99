//! The picture of the cluster, as a node pushes it.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Response};
use serde::Deserialize;
use tokio::time::timeout;

use crate::cluster::Cluster;
use crate::http;

/// A node tells something at least every second.
const SILENCE: Duration = Duration::from_secs(3);
const CONNECT_WITHIN: Duration = Duration::from_millis(500);
/// Far above any picture.
const MOST_BYTES: usize = 32 << 20;

/// The cluster at one moment, as one node sees it.
#[derive(Debug, Deserialize)]
pub(super) struct Picture {
    pub(super) from: u64,
    pub(super) nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) id: u64,
    pub(super) zone: String,
    pub(super) why: Option<String>,
    pub(super) seen: Option<Seen>,
}

/// What a node tells of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) role: String,
    pub(super) term: u64,
    pub(super) hears_majority: Option<bool>,
    pub(super) last_log_index: u64,
    pub(super) durable_index: u64,
    pub(super) committed_index: u64,
    pub(super) applied_index: u64,
    pub(super) queues: Vec<Queue>,
    pub(super) faults: Vec<Fault>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) visible: u64,
    pub(super) in_flight: u64,
    pub(super) delayed: u64,
    pub(super) oldest_age_seconds: Option<u64>,
    pub(super) waiting_receivers: u64,
    #[serde(flatten)]
    pub(super) counts: Counts,
}

/// What passed through a queue since its leader started.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) deleted: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    pub(super) number: u64,
    pub(super) words: String,
    pub(super) left_millis: Option<u64>,
}

impl Picture {
    /// The leader of the latest term.
    pub(super) fn leader(&self) -> Option<(u64, &Seen)> {
        let leaders = self.seen().filter(|(_, seen)| seen.role == "leader");
        leaders.max_by_key(|(_, seen)| seen.term)
    }

    /// Whoever knows most: the leader, or who has applied most.
    pub(super) fn best(&self) -> Option<(u64, &Seen)> {
        let furthest = || self.seen().max_by_key(|(_, seen)| seen.applied_index);
        self.leader().or_else(furthest)
    }

    fn seen(&self) -> impl Iterator<Item = (u64, &Seen)> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|node| Some((node.id, node.seen.as_ref()?)))
    }
}

/// Pictures from one node.
#[derive(Debug)]
pub(super) struct Events {
    answer: Response,
    /// What has come of the next one.
    part: Vec<u8>,
}

impl Events {
    /// From the first node that shows them.
    pub(super) async fn of_any(cluster: &Cluster) -> anyhow::Result<Option<Events>> {
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .build()
            .context("the HTTP client could not be made")?;
        for node in &cluster.nodes {
            let asked = client.get(http::url(node.api, "/console/events")).send();
            if let Ok(Ok(answer)) = timeout(SILENCE, asked).await
                && answer.status().is_success()
            {
                let part = Vec::new();
                return Ok(Some(Events { answer, part }));
            }
        }
        Ok(None)
    }

    /// The next picture; nothing when the node has fallen silent.
    pub(super) async fn next(&mut self) -> Option<Picture> {
        loop {
            if let Some(end) = self.part.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.part.drain(..end + 2).collect();
                let data = event.strip_prefix(b"data: ")?;
                return serde_json::from_slice(data).ok();
            }
            let chunk = timeout(SILENCE, self.answer.chunk()).await.ok()?.ok()??;
            self.part.extend_from_slice(&chunk);
            if self.part.len() > MOST_BYTES {
                return None;
            }
        }
    }
}
