//! Every bit of a log of all kinds of records, flipped one at a time: it is noticed, what is
//! missing is told exactly, and nothing that is read differs from what was written.

use std::collections::BTreeMap;
use std::path::Path;

use zonemq_wal::{EntryId, Wal};

use crate::fake_world::FakeWorld;
use crate::naive::{self, Groups, Naive, held, without_empty};
use crate::run;
use crate::story::{GROUP, kept_parts, options, play, states, steps};

async fn written() -> (FakeWorld, Groups) {
    let steps = steps();
    let world = FakeWorld::new(3);
    let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
    let appends = states(&steps).len() - 1;
    assert_eq!(play(&wal, &steps).await, appends);
    wal.close().await;
    let state = states(&steps).pop().expect("there is a last one");
    (world.restarted(), without_empty(&state))
}

/// What a flip did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    harmless: usize,
    noticed: usize,
    entries_lost: usize,
    parts_refused: usize,
}

async fn flip(
    world: &FakeWorld,
    path: &Path,
    at: usize,
    mask: u8,
    expected: &Groups,
    seen: &mut Seen,
) {
    let disk = world.fake_disk().copy();
    disk.flip(path, at, mask);
    let world = world.with_disk(disk);
    let what = format!("{} at {at}, {mask:#x}", path.display());
    let (wal, recovered) = match Wal::open(&world, options()).await {
        Ok(opened) => opened,
        Err(error) => panic!("{what}: {error}"),
    };
    let held = held(&wal, &recovered).await;
    let held = held.unwrap_or_else(|error| panic!("{what}: {error}"));
    for (group, log) in expected {
        let found = &held[group];
        let told = recovered.groups[group].lost;
        let is_prefix = found
            .entries
            .iter()
            .eq(log.entries.iter().take(found.entries.len()));
        assert!(is_prefix, "{what}: entries differ");
        let without_entries = |log: &Naive| Naive {
            entries: BTreeMap::default(),
            ..log.clone()
        };
        assert_eq!(without_entries(found), without_entries(log), "{what}");
        let last = log.entries.last_key_value();
        let last = last.map(|(index, (term, _))| EntryId {
            term: *term,
            index: *index,
        });
        if found.entries.len() == log.entries.len() {
            assert_eq!(told, None, "{what}");
        } else {
            assert_eq!(told, last, "{what}");
            assert!(!recovered.damage.is_empty(), "{what}");
            seen.entries_lost += 1;
        }
    }
    let parts = kept_parts();
    for (read, part) in naive::kept(&wal, GROUP, 2, &parts)
        .await
        .into_iter()
        .zip(parts)
    {
        match read {
            Ok(bytes) if bytes == part.bytes => {}
            Ok(bytes) => panic!("{what}: a part reads as {bytes:?}"),
            Err(_) => {
                assert!(!recovered.damage.is_empty(), "{what}");
                seen.parts_refused += 1;
            }
        }
    }
    if recovered.damage.is_empty() {
        seen.harmless += 1;
    } else {
        seen.noticed += 1;
    }
    wal.close().await;
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_or_harmless_and_what_is_missing_is_told() {
    run(async {
        let (world, expected) = written().await;
        let segments = world.fake_disk().segments();
        assert!(segments.len() >= 3, "{segments:?}");
        let mut seen = Seen::default();
        for path in &segments {
            for at in 0..world.fake_disk().durable_len(path) {
                // All of them in a build that is fast enough.
                let bits = if cfg!(debug_assertions) {
                    at % 8..at % 8 + 1
                } else {
                    0..8
                };
                for bit in bits {
                    flip(&world, path, at, 1 << bit, &expected, &mut seen).await;
                }
            }
        }
        println!("{seen:?}");
        assert!(seen.noticed > 5_000, "{seen:?}");
        assert!(seen.entries_lost > 1_000, "{seen:?}");
        assert!(seen.parts_refused > 100, "{seen:?}");
    });
}
