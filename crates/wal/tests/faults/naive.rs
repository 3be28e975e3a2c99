//! What a log should hold, by the plainest means, and what it does hold.

use std::collections::BTreeMap;

use bytes::Bytes;
use zonemq_wal::{GroupId, Part, PartPlace, ReadError, Record, Recovered, Wal};

/// What one group's log should hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Naive {
    pub(crate) vote: Option<Bytes>,
    pub(crate) note: Option<Bytes>,
    pub(crate) purged: Option<(u64, Bytes)>,
    pub(crate) entries: BTreeMap<u64, (u64, Bytes)>,
}

pub(crate) type Groups = BTreeMap<GroupId, Naive>;

pub(crate) fn apply(groups: &mut Groups, record: &Record) {
    match record.clone() {
        Record::Entry {
            group,
            term,
            index,
            payload,
        } => {
            let log = groups.entry(group).or_default();
            log.entries.insert(index, (term, payload));
        }
        Record::Vote { group, payload } => groups.entry(group).or_default().vote = Some(payload),
        Record::Note { group, payload } => groups.entry(group).or_default().note = Some(payload),
        Record::TruncateAfter { group, index } => {
            let log = groups.entry(group).or_default();
            log.entries.retain(|at, _| Some(*at) <= index);
        }
        Record::PurgeThrough {
            group,
            index,
            payload,
        } => {
            let log = groups.entry(group).or_default();
            log.entries.retain(|at, _| *at > index);
            log.purged = Some((index, payload));
        }
        Record::Kept { .. } => {}
    }
}

/// Groups that hold nothing are as if they were not there.
pub(crate) fn without_empty(groups: &Groups) -> Groups {
    let groups = groups.clone().into_iter();
    groups.filter(|(_, log)| *log != Naive::default()).collect()
}

/// What was recovered, with all entries read again.
pub(crate) async fn held(wal: &Wal, recovered: &Recovered) -> Result<Groups, ReadError> {
    let mut groups = Groups::new();
    for (group, log) in &recovered.groups {
        let mut naive = Naive {
            vote: log.vote.clone(),
            note: log.note.clone(),
            purged: log.purged.clone(),
            entries: BTreeMap::new(),
        };
        let (mut next, until) = match (log.entries.front(), log.entries.back()) {
            (Some(first), Some(last)) => (first.index, last.index + 1),
            _ => (0, 0),
        };
        while next < until {
            for entry in wal.read_entries(*group, next, until, 1_000).await? {
                assert_eq!(entry.index, next, "entries are read in order");
                naive.entries.insert(next, (entry.term, entry.payload));
                next += 1;
            }
        }
        let ids: Vec<_> = log.entries.iter().map(|id| (id.index, id.term)).collect();
        let read: Vec<_> = naive
            .entries
            .iter()
            .map(|(at, (term, _))| (*at, *term))
            .collect();
        assert_eq!(read, ids, "the terms are those that were recovered");
        groups.insert(*group, naive);
    }
    Ok(without_empty(&groups))
}

/// The parts of an entry that were kept, as they are read.
pub(crate) async fn kept(
    wal: &Wal,
    group: GroupId,
    index: u64,
    parts: &[Part],
) -> Vec<Result<Bytes, ReadError>> {
    let place = |part: &Part| PartPlace {
        index,
        offset: part.offset,
        length: u32::try_from(part.bytes.len()).expect("a short part"),
    };
    let places = parts.iter().map(place).collect();
    wal.read_parts(group, places)
        .await
        .expect("the log is open")
}
