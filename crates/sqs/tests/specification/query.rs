//! What is particular to the query protocol: where parameters are, and which requests are none.

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use zonemq_queue::command::{Command, Outcome};
use zonemq_sqs::{Defaults, OperationName, OutcomeCode, decode};

use crate::talk::accepted;

fn get(uri: &str) -> Request<Bytes> {
    Request::get(uri)
        .header("host", "127.0.0.1:9324")
        .body(Bytes::new())
        .expect("a request")
}

fn post(uri: &str, form: &'static [u8]) -> Request<Bytes> {
    Request::post(uri)
        .header("host", "127.0.0.1:9324")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(form))
        .expect("a request")
}

fn command(request: &Request<Bytes>) -> Command {
    let mut call = decode(request, &Defaults::default()).expect("a call");
    call.take_command().expect("a command")
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("UTF-8")
}

/// Status, content type and body of a refusal.
fn refused(request: &Request<Bytes>) -> (u16, String, String) {
    let failure = decode(request, &Defaults::default()).expect_err("refused");
    let response = failure.into_response("request-1");
    let content_type = response.headers()["content-type"].to_str().expect("text");
    (
        response.status().as_u16(),
        content_type.to_owned(),
        text(&response).to_owned(),
    )
}

fn error(code: &str, message: &str) -> (u16, String, String) {
    let body = format!(
        "<?xml version=\"1.0\"?>\
         <ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">\
         <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message><Detail/></Error>\
         <RequestId>request-1</RequestId></ErrorResponse>"
    );
    (400, "text/xml".to_owned(), body)
}

#[test]
fn parameters_are_in_the_form_or_in_the_uri_or_in_both() {
    for request in [
        get("/?Action=PurgeQueue&QueueUrl=http%3A%2F%2Fh%2F000000000000%2Forders"),
        get("/000000000000/orders?Action=PurgeQueue&Version=2012-11-05"),
        get("/queue/000000000000/orders?Action=PurgeQueue"),
        post("/000000000000/orders", b"Action=PurgeQueue"),
        post(
            "/?Action=PurgeQueue",
            b"QueueUrl=http://h/000000000000/orders",
        ),
    ] {
        let uri = request.uri().clone();
        let Command::PurgeQueue { queue, .. } = command(&request) else {
            panic!("another command: {uri}");
        };
        assert_eq!(
            (&*queue.account, &*queue.name),
            ("000000000000", "orders"),
            "{uri}"
        );
    }
}

#[test]
fn a_named_queue_wins_over_the_one_of_the_path() {
    let uri = "/000000000000/orders?Action=PurgeQueue&QueueUrl=http://h/111111111111/other";
    let Command::PurgeQueue { queue, .. } = command(&get(uri)) else {
        panic!("another command");
    };
    assert_eq!((&*queue.account, &*queue.name), ("111111111111", "other"));
}

#[test]
fn an_answer_is_xml_with_the_id_of_its_request() {
    let request = post(
        "/000000000000/orders",
        b"Action=SendMessage&MessageBody=a+b%21",
    );
    let mut call = decode(&request, &Defaults::default()).expect("a call");
    let Some(Command::SendMessages { messages, .. }) = call.take_command() else {
        panic!("another command");
    };
    assert_eq!(messages[0].content.body, "a b!");
    let response = call.answer(Some(Ok(accepted())), "request-1");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/xml");
    assert_eq!(response.headers()["x-amzn-requestid"], "request-1");
    assert_eq!(
        text(&response),
        "<?xml version=\"1.0\"?>\
         <SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">\
         <SendMessageResult>\
         <MD5OfMessageBody>58f1010fb4b905cc69d374dabe4fba88</MD5OfMessageBody>\
         <MessageId>00000000-0000-0000-0000-000000000001</MessageId></SendMessageResult>\
         <ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>\
         </SendMessageResponse>"
    );
}

#[test]
fn an_unknown_action_and_one_that_is_not_for_queues_are_invalid() {
    let invalid = |action: &str| {
        let message = format!("The action {action} is not valid for this endpoint.");
        error("InvalidAction", &message)
    };
    assert_eq!(refused(&get("/?Action=FooBar")), invalid("FooBar"));
    assert_eq!(
        refused(&post("/", b"Action=sendmessage")),
        invalid("sendmessage")
    );
    assert_eq!(
        refused(&get("/000000000000/q?Action=ListQueues")),
        invalid("ListQueues")
    );
    assert_eq!(
        refused(&get("/000000000000/q?Action=CreateQueue")),
        invalid("CreateQueue")
    );
    assert_eq!(refused(&get("/?Action=")), invalid(""));
    assert!(decode(&get("/?Action=ListQueues"), &Defaults::default()).is_ok());
}

#[test]
fn a_form_must_name_its_action() {
    let missing = error(
        "MissingAction",
        "The request must contain the parameter Action.",
    );
    assert_eq!(refused(&post("/", b"Version=2012-11-05")), missing);
    assert_eq!(refused(&post("/", b"")), missing);
}

#[test]
fn what_is_no_request_of_sqs_is_an_unknown_operation() {
    let unknown = (
        404,
        "text/xml".to_owned(),
        "<UnknownOperationException/>".to_owned(),
    );
    let with = |method: Method, content_type: &'static str| {
        let mut request = post("/?Action=ListQueues", b"Action=ListQueues");
        *request.method_mut() = method;
        let value = http::HeaderValue::from_static(content_type);
        request.headers_mut().insert("content-type", value);
        request
    };
    for request in [
        get("/"),
        get("/000000000000/orders"),
        get("/?Version=2012-11-05"),
        with(Method::POST, "text/plain"),
        with(Method::POST, "application/json"),
        with(Method::PUT, "application/x-www-form-urlencoded"),
        with(Method::DELETE, "application/x-www-form-urlencoded"),
    ] {
        assert_eq!(refused(&request), unknown, "{request:?}");
    }
}

#[test]
fn a_missing_parameter_is_told_by_its_name() {
    assert_eq!(
        refused(&get("/000000000000/q?Action=SendMessage")),
        error(
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        )
    );
}

#[test]
fn a_caller_who_accepts_json_is_answered_in_json() {
    let mut request = get("/000000000000/q?Action=ListQueues");
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert("accept", json.clone());
    let (status, content_type, body) = refused(&request);
    assert_eq!((status, &*content_type), (400, "application/json"));
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        body,
        json!({
            "Error": {
                "Code": "InvalidAction",
                "Detail": null,
                "Message": "The action ListQueues is not valid for this endpoint.",
                "Type": "Sender",
            },
            "RequestId": "request-1",
        })
    );
    let mut request = get("/?Action=GetQueueUrl&QueueName=q");
    request.headers_mut().insert("accept", json);
    let call = decode(&request, &Defaults::default()).expect("a call");
    let response = call.answer(Some(Ok(Outcome::Exists)), "request-1");
    let body: Value = serde_json::from_str(text(&response)).expect("JSON");
    assert_eq!(
        body,
        json!({"GetQueueUrlResponse": {
            "GetQueueUrlResult": {"QueueUrl": "http://127.0.0.1:9324/000000000000/q"},
            "ResponseMetadata": {"RequestId": "request-1"},
        }})
    );
}

/// Requests that are wrong before their meaning is looked at, collected from what clients and
/// fuzzers have sent.
#[test]
fn malformed_forms_are_the_senders_fault() {
    for form in [
        &b"Action=SendMessage&MessageBody=%"[..],
        b"Action=SendMessage&MessageBody=%zz",
        b"Action=SendMessage&MessageBody=%c3",
        b"Action=SendMessage&MessageBody=\xff",
        b"Action=%ff",
        b"Action=SendMessage&MessageBody=m&MessageBody=n",
        b"Action=SendMessage&MessageBody.1=m",
        b"Action=SendMessage&DelaySeconds=ten",
        b"Action=SendMessage&DelaySeconds=",
        b"Action=SendMessage&DelaySeconds=1e3",
        b"Action=SendMessage&MessageAttribute=x",
        b"Action=SendMessage&MessageAttribute.1.Name=x",
        b"Action=SendMessage&MessageAttribute.1.Value.DataType=String",
        b"Action=SendMessage&MessageAttribute.0.Name=x&MessageAttribute.0.Value.DataType=String",
        b"Action=SendMessage&MessageAttribute.99999999999.Name=x",
        b"Action=SendMessage&MessageAttribute.1.Name=x&MessageAttribute.1.Value=y",
        b"Action=SendMessageBatch&SendMessageBatchRequestEntry.1=x",
        b"Action=SendMessageBatch&SendMessageBatchRequestEntry.x.Id=x",
        b"Action=ReceiveMessage&AttributeName..1=All",
        b"Action=ReceiveMessage&MaxNumberOfMessages=99999999999999999999",
        b"Action=TagQueue&Tag.1.Key=a",
        b"Action=TagQueue&Tag.1.Key=a&Tag.1.Value=b&Tag.2.Key=a&Tag.2.Value=c",
    ] {
        let request = post("/000000000000/orders", form);
        let failure = decode(&request, &Defaults::default()).expect_err("refused");
        let response = failure.into_response("request-1");
        let form = String::from_utf8_lossy(form);
        assert_eq!(response.status(), 400, "{form}");
        assert!(text(&response).contains("<Type>Sender</Type>"), "{form}");
    }
}

#[test]
fn all_operations_are_known() {
    for &operation in OperationName::ALL {
        let uri = format!("/?Action={operation}");
        if let Err(failure) = decode(&get(&uri), &Defaults::default()) {
            assert_eq!(failure.operation, Some(operation));
            assert_eq!(failure.code(), "MissingParameter", "{operation}");
            let response = failure.into_response("r");
            assert_eq!(
                response.extensions().get(),
                Some(&OutcomeCode("MissingParameter"))
            );
        }
    }
}
