//! What the folder of a stopped node holds of one group, read in full and never changed: for
//! `zonemq check-store`.

use std::path::Path;

use openraft::EntryPayload;
use zonemq_queue::ids::QueueKey;
use zonemq_wal::{EntryId, GroupId, Progress, StoppedLog};
use zonemq_world::World;

use crate::checkpoint::AppliedState;
use crate::checkpoints;
use crate::codec::{self, DecodeError};
use crate::entry;
use crate::types::{LogId, NodeId, Payload, Vote};

/// Entries are read together up to this size.
const READ_BYTES: usize = 4 << 20;

/// A group as it lies on the disk.
#[derive(Debug, Default)]
pub struct StoredGroup {
    /// The term of the latest vote, and for whom it was.
    pub vote: Option<(u64, NodeId)>,
    /// The last entry that the snapshot holds.
    pub snapshot: Option<u64>,
    /// The first and the last entry that the log holds beside it.
    pub entries: Option<(u64, u64)>,
    /// The queues and the number of their messages, when all that the log holds is applied.
    pub queues: Vec<(QueueKey, u64)>,
    /// The bytes of the contents of all messages.
    pub content_bytes: u64,
    /// What is not as it was written, or missing.
    pub problems: Vec<StoredProblem>,
}

/// What is wrong with a group on the disk.
#[derive(Debug, thiserror::Error)]
pub enum StoredProblem {
    /// Entries cannot be read any more that others may count on.
    #[error("the log ends with entry {}, but went on to entry {last}", shown(*whole))]
    EntriesLost {
        /// The last one before the gap.
        whole: Option<u64>,
        /// The last one there was.
        last: u64,
    },
    /// An earlier life of the node lost entries and has not got them back.
    #[error(
        "the node has lost entries up to {0} before, and does not vote until it has them again"
    )]
    Owes(u64),
    /// Without it, nobody knows what the purged entries did.
    #[error("the snapshot cannot be used: {0}")]
    Snapshot(String),
    /// An entry that is no entry.
    #[error("entry {index} cannot be read: {reason}")]
    Entry {
        /// Which one.
        index: u64,
        /// What is wrong.
        reason: String,
    },
    /// A message whose body or attributes cannot be read.
    #[error("the content of a message cannot be read (byte {offset} of entry {index}): {reason}")]
    Content {
        /// The entry that the content came with.
        index: u64,
        /// Where in it.
        offset: u32,
        /// What is wrong.
        reason: String,
    },
    /// A vote, a note or a purge that is none.
    #[error("what the log tells of the group cannot be read: {0}")]
    Head(#[from] DecodeError),
}

fn shown(index: Option<u64>) -> String {
    index.map_or_else(|| "none".to_owned(), |index| index.to_string())
}

impl StoredGroup {
    /// Reads all that a group keeps. `progress` counts what is read beside the log itself.
    pub async fn read<W: World>(
        world: &W,
        log: &StoppedLog<W>,
        group: GroupId,
        snapshots: &Path,
        progress: &Progress,
    ) -> StoredGroup {
        let mut stored = StoredGroup::default();
        let purged = match stored.read_head(log, group) {
            Ok(purged) => purged,
            Err(error) => {
                stored.problems.push(error.into());
                return stored;
            }
        };
        let applied = match checkpoints::peek(world, group, snapshots, progress).await {
            Ok(applied) => applied,
            Err(error) => return stored.without_snapshot(error.to_string()),
        };
        let snapshot = applied.as_ref().and_then(|applied| applied.last_applied);
        stored.snapshot = snapshot.map(|last| last.index);
        let mut applied = applied.unwrap_or_default();
        if applied.last_applied.map(|last| last.index) < purged.map(|purged| purged.index) {
            let what = match stored.snapshot {
                Some(_) => "it is older than the log, which begins behind it",
                None => "it is missing, and the log begins behind it",
            };
            return stored.without_snapshot(what.to_owned());
        }
        stored.apply_entries(log, group, &mut applied).await;
        let queues = applied.state.queues().map(|(key, described)| {
            let messages = described.visible + described.in_flight + described.delayed;
            (key.clone(), messages)
        });
        stored.queues = queues.collect();
        stored.read_contents(log, group, &applied, progress).await;
        stored
    }

    fn without_snapshot(mut self, reason: String) -> StoredGroup {
        self.problems.push(StoredProblem::Snapshot(reason));
        self
    }

    /// Takes over what the log tells of the group, and returns the last purged entry.
    fn read_head<W: World>(
        &mut self,
        log: &StoppedLog<W>,
        group: GroupId,
    ) -> Result<Option<LogId>, DecodeError> {
        let Some(recovered) = log.recovered.groups.get(&group) else {
            return Ok(None);
        };
        if let Some(vote) = &recovered.vote {
            let vote: Vote = codec::decode(vote)?;
            let candidate = vote.leader_id();
            self.vote = Some((candidate.term, candidate.voted_for));
        }
        let first = recovered.entries.front().map(|entry| entry.index);
        let last = recovered.entries.back().map(|entry| entry.index);
        self.entries = first.zip(last);
        let purged = recovered.purged.as_ref();
        let purged = purged.map(|(_, purged)| codec::decode::<LogId>(purged));
        let purged = purged.transpose()?;
        if let Some(EntryId { index, .. }) = recovered.lost {
            self.problems.push(StoredProblem::EntriesLost {
                whole: last.or(purged.map(|purged| purged.index)),
                last: index,
            });
        }
        if let Some(note) = &recovered.note
            && let Some(until) = codec::decode::<Option<LogId>>(note)?
        {
            self.problems.push(StoredProblem::Owes(until.index));
        }
        Ok(purged)
    }

    /// Applies what lies behind the snapshot, as if all of it were committed.
    async fn apply_entries<W: World>(
        &mut self,
        log: &StoppedLog<W>,
        group: GroupId,
        applied: &mut AppliedState,
    ) {
        let Some((first, last)) = self.entries else {
            return;
        };
        let mut next = first;
        while next <= last {
            let read = log.read_entries(group, next, last + 1, READ_BYTES).await;
            let entries = match read {
                Ok(entries) => entries,
                Err(error) => return self.unreadable_entry(next, &error),
            };
            for read in entries {
                next = read.index + 1;
                let decoded = entry::from_record(read.term, read.index, read.payload);
                let done = decoded.and_then(|entry| match entry.payload {
                    EntryPayload::Normal(payload) => apply(applied, read.index, &payload),
                    EntryPayload::Blank | EntryPayload::Membership(_) => Ok(()),
                });
                if let Err(error) = done {
                    return self.unreadable_entry(read.index, &error);
                }
            }
        }
    }

    fn unreadable_entry(&mut self, index: u64, reason: &impl ToString) {
        let reason = reason.to_string();
        self.problems.push(StoredProblem::Entry { index, reason });
    }

    async fn read_contents<W: World>(
        &mut self,
        log: &StoppedLog<W>,
        group: GroupId,
        applied: &AppliedState,
        progress: &Progress,
    ) {
        let places = entry::in_log_order(applied.state.content_places());
        let bytes = places.iter().map(|place| u64::from(place.length));
        self.content_bytes = bytes.sum();
        progress.add_total(self.content_bytes);
        for of_one_entry in places.chunk_by(|one, next| one.index == next.index) {
            let parts: Vec<_> = of_one_entry.iter().copied().map(entry::part_at).collect();
            let read = log.read_parts(group, &parts).await;
            for (place, read) in of_one_entry.iter().zip(read) {
                progress.add_done(place.length.into());
                if let Err(reason) = entry::whole_content(read) {
                    self.problems.push(StoredProblem::Content {
                        index: place.index,
                        offset: place.offset,
                        reason,
                    });
                }
            }
        }
    }
}

/// Applies an entry, but for those that the snapshot holds already.
fn apply(
    applied: &mut AppliedState,
    index: u64,
    payload: &Payload,
) -> Result<(), entry::EntryError> {
    if applied.last_applied.is_none_or(|last| last.index < index) {
        let (batch, contents) = entry::decode_batch(payload, index)?;
        applied.state.apply(&batch, &contents);
    }
    Ok(())
}
