//! Dead letters and the way back: where a message is, and what stays of it.

use serde_json::{Value, json};

use crate::server::{Server, arn, over_both, url};

/// A dead-letter queue and a queue that uses it.
fn pair(server: &mut Server, max_receives: u32) -> (String, String) {
    let dead = server.queue("dead", &json!({}));
    let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": max_receives});
    let live = server.queue(
        "live",
        &json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "0"}),
    );
    (dead, live)
}

fn send(server: &mut Server, queue: &str, body: &str) -> Value {
    server.ok(
        "SendMessage",
        &json!({"QueueUrl": queue, "MessageBody": body}),
    )
}

/// Messages that came to the dead-letter queue as dead letters.
fn bury(server: &mut Server, live: &str, bodies: &[&str]) {
    for body in bodies {
        send(server, live, body);
    }
    while !server.bodies(live).is_empty() {}
}

fn tasks(server: &mut Server) -> Value {
    let input = json!({"SourceArn": arn("dead"), "MaxResults": 10});
    server.ok("ListMessageMoveTasks", &input)["Results"].take()
}

#[test]
fn a_message_dies_at_the_receive_that_exceeds_the_count() {
    over_both(|server| {
        let (dead, live) = pair(server, 2);
        let sent = send(server, &live, "m");
        server.after_seconds(1);
        let first = server.receive(&live, &json!({}));
        assert_eq!(server.bodies(&live), ["m"]);
        assert_eq!(server.bodies(&dead), [""; 0]);
        server.after_seconds(1);
        assert_eq!(server.bodies(&live), [""; 0]);
        let letters = server.receive(&dead, &json!({}));
        let (before, after) = (&first[0]["Attributes"], &letters[0]["Attributes"]);
        assert_eq!(letters[0]["MessageId"], sent["MessageId"]);
        assert_eq!(after["DeadLetterQueueSourceArn"], arn("live"));
        assert_eq!(after["ApproximateReceiveCount"], "3");
        assert_eq!(after["SentTimestamp"], before["SentTimestamp"]);
        assert_eq!(before.get("DeadLetterQueueSourceArn"), None);
    });
}

#[test]
fn the_sources_of_a_dead_letter_queue_are_listed_page_by_page() {
    over_both(|server| {
        let (dead, _) = pair(server, 1);
        let policy =
            json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": "5"}).to_string();
        server.queue("also", &json!({"RedrivePolicy": policy}));
        let all = server.ok("ListDeadLetterSourceQueues", &json!({"QueueUrl": dead}));
        assert_eq!(all, json!({"queueUrls": [url("also"), url("live")]}));
        let one = json!({"QueueUrl": dead, "MaxResults": 1});
        let first = server.ok("ListDeadLetterSourceQueues", &one);
        assert_eq!(first["queueUrls"], json!([url("also")]));
        let next = json!({"QueueUrl": dead, "MaxResults": 1, "NextToken": first["NextToken"]});
        let second = server.ok("ListDeadLetterSourceQueues", &next);
        assert_eq!(second, json!({"queueUrls": [url("live")]}));
    });
}

#[test]
fn a_move_task_brings_messages_back_as_new_ones() {
    over_both(|server| {
        let (dead, live) = pair(server, 1);
        bury(server, &live, &["a", "b"]);
        let started = server.ok("StartMessageMoveTask", &json!({"SourceArn": arn("dead")}));
        let running = tasks(server);
        assert_eq!(running[0]["Status"], "RUNNING");
        assert_eq!(running[0]["TaskHandle"], started["TaskHandle"]);
        server.pump();
        assert_eq!(
            tasks(server),
            json!([{
                "Status": "COMPLETED",
                "SourceArn": arn("dead"),
                "ApproximateNumberOfMessagesMoved": 2,
                "ApproximateNumberOfMessagesToMove": 2,
                "StartedTimestamp": 1_700_000_000_000_u64,
            }])
        );
        assert_eq!(server.bodies(&dead), [""; 0]);
        let back = server.receive(&live, &json!({"VisibilityTimeout": 30}));
        assert_eq!(back.len(), 2);
        assert_eq!(back[0]["Attributes"]["ApproximateReceiveCount"], "1");
        assert_eq!(back[0]["Attributes"].get("DeadLetterQueueSourceArn"), None);
    });
}

#[test]
fn a_move_task_keeps_its_rate_and_ends_where_it_is_cancelled() {
    over_both(|server| {
        let (dead, live) = pair(server, 1);
        bury(server, &live, &["a", "b", "c", "d"]);
        server.queue("other", &json!({}));
        let started = server.ok(
            "StartMessageMoveTask",
            &json!({
                "SourceArn": arn("dead"),
                "DestinationArn": arn("other"),
                "MaxNumberOfMessagesPerSecond": 1,
            }),
        );
        for _ in 0..10 {
            server.pump();
        }
        let task = tasks(server)[0].clone();
        assert_eq!(task["ApproximateNumberOfMessagesMoved"], 1);
        assert_eq!(task["MaxNumberOfMessagesPerSecond"], 1);
        assert_eq!(task["DestinationArn"], arn("other"));
        server.after_seconds(1);
        server.pump();
        let ended = server.ok("CancelMessageMoveTask", &started);
        assert_eq!(ended, json!({"ApproximateNumberOfMessagesMoved": 2}));
        server.after_seconds(5);
        server.pump();
        assert_eq!(tasks(server)[0]["Status"], "CANCELLED");
        assert_eq!(server.bodies(&url("other")).len(), 2);
        assert_eq!(server.bodies(&dead).len(), 2);
    });
}

#[test]
fn a_message_that_was_sent_to_a_dead_letter_queue_has_no_way_back() {
    over_both(|server| {
        let (dead, _) = pair(server, 1);
        send(server, &dead, "stranger");
        server.ok("StartMessageMoveTask", &json!({"SourceArn": arn("dead")}));
        server.pump();
        let task = tasks(server)[0].clone();
        assert_eq!(task["Status"], "FAILED");
        assert_eq!(task["FailureReason"], "CouldNotDetermineMessageSource");
        assert_eq!(task.get("TaskHandle"), None);
        assert_eq!(server.bodies(&dead), ["stranger"]);
    });
}

#[test]
fn a_dead_letter_queue_says_whose_letters_it_takes() {
    over_both(|server| {
        let dead = server.queue("dead", &json!({}));
        let live = server.queue("live", &json!({}));
        let allow = |server: &mut Server, policy: Value| {
            let policy = policy.to_string();
            let input = json!({"QueueUrl": dead, "Attributes": {"RedriveAllowPolicy": policy}});
            server.ok("SetQueueAttributes", &input);
        };
        let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}).to_string();
        let redrive = json!({"QueueUrl": live, "Attributes": {"RedrivePolicy": policy}});
        allow(server, json!({"redrivePermission": "denyAll"}));
        let refused = server.refused("SetQueueAttributes", &redrive);
        assert_eq!(refused.code, "InvalidParameterValue");
        allow(
            server,
            json!({"redrivePermission": "byQueue", "sourceQueueArns": [arn("live")]}),
        );
        server.ok("SetQueueAttributes", &redrive);
        assert_eq!(
            server.attributes(&dead)["RedriveAllowPolicy"],
            format!(
                "{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"{}\"]}}",
                arn("live")
            )
        );
        let input = json!({"QueueUrl": dead, "Attributes": {"RedriveAllowPolicy": ""}});
        server.ok("SetQueueAttributes", &input);
        assert_eq!(server.attributes(&dead).get("RedriveAllowPolicy"), None);
    });
}

#[test]
fn an_automatic_move_to_a_dead_letter_queue_keeps_the_retention_of_the_first_send() {
    over_both(|server| {
        let (dead, live) = pair(server, 1);
        let short = json!({"QueueUrl": dead, "Attributes": {"MessageRetentionPeriod": "60"}});
        server.ok("SetQueueAttributes", &short);
        send(server, &live, "m");
        server.bodies(&live);
        server.after_seconds(50);
        server.bodies(&live);
        assert_eq!(server.attributes(&dead)["ApproximateNumberOfMessages"], "1");
        server.after_seconds(11);
        assert_eq!(server.bodies(&dead), [""; 0]);
    });
}
