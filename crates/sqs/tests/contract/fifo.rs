//! The rules of FIFO queues: section 1.7 of the contract, in its order.

use serde_json::{Value, json};

use crate::server::{Server, arn, over_both};

fn queue(server: &mut Server) -> String {
    server.fifo("q", &json!({"ContentBasedDeduplication": "true"}))
}

fn send(server: &mut Server, queue: &str, group: &str, body: &str) -> Value {
    let input = json!({"QueueUrl": queue, "MessageBody": body, "MessageGroupId": group});
    server.ok("SendMessage", &input)
}

fn send_with_id(server: &mut Server, queue: &str, group: &str, body: &str, id: &str) -> Value {
    let input = json!({
        "QueueUrl": queue,
        "MessageBody": body,
        "MessageGroupId": group,
        "MessageDeduplicationId": id,
    });
    server.ok("SendMessage", &input)
}

fn delete(server: &mut Server, queue: &str, message: &Value) {
    let handle = &message["ReceiptHandle"];
    server.ok(
        "DeleteMessage",
        &json!({"QueueUrl": queue, "ReceiptHandle": handle}),
    );
}

fn body(message: &Value) -> &str {
    message["Body"].as_str().expect("a body")
}

#[test]
fn a_duplicate_is_answered_as_its_original_for_5_minutes_even_when_that_is_deleted() {
    over_both(|server| {
        let queue = queue(server);
        let first = send(server, &queue, "g", "m");
        let received = server.receive(&queue, &json!({}));
        delete(server, &queue, &received[0]);
        server.after_seconds(299);
        let again = send(server, &queue, "g", "m");
        assert_eq!(again["MessageId"], first["MessageId"]);
        assert_eq!(again["SequenceNumber"], first["SequenceNumber"]);
        assert_eq!(server.bodies(&queue), [""; 0]);
        server.after_seconds(2);
        let new = send(server, &queue, "g", "m");
        assert_ne!(new["MessageId"], first["MessageId"]);
        assert!(new["SequenceNumber"].as_str() > first["SequenceNumber"].as_str());
        assert_eq!(server.bodies(&queue), ["m"]);
    });
}

#[test]
fn an_id_made_of_the_body_is_its_sha_256_and_knows_no_attributes() {
    over_both(|server| {
        let queue = queue(server);
        let first = send(server, &queue, "g", "m");
        let with_attribute = json!({
            "QueueUrl": queue, "MessageBody": "m", "MessageGroupId": "g",
            "MessageAttributes": {"a": {"DataType": "String", "StringValue": "v"}},
        });
        let second = server.ok("SendMessage", &with_attribute);
        assert_eq!(second["MessageId"], first["MessageId"]);
        let hash = "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a";
        let by_hash = send_with_id(server, &queue, "g", "other", hash);
        assert_eq!(by_hash["MessageId"], first["MessageId"]);
        let explicit = send_with_id(server, &queue, "g", "m", "another");
        assert_ne!(explicit["MessageId"], first["MessageId"]);
        let received = server.receive(&queue, &json!({}));
        assert_eq!(received[0]["Attributes"]["MessageDeduplicationId"], hash);
    });
}

#[test]
fn the_scope_says_among_which_messages_duplicates_are_looked_for() {
    over_both(|server| {
        let whole = queue(server);
        let by_group = server.fifo(
            "by-group",
            &json!({"ContentBasedDeduplication": "true", "DeduplicationScope": "messageGroup"}),
        );
        for (queue, are_equal) in [(whole, true), (by_group, false)] {
            let in_a = send(server, &queue, "a", "m");
            let in_b = send(server, &queue, "b", "m");
            assert_eq!(in_a["MessageId"] == in_b["MessageId"], are_equal);
            assert_eq!(server.bodies(&queue).len(), if are_equal { 1 } else { 2 });
        }
    });
}

#[test]
fn one_receive_takes_ten_of_a_group_in_order_and_then_the_group_is_locked() {
    over_both(|server| {
        let queue = queue(server);
        let bodies: Vec<String> = (10..22).map(|number| number.to_string()).collect();
        for body in &bodies {
            send(server, &queue, "g", body);
        }
        let first = server.receive(&queue, &json!({}));
        let told: Vec<&str> = first.iter().map(body).collect();
        assert_eq!(told, bodies[..10]);
        assert_eq!(server.bodies(&queue), [""; 0]);
        send(server, &queue, "g", "late");
        send(server, &queue, "other", "free");
        assert_eq!(server.bodies(&queue), ["free"]);
        for message in &first[..9] {
            delete(server, &queue, message);
        }
        assert_eq!(server.bodies(&queue), [""; 0], "one is still in flight");
        delete(server, &queue, &first[9]);
        assert_eq!(server.bodies(&queue), ["20", "21", "late"]);
    });
}

#[test]
fn a_group_is_read_up_to_its_first_hidden_message() {
    over_both(|server| {
        let queue = queue(server);
        for body in ["1", "2", "3", "4"] {
            send(server, &queue, "g", body);
        }
        let all = server.receive(&queue, &json!({"VisibilityTimeout": 10}));
        assert_eq!(all.len(), 4);
        let handle = &all[2]["ReceiptHandle"];
        server.ok(
            "ChangeMessageVisibility",
            &json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": 100}),
        );
        server.after_seconds(11);
        assert_eq!(server.bodies(&queue), ["1", "2"]);
    });
}

#[test]
fn a_delayed_message_does_not_lock_its_group_and_only_the_queue_delays() {
    over_both(|server| {
        let queue = queue(server);
        send(server, &queue, "g", "now");
        server.ok(
            "SetQueueAttributes",
            &json!({"QueueUrl": queue, "Attributes": {"DelaySeconds": "10"}}),
        );
        send(server, &queue, "g", "later");
        assert_eq!(server.bodies(&queue), ["now"]);
        assert_eq!(
            server.attributes(&queue)["ApproximateNumberOfMessagesDelayed"],
            "1"
        );
    });
}

#[test]
fn an_attempt_gets_the_same_messages_again_until_one_of_them_is_touched() {
    over_both(|server| {
        let queue = queue(server);
        send(server, &queue, "g", "1");
        send(server, &queue, "g", "2");
        let attempt = json!({"ReceiveRequestAttemptId": "a", "VisibilityTimeout": 30});
        let first = server.receive(&queue, &attempt);
        server.after_seconds(20);
        let again = server.receive(&queue, &attempt);
        assert_eq!(again.len(), 2);
        for (first, again) in first.iter().zip(&again) {
            assert_eq!(first["ReceiptHandle"], again["ReceiptHandle"]);
            assert_eq!(first["MessageId"], again["MessageId"]);
        }
        // The visibility timeout began anew.
        server.after_seconds(20);
        assert_eq!(server.bodies(&queue), [""; 0]);
        delete(server, &queue, &again[0]);
        assert!(server.receive(&queue, &attempt).is_empty());
    });
}

#[test]
fn a_dead_letter_of_a_fifo_queue_has_its_own_id_and_a_new_time() {
    over_both(|server| {
        let dead = server.fifo("dead", &json!({}));
        let policy = json!({"deadLetterTargetArn": arn("dead.fifo"), "maxReceiveCount": 1});
        let queue = server.fifo(
            "q",
            &json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "1"}),
        );
        let sent = send_with_id(server, &queue, "g", "m", "d");
        let first = server.receive(&queue, &json!({}));
        server.after_seconds(5);
        assert_eq!(server.bodies(&queue), [""; 0]);
        let letters = server.receive(&dead, &json!({}));
        assert_eq!(letters[0]["MessageId"], sent["MessageId"]);
        let attributes = &letters[0]["Attributes"];
        assert_eq!(attributes["MessageDeduplicationId"], sent["MessageId"]);
        assert_eq!(attributes["MessageGroupId"], "g");
        assert!(
            attributes["SentTimestamp"].as_str() > first[0]["Attributes"]["SentTimestamp"].as_str()
        );
    });
}

#[test]
fn without_a_dead_letter_queue_a_message_blocks_its_group() {
    over_both(|server| {
        let queue = queue(server);
        send(server, &queue, "g", "poison");
        send(server, &queue, "g", "behind");
        for _ in 0..5 {
            let one = json!({"MaxNumberOfMessages": 1, "VisibilityTimeout": 30});
            assert_eq!(body(&server.receive(&queue, &one)[0]), "poison");
            assert_eq!(server.bodies(&queue), [""; 0]);
            server.after_seconds(31);
        }
        let poison = server.receive(&queue, &json!({"MaxNumberOfMessages": 1}));
        delete(server, &queue, &poison[0]);
        assert_eq!(server.bodies(&queue), ["behind"]);
    });
}

#[test]
fn settings_of_fifo_queues_are_told_and_high_throughput_needs_both() {
    over_both(|server| {
        let queue = server.fifo("q", &json!({}));
        let told = server.attributes(&queue);
        assert_eq!(told["FifoQueue"], "true");
        assert_eq!(told["ContentBasedDeduplication"], "false");
        assert_eq!(told["DeduplicationScope"], "queue");
        assert_eq!(told["FifoThroughputLimit"], "perQueue");
        let set = |attributes: Value| json!({"QueueUrl": queue, "Attributes": attributes});
        let alone = set(json!({"FifoThroughputLimit": "perMessageGroupId"}));
        assert_eq!(
            server.refused("SetQueueAttributes", &alone).code,
            "InvalidAttributeValue"
        );
        let both = set(json!({
            "FifoThroughputLimit": "perMessageGroupId",
            "DeduplicationScope": "messageGroup",
        }));
        server.ok("SetQueueAttributes", &both);
        assert_eq!(
            server.attributes(&queue)["FifoThroughputLimit"],
            "perMessageGroupId"
        );
    });
}

#[test]
fn a_purge_forgets_deduplication_ids() {
    over_both(|server| {
        let queue = queue(server);
        let first = send(server, &queue, "g", "m");
        server.ok("PurgeQueue", &json!({"QueueUrl": queue}));
        assert_eq!(server.bodies(&queue), [""; 0]);
        let second = send(server, &queue, "g", "m");
        assert_ne!(first["MessageId"], second["MessageId"]);
    });
}
