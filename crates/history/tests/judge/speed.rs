//! How fast the judge is.

use std::time::Instant;

use crate::talk::{Talk, fifo};
use zonemq_history::{Verdict, judge};

/// Three calls a message: 300,000.
const MESSAGES: u64 = 100_000;
const GROUPS: u64 = 100;
const CALLS_A_SECOND: f64 = 100_000.0;

#[test]
fn a_long_history_is_judged_in_seconds() {
    let mut talk = Talk::with("q", fifo());
    for number in 0..MESSAGES {
        let body = format!("m{number}");
        let group = format!("g{}", number % GROUPS);
        talk.send_to_group("q", &group, &body, number);
        let handles = talk.receive_from_group("q", &group, &[(&body, number)]);
        talk.delete("q", &handles[0]);
    }
    talk.drained("q");
    let history = talk.history();
    let started = Instant::now();
    let verdict = judge(&history);
    let took = started.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = history.calls().len() as f64 / took.as_secs_f64();
    println!("{} calls in {took:?}: {rate:.0}/s", history.calls().len());
    assert!(matches!(verdict, Verdict::Pass(_)));
    // Only the optimised build is meant to be fast.
    assert!(cfg!(debug_assertions) || rate > CALLS_A_SECOND);
}
