//! From parameters to the members of inputs: which names mean which member, and what shape it has.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::parameters::{Node, malformed};
use crate::error::Error;
use crate::operation_name::OperationName;

/// A member of an input: how parameters write it, and how the model calls it. Both are understood:
/// SDKs write an empty list under the name of the model.
struct Member {
    parameter: &'static str,
    name: &'static str,
    shape: &'static Shape,
}

/// What is below the name of a parameter.
enum Shape {
    Text,
    Number,
    /// `Name.1`, `Name.2`
    List(&'static Shape),
    /// `Name.1.Key`, `Name.1.Value`
    Map {
        key: &'static str,
        value: &'static Shape,
    },
    /// `Name.Member`
    Structure(&'static [Member]),
}

const VALUE: &str = "Value";

/// The members of all operations: no name means two things.
#[rustfmt::skip] // A table.
static MEMBERS: &[Member] = &[
    member("AWSAccountId", "AWSAccountIds", &TEXTS),
    member("ActionName", "Actions", &TEXTS),
    member("Attribute", "Attributes", &TEXTS_BY_NAME),
    member("AttributeName", "AttributeNames", &TEXTS),
    member("ChangeMessageVisibilityBatchRequestEntry", "Entries", &Shape::List(&ENTRY)),
    member("DelaySeconds", "DelaySeconds", &Shape::Number),
    member("DeleteMessageBatchRequestEntry", "Entries", &Shape::List(&ENTRY)),
    member("DestinationArn", "DestinationArn", &Shape::Text),
    member("Label", "Label", &Shape::Text),
    member("MaxNumberOfMessages", "MaxNumberOfMessages", &Shape::Number),
    member("MaxNumberOfMessagesPerSecond", "MaxNumberOfMessagesPerSecond", &Shape::Number),
    member("MaxResults", "MaxResults", &Shape::Number),
    member("MessageAttribute", "MessageAttributes", &MESSAGE_ATTRIBUTES),
    member("MessageAttributeName", "MessageAttributeNames", &TEXTS),
    member("MessageBody", "MessageBody", &Shape::Text),
    member("MessageDeduplicationId", "MessageDeduplicationId", &Shape::Text),
    member("MessageGroupId", "MessageGroupId", &Shape::Text),
    member("MessageSystemAttribute", "MessageSystemAttributes", &MESSAGE_ATTRIBUTES),
    member("MessageSystemAttributeName", "MessageSystemAttributeNames", &TEXTS),
    member("NextToken", "NextToken", &Shape::Text),
    member("QueueName", "QueueName", &Shape::Text),
    member("QueueNamePrefix", "QueueNamePrefix", &Shape::Text),
    member("QueueOwnerAWSAccountId", "QueueOwnerAWSAccountId", &Shape::Text),
    member("QueueUrl", "QueueUrl", &Shape::Text),
    member("ReceiptHandle", "ReceiptHandle", &Shape::Text),
    member("ReceiveRequestAttemptId", "ReceiveRequestAttemptId", &Shape::Text),
    member("SendMessageBatchRequestEntry", "Entries", &Shape::List(&ENTRY)),
    member("SourceArn", "SourceArn", &Shape::Text),
    member("Tag", "Tags", &Shape::Map { key: "Key", value: &Shape::Text }),
    member("TagKey", "TagKeys", &TEXTS),
    member("TaskHandle", "TaskHandle", &Shape::Text),
    member("VisibilityTimeout", "VisibilityTimeout", &Shape::Number),
    member("WaitTimeSeconds", "WaitTimeSeconds", &Shape::Number),
];

static TEXTS: Shape = Shape::List(&Shape::Text);
static TEXTS_BY_NAME: Shape = Shape::Map {
    key: "Name",
    value: &Shape::Text,
};

/// An entry of a batch, of whichever of the three.
#[rustfmt::skip] // A table.
static ENTRY: Shape = Shape::Structure(&[
    member("DelaySeconds", "DelaySeconds", &Shape::Number),
    member("Id", "Id", &Shape::Text),
    member("MessageAttribute", "MessageAttributes", &MESSAGE_ATTRIBUTES),
    member("MessageBody", "MessageBody", &Shape::Text),
    member("MessageDeduplicationId", "MessageDeduplicationId", &Shape::Text),
    member("MessageGroupId", "MessageGroupId", &Shape::Text),
    member("MessageSystemAttribute", "MessageSystemAttributes", &MESSAGE_ATTRIBUTES),
    member("ReceiptHandle", "ReceiptHandle", &Shape::Text),
    member("VisibilityTimeout", "VisibilityTimeout", &Shape::Number),
]);

static MESSAGE_ATTRIBUTES: Shape = Shape::Map {
    key: "Name",
    value: &Shape::Structure(&[
        member("BinaryListValue", "BinaryListValues", &TEXTS),
        member("BinaryValue", "BinaryValue", &Shape::Text),
        member("DataType", "DataType", &Shape::Text),
        member("StringListValue", "StringListValues", &TEXTS),
        member("StringValue", "StringValue", &Shape::Text),
    ]),
};

const fn member(parameter: &'static str, name: &'static str, shape: &'static Shape) -> Member {
    Member {
        parameter,
        name,
        shape,
    }
}

/// Whether a parameter of this name, up to its first dot, means a member of an input.
pub(super) fn is_member(name: &str) -> bool {
    find(MEMBERS, name).is_some()
}

/// The input of an operation, in the members of the model.
pub(super) fn read(operation: OperationName, parameters: Node) -> Result<Value, Error> {
    let mut input = structure(MEMBERS, parameters, "")?;
    // The model's one member that begins in lower case, and only of this operation.
    if operation == OperationName::CreateQueue
        && let Some(tags) = input.remove("Tags")
    {
        input.insert("tags".to_owned(), tags);
    }
    Ok(Value::Object(input))
}

fn find<'m>(members: &'m [Member], name: &str) -> Option<&'m Member> {
    members
        .iter()
        .find(|member| member.parameter == name || member.name == name)
}

/// Reads what is at `path`, the name of the parameter so far.
fn value(shape: &Shape, node: Node, path: &str) -> Result<Value, Error> {
    match shape {
        Shape::Text => text(node, path).map(Value::String),
        Shape::Number => number(&text(node, path)?, path),
        Shape::List(element) => list(element, node, path).map(Value::Array),
        Shape::Map { key, value } => map(key, value, node, path).map(Value::Object),
        Shape::Structure(members) => match node.text {
            Some(_) => Err(malformed(format!(
                "{path}: a structure has members, and no value of its own."
            ))),
            None => structure(members, node, path).map(Value::Object),
        },
    }
}

fn text(node: Node, path: &str) -> Result<String, Error> {
    if !node.children.is_empty() {
        return Err(malformed(format!(
            "Start of structure or map found where not expected: {path}."
        )));
    }
    // A node without children came of a parameter, which has a value.
    Ok(node.text.unwrap_or_default())
}

fn number(text: &str, path: &str) -> Result<Value, Error> {
    text.parse::<i64>().map(Value::from).map_err(|_| {
        malformed(format!(
            "The value of the parameter {path} is not an integer."
        ))
    })
}

fn structure(members: &[Member], node: Node, path: &str) -> Result<Map<String, Value>, Error> {
    let mut read = Map::new();
    for (name, child) in node.children {
        // What nobody knows does not matter, as in JSON.
        let Some(member) = find(members, &name) else {
            continue;
        };
        let path = below(path, &name);
        let value = value(member.shape, child, &path)?;
        if read.insert(member.name.to_owned(), value).is_some() {
            return Err(twice(&path));
        }
    }
    Ok(read)
}

fn list(element: &Shape, node: Node, path: &str) -> Result<Vec<Value>, Error> {
    let node = without_infix(node, "member");
    match node.text {
        None => numbered(node, path)?
            .into_iter()
            .map(|(number, child)| value(element, child, &below(path, number)))
            .collect(),
        Some(_) if !node.children.is_empty() => Err(both(path)),
        // How SDKs write a list without elements.
        Some(text) if text.is_empty() => Ok(Vec::new()),
        // The only element needs no number.
        Some(_) => Ok(vec![value(element, node, path)?]),
    }
}

fn map(key: &str, of: &Shape, node: Node, path: &str) -> Result<Map<String, Value>, Error> {
    let mut node = without_infix(node, "entry");
    let mut read = Map::new();
    if let Some(text) = node.text.take() {
        return match (text.is_empty(), node.children.is_empty()) {
            (true, true) => Ok(read),
            (_, false) => Err(both(path)),
            (false, true) => Err(malformed(format!("{path} needs {key} and {VALUE}."))),
        };
    }
    // The only entry needs no number.
    let entries = if node.children.contains_key(key) {
        vec![(path.to_owned(), node)]
    } else {
        numbered(node, path)?
            .into_iter()
            .map(|(number, child)| (below(path, number), child))
            .collect()
    };
    for (path, mut entry) in entries {
        let mut part = |name: &str| {
            let path = below(&path, name);
            match entry.children.remove(name) {
                Some(part) => Ok((part, path)),
                None => Err(Error::missing(&path)),
            }
        };
        let (name, name_path) = part(key)?;
        let (content, content_path) = part(VALUE)?;
        let name = text(name, &name_path)?;
        let content = value(of, content, &content_path)?;
        if read.insert(name, content).is_some() {
            return Err(twice(&name_path));
        }
    }
    Ok(read)
}

/// Other services of AWS write `Name.member.1` for lists and `Name.entry.1` for maps.
fn without_infix(mut node: Node, infix: &str) -> Node {
    match node.children.remove(infix) {
        Some(child) if node.children.is_empty() && node.text.is_none() => child,
        Some(child) => {
            node.children.insert(infix.to_owned(), child);
            node
        }
        None => node,
    }
}

/// The elements of a list or map in the order of their numbers, in which there may be gaps.
fn numbered(node: Node, path: &str) -> Result<BTreeMap<u32, Node>, Error> {
    let mut elements = BTreeMap::new();
    for (name, child) in node.children {
        let number = name
            .parse::<u32>()
            .ok()
            .filter(|&number| number > 0 && number.to_string() == name)
            .ok_or_else(|| {
                malformed(format!(
                    "{}: the elements of a list are numbered from 1 on.",
                    below(path, &name)
                ))
            })?;
        elements.insert(number, child);
    }
    Ok(elements)
}

fn below(path: &str, name: impl std::fmt::Display) -> String {
    if path.is_empty() {
        name.to_string()
    } else {
        format!("{path}.{name}")
    }
}

fn twice(path: &str) -> Error {
    malformed(format!("What {path} says is there twice."))
}

fn both(path: &str) -> Error {
    malformed(format!("{path} has a value and members at once."))
}

#[cfg(test)]
mod tests;
