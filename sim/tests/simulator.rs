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
        let (code, text) = simulate(&["run", &name, "--seed", "1"]);
        assert_eq!(code, Some(0), "{text}");
    }
}

#[test]
fn the_same_seed_is_the_same_run_byte_for_byte() {
    for seed in ["1", "2", "3"] {
        let arguments = ["run", "leader-restart", "--seed", seed, "--trace-hash"];
        let [once, again] = [simulate(&arguments), simulate(&arguments)];
        assert!(once.1.contains("trace "), "{}", once.1);
        assert_eq!(once, again);
    }
    let (_, one) = simulate(&["run", "smoke", "--seed", "1", "--trace-hash"]);
    let (_, other) = simulate(&["run", "smoke", "--seed", "2", "--trace-hash"]);
    assert_ne!(one, other);
}

#[test]
fn planted_bugs_are_caught() {
    let (code, text) = simulate(&[
        "bugs",
        "--seeds",
        "3",
        "--jobs",
        "1",
        "leader-restored",
        "append-acknowledged-at-once",
        "clock-of-the-replica",
        "dead-letter-lost",
        "group-lock-lost",
        "request-ids-forgotten",
    ]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("6 of 6 bugs caught"), "{text}");
}

#[test]
fn a_failure_tells_the_line_that_replays_it_and_its_history_convicts_it_again() {
    let folder = std::env::temp_dir().join(format!("zonemq-sim-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let history = folder.join("history.jsonl");
    let (code, text) = simulate(&[
        "run",
        "everything",
        "--plant",
        "dead-letter-lost",
        "--history",
        &history.display().to_string(),
    ]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("replay: cargo run --release -p zonemq-sim -- replay everything"));
    let lines = std::fs::read_to_string(&history).expect("a history");
    std::fs::remove_dir_all(&folder).expect("removed");
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
