//! Watches the nodes for the report: what each is, and how far its log is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use tokio::task::JoinSet;
use zonemq_report::{Progress, Role, RoleChange};
use zonemq_workload::Recorder;

use crate::cluster::{DataFolder, LocalNode};
use crate::http;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// More than this makes a page slow.
const MOST_PROGRESS: usize = 60_000;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By time.
    pub(super) roles: Vec<RoleChange>,
    /// By time.
    pub(super) progress: Vec<Progress>,
    /// What came after the most that a page shows.
    pub(super) left_out: usize,
}

/// The part of a node's `/admin/status` that a report shows.
#[derive(Debug, Deserialize)]
struct Answer {
    role: String,
    term: u64,
    last_log_index: Option<u64>,
    committed_index: Option<u64>,
    applied_index: Option<u64>,
}

/// Asks all nodes again and again until it is dropped.
#[derive(Debug)]
pub(super) struct Observer {
    seen: Arc<Mutex<Seen>>,
    _asking: JoinSet<()>,
}

impl Observer {
    pub(super) fn begin(
        client: &Client,
        folder: &DataFolder,
        nodes: &[LocalNode],
        recorder: &Recorder,
    ) -> Observer {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let mut asking = JoinSet::new();
        for (place, node) in nodes.iter().enumerate() {
            let look = Look {
                place,
                url: http::url(node.api, "/admin/status"),
                node: node.clone(),
                client: client.clone(),
                folder: folder.clone(),
                recorder: recorder.clone(),
                seen: seen.clone(),
                last: None,
            };
            asking.spawn(look.again_and_again());
        }
        Observer {
            seen,
            _asking: asking,
        }
    }

    /// Everything so far; nothing is seen any more.
    pub(super) fn end(self) -> Seen {
        let mut seen = std::mem::take(&mut *locked(&self.seen));
        // Nodes were asked side by side.
        seen.roles.sort_by_key(|change| change.at);
        seen.progress.sort_by_key(|progress| progress.at);
        seen
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at one node.
struct Look {
    place: usize,
    url: String,
    node: LocalNode,
    client: Client,
    folder: DataFolder,
    recorder: Recorder,
    seen: Arc<Mutex<Seen>>,
    /// What it was, in which term.
    last: Option<(Role, u64)>,
}

impl Look {
    async fn again_and_again(mut self) {
        loop {
            let at = u64::try_from(self.recorder.elapsed().as_micros()).unwrap_or(u64::MAX);
            match self.ask().await {
                Ok(answer) => self.note(at, &answer),
                Err(_) if self.is_gone() => {
                    let term = self.last.map_or(0, |(_, term)| term);
                    self.is_now(at, Role::Down, term);
                }
                // It stands still, or is being started.
                Err(_) => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn ask(&self) -> reqwest::Result<Answer> {
        let answer = self.client.get(&self.url).send().await?;
        answer.error_for_status()?.json().await
    }

    fn is_gone(&self) -> bool {
        matches!(self.folder.node_pid(&self.node), Ok(None))
    }

    fn note(&mut self, at: u64, answer: &Answer) {
        let role = match answer.role.as_str() {
            "leader" => Role::Leader,
            "candidate" => Role::Candidate,
            "learner" => Role::Learner,
            _ => Role::Follower,
        };
        self.is_now(at, role, answer.term);
        let mut seen = locked(&self.seen);
        if seen.progress.len() < MOST_PROGRESS {
            seen.progress.push(Progress {
                at,
                node: self.place,
                last: answer.last_log_index.unwrap_or(0),
                committed: answer.committed_index.unwrap_or(0),
                applied: answer.applied_index.unwrap_or(0),
            });
        } else {
            seen.left_out += 1;
        }
    }

    fn is_now(&mut self, at: u64, role: Role, term: u64) {
        if self.last != Some((role, term)) {
            self.last = Some((role, term));
            locked(&self.seen).roles.push(RoleChange {
                at,
                node: self.place,
                role,
                term,
            });
        }
    }
}
