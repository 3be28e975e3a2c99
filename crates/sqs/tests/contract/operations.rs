//! All 23 operations, each answered over both protocols in the members of the model.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zonemq_sqs::OperationName;

use crate::server::{Server, arn, over_both, url};

/// The members of the answer of each operation, in a conversation that calls all of them.
fn conversation(server: &mut Server) -> BTreeMap<&'static str, Vec<String>> {
    let mut members = BTreeMap::new();
    let mut say = |server: &mut Server, operation: &'static str, input: Value| {
        let answer = server.ok(operation, &input);
        let names = answer.as_object().expect("an object").keys().cloned();
        members.insert(operation, names.collect());
        answer
    };
    let (live, dead) = (url("live"), url("dead"));
    say(
        server,
        "CreateQueue",
        json!({"QueueName": "dead", "tags": {"a": "b"}}),
    );
    let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}).to_string();
    server.queue("live", &json!({"RedrivePolicy": policy}));
    say(server, "GetQueueUrl", json!({"QueueName": "live"}));
    say(server, "ListQueues", json!({"MaxResults": 1}));
    say(
        server,
        "GetQueueAttributes",
        json!({"QueueUrl": live, "AttributeNames": ["All"]}),
    );
    let attributes = json!({"VisibilityTimeout": "0"});
    say(
        server,
        "SetQueueAttributes",
        json!({"QueueUrl": live, "Attributes": attributes}),
    );
    say(
        server,
        "TagQueue",
        json!({"QueueUrl": live, "Tags": {"k": "v", "l": "w"}}),
    );
    say(
        server,
        "UntagQueue",
        json!({"QueueUrl": live, "TagKeys": ["l"]}),
    );
    say(server, "ListQueueTags", json!({"QueueUrl": live}));
    let permission = json!({
        "QueueUrl": live, "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["*"],
    });
    say(server, "AddPermission", permission);
    say(
        server,
        "RemovePermission",
        json!({"QueueUrl": live, "Label": "l"}),
    );
    say(
        server,
        "ListDeadLetterSourceQueues",
        json!({"QueueUrl": dead}),
    );
    say(
        server,
        "SendMessage",
        json!({"QueueUrl": live, "MessageBody": "letter"}),
    );
    server.bodies(&live);
    server.bodies(&live);
    say(
        server,
        "StartMessageMoveTask",
        json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1}),
    );
    let tasks = say(
        server,
        "ListMessageMoveTasks",
        json!({"SourceArn": arn("dead")}),
    );
    let handle = &tasks["Results"][0]["TaskHandle"];
    say(
        server,
        "CancelMessageMoveTask",
        json!({"TaskHandle": handle}),
    );
    let entries = json!([{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "2"}, {"Id": "c", "MessageBody": "\u{1}"}]);
    say(
        server,
        "SendMessageBatch",
        json!({"QueueUrl": live, "Entries": entries}),
    );
    let received = say(
        server,
        "ReceiveMessage",
        json!({"QueueUrl": live, "MaxNumberOfMessages": 10, "VisibilityTimeout": 30}),
    );
    let handles: Vec<&Value> = (0..2)
        .map(|n| &received["Messages"][n]["ReceiptHandle"])
        .collect();
    let delivery = json!({"QueueUrl": live, "ReceiptHandle": handles[0], "VisibilityTimeout": 9});
    say(server, "ChangeMessageVisibility", delivery.clone());
    let entries = json!([
        {"Id": "a", "ReceiptHandle": handles[1], "VisibilityTimeout": 9},
        {"Id": "b", "ReceiptHandle": "garbage", "VisibilityTimeout": 9},
    ]);
    let batch = json!({"QueueUrl": live, "Entries": entries});
    say(server, "ChangeMessageVisibilityBatch", batch);
    say(
        server,
        "DeleteMessage",
        json!({"QueueUrl": live, "ReceiptHandle": handles[0]}),
    );
    let entries =
        json!([{"Id": "a", "ReceiptHandle": handles[1]}, {"Id": "b", "ReceiptHandle": "garbage"}]);
    say(
        server,
        "DeleteMessageBatch",
        json!({"QueueUrl": live, "Entries": entries}),
    );
    say(server, "PurgeQueue", json!({"QueueUrl": live}));
    say(server, "DeleteQueue", json!({"QueueUrl": live}));
    members
}

#[test]
fn every_operation_answers_with_the_members_of_the_model() {
    let batch: &[&str] = &["Failed", "Successful"];
    let expected: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("AddPermission", &[][..]),
        (
            "CancelMessageMoveTask",
            &["ApproximateNumberOfMessagesMoved"],
        ),
        ("ChangeMessageVisibility", &[]),
        ("ChangeMessageVisibilityBatch", batch),
        ("CreateQueue", &["QueueUrl"]),
        ("DeleteMessage", &[]),
        ("DeleteMessageBatch", batch),
        ("DeleteQueue", &[]),
        ("GetQueueAttributes", &["Attributes"]),
        ("GetQueueUrl", &["QueueUrl"]),
        ("ListDeadLetterSourceQueues", &["queueUrls"]),
        ("ListMessageMoveTasks", &["Results"]),
        ("ListQueueTags", &["Tags"]),
        ("ListQueues", &["NextToken", "QueueUrls"]),
        ("PurgeQueue", &[]),
        ("ReceiveMessage", &["Messages"]),
        ("RemovePermission", &[]),
        ("SendMessage", &["MD5OfMessageBody", "MessageId"]),
        ("SendMessageBatch", batch),
        ("SetQueueAttributes", &[]),
        ("StartMessageMoveTask", &["TaskHandle"]),
        ("TagQueue", &[]),
        ("UntagQueue", &[]),
    ]);
    assert_eq!(expected.len(), OperationName::ALL.len());
    over_both(|server| {
        let answered = conversation(server);
        for operation in OperationName::ALL {
            let operation = operation.as_str();
            assert_eq!(answered[operation], expected[operation], "{operation}");
        }
    });
}

#[test]
fn every_operation_misses_its_parameters_by_name() {
    let queue = "QueueUrl";
    over_both(|server| {
        for (operation, parameter) in [
            ("CancelMessageMoveTask", "TaskHandle"),
            ("CreateQueue", "QueueName"),
            ("GetQueueUrl", "QueueName"),
            ("ListMessageMoveTasks", "SourceArn"),
            ("StartMessageMoveTask", "SourceArn"),
            ("AddPermission", queue),
            ("ChangeMessageVisibility", queue),
            ("ChangeMessageVisibilityBatch", queue),
            ("DeleteMessage", queue),
            ("DeleteMessageBatch", queue),
            ("DeleteQueue", queue),
            ("GetQueueAttributes", queue),
            ("ListDeadLetterSourceQueues", queue),
            ("ListQueueTags", queue),
            ("PurgeQueue", queue),
            ("ReceiveMessage", queue),
            ("RemovePermission", queue),
            ("SendMessage", queue),
            ("SendMessageBatch", queue),
            ("SetQueueAttributes", queue),
            ("TagQueue", queue),
            ("UntagQueue", queue),
        ] {
            let text = format!("The request must contain the parameter {parameter}.");
            server.refuses(operation, &json!({}), (400, "MissingParameter", &text));
        }
        for (operation, parameter) in [
            ("AddPermission", "Label"),
            ("ChangeMessageVisibility", "ReceiptHandle"),
            ("DeleteMessage", "ReceiptHandle"),
            ("RemovePermission", "Label"),
            ("SendMessage", "MessageBody"),
            ("SetQueueAttributes", "Attributes"),
            ("TagQueue", "Tags"),
            ("UntagQueue", "TagKeys"),
        ] {
            let text = format!("The request must contain the parameter {parameter}.");
            let input = json!({"QueueUrl": url("q")});
            server.refuses(operation, &input, (400, "MissingParameter", &text));
        }
    });
}
