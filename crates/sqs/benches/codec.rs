//! What it takes to make a command of a request, and an answer of a reply, for the operations of a
//! message's life, in each protocol: the time that a node spends on one thread before and after the
//! agreement.

use std::collections::BTreeMap;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::Request;
use serde_json::{Value, json};
use zonemq_queue::command::{Outcome, Reply};
use zonemq_queue::ids::{MessageId, MessageKey, QueueId};
use zonemq_queue::message::{Content, ReceivedMessage, SentMessage};
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_queue::time::Millis;
use zonemq_sqs::{Defaults, decode};

const BODY_BYTES: usize = 1024;
/// SQS's longest.
const BATCH: usize = 10;
const QUEUE_URL: &str = "http://127.0.0.1:9324/000000000000/orders";
const REQUEST_ID: &str = "1a2b3c4d-0000-0000-0000-000000000000";
const NOW: Millis = Millis(1_700_000_000_000);

/// An operation, as both protocols write it, and how the state replies.
struct Case {
    name: &'static str,
    /// Messages in it.
    messages: usize,
    operation: &'static str,
    json: Value,
    /// Behind the action and the queue. Nothing in it needs an escape.
    form: String,
    reply: Outcome,
}

fn cases() -> Vec<Case> {
    let body = "x".repeat(BODY_BYTES);
    let handles: Vec<_> = (0..BATCH).map(|place| handle(place).to_string()).collect();
    let sends = (0..BATCH).map(|id| json!({ "Id": id.to_string(), "MessageBody": body }));
    let deletes = handles
        .iter()
        .enumerate()
        .map(|(id, handle)| json!({ "Id": id.to_string(), "ReceiptHandle": handle }));
    let entries = |operation: &str, member: &str, values: &[String]| -> String {
        let entries = values.iter().enumerate().map(|(id, value)| {
            let entry = format!("&{operation}RequestEntry.{}", id + 1);
            format!("{entry}.Id={id}{entry}.{member}={value}")
        });
        entries.collect()
    };
    vec![
        Case {
            name: "send",
            messages: 1,
            operation: "SendMessage",
            json: json!({ "MessageBody": body }),
            form: format!("&MessageBody={body}"),
            reply: sent(1),
        },
        Case {
            name: "send ten",
            messages: BATCH,
            operation: "SendMessageBatch",
            json: json!({ "Entries": sends.collect::<Vec<_>>() }),
            form: entries("SendMessageBatch", "MessageBody", &vec![body; BATCH]),
            reply: sent(BATCH),
        },
        Case {
            name: "receive",
            messages: 1,
            operation: "ReceiveMessage",
            json: json!({ "MaxNumberOfMessages": 1, "WaitTimeSeconds": 20 }),
            form: "&MaxNumberOfMessages=1&WaitTimeSeconds=20".to_owned(),
            reply: received(1),
        },
        Case {
            name: "receive ten",
            messages: BATCH,
            operation: "ReceiveMessage",
            json: json!({ "MaxNumberOfMessages": BATCH, "WaitTimeSeconds": 20 }),
            form: "&MaxNumberOfMessages=10&WaitTimeSeconds=20".to_owned(),
            reply: received(BATCH),
        },
        Case {
            name: "delete",
            messages: 1,
            operation: "DeleteMessage",
            json: json!({ "ReceiptHandle": handles[0] }),
            form: format!("&ReceiptHandle={}", handles[0]),
            reply: Outcome::Each(vec![Ok(())]),
        },
        Case {
            name: "delete ten",
            messages: BATCH,
            operation: "DeleteMessageBatch",
            json: json!({ "Entries": deletes.collect::<Vec<_>>() }),
            form: entries("DeleteMessageBatch", "ReceiptHandle", &handles),
            reply: Outcome::Each(vec![Ok(()); BATCH]),
        },
    ]
}

fn handle(place: usize) -> ReceiptHandle {
    ReceiptHandle {
        queue: QueueId(1),
        message: MessageKey(place as u64),
        receive_count: 1,
        token: 0x0102_0304_0506_0708,
    }
}

fn sent(count: usize) -> Outcome {
    let messages = (0..count).map(|place| {
        Ok(SentMessage {
            id: MessageId(place as u128),
            sequence_number: None,
        })
    });
    Outcome::Sent(messages.collect())
}

fn received(count: usize) -> Outcome {
    let messages = (0..count).map(|place| ReceivedMessage {
        id: MessageId(place as u128),
        receipt_handle: handle(place),
        content: Content {
            body: vec![b'x'; BODY_BYTES].into(),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender_id: "000000000000".to_owned(),
            deduplication_id: None,
        },
        sent_at: NOW,
        first_received_at: NOW,
        receive_count: 1,
        message_group: None,
        sequence_number: None,
        dead_letter_source: None,
        letter: None,
    });
    Outcome::Received(messages.collect())
}

impl Case {
    fn requests(&self) -> [(&'static str, Request<Bytes>); 2] {
        let post = || {
            Request::post("/")
                .header("host", "127.0.0.1:9324")
                .header(
                    "authorization",
                    "AWS4-HMAC-SHA256 Credential=zonemq/20260101/us-east-1/sqs/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=0",
                )
                .header("x-amz-date", "20260101T000000Z")
        };
        let mut json = self.json.clone();
        json["QueueUrl"] = QUEUE_URL.into();
        let json = post()
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{}", self.operation))
            .body(Bytes::from(json.to_string()));
        let form = format!(
            "Action={}&Version=2012-11-05&QueueUrl={QUEUE_URL}{}",
            self.operation, self.form
        );
        let query = post()
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form));
        let request = |request: http::Result<_>| request.expect("a request");
        [("json", request(json)), ("query", request(query))]
    }
}

fn codec(criterion: &mut Criterion) {
    let defaults = Defaults::default();
    for case in cases() {
        for (protocol, request) in case.requests() {
            let call = || decode(&request, &defaults).expect("a valid request");
            let reply: Reply = Ok(case.reply.clone());
            // A case that is refused or answered with an error would be measured as if it were one.
            let answer = call().answer(Some(reply.clone()), REQUEST_ID);
            assert!(answer.status().is_success(), "{}: {answer:?}", case.name);

            let mut group = criterion.benchmark_group(protocol);
            group.throughput(Throughput::Elements(case.messages as u64));
            group.bench_function(format!("decode/{}", case.name), |bencher| {
                bencher.iter_with_large_drop(|| decode(black_box(&request), &defaults));
            });
            group.bench_function(format!("encode/{}", case.name), |bencher| {
                bencher.iter_batched(
                    || (call(), reply.clone()),
                    |(call, reply)| call.answer(Some(reply), REQUEST_ID),
                    BatchSize::SmallInput,
                );
            });
            group.finish();
        }
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
