//! `zonemq status`: asks every node of the local cluster, all at once, how it is.

use comfy_table::Table;
use reqwest::Client;
use serde::{Deserialize, Serialize};

use crate::args::StatusArgs;
use crate::cluster::{Cluster, DataFolder, LocalNode};
use crate::failure::Failure;
use crate::http;
use crate::paint::painted;
use crate::say::say;
use crate::table;

/// What a table calls a leader that hears no majority.
pub(crate) const UNHEARD: &str = "leader without majority";

/// What `zonemq status --json` prints. Its shape is a promise.
#[derive(Debug, Serialize)]
pub(crate) struct ClusterStatus {
    pub(crate) cluster: String,
    pub(crate) nodes: Vec<NodeStatus>,
}

/// One node: where it is, and, if it answers, what it says about its log.
#[derive(Debug, Serialize)]
pub(crate) struct NodeStatus {
    pub(crate) id: u64,
    pub(crate) zone: String,
    pub(crate) pid: Option<i32>,
    pub(crate) api: String,
    /// Whether its process lives; a paused one does.
    pub(crate) alive: bool,
    pub(crate) role: Option<String>,
    pub(crate) term: Option<u64>,
    /// Of a leader; without a majority it acknowledges nothing.
    pub(crate) hears_majority: Option<bool>,
    pub(crate) last_log_index: Option<u64>,
    pub(crate) committed_index: Option<u64>,
    pub(crate) applied_index: Option<u64>,
}

/// The part of a node's `/admin/status` that is shown.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    role: Option<String>,
    term: Option<u64>,
    hears_majority: Option<bool>,
    last_log_index: Option<u64>,
    committed_index: Option<u64>,
    applied_index: Option<u64>,
}

pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let (folder, cluster) = DataFolder::existing(&args.data.data)?;
    let status = collect(&http::client()?, &folder, &cluster).await?;
    if args.json {
        let text = serde_json::to_string_pretty(&status).map_err(anyhow::Error::from)?;
        say!("{text}");
    } else {
        say!("{}", painted(&table(&status).to_string()));
        for node in &status.nodes {
            if let (Some(false), Some(term)) = (node.hears_majority, node.term) {
                say!(
                    "n{} leads in term {term}, but hears no majority: it acknowledges nothing.",
                    node.id
                );
            }
        }
    }
    Ok(())
}

/// Asks all nodes.
pub(crate) async fn collect(
    client: &Client,
    folder: &DataFolder,
    cluster: &Cluster,
) -> anyhow::Result<ClusterStatus> {
    let mut asked = Vec::new();
    for node in &cluster.nodes {
        let pid = folder.node_pid(node)?;
        let (client, url) = (client.clone(), http::url(node.api, "/admin/status"));
        // A node that does not live is not asked: a stranger may have its port by now.
        let answer = tokio::spawn(async move {
            match pid {
                Some(_) => ask(&client, &url).await.unwrap_or_default(),
                None => Answer::default(),
            }
        });
        asked.push((node, pid, answer));
    }
    let mut nodes = Vec::new();
    for (node, pid, answer) in asked {
        nodes.push(NodeStatus::new(
            node,
            pid.map(nix::unistd::Pid::as_raw),
            answer.await?,
        ));
    }
    Ok(ClusterStatus {
        cluster: cluster.name.clone(),
        nodes,
    })
}

async fn ask(client: &Client, url: &str) -> reqwest::Result<Answer> {
    client
        .get(url)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

impl ClusterStatus {
    /// The node that leads. A deposed one may believe that it still does, in an older term.
    pub(crate) fn leader(&self) -> Option<u64> {
        self.leading().map(|node| node.id)
    }

    /// The same, with what it says.
    pub(crate) fn leading(&self) -> Option<&NodeStatus> {
        let leaders = self.nodes.iter().filter(|node| node.has_role("leader"));
        leaders.max_by_key(|node| node.term)
    }
}

impl NodeStatus {
    fn new(node: &LocalNode, pid: Option<i32>, answer: Answer) -> Self {
        NodeStatus {
            id: node.id,
            zone: node.zone.clone(),
            pid,
            api: node.api.to_string(),
            alive: pid.is_some(),
            role: answer.role,
            term: answer.term,
            hears_majority: answer.hears_majority,
            last_log_index: answer.last_log_index,
            committed_index: answer.committed_index,
            applied_index: answer.applied_index,
        }
    }

    fn has_role(&self, role: &str) -> bool {
        self.role.as_deref() == Some(role)
    }

    /// What a person wants to know first.
    pub(crate) fn shown_role(&self) -> &str {
        match (&self.role, self.alive) {
            (Some(_), _) if self.hears_majority == Some(false) => UNHEARD,
            (Some(role), _) => role,
            (None, true) => "no answer",
            (None, false) => "down",
        }
    }
}

fn table(status: &ClusterStatus) -> Table {
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let mut table = table::with_header([
        "node",
        "zone",
        "API address",
        "role",
        "term",
        "last log",
        "committed",
        "applied",
        "pid",
    ]);
    for node in &status.nodes {
        table.add_row([
            format!("n{}", node.id),
            node.zone.clone(),
            node.api.clone(),
            node.shown_role().to_owned(),
            number(node.term),
            number(node.last_log_index),
            number(node.committed_index),
            number(node.applied_index),
            node.pid
                .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        ]);
    }
    table
}
