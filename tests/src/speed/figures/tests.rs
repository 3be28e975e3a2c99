//! Figures of made-up runs.

use std::collections::BTreeMap;

use zonemq_bench::{Ended, ServerUse, Timeline};

use super::*;

/// A run at this rate whose servers took a CPU for a second.
pub(crate) fn run(round: u32, case: &str, messages_per_second: f64) -> Run {
    let results = Results {
        workload: "send".to_owned(),
        endpoints: Vec::new(),
        clients: 64,
        queues: 1,
        message_groups: None,
        body_bytes: 1024,
        batch: 1,
        started_unix_ms: 0,
        seconds: 1.0,
        ended: Ended::Time,
        messages: 1,
        messages_per_second,
        send: None,
        receive: None,
        delete: None,
        send_to_receive: None,
        empty_receives: 0,
        errors: BTreeMap::new(),
        first_error: None,
        servers: Some(ServerUse {
            cpu_seconds: 0.02,
            messages_per_cpu_second: messages_per_second,
            resident_bytes: 100 << 20,
        }),
        load_cpu_seconds: None,
        timeline: Timeline {
            interval_seconds: 1.0,
            sent: Vec::new(),
            received: Vec::new(),
            deleted: Vec::new(),
        },
        left_behind: Vec::new(),
    };
    Run {
        round,
        case: case.to_owned(),
        leader_stayed: true,
        results,
    }
}

fn figure(runs: &[Run], measure: &str) -> Figure {
    let mut found = figures(runs).into_iter();
    found
        .find(|figure| figure.measure == measure)
        .unwrap_or_else(|| panic!("{measure} is measured"))
}

const SENDS: &str = "sends, 64 clients: rate / yardstick";

/// Three rounds, in which the machine is twice as fast each time.
fn three_rounds() -> Vec<Run> {
    vec![
        run(0, YARDSTICK_SEND_64, 100.0),
        run(0, SEND_64, 70.0),
        run(1, YARDSTICK_SEND_64, 200.0),
        run(1, SEND_64, 100.0),
        run(2, YARDSTICK_SEND_64, 400.0),
        run(2, SEND_64, 360.0),
    ]
}

#[test]
fn a_ratio_is_of_two_runs_of_one_round_and_the_median_counts() {
    let sends = figure(&three_rounds(), SENDS);
    assert_eq!(sends.rounds, [0.7, 0.5, 0.9]);
    assert_eq!(sends.median, Some(0.7));
    assert!(sends.holds);
}

#[test]
fn a_run_in_which_something_went_wrong_is_no_measurement() {
    let mut runs = three_rounds();
    runs[1].leader_stayed = false;
    runs[5].results.errors.insert("OverLimit".to_owned(), 1);
    let sends = figure(&runs, SENDS);
    assert_eq!(sends.rounds, [0.5]);
    assert!(!sends.holds);
}

#[test]
fn what_was_not_measured_does_not_hold() {
    for figure in figures(&[]) {
        assert_eq!((figure.median, figure.holds), (None, false), "{figure:?}");
    }
    // Nor what was measured against nothing.
    let runs = [run(0, YARDSTICK_SEND_64, 0.0), run(0, SEND_64, 10.0)];
    assert_eq!(figure(&runs, SENDS).median, None);
}

#[test]
fn idle_long_polls_are_held_against_what_one_of_them_takes() {
    let mut many = run(0, IDLE_MANY, 0.0);
    if let Some(servers) = &mut many.results.servers {
        servers.resident_bytes += 50 << 20;
    }
    let runs = [run(0, IDLE_ONE, 0.0), many];
    let memory = figure(&runs, "idle long polls: memory over that with one, MiB");
    assert_eq!((memory.median, memory.holds), (Some(50.0), true));
    let cpu = figure(&runs, "idle long polls: CPU, % of a core");
    assert_eq!((cpu.median, cpu.holds), (Some(2.0), true));
}

#[test]
fn a_median_of_an_even_number_lies_in_between() {
    assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    assert_eq!(median(&[7.0]), Some(7.0));
    assert_eq!(median(&[]), None);
}
