//! What can be seen of a group without touching it: the last entries of its log, and contents of
//! messages. Nothing here writes, mends or proposes.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use openraft::RaftLogReader;
use zonemq_queue::message::{Content, ContentPlace};

use crate::contents;
use crate::entry::SeenEntry;
use crate::group::Group;
use crate::link::{ExchangeError, Peers};
use crate::log_store::LogStore;
use crate::types::NodeId;
use crate::wire::Service;
use zonemq_wal::GroupId;

/// The most entries that a look shows.
pub const MOST_SEEN_ENTRIES: u64 = 200;

/// What has been read for earlier looks: entries stay as they are until the log is truncated.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenEntries(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    truncations: u64,
    entries: BTreeMap<u64, SeenEntry>,
}

impl SeenEntries {
    /// Those of the entries from `first` on that are known and not replaced since.
    fn known(&self, first: u64, truncations: u64) -> BTreeMap<u64, SeenEntry> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.truncations == truncations {
            let known = seen.entries.range(first..);
            known.map(|(at, entry)| (*at, entry.clone())).collect()
        } else {
            BTreeMap::new()
        }
    }

    /// Keeps as many of the latest as a look may want.
    fn keep(&self, entries: &BTreeMap<u64, SeenEntry>, truncations: u64) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.truncations != truncations {
            seen.entries.clear();
            seen.truncations = truncations;
        }
        let new = entries.iter();
        seen.entries
            .extend(new.map(|(at, entry)| (*at, entry.clone())));
        while seen.entries.len() as u64 > MOST_SEEN_ENTRIES {
            seen.entries.pop_first();
        }
    }

    /// The last entries of the log; those that were not seen before are read.
    async fn last(&self, mut log: LogStore, count: u64) -> io::Result<Vec<SeenEntry>> {
        let truncations = log.truncations();
        let until = log.last().map_or(0, |last| last.index + 1);
        let (first_kept, _) = log.durable_range();
        let first = until
            .saturating_sub(count.min(MOST_SEEN_ENTRIES))
            .max(first_kept);
        let mut entries = self.known(first, truncations);
        let end = |entries: &BTreeMap<u64, SeenEntry>| {
            let last = entries.last_key_value();
            last.map_or(first, |(at, _)| at + 1)
        };
        // Looks with a pause between them leave a gap.
        if entries.len() as u64 != end(&entries) - first {
            entries.clear();
        }
        let mut next = end(&entries);
        while next < until {
            // A part at a time: entries may be large, and what is told of them is not.
            let read = log.limited_get_log_entries(next, until).await?;
            if read.is_empty() {
                break;
            }
            next += read.len() as u64;
            let seen = read.iter().map(SeenEntry::of);
            entries.extend(seen.map(|entry| (entry.index, entry)));
        }
        // What was replaced meanwhile is read again by the next look.
        if log.truncations() == truncations {
            self.keep(&entries, truncations);
        }
        entries.retain(|at, _| (first..until).contains(at));
        Ok(entries.into_values().collect())
    }
}

impl Group {
    /// The last entries of this node's log, at most [`MOST_SEEN_ENTRIES`].
    pub async fn last_entries(&self, count: u64) -> io::Result<Vec<SeenEntry>> {
        let log = self.served().log;
        self.seen_entries().last(log, count).await
    }

    /// The last entry that is durable here.
    pub fn durable_index(&self) -> u64 {
        let (_, until) = self.served().log.durable_range();
        until.saturating_sub(1)
    }

    /// Reads what a message contains, as a receive does; but what is damaged is not mended.
    pub async fn content_at(&self, place: ContentPlace) -> Result<Content, String> {
        let read = self.served().log.contents(&[place]).await;
        let read = read.into_iter().next();
        contents::decoded(read.ok_or("there is nothing at its place")?)
    }
}

impl Peers {
    /// Asks a node what it shows of itself; resolves with the one reply.
    pub async fn look(
        &self,
        node: NodeId,
        group: GroupId,
        request: Bytes,
    ) -> Result<Bytes, ExchangeError> {
        self.call(node, Service::Look, group, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::SeenKind;

    fn entry(index: u64, term: u64) -> SeenEntry {
        SeenEntry {
            index,
            term,
            bytes: 0,
            kind: SeenKind::Blank,
        }
    }

    fn entries(range: std::ops::Range<u64>, term: u64) -> BTreeMap<u64, SeenEntry> {
        range.map(|at| (at, entry(at, term))).collect()
    }

    #[test]
    fn what_was_seen_is_known_until_the_log_is_truncated() {
        let seen = SeenEntries::default();
        seen.keep(&entries(1..5, 1), 0);
        assert_eq!(seen.known(3, 0), entries(3..5, 1));
        assert_eq!(seen.known(3, 1), BTreeMap::new());
        seen.keep(&entries(4..6, 2), 1);
        assert_eq!(seen.known(0, 1), entries(4..6, 2), "the old ones are gone");
    }

    #[test]
    fn only_the_latest_are_kept() {
        let seen = SeenEntries::default();
        seen.keep(&entries(0..MOST_SEEN_ENTRIES + 7, 1), 0);
        assert_eq!(seen.known(0, 0), entries(7..MOST_SEEN_ENTRIES + 7, 1));
    }
}
