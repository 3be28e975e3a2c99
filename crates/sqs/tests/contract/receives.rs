//! What receivers of standard queues see: sections 1.8 and 1.9 of the contract, and the traps.

use serde_json::{Value, json};

use crate::server::{Server, over_both};

fn send(server: &mut Server, queue: &str, more: &Value) -> Value {
    let mut input = json!({"QueueUrl": queue, "MessageBody": "m"});
    for (name, value) in more.as_object().expect("an object") {
        input[name] = value.clone();
    }
    server.ok("SendMessage", &input)
}

#[test]
fn sums_are_there_only_for_what_is_there() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let plain = send(server, &queue, &json!({}));
        assert_eq!(
            plain["MD5OfMessageBody"],
            "6f8f57715090da2632453988d9a1501b"
        );
        assert_eq!(plain.get("MD5OfMessageAttributes"), None);
        assert_eq!(plain.get("SequenceNumber"), None);
        let received = server.receive(&queue, &json!({}));
        assert_eq!(received[0]["MD5OfBody"], plain["MD5OfMessageBody"]);
        assert_eq!(received[0].get("MD5OfMessageAttributes"), None);
        assert_eq!(received[0].get("MessageAttributes"), None);
    });
}

#[test]
fn attributes_come_back_with_their_sum_and_as_far_as_they_are_asked_for() {
    over_both(|server| {
        let queue = server.queue("q", &json!({"VisibilityTimeout": "0"}));
        let attributes = json!({
            "attribName1": {"DataType": "String", "StringValue": "attribValue 1"},
            "binaryAttribute": {"DataType": "Binary", "BinaryValue": "SGVsbG8gYmluYXJ5IHdvcmxkIQ=="},
            "customNumberTypeAttrib": {
                "DataType": "Number.float",
                "StringValue": "4563442423554324324264524243.32543234",
            },
        });
        let sent = send(server, &queue, &json!({"MessageAttributes": attributes}));
        assert_eq!(
            sent["MD5OfMessageAttributes"],
            "c932db14a896c663f83c260297d594ff"
        );
        let all = server.receive(&queue, &json!({}));
        assert_eq!(all[0]["MessageAttributes"], attributes);
        assert_eq!(
            all[0]["MD5OfMessageAttributes"],
            sent["MD5OfMessageAttributes"]
        );
        let some = server.receive(&queue, &json!({"MessageAttributeNames": ["attrib.*"]}));
        let kept = json!({"attribName1": attributes["attribName1"]});
        assert_eq!(some[0]["MessageAttributes"], kept);
        assert_eq!(
            some[0]["MD5OfMessageAttributes"],
            "19e27d4e946b072f3f58da80d94fd778"
        );
        let none = server.receive(
            &queue,
            &json!({"MessageAttributeNames": [], "AttributeNames": []}),
        );
        assert_eq!(none[0].get("MessageAttributes"), None);
        assert_eq!(none[0].get("Attributes"), None);
    });
}

#[test]
fn system_attributes_are_told_by_name() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let trace = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}});
        let sent = send(
            server,
            &queue,
            &json!({"MessageSystemAttributes": trace, "MessageGroupId": "tenant"}),
        );
        assert!(sent["MD5OfMessageSystemAttributes"].is_string());
        let received = server.receive(&queue, &json!({}));
        assert_eq!(
            received[0]["Attributes"],
            json!({
                "AWSTraceHeader": "Root=1",
                "ApproximateFirstReceiveTimestamp": "1700000000000",
                "ApproximateReceiveCount": "1",
                "MessageGroupId": "tenant",
                "SenderId": "000000000000",
                "SentTimestamp": "1700000000000",
            })
        );
    });
}

#[test]
fn a_delay_of_the_message_wins_over_that_of_the_queue() {
    over_both(|server| {
        let queue = server.queue("q", &json!({"DelaySeconds": "10"}));
        send(server, &queue, &json!({"MessageBody": "queue"}));
        send(
            server,
            &queue,
            &json!({"MessageBody": "none", "DelaySeconds": 0}),
        );
        send(
            server,
            &queue,
            &json!({"MessageBody": "long", "DelaySeconds": 900}),
        );
        assert_eq!(server.bodies(&queue), ["none"]);
        server.after_seconds(10);
        assert_eq!(server.bodies(&queue), ["queue"]);
        server.after_seconds(890);
        assert!(server.bodies(&queue).contains(&"long".to_owned()));
    });
}

#[test]
fn messages_are_kept_as_long_as_the_queue_says() {
    over_both(|server| {
        let queue = server.queue("q", &json!({"MessageRetentionPeriod": "60"}));
        send(server, &queue, &json!({}));
        server.after_seconds(61);
        assert_eq!(server.bodies(&queue), [""; 0]);
        assert_eq!(
            server.attributes(&queue)["ApproximateNumberOfMessages"],
            "0"
        );
    });
}

#[test]
fn a_message_that_was_received_three_times_goes_to_the_back() {
    over_both(|server| {
        let queue = server.queue("q", &json!({"VisibilityTimeout": "0"}));
        for body in ["first", "second"] {
            send(server, &queue, &json!({"MessageBody": body}));
        }
        let one = json!({"MaxNumberOfMessages": 1});
        for _ in 0..3 {
            assert_eq!(server.receive(&queue, &one)[0]["Body"], "first");
        }
        assert_eq!(server.receive(&queue, &one)[0]["Body"], "second");
    });
}

#[test]
fn quiet_groups_go_before_a_noisy_one() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        for number in 0..60 {
            let body = format!("noisy {number}");
            send(
                server,
                &queue,
                &json!({"MessageBody": body, "MessageGroupId": "noisy"}),
            );
        }
        for _ in 0..3 {
            assert_eq!(server.bodies(&queue).len(), 10);
        }
        send(
            server,
            &queue,
            &json!({"MessageBody": "quiet", "MessageGroupId": "quiet"}),
        );
        assert_eq!(server.bodies(&queue)[0], "quiet");
    });
}

#[test]
fn counters_are_exact() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        send(server, &queue, &json!({"DelaySeconds": 5}));
        for _ in 0..3 {
            send(server, &queue, &json!({}));
        }
        server.receive(&queue, &json!({"MaxNumberOfMessages": 2}));
        let told = server.attributes(&queue);
        assert_eq!(told["ApproximateNumberOfMessages"], "1");
        assert_eq!(told["ApproximateNumberOfMessagesNotVisible"], "2");
        assert_eq!(told["ApproximateNumberOfMessagesDelayed"], "1");
    });
}
