//! `zonemq bench` on a real cluster: what it tells, what it draws, and that it leaves nothing behind.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use zonemq_tests::binary;
use zonemq_tests::cluster::TestCluster;

fn results(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

async fn queues_left(cluster: &TestCluster) -> usize {
    let listed = cluster.client(1).list_queues().send().await;
    listed.expect("a list").queue_urls().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_load_tells_rates_latencies_and_a_timeline_and_removes_its_queues() {
    let cluster = TestCluster::start();
    let plot = cluster.data().join("plot.svg");
    let plot_argument = plot.display().to_string();
    let output = cluster.zonemq(&[
        "bench",
        "mixed",
        "--clients",
        "8",
        "--queues",
        "2",
        "--duration",
        "1s",
        "--json",
        "--plot",
        &plot_argument,
    ]);
    let results = results(&output);
    let promised = [
        "batch",
        "body_bytes",
        "clients",
        "delete",
        "empty_receives",
        "ended",
        "endpoints",
        "errors",
        "first_error",
        "left_behind",
        "load_cpu_seconds",
        "message_groups",
        "messages",
        "messages_per_second",
        "queues",
        "receive",
        "seconds",
        "send",
        "send_to_receive",
        "servers",
        "started_unix_ms",
        "timeline",
        "workload",
    ];
    let mut told = keys(&results);
    told.sort_unstable();
    assert_eq!(told, promised);
    assert_eq!(results["workload"], "mixed");
    assert_eq!(results["ended"], "time");
    assert_eq!(results["errors"], serde_json::json!({}));
    assert_eq!(results["endpoints"].as_array().expect("a list").len(), 3);
    let seconds = number(&results["seconds"]);
    assert!((1.0..10.0).contains(&seconds), "{seconds}");
    assert!(number(&results["messages"]) > 0.0);
    assert_eq!(results["messages"], results["delete"]["messages"]);
    for operation in ["send", "receive", "delete"] {
        let latency = &results[operation]["latency"];
        let percentiles = ["min_ms", "p50_ms", "p99_ms", "p99_9_ms", "max_ms"];
        let values = percentiles.map(|name| number(&latency[name]));
        assert!(
            values.is_sorted() && values[0] > 0.0,
            "{operation}: {values:?}"
        );
    }
    assert!(number(&results["send_to_receive"]["p50_ms"]) > 0.0);
    assert!(number(&results["servers"]["cpu_seconds"]) > 0.0);
    let sent = results["timeline"]["sent"].as_array().expect("a list");
    let sum: f64 = sent.iter().map(number).sum();
    assert!((sum - number(&results["send"]["messages"])).abs() < 0.5);

    let svg = std::fs::read_to_string(plot).expect("the plot");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    // Over time and by percentile.
    assert_eq!(svg.matches("<polyline class=\"send\"").count(), 2);
    assert_eq!(queues_left(&cluster).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_there_first_is_received_until_nothing_is_left() {
    let cluster = TestCluster::start();
    let endpoint = format!("http://{}", cluster.api(2));
    let output = binary::run(&[
        "bench",
        "receive",
        "--endpoint",
        &endpoint,
        "--clients",
        "4",
        "--batch",
        "10",
        "--fill",
        "203",
        "--duration",
        "60s",
        "--fifo",
        "--groups",
        "5",
        "--body",
        "100",
        "--json",
    ]);
    let results = results(&output);
    assert_eq!(results["ended"], "drained");
    assert_eq!(results["messages"], 203);
    assert_eq!(results["message_groups"], 5);
    assert_eq!(results["endpoints"], serde_json::json!([endpoint]));
    // Nothing is known of the processes behind an address.
    assert_eq!(results["servers"], Value::Null);
    assert_eq!(results["send"], Value::Null);
    assert_eq!(queues_left(&cluster).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_interrupted_tells_what_it_has_and_removes_its_queues() {
    let cluster = TestCluster::start();
    let bench = Command::new(binary::path())
        .args([
            "bench",
            "wait",
            "--clients",
            "3",
            "--duration",
            "300s",
            "--json",
        ])
        .arg("--data")
        .arg(cluster.data())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("zonemq can be started");
    // Its clients wait for messages: then it runs.
    let url = loop {
        let listed = cluster.client(1).list_queues().send().await;
        if let Some(url) = listed.expect("a list").queue_urls().first() {
            break url.clone();
        }
        tokio::task::yield_now().await;
    };
    let sent = cluster.client(1).send_message().queue_url(&url);
    sent.message_body("wakes one").send().await.expect("sent");
    loop {
        let received = cluster.client(1).get_queue_attributes().queue_url(&url);
        let names = aws_sdk_sqs::types::QueueAttributeName::All;
        let told = received.attribute_names(names).send().await.expect("told");
        let in_flight =
            &aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        if told
            .attributes()
            .and_then(|them| them.get(in_flight))
            .is_some_and(|count| count == "1")
        {
            break;
        }
        tokio::task::yield_now().await;
    }
    let pid = Pid::from_raw(i32::try_from(bench.id()).expect("a process id"));
    kill(pid, Signal::SIGINT).expect("signalled");
    let output = tokio::task::spawn_blocking(|| bench.wait_with_output()).await;
    let results = results(&output.expect("no panic").expect("it ends"));
    assert_eq!(results["ended"], "interrupted");
    assert_eq!(results["left_behind"], serde_json::json!([]));
    assert_eq!(queues_left(&cluster).await, 0);
}

#[test]
fn what_cannot_be_measured_is_told_in_one_sentence() {
    let told = |output: Output, code| {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert_eq!(told.trim().lines().count(), 1, "one sentence: {told}");
        told
    };
    // Nobody listens there once this is dropped.
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let output = binary::run(&["bench", "send", "--endpoint", &nobody]);
    let sentence = told(output, 1);
    assert!(sentence.contains("cannot be reached"), "{sentence}");
    assert!(sentence.contains("`zonemq up`"), "{sentence}");

    let output = binary::run(&["bench", "--endpoint", &nobody, "--clients", "0"]);
    assert!(told(output, 2).contains("clients: 0 is not between 2 and 20000"));
    let output = binary::run(&["bench", "--endpoint", "https://example.org"]);
    assert!(told(output, 2).contains("plain HTTP"));
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("none").display().to_string();
    assert!(told(binary::run(&["bench", "--data", &data]), 2).contains("there is no cluster"));
}
