//! The operations on queues.

use serde_json::{Value, json};
use zonemq_queue::attributes::{AttributeChanges, QueueAttributes, QueueDescription};
use zonemq_queue::command::{Command, Cooldown, Outcome};
use zonemq_queue::time::{Millis, Seconds};

use crate::talk::{URL, answer, command, complaint, orders, refusal, with};

fn create(more: &Value) -> Value {
    with(&json!({"QueueName": "orders"}), more)
}

fn set(attributes: &Value) -> Value {
    json!({"QueueUrl": URL, "Attributes": attributes})
}

fn get(names: &Value) -> Value {
    json!({"QueueUrl": URL, "AttributeNames": names})
}

/// `CreateQueue` and `SetQueueAttributes` share their rules on attributes.
fn refusals(attributes: &Value) -> [crate::talk::Refusal; 2] {
    [
        refusal("CreateQueue", &create(&json!({"Attributes": attributes}))),
        refusal("SetQueueAttributes", &set(attributes)),
    ]
}

#[test]
fn a_queue_is_created_with_the_settings_and_tags_that_are_named() {
    let body = create(&json!({
        "Attributes": {
            "DelaySeconds": "900",
            "MaximumMessageSize": "1024",
            "MessageRetentionPeriod": "60",
            "ReceiveMessageWaitTimeSeconds": "20",
            "VisibilityTimeout": "43200",
        },
        "tags": {"team": "blue", "empty": ""},
    }));
    let expected = Command::CreateQueue {
        queue: orders(),
        attributes: Box::new(AttributeChanges {
            delay: Some(Seconds(900)),
            maximum_message_size: Some(1024),
            message_retention_period: Some(Seconds(60)),
            receive_message_wait_time: Some(Seconds(20)),
            visibility_timeout: Some(Seconds(43_200)),
            ..AttributeChanges::default()
        }),
        tags: [("team", "blue"), ("empty", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        cooldown: Cooldown::Off,
    };
    assert_eq!(command("CreateQueue", &body), expected);
    assert_eq!(
        answer("CreateQueue", &body, Ok(Outcome::Exists)),
        json!({"QueueUrl": URL})
    );
}

#[test]
fn a_queue_name_is_1_to_80_letters_digits_hyphens_and_underscores() {
    for name in ["a", "A-b_9", &"q".repeat(80)] {
        let body = json!({"QueueName": name});
        assert!(matches!(
            command("CreateQueue", &body),
            Command::CreateQueue { queue, .. } if queue.name == name
        ));
    }
    for name in [
        "with space",
        "a/b",
        "a.b",
        "\u{e9}",
        ".fifo",
        "a.fifo",
        &"q".repeat(81),
    ] {
        assert_eq!(
            complaint("CreateQueue", &json!({"QueueName": name})),
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        );
    }
    for body in [json!({}), json!({"QueueName": ""})] {
        let refused = refusal("CreateQueue", &body);
        assert_eq!(refused.query_error, "MissingParameter;Sender");
        assert_eq!(
            refused.message,
            "The request must contain the parameter QueueName."
        );
    }
}

#[test]
fn settings_have_their_ranges() {
    for (name, values) in [
        ("DelaySeconds", ["-1", "901"]),
        ("MaximumMessageSize", ["1023", "1048577"]),
        ("MessageRetentionPeriod", ["59", "1209601"]),
        ("ReceiveMessageWaitTimeSeconds", ["-1", "21"]),
        ("VisibilityTimeout", ["-1", "43201"]),
        ("DelaySeconds", ["", "ten"]),
        ("DelaySeconds", ["1.5", "99999999999"]),
    ] {
        for value in values {
            for refused in refusals(&json!({name: value})) {
                assert_eq!(refused.status, 400);
                assert_eq!(refused.shape, "InvalidAttributeValue");
                assert_eq!(refused.query_error, "InvalidAttributeValue;Sender");
                assert_eq!(
                    refused.message,
                    format!("Invalid value for the parameter {name}.")
                );
            }
        }
    }
}

#[test]
fn what_is_unknown_or_only_told_cannot_be_set() {
    for name in [
        "Color",
        "All",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "QueueArn",
        "ContentBasedDeduplication",
        "FifoQueue",
    ] {
        for refused in refusals(&json!({name: "false"})) {
            assert_eq!(refused.shape, "InvalidAttributeName");
            assert_eq!(refused.query_error, "InvalidAttributeName;Sender");
            assert_eq!(refused.message, format!("Unknown Attribute {name}."));
        }
    }
    for name in ["DeduplicationScope", "FifoThroughputLimit"] {
        for refused in refusals(&json!({name: "queue"})) {
            assert_eq!(refused.shape, "InvalidAttributeName");
            assert_eq!(
                refused.message,
                format!("You can specify the {name} only when FifoQueue is set to true.")
            );
        }
    }
}

#[test]
fn settings_are_changed_by_name() {
    let body = set(&json!({"VisibilityTimeout": "0"}));
    let changes = AttributeChanges {
        visibility_timeout: Some(Seconds(0)),
        ..AttributeChanges::default()
    };
    let expected = Command::SetQueueAttributes {
        queue: orders(),
        changes: Box::new(changes),
    };
    assert_eq!(command("SetQueueAttributes", &body), expected);
    assert_eq!(
        answer("SetQueueAttributes", &body, Ok(Outcome::Done)),
        json!({})
    );
    assert_eq!(
        refusal("SetQueueAttributes", &json!({"QueueUrl": URL})).message,
        "The request must contain the parameter Attributes."
    );
}

#[test]
fn tags_have_their_limits() {
    let tag = |key: &str, value: &str| create(&json!({"tags": {key: value}}));
    for body in [
        tag("", "v"),
        tag(&"k".repeat(129), "v"),
        tag("k", &"v".repeat(257)),
        tag("aws:k", "v"),
    ] {
        assert!(complaint("CreateQueue", &body).starts_with("Tag "));
    }
}

fn described() -> Outcome {
    Outcome::Described(Box::new(QueueDescription {
        attributes: QueueAttributes::defaults_for(&orders()),
        created_at: Millis(1_700_000_000_999),
        last_modified_at: Millis(1_700_000_500_000),
        visible: 3,
        in_flight: 2,
        delayed: 1,
        noisy_groups: 0,
    }))
}

#[test]
fn all_attributes_are_those_that_aws_tells_of_a_standard_queue() {
    assert_eq!(
        answer("GetQueueAttributes", &get(&json!(["All"])), Ok(described())),
        json!({"Attributes": {
            "ApproximateNumberOfMessages": "3",
            "ApproximateNumberOfMessagesDelayed": "1",
            "ApproximateNumberOfMessagesNotVisible": "2",
            "CreatedTimestamp": "1700000000",
            "DelaySeconds": "0",
            "LastModifiedTimestamp": "1700000500",
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600",
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:orders",
            "ReceiveMessageWaitTimeSeconds": "0",
            "SqsManagedSseEnabled": "true",
            "VisibilityTimeout": "30",
        }})
    );
}

#[test]
fn attributes_are_told_by_name_and_only_if_the_queue_has_them() {
    let told = |names: Value| answer("GetQueueAttributes", &get(&names), Ok(described()));
    assert_eq!(
        told(json!(["QueueArn", "Policy", "VisibilityTimeout"])),
        json!({"Attributes": {
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:orders",
            "VisibilityTimeout": "30",
        }})
    );
    assert_eq!(told(json!(["Policy"])), json!({"Attributes": {}}));
    assert_eq!(told(json!([])), json!({}));
    let unnamed = json!({"QueueUrl": URL});
    assert_eq!(
        answer("GetQueueAttributes", &unnamed, Ok(described())),
        json!({})
    );
    let refused = refusal("GetQueueAttributes", &get(&json!(["QueueArn", "Color"])));
    assert_eq!(refused.shape, "InvalidAttributeName");
    assert_eq!(refused.message, "Unknown Attribute Color.");
}

#[test]
fn a_queue_is_found_by_name_also_in_another_account() {
    let Command::GetQueueUrl { queue } = command("GetQueueUrl", &create(&json!({}))) else {
        panic!("another command");
    };
    assert_eq!(queue, orders());
    let body = create(&json!({"QueueOwnerAWSAccountId": "123456789012"}));
    assert_eq!(
        answer("GetQueueUrl", &body, Ok(Outcome::Exists)),
        json!({"QueueUrl": "http://127.0.0.1:9324/123456789012/orders"})
    );
    let impossible = json!({"QueueName": "a b"});
    assert_eq!(
        refusal("GetQueueUrl", &impossible).shape,
        "QueueDoesNotExist"
    );
}

#[test]
fn queues_are_listed_as_urls() {
    let listed = |body: &Value, names: &[&str], more| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        answer("ListQueues", body, Ok(Outcome::Queues { names, more }))
    };
    assert_eq!(
        listed(&json!({}), &["a", "b"], false),
        json!({"QueueUrls": [
            "http://127.0.0.1:9324/000000000000/a",
            "http://127.0.0.1:9324/000000000000/b",
        ]})
    );
    assert_eq!(listed(&json!({}), &[], false), json!({}));
    // Without a page size there is no next page, as with AWS.
    assert_eq!(listed(&json!({}), &["a"], true).get("NextToken"), None);
}

#[test]
fn a_token_leads_to_the_next_page() {
    let body = json!({"MaxResults": 2, "QueueNamePrefix": "ord"});
    let first = Command::ListQueues {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        prefix: "ord".to_owned(),
        after: None,
        limit: 2,
    };
    assert_eq!(command("ListQueues", &body), first);
    let names = vec!["ord-1".to_owned(), "ord-2".to_owned()];
    let page = answer(
        "ListQueues",
        &body,
        Ok(Outcome::Queues { names, more: true }),
    );
    let token = page["NextToken"].as_str().expect("a token");
    let next = command("ListQueues", &with(&body, &json!({"NextToken": token})));
    let Command::ListQueues { after, limit, .. } = next else {
        panic!("another command");
    };
    assert_eq!((after.as_deref(), limit), (Some("ord-2"), 2));
    let names = vec!["ord-3".to_owned()];
    let last = answer(
        "ListQueues",
        &body,
        Ok(Outcome::Queues { names, more: false }),
    );
    assert_eq!(last.get("NextToken"), None);
}

#[test]
fn a_page_has_1_to_1000_queues() {
    for (max_results, limit) in [(json!(1), 1), (json!(1000), 1000), (Value::Null, 1000)] {
        let body = json!({"MaxResults": max_results});
        assert!(matches!(
            command("ListQueues", &body),
            Command::ListQueues { limit: told, .. } if told == limit
        ));
    }
    for max_results in [0, 1001] {
        assert_eq!(
            complaint("ListQueues", &json!({"MaxResults": max_results})),
            format!(
                "Value {max_results} for parameter MaxResults is invalid. Reason: Must be >= 1 \
                 and <= 1000, if provided."
            )
        );
    }
    for token in ["garbage!", "IA", "____"] {
        let message = complaint("ListQueues", &json!({"NextToken": token}));
        assert!(message.starts_with(&format!(
            "Value {token} for parameter NextToken is invalid."
        )));
    }
}
