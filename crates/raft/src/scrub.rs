//! Reads all that is wanted of what a group keeps on the disk, again and again, slowly: damage that
//! nobody has met yet is mended while the peers still have what it took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use zonemq_queue::message::ContentPlace;
use zonemq_wal::{SegmentId, Wal};

use crate::checkpoint::{self, FILE_HEADER_BYTES};
use crate::entry;
use crate::located::located;
use crate::log_store::LogStore;
use crate::mending::Mending;
use crate::state_machine;
use crate::storekeeper::whole_entries;
use crate::types::Raft;

/// What is read at one time, and the pause before the next: 8 MiB in a second at most.
const READ_BYTES: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(125);
/// The places of all contents in so many segments are in memory at one time.
const SEGMENTS_AT_A_TIME: usize = 8;

/// What scrubs have done so far.
#[derive(Debug, Default)]
pub struct ScrubStats {
    passes: AtomicU64,
    damaged: AtomicU64,
}

impl ScrubStats {
    /// How often all was read.
    pub fn passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    /// How much of it was found to be damaged: contents, entries and snapshots.
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }
}

/// The scrub of one group.
pub(crate) struct Scrub {
    pub(crate) raft: Raft,
    pub(crate) wal: Wal,
    pub(crate) log: LogStore,
    pub(crate) mending: Mending,
    pub(crate) stats: Arc<ScrubStats>,
    /// From the end of one pass to the next.
    pub(crate) pause: Duration,
}

impl Scrub {
    /// Scrubs for ever.
    pub(crate) async fn run(self) {
        loop {
            sleep(self.pause).await;
            self.read_snapshot().await;
            self.read_entries().await;
            self.find_missing().await;
            self.read_contents().await;
            self.stats.passes.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count_damage(&self) {
        self.stats.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// A new snapshot takes the place of what is damaged: of an old one, and of entries.
    async fn replace_by_snapshot(&self) {
        self.count_damage();
        // Raft that has ended is told elsewhere.
        let _ = self.raft.trigger().snapshot().await;
    }

    async fn read_snapshot(&self) {
        let Ok(Some(snapshot)) = self.raft.get_snapshot().await else {
            return;
        };
        let checkpoint = snapshot.snapshot;
        let mut offset = FILE_HEADER_BYTES;
        let mut unpaused = 0;
        let problem = loop {
            let read = match checkpoint.frame(offset).await {
                Ok(Some(bytes)) => checkpoint::decode_frame(&bytes, offset).map(|_| bytes.len()),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            match read {
                Ok(bytes) => {
                    offset += bytes as u64;
                    unpaused += bytes;
                }
                Err(error) => break error,
            }
            if unpaused > READ_BYTES {
                unpaused = 0;
                sleep(PAUSE).await;
            }
        };
        tracing::error!(%problem, "the snapshot is damaged: another one is taken");
        self.replace_by_snapshot().await;
    }

    async fn read_entries(&self) {
        let (mut next, until) = self.log.durable_range();
        while next < until {
            let read = self
                .wal
                .read_entries(self.mending.group, next, until, READ_BYTES)
                .await;
            match read {
                Ok(entries) => next += entries.len() as u64,
                // Purged or taken back meanwhile.
                Err(_) if next < self.log.durable_range().0 => next = self.log.durable_range().0,
                Err(_) if next >= self.log.durable_range().1 => return,
                Err(problem) => {
                    tracing::error!(%problem, "an entry is damaged: a snapshot takes its place");
                    return self.replace_by_snapshot().await;
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn find_missing(&self) {
        let entries = self.mending.mend_missing(self.mending.missing()).await;
        self.stats.damaged.fetch_add(entries, Ordering::Relaxed);
    }

    async fn read_contents(&self) {
        let sealed = self.wal.sealed_segments(self.mending.group);
        let mut segments: Vec<SegmentId> = sealed.iter().map(|segment| segment.id).collect();
        segments.push(self.wal.current_segment());
        for segments in segments.chunks(SEGMENTS_AT_A_TIME) {
            for places in whole_entries(&self.places_in(segments), READ_BYTES) {
                self.check(places).await;
                sleep(PAUSE).await;
            }
        }
    }

    /// The contents that lie in these segments, in order.
    fn places_in(&self, segments: &[SegmentId]) -> Vec<ContentPlace> {
        // Beside the traffic: the pages of a clone are shared.
        let state = state_machine::read(&self.mending.applied, Clone::clone);
        let places = located(&self.wal, self.mending.group, state.content_places());
        let is_there =
            |segment: Option<SegmentId>| segment.is_some_and(|segment| segments.contains(&segment));
        entry::in_log_order(
            places.filter_map(|(place, segment)| is_there(segment).then_some(place)),
        )
    }

    async fn check(&self, places: &[ContentPlace]) {
        for (place, read) in places.iter().zip(self.log.contents_on_disk(places).await) {
            let is_whole = read.is_ok_and(|bytes| entry::is_content(&bytes));
            if !is_whole && self.mending.is_wanted(*place) {
                tracing::error!(?place, "the content of a message is damaged");
                self.count_damage();
                self.mending.mend(*place).await;
            }
        }
    }
}
