//! A log of fifty records of all kinds, in several segments: what the exhaustive tests break.

use std::collections::BTreeMap;

use bytes::Bytes;
use zonemq_wal::{GroupId, Live, Options, Part, Record, Wal};

use crate::naive::{Groups, apply};

pub(crate) const GROUP: GroupId = GroupId(0);
const OTHER: GroupId = GroupId(3);

pub(crate) fn options() -> Options {
    Options {
        segment_bytes: 4096 + 5 * 1024,
        progress: zonemq_wal::Progress::default(),
        directory: "log".into(),
    }
}

/// A step of the story.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// One append, and the wait until it is durable.
    Append(Vec<Record>),
    /// Segments go in which nothing is wanted but what was kept.
    Retire { through: u64 },
}

fn entry(group: GroupId, term: u64, index: u64, payload: &[u8]) -> Record {
    Record::Entry {
        group,
        term,
        index,
        payload: Bytes::copy_from_slice(payload),
    }
}

fn vote(group: GroupId, text: &'static str) -> Record {
    Record::Vote {
        group,
        payload: text.into(),
    }
}

fn note(text: &'static str) -> Record {
    Record::Note {
        group: GROUP,
        payload: text.into(),
    }
}

fn purge(group: GroupId, index: u64) -> Record {
    Record::PurgeThrough {
        group,
        index,
        payload: format!("purged {index}").into(),
    }
}

/// What is kept of entry 2: it is read as long as the log lives.
pub(crate) fn kept_parts() -> Vec<Part> {
    let part = |offset, bytes: &'static [u8]| Part {
        offset,
        bytes: Bytes::from_static(bytes),
    };
    vec![part(4, b"the first part"), part(700, b"another one")]
}

/// Payloads that are hard to tell from something else: sectors of zeros, and the bytes with which
/// a write ends.
fn hard_payloads() -> [Vec<u8>; 3] {
    let mut end = b"\xe7zq-end\xe7".repeat(40);
    end.truncate(320 - 48);
    let mut in_the_middle = vec![0; 1_300];
    in_the_middle[600] = 1;
    [vec![0; 1_200], end, in_the_middle]
}

/// The whole story.
pub(crate) fn steps() -> Vec<Step> {
    let [zeros, ends, nearly_zeros] = hard_payloads();
    let mut steps = vec![
        Step::Append(vec![vote(GROUP, "n1 in 1"), entry(GROUP, 1, 0, b"")]),
        Step::Append(vec![
            entry(GROUP, 1, 1, &zeros),
            entry(OTHER, 1, 0, b"other"),
        ]),
        Step::Append(vec![entry(GROUP, 1, 2, &[b'x'; 900])]),
        Step::Append(vec![note("remember this")]),
        Step::Append(
            (3..9)
                .map(|index| entry(GROUP, 1, index, b"small"))
                .collect(),
        ),
        Step::Append(vec![vote(GROUP, "n2 in 2"), vote(OTHER, "n3 in 2")]),
        Step::Append(vec![Record::TruncateAfter {
            group: GROUP,
            index: Some(6),
        }]),
        Step::Append(vec![
            entry(GROUP, 2, 7, &ends),
            entry(GROUP, 2, 8, &nearly_zeros),
        ]),
        Step::Append(vec![purge(GROUP, 3)]),
        Step::Append(vec![Record::TruncateAfter {
            group: OTHER,
            index: None,
        }]),
    ];
    for index in 9..16_u64 {
        steps.push(Step::Append(vec![entry(
            GROUP,
            2,
            index,
            &[index.to_le_bytes()[0]; 500],
        )]));
    }
    steps.extend([
        Step::Append(vec![Record::Kept {
            group: GROUP,
            index: 2,
            parts: kept_parts(),
        }]),
        Step::Append(vec![entry(OTHER, 2, 0, b"begun anew"), purge(OTHER, 0)]),
        Step::Append(vec![purge(GROUP, 10)]),
        Step::Retire { through: 10 },
        Step::Append(vec![note("remember that")]),
    ]);
    for index in 16..24 {
        let records = vec![entry(GROUP, 3, index, &[b'y'; 350]), vote(OTHER, "n1 in 5")];
        steps.push(Step::Append(records));
    }
    steps.push(Step::Append(vec![
        entry(GROUP, 3, 24, b"the last"),
        vote(GROUP, "n3 in 9"),
    ]));
    steps
}

/// What the log holds after each append: first nothing.
pub(crate) fn states(steps: &[Step]) -> Vec<Groups> {
    let mut states = vec![Groups::new()];
    for step in steps {
        if let Step::Append(records) = step {
            let mut next = states.last().expect("there is always one").clone();
            for record in records {
                apply(&mut next, record);
            }
            states.push(next);
        }
    }
    states
}

/// Tells the story to a log; returns how many appends were acknowledged before one was refused.
pub(crate) async fn play(wal: &Wal, steps: &[Step]) -> usize {
    let mut acknowledged = 0_usize;
    let mut refused = false;
    for step in steps {
        match step {
            Step::Append(records) => {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                let done = Box::new(|result| drop(sender.send(result)));
                // Every other one is written in place.
                if acknowledged.is_multiple_of(2) {
                    wal.append_alone(records.clone(), done);
                } else {
                    wal.append(records.clone(), done);
                }
                let result = receiver.await.expect("every append is answered");
                assert!(
                    !(refused && result.is_ok()),
                    "nothing is acknowledged after a failure"
                );
                refused |= result.is_err();
                acknowledged += usize::from(!refused);
            }
            Step::Retire { through } => retire(wal, *through),
        }
    }
    acknowledged
}

/// Nothing is wanted of purged entries but what was kept of entry 2.
fn retire(wal: &Wal, through: u64) {
    let kept = wal.segment_of(GROUP, 2);
    for group in [GROUP, OTHER] {
        let live = Live {
            through,
            before: wal.current_segment(),
            bytes: kept
                .map(|segment| (segment, 1))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        };
        wal.retire(group, live);
    }
}
