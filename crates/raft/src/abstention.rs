//! A node that lost a part of its log does not vote and does not stand for election until it has
//! all of it again: others may count on what it had acknowledged. It follows the leader meanwhile,
//! and so gets back what it lost.
//!
//! What was lost is known in two ways: the log itself tells of damage, and a peer may know of
//! entries that are not there any more. Until the peers were asked, votes wait.

use std::sync::Arc;

use openraft::async_runtime::WatchReceiver;
use tokio::sync::{oneshot, watch};
use zonemq_wal::{GroupId, Record, RecoveredGroup, Wal, WalFailed};

use crate::acknowledged;
use crate::codec::{self, DecodeError};
use crate::link::Peers;
use crate::mending::Mending;
use crate::types::{LogId, NodeId, Raft};

/// Whether this node votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nobody knows yet: the peers are being asked.
    Unknown,
    /// It lost something, and does not vote until it has it again.
    Abstains,
    Votes,
}

/// Whether this node abstains in a group. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Abstention {
    standing: Arc<watch::Sender<Standing>>,
    group: GroupId,
    wal: Wal,
    /// The last entry of the log as it was opened.
    last: Option<LogId>,
    /// What must be applied here before the abstention ends, if the log tells of it.
    until: Option<LogId>,
}

/// Why it could not be found out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AbstentionError {
    #[error(transparent)]
    Note(#[from] DecodeError),
    #[error(transparent)]
    Log(#[from] WalFailed),
}

impl Abstention {
    /// Looks at what was recovered. If entries are lost, that is durable when this returns. `last`
    /// is the last entry that is there.
    pub(crate) async fn find(
        group: GroupId,
        wal: Wal,
        recovered: &RecoveredGroup,
        last: Option<LogId>,
    ) -> Result<Abstention, AbstentionError> {
        let note = recovered.note.as_ref().map(|note| codec::decode(note));
        let noted: Option<LogId> = note.transpose()?.flatten();
        let missing = recovered.lost;
        let missing = missing.map(|entry| LogId::new_term_index(entry.term, entry.index));
        let until = noted.max(missing);
        let standing = match until {
            Some(_) => Standing::Abstains,
            None => Standing::Unknown,
        };
        let abstention = Abstention {
            standing: Arc::new(watch::Sender::new(standing)),
            group,
            wal,
            last,
            until,
        };
        if let Some(until) = until {
            tracing::error!(
                group = group.0,
                %until,
                "a part of the log is damaged; this node does not vote until it has it from the others"
            );
        }
        if missing.is_some() {
            let index = last.map(|last| last.index);
            let truncate = Record::TruncateAfter { group, index };
            abstention
                .append(vec![truncate, abstention.note(until)])
                .await?;
        }
        Ok(abstention)
    }

    /// Whether this node votes. Waits until the peers were asked.
    pub(crate) async fn votes(&self) -> bool {
        let mut standing = self.standing.subscribe();
        let known = standing.wait_for(|now| *now != Standing::Unknown).await;
        // The sender lives as long as this.
        known.is_ok_and(|now| *now == Standing::Votes)
    }

    /// Waits until it does.
    pub(crate) async fn until_votes(&self) {
        let mut standing = self.standing.subscribe();
        // The sender lives as long as this.
        let _ = standing.wait_for(|now| *now == Standing::Votes).await;
    }

    /// The same as it is known now.
    pub(crate) fn votes_now(&self) -> bool {
        *self.standing.borrow() == Standing::Votes
    }

    fn note(&self, until: Option<LogId>) -> Record {
        Record::Note {
            group: self.group,
            payload: codec::encode(&until).into(),
        }
    }

    async fn append(&self, records: Vec<Record>) -> Result<(), WalFailed> {
        let (done, durable) = oneshot::channel();
        let completion = |result| drop(done.send(result));
        self.wal.append(records, Box::new(completion));
        durable.await.unwrap_or(Err(WalFailed::Closed))
    }

    /// Asks the peers, and ends the abstention when all that was lost is applied here. An entry of
    /// a later term does as well: its leader was elected by others, who had all that was committed.
    pub(crate) async fn end_when_whole(self, raft: Raft, mending: Mending) {
        let until = match self.until {
            Some(until) => Some(until),
            None => self.ask(&mending.peers, &mending.others).await,
        };
        let Some(until) = until else {
            self.standing.send_replace(Standing::Votes);
            return;
        };
        raft.runtime_config().elect(false);
        self.standing.send_replace(Standing::Abstains);
        let mut metrics = raft.metrics();
        while metrics.borrow_watched().last_applied < Some(until) {
            if metrics.changed().await.is_err() {
                return;
            }
        }
        // The snapshot may go on behind entries that were lost: then others had the contents in them
        // as well, and this node does not count as one that has them before it does.
        mending.mend_missing(mending.missing()).await;
        if self.append(vec![self.note(None)]).await.is_ok() {
            raft.runtime_config().elect(true);
            self.standing.send_replace(Standing::Votes);
            tracing::warn!(
                group = self.group.0,
                "the log is whole again; this node votes"
            );
        }
    }

    /// What peers know of this node's log that is not there. That it is missing is durable when
    /// this returns.
    async fn ask(&self, peers: &Peers, others: &[NodeId]) -> Option<LogId> {
        let known = acknowledged::ask(peers, others, self.group).await;
        let until = known.filter(|known| Some(*known) > self.last)?;
        tracing::error!(
            group = self.group.0,
            last = ?self.last,
            %until,
            "this log ends before what was acknowledged: its folder was emptied, or replaced by an \
             old copy; this node does not vote until it has the rest from the others"
        );
        // A log that has failed stops the node.
        self.append(vec![self.note(Some(until))]).await.ok()?;
        Some(until)
    }
}
