//! `zonemq run`: the simulator's scenarios on real processes, and what it refuses.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use zonemq_tests::binary;
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::TestCluster;

const TWO_FAULTS: &str = r#"
teaches = "What a leader's death and a leader's loneliness look like to clients."

[workload]
lanes = ["standard", "fifo"]
senders = 1
receivers = 1

[run]
seconds = 7

[[fault]]
kind = "kill"
target = "leader"
at = 1.0
lasts = 1.0

[[fault]]
kind = "isolate"
target = "leader"
at = 4.0
lasts = 1.5
"#;

/// Runs `zonemq run` on this text, with `home` for all of its files.
fn run(home: &Path, text: &str, arguments: &[&str]) -> Output {
    let file = home.join("mine.toml");
    fs::write(&file, text).expect("a file");
    let temporary = home.join("temporary");
    fs::create_dir_all(&temporary).expect("a folder");
    let output = Command::new(binary::path())
        .arg("run")
        .arg(&file)
        .args(arguments)
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .output()
        .expect("zonemq can be started");
    let left = fs::read_dir(&temporary).expect("a folder").count();
    assert_eq!(left, 0, "something stays in the temporary folder");
    output
}

fn assert_refused(output: &Output, parts: &[&str]) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert_eq!(told.trim().lines().count(), 1, "one sentence: {told}");
    for part in parts {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_scenario_on_real_processes_is_judged_and_its_report_names_the_faults() {
    let home = tempfile::tempdir().expect("a folder");
    let report = home.path().join("out.html");
    let report_name = report.display().to_string();
    let output = run(
        home.path(),
        TWO_FAULTS,
        &["--json", "--report", &report_name],
    );
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("it prints JSON: {error}: {output:?}"));
    println!("{told:#}");
    assert_eq!(output.status.code(), Some(0), "{told:#}");
    assert_eq!(told["verdict"], "pass");
    assert_eq!(told["engine"], "real");
    let faults = told["faults"].as_array().expect("a list");
    let words: Vec<&str> = faults
        .iter()
        .map(|fault| fault["words"].as_str().unwrap_or("nothing"))
        .collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].starts_with("kill leader (n"), "{words:?}");
    assert!(words[1].starts_with("isolate leader (n"), "{words:?}");
    assert!(faults[1]["at_millis"].as_u64() >= Some(4000), "{told:#}");
    let page = fs::read_to_string(&report).expect("a report");
    for word in words {
        assert!(page.contains(word), "{word} is not in the report");
    }
    // The killed leader was seen to be down, and another one to lead.
    assert!(page.contains("\"role\":\"down\""));
    assert!(page.contains("SendMessage"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_cluster_keeps_its_own_queues_and_loses_those_of_the_run() {
    let cluster = TestCluster::start();
    let leader = cluster.leader().await;
    let client = cluster.client(leader);
    let url = create_queue(&client, "work").await;
    let send = client.send_message().queue_url(&url).message_body("mine");
    send.send().await.expect("acknowledged");

    let home = tempfile::tempdir().expect("a folder");
    let data = cluster.data().display().to_string();
    let calm = "teaches = \"\"\n[workload]\nlanes = [\"dead-letters\"]\n";
    let arguments = ["--seconds", "1.5", "--data", &data];
    let output = run(home.path(), calm, &arguments);
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    // What it could not remove, it says there.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("pass: "), "{told}");

    let queues = client.list_queues().send().await.expect("a list");
    assert_eq!(queues.queue_urls(), std::slice::from_ref(&url));
    let received = client.receive_message().queue_url(&url).send().await;
    let received = received.expect("a receive");
    assert_eq!(received.messages()[0].body(), Some("mine"));
}

#[test]
fn what_only_the_simulator_can_do_is_refused_before_anything_starts() {
    let home = tempfile::tempdir().expect("a folder");
    let rot = TWO_FAULTS.replace(
        "\"isolate\"\ntarget = \"leader\"",
        "\"bit-flip\"\ntarget = \"n1\"",
    );
    let refused = run(home.path(), &rot, &[]);
    assert_refused(&refused, &["cannot do bit-flip", "--engine sim"]);
    assert!(refused.stdout.is_empty(), "{refused:?}");
    let clocks = binary::run(&["run", "clocks"]);
    assert_refused(&clocks, &["clock-jump, clock-drift", "--engine sim"]);
}

#[test]
fn a_file_that_is_no_scenario_is_refused_with_its_line() {
    let home = tempfile::tempdir().expect("a folder");
    let broken = TWO_FAULTS.replace("kind = \"kill\"", "kind = \"murder\"");
    let file = home.path().join("mine.toml").display().to_string();
    let line = format!("{file}, line 13: unknown variant `murder`");
    assert_refused(&run(home.path(), &broken, &[]), &[&line]);
    let unknown = binary::run(&["run", "nonsense"]);
    assert_refused(&unknown, &["there is no scenario nonsense", "leader-kill"]);
    let absent = binary::run(&["run", "absent.toml"]);
    assert_refused(&absent, &["absent.toml cannot be read"]);
}

#[test]
fn the_simulator_is_a_program_of_its_own_that_must_be_built() {
    let home = tempfile::tempdir().expect("a folder");
    // Alone, so that nothing lies beside it, in a target folder of its own.
    let alone = home.path().join("release/zonemq");
    for profile in ["release", "simulator"] {
        fs::create_dir(home.path().join(profile)).expect("a folder");
    }
    fs::copy(binary::path(), &alone).expect("a copy");
    let run = |path: &str| {
        Command::new(&alone)
            .args(["run", "smoke", "--engine", "sim", "--seed", "5"])
            .env("PATH", path)
            .output()
            .expect("zonemq can be started")
    };
    let refused = run("/nowhere");
    assert_refused(
        &refused,
        &["`cargo build --profile simulator -p zonemq-sim`"],
    );

    // Whatever has its name is it: this one says what it was told.
    for place in ["simulator/zonemq-sim", "release/zonemq-sim"] {
        let stand_in = home.path().join(place);
        let says = format!("#!/bin/sh\necho {place} \"$@\"\nexit 2\n");
        fs::write(&stand_in, says).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&stand_in, mode).expect("a program");
        let output = run("/nowhere");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(told.trim(), format!("{place} run smoke --seed 5"));
    }
}
