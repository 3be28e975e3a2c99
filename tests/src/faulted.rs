//! A cluster to be broken, with a queue whose sends show what is.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use serde_json::Value;

use crate::client::{connect_for, create_queue};
use crate::cluster::{Status, TestCluster};

/// Longer than any send takes that is not held up on purpose, and than a request's timeout.
pub const PROMPT: Duration = Duration::from_secs(4);
/// Until connections that lost something are given up, and a little more.
pub const SOON: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A cluster with one queue, whose requests wait 2 s for a majority.
pub struct FaultSite {
    /// The cluster.
    pub cluster: TestCluster,
    /// The queue.
    pub url: String,
    /// Who led at first.
    pub leader: u64,
    /// The others, in the order of their ids.
    pub followers: [u64; 2],
}

impl FaultSite {
    /// Starts one.
    pub async fn new() -> FaultSite {
        let cluster = TestCluster::start_with(&["--request-timeout", "2s"]);
        let leader = cluster.leader().await;
        let url = create_queue(&cluster.client(leader), "work").await;
        let followers: Vec<u64> = (1..=3).filter(|id| *id != leader).collect();
        FaultSite {
            cluster,
            url,
            leader,
            followers: followers.try_into().expect("three nodes"),
        }
    }

    /// A client of a node, which gives up after a moment.
    pub fn client(&self, id: u64, patience: Duration) -> Client {
        connect_for(self.cluster.api(id), patience)
    }

    /// Sends one message through a node: how long it took, or why not.
    pub async fn send(&self, through: u64, patience: Duration) -> Result<Duration, String> {
        let client = self.client(through, patience);
        let began = Instant::now();
        let request = client.send_message().queue_url(&self.url);
        let sent = request.message_body("m").send().await;
        sent.map(|_| began.elapsed())
            .map_err(|error| DisplayErrorContext(&error).to_string())
    }

    /// How long so many acknowledged sends through a node took, from the shortest to the longest.
    pub async fn sends(&self, through: u64, count: usize) -> Vec<Duration> {
        let mut took = Vec::new();
        let until = Instant::now() + 6 * SOON;
        while took.len() < count {
            match self.send(through, SOON).await {
                Ok(time) => took.push(time),
                // An election may take longer than a request waits.
                Err(why) => assert!(Instant::now() < until, "{why}"),
            }
        }
        took.sort();
        took
    }

    /// Waits until a send through this node is acknowledged.
    pub async fn serves_again(&self, through: u64) {
        let until = Instant::now() + SOON;
        while let Err(why) = self.send(through, PROMPT).await {
            assert!(Instant::now() < until, "n{through} does not serve: {why}");
        }
    }

    /// Waits until all nodes have what is committed, and serve.
    pub async fn wait_until_whole(&self) {
        let wait = self.cluster.wait_until("whole", Status::all_caught_up);
        wait.await;
        for id in 1..=3 {
            self.serves_again(id).await;
        }
    }

    /// Waits until no fault is active.
    pub async fn wait_until_nothing_is_broken(&self) {
        let until = Instant::now() + SOON;
        while self.cluster.told("status")["faults"] != Value::Array(vec![]) {
            assert!(Instant::now() < until, "something stays broken");
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Undoes what was told.
    pub fn undo(&self, told: &Value) {
        self.cluster.told(&format!("undo {}", told["number"]));
    }

    /// Sends through the leader, and checks that this node does not hear of it.
    pub async fn leaves_behind(&self, node: u64) {
        for _ in 0..3 {
            let sent = self.send(self.leader, SOON).await;
            sent.expect("it is acknowledged");
        }
        let status = self.cluster.status();
        let at = |id: u64| {
            let node = status.nodes.iter().find(|node| node.id == id);
            node.expect("a node").applied_index
        };
        assert!(at(node) < at(self.leader), "{status:#?}");
    }
}

/// Checks that what was predicted was seen.
pub fn assert_expected(told: &Value) {
    assert_eq!(told["observation"]["as_expected"], true, "{told:#}");
    println!("{}: {}", told["fault"], told["observation"]);
}

/// A request that waited for its time was not acknowledged.
pub fn assert_unavailable(sent: &Result<Duration, String>) {
    let why = sent.as_ref().expect_err("nothing was acknowledged");
    assert!(why.contains("503"), "{why}");
}
