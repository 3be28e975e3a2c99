//! The texts that were recorded from AWS, section 1.4 of the contract: those about messages.

use serde_json::{Value, json};

use crate::errors::{INVALID, send};
use crate::server::{Server, over_both};

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
