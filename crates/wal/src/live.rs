//! Which segments can go: those in which no group has anything that is wanted.

use std::collections::BTreeMap;

use crate::record::GroupId;
use crate::segment::SegmentId;

/// What of a group's log is wanted beside the entries that are not purged: the contents of
/// messages that its latest snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// It says nothing of entries behind this one.
    pub through: u64,
    /// It says nothing of this segment and of later ones.
    pub before: SegmentId,
    /// The bytes that are wanted in each segment; the others hold none.
    pub bytes: BTreeMap<SegmentId, u64>,
}

/// Whether all groups that have anything in a segment can do without it.
pub(crate) fn is_dead(
    segment: SegmentId,
    last_indexes: &BTreeMap<GroupId, u64>,
    live: &BTreeMap<GroupId, Live>,
    purged: impl Fn(GroupId) -> Option<u64>,
) -> bool {
    let is_dead_to = |(group, last): (&GroupId, &u64)| {
        let known = live.get(group);
        let is_dead = |live: &Live| {
            *last <= live.through
                && segment < live.before
                && live.bytes.get(&segment).is_none_or(|bytes| *bytes == 0)
        };
        known.is_some_and(is_dead) && Some(*last) <= purged(*group)
    };
    last_indexes.iter().all(is_dead_to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId(1);

    #[test]
    fn a_segment_goes_when_it_is_purged_known_and_holds_nothing_that_is_wanted() {
        let last = BTreeMap::from([(GROUP, 50)]);
        let dead = |live, purged| is_dead(SegmentId(4), &last, &live, |_| purged);
        let live = |through, before, bytes| {
            let live = Live {
                through,
                before: SegmentId(before),
                bytes: BTreeMap::from([(SegmentId(4), bytes)]),
            };
            BTreeMap::from([(GROUP, live)])
        };
        assert!(dead(live(50, 5, 0), Some(50)));
        assert!(!dead(live(50, 5, 1), Some(50)));
        assert!(!dead(live(49, 5, 0), Some(50)));
        assert!(!dead(live(50, 4, 0), Some(50)));
        assert!(!dead(live(50, 5, 0), Some(49)));
        assert!(!dead(live(50, 5, 0), None));
        assert!(!dead(BTreeMap::new(), Some(50)));
    }
}
