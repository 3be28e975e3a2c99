//! What the simulator promises: every scenario passes, a seed is a run, and bugs are caught. The
//! long run is `scripts/explore`.

use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_zonemq-sim"))
        .args(arguments)
        .output()
        .expect("the simulator runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code(), text)
}

/// A scenario of five seconds: what is run many times in one test must be short.
const SHORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/short.toml");

fn scenarios() -> Vec<String> {
    let (code, text) = simulate(&["list"]);
    assert_eq!(code, Some(0), "{text}");
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_scenario_keeps_every_promise() {
    let names = scenarios();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let (code, text) = simulate(&["explore", &name, "--seeds", "1..2", "--jobs", "1"]);
        assert_eq!(code, Some(0), "{text}");
    }
}

#[test]
fn the_same_seed_is_the_same_run_byte_for_byte() {
    let arguments = ["explore", SHORT, "--seeds", "0..5", "--twice"];
    let (code, text) = simulate(&[&arguments[..], &["--jobs", "1"]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(": 5 passed"), "{text}");
    let (_, one) = simulate(&["run", "smoke", "--seed", "1", "--trace-hash"]);
    let (_, other) = simulate(&["run", "smoke", "--seed", "2", "--trace-hash"]);
    assert_ne!(one, other);
}

#[test]
fn planted_bugs_are_caught() {
    let (code, text) = simulate(&[
        "bugs",
        // The promise is 200. A change of timing alone moves a bug by a few.
        "--seeds",
        "10",
        "--jobs",
        "1",
        "leader-restored",
        "append-acknowledged-at-once",
        "vote-not-awaited",
        "clock-of-the-replica",
        "dead-letter-lost",
        "group-lock-lost",
        "request-ids-forgotten",
        "mended-not-kept",
    ]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("8 of 8 bugs caught"), "{text}");
}

#[test]
fn every_kind_of_fault_takes_effect() {
    let (code, text) = simulate(&["faults"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("31 of 31 kinds took effect"), "{text}");
}

#[test]
fn each_sync_call_may_fail_and_nothing_acknowledged_is_lost() {
    let short = ["syncs", "--stride", "45", "--jobs", "1"];
    let (code, text) = simulate(&short);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = simulate(&[&short[..2], &["150", "--plant", "sync-error-ignored"]].concat());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("--failing-sync n"), "{text}");
}

#[test]
fn each_bit_of_a_store_may_flip_and_is_told_and_mended() {
    let (code, text) = simulate(&["flips", "--stride", "2003", "--jobs", "1"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("(0 at the start"), "{text}");
    assert!(!text.contains(", 0 by the scrub"), "{text}");
}

#[test]
fn a_failing_run_is_made_small_and_its_file_replays_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("small.failure.toml");
    let file = file.display().to_string();
    let arguments = ["shrink", SHORT, "--plant", "group-lock-lost"];
    let (code, text) = simulate(&[&arguments[..], &["--out", &file]].concat());
    assert_eq!(code, Some(0), "{text}");
    let line = text.lines().last().expect("a last line");
    let (_, sizes) = line.split_once(" calls to ").expect("the sizes");
    let mut sizes = sizes.split_whitespace();
    let faults: usize = sizes.next().and_then(|n| n.parse().ok()).expect("faults");
    let calls: usize = sizes.nth(1).and_then(|n| n.parse().ok()).expect("calls");
    assert!(faults + calls <= 20, "{line}");
    let (code, text) = simulate(&["replay", &file]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("group order: "), "{text}");
    assert!(text.contains(&format!("replay {file}")), "{text}");
    let (code, text) = simulate(&["replay", &file, "--seed", "3"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("leave them out"), "{text}");
}

#[test]
fn a_failure_tells_the_line_that_replays_it_and_its_history_convicts_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = folder.path().join("history.jsonl");
    let (code, text) = simulate(&[
        "run",
        "everything",
        "--plant",
        "dead-letter-lost",
        "--history",
        &history.display().to_string(),
    ]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("replay: cargo sim replay everything"));
    let lines = std::fs::read_to_string(&history).expect("a history");
    let history = zonemq_history::read(lines.lines()).expect("a history");
    let verdict = zonemq_history::judge(&history);
    assert!(matches!(verdict, zonemq_history::Verdict::Violated(..)));
}

#[test]
fn what_is_no_scenario_is_refused_in_a_sentence() {
    let (code, text) = simulate(&["run", "nonsense"]);
    assert_eq!(code, Some(3));
    assert!(text.contains("there is no scenario nonsense"), "{text}");
}
