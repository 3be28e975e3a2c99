//! Queue attributes, tags, policies and lists, as tools compare them.

use serde_json::{Value, json};

use crate::server::{over_both, url};

fn set(queue: &str, attributes: &Value) -> Value {
    json!({"QueueUrl": queue, "Attributes": attributes})
}

#[test]
fn a_fresh_standard_queue_tells_what_one_of_aws_tells() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        assert_eq!(
            server.attributes(&queue),
            json!({
                "ApproximateNumberOfMessages": "0",
                "ApproximateNumberOfMessagesDelayed": "0",
                "ApproximateNumberOfMessagesNotVisible": "0",
                "CreatedTimestamp": "1700000000",
                "DelaySeconds": "0",
                "LastModifiedTimestamp": "1700000000",
                "MaximumMessageSize": "1048576",
                "MessageRetentionPeriod": "345600",
                "QueueArn": "arn:aws:sqs:us-east-1:000000000000:q",
                "ReceiveMessageWaitTimeSeconds": "0",
                "SqsManagedSseEnabled": "true",
                "VisibilityTimeout": "30",
            })
        );
        let nothing = server.ok("GetQueueAttributes", &json!({"QueueUrl": queue}));
        assert_eq!(nothing.get("Attributes"), None);
    });
}

#[test]
fn one_kind_of_encryption_is_on_at_a_time() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let period = json!({"KmsDataKeyReusePeriodSeconds": "600"});
        server.ok("SetQueueAttributes", &set(&queue, &period));
        let told = server.attributes(&queue);
        assert_eq!(
            told.get("KmsDataKeyReusePeriodSeconds"),
            None,
            "no key, no period"
        );
        server.ok(
            "SetQueueAttributes",
            &set(&queue, &json!({"KmsMasterKeyId": "alias/k"})),
        );
        let told = server.attributes(&queue);
        assert_eq!(told["KmsMasterKeyId"], "alias/k");
        assert_eq!(told["KmsDataKeyReusePeriodSeconds"], "600");
        assert_eq!(told["SqsManagedSseEnabled"], "false");
        server.ok(
            "SetQueueAttributes",
            &set(&queue, &json!({"KmsMasterKeyId": ""})),
        );
        let told = server.attributes(&queue);
        assert_eq!(told.get("KmsMasterKeyId"), None);
        assert_eq!(told.get("KmsDataKeyReusePeriodSeconds"), None);
        server.ok(
            "SetQueueAttributes",
            &set(&queue, &json!({"SqsManagedSseEnabled": "true"})),
        );
        assert_eq!(server.attributes(&queue)["SqsManagedSseEnabled"], "true");
        let both = json!({"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"});
        server.refuses(
            "SetQueueAttributes",
            &set(&queue, &both),
            (
                400,
                "InvalidAttributeValue",
                "You can use one type of server-side encryption (SSE) at one time. You can either \
                 enable KMS SSE or SQS SSE.",
            ),
        );
    });
}

#[test]
fn every_attribute_with_a_wrong_value_is_refused_by_its_name() {
    over_both(|server| {
        let queue = server.fifo("q", &json!({}));
        for (name, value) in [
            ("ContentBasedDeduplication", "perhaps"),
            ("DeduplicationScope", "messagegroup"),
            ("DelaySeconds", "901"),
            ("FifoThroughputLimit", "perGroup"),
            ("KmsDataKeyReusePeriodSeconds", "59"),
            ("KmsDataKeyReusePeriodSeconds", "86401"),
            ("MaximumMessageSize", "1023"),
            ("MaximumMessageSize", "1048577"),
            ("MessageRetentionPeriod", "59"),
            ("MessageRetentionPeriod", "1209601"),
            ("Policy", "not JSON"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("SqsManagedSseEnabled", "yes"),
            ("VisibilityTimeout", "43201"),
            ("VisibilityTimeout", "-1"),
        ] {
            let text = format!("Invalid value for the parameter {name}.");
            server.refuses(
                "SetQueueAttributes",
                &set(&queue, &json!({name: value})),
                (400, "InvalidAttributeValue", &text),
            );
        }
        for name in [
            "Colour",
            "QueueArn",
            "CreatedTimestamp",
            "ApproximateNumberOfMessages",
        ] {
            let text = format!("Unknown Attribute {name}.");
            server.refuses(
                "SetQueueAttributes",
                &set(&queue, &json!({name: "1"})),
                (400, "InvalidAttributeName", &text),
            );
        }
    });
}

#[test]
fn a_policy_is_kept_as_it_is_written_and_removed_by_an_empty_one() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let policy = "{ \"Version\":\"2012-10-17\",  \"Statement\":[] }";
        server.ok(
            "SetQueueAttributes",
            &set(&queue, &json!({"Policy": policy})),
        );
        assert_eq!(server.attributes(&queue)["Policy"], policy);
        server.ok("SetQueueAttributes", &set(&queue, &json!({"Policy": ""})));
        assert_eq!(server.attributes(&queue).get("Policy"), None);
    });
}

#[test]
fn a_permission_is_a_statement_of_the_policy() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        let input = json!({
            "QueueUrl": queue,
            "Label": "both",
            "AWSAccountIds": ["111111111111", "222222222222"],
            "Actions": ["SendMessage", "*"],
        });
        server.ok("AddPermission", &input);
        let policy = server.attributes(&queue)["Policy"].take();
        let policy: Value = serde_json::from_str(policy.as_str().expect("text")).expect("JSON");
        assert_eq!(
            policy,
            json!({
                "Version": "2008-10-17",
                "Id": "arn:aws:sqs:us-east-1:000000000000:q/SQSDefaultPolicy",
                "Statement": [{
                    "Sid": "both",
                    "Effect": "Allow",
                    "Principal": {"AWS": [
                        "arn:aws:iam::111111111111:root",
                        "arn:aws:iam::222222222222:root",
                    ]},
                    "Action": ["SQS:SendMessage", "SQS:*"],
                    "Resource": "arn:aws:sqs:us-east-1:000000000000:q",
                }],
            })
        );
        server.ok(
            "RemovePermission",
            &json!({"QueueUrl": queue, "Label": "both"}),
        );
        assert_eq!(server.attributes(&queue).get("Policy"), None);
    });
}

#[test]
fn tags_are_added_changed_removed_and_told() {
    over_both(|server| {
        let input = json!({"QueueName": "q", "tags": {"team": "blue", "empty": ""}});
        let queue = server.ok("CreateQueue", &input)["QueueUrl"].take();
        let named = json!({"QueueUrl": queue});
        let told = server.ok("ListQueueTags", &named);
        assert_eq!(told, json!({"Tags": {"team": "blue", "empty": ""}}));
        let more = json!({"QueueUrl": queue, "Tags": {"team": "red", "Team": "green"}});
        server.ok("TagQueue", &more);
        let less = json!({"QueueUrl": queue, "TagKeys": ["empty", "never"]});
        server.ok("UntagQueue", &less);
        let told = server.ok("ListQueueTags", &named);
        assert_eq!(told, json!({"Tags": {"team": "red", "Team": "green"}}));
        server.ok(
            "UntagQueue",
            &json!({"QueueUrl": queue, "TagKeys": ["team", "Team"]}),
        );
        assert_eq!(server.ok("ListQueueTags", &named), json!({}));
        let many: serde_json::Map<String, Value> = (0..51)
            .map(|number| (number.to_string(), json!("v")))
            .collect();
        let many = json!({"QueueUrl": queue, "Tags": many});
        server.refuses(
            "TagQueue",
            &many,
            (
                400,
                "InvalidParameterValue",
                "Too many tags added for queue q.",
            ),
        );
    });
}

#[test]
fn queues_are_listed_page_by_page() {
    over_both(|server| {
        for name in ["orders-1", "orders-2", "orders-3", "other"] {
            server.queue(name, &json!({}));
        }
        let first = json!({"QueueNamePrefix": "orders", "MaxResults": 2});
        let page = server.ok("ListQueues", &first);
        assert_eq!(page["QueueUrls"], json!([url("orders-1"), url("orders-2")]));
        let next = json!({
            "QueueNamePrefix": "orders",
            "MaxResults": 2,
            "NextToken": page["NextToken"],
        });
        assert_eq!(
            server.ok("ListQueues", &next),
            json!({"QueueUrls": [url("orders-3")]})
        );
        let none = json!({"QueueNamePrefix": "none"});
        assert_eq!(server.ok("ListQueues", &none), json!({}));
        assert_eq!(
            server
                .refused("ListQueues", &json!({"MaxResults": 1001}))
                .status,
            400
        );
    });
}

#[test]
fn an_unknown_attribute_cannot_be_asked_for() {
    over_both(|server| {
        let queue = server.queue("q", &json!({}));
        for (operation, list) in [
            ("GetQueueAttributes", "AttributeNames"),
            ("ReceiveMessage", "AttributeNames"),
            ("ReceiveMessage", "MessageSystemAttributeNames"),
        ] {
            server.refuses(
                operation,
                &json!({"QueueUrl": queue, list: ["Colour"]}),
                (400, "InvalidAttributeName", "Unknown Attribute Colour."),
            );
        }
    });
}
