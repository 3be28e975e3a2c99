//! Records in, the state of each group's log out: what recovery tells and what the writer must
//! carry from segment to segment.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::record::{GroupId, Record};

/// What the log held when it was opened.
#[derive(Debug, Default)]
pub struct Recovered {
    /// By group. A group that never wrote is not there.
    pub groups: BTreeMap<GroupId, RecoveredGroup>,
}

/// The log of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveredGroup {
    /// The latest vote.
    pub vote: Option<Bytes>,
    /// The latest purge: index and payload.
    pub purged: Option<(u64, Bytes)>,
    /// What is neither purged nor truncated, without gaps.
    pub entries: VecDeque<RecoveredEntry>,
}

/// One entry of a group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredEntry {
    /// Raft's term.
    pub term: u64,
    /// Raft's index.
    pub index: u64,
    /// As it was appended.
    pub payload: Bytes,
}

/// An entry does not follow the one before it in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) group: GroupId,
    pub(crate) expected: u64,
    pub(crate) found: u64,
}

impl Gap {
    fn check(group: GroupId, expected: u64, found: u64) -> Result<(), Gap> {
        if expected == found {
            Ok(())
        } else {
            Err(Gap {
                group,
                expected,
                found,
            })
        }
    }
}

impl RecoveredGroup {
    /// Nothing is missing between what is purged and the first entry. Holds when all is replayed,
    /// not before: a later record may purge what an earlier, removed segment held.
    pub(crate) fn check_whole(&self, group: GroupId) -> Result<(), Gap> {
        match (&self.purged, self.entries.front()) {
            (Some((purged, _)), Some(first)) => Gap::check(group, purged + 1, first.index),
            _ => Ok(()),
        }
    }

    /// Takes one record into account.
    pub(crate) fn replay(&mut self, record: Record) -> Result<(), Gap> {
        match record {
            Record::Entry {
                group,
                term,
                index,
                payload,
            } => {
                if let Some(last) = self.entries.back() {
                    Gap::check(group, last.index + 1, index)?;
                }
                if self
                    .purged
                    .as_ref()
                    .is_none_or(|(purged, _)| index > *purged)
                {
                    self.entries.push_back(RecoveredEntry {
                        term,
                        index,
                        payload,
                    });
                }
            }
            Record::Vote { payload, .. } => self.vote = Some(payload),
            Record::TruncateAfter { index, .. } => {
                while let Some(last) = self.entries.back()
                    && index.is_none_or(|index| last.index > index)
                {
                    self.entries.pop_back();
                }
            }
            Record::PurgeThrough { index, payload, .. } => {
                while let Some(first) = self.entries.front()
                    && first.index <= index
                {
                    self.entries.pop_front();
                }
                self.purged = Some((index, payload));
            }
        }
        Ok(())
    }
}

impl Record {
    pub(crate) fn group(&self) -> GroupId {
        match self {
            Record::Entry { group, .. }
            | Record::Vote { group, .. }
            | Record::TruncateAfter { group, .. }
            | Record::PurgeThrough { group, .. } => *group,
        }
    }
}
