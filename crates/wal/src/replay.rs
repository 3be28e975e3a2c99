//! Records in, the state of each group's log out: what recovery tells and what the writer must
//! carry from segment to segment.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::record::{GroupId, Record};
use crate::segment::SegmentId;
use crate::write::Top;

/// What the log held when it was opened.
#[derive(Debug, Default)]
pub struct Recovered {
    /// By group. A group that never wrote is not there.
    pub groups: BTreeMap<GroupId, RecoveredGroup>,
    /// Writes that were durable and cannot be read whole any more. What was in them that is still
    /// wanted is either in [`RecoveredGroup::lost`], or something that was kept of purged entries.
    pub damage: Vec<DamagedWrite>,
}

/// Where a write began of which something cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamagedWrite {
    /// The segment.
    pub segment: SegmentId,
    /// Where in it, in bytes.
    pub offset: u64,
}

/// The log of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveredGroup {
    /// The latest vote.
    pub vote: Option<Bytes>,
    /// The latest note.
    pub note: Option<Bytes>,
    /// The latest purge: index and payload.
    pub purged: Option<(u64, Bytes)>,
    /// What is neither purged nor truncated, without gaps.
    pub entries: VecDeque<EntryId>,
    /// The last entry that this log held, if it is not the last of `entries`: what lies between
    /// cannot be read any more. It was durable, so others may have been told that it is.
    pub lost: Option<EntryId>,
    /// The last entry, as the writes tell it.
    top: Option<EntryId>,
}

/// Names an entry of a group's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId {
    /// Raft's term.
    pub term: u64,
    /// Raft's index.
    pub index: u64,
}

/// One entry of a group's log, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredEntry {
    /// Raft's term.
    pub term: u64,
    /// Raft's index.
    pub index: u64,
    /// As it was appended.
    pub payload: Bytes,
}

impl RecoveredGroup {
    /// Takes one record into account. Replaying a record twice in a row is replaying it once.
    pub(crate) fn replay(&mut self, record: &Record) {
        match record {
            Record::Entry { term, index, .. } => {
                self.truncate_from(*index);
                let (term, index) = (*term, *index);
                self.entries.push_back(EntryId { term, index });
            }
            Record::Vote { payload, .. } => self.vote = Some(payload.clone()),
            Record::Note { payload, .. } => self.note = Some(payload.clone()),
            Record::TruncateAfter { index, .. } => {
                self.truncate_from(index.map_or(0, |index| index + 1));
                self.top = None;
            }
            Record::PurgeThrough { index, payload, .. } => {
                while let Some(first) = self.entries.front()
                    && first.index <= *index
                {
                    self.entries.pop_front();
                }
                self.purged = Some((*index, payload.clone()));
            }
            Record::Kept { .. } => {}
        }
    }

    /// Takes into account what a write says of the last entry in it.
    pub(crate) fn note_top(&mut self, top: Top) {
        let (term, index) = (top.term, top.index);
        self.top = Some(EntryId { term, index });
    }

    fn truncate_from(&mut self, index: u64) {
        while let Some(last) = self.entries.back()
            && last.index >= index
        {
            self.entries.pop_back();
        }
    }

    /// Cuts the log before the first entry that is missing, when all is replayed. Segments whose
    /// entries are all purged may be gone, so there may be gaps below what is purged.
    pub(crate) fn finish(&mut self) {
        let purged = self.purged.as_ref().map(|(index, _)| *index);
        while let Some(first) = self.entries.front()
            && Some(first.index) <= purged
        {
            self.entries.pop_front();
        }
        let mut expected = purged.map_or(0, |purged| purged + 1);
        let is_next = |entry: &&EntryId| {
            let is_next = entry.index == expected;
            expected += 1;
            is_next
        };
        let whole = self.entries.iter().take_while(is_next).count();
        let beyond = self.entries.split_off(whole);
        let end = self.entries.back().map(|last| last.index).or(purged);
        self.lost = [self.top, beyond.back().copied()]
            .into_iter()
            .flatten()
            .filter(|last| Some(last.index) > end)
            .max_by_key(|last| last.index);
    }
}

impl Record {
    pub(crate) fn group(&self) -> GroupId {
        match self {
            Record::Entry { group, .. }
            | Record::Vote { group, .. }
            | Record::TruncateAfter { group, .. }
            | Record::PurgeThrough { group, .. }
            | Record::Note { group, .. }
            | Record::Kept { group, .. } => *group,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId(1);

    fn entry(term: u64, index: u64) -> Record {
        Record::Entry {
            group: GROUP,
            term,
            index,
            payload: Bytes::new(),
        }
    }

    fn purge(index: u64) -> Record {
        Record::PurgeThrough {
            group: GROUP,
            index,
            payload: Bytes::new(),
        }
    }

    fn finished(records: &[Record], top: Option<(u64, u64)>) -> (Vec<u64>, Option<u64>) {
        let mut log = RecoveredGroup::default();
        for record in records {
            log.replay(record);
        }
        if let Some((term, index)) = top {
            let group = GROUP;
            log.note_top(Top { group, term, index });
        }
        log.finish();
        let indexes = log.entries.iter().map(|entry| entry.index).collect();
        (indexes, log.lost.map(|lost| lost.index))
    }

    #[test]
    fn a_log_is_cut_before_the_first_entry_that_is_missing() {
        let records = [entry(1, 0), entry(1, 1), entry(1, 3), entry(1, 4)];
        assert_eq!(finished(&records, Some((1, 4))), (vec![0, 1], Some(4)));
        assert_eq!(finished(&records[1..2], None), (vec![], Some(1)));
    }

    #[test]
    fn the_last_entries_are_missed_if_a_write_tells_of_them() {
        let records = [entry(1, 0), entry(1, 1)];
        assert_eq!(finished(&records, Some((1, 3))), (vec![0, 1], Some(3)));
        assert_eq!(finished(&records, Some((1, 1))), (vec![0, 1], None));
    }

    #[test]
    fn what_is_purged_is_not_missed() {
        let records = [entry(1, 0), entry(1, 7), entry(1, 8), purge(6)];
        assert_eq!(finished(&records, None), (vec![7, 8], None));
        // A snapshot that is ahead of the log.
        assert_eq!(finished(&[entry(1, 0), purge(9)], None), (vec![], None));
    }

    #[test]
    fn an_entry_takes_the_place_of_those_from_its_index_on() {
        let records = [entry(1, 0), entry(1, 1), entry(1, 2), entry(2, 1)];
        assert_eq!(finished(&records, Some((2, 1))), (vec![0, 1], None));
    }

    #[test]
    fn what_was_truncated_is_not_missed() {
        let mut log = RecoveredGroup::default();
        log.replay(&entry(1, 0));
        log.replay(&entry(1, 1));
        let (group, term, index) = (GROUP, 1, 1);
        log.note_top(Top { group, term, index });
        let index = Some(0);
        log.replay(&Record::TruncateAfter { group, index });
        log.finish();
        assert_eq!((log.entries.len(), log.lost), (1, None));
    }
}
