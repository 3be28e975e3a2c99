//! How an SDK writes an operation and reads its answer, in either protocol. Written after the
//! models of botocore 1.44.5 (JSON) and 1.31.80 (query), not after the crate.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Request, Response};
use roxmltree::Node;
use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json,
    Query,
}

/// What an operation answered.
pub(crate) type Answer = Result<Value, Refused>;

/// An error as SDKs report it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

pub(crate) fn request(protocol: Protocol, operation: &str, input: &Value) -> Request<Bytes> {
    let post = Request::post("/").header("host", "sqs.test:9324").header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIA/20240101/us-east-1/sqs/aws4_request, \
         SignedHeaders=host, Signature=0",
    );
    let request = match protocol {
        Protocol::Json => post
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .body(Bytes::from(input.to_string())),
        Protocol::Query => {
            let mut form = format!("Action={operation}&Version=2012-11-05");
            let members = input.as_object().expect("an input is an object");
            for (name, value) in members {
                write_member(&mut form, operation, "", name, value);
            }
            post.header(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(Bytes::from(form))
        }
    };
    request.expect("a request")
}

/// The name of a flattened list or map in a form.
fn flat_name<'n>(operation: &'n str, name: &'n str) -> &'n str {
    match name {
        "AWSAccountIds" => "AWSAccountId",
        "Actions" => "ActionName",
        "AttributeNames" => "AttributeName",
        "Attributes" => "Attribute",
        "MessageAttributeNames" => "MessageAttributeName",
        "MessageAttributes" => "MessageAttribute",
        "MessageSystemAttributeNames" => "MessageSystemAttributeName",
        "MessageSystemAttributes" => "MessageSystemAttribute",
        "TagKeys" => "TagKey",
        "Tags" | "tags" => "Tag",
        "Entries" => match operation {
            "SendMessageBatch" => "SendMessageBatchRequestEntry",
            "DeleteMessageBatch" => "DeleteMessageBatchRequestEntry",
            "ChangeMessageVisibilityBatch" => "ChangeMessageVisibilityBatchRequestEntry",
            other => panic!("{other} has no entries"),
        },
        other => other,
    }
}

fn write_member(form: &mut String, operation: &str, prefix: &str, name: &str, value: &Value) {
    let path = format!("{prefix}{}", flat_name(operation, name));
    match value {
        // An empty list is written under the name of the model.
        Value::Array(elements) if elements.is_empty() => {
            write_value(form, operation, &format!("{prefix}{name}"), &json!(""));
        }
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                let path = format!("{path}.{}", position + 1);
                write_value(form, operation, &path, element);
            }
        }
        Value::Object(entries) => {
            let key_name = if path.ends_with("Tag") { "Key" } else { "Name" };
            for (position, (key, value)) in entries.iter().enumerate() {
                let path = format!("{path}.{}", position + 1);
                let key = Value::from(key.as_str());
                write_value(form, operation, &format!("{path}.{key_name}"), &key);
                write_value(form, operation, &format!("{path}.Value"), value);
            }
        }
        plain => write_value(form, operation, &path, plain),
    }
}

fn write_value(form: &mut String, operation: &str, path: &str, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                write_member(form, operation, &format!("{path}."), name, value);
            }
        }
        Value::String(text) => write_pair(form, path, text),
        other => write_pair(form, path, &other.to_string()),
    }
}

fn write_pair(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            form.push(char::from(byte));
        } else {
            let _ = write!(form, "%{byte:02X}");
        }
    }
}

pub(crate) fn read(protocol: Protocol, operation: &str, response: &Response<Bytes>) -> Answer {
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let text = std::str::from_utf8(response.body()).expect("UTF-8");
    let status = response.status().as_u16();
    match protocol {
        Protocol::Json => {
            let body: Value = serde_json::from_str(text).expect("JSON");
            if status == 200 {
                return Ok(body);
            }
            let error = response.headers()["x-amzn-query-error"].to_str();
            let (code, fault) = error.expect("text").split_once(';').expect("two parts");
            assert_eq!(fault == "Sender", status < 500);
            Err(Refused {
                status,
                code: code.to_owned(),
                message: body["message"].as_str().expect("a message").to_owned(),
            })
        }
        Protocol::Query => {
            let document = roxmltree::Document::parse(text).expect("XML");
            let root = document.root_element();
            assert_eq!(
                root.tag_name().namespace(),
                Some("http://queue.amazonaws.com/doc/2012-11-05/")
            );
            if status == 200 {
                assert_eq!(root.tag_name().name(), format!("{operation}Response"));
                let result = child(root, &format!("{operation}Result"));
                return Ok(result.map_or(json!({}), |result| {
                    read_structure(operation, result, Shape::Result)
                }));
            }
            let error = child(root, "Error").expect("an error");
            let text = |name| child(error, name).and_then(|node| node.text());
            assert_eq!(text("Type") == Some("Sender"), status < 500);
            Err(Refused {
                status,
                code: text("Code").expect("a code").to_owned(),
                message: text("Message").unwrap_or_default().to_owned(),
            })
        }
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children()
        .find(|child| child.tag_name().name() == name)
}

/// Where in an answer a structure is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Result,
    Inner,
}

/// The member of the model that an element belongs to.
enum Member {
    Plain,
    Number,
    Truth,
    ListOf(&'static str),
    Map(&'static str, &'static str),
}

fn member(operation: &str, shape: Shape, element: &str) -> Member {
    match (operation, element) {
        ("ListQueues", "QueueUrl") => Member::ListOf("QueueUrls"),
        ("ListDeadLetterSourceQueues", "QueueUrl") => Member::ListOf("queueUrls"),
        (_, "Message") if operation == "ReceiveMessage" => Member::ListOf("Messages"),
        (_, "BatchResultErrorEntry") => Member::ListOf("Failed"),
        (_, "ListMessageMoveTasksResultEntry") => Member::ListOf("Results"),
        (_, entry) if entry.ends_with("BatchResultEntry") && shape == Shape::Result => {
            Member::ListOf("Successful")
        }
        (_, "Attribute") => Member::Map("Attributes", "Name"),
        (_, "MessageAttribute") => Member::Map("MessageAttributes", "Name"),
        (_, "Tag") => Member::Map("Tags", "Key"),
        (_, "SenderFault") => Member::Truth,
        (
            _,
            "ApproximateNumberOfMessagesMoved"
            | "ApproximateNumberOfMessagesToMove"
            | "MaxNumberOfMessagesPerSecond"
            | "StartedTimestamp",
        ) => Member::Number,
        _ => Member::Plain,
    }
}

fn read_structure(operation: &str, node: Node<'_, '_>, shape: Shape) -> Value {
    let mut read = Map::new();
    for element in node.children().filter(Node::is_element) {
        let name = element.tag_name().name();
        let text = element.text().unwrap_or_default();
        let add = |read: &mut Map<String, Value>, name: &str, value: Value| {
            assert!(
                read.insert(name.to_owned(), value).is_none(),
                "{name} twice"
            );
        };
        match member(operation, shape, name) {
            Member::Plain => add(&mut read, name, Value::from(text)),
            Member::Number => add(
                &mut read,
                name,
                json!(text.parse::<u64>().expect("a number")),
            ),
            Member::Truth => add(&mut read, name, json!(text == "true")),
            Member::ListOf(list) => {
                let element = if element.children().any(|child| child.is_element()) {
                    read_structure(operation, element, Shape::Inner)
                } else {
                    Value::from(text)
                };
                let list = read.entry(list).or_insert_with(|| json!([]));
                list.as_array_mut().expect("a list").push(element);
            }
            Member::Map(map, key) => {
                let key = child(element, key)
                    .and_then(|node| node.text())
                    .expect("a key");
                let value = child(element, "Value").expect("a value");
                let value = if value.children().any(|child| child.is_element()) {
                    read_structure(operation, value, Shape::Inner)
                } else {
                    Value::from(value.text().unwrap_or_default())
                };
                let map = read.entry(map).or_insert_with(|| json!({}));
                map[key] = value;
            }
        }
    }
    Value::Object(read)
}
