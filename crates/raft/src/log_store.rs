//! openraft's log on the write-ahead log of the node.
//!
//! Entries that are not purged are kept in memory as well, so that reading them never waits for
//! the disk. An entry can be read as soon as it is appended; the acknowledgement follows when it
//! is durable.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{EntryPayload, OptionalSend, RaftLogReader};
use tokio::sync::oneshot;
use zonemq_planted::{Bug, is_planted};
use zonemq_wal::{GroupId, Record, RecoveredGroup, Wal};

use crate::codec::{self, DecodeError};
use crate::types::{LogEntry, LogId, TypeConfig, Vote};

/// Entries for one append to a follower are gathered up to this size; one is always sent.
const READ_BYTES: usize = 2 << 20;

/// The log of one group. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    group: GroupId,
    wal: Wal,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    vote: Option<Vote>,
    purged: Option<LogId>,
    /// Without gaps; the first one follows what is purged.
    entries: VecDeque<LogEntry>,
    /// The sum of the payloads of all entries ever pushed: in this life of the process.
    pushed_bytes: u64,
}

fn payload_bytes(entry: &LogEntry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(payload) => payload.0.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

impl Log {
    fn push(&mut self, entry: LogEntry) {
        if let Some(last) = self.entries.back() {
            assert_eq!(
                entry.log_id.index,
                last.log_id.index + 1,
                "a gap in the log"
            );
        }
        self.pushed_bytes += payload_bytes(&entry) as u64;
        self.entries.push_back(entry);
    }

    fn truncate_from(&mut self, index: u64) {
        while self
            .entries
            .back()
            .is_some_and(|entry| entry.log_id.index >= index)
        {
            self.entries.pop_back();
        }
    }

    fn purge_through(&mut self, log_id: LogId) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.log_id.index <= log_id.index)
        {
            self.entries.pop_front();
        }
        self.purged = Some(log_id);
    }

    /// At most the entries that exist; stops before `limit` bytes but for the first.
    fn read(&self, from: u64, until: u64, limit: usize) -> Vec<LogEntry> {
        let first = self.entries.front().map_or(0, |entry| entry.log_id.index);
        let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        self.entries
            .iter()
            .skip(skipped)
            .take_while(|entry| entry.log_id.index < until)
            .take_while(|entry| {
                let fits = bytes == 0 || bytes + payload_bytes(entry) <= limit;
                // Counted even if empty: the first entry is always taken.
                bytes += payload_bytes(entry).max(1);
                fits
            })
            .cloned()
            .collect()
    }
}

impl LogStore {
    /// The log of a group as it was recovered.
    pub(crate) fn new(
        group: GroupId,
        wal: Wal,
        recovered: RecoveredGroup,
    ) -> Result<LogStore, DecodeError> {
        let mut log = Log::default();
        if let Some(vote) = recovered.vote {
            log.vote = Some(codec::decode(&vote)?);
        }
        if let Some((_, purged)) = recovered.purged {
            log.purged = Some(codec::decode(&purged)?);
        }
        for entry in recovered.entries {
            log.push(codec::decode(&entry.payload)?);
        }
        Ok(LogStore {
            group,
            wal,
            log: Arc::new(Mutex::new(log)),
        })
    }

    /// The bytes of payload in all entries that were in this log since it was opened. Only grows.
    pub(crate) fn pushed_bytes(&self) -> u64 {
        self.locked().pushed_bytes
    }

    // A panic while the lock is held is an invariant that broke: going on would risk the log.
    fn locked(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a record over without waiting for it: what must not come before it comes later in
    /// the same log. A failure shows at the next append or vote, and stops the node.
    fn append_without_waiting(&self, record: Record) {
        self.wal.append(vec![record], Box::new(|_| {}));
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<LogEntry>, io::Error> {
        let from = match range.start_bound() {
            Bound::Included(&index) => index,
            Bound::Excluded(&index) => index + 1,
            Bound::Unbounded => 0,
        };
        let until = match range.end_bound() {
            Bound::Included(&index) => index + 1,
            Bound::Excluded(&index) => index,
            Bound::Unbounded => u64::MAX,
        };
        Ok(self.locked().read(from, until, usize::MAX))
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<LogEntry>, io::Error> {
        Ok(self.locked().read(start, end, READ_BYTES))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.locked().vote)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let log = self.locked();
        Ok(LogState {
            last_purged_log_id: log.purged,
            last_log_id: log.entries.back().map(|entry| entry.log_id).or(log.purged),
        })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (done, durable) = oneshot::channel();
        let record = Record::Vote {
            group: self.group,
            payload: codec::encode(vote).into(),
        };
        self.wal.append(
            vec![record],
            Box::new(move |result| {
                // openraft waits for it, or is gone.
                let _ = done.send(result);
            }),
        );
        if !is_planted(Bug::VoteNotAwaited) {
            durable
                .await
                .map_err(|_| io::Error::other("the log was closed"))?
                .map_err(io::Error::other)?;
        }
        self.locked().vote = Some(*vote);
        Ok(())
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = LogEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut records = Vec::new();
        {
            let mut log = self.locked();
            for entry in entries {
                records.push(Record::Entry {
                    group: self.group,
                    term: entry.log_id.leader_id.term,
                    index: entry.log_id.index,
                    payload: Bytes::from(codec::encode(&entry)),
                });
                log.push(entry);
            }
        }
        if is_planted(Bug::AppendAcknowledgedAtOnce) {
            callback.io_completed(Ok(()));
            self.wal.append(records, Box::new(|_| {}));
            return Ok(());
        }
        self.wal.append(
            records,
            Box::new(move |result| callback.io_completed(result.map_err(io::Error::other))),
        );
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let index = last_log_id.map(|log_id| log_id.index);
        self.locked()
            .truncate_from(index.map_or(0, |index| index + 1));
        self.append_without_waiting(Record::TruncateAfter {
            group: self.group,
            index,
        });
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        self.locked().purge_through(log_id);
        self.append_without_waiting(Record::PurgeThrough {
            group: self.group,
            index: log_id.index,
            payload: codec::encode(&log_id).into(),
        });
        Ok(())
    }
}
