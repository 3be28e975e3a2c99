//! `SendMessage`.

use serde_json::json;
use zonemq_queue::command::Command;
use zonemq_queue::message::{Content, NewMessage};
use zonemq_queue::time::Seconds;

use crate::talk::{URL, accepted, answer, command, complaint, message, orders, refusal, with};

fn sent_message(body: &serde_json::Value) -> NewMessage {
    match command("SendMessage", body) {
        Command::SendMessages { mut messages, .. } => messages.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_send_becomes_a_command_with_one_message() {
    let Command::SendMessages { queue, messages } = command("SendMessage", &message("hello"))
    else {
        panic!("another command");
    };
    assert_eq!(queue, orders());
    let expected = NewMessage {
        content: Content {
            body: "hello".into(),
            attributes: [].into(),
            trace_header: None,
            sender_id: "000000000000".to_owned(),
            deduplication_id: None,
        },
        delay: None,
        message_group: None,
    };
    assert_eq!(messages, [expected]);
}

#[test]
fn the_answer_names_the_message_and_the_sum_of_its_body() {
    assert_eq!(
        answer("SendMessage", &message("msg"), Ok(accepted())),
        json!({
            "MessageId": "00000000-0000-0000-0000-000000000001",
            "MD5OfMessageBody": "6e2baaf3b97dbeef01c0043275f9a0e7",
        })
    );
}

#[test]
fn the_answer_has_the_sums_of_attributes_that_were_sent() {
    let body = with(
        &message("msg"),
        &json!({
            "MessageAttributes": {
                "attribName1": {"DataType": "String", "StringValue": "attribValue 1"},
            },
            "MessageSystemAttributes": {
                "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd86"},
            },
        }),
    );
    let answer = answer("SendMessage", &body, Ok(accepted()));
    assert_eq!(
        answer["MD5OfMessageAttributes"],
        "19e27d4e946b072f3f58da80d94fd778"
    );
    assert!(answer["MD5OfMessageSystemAttributes"].is_string());
    let message = sent_message(&body);
    assert_eq!(
        message.content.trace_header.as_deref(),
        Some("Root=1-5759e988-bd86")
    );
    assert_eq!(message.content.attributes.len(), 1);
}

#[test]
fn a_body_arrives_as_its_characters_whatever_its_escapes() {
    for (json, text) in [
        (r#""a\u00e9\n\"\/""#, "a\u{e9}\n\"/"),
        (r#""\ud83d\ude00""#, "\u{1F600}"),
        ("\"\u{1F600} \u{7f}\"", "\u{1F600} \u{7f}"),
    ] {
        let body = format!(r#"{{"QueueUrl":"{URL}","MessageBody":{json}}}"#);
        let body = serde_json::from_str(&body).expect("JSON");
        assert_eq!(sent_message(&body).content.body, text.as_bytes());
    }
}

#[test]
fn an_empty_body_is_a_missing_one() {
    for body in [
        json!({"QueueUrl": URL}),
        message(""),
        json!({"QueueUrl": URL, "MessageBody": null}),
    ] {
        let refusal = refusal("SendMessage", &body);
        assert_eq!(refusal.shape, "MissingRequiredParameterException");
        assert_eq!(refusal.query_error, "MissingParameter;Sender");
        assert_eq!(
            refusal.message,
            "The request must contain the parameter MessageBody."
        );
    }
}

#[test]
fn characters_outside_of_xml_are_refused() {
    for text in [
        "a\u{0}",
        "\u{1}",
        "\u{b}",
        "\u{1f}",
        "\u{FFFE}",
        "\u{e9}\u{FFFF}",
    ] {
        let refusal = refusal("SendMessage", &message(text));
        assert_eq!(refusal.shape, "InvalidMessageContents", "{text:?}");
        assert_eq!(refusal.query_error, "InvalidMessageContents;Sender");
        assert_eq!(
            refusal.message,
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to \
             #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        );
    }
    for text in ["\t\n\r ", "\u{D7FF}\u{E000}\u{FFFD}\u{10000}\u{10FFFF}"] {
        assert_eq!(sent_message(&message(text)).content.body, text.as_bytes());
    }
}

#[test]
fn one_mebibyte_is_the_longest_message() {
    let longest = "x".repeat(1_048_576);
    assert_eq!(
        sent_message(&message(&longest)).content.body.len(),
        1_048_576
    );
    assert_eq!(
        complaint("SendMessage", &message(&format!("{longest}x"))),
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    );
}

#[test]
fn size_is_counted_in_bytes_and_includes_names_types_and_values_of_attributes() {
    let attribute = json!({"MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}}});
    let room = 1_048_576 - "k".len() - "String".len() - "v".len();
    let fits = with(&message(&"x".repeat(room)), &attribute);
    assert_eq!(sent_message(&fits).content.size_bytes(), 1_048_576);
    let too_long = with(&message(&"x".repeat(room + 1)), &attribute);
    assert!(complaint("SendMessage", &too_long).ends_with("shorter than 1048576 bytes."));
    // Half as many characters of two bytes, and one more.
    let wide = message(&"\u{e9}".repeat(524_289));
    assert!(complaint("SendMessage", &wide).ends_with("shorter than 1048576 bytes."));
}

#[test]
fn system_attributes_do_not_count_against_the_size() {
    let body = with(
        &message(&"x".repeat(1_048_576)),
        &json!({"MessageSystemAttributes": {
            "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"},
        }}),
    );
    assert!(sent_message(&body).content.trace_header.is_some());
}

#[test]
fn a_delay_is_0_to_900_seconds() {
    for delay in [0, 900] {
        let body = with(&message("m"), &json!({"DelaySeconds": delay}));
        assert_eq!(sent_message(&body).delay, Some(Seconds(delay)));
    }
    for delay in [-1, 901, 54524] {
        assert_eq!(
            complaint(
                "SendMessage",
                &with(&message("m"), &json!({"DelaySeconds": delay}))
            ),
            format!(
                "Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must \
                 be >= 0 and <= 900."
            )
        );
    }
}

#[test]
fn a_group_on_a_standard_queue_makes_a_fair_queue() {
    let body = with(&message("m"), &json!({"MessageGroupId": "tenant-1!"}));
    assert_eq!(
        sent_message(&body).message_group.as_deref(),
        Some("tenant-1!")
    );
}

#[test]
fn a_group_is_1_to_128_letters_digits_and_punctuation() {
    let longest = "g".repeat(128);
    let body = with(&message("m"), &json!({"MessageGroupId": longest}));
    assert_eq!(sent_message(&body).message_group, Some(longest.clone()));
    for group in ["with space", "\u{e9}", &format!("{longest}g")] {
        assert_eq!(
            complaint(
                "SendMessage",
                &with(&message("m"), &json!({"MessageGroupId": group}))
            ),
            format!(
                "Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId \
                 can only include alphanumeric and punctuation characters. 1 to 128 in length."
            )
        );
    }
}

#[test]
fn a_deduplication_id_is_for_fifo_queues_only() {
    assert_eq!(
        complaint(
            "SendMessage",
            &with(&message("m"), &json!({"MessageDeduplicationId": "d1"}))
        ),
        "Value d1 for parameter MessageDeduplicationId is invalid. Reason: The request include \
         parameter that is not valid for this queue type."
    );
}

#[test]
fn members_that_sqs_does_not_know_are_ignored() {
    let body = with(&message("m"), &json!({"Color": {"deep": [1, null]}}));
    assert_eq!(sent_message(&body).content.body, "m");
}
