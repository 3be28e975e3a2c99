//! Each operation of a disk fails once, in turn: nothing is acknowledged after it, and nothing that
//! was acknowledged before is lost, whether the process starts again or the machine.

use zonemq_wal::Wal;

use crate::fake_world::{FakeDisk, FakeWorld};
use crate::naive::{Groups, held, without_empty};
use crate::run;
use crate::story::{options, play, states, steps};

async fn found(world: &FakeWorld, disk: FakeDisk) -> Groups {
    let world = world.with_disk(disk).restarted();
    let (wal, recovered) = Wal::open(&world, options()).await.expect("it opens");
    assert_eq!(recovered.damage, []);
    let held = held(&wal, &recovered).await.expect("all can be read");
    wal.close().await;
    held
}

#[test]
fn each_operation_that_fails_once_stops_the_log_and_loses_nothing() {
    run(async {
        let steps = steps();
        let states = states(&steps);
        let all = {
            let world = FakeWorld::new(9);
            let (wal, _) = Wal::open(&world, options()).await.expect("a new log");
            play(&wal, &steps).await;
            wal.close().await;
            world.fake_disk().operations()
        };
        let mut stopped = 0;
        for operation in 0..all {
            let world = FakeWorld::new(9);
            world.fake_disk().fail_operation_after(operation);
            let acknowledged = match Wal::open(&world, options()).await {
                Ok((wal, _)) => {
                    let acknowledged = play(&wal, &steps).await;
                    let failed = wal.failure().borrow().is_some();
                    // What is done beside the log, the removal of an old file, stops nothing.
                    assert_eq!(failed, acknowledged < states.len() - 1);
                    stopped += usize::from(failed);
                    wal.close().await;
                    acknowledged
                }
                Err(_) => 0,
            };
            assert!(world.fake_disk().has_failed() || operation + 40 > all);
            let possible: Vec<Groups> = states[acknowledged..].iter().map(without_empty).collect();
            let restarted = found(&world, world.fake_disk().copy()).await;
            assert!(possible.contains(&restarted), "operation {operation}");
            let disk = world.fake_disk().copy();
            disk.lose_power(|| false);
            let after_power_loss = found(&world, disk).await;
            assert!(
                possible.contains(&after_power_loss),
                "operation {operation}"
            );
        }
        println!("{all} operations; {stopped} of them stopped the log");
        assert!(stopped > 60, "{stopped}");
    });
}
