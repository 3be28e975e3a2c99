//! Contents of messages, each with the segment of the log in which it lies.

use zonemq_queue::message::ContentPlace;
use zonemq_wal::{GroupId, SegmentId, Wal};

/// Each place with its segment; without one where nothing of its entry is there.
///
/// Contents that came in one entry follow each other: the log is asked about it once, and not for
/// each of millions.
pub(crate) fn located(
    wal: &Wal,
    group: GroupId,
    places: impl Iterator<Item = ContentPlace>,
) -> impl Iterator<Item = (ContentPlace, Option<SegmentId>)> {
    let segment_of = move |index| wal.segment_of(group, index);
    once_for_each_entry(segment_of, places)
}

fn once_for_each_entry<S: Copy>(
    mut segment_of: impl FnMut(u64) -> S,
    places: impl Iterator<Item = ContentPlace>,
) -> impl Iterator<Item = (ContentPlace, S)> {
    let mut last: Option<(u64, S)> = None;
    places.map(move |place| {
        let segment = match last {
            Some((index, segment)) if index == place.index => segment,
            _ => segment_of(place.index),
        };
        last = Some((place.index, segment));
        (place, segment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_asked_once_about_contents_of_one_entry_that_follow_each_other() {
        let place = |index, offset| ContentPlace {
            index,
            offset,
            length: 10,
        };
        let places = [place(7, 0), place(7, 10), place(8, 0), place(7, 20)];
        let mut asked = Vec::new();
        let segment_of = |index| {
            asked.push(index);
            index / 8
        };
        let found: Vec<_> = once_for_each_entry(segment_of, places.into_iter()).collect();
        assert_eq!(found, places.map(|place| (place, place.index / 8)));
        assert_eq!(asked, [7, 8, 7]);
    }
}
