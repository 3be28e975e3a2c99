//! FIFO queues through the SDK: order, the lock of a group, deduplication, attempts and handles,
//! also through crashes.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::queue::{Counts, Queue, bodies, sequence, system};

/// How long a FIFO queue remembers what was sent.
const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(5);
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(30);

fn handles(messages: &[Message]) -> Vec<&str> {
    let handles = messages.iter().map(Message::receipt_handle);
    handles.map(|handle| handle.expect("a handle")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receive_returns_up_to_ten_messages_of_a_group_in_their_order() {
    let cluster = TestCluster::start();
    let queue = Queue::create_fifo(&cluster.client(1), "line.fifo", &[]).await;
    let mut numbers = Vec::new();
    for number in 0..12 {
        // Each through another node: the order is the cluster's, not a node's.
        let node = cluster.client(number % 3 + 1);
        let body = format!("message-{number}");
        let sent = queue.through(&node).send_to("a", &body, &body).await;
        numbers.push(sequence(sent.sequence_number().expect("a sequence number")));
    }
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");

    let first = queue.receive().await;
    let expected: Vec<String> = (0..10).map(|number| format!("message-{number}")).collect();
    assert_eq!(bodies(&first), expected);
    for (message, number) in first.iter().zip(&numbers) {
        use MessageSystemAttributeName as Name;
        assert_eq!(sequence(system(message, &Name::SequenceNumber)), *number);
        assert_eq!(system(message, &Name::MessageGroupId), "a");
        let id = system(message, &Name::MessageDeduplicationId);
        assert_eq!(Some(id), message.body());
    }
    for message in &first {
        queue.delete(message).await;
    }
    assert_eq!(bodies(&queue.receive().await), ["message-10", "message-11"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_flight_locks_its_group_and_no_other() {
    let cluster = TestCluster::start();
    let queue = Queue::create_fifo(&cluster.client(2), "locked.fifo", &[]).await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")] {
        queue.send_to(group, body, body).await;
    }
    let one = queue.receiver().max_number_of_messages(1).send().await;
    let a1 = one
        .expect("received")
        .messages
        .expect("a message")
        .remove(0);
    assert_eq!(a1.body(), Some("a1"));

    let elsewhere = queue.through(&cluster.client(3));
    assert_eq!(bodies(&elsewhere.receive().await), ["b1"]);
    elsewhere.send_to("a", "a4", "a4").await;
    assert_eq!(elsewhere.receive().await, [], "a send does not unlock");
    elsewhere.send_to("c", "c1", "c1").await;
    assert_eq!(bodies(&elsewhere.receive().await), ["c1"]);

    // Deleting some of what is in flight leaves the lock; deleting all of it ends it.
    queue.delete(&a1).await;
    let rest = queue.receive().await;
    assert_eq!(bodies(&rest), ["a2", "a3", "a4"]);
    queue.delete(&rest[0]).await;
    queue.delete(&rest[1]).await;
    queue.send_to("a", "a5", "a5").await;
    assert_eq!(queue.receive().await, [], "a4 is still in flight");
    queue.delete(&rest[2]).await;
    assert_eq!(bodies(&queue.receive().await), ["a5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_given_back_is_the_first_of_its_group_again() {
    let cluster = TestCluster::start();
    let queue = Queue::create_fifo(&cluster.client(1), "back.fifo", &[]).await;
    for body in ["a1", "a2"] {
        queue.send_to("a", body, body).await;
    }
    let one = queue.receiver().max_number_of_messages(1).send().await;
    let a1 = one
        .expect("received")
        .messages
        .expect("a message")
        .remove(0);
    queue.change_visibility(&a1, 0).await;
    assert_eq!(bodies(&queue.receive().await), ["a1", "a2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_answered_as_the_original_also_after_its_delete() {
    let cluster = TestCluster::start();
    let queue = Queue::create_fifo(&cluster.client(1), "once.fifo", &[]).await;
    let original = queue.send_to("a", "one", "id-1").await;
    let assert_duplicate = async |body: &str, group: &str, node: u64| {
        let queue = queue.through(&cluster.client(node));
        let answer = queue.send_to(group, body, "id-1").await;
        assert_eq!(answer.message_id(), original.message_id());
        assert_eq!(answer.sequence_number(), original.sequence_number());
    };
    assert_duplicate("one", "a", 2).await;
    // The id decides, in all groups of the queue; the body does not.
    assert_duplicate("another body", "b", 3).await;
    assert_eq!(queue.counts().await, Counts::visible(1));

    let delivered = queue.receive_one().await;
    assert_eq!(delivered.message_id(), original.message_id());
    assert_duplicate("while in flight", "a", 1).await;
    queue.delete(&delivered).await;
    assert_duplicate("after the delete", "a", 2).await;
    assert_eq!(queue.counts().await, Counts::NONE);

    let other = queue.send_to("a", "one", "id-2").await;
    assert_ne!(other.message_id(), original.message_id());
    assert!(
        sequence(other.sequence_number().expect("a number"))
            > sequence(original.sequence_number().expect("a number"))
    );
    cluster.advance_clock(3, DEDUPLICATION_WINDOW).await;
    let forgotten = queue.send_to("a", "one", "id-1").await;
    assert_ne!(forgotten.message_id(), original.message_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn content_based_deduplication_takes_the_body_for_the_id() {
    let cluster = TestCluster::start();
    let by_content = [(QueueAttributeName::ContentBasedDeduplication, "true")];
    let queue = Queue::create_fifo(&cluster.client(1), "content.fifo", &by_content).await;
    let send = async |body: &str| {
        let send = queue.message(body).message_group_id("a").send();
        send.await.expect("sent")
    };
    let original = send("three").await;
    assert_eq!(send("three").await.message_id(), original.message_id());
    assert_ne!(send("four").await.message_id(), original.message_id());
    // SHA-256 of "three", given by the sender, is the same id; another id comes first.
    let hash = "8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f";
    let as_hash = queue.send_to("a", "not three", hash).await;
    assert_eq!(as_hash.message_id(), original.message_id());
    let explicit = queue.send_to("a", "three", "explicit").await;
    assert_ne!(explicit.message_id(), original.message_id());

    let received = queue.receive().await;
    assert_eq!(bodies(&received), ["three", "four", "three"]);
    let id = system(
        &received[0],
        &MessageSystemAttributeName::MessageDeduplicationId,
    );
    assert_eq!(id, hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_scope_of_groups_an_id_counts_in_its_group() {
    let cluster = TestCluster::start();
    let in_groups = [(QueueAttributeName::DeduplicationScope, "messageGroup")];
    let queue = Queue::create_fifo(&cluster.client(1), "scope.fifo", &in_groups).await;
    let in_a = queue.send_to("a", "one", "id").await;
    let in_b = queue.send_to("b", "one", "id").await;
    assert_ne!(in_a.message_id(), in_b.message_id());
    let again = queue.send_to("b", "one", "id").await;
    assert_eq!(again.message_id(), in_b.message_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_known_after_a_leader_kill_and_after_a_restart_of_all_nodes() {
    let cluster = TestCluster::start();
    let queue = Queue::create_fifo(&cluster.client(1), "durable.fifo", &[]).await;
    let kept = queue.send_to("kept", "kept", "kept").await;
    let deleted = queue.send_to("deleted", "deleted", "deleted").await;
    for message in queue.receive().await {
        if message.body() == Some("deleted") {
            queue.delete(&message).await;
        } else {
            queue.change_visibility(&message, 0).await;
        }
    }
    let assert_known = async |after: &str| {
        for id in 1..=3 {
            let queue = queue.through(&cluster.client(id));
            for (name, original) in [("kept", &kept), ("deleted", &deleted)] {
                let answer = queue.send_to(name, name, name).await;
                assert_eq!(answer.message_id(), original.message_id(), "{after}");
                assert_eq!(
                    answer.sequence_number(),
                    original.sequence_number(),
                    "{after}"
                );
            }
        }
        assert_eq!(queue.counts().await, Counts::visible(1), "{after}");
    };
    assert_known("before all").await;
    cluster.kill_and_restart_leader().await;
    assert_known("after a leader kill").await;
    cluster.kill_and_restart_all().await;
    assert_known("after a restart of all nodes").await;

    let last = [&kept, &deleted]
        .map(|sent| sequence(sent.sequence_number().expect("a number")))
        .into_iter()
        .max();
    let next = queue.send_to("kept", "next", "next").await;
    let next = sequence(next.sequence_number().expect("a number"));
    assert!(Some(next) > last, "sequence numbers grow through restarts");
    assert_eq!(bodies(&queue.receive().await), ["kept", "next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_id_returns_the_same_messages_and_handles() {
    let cluster = TestCluster::start();
    let queue = Queue::create_fifo(&cluster.client(1), "attempts.fifo", &[]).await;
    for body in ["a1", "a2", "a3"] {
        queue.send_to("a", body, body).await;
    }
    let attempt = async |node: u64, id: &str, most: i32| {
        let queue = queue.through(&cluster.client(node));
        let receive = queue.receiver().max_number_of_messages(most);
        let received = receive.receive_request_attempt_id(id).send().await;
        received.expect("received").messages.unwrap_or_default()
    };
    let first = attempt(1, "lost-answer", 2).await;
    assert_eq!(bodies(&first), ["a1", "a2"]);
    assert_eq!(attempt(2, "another", 2).await, [], "the group is locked");

    let again = attempt(3, "lost-answer", 2).await;
    assert_eq!(bodies(&again), ["a1", "a2"]);
    assert_eq!(handles(&again), handles(&first));
    for (again, first) in again.iter().zip(&first) {
        assert_eq!(again.message_id(), first.message_id());
        let count = system(again, &MessageSystemAttributeName::ApproximateReceiveCount);
        assert_eq!(count, "1", "it is the same delivery");
    }
    cluster.kill_and_restart_leader().await;
    assert_eq!(
        handles(&attempt(1, "lost-answer", 2).await),
        handles(&first)
    );

    // The attempt hides them anew: the first visibility timeout would have ended at 30 s.
    cluster.advance_clock(1, VISIBILITY_TIMEOUT / 2).await;
    assert_eq!(
        handles(&attempt(2, "lost-answer", 2).await),
        handles(&first)
    );
    cluster.advance_clock(2, VISIBILITY_TIMEOUT * 2 / 3).await;
    assert_eq!(attempt(3, "another", 2).await, [], "still hidden");

    // Once a message of it was deleted, the answer cannot be the same.
    queue.delete(&first[0]).await;
    assert_eq!(attempt(1, "lost-answer", 2).await, []);
    queue.delete(&first[1]).await;
    assert_eq!(bodies(&attempt(1, "next", 2).await), ["a3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_handle_deletes_nothing() {
    let cluster = TestCluster::start();
    let queue = Queue::create_fifo(&cluster.client(1), "expired.fifo", &[]).await;
    queue.send_to("a", "a1", "a1").await;
    let expired = queue.receive_one().await;
    cluster.advance_clock(2, VISIBILITY_TIMEOUT).await;

    let assert_refused = async || {
        let refused = queue.deletion(&expired).send().await;
        let refused = refused.expect_err("expired").into_service_error();
        assert_eq!(refused.code(), Some("InvalidParameterValue"));
        let handle = expired.receipt_handle().expect("a handle");
        let sentence = format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle \
             has expired."
        );
        assert_eq!(refused.message(), Some(sentence.as_str()));
    };
    assert_refused().await;
    let again = queue.receive_one().await;
    assert_eq!(again.message_id(), expired.message_id());
    assert_refused().await;
    queue.delete(&again).await;
    assert_eq!(queue.counts().await, Counts::NONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fifo_queue_needs_is_asked_for_in_the_words_of_sqs() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let queue = Queue::create_fifo(&client, "strict.fifo", &[]).await;

    let no_group = queue.message("lost").message_deduplication_id("id").send();
    let no_group = no_group.await.expect_err("no group").into_service_error();
    assert_eq!(no_group.code(), Some("MissingParameter"));
    assert_eq!(
        no_group.message(),
        Some("The request must contain the parameter MessageGroupId.")
    );

    let no_id = queue.message("lost").message_group_id("a").send().await;
    let no_id = no_id.expect_err("no id").into_service_error();
    assert_eq!(no_id.code(), Some("InvalidParameterValue"));
    assert_eq!(
        no_id.message(),
        Some(
            "The queue should either have ContentBasedDeduplication enabled or \
             MessageDeduplicationId provided explicitly"
        )
    );

    let delayed = |seconds: i32| {
        let send = queue.message("late").message_group_id("a");
        send.message_deduplication_id("late")
            .delay_seconds(seconds)
            .send()
    };
    let refused = delayed(2).await.expect_err("a delay").into_service_error();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
    assert_eq!(
        refused.message(),
        Some(
            "Value 2 for parameter DelaySeconds is invalid. Reason: The request include \
             parameter that is not valid for this queue type."
        )
    );
    delayed(0).await.expect("no delay is no wish");
    assert_eq!(bodies(&queue.receive().await), ["late"]);
}
