//! Who calls, which queue they mean, and how queue URLs lead back to them.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use zonemq_queue::command::{Command, Outcome};
use zonemq_queue::ids::QueueKey;
use zonemq_sqs::{Defaults, decode};

use crate::talk::{refusal, request};

fn key(account: &str, region: &str, name: &str) -> QueueKey {
    QueueKey {
        account: account.to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
    }
}

/// The queue of a `PurgeQueue`.
fn purged(request: &Request<Bytes>) -> QueueKey {
    let mut call = decode(request, &Defaults::default()).expect("a valid request");
    match call.take_command() {
        Some(Command::PurgeQueue { queue, .. }) => queue,
        other => panic!("{other:?}"),
    }
}

fn purge(url: &str) -> Request<Bytes> {
    request("PurgeQueue", json!({"QueueUrl": url}).to_string())
}

/// The queue that a caller with this Authorization header creates.
fn created(authorization: &str) -> QueueKey {
    let mut request = request("CreateQueue", r#"{"QueueName":"q"}"#);
    let value = authorization.parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    let mut call = decode(&request, &Defaults::default()).expect("a valid request");
    match call.take_command() {
        Some(Command::CreateQueue { queue, .. }) => queue,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_region_is_that_of_the_credential_scope() {
    assert_eq!(
        created(
            "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-3/sqs/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00"
        ),
        key("000000000000", "eu-west-3", "q")
    );
}

#[test]
fn an_access_key_of_twelve_digits_is_the_account() {
    assert_eq!(
        created("AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-west-2/sqs/aws4_request"),
        key("123456789012", "us-west-2", "q")
    );
    for access_key in [
        "12345678901",
        "1234567890123",
        "12345678901a",
        "AKIDEXAMPLE",
    ] {
        let scope = format!("Credential={access_key}/20260101/us-west-2/sqs/aws4_request");
        assert_eq!(created(&scope).account, "000000000000");
    }
}

#[test]
fn a_credential_that_cannot_be_read_is_none() {
    for authorization in [
        "",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256 Credential=",
        "AWS4-HMAC-SHA256 Credential=a/b/c",
        "AWS4-HMAC-SHA256 Credential=a/20260101/us east/sqs/aws4_request",
        "AWS4-HMAC-SHA256 Credential=123456789012/20260101//sqs/aws4_request",
        "AWS4-ECDSA-P256-SHA256 Credential=test/20260101/sqs/aws4_request",
    ] {
        let queue = created(authorization);
        assert_eq!(
            queue,
            key("000000000000", "us-east-1", "q"),
            "{authorization}"
        );
    }
}

#[test]
fn a_queue_is_its_account_and_name_whatever_the_host_of_its_url() {
    for url in [
        "http://127.0.0.1:9324/123456789012/orders",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
        "http://proxy/deep/er/123456789012/orders",
    ] {
        let expected = key("123456789012", "us-east-1", "orders");
        assert_eq!(purged(&purge(url)), expected);
    }
}

#[test]
fn a_url_without_account_and_name_is_an_invalid_address() {
    for url in [
        "123456789012/orders",
        "/123456789012/orders",
        "ftp://h/123456789012/orders",
        "http://h",
        "http://h/",
        "http://h/orders",
        "http://h/queue/orders",
        "http://h/123456789012/",
        "http://",
    ] {
        let refused = refusal("PurgeQueue", &json!({"QueueUrl": url}));
        assert_eq!(refused.status, 404, "{url}");
        assert_eq!(refused.shape, "InvalidAddress");
        assert_eq!(refused.query_error, "InvalidAddress;Sender");
        assert_eq!(
            refused.message,
            format!("The address {url} is not valid for this endpoint.")
        );
    }
}

#[test]
fn a_name_that_no_queue_can_have_does_not_exist() {
    for name in ["with%20space", "a.b", &"x".repeat(81)] {
        let url = format!("http://h/123456789012/{name}");
        let refused = refusal("PurgeQueue", &json!({"QueueUrl": url}));
        assert_eq!(refused.shape, "QueueDoesNotExist");
    }
}

#[test]
fn the_path_of_the_request_names_the_queue_where_the_body_does_not() {
    let at = |path: &str, body: &str| {
        let mut request = request("PurgeQueue", body.to_owned());
        *request.uri_mut() = path.parse().expect("a path");
        request
    };
    let in_path = key("123456789012", "us-east-1", "orders");
    assert_eq!(purged(&at("/123456789012/orders", "{}")), in_path);
    assert_eq!(purged(&at("/123456789012/orders?x=y", "")), in_path);
    let body = r#"{"QueueUrl":"http://h/000000000000/other"}"#;
    let in_body = key("000000000000", "us-east-1", "other");
    assert_eq!(purged(&at("/123456789012/orders", body)), in_body);
    let refused = refusal("PurgeQueue", &json!({}));
    assert_eq!(refused.query_error, "MissingParameter;Sender");
    assert_eq!(
        refused.message,
        "The request must contain the parameter QueueUrl."
    );
}

#[test]
fn a_queue_url_has_the_host_that_the_caller_used() {
    for host in ["localhost:9325", "queue.example.com", "[::1]:9324"] {
        let mut request = request("GetQueueUrl", r#"{"QueueName":"orders"}"#);
        let value = host.parse().expect("a header");
        request.headers_mut().insert("host", value);
        let call = decode(&request, &Defaults::default()).expect("a valid request");
        let response = call.answer(Some(Ok(Outcome::Exists)), "request-1");
        let answer: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(
            answer,
            json!({"QueueUrl": format!("http://{host}/000000000000/orders")})
        );
    }
}
