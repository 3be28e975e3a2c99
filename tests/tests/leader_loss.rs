//! The leader dies under load, again and again, and no client of another node notices more than
//! a pause.

use std::time::{Duration, Instant};

use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::drain::{assert_empty, assert_exactly_as_sent, drain};
use zonemq_tests::senders::Senders;

const KILLS: usize = 10;
const SENDERS: usize = 16;
/// The promise: sends go on within this, in the median of all kills.
const LONGEST_MEDIAN_GAP: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_killed_ten_times_under_load_loses_nothing_and_shows_no_error() {
    let cluster = TestCluster::start();
    let url = create_queue(&cluster.client(1), "orders").await;
    let mut acknowledged = Vec::new();
    let mut gaps = Vec::new();

    for kill in 1..=KILLS {
        let leader = cluster.leader().await;
        let survivors = cluster.clients_except(leader);
        let mut senders = Senders::start(&survivors, &url, SENDERS);
        senders.acknowledge(200).await;

        let killed_at = Instant::now();
        cluster.fault("kill", &format!("n{leader}"));
        senders.acknowledge(200).await;

        // It comes back while the load goes on.
        cluster.fault("restart", &format!("n{leader}"));
        cluster
            .wait_until("the killed node follows again", |status| {
                status.leader().is_some() && status.nodes.iter().all(|node| node.role.is_some())
            })
            .await;
        let outcome = senders.finish().await;

        assert!(
            outcome.errors.is_empty(),
            "kill {kill}: clients of surviving nodes saw errors: {:#?}",
            outcome.errors
        );
        gaps.push(outcome.longest_gap(killed_at));
        acknowledged.extend(outcome.acknowledged);
        cluster.caught_up().await;
    }

    gaps.sort();
    let median = (gaps[KILLS / 2 - 1] + gaps[KILLS / 2]) / 2;
    println!(
        "{KILLS} kills of the leader, {} sends acknowledged: longest gap in acknowledged sends: \
         median {median:.0?}, each {gaps:.0?}",
        acknowledged.len()
    );

    let all = cluster.clients_except(0);
    assert_exactly_as_sent(&acknowledged, &drain(&all, &url).await);
    assert_empty(&all[0], &url).await;
    assert!(median <= LONGEST_MEDIAN_GAP, "median gap {median:?}");
}
