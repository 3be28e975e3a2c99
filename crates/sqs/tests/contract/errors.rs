//! The texts that were recorded from AWS: section 1.4 of the contract, row by row, and what else
//! has a code of its own.

use serde_json::{Value, json};

use crate::server::{Server, arn, over_both};
use crate::wire::Protocol;

const INVALID: &str = "InvalidParameterValue";

fn send(queue: &str, more: &Value) -> Value {
    let mut input = json!({"QueueUrl": queue, "MessageBody": "m"});
    for (name, value) in more.as_object().expect("an object") {
        input[name] = value.clone();
    }
    input
}

#[test]
fn a_message_or_a_batch_over_1_mib_is_refused() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let limit = 1_048_576;
        server.ok(
            "SendMessage",
            &send(&queue, &json!({"MessageBody": "x".repeat(limit)})),
        );
        server.refuses(
            "SendMessage",
            &send(&queue, &json!({"MessageBody": "x".repeat(limit + 1)})),
            (
                400,
                INVALID,
                "One or more parameters are invalid. Reason: Message must be shorter than 1048576 \
                 bytes.",
            ),
        );
        server.refuses(
            "SendMessageBatch",
            &json!({"QueueUrl": queue, "Entries": [
                {"Id": "a", "MessageBody": "x".repeat(limit)},
                {"Id": "b", "MessageBody": "x"},
            ]}),
            (
                400,
                "AWS.SimpleQueueService.BatchRequestTooLong",
                "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
            ),
        );
    });
}

#[test]
fn attributes_count_to_the_size_and_characters_are_counted_in_bytes() {
    over_both(|server| {
        let queue = server.queue("q", &json!({"MaximumMessageSize": "1024"}));
        // Name, type and value of the attribute are 1 + 6 + 1 bytes.
        let attribute = json!({"a": {"DataType": "String", "StringValue": "v"}});
        let with_body = |body: String| {
            send(
                &queue,
                &json!({"MessageBody": body, "MessageAttributes": attribute}),
            )
        };
        server.ok("SendMessage", &with_body("x".repeat(1016)));
        server.ok("SendMessage", &with_body("\u{e9}".repeat(508)));
        let too_long = (
            400,
            INVALID,
            "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
        );
        server.refuses("SendMessage", &with_body("x".repeat(1017)), too_long);
        server.refuses("SendMessage", &with_body("\u{e9}".repeat(509)), too_long);
    });
}

#[test]
fn an_entry_over_the_limit_of_its_queue_fails_alone() {
    over_both(|server| {
        let queue = server.queue("q", &json!({"MaximumMessageSize": "1024"}));
        let answer = server.ok(
            "SendMessageBatch",
            &json!({"QueueUrl": queue, "Entries": [
                {"Id": "long", "MessageBody": "x".repeat(1025)},
                {"Id": "short", "MessageBody": "x"},
            ]}),
        );
        assert_eq!(answer["Successful"][0]["Id"], "short");
        assert_eq!(
            answer["Failed"],
            json!([{
                "Id": "long",
                "SenderFault": true,
                "Code": INVALID,
                "Message": "One or more parameters cannot be validated. Reason: Message must be \
                            shorter than 1024 bytes.",
            }])
        );
    });
}

#[test]
fn a_batch_has_its_rules() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let entries = |ids: &[&str]| {
            let entries: Vec<Value> = ids
                .iter()
                .map(|id| json!({"Id": id, "MessageBody": "m"}))
                .collect();
            json!({"QueueUrl": queue, "Entries": entries})
        };
        let ids: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let bad_id = (
            400,
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
             It can be at most 80 letters long.",
        );
        server.refuses(
            "SendMessageBatch",
            &entries(&ids),
            (
                400,
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                "Maximum number of entries per request are 10. You have sent 20.",
            ),
        );
        server.refuses("SendMessageBatch", &entries(&["a b"]), bad_id);
        server.refuses("SendMessageBatch", &entries(&[&"a".repeat(81)]), bad_id);
        server.refuses("SendMessageBatch", &entries(&[""]), bad_id);
        server.refuses(
            "SendMessageBatch",
            &entries(&["a", "a"]),
            (
                400,
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                "Id a repeated.",
            ),
        );
        for operation in [
            "SendMessageBatch",
            "DeleteMessageBatch",
            "ChangeMessageVisibilityBatch",
        ] {
            let text =
                format!("There should be at least one {operation}RequestEntry in the request.");
            server.refuses(
                operation,
                &entries(&[]),
                (400, "AWS.SimpleQueueService.EmptyBatchRequest", &text),
            );
        }
    });
}

#[test]
fn numbers_of_a_receive_have_their_ranges() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        for (parameter, value, reason) in [
            (
                "WaitTimeSeconds",
                21,
                "Must be >= 0 and <= 20, if provided.",
            ),
            (
                "WaitTimeSeconds",
                -1,
                "Must be >= 0 and <= 20, if provided.",
            ),
            (
                "MaxNumberOfMessages",
                11,
                "Must be between 1 and 10, if provided.",
            ),
            (
                "MaxNumberOfMessages",
                0,
                "Must be between 1 and 10, if provided.",
            ),
        ] {
            let text =
                format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
            server.refuses(
                "ReceiveMessage",
                &json!({"QueueUrl": queue, parameter: value}),
                (400, INVALID, &text),
            );
        }
    });
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
fn an_expired_handle_deletes_in_a_standard_queue_and_not_in_a_fifo_queue() {
    over_both(|server| {
        let standard = server.queue("q", &json!({}));
        let fifo = server.fifo("q", &json!({"ContentBasedDeduplication": "true"}));
        server.ok("SendMessage", &send(&standard, &json!({})));
        server.ok("SendMessage", &send(&fifo, &json!({"MessageGroupId": "g"})));
        let handle_of = |server: &mut Server, queue: &str| {
            let messages = server.receive(queue, &json!({"VisibilityTimeout": 5}));
            messages[0]["ReceiptHandle"]
                .as_str()
                .expect("a handle")
                .to_owned()
        };
        let of_standard = handle_of(server, &standard);
        let of_fifo = handle_of(server, &fifo);
        server.after_seconds(6);
        server.ok(
            "DeleteMessage",
            &json!({"QueueUrl": standard, "ReceiptHandle": of_standard}),
        );
        let text = format!(
            "Value {of_fifo} for parameter ReceiptHandle is invalid. Reason: The receipt handle \
             has expired."
        );
        server.refuses(
            "DeleteMessage",
            &json!({"QueueUrl": fifo, "ReceiptHandle": of_fifo}),
            (400, INVALID, &text),
        );
        assert_eq!(server.bodies(&standard), [""; 0]);
        assert_eq!(server.bodies(&fifo), ["m"]);
    });
}

#[test]
fn handles_that_name_no_delivery_are_refused() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let garbage =
            json!({"QueueUrl": queue, "ReceiptHandle": "garbage", "VisibilityTimeout": 1});
        for operation in ["DeleteMessage", "ChangeMessageVisibility"] {
            server.refuses(
                operation,
                &garbage,
                (
                    404,
                    "ReceiptHandleIsInvalid",
                    "The input receipt handle \"garbage\" is not a valid receipt handle.",
                ),
            );
        }
        server.ok("SendMessage", &send(&queue, &json!({})));
        let handle = server.receive(&queue, &json!({}))[0]["ReceiptHandle"].clone();
        let delivery = json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": 1});
        server.ok("DeleteMessage", &delivery);
        // Deleting again is no error.
        server.ok("DeleteMessage", &delivery);
        let text = format!(
            "Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is \
             not available for visibility timeout change.",
            handle.as_str().expect("text")
        );
        server.refuses("ChangeMessageVisibility", &delivery, (400, INVALID, &text));
    });
}

#[test]
fn a_visibility_timeout_has_its_range_and_its_sum() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        server.ok("SendMessage", &send(&queue, &json!({})));
        let handle = server.receive(&queue, &json!({}))[0]["ReceiptHandle"].clone();
        let change = |seconds: i64| json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
        server.refuses(
            "ChangeMessageVisibility",
            &change(43_201),
            (
                400,
                INVALID,
                "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and \
                 <= 43200, if provided.",
            ),
        );
        server.ok("ChangeMessageVisibility", &change(43_199));
        server.after_seconds(10);
        let beyond = server.refused("ChangeMessageVisibility", &change(43_195));
        assert_eq!((beyond.status, beyond.code.as_str()), (400, INVALID));
        assert!(
            beyond.message.contains("beyond the limit [43200 seconds]"),
            "{beyond:?}"
        );
        server.ok("ChangeMessageVisibility", &change(43_190));
    });
}

#[test]
fn an_old_handle_of_a_visible_message_changes_nothing() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        server.ok("SendMessage", &send(&queue, &json!({})));
        let handle =
            server.receive(&queue, &json!({"VisibilityTimeout": 1}))[0]["ReceiptHandle"].clone();
        server.after_seconds(2);
        let input = json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": 9});
        let refused = server.refused("ChangeMessageVisibility", &input);
        assert_eq!(refused.code, "AWS.SimpleQueueService.MessageNotInflight");
        assert_eq!(server.bodies(&queue), ["m"]);
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
fn values_of_attributes_must_not_be_empty() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let attributes =
            json!({"MessageAttributes": {"X": {"DataType": "String", "StringValue": ""}}});
        server.refuses(
            "SendMessage",
            &send(&queue, &attributes),
            (
                400,
                INVALID,
                "Message (user) attribute 'X' must contain a non-empty value of type 'String'.",
            ),
        );
    });
}

#[test]
fn bodies_hold_only_characters_of_xml() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let refused = server.refused(
            "SendMessage",
            &send(&queue, &json!({"MessageBody": "a\u{1}"})),
        );
        assert_eq!(
            (refused.status, refused.code.as_str()),
            (400, "InvalidMessageContents")
        );
        server.ok(
            "SendMessage",
            &send(&queue, &json!({"MessageBody": "\t\n\r \u{10ffff}"})),
        );
        assert_eq!(server.bodies(&queue), ["\t\n\r \u{10ffff}"]);
    });
}

#[test]
fn a_short_poll_over_the_in_flight_limit_is_refused_and_a_long_poll_is_not() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let entries: Vec<Value> = (0..10)
            .map(|id| json!({"Id": id.to_string(), "MessageBody": "m"}))
            .collect();
        let ten = json!({"QueueUrl": queue, "Entries": entries});
        for _ in 0..12_000 {
            server.ok("SendMessageBatch", &ten);
            assert_eq!(server.bodies(&queue).len(), 10);
        }
        server.ok("SendMessage", &send(&queue, &json!({})));
        let refused = server.refused("ReceiveMessage", &json!({"QueueUrl": queue}));
        assert_eq!((refused.status, refused.code.as_str()), (403, "OverLimit"));
        assert!(
            server
                .receive(&queue, &json!({"WaitTimeSeconds": 1}))
                .is_empty()
        );
        server.after_seconds(30);
        assert_eq!(server.bodies(&queue).len(), 10);
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
