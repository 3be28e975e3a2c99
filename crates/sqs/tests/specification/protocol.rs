//! What every response has, and who is answered in which protocol.

use serde_json::json;
use zonemq_queue::command::Outcome;
use zonemq_sqs::{Defaults, Failure, Unreadable, decode};

use crate::talk::{Refusal, accepted, call, message, request};

#[test]
fn a_success_says_who_it_answers_and_in_which_type() {
    let response = call("SendMessage", &message("m")).answer(Some(Ok(accepted())), "id-of-request");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-amzn-requestid"], "id-of-request");
    assert_eq!(
        response.headers()["content-type"],
        "application/x-amz-json-1.0"
    );
    assert_eq!(response.headers().get("x-amzn-query-error"), None);
}

#[test]
fn an_error_says_who_it_answers_too() {
    let failure = decode(&request("SendMessage", "{"), &Defaults::default()).expect_err("refused");
    let response = failure.into_response("id-of-request");
    assert_eq!(response.headers()["x-amzn-requestid"], "id-of-request");
}

#[test]
fn a_request_id_that_is_no_header_is_left_out() {
    let response = call("SendMessage", &message("m")).answer(Some(Ok(accepted())), "line\nbreak");
    assert_eq!(response.headers().get("x-amzn-requestid"), None);
}

#[test]
fn an_operation_without_output_answers_an_empty_object() {
    let body = json!({"QueueUrl": "http://h/000000000000/q"});
    for operation in ["DeleteQueue", "PurgeQueue"] {
        let response = call(operation, &body).answer(Some(Ok(Outcome::Done)), "r");
        assert_eq!(response.body(), "{}");
    }
}

#[test]
fn parameters_of_the_content_type_are_allowed() {
    let mut request = request("ListQueues", "{}");
    let value = "Application/X-Amz-Json-1.0; charset=utf-8";
    let value = value.parse().expect("a header");
    request.headers_mut().insert("content-type", value);
    assert!(decode(&request, &Defaults::default()).is_ok());
}

#[test]
fn an_input_without_members_may_be_no_body_at_all() {
    assert!(decode(&request("ListQueues", ""), &Defaults::default()).is_ok());
}

#[test]
fn a_body_that_was_not_taken_in_is_refused_in_the_words_of_the_caller() {
    for (why, status, shape) in [
        (
            Unreadable::TooLarge { limit_bytes: 8 },
            413,
            "RequestEntityTooLargeException",
        ),
        (Unreadable::BrokenOff, 400, "SerializationException"),
        (Unreadable::TooSlow, 408, "RequestTimeoutException"),
    ] {
        let failure = Failure::unreadable(&request("SendMessage", ""), why);
        let refused = Refusal::read(&failure.into_response("request-1"));
        assert_eq!((refused.status, &*refused.shape), (status, shape));
    }
}
