//! The three batch operations.

use serde_json::{Value, json};
use zonemq_queue::command::{Command, CommandError, Outcome};
use zonemq_queue::time::Seconds;

use crate::talk::{URL, answer, call, command, handle, orders, refusal, refused_by_state, sent};

const BATCHES: [&str; 3] = [
    "SendMessageBatch",
    "DeleteMessageBatch",
    "ChangeMessageVisibilityBatch",
];

fn batch(entries: &Value) -> Value {
    json!({"QueueUrl": URL, "Entries": entries})
}

/// An entry that is valid in each of the three.
fn entry(id: &str) -> Value {
    json!({
        "Id": id,
        "MessageBody": "msg",
        "ReceiptHandle": handle(1).to_string(),
        "VisibilityTimeout": 5,
    })
}

fn entries(count: usize) -> Value {
    (0..count)
        .map(|number| entry(&format!("id-{number}")))
        .collect()
}

#[test]
fn a_batch_has_1_to_10_entries() {
    for operation in BATCHES {
        assert!(call(operation, &batch(&entries(10))).command().is_some());

        let refused = refusal(operation, &batch(&entries(20)));
        assert_eq!(refused.shape, "TooManyEntriesInBatchRequest");
        assert_eq!(
            refused.query_error,
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest;Sender"
        );
        assert_eq!(
            refused.message,
            "Maximum number of entries per request are 10. You have sent 20."
        );

        let refused = refusal(operation, &batch(&json!([])));
        assert_eq!(refused.shape, "EmptyBatchRequest");
        assert_eq!(
            refused.message,
            format!("There should be at least one {operation}RequestEntry in the request.")
        );

        let refused = refusal(operation, &json!({"QueueUrl": URL}));
        assert_eq!(refused.query_error, "MissingParameter;Sender");
        assert_eq!(
            refused.message,
            "The request must contain the parameter Entries."
        );
    }
}

#[test]
fn ids_are_1_to_80_letters_digits_hyphens_and_underscores() {
    let longest = "i".repeat(80);
    for operation in BATCHES {
        for id in ["a", "A-b_9", &longest] {
            assert!(
                call(operation, &batch(&json!([entry(id)])))
                    .command()
                    .is_some()
            );
        }
        for id in ["", " ", "invalid:id", "\u{e9}", &format!("{longest}i")] {
            let refused = refusal(operation, &batch(&json!([entry("good"), entry(id)])));
            assert_eq!(refused.shape, "InvalidBatchEntryId");
            assert_eq!(
                refused.message,
                "A batch entry id can only contain alphanumeric characters, hyphens and \
                 underscores. It can be at most 80 letters long."
            );
        }
        let refused = refusal(operation, &batch(&json!([entry("good"), {}])));
        assert_eq!(refused.query_error, "MissingParameter;Sender");
        assert_eq!(
            refused.message,
            format!("The request must contain the parameter {operation}RequestEntry.2.Id.")
        );
    }
}

#[test]
fn ids_are_distinct() {
    for operation in BATCHES {
        let refused = refusal(
            operation,
            &batch(&json!([entry("a"), entry("b"), entry("a")])),
        );
        assert_eq!(refused.shape, "BatchEntryIdsNotDistinct");
        assert_eq!(
            refused.query_error,
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct;Sender"
        );
        assert_eq!(refused.message, "Id a repeated.");
    }
}

#[test]
fn every_entry_of_a_send_is_answered_by_its_id_in_order() {
    let body = batch(&json!([
        {"Id": "good", "MessageBody": "msg", "DelaySeconds": 180},
        {"Id": "late", "MessageBody": "msg", "DelaySeconds": 1800},
        {"Id": "long", "MessageBody": "msg"},
        {"Id": "empty", "MessageBody": ""},
        {"Id": "last", "MessageBody": "msg", "MessageAttributes":
            {"attribName1": {"DataType": "String", "StringValue": "attribValue 1"}}},
    ]));
    let Command::SendMessages { queue, messages } = command("SendMessageBatch", &body) else {
        panic!("another command");
    };
    assert_eq!(queue, orders());
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[0].delay, Some(Seconds(180)));

    let too_long = CommandError::MessageTooLong { limit: 1024 };
    let reply = Ok(Outcome::Sent(vec![Ok(sent(1)), Err(too_long), Ok(sent(2))]));
    assert_eq!(
        answer("SendMessageBatch", &body, reply),
        json!({
            "Successful": [
                {
                    "Id": "good",
                    "MessageId": "00000000-0000-0000-0000-000000000001",
                    "MD5OfMessageBody": "6e2baaf3b97dbeef01c0043275f9a0e7",
                },
                {
                    "Id": "last",
                    "MessageId": "00000000-0000-0000-0000-000000000002",
                    "MD5OfMessageBody": "6e2baaf3b97dbeef01c0043275f9a0e7",
                    "MD5OfMessageAttributes": "19e27d4e946b072f3f58da80d94fd778",
                },
            ],
            "Failed": [
                {
                    "Id": "late",
                    "SenderFault": true,
                    "Code": "InvalidParameterValue",
                    "Message": "Value 1800 for parameter DelaySeconds is invalid. Reason: \
                                DelaySeconds must be >= 0 and <= 900.",
                },
                {
                    "Id": "long",
                    "SenderFault": true,
                    "Code": "InvalidParameterValue",
                    "Message": "One or more parameters cannot be validated. Reason: Message must \
                                be shorter than 1024 bytes.",
                },
                {
                    "Id": "empty",
                    "SenderFault": true,
                    "Code": "MissingParameter",
                    "Message": "The request must contain the parameter MessageBody.",
                },
            ],
        })
    );
}

#[test]
fn all_messages_of_a_batch_together_are_at_most_one_mebibyte() {
    let half = "x".repeat(524_288);
    let two = |more: &str| {
        batch(&json!([
            {"Id": "a", "MessageBody": half},
            {"Id": "b", "MessageBody": format!("{half}{more}")},
        ]))
    };
    assert!(call("SendMessageBatch", &two("")).command().is_some());
    let refused = refusal("SendMessageBatch", &two("x"));
    assert_eq!(refused.status, 400);
    assert_eq!(refused.shape, "BatchRequestTooLong");
    assert_eq!(
        refused.query_error,
        "AWS.SimpleQueueService.BatchRequestTooLong;Sender"
    );
    assert_eq!(
        refused.message,
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    );
}

#[test]
fn a_batch_without_a_valid_entry_asks_nothing_and_answers_all_the_same() {
    let bad = json!([{"Id": "a", "ReceiptHandle": "garbage"}, {"Id": "b"}]);
    for operation in ["DeleteMessageBatch", "ChangeMessageVisibilityBatch"] {
        let call = call(operation, &batch(&bad));
        assert_eq!(call.command(), None);
        let response = call.answer(None, "request-1");
        assert_eq!(response.status(), 200);
        let answer: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(
            answer,
            json!({"Failed": [
                {
                    "Id": "a",
                    "SenderFault": true,
                    "Code": "ReceiptHandleIsInvalid",
                    "Message": "The input receipt handle \"garbage\" is not a valid receipt handle.",
                },
                {
                    "Id": "b",
                    "SenderFault": true,
                    "Code": "MissingParameter",
                    "Message": "The request must contain the parameter ReceiptHandle.",
                },
            ]})
        );
    }
    let empty = call(
        "SendMessageBatch",
        &batch(&json!([{"Id": "a", "MessageBody": ""}])),
    );
    assert_eq!(empty.command(), None);
    assert_eq!(empty.answer(None, "request-1").status(), 200);
}

#[test]
fn deliveries_are_judged_one_by_one() {
    let entries: Value = (1..=3)
        .map(|number| {
            json!({
                "Id": format!("id-{number}"),
                "ReceiptHandle": handle(number).to_string(),
                "VisibilityTimeout": number,
            })
        })
        .collect();
    let body = batch(&entries);
    assert_eq!(
        command("DeleteMessageBatch", &body),
        Command::DeleteMessages {
            queue: orders(),
            handles: vec![handle(1), handle(2), handle(3)],
        }
    );
    let Command::ChangeMessageVisibilities { changes, .. } =
        command("ChangeMessageVisibilityBatch", &body)
    else {
        panic!("another command");
    };
    assert_eq!(changes[2], (handle(3), Seconds(3)));

    let not_in_flight = CommandError::MessageNotInflight;
    let reply = Ok(Outcome::Each(vec![Ok(()), Err(not_in_flight), Ok(())]));
    assert_eq!(
        answer("ChangeMessageVisibilityBatch", &body, reply),
        json!({
            "Successful": [{"Id": "id-1"}, {"Id": "id-3"}],
            "Failed": [{
                "Id": "id-2",
                "SenderFault": true,
                "Code": "AWS.SimpleQueueService.MessageNotInflight",
                "Message": "The specified message isn't in flight.",
            }],
        })
    );
    let reply = Ok(Outcome::Each(vec![Ok(()), Ok(()), Ok(())]));
    assert_eq!(
        answer("DeleteMessageBatch", &body, reply),
        json!({"Successful": [{"Id": "id-1"}, {"Id": "id-2"}, {"Id": "id-3"}]})
    );
}

#[test]
fn an_entry_that_was_given_up_is_not_the_senders_fault() {
    let body = batch(&json!([entry("a")]));
    let reply = Ok(Outcome::Sent(vec![Err(CommandError::RequestAbandoned)]));
    let answer = answer("SendMessageBatch", &body, reply);
    assert_eq!(answer["Failed"][0]["SenderFault"], false);
    assert_eq!(answer["Failed"][0]["Code"], "ServiceUnavailable");
}

#[test]
fn a_queue_that_does_not_exist_refuses_the_whole_batch() {
    for operation in BATCHES {
        let reply = Err(CommandError::QueueDoesNotExist);
        let refused = refused_by_state(operation, &batch(&entries(2)), reply);
        assert_eq!(refused.shape, "QueueDoesNotExist");
    }
}
