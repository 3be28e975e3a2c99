//! The table of errors: shape, code, status and text of every refusal of the state, and of
//! requests that nobody understands.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use zonemq_queue::command::{CommandError, Outcome};
use zonemq_sqs::{Defaults, OperationName, OutcomeCode, decode};

use crate::talk::{Refusal, URL, call, message, refusal, refusal_of, refused_by_state, request};

fn told(status: u16, shape: &str, query_error: &str, message: &str) -> Refusal {
    Refusal {
        status,
        shape: shape.to_owned(),
        query_error: query_error.to_owned(),
        message: message.to_owned(),
    }
}

#[test]
fn refusals_of_the_state_are_told_as_aws_tells_them() {
    let queue = json!({"QueueUrl": URL});
    for (operation, body, error, expected) in [
        (
            "PurgeQueue",
            queue.clone(),
            CommandError::QueueDoesNotExist,
            told(
                400,
                "QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue;Sender",
                "The specified queue does not exist.",
            ),
        ),
        (
            "CreateQueue",
            json!({"QueueName": "orders"}),
            CommandError::QueueNameExists {
                attribute: "DelaySeconds".to_owned(),
            },
            told(
                400,
                "QueueNameExists",
                "QueueAlreadyExists;Sender",
                "A queue already exists with the same name and a different value for attribute \
                 DelaySeconds",
            ),
        ),
        (
            "ReceiveMessage",
            queue,
            CommandError::OverLimit,
            told(
                403,
                "OverLimit",
                "OverLimit;Sender",
                "The maximum number of in flight messages is reached.",
            ),
        ),
        (
            "SendMessage",
            message("m"),
            CommandError::RequestAbandoned,
            told(
                503,
                "ServiceUnavailable",
                "ServiceUnavailable;Receiver",
                "The request was given up before it was carried out; try it again.",
            ),
        ),
    ] {
        assert_eq!(refused_by_state(operation, &body, Err(error)), expected);
    }
}

#[test]
fn a_message_over_the_limit_of_its_queue_is_told_as_aws_tells_it() {
    let error = CommandError::MessageTooLong { limit: 1024 };
    let reply = Ok(Outcome::Sent(vec![Err(error)]));
    assert_eq!(
        refused_by_state("SendMessage", &message("m"), reply),
        told(
            400,
            "InvalidParameterValueException",
            "InvalidParameterValue;Sender",
            "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
        )
    );
}

#[test]
fn shapes_of_the_model_and_of_the_framework_have_their_own_namespaces() {
    for (body, namespace) in [
        (message("\u{1}"), "com.amazonaws.sqs#InvalidMessageContents"),
        (
            message(""),
            "com.amazon.coral.service#MissingRequiredParameterException",
        ),
    ] {
        let request = request("SendMessage", body.to_string());
        let failure = decode(&request, &Defaults::default()).expect_err("refused");
        assert_eq!(failure.operation, Some(OperationName::SendMessage));
        let response = failure.into_response("request-1");
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(body["__type"], namespace);
    }
}

#[test]
fn an_unknown_outcome_is_a_503_with_its_reason() {
    let response = call("SendMessage", &message("m")).unavailable("no leader", "request-1");
    assert_eq!(
        response.extensions().get(),
        Some(&OutcomeCode("ServiceUnavailable"))
    );
    assert_eq!(
        Refusal::read(&response),
        told(
            503,
            "ServiceUnavailable",
            "ServiceUnavailable;Receiver",
            "no leader",
        )
    );
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(body["__type"], "com.amazonaws.sqs#ServiceUnavailable");
}

#[test]
fn a_reply_that_does_not_belong_to_the_call_is_an_error_of_ours() {
    for operation in ["SendMessage", "SendMessageBatch"] {
        let mut body = message("m");
        body["Entries"] = json!([{"Id": "a", "MessageBody": "m"}]);
        let refused = refused_by_state(operation, &body, Ok(Outcome::Done));
        assert_eq!((refused.status, &*refused.shape), (500, "InternalFailure"));
    }
    let response = call("SendMessage", &message("m")).answer(None, "request-1");
    assert_eq!(response.status(), 500);
}

#[test]
fn broken_json_and_wrong_types_are_serialization_errors() {
    for body in [
        "{",
        "[]",
        "null",
        "\"text\"",
        "{\"MessageBody\":5}",
        "{\"MessageBody\":{\"a\":1}}",
        "{\"MessageBody\":\"\\ud800\"}",
        "{\"DelaySeconds\":\"5\"}",
        "{\"DelaySeconds\":1.5}",
        "{\"DelaySeconds\":true}",
        "{\"MessageAttributes\":[]}",
        "{\"MessageAttributes\":{\"a\":\"b\"}}",
        "{\"MessageAttributes\":{\"a\":[\"String\",\"b\"]}}",
        "{} {}",
    ] {
        let refused = refusal_of(&request("SendMessage", body));
        assert_eq!(refused.status, 400, "{body}");
        assert_eq!(refused.shape, "SerializationException", "{body}");
        assert_eq!(refused.query_error, "SerializationException;Sender");
    }
    let invalid_utf8 = Bytes::from_static(b"{\"MessageBody\":\"\xff\"}");
    assert_eq!(
        refusal_of(&request("SendMessage", invalid_utf8)).shape,
        "SerializationException"
    );
    let text_for_number = refusal("ReceiveMessage", &json!({"WaitTimeSeconds": "5"}));
    assert!(
        text_for_number
            .message
            .starts_with("STRING_VALUE can not be converted to an Integer"),
        "{text_for_number:?}"
    );
}

#[test]
fn a_number_beyond_all_ranges_is_out_of_range() {
    let body = format!("{{\"QueueUrl\":\"{URL}\",\"WaitTimeSeconds\":18446744073709551615}}");
    let refused = refusal_of(&request("ReceiveMessage", body));
    assert_eq!(refused.query_error, "InvalidParameterValue;Sender");
}

#[test]
fn requests_without_a_known_target_are_unknown_operations() {
    let post = |headers: &[(&str, &str)]| {
        let mut builder = Request::post("/").header("host", "h");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Bytes::from_static(b"{}")).expect("a request")
    };
    let json = ("content-type", "application/x-amz-json-1.0");
    for request in [
        request("Teleport", "{}"),
        request("sendmessage", "{}"),
        post(&[json]),
        post(&[json, ("x-amz-target", "SendMessage")]),
        post(&[json, ("x-amz-target", "DynamoDB_20120810.GetItem")]),
        post(&[("x-amz-target", "AmazonSQS.ListQueues")]),
        post(&[
            ("content-type", "text/plain"),
            ("x-amz-target", "AmazonSQS.ListQueues"),
        ]),
        post(&[
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "AmazonSQS.ListQueues"),
        ]),
    ] {
        let refused = refusal_of(&request);
        assert_eq!(refused.status, 400);
        assert_eq!(refused.shape, "UnknownOperationException");
        assert_eq!(refused.query_error, "UnknownOperationException;Sender");
    }
}
