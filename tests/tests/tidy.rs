//! The house keeps itself: which crate may know which, what code below the binary may touch, how
//! long a file may be, and which names say nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The picture of crates/README.md: each crate, and the crates of ours that it may depend on.
const ARROWS: [(&str, &[&str]); 17] = [
    ("zonemq-planted", &[]),
    ("zonemq-world", &[]),
    ("zonemq-queue", &["zonemq-planted"]),
    ("zonemq-sqs", &["zonemq-queue"]),
    ("zonemq-wal", &["zonemq-planted", "zonemq-world"]),
    (
        "zonemq-raft",
        &[
            "zonemq-planted",
            "zonemq-queue",
            "zonemq-wal",
            "zonemq-world",
        ],
    ),
    (
        "zonemq-node",
        &[
            "zonemq-lessons",
            "zonemq-planted",
            "zonemq-queue",
            "zonemq-raft",
            "zonemq-sqs",
            "zonemq-wal",
            "zonemq-world",
        ],
    ),
    ("zonemq-bench", &[]),
    ("zonemq-history", &[]),
    ("zonemq-lessons", &[]),
    ("zonemq-report", &[]),
    ("zonemq-scenario", &["zonemq-history"]),
    (
        "zonemq-workload",
        &[
            "zonemq-history",
            "zonemq-report",
            "zonemq-scenario",
            "zonemq-world",
        ],
    ),
    (
        "zonemq",
        &[
            "zonemq-bench",
            "zonemq-history",
            "zonemq-lessons",
            "zonemq-node",
            "zonemq-report",
            "zonemq-scenario",
            "zonemq-workload",
            "zonemq-world",
        ],
    ),
    ("zonemq-sim-determinism", &[]),
    (
        "zonemq-sim",
        &[
            "zonemq-history",
            "zonemq-node",
            "zonemq-planted",
            "zonemq-queue",
            "zonemq-raft",
            "zonemq-report",
            "zonemq-scenario",
            "zonemq-sim-determinism",
            "zonemq-wal",
            "zonemq-workload",
            "zonemq-world",
        ],
    ),
    (
        "zonemq-tests",
        &["zonemq", "zonemq-bench", "zonemq-history"],
    ),
];

/// Crates that are functions over data: no runtime, no socket, no randomness, no logging.
const PURE: [&str; 6] = [
    "zonemq-history",
    "zonemq-lessons",
    "zonemq-queue",
    "zonemq-report",
    "zonemq-scenario",
    "zonemq-sqs",
];
const NOT_IN_PURE: [&str; 9] = [
    "axum",
    "hyper",
    "hyper-util",
    "nix",
    "openraft",
    "rand",
    "reqwest",
    "tokio",
    "tracing",
];

/// Dependencies that one crate hides from all others.
const HIDDEN: [(&str, &str); 2] = [("openraft", "zonemq-raft"), ("bincode", "zonemq-raft")];

/// What reaches around `world`. The binary and the tests are the edge: they may.
const AROUND_THE_WORLD: [&str; 13] = [
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "rand::",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "tokio::signal",
];
const AT_THE_EDGE: [&str; 6] = [
    "zonemq",
    "zonemq-bench",
    "zonemq-sim",
    "zonemq-sim-determinism",
    "zonemq-tests",
    "zonemq-workload",
];
const THE_REAL_WORLD: &str = "crates/world/src/real.rs";

const LONGEST_FILE_LINES: usize = 500;
const NAMES_THAT_SAY_NOTHING: [&str; 7] = [
    "common", "helper", "helpers", "manager", "misc", "util", "utils",
];

const PATHS_OF_ONE_MACHINE: [&str; 3] = ["/home/", "/root/", "/work/"];
const THIS_FILE: &str = "tests/tests/tidy.rs";

/// One of our crates, as cargo sees it.
struct Crate {
    name: String,
    folder: PathBuf,
    /// Names of what it depends on, with the kind: `None` for normal dependencies.
    dependencies: Vec<(String, Option<String>)>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
        .to_path_buf()
}

fn our_crates() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "cargo metadata: {output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .iter()
        .map(|package| Crate {
            name: text(&package["name"]),
            folder: Path::new(&text(&package["manifest_path"]))
                .parent()
                .expect("a manifest lies in a folder")
                .to_path_buf(),
            dependencies: package["dependencies"]
                .as_array()
                .expect("a list of dependencies")
                .iter()
                .map(|dependency| {
                    let kind = dependency["kind"].as_str().map(str::to_owned);
                    (text(&dependency["name"]), kind)
                })
                .collect(),
        })
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The lines of a file without comments, numbered from 1.
fn code_lines(path: &Path) -> Vec<(usize, String)> {
    fs::read_to_string(path)
        .expect("a readable source file")
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let code = line.split("//").next().unwrap_or_default();
            (index + 1, code.to_owned())
        })
        .collect()
}

/// Whether a file holds tests only: those may write files and open sockets.
fn is_test_file(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

fn nothing_found(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn arrows_between_crates_point_down() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let crates = our_crates();
    let ours: BTreeSet<&str> = crates.iter().map(|known| known.name.as_str()).collect();
    assert_eq!(
        ours,
        allowed.keys().copied().collect(),
        "each crate has its place in the picture of crates/README.md"
    );
    let wrong: Vec<String> = crates
        .iter()
        .flat_map(|from| {
            from.dependencies
                .iter()
                .map(|(to, _)| to.as_str())
                .filter(|to| ours.contains(to) && !allowed[from.name.as_str()].contains(to))
                .map(|to| format!("{} -> {to}", from.name))
        })
        .collect();
    nothing_found("arrows that the picture does not have", &wrong);
}

#[test]
fn pure_crates_know_no_runtime_no_socket_and_no_chance() {
    let wrong: Vec<String> = our_crates()
        .iter()
        .filter(|known| PURE.contains(&known.name.as_str()))
        .flat_map(|known| {
            known
                .dependencies
                .iter()
                .filter(|(to, kind)| kind.is_none() && NOT_IN_PURE.contains(&to.as_str()))
                .map(|(to, _)| format!("{} -> {to}", known.name))
        })
        .collect();
    nothing_found("a pure crate depends on the outside", &wrong);
}

#[test]
fn openraft_and_bincode_are_named_by_one_crate_only() {
    let wrong: Vec<String> = our_crates()
        .iter()
        .flat_map(|known| {
            HIDDEN
                .iter()
                // Tests may measure what the codec makes of a value.
                .filter(|(hidden, owner)| {
                    let mut named = known.dependencies.iter();
                    known.name != *owner && named.any(|(to, kind)| kind.is_none() && to == hidden)
                })
                .map(|(hidden, _)| format!("{} -> {hidden}", known.name))
        })
        .collect();
    nothing_found("a hidden dependency is named elsewhere", &wrong);
}

#[test]
fn code_below_the_binary_reaches_the_outside_through_world_alone() {
    let mut wrong = Vec::new();
    for known in our_crates() {
        if AT_THE_EDGE.contains(&known.name.as_str()) {
            continue;
        }
        for file in rust_files(&known.folder.join("src")) {
            if is_test_file(&file) || relative(&file) == THE_REAL_WORLD {
                continue;
            }
            // Unit tests in the file itself come last, by our order of a file.
            for (number, line) in code_lines(&file)
                .into_iter()
                .take_while(|(_, line)| !line.contains("#[cfg(test)]"))
            {
                for name in AROUND_THE_WORLD {
                    if line.contains(name) {
                        wrong.push(format!("{}:{number}: {name}", relative(&file)));
                    }
                }
                // `use std::time::{Duration, Instant}` hides from the names above.
                if line.contains("std::time::{")
                    && (line.contains("Instant") || line.contains("SystemTime"))
                {
                    wrong.push(format!(
                        "{}:{number}: a clock of std::time",
                        relative(&file)
                    ));
                }
            }
        }
    }
    nothing_found("reaches around crates/world", &wrong);
}

#[test]
fn no_file_is_longer_than_a_person_reads_at_once() {
    let wrong: Vec<String> = our_crates()
        .iter()
        .flat_map(|known| rust_files(&known.folder))
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).expect("readable").lines().count();
            (lines > LONGEST_FILE_LINES).then(|| format!("{}: {lines} lines", relative(&file)))
        })
        .collect();
    nothing_found("too long", &wrong);
}

#[test]
fn every_file_opens_with_a_sentence_that_says_what_it_is_for() {
    let wrong: Vec<String> = our_crates()
        .iter()
        .flat_map(|known| rust_files(&known.folder))
        .filter(|file| !is_test_file(file) || file.starts_with(root().join("tests")))
        .filter(|file| {
            !fs::read_to_string(file)
                .expect("readable")
                .starts_with("//!")
        })
        .map(|file| relative(&file))
        .collect();
    nothing_found("has no opening sentence", &wrong);
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let wrong: Vec<String> = our_crates()
        .iter()
        .flat_map(|known| rust_files(&known.folder))
        .filter(|file| {
            file.file_stem().is_some_and(|stem| {
                stem.to_str()
                    .is_none_or(|stem| NAMES_THAT_SAY_NOTHING.contains(&stem))
            })
        })
        .map(|file| relative(&file))
        .collect();
    nothing_found("a name that says nothing", &wrong);
}

#[test]
fn no_source_file_holds_a_path_of_one_machine() {
    let wrong: Vec<String> = our_crates()
        .iter()
        .flat_map(|known| rust_files(&known.folder))
        .filter(|file| relative(file) != THIS_FILE)
        .flat_map(|file| {
            let name = relative(&file);
            code_lines(&file)
                .into_iter()
                .filter(|(_, line)| PATHS_OF_ONE_MACHINE.iter().any(|path| line.contains(path)))
                .map(move |(number, _)| format!("{name}:{number}"))
        })
        .collect();
    nothing_found("a path of one machine", &wrong);
}
