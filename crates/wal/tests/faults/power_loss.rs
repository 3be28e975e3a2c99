//! Whenever the power goes, and whatever part of the unsynced sectors is left: the log opens
//! again, holds everything that was acknowledged, and holds nothing that was not appended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use proptest::prelude::*;
use zonemq_wal::{GroupId, Options, Record, Wal, WalFailed};
use zonemq_world::{Chance, World};

use crate::fake_world::FakeWorld;
use crate::naive::{Groups, apply, held, without_empty};
use crate::run;

const SEGMENT_BYTES: u64 = 12 * 1024;

fn options() -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        progress: zonemq_wal::Progress::default(),
        directory: "log".into(),
    }
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
    Note {
        group: u32,
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
        1 => group.clone().prop_map(|group| Step::Note { group }),
        1 => group.prop_map(|group| Step::PurgeBeyond { group }),
        6 => Just(Step::Wait),
    ]
}

/// The records of a step, given what the logs hold.
fn records(step: &Step, groups: &Groups, dice: &impl Chance) -> Vec<Record> {
    let text = || Bytes::from(dice.next_u64().to_string());
    // What is purged, and the index of the next entry.
    let bounds = |group: &GroupId| {
        let log = groups.get(group).cloned().unwrap_or_default();
        let purged = log.purged.map(|(index, _)| index);
        let last = log.entries.last_key_value().map(|(index, _)| *index);
        (purged, last.or(purged).map_or(0, |last| last + 1))
    };
    match step {
        Step::Entries { group, sizes } => {
            let group = GroupId(*group);
            let (_, next) = bounds(&group);
            let entries = (next..).zip(sizes).map(|(index, size)| Record::Entry {
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
        Step::Note { group } => vec![Record::Note {
            group: GroupId(*group),
            payload: text(),
        }],
        Step::Truncate { group, back } => {
            let group = GroupId(*group);
            let (purged, next) = bounds(&group);
            let index = next.checked_sub(back + 1).max(purged);
            vec![Record::TruncateAfter { group, index }]
        }
        Step::TruncateAll { group } => vec![Record::TruncateAfter {
            group: GroupId(*group),
            index: None,
        }],
        Step::Purge { group, back } => {
            let group = GroupId(*group);
            let (purged, next) = bounds(&group);
            let index = next.checked_sub(back + 1).max(purged);
            let purge = index.map(|index| Record::PurgeThrough {
                group,
                index,
                payload: text(),
            });
            purge.into_iter().collect()
        }
        Step::PurgeBeyond { group } => {
            let group = GroupId(*group);
            let (_, next) = bounds(&group);
            vec![Record::PurgeThrough {
                group,
                index: next + 4,
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
        let done = Box::new(move |result: Result<(), WalFailed>| {
            if result.is_ok() {
                acknowledged.store(count, Ordering::SeqCst);
            }
            // Not every step listens.
            let _ = sender.send(());
        });
        if dice.next_u64().is_multiple_of(2) {
            wal.append_alone(records, done);
        } else {
            wal.append(records, done);
        }
        // Who waits is alone, and has it written in place.
        if matches!(step, Step::Wait) || dice.next_u64().is_multiple_of(2) {
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
        assert_eq!(recovered.damage, [], "a crash damages nothing");
        let held = held(&wal, &recovered).await.expect("all can be read");
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

async fn append(wal: &Wal, records: Vec<Record>) -> Result<(), WalFailed> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    wal.append(records, Box::new(|result| drop(sender.send(result))));
    receiver.await.expect("every append is answered")
}

async fn recovered_indexes(world: &FakeWorld) -> Vec<u64> {
    let (wal, mut recovered) = Wal::open(world, options()).await.expect("it opens");
    wal.close().await;
    let log = recovered.groups.remove(&GroupId(0)).unwrap_or_default();
    log.entries.iter().map(|entry| entry.index).collect()
}

#[test]
fn what_is_written_after_a_cut_never_meets_what_was_cut_off() {
    run(async {
        let world = FakeWorld::new(1);
        let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
        append(&wal, vec![entry(0, b"one")]).await.expect("durable");
        append(&wal, vec![entry(1, b"two")]).await.expect("durable");
        // One operation more: the write, and no sync.
        world.fake_disk().power_off_after(1);
        let long = vec![7; 31 * 48];
        let unsynced = vec![entry(2, &long), entry(3, b"four"), entry(4, &long)];
        append(&wal, unsynced).await.expect_err("the power is off");
        // The first record of the write is lost; behind it lie whole records.
        let mut sector = 0;
        world.fake_disk().lose_power(|| {
            sector += 1;
            sector > 1
        });
        let mut world = world.restarted();
        // Fill the gap until the old records would follow without one.
        for index in 2..40 {
            let (wal, _) = Wal::open(&world, options()).await.expect("it opens");
            append(&wal, vec![entry(index, b"")])
                .await
                .expect("durable");
            wal.close().await;
            world = world.restarted();
            let expected: Vec<u64> = (0..=index).collect();
            assert_eq!(recovered_indexes(&world).await, expected);
        }
    });
}
