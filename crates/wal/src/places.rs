//! Where in the segments each entry lies: what is kept in memory of all that is on the disk.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::record::{GroupId, Record, Seed};
use crate::segment::SegmentId;
use crate::summary::{GroupSummary, Summary};

/// A segment that can be read from.
pub(crate) struct Readable<F> {
    pub(crate) file: F,
    pub(crate) seed: Seed,
}

/// A segment, and what is known of it.
struct Segment<F> {
    readable: Arc<Readable<F>>,
    /// The bytes of all entries and parts in it.
    payload_bytes: u64,
    /// The highest index of each group that has entries in it, or parts of entries.
    last_indexes: BTreeMap<GroupId, u64>,
}

/// A record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u32,
}

/// What there is of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// All of it.
    Entry(Spot),
    /// The parts that were still wanted.
    Kept(Spot),
}

impl Place {
    pub(crate) fn spot(self) -> Spot {
        match self {
            Place::Entry(spot) | Place::Kept(spot) => spot,
        }
    }
}

/// A segment that will not be written any more, as one group sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    /// Which.
    pub id: SegmentId,
    /// The bytes of all entries and parts in it, those of other groups too.
    pub payload_bytes: u64,
    /// The highest index that the group has in it.
    pub last_index: u64,
}

/// Entries that follow each other in one segment: four bytes for each.
#[derive(Debug)]
struct Run {
    segment: SegmentId,
    offsets: Vec<u32>,
}

#[derive(Debug, Default)]
struct GroupPlaces {
    /// By the index of their first entry. They do not overlap.
    runs: BTreeMap<u64, Run>,
    kept: BTreeMap<u64, Spot>,
}

/// All segments, and what lies where in them.
pub(crate) struct Places<F> {
    segments: BTreeMap<SegmentId, Segment<F>>,
    groups: BTreeMap<GroupId, GroupPlaces>,
}

impl<F> Default for Places<F> {
    fn default() -> Self {
        Places {
            segments: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }
}

impl<F> fmt::Debug for Places<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.segments.keys();
        f.debug_set().entries(segments).finish()
    }
}

impl<F> Places<F> {
    pub(crate) fn add_segment(&mut self, id: SegmentId, readable: Arc<Readable<F>>) {
        let segment = Segment {
            readable,
            payload_bytes: 0,
            last_indexes: BTreeMap::new(),
        };
        self.segments.insert(id, segment);
    }

    pub(crate) fn segment(&self, id: SegmentId) -> Option<Arc<Readable<F>>> {
        let segment = self.segments.get(&id)?;
        Some(segment.readable.clone())
    }

    /// The highest index of each group that has anything in a segment.
    pub(crate) fn last_indexes(&self, id: SegmentId) -> Option<&BTreeMap<GroupId, u64>> {
        let segment = self.segments.get(&id)?;
        Some(&segment.last_indexes)
    }

    /// The segments in which a group has anything, but for the current one.
    pub(crate) fn sealed(&self, group: GroupId) -> Vec<SealedSegment> {
        let current = self.current();
        let sealed = self.segments.range(..current);
        let sealed = sealed.filter_map(|(id, segment)| {
            Some(SealedSegment {
                id: *id,
                payload_bytes: segment.payload_bytes,
                last_index: *segment.last_indexes.get(&group)?,
            })
        });
        sealed.collect()
    }

    /// The segment that is written.
    pub(crate) fn current(&self) -> SegmentId {
        let last = self.segments.last_key_value();
        last.map_or(SegmentId(0), |(id, _)| *id)
    }

    /// Notes a record that lies at an offset of a segment.
    pub(crate) fn note(&mut self, record: &Record, segment: SegmentId, offset: usize) {
        if let (Some((group, index, bytes)), Some(segment)) =
            (payload_of(record), self.segments.get_mut(&segment))
        {
            segment.payload_bytes += bytes as u64;
            let last = segment.last_indexes.entry(group).or_default();
            *last = (*last).max(index);
        }
        // A segment is at most as long as its one write that is longer than it should be.
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        match record {
            Record::Entry { group, index, .. } => {
                let group = self.groups.entry(*group).or_default();
                group.truncate_from(*index);
                group.kept.remove(index);
                group.push(*index, segment, offset);
            }
            Record::TruncateAfter { group, index } => {
                let group = self.groups.entry(*group).or_default();
                group.truncate_from(index.map_or(0, |index| index + 1));
            }
            Record::Kept { group, index, .. } => {
                let group = self.groups.entry(*group).or_default();
                group.kept.insert(*index, Spot { segment, offset });
            }
            Record::Vote { .. } | Record::Note { .. } | Record::PurgeThrough { .. } => {}
        }
    }

    /// What lies in a segment that is full: it is `length` bytes long and written up to `end`.
    pub(crate) fn summarize(&self, id: SegmentId, length: u64, end: u64) -> Option<Summary> {
        let segment = self.segments.get(&id)?;
        let mut groups = BTreeMap::new();
        for (group, last_index) in &segment.last_indexes {
            let places = self.groups.get(group)?;
            let runs = places.runs.iter().filter(|(_, run)| run.segment == id);
            let kept = places.kept.iter().filter(|(_, spot)| spot.segment == id);
            let summary = GroupSummary {
                last_index: *last_index,
                runs: runs
                    .map(|(first, run)| (*first, run.offsets.clone()))
                    .collect(),
                kept: kept.map(|(index, spot)| (*index, spot.offset)).collect(),
            };
            groups.insert(*group, summary);
        }
        Some(Summary {
            length,
            end,
            payload_bytes: segment.payload_bytes,
            groups,
        })
    }

    /// Notes all that lies in a segment, which was added last.
    pub(crate) fn note_summary(&mut self, id: SegmentId, summary: Summary) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        segment.payload_bytes = summary.payload_bytes;
        for (group, summary) in summary.groups {
            segment.last_indexes.insert(group, summary.last_index);
            let group = self.groups.entry(group).or_default();
            for (first, offsets) in summary.runs {
                group.truncate_from(first);
                let last = first + offsets.len() as u64;
                group.kept.retain(|index, _| !(first..last).contains(index));
                let segment = id;
                group.runs.insert(first, Run { segment, offsets });
            }
            for (index, offset) in summary.kept {
                let segment = id;
                group.kept.insert(index, Spot { segment, offset });
            }
        }
    }

    /// Forgets segments and all that lies in them.
    pub(crate) fn forget(&mut self, segments: &[SegmentId]) {
        for id in segments {
            self.segments.remove(id);
        }
        for group in self.groups.values_mut() {
            group.runs.retain(|_, run| !segments.contains(&run.segment));
            group
                .kept
                .retain(|_, spot| !segments.contains(&spot.segment));
        }
    }

    /// Where an entry lies, or what was kept of it.
    pub(crate) fn locate(&self, group: GroupId, index: u64) -> Option<Place> {
        if let Some(spot) = self.groups.get(&group)?.kept.get(&index) {
            return Some(Place::Kept(*spot));
        }
        self.locate_entry(group, index).map(Place::Entry)
    }

    /// Where an entry lies, whatever was kept of it beside: parts may come with a snapshot that is
    /// then not installed, and the log goes on.
    pub(crate) fn locate_entry(&self, group: GroupId, index: u64) -> Option<Spot> {
        let group = self.groups.get(&group)?;
        let (first, run) = group.runs.range(..=index).next_back()?;
        let at = usize::try_from(index - first).ok()?;
        let offset = *run.offsets.get(at)?;
        Some(Spot {
            segment: run.segment,
            offset,
        })
    }
}

fn payload_of(record: &Record) -> Option<(GroupId, u64, usize)> {
    match record {
        Record::Entry {
            group,
            index,
            payload,
            ..
        } => Some((*group, *index, payload.len())),
        Record::Kept {
            group,
            index,
            parts,
        } => {
            let bytes = parts.iter().map(|part| part.bytes.len()).sum();
            Some((*group, *index, bytes))
        }
        Record::Vote { .. }
        | Record::Note { .. }
        | Record::TruncateAfter { .. }
        | Record::PurgeThrough { .. } => None,
    }
}

impl GroupPlaces {
    fn push(&mut self, index: u64, segment: SegmentId, offset: u32) {
        if let Some((first, run)) = self
            .runs
            .last_entry()
            .map(|last| (*last.key(), last.into_mut()))
            && run.segment == segment
            && first + run.offsets.len() as u64 == index
        {
            run.offsets.push(offset);
            return;
        }
        let offsets = vec![offset];
        self.runs.insert(index, Run { segment, offsets });
    }

    fn truncate_from(&mut self, index: u64) {
        while let Some(mut last) = self.runs.last_entry() {
            let first = *last.key();
            if first < index {
                let stay = usize::try_from(index - first).unwrap_or(usize::MAX);
                last.get_mut().offsets.truncate(stay);
                return;
            }
            last.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const GROUP: GroupId = GroupId(1);

    fn places(records: &[(u64, usize)]) -> Places<()> {
        let mut places = Places::default();
        for (index, offset) in records {
            note(&mut places, *index, *index / 10, *offset);
        }
        places
    }

    fn note(places: &mut Places<()>, index: u64, segment: u64, offset: usize) {
        let record = Record::Entry {
            group: GROUP,
            term: 1,
            index,
            payload: Bytes::new(),
        };
        places.note(&record, SegmentId(segment), offset);
    }

    fn found(places: &Places<()>, index: u64) -> Option<(u64, u32)> {
        let spot = places.locate(GROUP, index)?.spot();
        Some((spot.segment.0, spot.offset))
    }

    #[test]
    fn entries_are_found_in_the_segment_that_holds_them() {
        let places = places(&[(8, 100), (9, 200), (10, 50), (11, 60)]);
        assert_eq!(found(&places, 9), Some((0, 200)));
        assert_eq!(found(&places, 10), Some((1, 50)));
        assert_eq!(found(&places, 7), None);
        assert_eq!(found(&places, 12), None);
    }

    #[test]
    fn a_truncated_entry_is_found_where_it_was_written_again() {
        let mut places = places(&[(8, 100), (9, 200), (10, 50)]);
        let truncate = Record::TruncateAfter {
            group: GROUP,
            index: Some(8),
        };
        places.note(&truncate, SegmentId(1), 0);
        assert_eq!(found(&places, 9), None);
        note(&mut places, 9, 1, 70);
        assert_eq!(found(&places, 9), Some((1, 70)));
        assert_eq!(found(&places, 10), None);
    }

    #[test]
    fn what_was_kept_takes_the_place_of_the_entry() {
        let mut places = places(&[(8, 100), (10, 50)]);
        let kept = Record::Kept {
            group: GROUP,
            index: 8,
            parts: Vec::new(),
        };
        places.note(&kept, SegmentId(1), 90);
        places.forget(&[SegmentId(0)]);
        let spot = Spot {
            segment: SegmentId(1),
            offset: 90,
        };
        assert_eq!(places.locate(GROUP, 8), Some(Place::Kept(spot)));
        places.forget(&[SegmentId(1)]);
        assert_eq!(places.locate(GROUP, 8), None);
        assert_eq!(places.locate(GROUP, 10), None);
    }
}
