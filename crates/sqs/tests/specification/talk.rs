//! How the tests talk to the crate.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use zonemq_queue::command::{Command, Outcome, Reply};
use zonemq_queue::ids::{MessageId, MessageKey, QueueId, QueueKey};
use zonemq_queue::message::SentMessage;
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_sqs::{Call, Defaults, OutcomeCode, decode};

pub(crate) const URL: &str = "http://127.0.0.1:9324/000000000000/orders";

/// A request as SDKs make it, with the body given as text.
pub(crate) fn request(operation: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post("/")
        .header("host", "127.0.0.1:9324")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .header("x-amzn-query-mode", "true")
        .body(body.into())
        .expect("a valid request")
}

pub(crate) fn call(operation: &str, body: &Value) -> Call {
    decode(&request(operation, body.to_string()), &Defaults::default())
        .unwrap_or_else(|failure| panic!("{operation} {body}: {failure}"))
}

pub(crate) fn command(operation: &str, body: &Value) -> Command {
    call(operation, body)
        .take_command()
        .expect("a question to the state")
}

/// The JSON that a reply becomes.
pub(crate) fn answer(operation: &str, body: &Value, reply: Reply) -> Value {
    let response = call(operation, body).answer(Some(reply), "request-1");
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(response.extensions().get(), Some(&OutcomeCode("OK")));
    serde_json::from_slice(response.body()).expect("JSON")
}

/// An error as a caller sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// `__type` without its namespace.
    pub(crate) shape: String,
    pub(crate) query_error: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn read(response: &Response<Bytes>) -> Refusal {
        let header = |name: &str| {
            let value = response.headers().get(name).expect("a header");
            value.to_str().expect("text").to_owned()
        };
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        let text = |member: &str| body[member].as_str().expect("text").to_owned();
        assert_eq!(header("content-type"), "application/x-amz-json-1.0");
        let query_error = header("x-amzn-query-error");
        let OutcomeCode(outcome) = response.extensions().get().expect("an outcome");
        assert_eq!(query_error.split(';').next(), Some(*outcome));
        Refusal {
            status: response.status().as_u16(),
            shape: text("__type")
                .split('#')
                .next_back()
                .unwrap_or_default()
                .to_owned(),
            query_error,
            message: text("message"),
        }
    }
}

/// How a request is refused before it reaches the state.
pub(crate) fn refusal(operation: &str, body: &Value) -> Refusal {
    refusal_of(&request(operation, body.to_string()))
}

pub(crate) fn refusal_of(request: &Request<Bytes>) -> Refusal {
    match decode(request, &Defaults::default()) {
        Ok(call) => panic!("accepted: {call:?}"),
        Err(failure) => Refusal::read(&failure.into_response("request-1")),
    }
}

/// How the state's refusal is told.
pub(crate) fn refused_by_state(operation: &str, body: &Value, reply: Reply) -> Refusal {
    Refusal::read(&call(operation, body).answer(Some(reply), "request-1"))
}

/// The text of the error alone, for the many rules that share a code.
pub(crate) fn complaint(operation: &str, body: &Value) -> String {
    let refusal = refusal(operation, body);
    assert_eq!(refusal.query_error, "InvalidParameterValue;Sender");
    assert_eq!(refusal.shape, "InvalidParameterValueException");
    assert_eq!(refusal.status, 400);
    refusal.message
}

/// Two objects in one; the members of the second win.
pub(crate) fn with(base: &Value, more: &Value) -> Value {
    let mut merged = base.as_object().expect("an object").clone();
    merged.extend(more.as_object().expect("an object").clone());
    Value::Object(merged)
}

pub(crate) fn orders() -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        name: "orders".to_owned(),
    }
}

pub(crate) fn handle(number: u64) -> ReceiptHandle {
    ReceiptHandle {
        queue: QueueId(1),
        message: MessageKey(number),
        receive_count: 1,
        token: 7,
    }
}

pub(crate) fn sent(number: u128) -> SentMessage {
    SentMessage {
        id: MessageId(number),
        sequence_number: None,
    }
}

/// The reply to one message that was accepted.
pub(crate) fn accepted() -> Outcome {
    Outcome::Sent(vec![Ok(sent(1))])
}

pub(crate) fn message(body: &str) -> Value {
    json!({"QueueUrl": URL, "MessageBody": body})
}
