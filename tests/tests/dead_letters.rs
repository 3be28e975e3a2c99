//! Messages that were received too often go to the dead-letter queue, as the messages they are.

use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeName as Name, QueueAttributeName};
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::queue::{Counts, Queue, bodies, system};

const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(30);

async fn redrive_policy(graves: &Queue, max_receives: u32) -> String {
    let target = graves.arn().await;
    serde_json::json!({ "deadLetterTargetArn": target, "maxReceiveCount": max_receives })
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receive_that_exceeds_the_count_moves_the_message_as_it_is() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let graves = Queue::create(&client, "graves", &[]).await;
    let policy = redrive_policy(&graves, 2).await;
    let attributes = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
    let orders = Queue::create(&client, "orders", &attributes).await;
    let sent = orders.send("poison").await;

    let first = orders.receive_one().await;
    let sent_at = system(&first, &Name::SentTimestamp).to_owned();
    let first_received_at = system(&first, &Name::ApproximateFirstReceiveTimestamp).to_owned();
    assert_eq!(system(&first, &Name::ApproximateReceiveCount), "1");
    cluster.advance_clock(2, VISIBILITY_TIMEOUT).await;
    let second = orders.receive_one().await;
    assert_eq!(system(&second, &Name::ApproximateReceiveCount), "2");
    cluster.advance_clock(3, VISIBILITY_TIMEOUT).await;

    // Nothing happens by itself; the third receive finds it too old in receives.
    assert_eq!(orders.counts().await, Counts::visible(1));
    assert_eq!(graves.counts().await, Counts::NONE);
    orders.send("healthy").await;
    assert_eq!(bodies(&orders.receive().await), ["healthy"]);
    assert_eq!(graves.counts().await, Counts::visible(1));

    let dead = graves.through(&cluster.client(3)).receive_one().await;
    assert_eq!(dead.body(), Some("poison"));
    assert_eq!(dead.message_id(), sent.message_id());
    assert_eq!(system(&dead, &Name::ApproximateReceiveCount), "3");
    assert_eq!(system(&dead, &Name::SentTimestamp), sent_at);
    assert_eq!(
        system(&dead, &Name::ApproximateFirstReceiveTimestamp),
        first_received_at
    );
    let source = system(&dead, &Name::DeadLetterQueueSourceArn);
    assert_eq!(source, orders.arn().await);
    let before = first.attributes().expect("attributes");
    assert!(!before.contains_key(&Name::DeadLetterQueueSourceArn));

    // The count goes on in the dead-letter queue, which has no dead-letter queue itself.
    graves.change_visibility(&dead, 0).await;
    let again = graves.receive_one().await;
    assert_eq!(system(&again, &Name::ApproximateReceiveCount), "4");
    graves.delete(&again).await;
    assert_eq!(graves.counts().await, Counts::NONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_keeps_its_age_for_the_retention_of_its_new_queue() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let retention = [(QueueAttributeName::MessageRetentionPeriod, "100")];
    let graves = Queue::create(&client, "graves", &retention).await;
    let policy = redrive_policy(&graves, 1).await;
    let attributes = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
    let orders = Queue::create(&client, "orders", &attributes).await;
    orders.send("poison").await;
    orders.receive_one().await;
    cluster.advance_clock(1, Duration::from_mins(1)).await;
    assert_eq!(orders.receive().await, []);
    assert_eq!(graves.counts().await, Counts::visible(1));
    cluster.advance_clock(1, Duration::from_secs(40)).await;
    assert_eq!(graves.counts().await, Counts::NONE, "100 s after its send");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifo_dead_letter_lets_its_group_pass_and_starts_its_age_anew() {
    let cluster = TestCluster::start();
    let client = cluster.client(2);
    let graves = Queue::create_fifo(&client, "graves.fifo", &[]).await;
    let policy = redrive_policy(&graves, 1).await;
    let attributes = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
    let orders = Queue::create_fifo(&client, "orders.fifo", &attributes).await;
    let poison = orders.send_to("a", "poison", "poison").await;
    orders.send_to("a", "next", "next").await;

    let one = orders.receiver().max_number_of_messages(1).send().await;
    let one = one.expect("received").messages.expect("a message");
    assert_eq!(bodies(&one), ["poison"]);
    let timestamp = |text: &str| text.parse::<u64>().expect("milliseconds");
    let sent_at = timestamp(system(&one[0], &Name::SentTimestamp));
    assert_eq!(orders.receive().await, [], "the group is locked");
    cluster.advance_clock(1, VISIBILITY_TIMEOUT).await;
    assert_eq!(bodies(&orders.receive().await), ["next"]);

    let dead = graves.receive_one().await;
    assert_eq!(dead.body(), Some("poison"));
    assert_eq!(dead.message_id(), poison.message_id());
    assert_eq!(system(&dead, &Name::MessageGroupId), "a");
    assert_eq!(system(&dead, &Name::ApproximateReceiveCount), "2");
    let source = system(&dead, &Name::DeadLetterQueueSourceArn);
    assert_eq!(source, orders.arn().await);
    // FIFO to FIFO: the message's id takes the place of the deduplication id.
    let id = system(&dead, &Name::MessageDeduplicationId);
    assert_eq!(Some(id), dead.message_id());
    let buried_at = timestamp(system(&dead, &Name::SentTimestamp));
    let visibility = u64::try_from(VISIBILITY_TIMEOUT.as_millis()).expect("small");
    assert!(buried_at >= sent_at + visibility, "{sent_at} {buried_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_survive_a_restart_of_all_nodes() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let graves = Queue::create(&client, "graves", &[]).await;
    let policy = redrive_policy(&graves, 1).await;
    let attributes = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
    let orders = Queue::create(&client, "orders", &attributes).await;
    let sent = orders.send("poison").await;
    let delivered = orders.receive_one().await;
    cluster.kill_and_restart_all().await;
    orders.change_visibility(&delivered, 0).await;
    assert_eq!(orders.receive().await, []);
    cluster.kill_and_restart_all().await;
    let dead = graves.receive_one().await;
    assert_eq!(dead.message_id(), sent.message_id());
    assert_eq!(system(&dead, &Name::ApproximateReceiveCount), "2");
    let source = system(&dead, &Name::DeadLetterQueueSourceArn);
    assert_eq!(source, orders.arn().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sources_of_a_dead_letter_queue_are_listed_in_pages() {
    let cluster = TestCluster::start();
    let client = cluster.client(3);
    let graves = Queue::create(&client, "graves", &[]).await;
    let policy = redrive_policy(&graves, 5).await;
    let attributes = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
    let mut sources = Vec::new();
    for number in 0..5 {
        sources.push(Queue::create(&client, &format!("source-{number}"), &attributes).await);
    }
    Queue::create(&client, "no-source", &[]).await;

    let listed = async || {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let page = client
                .list_dead_letter_source_queues()
                .queue_url(&graves.url)
                .max_results(2)
                .set_next_token(token)
                .send()
                .await
                .expect("a page");
            assert!(page.queue_urls.len() <= 2, "{page:?}");
            found.extend(page.queue_urls);
            token = page.next_token;
            if token.is_none() {
                return found;
            }
        }
    };
    let expected: Vec<&str> = sources.iter().map(|source| source.url.as_str()).collect();
    assert_eq!(listed().await, expected);

    client
        .set_queue_attributes()
        .queue_url(&sources[2].url)
        .attributes(QueueAttributeName::RedrivePolicy, "")
        .send()
        .await
        .expect("an empty policy removes it");
    client
        .delete_queue()
        .queue_url(&sources[4].url)
        .send()
        .await
        .expect("deleted");
    assert_eq!(listed().await, [expected[0], expected[1], expected[3]]);
}
