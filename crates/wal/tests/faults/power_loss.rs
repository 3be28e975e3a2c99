//! Whenever the power goes, and whatever part of the unsynced sectors is left: the log opens
//! again, holds everything that was acknowledged, and holds nothing that was not appended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use proptest::prelude::*;
use zonemq_wal::{GroupId, Options, Record, Recovered, Wal};
use zonemq_world::{Chance, World};

use crate::fake_world::{self, FakeWorld};
use crate::run;

const SEGMENT_BYTES: u64 = 12 * 1024;

fn options() -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        directory: "log".into(),
    }
}

/// What a group's log should hold, by the plainest means.
#[derive(Clone, Debug, Default, PartialEq)]
struct Naive {
    vote: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
    entries: BTreeMap<u64, (u64, Bytes)>,
}

type Groups = BTreeMap<GroupId, Naive>;

fn apply(groups: &mut Groups, record: &Record) {
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
    }
}

fn as_naive(recovered: Recovered) -> Groups {
    let groups = recovered.groups.into_iter().map(|(group, log)| {
        let entries = log.entries.into_iter();
        let naive = Naive {
            vote: log.vote,
            purged: log.purged,
            entries: entries
                .map(|entry| (entry.index, (entry.term, entry.payload)))
                .collect(),
        };
        (group, naive)
    });
    groups.filter(|(_, log)| *log != Naive::default()).collect()
}

/// A step of a story; each is one append.
#[derive(Clone, Debug)]
enum Step {
    Entries {
        group: u32,
        sizes: Vec<usize>,
    },
    Vote {
        group: u32,
    },
    Truncate {
        group: u32,
        back: u64,
    },
    TruncateAll {
        group: u32,
    },
    Purge {
        group: u32,
        back: u64,
    },
    /// Like a snapshot from the leader that is ahead of the log.
    PurgeBeyond {
        group: u32,
    },
    /// Waits until all appends before are durable.
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let group = 0..3_u32;
    let size = prop_oneof![5 => 0..200_usize, 2 => 200..3_000_usize, 1 => 3_000..14_000_usize];
    prop_oneof![
        10 => (group.clone(), prop::collection::vec(size, 1..4))
            .prop_map(|(group, sizes)| Step::Entries { group, sizes }),
        2 => group.clone().prop_map(|group| Step::Vote { group }),
        2 => (group.clone(), 0..4_u64).prop_map(|(group, back)| Step::Truncate { group, back }),
        1 => group.clone().prop_map(|group| Step::TruncateAll { group }),
        3 => (group.clone(), 0..4_u64).prop_map(|(group, back)| Step::Purge { group, back }),
        1 => group.prop_map(|group| Step::PurgeBeyond { group }),
        6 => Just(Step::Wait),
    ]
}

/// The records of a step, given what the logs hold.
fn records(step: &Step, groups: &Groups, dice: &impl Chance) -> Vec<Record> {
    let text = || Bytes::from(dice.next_u64().to_string());
    let bounds = |group: &GroupId| {
        let log = groups.get(group).cloned().unwrap_or_default();
        let purged = log.purged.map_or(0, |(index, _)| index);
        let last = log
            .entries
            .last_key_value()
            .map_or(purged, |(index, _)| *index);
        (purged, last)
    };
    match step {
        Step::Entries { group, sizes } => {
            let group = GroupId(*group);
            let (_, last) = bounds(&group);
            let entries = (last + 1..).zip(sizes).map(|(index, size)| Record::Entry {
                group,
                term: dice.next_u64(),
                index,
                payload: Bytes::from(vec![dice.next_u64().to_le_bytes()[0]; *size]),
            });
            entries.collect()
        }
        Step::Vote { group } => vec![Record::Vote {
            group: GroupId(*group),
            payload: text(),
        }],
        Step::Truncate { group, back } => {
            let group = GroupId(*group);
            let (purged, last) = bounds(&group);
            vec![Record::TruncateAfter {
                group,
                index: Some(last.saturating_sub(*back).max(purged)),
            }]
        }
        Step::TruncateAll { group } => vec![Record::TruncateAfter {
            group: GroupId(*group),
            index: None,
        }],
        Step::Purge { group, back } => {
            let group = GroupId(*group);
            let (purged, last) = bounds(&group);
            vec![Record::PurgeThrough {
                group,
                index: last.saturating_sub(*back).max(purged),
                payload: text(),
            }]
        }
        Step::PurgeBeyond { group } => {
            let group = GroupId(*group);
            let (_, last) = bounds(&group);
            vec![Record::PurgeThrough {
                group,
                index: last + 5,
                payload: text(),
            }]
        }
        Step::Wait => Vec::new(),
    }
}

/// Lives one life of the log until the power goes; returns what it may hold afterwards: the state
/// after each record, from the last that was acknowledged on.
async fn live(wal: &Wal, start: Groups, steps: &[Step], dice: &impl Chance) -> Vec<Groups> {
    let mut states = vec![start];
    let acknowledged = Arc::new(AtomicUsize::new(0));
    for step in steps {
        let now = states.last().expect("there is always one");
        let records = records(step, now, dice);
        for record in &records {
            let mut next = states.last().expect("there is always one").clone();
            apply(&mut next, record);
            states.push(next);
        }
        let count = states.len() - 1;
        let acknowledged = acknowledged.clone();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        wal.append(
            records,
            Box::new(move |result| {
                if result.is_ok() {
                    acknowledged.store(count, Ordering::SeqCst);
                }
                // Only a step that waits listens.
                let _ = sender.send(());
            }),
        );
        if matches!(step, Step::Wait) {
            receiver.await.expect("every append is answered");
        }
    }
    // The last answer comes after all others, be it that the power is off.
    let (sender, receiver) = tokio::sync::oneshot::channel();
    wal.append(
        Vec::new(),
        Box::new(|_| sender.send(()).expect("somebody waits")),
    );
    receiver.await.expect("every append is answered");
    states.split_off(acknowledged.load(Ordering::SeqCst))
}

async fn survive(seed: u64, lives: Vec<(u64, Vec<Step>)>) {
    let mut world = FakeWorld::new(seed);
    let dice = world.chance().clone();
    let mut possible = vec![Groups::new()];
    for (power_off_after, steps) in lives {
        let (wal, recovered) = match Wal::open(&world, options()).await {
            Ok(opened) => opened,
            Err(error) => panic!("what a crash leaves can be opened: {error}"),
        };
        let held = as_naive(recovered);
        let without_empty = |groups: &Groups| -> Groups {
            let groups = groups.clone().into_iter();
            groups.filter(|(_, log)| *log != Naive::default()).collect()
        };
        assert!(
            possible.iter().any(|state| without_empty(state) == held),
            "it holds {held:#?}, and might hold {possible:#?}"
        );
        world.fake_disk().power_off_after(power_off_after);
        possible = live(&wal, held, &steps, &dice).await;
        world
            .fake_disk()
            .lose_power(|| dice.next_u64().is_multiple_of(2));
        world = world.restarted();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_acknowledged_is_lost_when_the_power_goes(
        seed: u64,
        lives in prop::collection::vec(
            (prop_oneof![0..12_u64, 12..80_u64], prop::collection::vec(step(), 0..25)),
            1..6,
        ),
    ) {
        run(survive(seed, lives));
    }
}

fn entry(index: u64, payload: &[u8]) -> Record {
    Record::Entry {
        group: GroupId(0),
        term: 1,
        index,
        payload: Bytes::copy_from_slice(payload),
    }
}

async fn append(wal: &Wal, records: Vec<Record>) -> Result<(), zonemq_wal::WalFailed> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    wal.append(records, Box::new(|result| drop(sender.send(result))));
    receiver.await.expect("every append is answered")
}

/// A log with two entries that are durable, and one write that is not: its sync failed.
async fn with_an_unsynced_write() -> FakeWorld {
    let world = FakeWorld::new(1);
    let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
    append(&wal, vec![entry(1, b"one")]).await.expect("durable");
    append(&wal, vec![entry(2, b"two")]).await.expect("durable");
    // One operation more: the write, and no sync.
    world.fake_disk().power_off_after(1);
    // As long as 32 records without payload, header included.
    let long = vec![7; 31 * 48];
    let unsynced = append(
        &wal,
        vec![entry(3, &long), entry(4, b"four"), entry(5, &long)],
    )
    .await;
    assert!(unsynced.is_err());
    world
}

async fn recovered_indexes(world: &FakeWorld) -> Vec<u64> {
    let (wal, mut recovered) = Wal::open(world, options()).await.expect("it opens");
    wal.close().await;
    let log = recovered.groups.remove(&GroupId(0)).unwrap_or_default();
    log.entries.iter().map(|entry| entry.index).collect()
}

#[test]
fn a_last_write_that_was_cut_at_any_byte_leaves_a_log_that_opens() {
    run(async {
        let world = with_an_unsynced_write().await;
        let length = world.fake_disk().pending_bytes();
        let mut seen = std::collections::BTreeSet::new();
        for bytes in 0..=length {
            let disk = world.fake_disk().copy();
            disk.lose_power_after_bytes(bytes);
            let world = world.with_disk(disk).restarted();
            let indexes = recovered_indexes(&world).await;
            assert!([1, 2, 3, 4, 5].starts_with(&indexes), "{indexes:?}");
            assert!(indexes.len() >= 2);
            // Opening it once more finds the same.
            assert_eq!(recovered_indexes(&world.restarted()).await, indexes);
            seen.insert(indexes.len());
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5]);
    });
}

#[test]
fn a_last_write_of_which_any_sectors_are_missing_leaves_a_log_that_opens() {
    run(async {
        let world = with_an_unsynced_write().await;
        let sectors = world
            .fake_disk()
            .pending_bytes()
            .div_ceil(fake_world::SECTOR)
            + 1;
        for subset in 0..1_u32 << sectors {
            let disk = world.fake_disk().copy();
            let mut sector = 0;
            disk.lose_power(|| {
                sector += 1;
                subset >> (sector - 1) & 1 == 1
            });
            let world = world.with_disk(disk).restarted();
            let indexes = recovered_indexes(&world).await;
            assert!([1, 2, 3, 4, 5].starts_with(&indexes), "{indexes:?}");
            assert!(indexes.len() >= 2);
        }
    });
}

#[test]
fn what_is_written_after_a_cut_never_meets_what_was_cut_off() {
    run(async {
        // The first record of the write is lost; behind it lie whole records.
        let world = with_an_unsynced_write().await;
        let mut sector = 0;
        world.fake_disk().lose_power(|| {
            sector += 1;
            sector > 1
        });
        let mut world = world.restarted();
        // Fill the gap until the old records would follow without one.
        for index in 3..40 {
            let (wal, _) = Wal::open(&world, options()).await.expect("it opens");
            append(&wal, vec![entry(index, b"")])
                .await
                .expect("durable");
            wal.close().await;
            world = world.restarted();
            let expected: Vec<u64> = (1..=index).collect();
            assert_eq!(recovered_indexes(&world).await, expected);
        }
    });
}
