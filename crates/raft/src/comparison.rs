//! Compares the state of this replica with that of the peers, at the same entries. The same log
//! must give the same state; if it does not, memory or a program has failed, and the replica that
//! is alone with its state must not answer anybody any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use zonemq_queue::state::State;
use zonemq_wal::GroupId;
use zonemq_world::{Disk, Urgency, World};

use crate::checkpoints::Checkpoints;
use crate::codec;
use crate::link::Peers;
use crate::types::NodeId;
use crate::wire::Service;

/// A peer that does not answer in this time has not been asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// While it is not clear who is wrong, everybody is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
const ASK_AGAIN: usize = 60;
/// A replica that is so many comparisons behind finds nobody to compare with.
const REMEMBERED: usize = 256;
/// So many messages take about a tenth of a second to hash: with more, it is done more rarely.
const MESSAGES_AT_EACH: u64 = 500_000;

/// Whether the state after this entry is compared: the same on all replicas.
fn is_due(index: u64, every: u64, messages: u64) -> bool {
    index.is_multiple_of(every * (1 + messages / MESSAGES_AT_EACH))
}

/// What a peer is asked for: the hash of its state after this entry.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HashRequest {
    pub(crate) index: u64,
}

/// Nothing if it has not come so far, or is long past it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HashReply {
    pub(crate) hash: Option<u64>,
}

/// The hashes of this replica's latest states, by the entries after which they were taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashes(Arc<Mutex<BTreeMap<u64, u64>>>);

impl Hashes {
    pub(crate) fn get(&self, index: u64) -> Option<u64> {
        let hashes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.get(&index).copied()
    }

    fn insert(&self, index: u64, hash: u64) {
        let mut hashes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.insert(index, hash);
        if hashes.len() > REMEMBERED {
            hashes.pop_first();
        }
    }
}

/// What a comparison has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// Nobody says otherwise.
    Agreed,
    /// Somebody does, and most agree with this replica.
    OthersDiffer,
    /// Most agree with each other and not with this replica.
    OddOneOut,
    /// Somebody says otherwise, and it takes more voices.
    Open,
}

fn judge(mine: u64, others: &[u64], voters: usize) -> Judgement {
    let count = |hash: u64| others.iter().filter(|other| **other == hash).count();
    let is_majority = |voices: usize| voices * 2 > voters;
    if others.iter().all(|other| *other == mine) {
        Judgement::Agreed
    } else if is_majority(1 + count(mine)) {
        Judgement::OthersDiffer
    } else if others.iter().any(|other| is_majority(count(*other))) {
        Judgement::OddOneOut
    } else {
        Judgement::Open
    }
}

/// The side of a comparison that applies entries.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    every: u64,
    states: mpsc::Sender<(u64, Box<State>)>,
    pub(crate) hashes: Hashes,
    verdict: watch::Receiver<Option<String>>,
}

impl Comparison {
    /// Starts to compare after each so many entries.
    pub(crate) fn start<W: World>(
        world: &W,
        group: GroupId,
        every: u64,
        peers: Peers,
        others: Vec<NodeId>,
        checkpoints: Checkpoints,
    ) -> std::io::Result<Comparison> {
        let (states, waiting) = mpsc::channel(1);
        let (told, verdict) = watch::channel(None);
        let hashes = Hashes::default();
        let work = Work {
            group,
            peers,
            others,
            hashes: hashes.clone(),
            checkpoints,
            told,
        };
        world
            .disk()
            .spawn("state-hashes", Urgency::Background, work.run(waiting))?;
        Ok(Comparison {
            every,
            states,
            hashes,
            verdict,
        })
    }

    /// Looks at the state after an entry. While an earlier one is worked on, this one is passed
    /// over.
    pub(crate) fn applied(&self, index: u64, state: &State) {
        // The first is cheap, and nearly always says no; the other asks all queues.
        if index.is_multiple_of(self.every)
            && is_due(index, self.every, state.messages())
            && let Ok(place) = self.states.try_reserve()
        {
            // Pages of messages are shared until one of the two changes them.
            place.send((index, Box::new(state.clone())));
        }
    }

    /// Resolves with the reason when this replica must not go on.
    pub(crate) async fn failed(&self) -> String {
        let mut verdict = self.verdict.clone();
        match verdict.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The group has ended, which is told elsewhere.
            Err(_) => std::future::pending().await,
        }
    }
}

struct Work {
    group: GroupId,
    peers: Peers,
    others: Vec<NodeId>,
    hashes: Hashes,
    checkpoints: Checkpoints,
    told: watch::Sender<Option<String>>,
}

impl Work {
    async fn run(self, mut waiting: mpsc::Receiver<(u64, Box<State>)>) {
        while let Some((index, state)) = waiting.recv().await {
            let hash = state.hash();
            drop(state);
            self.hashes.insert(index, hash);
            self.compare(index, hash).await;
        }
    }

    async fn compare(&self, index: u64, mine: u64) {
        for _ in 0..ASK_AGAIN {
            let others = self.ask(index).await;
            match judge(mine, &others, self.others.len() + 1) {
                Judgement::Agreed => return,
                Judgement::OthersDiffer => {
                    tracing::error!(index, "the state of another node differs from that of most");
                    return;
                }
                Judgement::OddOneOut => return self.give_up(index).await,
                Judgement::Open => {
                    tracing::error!(
                        index,
                        "the states of two nodes differ; a third one is asked"
                    );
                    sleep(ASK_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn ask(&self, index: u64) -> Vec<u64> {
        let asked = self.others.iter().map(|node| async move {
            let question = codec::encode(&HashRequest { index }).into();
            let call = self
                .peers
                .call(*node, Service::StateHash, self.group, question);
            let reply = timeout(PATIENCE, call).await.ok()?.ok()?;
            let reply: HashReply = codec::decode(&reply).ok()?;
            reply.hash
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// The next start must not begin from what this state has left on the disk.
    async fn give_up(&self, index: u64) {
        let mut reason = format!(
            "after entry {index} the state of this node differs from that of the others, though the \
             log is the same: its memory may be faulty"
        );
        if let Err(error) = self.checkpoints.discard().await {
            let problem = format!("; its snapshot cannot be removed: {error}");
            reason.push_str(&problem);
        }
        self.told.send_replace(Some(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_alone_with_its_state_is_wrong_when_most_agree() {
        assert_eq!(judge(1, &[], 3), Judgement::Agreed);
        assert_eq!(judge(1, &[1], 3), Judgement::Agreed);
        assert_eq!(judge(1, &[1, 2], 3), Judgement::OthersDiffer);
        assert_eq!(judge(1, &[2, 2], 3), Judgement::OddOneOut);
        assert_eq!(judge(1, &[2], 3), Judgement::Open);
        assert_eq!(judge(1, &[2, 3], 3), Judgement::Open);
        assert_eq!(judge(1, &[2, 2, 1], 5), Judgement::Open);
        assert_eq!(judge(1, &[2], 2), Judgement::Open);
    }

    #[test]
    fn larger_states_are_compared_more_rarely() {
        assert!(is_due(2_000, 1_000, 499_999));
        assert!(!is_due(2_001, 1_000, 0));
        assert!(!is_due(1_000, 1_000, 500_000));
        assert!(is_due(2_000, 1_000, 500_000));
    }
}
