//! `ReceiveMessage`.

use serde_json::{Value, json};
use zonemq_queue::command::{Command, Outcome};
use zonemq_queue::ids::MessageId;
use zonemq_queue::message::{AttributeContent, AttributeValue, Content, ReceivedMessage};
use zonemq_queue::time::{Millis, Seconds};

use crate::talk::{URL, answer, command, complaint, handle, orders, refusal, with};

fn attribute(name: &str, text: &str) -> (String, AttributeValue) {
    let value = AttributeContent::Text(text.to_owned());
    let data_type = "String".to_owned();
    (name.to_owned(), AttributeValue { data_type, value })
}

/// The message that AWS answers for in the recordings, from which the sums below are.
fn received() -> ReceivedMessage {
    ReceivedMessage {
        dead_letter_source: None,
        id: MessageId(1),
        receipt_handle: handle(1),
        content: Content {
            body: "msg".into(),
            attributes: [
                attribute("General", "Kenobi"),
                attribute("Hello", "There"),
                attribute("Help.Me", "Me"),
            ]
            .into(),
            trace_header: Some("Root=1".to_owned()),
            sender_id: "000000000000".to_owned(),
            deduplication_id: None,
        },
        sent_at: Millis(1_700_000_000_123),
        first_received_at: Millis(1_700_000_001_456),
        receive_count: 3,
        message_group: Some("tenant".to_owned()),
        sequence_number: None,
        letter: None,
    }
}

fn receive(more: &Value) -> Value {
    with(&json!({"QueueUrl": URL}), more)
}

/// The one message as it is answered.
fn delivered(more: &Value) -> Value {
    let reply = Ok(Outcome::Received(vec![received()]));
    answer("ReceiveMessage", &receive(more), reply)["Messages"][0].clone()
}

#[test]
fn a_receive_asks_for_one_message_and_leaves_the_rest_to_the_queue() {
    assert_eq!(
        command("ReceiveMessage", &receive(&json!({}))),
        Command::ReceiveMessages {
            attempt: None,
            queue: orders(),
            max_messages: 1,
            visibility_timeout: None,
            wait_time: None,
        }
    );
}

#[test]
fn a_receive_carries_what_it_names() {
    let body = receive(&json!({
        "MaxNumberOfMessages": 10,
        "VisibilityTimeout": 43200,
        "WaitTimeSeconds": 20,
    }));
    assert_eq!(
        command("ReceiveMessage", &body),
        Command::ReceiveMessages {
            attempt: None,
            queue: orders(),
            max_messages: 10,
            visibility_timeout: Some(Seconds(43_200)),
            wait_time: Some(Seconds(20)),
        }
    );
}

#[test]
fn numbers_have_their_ranges() {
    for (name, value, reason) in [
        (
            "MaxNumberOfMessages",
            0,
            "Must be between 1 and 10, if provided.",
        ),
        (
            "MaxNumberOfMessages",
            11,
            "Must be between 1 and 10, if provided.",
        ),
        (
            "WaitTimeSeconds",
            -1,
            "Must be >= 0 and <= 20, if provided.",
        ),
        (
            "WaitTimeSeconds",
            21,
            "Must be >= 0 and <= 20, if provided.",
        ),
        (
            "VisibilityTimeout",
            -1,
            "Must be >= 0 and <= 43200, if provided.",
        ),
        (
            "VisibilityTimeout",
            43201,
            "Must be >= 0 and <= 43200, if provided.",
        ),
    ] {
        assert_eq!(
            complaint("ReceiveMessage", &receive(&json!({name: value}))),
            format!("Value {value} for parameter {name} is invalid. Reason: {reason}")
        );
    }
}

#[test]
fn nothing_received_is_no_member_at_all() {
    let reply = Ok(Outcome::Received(Vec::new()));
    assert_eq!(
        answer("ReceiveMessage", &receive(&json!({})), reply),
        json!({})
    );
}

#[test]
fn a_message_shows_its_body_and_nothing_that_was_not_asked_for() {
    assert_eq!(
        delivered(&json!({})),
        json!({
            "MessageId": "00000000-0000-0000-0000-000000000001",
            "ReceiptHandle": handle(1).to_string(),
            "MD5OfBody": "6e2baaf3b97dbeef01c0043275f9a0e7",
            "Body": "msg",
        })
    );
}

#[test]
fn all_system_attributes_are_those_that_the_message_has() {
    let all = json!({
        "SenderId": "000000000000",
        "SentTimestamp": "1700000000123",
        "ApproximateReceiveCount": "3",
        "ApproximateFirstReceiveTimestamp": "1700000001456",
        "MessageGroupId": "tenant",
        "AWSTraceHeader": "Root=1",
    });
    for member in ["AttributeNames", "MessageSystemAttributeNames"] {
        assert_eq!(delivered(&json!({member: ["All"]}))["Attributes"], all);
    }
}

#[test]
fn system_attributes_are_asked_for_by_name_under_either_member() {
    let names = json!({
        "AttributeNames": ["SenderId", "SequenceNumber"],
        "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
    });
    assert_eq!(
        delivered(&names)["Attributes"],
        json!({"SenderId": "000000000000", "ApproximateReceiveCount": "3"})
    );
}

#[test]
fn a_system_attribute_that_sqs_does_not_know_is_an_error() {
    let refusal = refusal(
        "ReceiveMessage",
        &receive(&json!({"AttributeNames": ["Policy"]})),
    );
    assert_eq!(refusal.shape, "InvalidAttributeName");
    assert_eq!(refusal.query_error, "InvalidAttributeName;Sender");
    assert_eq!(refusal.message, "Unknown Attribute Policy.");
}

/// Names, and the sum that AWS answered for what they select.
#[test]
fn message_attributes_are_selected_by_name_and_prefix_and_summed_as_selected() {
    for (names, selected, sum) in [
        (json!(["All"]), 3, "4c360f3fdafd970e05fae2f149d997f5"),
        (json!([".*"]), 3, "4c360f3fdafd970e05fae2f149d997f5"),
        (
            json!(["General", "Hello"]),
            2,
            "fca026605781cb4126a1e9044df24232",
        ),
        (
            json!(["Hello", "Foo"]),
            1,
            "a311262e065454b75da111d535b8dacd",
        ),
        (json!(["Hel.*"]), 2, "83fee93c1bcd8b9a5a923ffacdc636c7"),
    ] {
        let message = delivered(&json!({"MessageAttributeNames": names}));
        let attributes = message["MessageAttributes"]
            .as_object()
            .expect("attributes");
        assert_eq!(attributes.len(), selected, "{names}");
        assert_eq!(message["MD5OfMessageAttributes"], sum, "{names}");
    }
}

#[test]
fn names_that_no_message_attribute_has_select_nothing() {
    for names in [json!([]), json!(["Foo"]), json!(["AWS."]), json!(["..foo"])] {
        let message = delivered(&json!({"MessageAttributeNames": names}));
        assert_eq!(message.get("MessageAttributes"), None, "{names}");
        assert_eq!(message.get("MD5OfMessageAttributes"), None, "{names}");
    }
}

#[test]
fn message_attributes_go_out_as_they_came_in() {
    let message = delivered(&json!({"MessageAttributeNames": ["Hello"]}));
    assert_eq!(
        message["MessageAttributes"],
        json!({"Hello": {"DataType": "String", "StringValue": "There"}})
    );
    let mut binary = received();
    let value = AttributeContent::Binary(vec![0, 255].into());
    let data_type = "Binary.png".to_owned();
    binary.content.attributes = [("b".to_owned(), AttributeValue { data_type, value })].into();
    let body = receive(&json!({"MessageAttributeNames": ["b"]}));
    let answer = answer("ReceiveMessage", &body, Ok(Outcome::Received(vec![binary])));
    assert_eq!(
        answer["Messages"][0]["MessageAttributes"],
        json!({"b": {"DataType": "Binary.png", "BinaryValue": "AP8="}})
    );
}

#[test]
fn a_receive_attempt_is_for_fifo_queues_only() {
    assert_eq!(
        complaint(
            "ReceiveMessage",
            &receive(&json!({"ReceiveRequestAttemptId": "a1"}))
        ),
        "Value a1 for parameter ReceiveRequestAttemptId is invalid. Reason: The request include \
         parameter that is not valid for this queue type."
    );
}
