//! The rules on message attributes.

use serde_json::{Value, json};
use zonemq_queue::command::Command;
use zonemq_queue::message::{AttributeContent, MessageAttributes};

use crate::talk::{command, complaint, message, refusal, with};

fn with_attributes(attributes: &Value) -> Value {
    with(&message("m"), &json!({"MessageAttributes": attributes}))
}

fn accepted(attributes: &Value) -> MessageAttributes {
    match command("SendMessage", &with_attributes(attributes)) {
        Command::SendMessages { mut messages, .. } => messages.remove(0).content.attributes,
        other => panic!("{other:?}"),
    }
}

fn complaint_about(attributes: &Value) -> String {
    complaint("SendMessage", &with_attributes(attributes))
}

fn string(value: &str) -> Value {
    json!({"DataType": "String", "StringValue": value})
}

#[test]
fn strings_numbers_and_bytes_arrive_with_their_labels() {
    let attributes = accepted(&json!({
        "Name_1-a.b": string("caf\u{e9}"),
        "number": {"DataType": "Number.float", "StringValue": "-1.5e10"},
        "bytes": {"DataType": "Binary.png", "BinaryValue": "AP8=", "StringListValues": []},
    }));
    assert_eq!(attributes["Name_1-a.b"].data_type, "String");
    assert_eq!(attributes["number"].data_type, "Number.float");
    assert_eq!(
        attributes["number"].value,
        AttributeContent::Text("-1.5e10".to_owned())
    );
    assert_eq!(attributes["bytes"].data_type, "Binary.png");
    assert_eq!(
        attributes["bytes"].value,
        AttributeContent::Binary(vec![0, 255].into())
    );
}

#[test]
fn a_message_has_at_most_ten_attributes() {
    let attributes = |count: u32| {
        let names = (0..count).map(|number| (format!("a{number}"), string("v")));
        Value::Object(names.collect())
    };
    assert_eq!(accepted(&attributes(10)).len(), 10);
    assert_eq!(
        complaint_about(&attributes(11)),
        "Number of message attributes [11] exceeds the allowed maximum [10]."
    );
}

#[test]
fn names_obey_their_rules() {
    let longest = "n".repeat(256);
    assert!(accepted(&json!({longest.as_str(): string("v")})).contains_key(&longest));
    for (name, complaint) in [
        (
            "",
            "The request must contain non-empty message (user) attribute names.",
        ),
        (
            &*format!("{longest}n"),
            "Message (user) attribute name must be shorter than 256 bytes.",
        ),
        (
            ".a",
            "Message (user) attribute name must not begin with character '.'.",
        ),
        (
            "a.",
            "Message (user) attribute name must not end with character '.'.",
        ),
        (
            "a..b",
            "Message (user) attribute name must not have successive '.' characters.",
        ),
    ] {
        assert_eq!(complaint_about(&json!({name: string("v")})), complaint);
    }
    for name in ["with space", "\u{e9}", "a/b"] {
        let complaint = complaint_about(&json!({name: string("v")}));
        assert!(complaint.contains("can only contain upper and lower score characters"));
    }
    for name in ["AWS.a", "aws.a", "Amazon.a", "amazon.a"] {
        let complaint = complaint_about(&json!({name: string("v")}));
        assert!(complaint.starts_with("You can't use message attribute names beginning with"));
    }
}

#[test]
fn types_begin_with_string_number_or_binary() {
    for data_type in ["string", "Text", "Strings", "String.", ".String"] {
        assert_eq!(
            complaint_about(&json!({"a": {"DataType": data_type, "StringValue": "v"}})),
            "The type of message (user) attribute 'a' is invalid. You must use only the following \
             supported type prefixes: Binary, Number, String."
        );
    }
    for attribute in [
        json!({"StringValue": "v"}),
        json!({"DataType": "", "StringValue": "v"}),
    ] {
        assert_eq!(
            complaint_about(&json!({"a": attribute})),
            "The message (user) attribute 'a' must contain a non-empty message attribute type."
        );
    }
    let long = format!("String.{}", "x".repeat(250));
    assert_eq!(
        complaint_about(&json!({"a": {"DataType": long, "StringValue": "v"}})),
        "Message (user) attribute type must be shorter than 256 bytes."
    );
}

#[test]
fn values_are_not_empty() {
    for (attribute, base) in [
        (string(""), "String"),
        (json!({"DataType": "String"}), "String"),
        (json!({"DataType": "Number", "StringValue": ""}), "String"),
        (json!({"DataType": "Binary", "BinaryValue": ""}), "Binary"),
        (json!({"DataType": "Binary", "StringValue": "v"}), "Binary"),
    ] {
        assert_eq!(
            complaint_about(&json!({"X": attribute})),
            format!(
                "Message (user) attribute 'X' must contain a non-empty value of type '{base}'."
            )
        );
    }
}

#[test]
fn an_attribute_has_one_value() {
    let both = json!({"DataType": "String", "StringValue": "v", "BinaryValue": "AA=="});
    assert_eq!(
        complaint_about(&json!({"a": both})),
        "Message (user) attribute 'a' must have a single value."
    );
    let list = json!({"DataType": "String", "StringListValues": ["v"]});
    let refusal = refusal("SendMessage", &with_attributes(&json!({"a": list})));
    assert_eq!(refusal.shape, "UnsupportedOperation");
}

#[test]
fn a_number_is_a_number() {
    assert_eq!(
        complaint_about(&json!({"Age": {"DataType": "Number", "StringValue": "Hello"}})),
        "Can't cast the value of message (user) attribute 'Age' to a number."
    );
}

#[test]
fn a_string_holds_the_characters_of_a_body() {
    let refusal = refusal(
        "SendMessage",
        &with_attributes(&json!({"a": string("\u{1}")})),
    );
    assert_eq!(refusal.shape, "InvalidMessageContents");
}

#[test]
fn bytes_come_in_base64() {
    let bad = json!({"a": {"DataType": "Binary", "BinaryValue": "not base64!"}});
    assert_eq!(
        refusal("SendMessage", &with_attributes(&bad)).shape,
        "SerializationException"
    );
}

#[test]
fn the_trace_header_is_the_only_system_attribute_of_a_sender() {
    let system = |name: &str, data_type: &str| {
        let attributes = json!({name: {"DataType": data_type, "StringValue": "1"}});
        complaint(
            "SendMessage",
            &with(
                &message("m"),
                &json!({"MessageSystemAttributes": attributes}),
            ),
        )
    };
    assert_eq!(
        system("SenderId", "String"),
        "Message system attribute name 'SenderId' is invalid."
    );
    assert_eq!(
        system("AWSTraceHeader", "Number"),
        "Message (system) attribute 'AWSTraceHeader' must be of type 'String'."
    );
}
