//! Whatever comes in is answered.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use zonemq_queue::command::{CommandError, Outcome};
use zonemq_sqs::{Defaults, OperationName, decode};

use crate::talk::{URL, handle, request, sent};

/// Members of all operations, so that arbitrary values reach the rules behind them.
const MEMBERS: [&str; 35] = [
    "AttributeNames",
    "Attributes",
    "BinaryValue",
    "DataType",
    "DelaySeconds",
    "Entries",
    "Id",
    "MaxNumberOfMessages",
    "MaxResults",
    "MessageAttributeNames",
    "MessageAttributes",
    "MessageBody",
    "MessageGroupId",
    "MessageSystemAttributes",
    "NextToken",
    "QueueName",
    "QueueNamePrefix",
    "QueueUrl",
    "ReceiptHandle",
    "StringValue",
    "VisibilityTimeout",
    "WaitTimeSeconds",
    "AWSTraceHeader",
    "AWSAccountIds",
    "Actions",
    "DestinationArn",
    "Label",
    "MaxNumberOfMessagesPerSecond",
    "MessageDeduplicationId",
    "RedrivePolicy",
    "SourceArn",
    "TagKeys",
    "Tags",
    "TaskHandle",
    "tags",
];

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => prop::sample::select(MEMBERS.as_slice()).prop_map(str::to_owned),
        1 => ".{0,5}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,20}",
        prop::sample::select(
            [
                URL,
                "All",
                "String",
                "Number.int",
                "Binary",
                "AA==",
                "1e5",
                "b3JkZXJz",
                "orders.fifo",
                "arn:aws:sqs:us-east-1:000000000000:orders",
                "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:d\",\"maxReceiveCount\":1}",
                "eyJ0YXNrSWQiOiIxIiwic291cmNlQXJuIjoiYXJuOmF3czpzcXM6dXMtZWFzdC0xOjE6cSJ9",
                "true",
                "",
                "http://",
                ".*",
            ]
            .as_slice()
        )
        .prop_map(str::to_owned),
        Just(handle(1).to_string()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2i64..50_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::btree_map(member(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A request that has at least its queue right.
fn input() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(member(), value(), 0..10).prop_map(|members| {
        let mut members: serde_json::Map<String, Value> = members.into_iter().collect();
        members.entry("QueueUrl").or_insert_with(|| json!(URL));
        Value::Object(members)
    })
}

fn outcome() -> impl Strategy<Value = Option<Result<Outcome, CommandError>>> {
    let delivery = || vec![Ok(()), Err(CommandError::MessageDoesNotExist)];
    prop::sample::select(vec![
        None,
        Some(Err(CommandError::QueueDoesNotExist)),
        Some(Err(CommandError::VisibilityBeyondLimit)),
        Some(Ok(Outcome::Done)),
        Some(Ok(Outcome::Exists)),
        Some(Ok(Outcome::Each(delivery()))),
        Some(Ok(Outcome::Each(Vec::new()))),
        Some(Ok(Outcome::Sent(vec![Ok(sent(1))]))),
        Some(Ok(Outcome::Received(Vec::new()))),
    ])
}

fn any_operation() -> impl Strategy<Value = OperationName> {
    prop::sample::select(OperationName::ALL)
}

/// Names of parameters, flattened as the query protocol has them.
fn parameter() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        member(),
        "[0-9]{1,3}",
        prop::sample::select(
            [
                "Attribute",
                "AttributeName",
                "MessageAttribute",
                "Name",
                "SendMessageBatchRequestEntry",
                "DeleteMessageBatchRequestEntry",
                "ChangeMessageVisibilityBatchRequestEntry",
                "Tag",
                "Key",
                "Value",
                "member",
                "entry",
                "",
            ]
            .as_slice()
        )
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.join("."))
}

/// Decodes, and answers whatever came of it: always with the request's id.
fn answer(
    request: &Request<Bytes>,
    reply: Option<Result<Outcome, CommandError>>,
) -> Response<Bytes> {
    let response = match decode(request, &Defaults::default()) {
        Ok(mut call) => {
            drop(call.take_command());
            call.answer(reply, "request-1")
        }
        Err(failure) => {
            let response = failure.into_response("request-1");
            assert!(response.status().is_client_error(), "{response:?}");
            response
        }
    };
    assert!(response.headers().contains_key("x-amzn-requestid"));
    response
}

/// The same over JSON.
fn status(request: &Request<Bytes>, reply: Option<Result<Outcome, CommandError>>) -> StatusCode {
    let response = answer(request, reply);
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(
        body.get("__type").is_some(),
        !response.status().is_success()
    );
    response.status()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_are_refused(
        operation in any_operation(),
        body in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let status = status(&request(operation.as_str(), body), None);
        prop_assert!(status.is_client_error());
    }

    #[test]
    fn arbitrary_json_is_answered(
        operation in any_operation(),
        body in input(),
        reply in outcome(),
    ) {
        let status = status(&request(operation.as_str(), body.to_string()), reply);
        prop_assert!(!status.is_informational() && !status.is_redirection());
    }

    #[test]
    fn arbitrary_forms_are_answered(
        operation in any_operation(),
        pairs in prop::collection::vec((parameter(), text()), 0..20),
        noise in prop::collection::vec(any::<u8>(), 0..20),
        reply in outcome(),
    ) {
        let mut form = format!("Action={operation}&QueueUrl={URL}").into_bytes();
        for (name, value) in pairs {
            form.extend_from_slice(format!("&{name}={}", value.replace('&', "%26")).as_bytes());
        }
        form.extend_from_slice(&noise);
        let request = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .expect("a request");
        let response = answer(&request, reply);
        prop_assert!(response.headers()["content-type"] == "text/xml");
        let xml = std::str::from_utf8(response.body()).expect("UTF-8");
        prop_assert!(roxmltree::Document::parse(xml).is_ok(), "{xml}");
    }

    #[test]
    fn arbitrary_headers_are_answered(
        target in ".{0,40}",
        authorization in "(AWS4-HMAC-SHA256 )?(Credential=)?[ -~]{0,60}",
        host in "[ -~]{0,40}",
        path in "/[a-z0-9/.%-]{0,40}",
    ) {
        let request = Request::post(path)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target.as_bytes())
            .header("authorization", authorization)
            .header("host", host)
            .body(Bytes::from_static(b"{}"));
        // Some targets are no header values at all: then nothing can come in.
        if let Ok(request) = request {
            prop_assert!(status(&request, None).is_client_error() || status(&request, None).is_server_error());
        }
    }
}
