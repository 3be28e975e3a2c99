//! The promises, one file for each family. Each takes what is not known as it suits the queue best.

mod counting;
mod deduplication;
mod fifo;
mod loss;
mod phantom;
mod places;
mod resurrection;
mod time;
mod visibility;

use crate::messages::Messages;
use crate::verdict::{Invariant, Violation};

/// What a measurement of time may be wrong by, in microseconds: stamps are whole milliseconds, and
/// the clocks of two leaders in a row are not quite the same.
const CLOCK_ERROR: u64 = 5_000;
/// More violations of one family than anybody reads.
const MOST_OF_A_FAMILY: usize = 10;

/// Everything that cannot be true.
pub(crate) fn check(messages: &Messages<'_>) -> Vec<Violation> {
    let always: [fn(&Messages<'_>, &mut Report); 7] = [
        loss::check,
        phantom::check,
        resurrection::check,
        fifo::check,
        counting::check,
        places::check,
        time::check_purges,
    ];
    let with_right_clocks: [fn(&Messages<'_>, &mut Report); 3] =
        [visibility::check, deduplication::check, time::check];
    let mut violations = Vec::new();
    let mut run = |checks: &[fn(&Messages<'_>, &mut Report)]| {
        for check in checks {
            let mut report = Report::default();
            check(messages, &mut report);
            violations.append(&mut report.violations);
        }
    };
    run(&always);
    if messages.history.clocks_are_right() {
        run(&with_right_clocks);
    }
    violations
}

/// What a family has found.
#[derive(Default)]
pub(crate) struct Report {
    violations: Vec<Violation>,
}

impl Report {
    fn add(&mut self, invariant: Invariant, at: u64, story: String) {
        if self.violations.len() < MOST_OF_A_FAMILY {
            self.violations.push(Violation {
                invariant,
                story,
                at,
            });
        }
    }
}

/// A moment as stories tell it.
fn moment(micros: u64) -> String {
    let millis = micros / 1000;
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}
