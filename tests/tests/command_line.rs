//! What the `zonemq` command promises to people and scripts: sentences, exit codes, JSON.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use zonemq_tests::binary;
use zonemq_tests::cluster::{Status, TestCluster};

fn assert_refused(output: &Output, part_of_the_sentence: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.trim().lines().count(), 1, "one sentence: {told}");
    assert!(told.contains(part_of_the_sentence), "{told}");
}

#[test]
fn a_mistake_is_answered_with_one_sentence_and_exit_code_2() {
    let home = tempfile::tempdir().expect("a folder");
    let data = home.path().join("data").display().to_string();
    let zonemq = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.extend(["--data", &data]);
        binary::run(&words)
    };
    assert_refused(&zonemq("up --sideways"), "unexpected argument '--sideways'");
    assert_refused(&zonemq("up --zones a,a"), "zone a is named twice");
    assert_refused(&zonemq("up --zones a,,c"), "a zone's name");
    assert_refused(&zonemq("up --nodes-per-zone 0"), "1 to 9 nodes");
    assert_refused(&zonemq("fault kill somebody"), "somebody");
    assert_refused(&zonemq("status"), "there is no cluster");
    assert_refused(&zonemq("down"), "there is no cluster");
    assert_refused(&zonemq("fault kill n1"), "there is no cluster");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    // The peer ports lie above; near the end there is no room for them.
    if port < u16::MAX - 200 {
        let up = zonemq(&format!("up --port {port}"));
        assert_refused(&up, &format!("port {port}"));
    }
    assert!(
        !home.path().join("data/cluster.json").exists(),
        "nothing was left behind"
    );

    std::fs::create_dir_all(&data).expect("a folder");
    std::fs::write(home.path().join("data/thesis.txt"), "years").expect("a file");
    assert_refused(&zonemq("up --port 0 --fresh"), "no cluster of ours");
}

#[test]
fn a_running_cluster_refuses_a_second_one_and_another_shape() {
    let mut cluster = TestCluster::start();
    assert_refused(&cluster.zonemq(&["up"]), "runs already");
    assert_refused(&cluster.zonemq(&["up", "--fresh"]), "runs already");
    assert_refused(&cluster.zonemq(&["fault", "kill", "n7"]), "only n1, n2, n3");
    assert_refused(&cluster.zonemq(&["fault", "kill", "zone:x"]), "no zone x");
    cluster.down();
    assert_refused(
        &cluster.zonemq(&["up", "--zones", "a,b"]),
        "has zones a,b,c",
    );

    // A node's folder of another cluster.
    let file = cluster.data().join("cluster.json");
    let text = std::fs::read_to_string(&file).expect("the cluster's file");
    let mut changed: Value = serde_json::from_str(&text).expect("JSON");
    changed["cluster"] = "another".into();
    std::fs::write(&file, changed.to_string()).expect("written");
    assert_refused(&cluster.zonemq(&["up"]), "in cluster another");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_has_the_promised_shape() {
    let cluster = TestCluster::start();
    cluster.leader().await;
    let output = cluster.zonemq(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let keys = |value: &Value| {
        let mut keys: Vec<String> = value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&status), ["cluster", "nodes"]);
    let nodes = status["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), 3);
    for (node, zone) in nodes.iter().zip(["a", "b", "c"]) {
        assert_eq!(
            keys(node),
            [
                "alive",
                "api",
                "applied_index",
                "committed_index",
                "hears_majority",
                "id",
                "last_log_index",
                "pid",
                "role",
                "term",
                "zone"
            ]
        );
        assert_eq!(node["zone"], zone);
        assert_eq!(node["alive"], true);
        for number in [
            "pid",
            "term",
            "last_log_index",
            "committed_index",
            "applied_index",
        ] {
            assert!(node[number].is_u64(), "{number} of {node}");
        }
    }
    let roles = |role: &str| nodes.iter().filter(|node| node["role"] == role).count();
    assert_eq!((roles("leader"), roles("follower")), (1, 2), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_stop_when_up_is_killed_and_down_stops_a_detached_cluster() {
    let cluster = TestCluster::start();
    let before = cluster.status();
    // A node that was started anew is no child of `up`; it follows it all the same.
    cluster.fault("kill", "n2");
    cluster.fault("restart", "n2");
    assert_ne!(cluster.status().nodes[1].pid, before.nodes[1].pid);
    let up_pid = std::fs::read_to_string(cluster.data().join("up.pid")).expect("the pid of up");
    let up_pid = Pid::from_raw(up_pid.trim().parse().expect("a number"));
    kill(up_pid, Signal::SIGKILL).expect("it runs");
    cluster
        .wait_until("no node lives", |status| {
            status.nodes.iter().all(|node| !node.alive)
        })
        .await;

    let up = cluster.zonemq(&["up", "--detach"]);
    assert!(up.status.success(), "{up:?}");
    let told = String::from_utf8_lossy(&up.stdout);
    for part in [
        "AWS_ENDPOINT_URL_SQS=http://127.0.0.1:",
        "AWS_ACCESS_KEY_ID=",
        "n3",
    ] {
        assert!(told.contains(part), "{part} is missing: {told}");
    }
    // The cluster answers as soon as a majority does.
    cluster.caught_up().await;
    let down = cluster.zonemq(&["down"]);
    assert!(down.status.success(), "{down:?}");
    assert!(cluster.status().nodes.iter().all(|node| !node.alive));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hears_no_majority_is_told_from_one_that_does() {
    let cluster = TestCluster::start();
    let leader = cluster.leader().await;
    let told = |words: &[&str]| String::from_utf8_lossy(&cluster.zonemq(words).stdout).into_owned();
    let leads = format!("n{leader} leads in term ");
    let but = "but hears no majority: it acknowledges nothing.";
    assert!(!told(&["status"]).contains("majority"));
    cluster.fault("isolate", "leader");
    let is_alone = |status: &Status| {
        let hearing = |majority| {
            let nodes = status.nodes.iter();
            nodes.filter(move |node| node.hears_majority == Some(majority))
        };
        hearing(false).any(|node| node.id == leader) && hearing(true).count() == 1
    };
    cluster
        .wait_until("one leads alone, and one a majority", is_alone)
        .await;
    for words in [&["status"][..], &["top"]] {
        assert!(
            told(words).contains("leader without majority"),
            "{}",
            told(words)
        );
    }
    let status = told(&["status"]);
    assert_eq!(status.matches(but).count(), 1, "{status}");
    assert_eq!(status.matches(&leads).count(), 1, "{status}");
    cluster.zonemq(&["fault", "heal"]);
    let nobody = |status: &Status| {
        status
            .nodes
            .iter()
            .all(|node| node.hears_majority != Some(false))
    };
    cluster.wait_until("nobody leads alone", nobody).await;
    assert!(!told(&["status"]).contains("majority"));
}

/// An output that nobody reads any more, as behind `head`.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reader_has_gone_does_what_it_should_and_ends_without_a_word() {
    let cluster = TestCluster::start();
    cluster.leader().await;
    let data = cluster.data().display().to_string();
    let zonemq = |line: &str| {
        let mut command = Command::new(binary::path());
        command
            .args(line.split_whitespace())
            .args(["--data", &data]);
        command.stdin(Stdio::null());
        command
    };
    for line in [
        "status",
        "status --json",
        "top",
        "fault status",
        "fault slow n1-n2 --latency 1ms --no-watch",
        "learn",
    ] {
        let ended = zonemq(line).stdout(unread()).output().expect("it starts");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*told), (Some(0), ""), "{line}");
    }
    let broken = cluster.zonemq(&["fault", "status"]);
    let broken = String::from_utf8_lossy(&broken.stdout);
    assert!(broken.contains("slow n1-n2"), "it was done: {broken}");
    // A mistake keeps its exit code, though nobody reads the sentence either.
    let mistake = zonemq("peek nowhere")
        .stdout(unread())
        .stderr(unread())
        .status();
    assert_eq!(mistake.expect("it starts").code(), Some(2));
}

#[test]
fn a_history_is_judged_with_an_exit_code_and_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    let created = r#"{"at":1,"event":"invoke","client":"c","call":1,"operation":{"name":"CreateQueue","queue":"q","settings":{"visibility_millis":30000}}}"#;
    let sent = r#"{"at":2,"event":"invoke","client":"c","call":2,"operation":{"name":"Send","queue":"q","messages":[{"body":"m"}]}}"#;
    let accepted = r#"{"at":3,"event":"ok","call":2,"outcome":{"kind":"sent","messages":[{"Ok":{"message_id":"id","sequence_number":null}}]}}"#;
    let drained = r#"{"at":4,"event":"drained","queue":"q"}"#;
    for (lines, code, told) in [
        (&[created, sent, drained][..], 0, "pass: 0 calls answered"),
        (
            &[created, sent, accepted, drained],
            1,
            "violation of no loss",
        ),
        (
            &[created, sent, accepted],
            2,
            "unknown: no queue was drained",
        ),
        (&["{}"], 3, ""),
    ] {
        std::fs::write(&file, lines.join("\n")).expect("written");
        let output = binary::run(&["check", &file.display().to_string()]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.starts_with(told), "{text}");
    }
}
