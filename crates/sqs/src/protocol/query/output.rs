//! From outputs to XML, or to JSON where a caller wants it: which element tells which member.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::NAMESPACE;
use crate::operation_name::OperationName;

/// `<OpResponse>` with what the operation answers, and the request's id.
pub(super) fn xml(operation: OperationName, output: &Value, request_id: &str) -> String {
    let mut xml = format!("<?xml version=\"1.0\"?><{operation}Response xmlns=\"{NAMESPACE}\">");
    if has_result(operation) {
        let _ = write!(xml, "<{operation}Result>");
        if let Value::Object(members) = output {
            write_members(&mut xml, operation, members);
        }
        let _ = write!(xml, "</{operation}Result>");
    }
    xml.push_str("<ResponseMetadata>");
    write_text(&mut xml, "RequestId", request_id);
    let _ = write!(xml, "</ResponseMetadata></{operation}Response>");
    xml
}

/// The same as JSON, in which maps are lists of their entries.
pub(super) fn json(operation: OperationName, output: Value, request_id: &str) -> String {
    let mut response = Map::new();
    if has_result(operation) {
        response.insert(format!("{operation}Result"), with_maps_as_lists(output));
    }
    let metadata = serde_json::json!({ "RequestId": request_id });
    response.insert("ResponseMetadata".to_owned(), metadata);
    let mut answer = Map::new();
    answer.insert(format!("{operation}Response"), Value::Object(response));
    Value::Object(answer).to_string()
}

fn with_maps_as_lists(value: Value) -> Value {
    match value {
        Value::Array(elements) => elements.into_iter().map(with_maps_as_lists).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = match (entry_of(&name), value) {
                    (Some((_, key_member)), Value::Object(entries)) => entries
                        .into_iter()
                        .map(|(key, value)| {
                            serde_json::json!({ key_member: key, "Value": with_maps_as_lists(value) })
                        })
                        .collect(),
                    (_, value) => with_maps_as_lists(value),
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// Whether the operation answers anything: SDKs look for the result of those that do, even if it
/// is empty.
fn has_result(operation: OperationName) -> bool {
    match operation {
        OperationName::AddPermission
        | OperationName::ChangeMessageVisibility
        | OperationName::DeleteMessage
        | OperationName::DeleteQueue
        | OperationName::PurgeQueue
        | OperationName::RemovePermission
        | OperationName::SetQueueAttributes
        | OperationName::TagQueue
        | OperationName::UntagQueue => false,
        OperationName::CancelMessageMoveTask
        | OperationName::ChangeMessageVisibilityBatch
        | OperationName::CreateQueue
        | OperationName::DeleteMessageBatch
        | OperationName::GetQueueAttributes
        | OperationName::GetQueueUrl
        | OperationName::ListDeadLetterSourceQueues
        | OperationName::ListMessageMoveTasks
        | OperationName::ListQueueTags
        | OperationName::ListQueues
        | OperationName::ReceiveMessage
        | OperationName::SendMessage
        | OperationName::SendMessageBatch
        | OperationName::StartMessageMoveTask => true,
    }
}

/// The element of each element of a list.
fn element_of(operation: OperationName, list: &str) -> &str {
    match (list, operation) {
        ("QueueUrls" | "queueUrls", _) => "QueueUrl",
        ("Messages", _) => "Message",
        ("Results", _) => "ListMessageMoveTasksResultEntry",
        ("Failed", _) => "BatchResultErrorEntry",
        ("Successful", OperationName::SendMessageBatch) => "SendMessageBatchResultEntry",
        ("Successful", OperationName::DeleteMessageBatch) => "DeleteMessageBatchResultEntry",
        ("Successful", OperationName::ChangeMessageVisibilityBatch) => {
            "ChangeMessageVisibilityBatchResultEntry"
        }
        (other, _) => other,
    }
}

/// The element of each entry of a map, and that of its key. Other objects are structures.
fn entry_of(member: &str) -> Option<(&'static str, &'static str)> {
    match member {
        "Attributes" => Some(("Attribute", "Name")),
        "MessageAttributes" => Some(("MessageAttribute", "Name")),
        "Tags" => Some(("Tag", "Key")),
        _ => None,
    }
}

fn write_members(xml: &mut String, operation: OperationName, members: &Map<String, Value>) {
    for (name, value) in members {
        match value {
            Value::Array(elements) => {
                let name = element_of(operation, name);
                for element in elements {
                    write_value(xml, operation, name, element);
                }
            }
            Value::Object(entries) => match entry_of(name) {
                Some((element, key_element)) => {
                    for (key, value) in entries {
                        let _ = write!(xml, "<{element}>");
                        write_text(xml, key_element, key);
                        write_value(xml, operation, "Value", value);
                        let _ = write!(xml, "</{element}>");
                    }
                }
                None => write_value(xml, operation, name, value),
            },
            _ => write_value(xml, operation, name, value),
        }
    }
}

/// One element. What is not there has none.
fn write_value(xml: &mut String, operation: OperationName, element: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(truth) => write_text(xml, element, if *truth { "true" } else { "false" }),
        Value::Number(number) => write_text(xml, element, &number.to_string()),
        Value::String(text) => write_text(xml, element, text),
        // No output has lists of lists.
        Value::Array(elements) => {
            for inner in elements {
                write_value(xml, operation, element, inner);
            }
        }
        Value::Object(members) => {
            let _ = write!(xml, "<{element}>");
            write_members(xml, operation, members);
            let _ = write!(xml, "</{element}>");
        }
    }
}

/// An element that holds text.
pub(super) fn write_text(xml: &mut String, element: &str, text: &str) {
    let _ = write!(xml, "<{element}>");
    escape(xml, text);
    let _ = write!(xml, "</{element}>");
}

/// Makes text safe between tags; what XML cannot hold at all becomes U+FFFD.
fn escape(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // A bare one would be read as a line feed, and the body's MD5 would not fit.
            '\r' => xml.push_str("&#xD;"),
            '\u{FFFE}' | '\u{FFFF}' => xml.push('\u{FFFD}'),
            '\t' | '\n' => xml.push(character),
            _ if character < ' ' => xml.push('\u{FFFD}'),
            _ => xml.push(character),
        }
    }
}

#[cfg(test)]
mod tests;
