//! openraft's log on the write-ahead log of the node.
//!
//! The latest entries are kept in memory as well: what was just written is applied, sent to the
//! peers and received from there. Older ones are read from the disk. An entry can be read as soon
//! as it is appended; the acknowledgement follows when it is durable.

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
use zonemq_queue::message::ContentPlace;
use zonemq_wal::{EntryId, GroupId, ReadError, Record, RecoveredGroup, Wal, WalFailed};

use crate::codec::{self, DecodeError};
use crate::entry;
use crate::types::{LogEntry, LogId, TypeConfig, Vote};

/// Entries for one append to a follower are gathered up to this size; one is always sent.
const READ_BYTES: usize = 2 << 20;
/// The latest entries that are kept in memory. Those that are not durable yet always are.
const TAIL_BYTES: usize = 16 << 20;
/// More are not read in the task that answers, where heartbeats would wait for it.
const READ_IN_PLACE_BYTES: usize = 64 << 10;
/// When so many appends in a row were of one request each, little is asked, perhaps by one client that
/// waits for each answer: where more is, requests soon meet in an entry.
const LONE_APPENDS: u32 = 8;
/// What an entry takes in memory beside its payload.
const ENTRY_BYTES: usize = 128;

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
    /// The first entry that may be asked for.
    first: u64,
    last: Option<LogId>,
    /// The latest entries, without gaps, up to the last one.
    tail: VecDeque<LogEntry>,
    tail_bytes: usize,
    /// All entries below are durable.
    durable_until: u64,
    /// How often entries were taken back. What became durable before counts no more after.
    truncations: u64,
    /// So many of the latest appends were of one request each.
    lone_appends: u32,
    /// The sum of the payloads of all entries ever pushed: in this life of the process.
    pushed_bytes: u64,
}

fn payload_bytes(entry: &LogEntry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(payload) => payload.0.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

fn memory_bytes(entry: &LogEntry) -> usize {
    payload_bytes(entry) + ENTRY_BYTES
}

impl Log {
    fn next_index(&self) -> u64 {
        self.last.map_or(0, |last| last.index + 1)
    }

    fn push(&mut self, entry: LogEntry) {
        if let Some(last) = self.last {
            assert_eq!(entry.log_id.index, last.index + 1, "a gap in the log");
        } else {
            self.first = entry.log_id.index;
        }
        self.pushed_bytes += payload_bytes(&entry) as u64;
        self.tail_bytes += memory_bytes(&entry);
        self.last = Some(entry.log_id);
        self.tail.push_back(entry);
        self.shorten_tail();
    }

    /// Whether nothing else is to be expected beside an append, with one request or not, after those
    /// before it.
    fn is_alone(&mut self, is_one_request: bool) -> bool {
        self.lone_appends = if is_one_request {
            self.lone_appends.saturating_add(1)
        } else {
            0
        };
        self.lone_appends >= LONE_APPENDS
    }

    /// Entries of an append made before so many truncations are durable below `until`.
    fn became_durable(&mut self, until: u64, truncations: u64) {
        if truncations == self.truncations {
            self.durable_until = self.durable_until.max(until);
            self.shorten_tail();
        }
    }

    fn shorten_tail(&mut self) {
        while self.tail_bytes > TAIL_BYTES
            && let Some(first) = self.tail.front()
            && first.log_id.index < self.durable_until
        {
            self.tail_bytes -= memory_bytes(first);
            self.tail.pop_front();
        }
    }

    fn truncate_after(&mut self, last: Option<LogId>) {
        let next = last.map_or(0, |last| last.index + 1);
        if next >= self.next_index() {
            return;
        }
        while let Some(entry) = self.tail.back()
            && entry.log_id.index >= next
        {
            self.tail_bytes -= memory_bytes(entry);
            self.tail.pop_back();
        }
        self.truncations += 1;
        self.durable_until = self.durable_until.min(next);
        self.last = last;
    }

    fn purge_through(&mut self, log_id: LogId) {
        self.purged = Some(log_id);
        self.first = log_id.index + 1;
        if self.last.is_none_or(|last| last.index < log_id.index) {
            // A snapshot took the place of all of the log.
            self.tail.clear();
            self.tail_bytes = 0;
            self.last = Some(log_id);
            self.durable_until = log_id.index + 1;
        }
    }

    /// The entry, if it is in memory.
    fn get(&self, index: u64) -> Option<&LogEntry> {
        let first = self.tail.front()?.log_id.index;
        self.tail
            .get(usize::try_from(index.checked_sub(first)?).ok()?)
    }

    /// Entries in memory from `from` on; stops before `limit` bytes but for the first.
    fn read_tail(&self, from: u64, until: u64, limit: usize) -> Vec<LogEntry> {
        let mut bytes = 0;
        (from..until)
            .map_while(|index| self.get(index))
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

fn log_id(entry: EntryId) -> LogId {
    LogId::new_term_index(entry.term, entry.index)
}

impl LogStore {
    /// The log of a group as it was recovered.
    pub(crate) fn new(
        group: GroupId,
        wal: Wal,
        recovered: &RecoveredGroup,
    ) -> Result<LogStore, DecodeError> {
        let vote = recovered.vote.as_ref().map(|vote| codec::decode(vote));
        let purged = recovered.purged.as_ref();
        let purged = purged.map(|(_, purged)| codec::decode(purged));
        let purged: Option<LogId> = purged.transpose()?;
        let last = recovered.entries.back().copied().map(log_id).or(purged);
        let mut log = Log {
            vote: vote.transpose()?,
            purged,
            first: purged.map_or(0, |purged| purged.index + 1),
            last,
            ..Log::default()
        };
        log.durable_until = log.next_index();
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

    /// The last entry that is not needed as an entry any more.
    pub(crate) fn purged_index(&self) -> Option<u64> {
        self.locked().purged.map(|purged| purged.index)
    }

    /// The last entry.
    pub(crate) fn last(&self) -> Option<LogId> {
        self.locked().last
    }

    /// The entries that are durable and not purged: the first, and the one behind the last.
    pub(crate) fn durable_range(&self) -> (u64, u64) {
        let log = self.locked();
        (log.first, log.durable_until)
    }

    /// How often entries were taken back.
    pub(crate) fn truncations(&self) -> u64 {
        self.locked().truncations
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

    /// Entries from `from` on, at least one and up to `limit` bytes, from memory or the disk.
    async fn read(&self, from: u64, until: u64, limit: usize) -> io::Result<Vec<LogEntry>> {
        let (from, until) = {
            let log = self.locked();
            let from = from.max(log.first);
            let until = until.min(log.next_index());
            let in_memory = log.tail.front().map_or(until, |first| first.log_id.index);
            if from >= in_memory {
                return Ok(log.read_tail(from, until, limit));
            }
            (from, until.min(in_memory))
        };
        if from >= until {
            return Ok(Vec::new());
        }
        let read = self.wal.read_entries(self.group, from, until, limit).await;
        let decoded = read
            .map_err(io::Error::other)?
            .into_iter()
            .map(|read| entry::from_record(read.term, read.index, read.payload));
        decoded.collect::<Result<_, _>>().map_err(io::Error::other)
    }

    /// The encoded contents of messages, in the order of their places. They are as they lie
    /// there: whether they are as they were written is to be checked.
    pub(crate) async fn contents(&self, places: &[ContentPlace]) -> Vec<Result<Bytes, ReadError>> {
        let mut contents: Vec<Option<Result<Bytes, ReadError>>> = {
            let log = self.locked();
            let in_memory = |place: &ContentPlace| match &log.get(place.index)?.payload {
                EntryPayload::Normal(payload) => entry::slice(payload, *place).map(Ok),
                EntryPayload::Blank | EntryPayload::Membership(_) => None,
            };
            places.iter().map(in_memory).collect()
        };
        self.add_cached(places, &mut contents);
        let on_disk = places.iter().zip(&contents);
        let on_disk = on_disk.filter(|(_, found)| found.is_none());
        let on_disk: Vec<ContentPlace> = on_disk.map(|(place, _)| *place).collect();
        let mut read = self.contents_on_disk(&on_disk).await.into_iter();
        for content in &mut contents {
            if content.is_none() {
                *content = read.next();
            }
        }
        contents.into_iter().flatten().collect()
    }

    /// Adds of what is missing what the system has in memory: to ask a thread for it would take longer
    /// than to read it.
    fn add_cached(
        &self,
        places: &[ContentPlace],
        contents: &mut [Option<Result<Bytes, ReadError>>],
    ) {
        let missing = places
            .iter()
            .zip(contents)
            .filter(|(_, found)| found.is_none());
        let mut bytes = 0;
        for (place, content) in missing {
            bytes += place.length as usize;
            if bytes > READ_IN_PLACE_BYTES {
                return;
            }
            let read = self.wal.read_cached(self.group, entry::part_at(*place));
            *content = read.map(Ok);
        }
    }

    /// The same, whatever is in memory.
    pub(crate) async fn contents_on_disk(
        &self,
        places: &[ContentPlace],
    ) -> Vec<Result<Bytes, ReadError>> {
        if places.is_empty() {
            return Vec::new();
        }
        let parts = places.iter().copied().map(entry::part_at);
        let read = self.wal.read_parts(self.group, parts.collect()).await;
        read.unwrap_or_else(|_| vec![Err(ReadError::Closed); places.len()])
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
        let (mut next, until) = {
            let log = self.locked();
            (from.max(log.first), until.min(log.next_index()))
        };
        let mut entries = Vec::new();
        while next < until {
            let read = self.read(next, until, usize::MAX).await?;
            if read.is_empty() {
                break;
            }
            next += read.len() as u64;
            entries.extend(read);
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<LogEntry>, io::Error> {
        self.read(start, end, READ_BYTES).await
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
            last_log_id: log.last,
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
        let entries: Vec<LogEntry> = entries.into_iter().collect();
        let is_one_request = entry::are_one_request(&entries);
        let records = entries
            .iter()
            .map(|entry| entry::to_record(self.group, entry));
        let records: Vec<Record> = records.collect();
        let (until, truncations, is_alone) = {
            let mut log = self.locked();
            for entry in entries {
                log.push(entry);
            }
            let is_alone = log.is_alone(is_one_request);
            (log.next_index(), log.truncations, is_alone)
        };
        if is_planted(Bug::AppendAcknowledgedAtOnce) {
            callback.io_completed(Ok(()));
            self.wal.append(records, Box::new(|_| {}));
            return Ok(());
        }
        let log = self.clone();
        let done = Box::new(move |result: Result<(), WalFailed>| {
            if result.is_ok() {
                log.locked().became_durable(until, truncations);
            }
            callback.io_completed(result.map_err(io::Error::other));
        });
        if is_alone {
            self.wal.append_alone(records, done);
        } else {
            self.wal.append(records, done);
        }
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        self.locked().truncate_after(last_log_id);
        self.append_without_waiting(Record::TruncateAfter {
            group: self.group,
            index: last_log_id.map(|log_id| log_id.index),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_alone_when_eight_appends_in_a_row_were_of_one_request() {
        let mut log = Log::default();
        for _ in 0..2 {
            for _ in 0..7 {
                assert!(!log.is_alone(true));
            }
            assert!(log.is_alone(true));
            assert!(log.is_alone(true));
            assert!(!log.is_alone(false));
        }
    }
}
