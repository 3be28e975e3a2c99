//! Two of three nodes, or all of them, are gone: nothing is promised that cannot be kept, and
//! everything that was promised comes back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::{Status, TestCluster};
use zonemq_tests::drain::{assert_empty, assert_exactly_as_sent, drain};
use zonemq_tests::senders::Senders;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_a_send_waits_and_then_fails_with_the_reason() {
    let cluster = TestCluster::start_with(&["--request-timeout", "2s"]);
    let url = create_queue(&cluster.client(1), "orders").await;
    let mut senders = Senders::start(&cluster.clients_except(0), &url, 4);
    senders.acknowledge(40).await;
    let before = senders.finish().await;
    assert_eq!(before.errors, Vec::<String>::new());

    let leader = cluster.leader().await;
    let other = 1 + leader % 3;
    let left = 6 - leader - other;
    for dead in [leader, other] {
        cluster.fault("kill", &format!("n{dead}"));
    }
    let client = cluster.client(left);
    let asked = Instant::now();
    let refused = client
        .send_message()
        .queue_url(&url)
        .message_body("nobody may promise this")
        .send()
        .await
        .expect_err("one node of three is no majority");
    let waited = asked.elapsed();
    assert!(waited >= REQUEST_TIMEOUT, "it gave up after {waited:?}");
    let answer = refused.raw_response().expect("the node answered");
    assert_eq!(answer.status().as_u16(), 503);
    let reason = refused.message().expect("the answer names the reason");
    assert!(
        reason.contains("majority") || reason.contains("leader"),
        "{reason}"
    );

    cluster.fault("restart", &format!("n{other}"));
    cluster
        .wait_until("two nodes agree again", |status| status.leader().is_some())
        .await;
    let mut senders = Senders::start(std::slice::from_ref(&client), &url, 4);
    senders.acknowledge(40).await;
    let after = senders.finish().await;
    assert_eq!(after.errors, Vec::<String>::new());

    // The refused send was never acknowledged: it may have happened, at most once.
    let mut received = drain(std::slice::from_ref(&client), &url).await;
    let refused: Vec<_> = received
        .extract_if(.., |(_, body)| body == "nobody may promise this")
        .collect();
    assert!(refused.len() <= 1, "{refused:?}");
    let acknowledged = [before.acknowledged, after.acknowledged].concat();
    assert_exactly_as_sent(&acknowledged, &received);
    assert_empty(&client, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_of_all_nodes_loses_nothing_and_messages_in_flight_come_back() {
    const IN_FLIGHT: usize = 10;
    const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(15);
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let url = create_queue(&client, "orders").await;
    let mut senders = Senders::start(&cluster.clients_except(0), &url, 8);
    senders.acknowledge(200).await;
    let sent = senders.finish().await;
    assert_eq!(sent.errors, Vec::<String>::new());

    let hidden_at = Instant::now();
    let mut in_flight = BTreeSet::new();
    while in_flight.len() < IN_FLIGHT {
        let received = client
            .receive_message()
            .queue_url(&url)
            .visibility_timeout(15)
            .send()
            .await
            .expect("received");
        let id = received.messages()[0].message_id().expect("an id");
        in_flight.insert(id.to_owned());
    }

    for action in ["kill", "restart"] {
        for zone in ["zone:a", "zone:b", "zone:c"] {
            cluster.fault(action, zone);
        }
    }
    cluster
        .wait_until("all nodes are back", Status::all_caught_up)
        .await;

    let mut received = drain(&cluster.clients_except(0), &url).await;
    if hidden_at.elapsed() < VISIBILITY_TIMEOUT {
        assert!(
            received.iter().all(|(id, _)| !in_flight.contains(id)),
            "a message in flight came back before its time"
        );
    }
    while received.len() < sent.acknowledged.len() {
        let back = client
            .receive_message()
            .queue_url(&url)
            .wait_time_seconds(20)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .expect("received")
            .messages
            .unwrap_or_default();
        assert!(!back.is_empty(), "only {} messages came", received.len());
        for message in back {
            assert!(
                hidden_at.elapsed() >= VISIBILITY_TIMEOUT,
                "too early: {message:?}"
            );
            let count = &message.attributes().expect("asked for")
                [&MessageSystemAttributeName::ApproximateReceiveCount];
            assert_eq!(count, "2", "the first receive is remembered");
            let handle = message.receipt_handle.expect("a handle");
            let delete = client
                .delete_message()
                .queue_url(&url)
                .receipt_handle(handle);
            delete.send().await.expect("deleted");
            received.push((
                message.message_id.expect("an id"),
                message.body.expect("a body"),
            ));
        }
    }
    assert_exactly_as_sent(&sent.acknowledged, &received);
    assert_empty(&client, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_taken_down_goes_on_with_what_was_there() {
    let mut cluster = TestCluster::start();
    let url = create_queue(&cluster.client(1), "orders").await;
    let mut acknowledged = Vec::new();
    for _ in 0..2 {
        let mut senders = Senders::start(&cluster.clients_except(0), &url, 8);
        senders.acknowledge(100).await;
        let sent = senders.finish().await;
        assert_eq!(sent.errors, Vec::<String>::new());
        acknowledged.extend(sent.acknowledged);
        cluster.down();
        assert!(cluster.status().nodes.iter().all(|node| !node.alive));
        cluster.up(&[]);
    }
    let all = cluster.clients_except(0);
    assert_exactly_as_sent(&acknowledged, &drain(&all, &url).await);
    assert_empty(&all[0], &url).await;
}
