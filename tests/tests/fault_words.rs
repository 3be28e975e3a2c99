//! What `zonemq fault` says where nothing is broken: predictions, mistakes and refusals.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use zonemq_tests::binary;
use zonemq_tests::faulted::{FaultSite, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_only_predicts_and_a_mistake_is_told_in_a_sentence() {
    let site = FaultSite::new().await;
    let told = site.cluster.told("kill all --dry-run");
    assert_eq!(told["prediction"]["leadership"]["outlook"], "nobody");
    assert_eq!(told["observation"], Value::Null);
    assert!(site.cluster.status().nodes.iter().all(|node| node.alive));
    for (words, sentence) in [
        ("partition a", "two sides"),
        ("partition a|n1", "n1 is on two sides"),
        ("isolate all", "the whole cluster"),
        ("slow n1-n2", "required"),
        ("slow n1-n2 --loss 5", "not like 5%"),
        ("slow-disk n1", "--fsync"),
        ("cut n1-n7", "only n1, n2, n3"),
        ("cut n1-zone:a", "not a link"),
        ("pause n1 --for 25h", "longer than a fault may be"),
        ("undo 99", "no fault 99 is active"),
    ] {
        let output = site.cluster.fault_words(words);
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {why}");
        assert!(why.contains(sentence), "{words}: {why}");
    }
    assert_eq!(site.cluster.told("status")["faults"], Value::Array(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_not_started_with_faults_says_so() {
    let home = tempfile::tempdir().expect("a folder");
    let free = || -> SocketAddr {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        free.local_addr().expect("an address")
    };
    let (api, peer) = (free(), free());
    let mut node = Command::new(binary::path())
        .args(["node", "--cluster", "alone", "--id", "1", "--bootstrap"])
        .args(["--member", &format!("1=a@{api}/{peer}"), "--data"])
        .arg(home.path().join("n1"))
        .stderr(Stdio::null())
        .spawn()
        .expect("zonemq can be started");
    let url = format!("http://{api}/admin/faults");
    let until = Instant::now() + SOON;
    let answer = loop {
        match reqwest::get(&url).await {
            Ok(answer) => break answer,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let (status, told) = (answer.status(), answer.text().await.expect("a sentence"));
    // Nor does a page get to any node through it.
    let call = serde_json::json!({ "operation": "ListQueues", "input": {} });
    let through = reqwest::Client::new().post(format!("http://{api}/console/nodes/1"));
    let through = through.json(&call).send().await.expect("an answer");
    let (refused, why) = (through.status(), through.text().await.expect("a sentence"));
    node.kill().expect("it runs");
    node.wait().expect("it ends");
    for (status, told) in [(status, told), (refused, why)] {
        assert_eq!(status.as_u16(), 403, "{told}");
        assert!(told.contains("--enable-faults"), "{told}");
    }
}
