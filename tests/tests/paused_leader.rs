//! The leader stands still for longer than an election, and wakes up deposed.

use aws_sdk_sqs::types::QueueAttributeName;
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::{Status, TestCluster};
use zonemq_tests::drain::{assert_empty, assert_exactly_as_sent, drain};
use zonemq_tests::senders::Senders;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_wakes_up_deposed_repeats_nothing_and_tells_no_old_news() {
    let cluster = TestCluster::start();
    let url = create_queue(&cluster.client(1), "orders").await;
    let old = cluster.leader().await;
    let (old_client, others) = (cluster.client(old), cluster.clients_except(old));
    let mut senders = Senders::start(&others, &url, 16);
    senders.acknowledge(200).await;

    // Sends are on their way to the leader at this moment.
    cluster.fault("pause", &format!("n{old}"));
    let is_new = |id: u64| id != old;
    cluster
        .wait_until("another node leads", |status| {
            status.leader().is_some_and(|leader| is_new(leader.id))
        })
        .await;
    senders.acknowledge(200).await;
    others[0]
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::VisibilityTimeout, "77")
        .send()
        .await
        .expect("set");

    // Asked while it sleeps: the first thing that it does when it wakes up is to answer this.
    let (client, queue_url) = (old_client.clone(), url.clone());
    let asked_asleep = tokio::spawn(async move {
        client
            .get_queue_attributes()
            .queue_url(queue_url)
            .attribute_names(QueueAttributeName::VisibilityTimeout)
            .send()
            .await
    });
    let (client, queue_url) = (old_client.clone(), url.clone());
    let sent_asleep = tokio::spawn(async move {
        client
            .send_message()
            .queue_url(queue_url)
            .message_body("sent to a sleeper")
            .send()
            .await
    });
    // Both lie in the sleeper's sockets by the time that the others did all this.
    senders.acknowledge(50).await;
    cluster.fault("resume", &format!("n{old}"));

    let told = asked_asleep.await.expect("no panic").expect("an answer");
    assert_eq!(
        told.attributes().expect("attributes")[&QueueAttributeName::VisibilityTimeout],
        "77",
        "the deposed leader told old news"
    );
    sent_asleep.await.expect("no panic").expect("an answer");
    senders.acknowledge(200).await;
    let sent = senders.finish().await;
    assert_eq!(sent.errors, Vec::<String>::new());
    cluster
        .wait_until("the deposed leader follows", Status::all_caught_up)
        .await;

    let mut received = drain(&cluster.clients_except(0), &url).await;
    let to_sleeper = received
        .extract_if(.., |(_, body)| body == "sent to a sleeper")
        .count();
    assert_eq!(to_sleeper, 1);
    assert_exactly_as_sent(&sent.acknowledged, &received);
    assert_empty(&old_client, &url).await;
}
