//! Keeps the log no larger than what lies in it: after each checkpoint, segments without anything
//! that is wanted go, and what is wanted of thin ones is written anew, so that they can go, too.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use zonemq_queue::message::ContentPlace;
use zonemq_queue::state::State;
use zonemq_wal::{GroupId, Live, Part, SealedSegment, SegmentId, Wal};
use zonemq_world::{Disk, Urgency, World};

use crate::entry;
use crate::located::located;
use crate::log_store::LogStore;
use crate::mending::{Mending, append_kept};

/// A segment with less than this part of its payload wanted is thin.
const THIN: u64 = 2;
/// What is written anew at one time, and the pause before the next: at most 20 MiB in a second,
/// which leaves most of a disk to the clients.
const COPY_BYTES: usize = 1 << 20;
const COPY_PAUSE: Duration = Duration::from_millis(50);

/// A checkpoint that has become durable.
struct Checkpointed {
    state: State,
    through: u64,
}

/// Where checkpoints are reported.
#[derive(Clone, Debug)]
pub(crate) struct Storekeeper {
    checkpoints: mpsc::Sender<Checkpointed>,
}

impl std::fmt::Debug for Checkpointed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "checkpoint through {}", self.through)
    }
}

impl Storekeeper {
    /// Starts to work for a group.
    pub(crate) fn start<W: World>(
        world: &W,
        group: GroupId,
        wal: Wal,
        log: LogStore,
        mending: Mending,
    ) -> std::io::Result<Storekeeper> {
        let (checkpoints, mut waiting) = mpsc::channel::<Checkpointed>(1);
        let work = Work {
            group,
            wal,
            log,
            mending,
        };
        world
            .disk()
            .spawn("storekeeper", Urgency::Background, async move {
                while let Some(checkpoint) = waiting.recv().await {
                    work.tidy(&checkpoint.state, checkpoint.through).await;
                }
            })?;
        Ok(Storekeeper { checkpoints })
    }

    /// Reports a checkpoint. While an earlier one is worked on this one is passed over: the next
    /// one tells the same and more.
    pub(crate) fn checkpointed(&self, state: State, through: u64) {
        let _ = self.checkpoints.try_send(Checkpointed { state, through });
    }
}

struct Work {
    group: GroupId,
    wal: Wal,
    log: LogStore,
    mending: Mending,
}

impl Work {
    async fn tidy(&self, state: &State, through: u64) {
        let before = self.wal.current_segment();
        let mut bytes: BTreeMap<SegmentId, u64> = BTreeMap::new();
        let mut missing = Vec::new();
        for (place, segment) in located(&self.wal, self.group, state.content_places()) {
            match segment {
                Some(segment) => *bytes.entry(segment).or_default() += u64::from(place.length),
                None => missing.push(place),
            }
        }
        let live = Live {
            through,
            before,
            bytes,
        };
        self.wal.retire(self.group, live.clone());
        // Deleted since the checkpoint, most likely.
        self.mending.mend_missing(missing).await;
        self.thin_out(state, live).await;
    }

    /// Writes what is wanted of thin segments anew, at the end of the log.
    async fn thin_out(&self, state: &State, mut live: Live) {
        let purged = self.log.purged_index();
        let is_thin = |segment: &SealedSegment| {
            let wanted = live.bytes.get(&segment.id).copied().unwrap_or(0);
            segment.id < live.before
                && Some(segment.last_index) <= purged
                && wanted > 0
                && wanted * THIN < segment.payload_bytes
        };
        let sealed = self.wal.sealed_segments(self.group);
        let thin = sealed.iter().filter(|segment| is_thin(segment));
        let mut thin: BTreeMap<SegmentId, Vec<ContentPlace>> =
            thin.map(|segment| (segment.id, Vec::new())).collect();
        if thin.is_empty() {
            return;
        }
        for (place, segment) in located(&self.wal, self.group, state.content_places()) {
            if let Some(segment) = segment
                && let Some(places) = thin.get_mut(&segment)
            {
                places.push(place);
            }
        }
        for (segment, places) in thin {
            if self.copy(&entry::in_log_order(places.into_iter())).await {
                live.bytes.remove(&segment);
                self.wal.retire(self.group, live.clone());
            }
        }
    }

    /// Whether all could be copied.
    async fn copy(&self, places: &[ContentPlace]) -> bool {
        let mut is_whole = true;
        for places in whole_entries(places, COPY_BYTES) {
            let read = self.log.contents(places).await;
            let mut kept: Vec<(u64, Vec<Part>)> = Vec::new();
            for (place, read) in places.iter().zip(read) {
                let read = read.ok().filter(|bytes| entry::is_content(bytes));
                let bytes = match read {
                    Some(bytes) => Some(bytes),
                    None => self.mending.mend(*place).await,
                };
                let Some(bytes) = bytes else {
                    is_whole &= !self.mending.is_wanted(*place);
                    continue;
                };
                let part = Part {
                    offset: place.offset,
                    bytes,
                };
                match kept.last_mut() {
                    Some((index, parts)) if *index == place.index => parts.push(part),
                    _ => kept.push((place.index, vec![part])),
                }
            }
            is_whole &= append_kept(&self.wal, self.group, kept).await;
            tokio::time::sleep(COPY_PAUSE).await;
        }
        is_whole
    }
}

/// Cuts sorted places into stretches of about so many bytes, never within an entry: what is kept of
/// an entry takes the place of all of it.
pub(crate) fn whole_entries(
    places: &[ContentPlace],
    bytes: usize,
) -> impl Iterator<Item = &[ContentPlace]> {
    let mut rest = places;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let mut last_index = None;
        let end = rest
            .iter()
            .position(|place| {
                let is_full = sum >= bytes && last_index != Some(place.index);
                sum += place.length as usize;
                last_index = Some(place.index);
                is_full
            })
            .unwrap_or(rest.len());
        let (stretch, others) = rest.split_at(end);
        rest = others;
        (!stretch.is_empty()).then_some(stretch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_never_cut() {
        let place = |index, offset| ContentPlace {
            index,
            offset,
            length: 10,
        };
        let places = [
            place(1, 0),
            place(1, 10),
            place(1, 20),
            place(2, 0),
            place(3, 0),
        ];
        let cut: Vec<_> = whole_entries(&places, 15).map(<[_]>::len).collect();
        assert_eq!(cut, [3, 2]);
        let cut: Vec<_> = whole_entries(&places, 10).map(<[_]>::len).collect();
        assert_eq!(cut, [3, 1, 1]);
        assert_eq!(whole_entries(&[], 10).count(), 0);
    }
}
