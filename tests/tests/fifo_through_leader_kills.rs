//! A FIFO queue keeps its promises while the leader is killed again and again.
//!
//! `ZONEMQ_LEADER_KILLS` says how often, 5 times if it is not set, so that every commit can afford
//! it; the promise is made for 20.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::first_in_first_out;
use zonemq_tests::groups::Load;
use zonemq_tests::queue::Queue;

const DEFAULT_KILLS: usize = 5;
const GROUPS: usize = 8;
const RECEIVERS: usize = 6;
const SENDS_BETWEEN_FAULTS: u64 = 200;
/// Short, so that an answer that died with its node does not hold up its group for long.
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(5);

fn kills() -> usize {
    std::env::var("ZONEMQ_LEADER_KILLS").map_or(DEFAULT_KILLS, |text| {
        text.parse().expect("ZONEMQ_LEADER_KILLS is a number")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn order_lock_and_deduplication_hold_while_leaders_die() {
    let kills = kills();
    let cluster = TestCluster::start();
    let clients = cluster.clients_except(0);
    let visibility = VISIBILITY_TIMEOUT.as_secs().to_string();
    let attributes = [(QueueAttributeName::VisibilityTimeout, visibility.as_str())];
    let queue = Queue::create_fifo(&clients[0], "orders.fifo", &attributes).await;
    let views: Vec<Queue> = clients.iter().map(|client| queue.through(client)).collect();

    let began = Instant::now();
    let load = Load::start(&views, GROUPS, RECEIVERS);
    for _ in 0..kills {
        load.acknowledge(SENDS_BETWEEN_FAULTS).await;
        let leader = cluster.leader().await;
        cluster.fault("kill", &format!("n{leader}"));
        load.acknowledge(SENDS_BETWEEN_FAULTS).await;
        cluster.fault("restart", &format!("n{leader}"));
    }
    load.acknowledge(SENDS_BETWEEN_FAULTS).await;
    let outcome = load.finish().await;
    println!(
        "{kills} kills of the leader in {:.0?}: {} messages acknowledged in {GROUPS} groups, {} \
         sends tried again, {} deliveries",
        began.elapsed(),
        outcome.acknowledged.len(),
        outcome.retries,
        outcome.deliveries.len()
    );
    first_in_first_out::assert_kept(&outcome, VISIBILITY_TIMEOUT);
}
