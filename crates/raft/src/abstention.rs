//! A node that lost a part of its log to damage does not vote and does not stand for election
//! until it has all of it again: others may count on what it had acknowledged. It follows the
//! leader meanwhile, and so gets back what it lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openraft::async_runtime::WatchReceiver;
use tokio::sync::oneshot;
use zonemq_wal::{GroupId, Record, RecoveredGroup, Wal, WalFailed};

use crate::codec::{self, DecodeError};
use crate::types::{LogId, Raft};

/// Whether this node abstains in a group. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Abstention {
    is_on: Arc<AtomicBool>,
    group: GroupId,
    wal: Wal,
    /// What must be applied here before it ends.
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
    /// Looks at what was recovered. If entries are lost, that is durable when this returns.
    pub(crate) async fn find(
        group: GroupId,
        wal: Wal,
        recovered: &RecoveredGroup,
    ) -> Result<Abstention, AbstentionError> {
        let note = recovered.note.as_ref().map(|note| codec::decode(note));
        let noted: Option<LogId> = note.transpose()?.flatten();
        let lost = recovered.lost;
        let lost = lost.map(|entry| LogId::new_term_index(entry.term, entry.index));
        let abstention = Abstention {
            is_on: Arc::new(AtomicBool::new(false)),
            group,
            wal,
            until: noted.max(lost),
        };
        let Some(until) = abstention.until else {
            return Ok(abstention);
        };
        abstention.is_on.store(true, Ordering::SeqCst);
        tracing::error!(
            group = group.0,
            %until,
            "a part of the log is damaged; this node does not vote until it has it from the others"
        );
        if lost.is_some() {
            let purged = recovered.purged.as_ref().map(|(index, _)| *index);
            let stays = recovered.entries.back().map(|entry| entry.index).or(purged);
            let truncate = Record::TruncateAfter {
                group,
                index: stays,
            };
            abstention
                .append(vec![truncate, abstention.note(Some(until))])
                .await?;
        }
        Ok(abstention)
    }

    /// Whether this node abstains now.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::SeqCst)
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

    /// Ends the abstention when all that was lost is applied here. An entry of a later term does
    /// as well: its leader was elected by others, who had all that was committed.
    pub(crate) async fn end_when_whole(self, raft: Raft) {
        let Some(until) = self.until else {
            return;
        };
        raft.runtime_config().elect(false);
        let mut metrics = raft.metrics();
        while metrics.borrow_watched().last_applied < Some(until) {
            if metrics.changed().await.is_err() {
                return;
            }
        }
        if self.append(vec![self.note(None)]).await.is_ok() {
            self.is_on.store(false, Ordering::SeqCst);
            raft.runtime_config().elect(true);
            tracing::warn!(
                group = self.group.0,
                "the log is whole again; this node votes"
            );
        }
    }
}
