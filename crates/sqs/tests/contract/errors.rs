//! The texts that were recorded from AWS, section 1.4 of the contract: those about queues.

use serde_json::{Value, json};

use crate::server::{arn, over_both};
use crate::wire::Protocol;

pub(crate) const INVALID: &str = "InvalidParameterValue";

/// The input of a send to this queue, with more than a body.
pub(crate) fn send(queue: &str, more: &Value) -> Value {
    let mut input = json!({"QueueUrl": queue, "MessageBody": "m"});
    for (name, value) in more.as_object().expect("an object") {
        input[name] = value.clone();
    }
    input
}

#[test]
fn a_fifo_queue_wants_a_group_and_a_deduplication_id() {
    over_both(|server| {
        let queue = server.fifo("q", &json!({}));
        let no_group = "The request must contain the parameter MessageGroupId.";
        server.refuses(
            "SendMessage",
            &send(&queue, &json!({})),
            (400, "MissingParameter", no_group),
        );
        server.refuses(
            "SendMessageBatch",
            &json!({"QueueUrl": queue, "Entries": [
                {"Id": "a", "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d"},
                {"Id": "b", "MessageBody": "m", "MessageDeduplicationId": "e"},
            ]}),
            (400, INVALID, no_group),
        );
        server.refuses(
            "SendMessage",
            &send(&queue, &json!({"MessageGroupId": "g"})),
            (
                400,
                INVALID,
                "The queue should either have ContentBasedDeduplication enabled or \
                 MessageDeduplicationId provided explicitly",
            ),
        );
        assert_eq!(server.bodies(&queue), [""; 0]);
    });
}

#[test]
fn only_the_queue_has_a_delay_in_a_fifo_queue() {
    over_both(|server| {
        let queue = server.fifo("q", &json!({"ContentBasedDeduplication": "true"}));
        server.refuses(
            "SendMessage",
            &send(&queue, &json!({"MessageGroupId": "g", "DelaySeconds": 2})),
            (
                400,
                INVALID,
                "Value 2 for parameter DelaySeconds is invalid. Reason: The request include \
                 parameter that is not valid for this queue type.",
            ),
        );
        server.ok(
            "SendMessage",
            &send(&queue, &json!({"MessageGroupId": "g", "DelaySeconds": 0})),
        );
        assert_eq!(server.bodies(&queue), ["m"]);
    });
}

#[test]
fn group_and_deduplication_ids_have_their_characters() {
    over_both(|server| {
        let queue = server.fifo("q", &json!({}));
        for (parameter, other) in [
            ("MessageGroupId", "MessageDeduplicationId"),
            ("MessageDeduplicationId", "MessageGroupId"),
        ] {
            for value in ["a b", "\u{e9}", &"x".repeat(129)] {
                let text = format!(
                    "Value {value} for parameter {parameter} is invalid. Reason: {parameter} can \
                     only include alphanumeric and punctuation characters. 1 to 128 in length."
                );
                server.refuses(
                    "SendMessage",
                    &send(&queue, &json!({parameter: value, other: "x"})),
                    (400, INVALID, &text),
                );
            }
        }
    });
}

#[test]
fn what_is_only_for_fifo_queues_is_refused_on_others() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let text = |value: &str, parameter: &str| {
            format!(
                "Value {value} for parameter {parameter} is invalid. Reason: The request include \
                 parameter that is not valid for this queue type."
            )
        };
        server.refuses(
            "SendMessage",
            &send(&queue, &json!({"MessageDeduplicationId": "d"})),
            (400, INVALID, &text("d", "MessageDeduplicationId")),
        );
        server.refuses(
            "ReceiveMessage",
            &json!({"QueueUrl": queue, "ReceiveRequestAttemptId": "a"}),
            (400, INVALID, &text("a", "ReceiveRequestAttemptId")),
        );
        for (name, value, text) in [
            (
                "ContentBasedDeduplication",
                "true",
                "Unknown Attribute ContentBasedDeduplication.",
            ),
            ("FifoQueue", "true", "Unknown Attribute FifoQueue."),
            (
                "DeduplicationScope",
                "queue",
                "You can specify the DeduplicationScope only when FifoQueue is set to true.",
            ),
            (
                "FifoThroughputLimit",
                "perQueue",
                "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
            ),
        ] {
            server.refuses(
                "SetQueueAttributes",
                &json!({"QueueUrl": queue, "Attributes": {name: value}}),
                (400, "InvalidAttributeName", text),
            );
        }
    });
}

#[test]
fn a_queue_that_does_not_exist_is_told_in_the_words_of_the_protocol() {
    over_both(|server| {
        let missing = json!({"QueueUrl": "http://sqs.test:9324/000000000000/missing"});
        let text = match server.protocol {
            Protocol::Json => "The specified queue does not exist.",
            Protocol::Query => "The specified queue does not exist for this wsdl version.",
        };
        let told = (400, "AWS.SimpleQueueService.NonExistentQueue", text);
        for operation in [
            "DeleteQueue",
            "GetQueueAttributes",
            "ListDeadLetterSourceQueues",
            "ListQueueTags",
            "PurgeQueue",
            "ReceiveMessage",
        ] {
            server.refuses(operation, &missing, told);
        }
        server.refuses(
            "SendMessage",
            &send(missing["QueueUrl"].as_str().expect("text"), &json!({})),
            told,
        );
        server.refuses("GetQueueUrl", &json!({"QueueName": "missing"}), told);
    });
}

#[test]
fn a_queue_of_the_same_name_must_have_the_same_settings() {
    over_both(|server| {
        server.queue("q", &json!({"VisibilityTimeout": "10"}));
        server.queue("q", &json!({"VisibilityTimeout": "10"}));
        server.queue("q", &json!({}));
        server.refuses(
            "CreateQueue",
            &json!({"QueueName": "q", "Attributes": {"DelaySeconds": "1"}}),
            (
                400,
                "QueueAlreadyExists",
                "A queue already exists with the same name and a different value for attribute \
                 DelaySeconds",
            ),
        );
    });
}

#[test]
fn the_type_of_a_queue_never_changes() {
    over_both(|server| {
        let queue = server.fifo("q", &json!({}));
        let set = |value: &str| json!({"QueueUrl": queue, "Attributes": {"FifoQueue": value}});
        server.refuses(
            "SetQueueAttributes",
            &set("false"),
            (
                400,
                "InvalidAttributeValue",
                "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not \
                 supported.",
            ),
        );
        server.ok("SetQueueAttributes", &set("true"));
    });
}

#[test]
fn cooldowns_are_those_of_aws() {
    over_both(|server| {
        server.with_cooldowns();
        let queue = server.queue("q", &json!({}));
        let named = json!({"QueueUrl": queue});
        server.ok("PurgeQueue", &named);
        server.refuses(
            "PurgeQueue",
            &named,
            (
                403,
                "AWS.SimpleQueueService.PurgeQueueInProgress",
                "Only one PurgeQueue operation on q is allowed every 60 seconds.",
            ),
        );
        server.after_seconds(60);
        server.ok("PurgeQueue", &named);
        server.ok("DeleteQueue", &named);
        let create = json!({"QueueName": "q"});
        server.refuses(
            "CreateQueue",
            &create,
            (
                400,
                "AWS.SimpleQueueService.QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another \
                 with the same name.",
            ),
        );
        server.after_seconds(60);
        server.ok("CreateQueue", &create);
    });
}

#[test]
fn permissions_are_named_once() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let add = |label: &str, action: &str| {
            json!({
                "QueueUrl": queue,
                "Label": label,
                "AWSAccountIds": ["111111111111"],
                "Actions": [action],
            })
        };
        server.ok("AddPermission", &add("L", "SendMessage"));
        server.refuses(
            "AddPermission",
            &add("L", "SendMessage"),
            (
                400,
                INVALID,
                "Value L for parameter Label is invalid. Reason: Already exists.",
            ),
        );
        server.refuses(
            "RemovePermission",
            &json!({"QueueUrl": queue, "Label": "M"}),
            (
                400,
                INVALID,
                "Value M for parameter Label is invalid. Reason: can't find label.",
            ),
        );
        server.refuses(
            "AddPermission",
            &add("N", "CreateQueue"),
            (
                400,
                INVALID,
                "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue \
                 owner is allowed to invoke this action.",
            ),
        );
        let many: Vec<&str> = vec!["SendMessage"; 8];
        server.refuses(
            "AddPermission",
            &json!({"QueueUrl": queue, "Label": "N", "AWSAccountIds": ["111111111111"], "Actions": many}),
            (403, "OverLimit", "8 Actions were found, maximum allowed is 7."),
        );
    });
}

#[test]
fn move_tasks_are_refused_as_aws_refuses_them() {
    over_both(|server| {
        let source = json!({"SourceArn": arn("dead")});
        let no_source =
            "The resource that you specified for the SourceArn parameter doesn't exist.";
        for operation in ["StartMessageMoveTask", "ListMessageMoveTasks"] {
            server.refuses(
                operation,
                &source,
                (404, "ResourceNotFoundException", no_source),
            );
        }
        let dead = server.queue("dead", &json!({}));
        server.refuses(
            "StartMessageMoveTask",
            &source,
            (
                400,
                INVALID,
                "Source queue must be configured as a Dead Letter Queue.",
            ),
        );
        let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}).to_string();
        server.queue("live", &json!({"RedrivePolicy": policy}));
        server.refuses(
            "StartMessageMoveTask",
            &json!({"SourceArn": arn("dead"), "DestinationArn": arn("nowhere")}),
            (
                404,
                "ResourceNotFoundException",
                "The resource that you specified for the DestinationArn parameter doesn't exist.",
            ),
        );
        server.ok("SendMessage", &send(&dead, &json!({})));
        let started = server.ok("StartMessageMoveTask", &source);
        server.refuses(
            "StartMessageMoveTask",
            &source,
            (
                400,
                INVALID,
                "There is already a task running. Only one active task is allowed for a source \
                 queue arn at a given time.",
            ),
        );
        server.ok("CancelMessageMoveTask", &started);
        server.refuses(
            "CancelMessageMoveTask",
            &started,
            (404, "ResourceNotFoundException", "Task does not exist."),
        );
        server.refuses(
            "CancelMessageMoveTask",
            &json!({"TaskHandle": "garbage"}),
            (
                400,
                INVALID,
                "Value garbage for parameter TaskHandle is invalid.",
            ),
        );
    });
}

#[test]
fn redrive_policies_are_checked() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        server.fifo("dead", &json!({}));
        let set =
            |policy: &str| json!({"QueueUrl": queue, "Attributes": {"RedrivePolicy": policy}});
        for (policy, reason) in [
            (
                json!({"deadLetterTargetArn": "dummy", "maxReceiveCount": 3}),
                "Invalid value for deadLetterTargetArn.",
            ),
            (
                json!({"deadLetterTargetArn": arn("none"), "maxReceiveCount": 3}),
                "Dead letter target does not exist.",
            ),
            (
                json!({
                    "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:dead",
                    "maxReceiveCount": 3,
                }),
                "Dead letter target owner should be same as the source.",
            ),
            (
                json!({"deadLetterTargetArn": arn("dead.fifo"), "maxReceiveCount": 3}),
                "Dead-letter queue must be same type of queue as the source.",
            ),
            (
                json!({"deadLetterTargetArn": arn("none")}),
                "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
            ),
            (
                json!({"maxReceiveCount": 3}),
                "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
            ),
            (
                json!({"deadLetterTargetArn": arn("none"), "maxReceiveCount": 0}),
                "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both \
                 inclusive.",
            ),
            (json!("text"), "Redrive policy is not a valid JSON map."),
        ] {
            let policy = policy.to_string();
            let text =
                format!("Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}");
            server.refuses("SetQueueAttributes", &set(&policy), (400, INVALID, &text));
            let create = json!({"QueueName": "other", "Attributes": {"RedrivePolicy": policy}});
            server.refuses("CreateQueue", &create, (400, INVALID, &text));
        }
        assert_eq!(server.attributes(&queue).get("RedrivePolicy"), None);
    });
}
