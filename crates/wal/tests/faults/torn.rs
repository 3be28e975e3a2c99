//! Whenever the power goes while a log of all kinds of records is written, at every byte and with
//! every subset of sectors: what is found is exactly what was synced, or that and the whole write
//! that was under way, if all of it happens to be there.

use zonemq_wal::Wal;
use zonemq_world::Chance;

use crate::fake_world::{Dice, FakeDisk, FakeWorld, SECTOR};
use crate::naive::{held, without_empty};
use crate::run;
use crate::story::{Step, options, play, states, steps};

/// With fewer sectors than this all subsets are tried.
const ALL_SUBSETS: usize = 6;
const RANDOM_SUBSETS: usize = 100;

/// The machine after so many operations of the story, and how many appends were acknowledged.
async fn interrupted(steps: &[Step], operations: u64) -> (FakeWorld, usize) {
    let world = FakeWorld::new(7);
    world.fake_disk().power_off_after(operations);
    let acknowledged = match Wal::open(&world, options()).await {
        Ok((wal, _)) => play(&wal, steps).await,
        Err(_) => 0,
    };
    (world, acknowledged)
}

struct Expected<'s> {
    states: &'s [crate::naive::Groups],
    acknowledged: usize,
}

impl Expected<'_> {
    /// Opens what is left, and compares. Returns whether the write that was under way is there.
    async fn check(&self, world: &FakeWorld, disk: FakeDisk, what: &str) -> bool {
        let world = world.with_disk(disk).restarted();
        let (wal, recovered) = match Wal::open(&world, options()).await {
            Ok(opened) => opened,
            Err(error) => panic!("{what}: {error}"),
        };
        assert_eq!(recovered.damage, [], "{what}: a crash damages nothing");
        assert!(recovered.groups.values().all(|log| log.lost.is_none()));
        let held = held(&wal, &recovered).await.expect("all can be read");
        wal.close().await;
        let synced = without_empty(&self.states[self.acknowledged]);
        let with_the_next = self.states.get(self.acknowledged + 1).map(without_empty);
        assert!(
            held == synced || Some(&held) == with_the_next.as_ref(),
            "{what}: it holds {held:#?}"
        );
        held != synced
    }
}

#[test]
fn a_write_that_is_cut_at_any_byte_or_lacks_any_sectors_is_not_there_and_nothing_else_is_missing() {
    run(async {
        let steps = steps();
        let states = states(&steps);
        let (world, _) = interrupted(&steps, u64::MAX).await;
        let all = world.fake_disk().operations();
        let dice = Dice::new(11);
        let (mut cuts, mut subsets, mut whole) = (0, 0, 0);
        for operations in 0..all {
            let (world, acknowledged) = interrupted(&steps, operations).await;
            let expected = Expected {
                states: &states,
                acknowledged,
            };
            let disk = world.fake_disk();
            for bytes in 0..=disk.pending_bytes() {
                let copy = disk.copy();
                copy.lose_power_after_bytes(bytes);
                let what = format!("after {operations} operations and {bytes} bytes");
                cuts += 1;
                whole += usize::from(expected.check(&world, copy, &what).await);
            }
            let touched =
                |range: std::ops::Range<usize>| range.end.div_ceil(SECTOR) - range.start / SECTOR;
            let sectors: usize = disk.pending().into_iter().map(touched).sum();
            let all_subsets = sectors < ALL_SUBSETS;
            let count = if all_subsets {
                1 << (sectors + 1)
            } else {
                RANDOM_SUBSETS
            };
            for subset in 0..count {
                let copy = disk.copy();
                let mut bit = 0;
                copy.lose_power(|| {
                    bit += 1;
                    if all_subsets {
                        subset >> (bit - 1) & 1 == 1
                    } else {
                        dice.next_u64().is_multiple_of(2)
                    }
                });
                let what = format!("after {operations} operations and subset {subset}");
                subsets += 1;
                whole += usize::from(expected.check(&world, copy, &what).await);
            }
        }
        println!("{cuts} cuts and {subsets} subsets of sectors; {whole} times a write was whole");
        assert!(
            cuts > 10_000 && subsets > 400 && whole > 500,
            "{cuts} {subsets} {whole}"
        );
    });
}
