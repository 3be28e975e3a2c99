//! What is read of answers; the rest is skipped.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Deserialize)]
struct Created {
    #[serde(rename = "QueueUrl")]
    queue_url: String,
}

#[derive(Debug, Deserialize)]
struct Received<'a> {
    #[serde(rename = "Messages", borrow, default)]
    messages: Option<Vec<ReceivedMessage<'a>>>,
}

/// A message that was received.
#[derive(Debug, Deserialize)]
pub(crate) struct ReceivedMessage<'a> {
    /// Deletes it.
    #[serde(rename = "ReceiptHandle", borrow)]
    pub(crate) receipt_handle: Cow<'a, str>,
    /// Begins with when it was sent.
    #[serde(rename = "Body", borrow)]
    pub(crate) body: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct BatchOutcome {
    #[serde(rename = "Successful", default)]
    successful: Option<Vec<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
struct ServiceError {
    #[serde(rename = "__type")]
    shape: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// The URL of a queue that was created.
pub(crate) fn queue_url(body: &[u8]) -> Option<String> {
    let created: Created = serde_json::from_slice(body).ok()?;
    Some(created.queue_url)
}

/// Messages that were received; `None` where the answer is no such thing.
pub(crate) fn messages(body: &[u8]) -> Option<Vec<ReceivedMessage<'_>>> {
    let received: Received<'_> = serde_json::from_slice(body).ok()?;
    Some(received.messages.unwrap_or_default())
}

/// How many entries of a batch were carried out.
pub(crate) fn successful(body: &[u8]) -> usize {
    let outcome = serde_json::from_slice::<BatchOutcome>(body).ok();
    let successful = outcome.and_then(|outcome| outcome.successful);
    successful.map_or(0, |successful| successful.len())
}

/// Code and text of an error, if it is told as SQS does.
pub(crate) fn error_code(body: &[u8]) -> Option<(String, String)> {
    let error: ServiceError = serde_json::from_slice(body).ok()?;
    let code = error.shape.split('#').next_back()?.to_owned();
    Some((code, error.message))
}

/// As much of an answer as fits into a sentence.
pub(crate) fn start_of(body: &[u8]) -> String {
    const SHOWN_BYTES: usize = 200;
    String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_messages_has_none() {
        assert_eq!(messages(b"{}").map(|them| them.len()), Some(0));
        assert_eq!(messages(b"<html>").map(|them| them.len()), None);
    }

    #[test]
    fn messages_are_read_with_their_escapes() {
        let body = br#"{"Messages":[{"Body":"a\"b","ReceiptHandle":"h","MD5OfBody":"x"}]}"#;
        let messages = messages(body).expect("messages");
        assert_eq!(messages[0].body, "a\"b");
        assert_eq!(messages[0].receipt_handle, "h");
    }

    #[test]
    fn the_entries_that_were_carried_out_are_counted() {
        let body = br#"{"Successful":[{"Id":"0"},{"Id":"1"}],"Failed":[{"Id":"2"}]}"#;
        assert_eq!(successful(body), 2);
        assert_eq!(successful(b"{}"), 0);
        assert_eq!(successful(b"no JSON"), 0);
    }

    #[test]
    fn an_error_has_a_code_and_a_text() {
        let body = br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"gone"}"#;
        let told = Some(("QueueDoesNotExist".to_owned(), "gone".to_owned()));
        assert_eq!(error_code(body), told);
        assert_eq!(error_code(b"Bad Gateway"), None);
    }
}
