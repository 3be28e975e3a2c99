//! The local cluster under fault: what it looks like, and how its nodes are told.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::task::JoinSet;
use zonemq_node::outlook::{NodeState, Picture, PictureNode, names};
use zonemq_node::{Effect, Fault};

use crate::args::DataArgs;
use crate::cluster::{Cluster, DataFolder, LocalNode};
use crate::failure::Failure;
use crate::http;
use crate::status;

/// Where faults happen.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) client: Client,
    pub(super) folder: DataFolder,
    pub(super) cluster: Cluster,
}

/// What was seen of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) picture: Picture,
    pub(super) term: Option<u64>,
    /// By number: what is active, and on which nodes.
    pub(super) active: BTreeMap<u64, ActiveFault>,
    /// Why a node takes no faults.
    refusal: Option<String>,
}

/// A fault, and who was told it.
#[derive(Clone, Debug)]
pub(super) struct ActiveFault {
    pub(super) fault: Fault,
    pub(super) told: Vec<u64>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    faults: Vec<Fault>,
}

impl Site {
    pub(super) fn open(data: &DataArgs) -> Result<Site, Failure> {
        let (folder, cluster) = DataFolder::existing(&data.data)?;
        Ok(Site {
            client: http::client()?,
            folder,
            cluster,
        })
    }

    pub(super) fn nodes(&self, ids: &[u64]) -> Vec<LocalNode> {
        let nodes = self.cluster.nodes.iter();
        nodes
            .filter(|node| ids.contains(&node.id))
            .cloned()
            .collect()
    }

    pub(super) fn request_timeout(&self) -> Duration {
        self.cluster.service.request_timeout.0
    }

    /// Asks all nodes how they are and what is broken.
    pub(super) async fn look(&self) -> Result<Seen, Failure> {
        let (status, lists) = tokio::join!(
            status::collect(&self.client, &self.folder, &self.cluster),
            self.lists()
        );
        let status = status?;
        let mut active: BTreeMap<u64, ActiveFault> = BTreeMap::new();
        let mut refusal = None;
        for (id, list) in lists? {
            match list {
                Ok(faults) => {
                    for fault in faults {
                        let known = active.entry(fault.number).or_insert_with(|| ActiveFault {
                            fault,
                            told: Vec::new(),
                        });
                        known.told.push(id);
                    }
                }
                Err(Untold::Refuses(sentence)) => refusal = Some(format!("n{id}: {sentence}")),
                Err(Untold::Silent | Untold::Unknown) => {}
            }
        }
        let leader = status.leader();
        let nodes = status.nodes.iter().map(|node| PictureNode {
            id: node.id,
            zone: node.zone.clone(),
            state: match (node.alive, &node.role) {
                (_, Some(_)) => NodeState::Running,
                (true, None) => NodeState::Paused,
                (false, None) => NodeState::Down,
            },
        });
        let led = status.nodes.iter().find(|node| Some(node.id) == leader);
        Ok(Seen {
            term: led.and_then(|node| node.term),
            picture: Picture {
                nodes: nodes.collect(),
                leader,
                effects: effects(&active),
            },
            active,
            refusal,
        })
    }

    async fn lists(&self) -> anyhow::Result<Vec<(u64, Result<Vec<Fault>, Untold>)>> {
        let living = self.folder.living(&self.cluster.nodes)?;
        let mut asking = JoinSet::new();
        for (node, _) in living {
            let (request, id) = (self.client.get(path(node, None)), node.id);
            asking.spawn(async move {
                let listed = async {
                    let answer = accepted(request).await?;
                    let listed: Listed = answer.json().await.map_err(|_| Untold::Silent)?;
                    Ok(listed.faults)
                };
                (id, listed.await)
            });
        }
        let mut lists = asking.join_all().await;
        lists.sort_by_key(|(id, _)| *id);
        Ok(lists)
    }

    /// Tells nodes a fault, all at once. Those that do not answer; an error where one refuses.
    pub(super) async fn tell(&self, fault: &Fault, ids: &[u64]) -> Result<Vec<u64>, Failure> {
        let post = |node: &LocalNode| self.client.post(path(node, None)).json(fault);
        let done = self.each(ids, post).await;
        if let Some((id, sentence)) = done.iter().find_map(|(id, done)| match done {
            Err(Untold::Refuses(sentence)) => Some((*id, sentence.clone())),
            Err(Untold::Unknown) => Some((*id, "an older zonemq, without faults".to_owned())),
            _ => None,
        }) {
            self.untell(fault.number, ids).await;
            return Err(Failure::Usage(format!("n{id}: {sentence}")));
        }
        Ok(silent(&done))
    }

    /// Undoes a fault on nodes. Those that do not answer.
    pub(super) async fn untell(&self, number: u64, ids: &[u64]) -> Vec<u64> {
        let delete = |node: &LocalNode| self.client.delete(path(node, Some(number)));
        silent(&self.each(ids, delete).await)
    }

    /// Undoes all faults on nodes. Those that do not answer.
    pub(super) async fn untell_all(&self, ids: &[u64]) -> Vec<u64> {
        let delete = |node: &LocalNode| self.client.delete(path(node, None));
        silent(&self.each(ids, delete).await)
    }

    async fn each(
        &self,
        ids: &[u64],
        request: impl Fn(&LocalNode) -> reqwest::RequestBuilder,
    ) -> Vec<(u64, Result<(), Untold>)> {
        let mut asking = JoinSet::new();
        for node in self.nodes(ids) {
            let request = request(&node);
            asking.spawn(async move { (node.id, accepted(request).await.map(drop)) });
        }
        asking.join_all().await
    }

    /// Gives nodes that were away the faults of those that were not.
    pub(super) async fn catch_up(&self, away: &[u64]) -> Result<(), Failure> {
        if !self.wait_for_answers(away).await {
            let away = names(away);
            return Err(anyhow!(
                "{away} goes on but does not answer: `zonemq fault status` shows what it knows"
            )
            .into());
        }
        let seen = self.look().await?;
        let present = |id: &u64| !away.contains(id);
        let somebody_was_there = seen
            .picture
            .ids()
            .any(|id| present(&id) && seen.picture.runs(id));
        for (number, active) in &seen.active {
            let lack: Vec<u64> = away
                .iter()
                .copied()
                .filter(|id| !active.told.contains(id))
                .collect();
            if active.told.iter().any(present) {
                if !lack.is_empty() {
                    self.tell(&active.fault, &lack).await?;
                }
            } else if somebody_was_there {
                // Undone while they were away.
                self.untell(*number, away).await;
            }
        }
        Ok(())
    }
}

impl Seen {
    /// Whether faults may be set at all.
    pub(super) fn allows_faults(&self) -> Result<(), Failure> {
        match &self.refusal {
            Some(sentence) => Err(Failure::Usage(sentence.clone())),
            None => Ok(()),
        }
    }

    /// The nodes that answer.
    pub(super) fn running(&self) -> Result<Vec<u64>, Failure> {
        let picture = &self.picture;
        let running: Vec<u64> = picture.ids().filter(|id| picture.runs(*id)).collect();
        if running.is_empty() {
            return Err(anyhow!(
                "no node answers that could be told; `zonemq fault heal` starts and resumes all"
            )
            .into());
        }
        Ok(running)
    }

    /// All faults that nodes know.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let active = self.active.values();
        active.map(|active| active.fault.clone()).collect()
    }
}

/// What these faults do together.
pub(super) fn effects(active: &BTreeMap<u64, ActiveFault>) -> Vec<Effect> {
    let faults = active.values();
    faults
        .flat_map(|active| active.fault.effects.clone())
        .collect()
}

/// Why a node did not do what it was told.
#[derive(Clone, Debug)]
enum Untold {
    /// It does not answer.
    Silent,
    /// It knows nothing of it.
    Unknown,
    /// It says why.
    Refuses(String),
}

fn silent(done: &[(u64, Result<(), Untold>)]) -> Vec<u64> {
    let silent = done
        .iter()
        .filter(|(_, done)| matches!(done, Err(Untold::Silent)));
    silent.map(|(id, _)| *id).collect()
}

async fn accepted(request: reqwest::RequestBuilder) -> Result<reqwest::Response, Untold> {
    let answer = request.send().await.map_err(|_| Untold::Silent)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    if status == StatusCode::NOT_FOUND {
        return Err(Untold::Unknown);
    }
    let sentence = answer.text().await.unwrap_or_default();
    Err(Untold::Refuses(sentence.trim().to_owned()))
}

fn path(node: &LocalNode, number: Option<u64>) -> String {
    match number {
        None => http::url(node.api, "/admin/faults"),
        Some(number) => http::url(node.api, &format!("/admin/faults/{number}")),
    }
}
