//! A receiver that waits is woken by what happens anywhere in the cluster.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
use tokio::task::JoinHandle;
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::raw_http::{Api, JSON};

/// Starts a long poll at this node, the only one of the cluster, and returns when it waits.
async fn waiting_receiver(
    cluster: &TestCluster,
    client: &Client,
    queue_url: &str,
) -> JoinHandle<(ReceiveMessageOutput, Instant)> {
    const ARRIVES_WITHIN: Duration = Duration::from_secs(10);
    let receive = client
        .receive_message()
        .queue_url(queue_url)
        .wait_time_seconds(20);
    let receiver = tokio::spawn(async move {
        let received = receive.send().await.expect("a long poll never fails");
        (received, Instant::now())
    });
    let asked = Instant::now();
    while cluster.metric("zonemq_waiting_receivers").await < 1.0 {
        assert!(asked.elapsed() < ARRIVES_WITHIN, "it does not wait");
    }
    assert!(!receiver.is_finished(), "there is nothing to receive yet");
    receiver
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_is_woken_by_a_send_on_another_node_within_milliseconds() {
    let cluster = TestCluster::start();
    let url = create_queue(&cluster.client(1), "orders").await;
    let mut delays = Vec::new();
    for (receiving, sending) in [(1, 2), (2, 3), (3, 1)] {
        let waiting = waiting_receiver(&cluster, &cluster.client(receiving), &url).await;
        let sender = cluster.client(sending);
        let sent_at = Instant::now();
        let send = sender
            .send_message()
            .queue_url(&url)
            .message_body("wake up");
        send.send().await.expect("sent");
        let (received, at) = waiting.await.expect("no panic");
        assert_eq!(received.messages().len(), 1);
        delays.push(at - sent_at);
    }
    delays.sort();
    println!("from the send's start to the waiting receiver's answer: {delays:.1?}");
    assert!(delays[1] < Duration::from_millis(100), "{delays:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_waits_keeps_no_reply_to_others_in_memory() {
    const SENDS: usize = 100;
    let cluster = TestCluster::start();
    for node in 1..=3 {
        let client = cluster.client(node);
        let quiet = create_queue(&client, "quiet").await;
        let busy = create_queue(&client, "busy").await;
        let waiting = waiting_receiver(&cluster, &client, &quiet).await;
        for _ in 0..SENDS {
            let send = client.send_message().queue_url(&busy).message_body("done");
            send.send().await.expect("sent");
        }
        cluster.caught_up().await;
        let kept = cluster.metric("zonemq_remembered_replies").await;
        // The last few of each node, on each of the three.
        assert!(kept < 30.0, "{kept} replies");
        assert!(kept > 0.0, "none is kept: a retry would count twice");
        client
            .send_message()
            .queue_url(&quiet)
            .message_body("that is all")
            .send()
            .await
            .expect("sent");
        waiting.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_with_nothing_to_receive_waits_its_time_out() {
    let cluster = TestCluster::start();
    let client = cluster.client(2);
    let url = create_queue(&client, "quiet").await;
    let asked = Instant::now();
    let receive = client
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(2);
    let received = receive.send().await.expect("an empty answer");
    assert!(received.messages().is_empty());
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(waited < Duration::from_secs(4), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_survives_the_death_of_the_leader() {
    let cluster = TestCluster::start();
    let url = create_queue(&cluster.client(1), "orders").await;
    let old = cluster.leader().await;
    let survivors = cluster.clients_except(old);
    let waiting = waiting_receiver(&cluster, &survivors[0], &url).await;

    cluster.fault("kill", &format!("n{old}"));
    cluster
        .wait_until("another node leads", |status| status.leader().is_some())
        .await;
    let send = survivors[1].send_message().queue_url(&url);
    send.message_body("after the fall")
        .send()
        .await
        .expect("sent");

    let (received, _) = waiting.await.expect("no panic");
    assert_eq!(received.messages()[0].body(), Some("after the fall"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_asks_and_goes_leaves_room_for_those_who_stay() {
    const CROWD: usize = 1000;
    let cluster = TestCluster::start();
    let quiet = create_queue(&cluster.client(1), "quiet").await;
    let url = create_queue(&cluster.client(1), "orders").await;
    let body = format!(r#"{{"QueueUrl": "{quiet}", "WaitTimeSeconds": 20}}"#);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n\
         X-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for node in 1..=3 {
        let api = Api::of(&cluster, node);
        for _ in 0..CROWD {
            api.send_and_go(request.as_bytes()).await;
        }
        let client = cluster.client(node);
        let waiting = waiting_receiver(&cluster, &client, &url).await;
        let send = client.send_message().queue_url(&url).message_body("stayed");
        send.send().await.expect("sent");
        let (received, _) = waiting.await.expect("no panic");
        assert_eq!(received.messages()[0].body(), Some("stayed"));
    }
}
