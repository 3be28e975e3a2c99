//! `DeleteMessage` and `ChangeMessageVisibility`.

use serde_json::{Value, json};
use zonemq_queue::command::{Command, CommandError, Outcome};
use zonemq_queue::time::Seconds;

use crate::talk::{
    URL, answer, command, complaint, handle, orders, refusal, refused_by_state, with,
};

fn delete(handle: &str) -> Value {
    json!({"QueueUrl": URL, "ReceiptHandle": handle})
}

fn change(handle: &str, timeout: i64) -> Value {
    with(&delete(handle), &json!({"VisibilityTimeout": timeout}))
}

fn done() -> Outcome {
    Outcome::Each(vec![Ok(())])
}

fn refused(error: CommandError) -> Outcome {
    Outcome::Each(vec![Err(error)])
}

#[test]
fn a_delete_names_its_delivery() {
    let body = delete(&handle(5).to_string());
    let expected = Command::DeleteMessages {
        queue: orders(),
        handles: vec![handle(5)],
    };
    assert_eq!(command("DeleteMessage", &body), expected);
    assert_eq!(answer("DeleteMessage", &body, Ok(done())), json!({}));
}

#[test]
fn a_change_of_visibility_names_its_delivery_and_0_to_43200_seconds() {
    let text = handle(5).to_string();
    for timeout in [0, 43_200] {
        let expected = Command::ChangeMessageVisibilities {
            queue: orders(),
            changes: vec![(handle(5), Seconds(timeout))],
        };
        let body = change(&text, timeout.into());
        assert_eq!(command("ChangeMessageVisibility", &body), expected);
        assert_eq!(
            answer("ChangeMessageVisibility", &body, Ok(done())),
            json!({})
        );
    }
    for timeout in [-1, 43_201] {
        assert_eq!(
            complaint("ChangeMessageVisibility", &change(&text, timeout)),
            format!(
                "Value {timeout} for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 \
                 and <= 43200, if provided."
            )
        );
    }
}

#[test]
fn garbage_is_not_a_receipt_handle() {
    for (operation, body) in [
        ("DeleteMessage", delete("garbage")),
        ("ChangeMessageVisibility", change("garbage", 1)),
    ] {
        let refusal = refusal(operation, &body);
        assert_eq!(refusal.status, 404);
        assert_eq!(refusal.shape, "ReceiptHandleIsInvalid");
        assert_eq!(refusal.query_error, "ReceiptHandleIsInvalid;Sender");
        assert_eq!(
            refusal.message,
            "The input receipt handle \"garbage\" is not a valid receipt handle."
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let handle = handle(1).to_string();
    for (operation, body, parameter) in [
        ("DeleteMessage", json!({"QueueUrl": URL}), "ReceiptHandle"),
        ("DeleteMessage", delete(""), "ReceiptHandle"),
        (
            "ChangeMessageVisibility",
            delete(&handle),
            "VisibilityTimeout",
        ),
    ] {
        let refusal = refusal(operation, &body);
        assert_eq!(refusal.query_error, "MissingParameter;Sender");
        assert_eq!(
            refusal.message,
            format!("The request must contain the parameter {parameter}.")
        );
    }
}

#[test]
fn a_handle_that_the_queue_never_gave_out_is_told_as_the_caller_wrote_it() {
    let text = handle(1).to_string();
    let reply = refused(CommandError::ReceiptHandleIsInvalid);
    let refusal = refused_by_state("DeleteMessage", &delete(&text), Ok(reply));
    assert_eq!(refusal.status, 404);
    assert_eq!(
        refusal.message,
        format!("The input receipt handle \"{text}\" is not a valid receipt handle.")
    );
}

#[test]
fn a_deleted_message_cannot_change_its_visibility() {
    let text = handle(1).to_string();
    let reply = refused(CommandError::MessageDoesNotExist);
    let refusal = refused_by_state("ChangeMessageVisibility", &change(&text, 1), Ok(reply));
    assert_eq!(refusal.query_error, "InvalidParameterValue;Sender");
    assert_eq!(
        refusal.message,
        format!(
            "Value {text} for parameter ReceiptHandle is invalid. Reason: Message does not exist \
             or is not available for visibility timeout change."
        )
    );
}

#[test]
fn a_visible_message_is_not_in_flight() {
    let body = change(&handle(1).to_string(), 1);
    let reply = refused(CommandError::MessageNotInflight);
    let refusal = refused_by_state("ChangeMessageVisibility", &body, Ok(reply));
    assert_eq!(refusal.status, 400);
    assert_eq!(refusal.shape, "MessageNotInflight");
    assert_eq!(
        refusal.query_error,
        "AWS.SimpleQueueService.MessageNotInflight;Sender"
    );
}

#[test]
fn a_message_is_hidden_for_12_hours_in_total() {
    let body = change(&handle(1).to_string(), 43_200);
    let reply = refused(CommandError::VisibilityBeyondLimit);
    assert_eq!(
        refused_by_state("ChangeMessageVisibility", &body, Ok(reply)).message,
        "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout \
         for the message is beyond the limit [43200 seconds]"
    );
}
