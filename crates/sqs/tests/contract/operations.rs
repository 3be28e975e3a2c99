//! All 23 operations, each answered over both protocols in the members of the model.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zonemq_sqs::OperationName;

use crate::server::{Server, arn, over_both, url};

/// Calls operations, and keeps the names of the members that each has answered.
struct Conversation<'s> {
    server: &'s mut Server,
    members: BTreeMap<&'static str, Vec<String>>,
}

impl Conversation<'_> {
    fn say(&mut self, operation: &'static str, input: &Value) -> Value {
        let answer = self.server.ok(operation, input);
        let names = answer.as_object().expect("an object").keys().cloned();
        self.members.insert(operation, names.collect());
        answer
    }

    fn about_queues(&mut self) {
        let tags = json!({"QueueName": "dead", "tags": {"a": "b"}});
        self.say("CreateQueue", &tags);
        let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}).to_string();
        let live = self.server.queue("live", &json!({"RedrivePolicy": policy}));
        let live = live.as_str();
        self.say("GetQueueUrl", &json!({"QueueName": "live"}));
        self.say("ListQueues", &json!({"MaxResults": 1}));
        let all = json!({"QueueUrl": live, "AttributeNames": ["All"]});
        self.say("GetQueueAttributes", &all);
        let hide = json!({"QueueUrl": live, "Attributes": {"VisibilityTimeout": "0"}});
        self.say("SetQueueAttributes", &hide);
        let tags = json!({"QueueUrl": live, "Tags": {"k": "v", "l": "w"}});
        self.say("TagQueue", &tags);
        self.say("UntagQueue", &json!({"QueueUrl": live, "TagKeys": ["l"]}));
        self.say("ListQueueTags", &json!({"QueueUrl": live}));
        let permission = json!({
            "QueueUrl": live, "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["*"],
        });
        self.say("AddPermission", &permission);
        let label = json!({"QueueUrl": live, "Label": "l"});
        self.say("RemovePermission", &label);
        let dead = json!({"QueueUrl": url("dead")});
        self.say("ListDeadLetterSourceQueues", &dead);
    }

    fn about_move_tasks(&mut self) {
        let live = url("live");
        let letter = json!({"QueueUrl": live, "MessageBody": "letter"});
        self.say("SendMessage", &letter);
        self.server.bodies(&live);
        self.server.bodies(&live);
        let task = json!({"SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1});
        self.say("StartMessageMoveTask", &task);
        let tasks = self.say("ListMessageMoveTasks", &json!({"SourceArn": arn("dead")}));
        let handle = &tasks["Results"][0]["TaskHandle"];
        self.say("CancelMessageMoveTask", &json!({"TaskHandle": handle}));
    }

    fn about_messages(&mut self) {
        let live = url("live");
        let entries = json!([
            {"Id": "a", "MessageBody": "1"},
            {"Id": "b", "MessageBody": "2"},
            {"Id": "c", "MessageBody": "\u{1}"},
        ]);
        self.say(
            "SendMessageBatch",
            &json!({"QueueUrl": live, "Entries": entries}),
        );
        let receive = json!({"QueueUrl": live, "MaxNumberOfMessages": 10, "VisibilityTimeout": 30});
        let messages = self.say("ReceiveMessage", &receive)["Messages"].take();
        let (first, second) = (&messages[0]["ReceiptHandle"], &messages[1]["ReceiptHandle"]);
        let delivery = json!({"QueueUrl": live, "ReceiptHandle": first, "VisibilityTimeout": 9});
        self.say("ChangeMessageVisibility", &delivery);
        let entries = json!([
            {"Id": "a", "ReceiptHandle": second, "VisibilityTimeout": 9},
            {"Id": "b", "ReceiptHandle": "garbage", "VisibilityTimeout": 9},
        ]);
        let batch = json!({"QueueUrl": live, "Entries": entries});
        self.say("ChangeMessageVisibilityBatch", &batch);
        let delivery = json!({"QueueUrl": live, "ReceiptHandle": first});
        self.say("DeleteMessage", &delivery);
        let entries = json!([
            {"Id": "a", "ReceiptHandle": second},
            {"Id": "b", "ReceiptHandle": "garbage"},
        ]);
        let batch = json!({"QueueUrl": live, "Entries": entries});
        self.say("DeleteMessageBatch", &batch);
        self.say("PurgeQueue", &json!({"QueueUrl": live}));
        self.say("DeleteQueue", &json!({"QueueUrl": live}));
    }
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
        let mut conversation = Conversation {
            server,
            members: BTreeMap::new(),
        };
        conversation.about_queues();
        conversation.about_move_tasks();
        conversation.about_messages();
        let answered = conversation.members;
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
