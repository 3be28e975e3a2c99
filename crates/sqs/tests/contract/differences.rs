//! The known differences from AWS: each row of the table in the README, shown.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::server::{Server, arn, over_both, url};
use crate::wire::{Protocol, request};

/// The first cell of a row, and what shows that it is true.
type Difference = (&'static str, fn(&mut Server));

const DIFFERENCES: &[Difference] = &[
    ("signatures are not verified", |server| {
        let mut unsigned = request(server.protocol, "ListQueues", &json!({}));
        unsigned.headers_mut().remove("authorization");
        assert!(server.send("ListQueues", &unsigned).is_ok());
    }),
    ("policies are kept and told, not enforced", |server| {
        let policy = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*"}});
        let queue = server.queue("q", &json!({"Policy": policy.to_string()}));
        send(server, &queue, "m");
    }),
    (
        "encryption settings are kept and told, and nothing is encrypted",
        |server| {
            let queue = server.queue("q", &json!({"KmsMasterKeyId": "no key of anybody"}));
            send(server, &queue, "m");
            assert_eq!(server.bodies(&queue), ["m"]);
        },
    ),
    ("counters and changes are exact at once", |server| {
        let queue = server.queue("q", &json!({}));
        send(server, &queue, "m");
        assert_eq!(
            server.attributes(&queue)["ApproximateNumberOfMessages"],
            "1"
        );
        let attributes = json!({"QueueUrl": queue, "Attributes": {"VisibilityTimeout": "0"}});
        server.ok("SetQueueAttributes", &attributes);
        assert_eq!(server.bodies(&queue), ["m"]);
        assert_eq!(server.bodies(&queue), ["m"]);
    }),
    ("a short poll asks the whole queue", |server| {
        let queue = server.queue("q", &json!({}));
        for number in 0..10 {
            send(server, &queue, &number.to_string());
        }
        assert_eq!(server.bodies(&queue).len(), 10);
    }),
    ("throughput of FIFO queues is not limited", |server| {
        let queue = server.fifo("q", &json!({"ContentBasedDeduplication": "true"}));
        for number in 0..400 {
            let message = json!({
                "QueueUrl": queue, "MessageBody": number.to_string(), "MessageGroupId": "g",
            });
            server.ok("SendMessage", &message);
        }
    }),
    ("a group is noisy by messages in flight alone", |server| {
        let queue = server.queue("q", &json!({}));
        let send = |server: &mut Server, group: &str| {
            let message = json!({"QueueUrl": queue, "MessageBody": group, "MessageGroupId": group});
            server.ok("SendMessage", &message);
        };
        for _ in 0..30 {
            send(server, "slow");
        }
        // Ten at a time, for very long: never thirty in flight.
        for _ in 0..2 {
            let messages = server.receive(&queue, &json!({"VisibilityTimeout": 43_200}));
            server.after_seconds(40_000);
            for message in messages {
                let handle = &message["ReceiptHandle"];
                let delivery = json!({"QueueUrl": queue, "ReceiptHandle": handle});
                server.ok("DeleteMessage", &delivery);
            }
        }
        send(server, "quick");
        assert_eq!(server.bodies(&queue)[0], "slow");
    }),
    (
        "a move task without a rate is as fast as the cluster",
        |server| {
            let dead = dead_letters(server, 20);
            server.queue("other", &json!({}));
            let task = json!({"SourceArn": arn("dead"), "DestinationArn": arn("other")});
            server.ok("StartMessageMoveTask", &task);
            server.pump();
            assert_eq!(server.bodies(&dead), [""; 0]);
        },
    ),
    ("a move task never tells CANCELLING", |server| {
        dead_letters(server, 1);
        let source = json!({"SourceArn": arn("dead")});
        let task = server.ok("StartMessageMoveTask", &source);
        server.ok("CancelMessageMoveTask", &task);
        let tasks = server.ok("ListMessageMoveTasks", &source);
        assert_eq!(tasks["Results"][0]["Status"], "CANCELLED");
    }),
    ("a purge forgets deduplication ids", |server| {
        let queue = server.fifo("q", &json!({"ContentBasedDeduplication": "true"}));
        let message = json!({"QueueUrl": queue, "MessageBody": "m", "MessageGroupId": "g"});
        server.ok("SendMessage", &message);
        server.ok("PurgeQueue", &json!({"QueueUrl": queue}));
        server.ok("SendMessage", &message);
        assert_eq!(server.bodies(&queue), ["m"]);
    }),
    ("a queue URL needs a scheme and an account", |server| {
        server.queue("q", &json!({}));
        server.ok("PurgeQueue", &json!({"QueueUrl": "q"}));
        for address in ["sqs.test:9324/000000000000/q", "http://sqs.test:9324/q"] {
            let refused = server.refused("PurgeQueue", &json!({"QueueUrl": address}));
            assert_eq!((refused.status, &*refused.code), (404, "InvalidAddress"));
        }
    }),
    ("a queue URL may have any host", |server| {
        server.queue("q", &json!({}));
        let elsewhere = "https://elsewhere.test/any/000000000000/q";
        server.ok("PurgeQueue", &json!({"QueueUrl": elsewhere}));
    }),
    (
        "without QueueUrl the path names the queue also in JSON",
        |server| {
            server.queue("q", &json!({}));
            let mut at_queue = request(server.protocol, "PurgeQueue", &json!({}));
            *at_queue.uri_mut() = "/000000000000/q".parse().expect("a URI");
            assert!(server.send("PurgeQueue", &at_queue).is_ok());
        },
    ),
    (
        "a batch without a valid entry does not find out that its queue does not exist",
        |server| {
            let entries = json!([{"Id": "a", "ReceiptHandle": "garbage"}]);
            let batch = json!({"QueueUrl": url("missing"), "Entries": entries});
            let answer = server.ok("DeleteMessageBatch", &batch);
            assert_eq!(answer["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
        },
    ),
    (
        "the size of a batch is counted over its valid entries",
        |server| {
            let queue = server.queue("q", &json!({}));
            let entries = json!([
                {"Id": "a", "MessageBody": "x".repeat(1_048_576)},
                {"Id": "b", "MessageBody": "\u{1}"},
            ]);
            let answer = server.ok(
                "SendMessageBatch",
                &json!({"QueueUrl": queue, "Entries": entries}),
            );
            assert_eq!(answer["Successful"][0]["Id"], "a");
            assert_eq!(answer["Failed"][0]["Id"], "b");
        },
    ),
    ("lone surrogates are no text", |server| {
        let body = r#"{"QueueUrl":"http://h/000000000000/q","MessageBody":"\ud800"}"#;
        assert_eq!(
            refused_json(server, "SendMessage", body),
            "SerializationException"
        );
    }),
    ("a member that is there twice is refused", |server| {
        let body = r#"{"QueueName":"a","QueueName":"b"}"#;
        assert_eq!(
            refused_json(server, "GetQueueUrl", body),
            "SerializationException"
        );
    }),
    (
        "numbers in attributes are checked for their form only",
        |server| {
            let queue = server.queue("q", &json!({}));
            let number = json!({"DataType": "Number", "StringValue": "9".repeat(100)});
            let message =
                json!({"QueueUrl": queue, "MessageBody": "m", "MessageAttributes": {"n": number}});
            server.ok("SendMessage", &message);
        },
    ),
    ("an unreadable form is MalformedInput", |server| {
        let form = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from_static(b"Action=ListQueues&QueueNamePrefix=%zz"))
            .expect("a request");
        if server.protocol == Protocol::Query {
            let refused = server.send("ListQueues", &form).expect_err("refused");
            assert_eq!((refused.status, &*refused.code), (400, "MalformedInput"));
        }
    }),
];

fn send(server: &mut Server, queue: &str, body: &str) {
    let message = json!({"QueueUrl": queue, "MessageBody": body});
    server.ok("SendMessage", &message);
}

/// A dead-letter queue that holds so many messages; its URL.
fn dead_letters(server: &mut Server, count: u32) -> String {
    let dead = server.queue("dead", &json!({}));
    let policy = json!({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}).to_string();
    server.queue("live", &json!({"RedrivePolicy": policy}));
    for number in 0..count {
        send(server, &dead, &number.to_string());
    }
    dead
}

/// The code with which a request in JSON, given as text, is refused.
fn refused_json(server: &mut Server, operation: &str, body: &'static str) -> String {
    let mut json = request(Protocol::Json, operation, &Value::Null);
    *json.body_mut() = Bytes::from_static(body.as_bytes());
    let spoken = std::mem::replace(&mut server.protocol, Protocol::Json);
    let refused = server.send(operation, &json).expect_err("refused");
    server.protocol = spoken;
    refused.code
}

#[test]
fn every_known_difference_is_as_the_readme_tells_it() {
    for (what, show) in DIFFERENCES {
        eprintln!("{what}");
        over_both(*show);
    }
}

#[test]
fn the_readme_tells_every_known_difference() {
    let readme = include_str!("../../README.md");
    let (_, table) = readme
        .split_once("| what is different | AWS | why |\n|---|---|---|\n")
        .expect("the table of differences");
    let told: BTreeSet<&str> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(1).map(str::trim))
        .collect();
    let shown: BTreeSet<&str> = DIFFERENCES.iter().map(|(what, _)| *what).collect();
    assert_eq!(told, shown);
}
