//! `ReceiveMessage`: takes visible messages, tells of each what was asked for.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use zonemq_queue::command::Command;
use zonemq_queue::ids::QueueKey;
use zonemq_queue::message::{MessageAttributes, ReceivedMessage};
use zonemq_queue::time::Seconds;

use super::change_message_visibility::visibility_timeout;
use super::send_message::token;
use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::Error;
use crate::limits;
use crate::message_attributes::AttributeOutput;
use crate::queue_address::queue_of;
use crate::shapes::{Integer, Text};
use crate::sums::{Md5Sum, of_attributes, of_bodies};

/// `AttributeNames` is the older name of `MessageSystemAttributeNames`; both count.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    message_system_attribute_names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    message_attribute_names: Option<Vec<Text<'a>>>,
    max_number_of_messages: Option<Integer>,
    visibility_timeout: Option<Integer>,
    wait_time_seconds: Option<Integer>,
    #[serde(borrow)]
    receive_request_attempt_id: Option<Text<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    /// Left out where there are none, as AWS does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Delivery>,
}

/// A message as it is delivered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Delivery {
    message_id: String,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: Md5Sum,
    #[serde(serialize_with = "as_text")]
    body: Bytes,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    md5_of_message_attributes: Option<Md5Sum>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, AttributeOutput>,
}

/// Bodies were text when they were sent; a body that is not would show replacement characters.
fn as_text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(body))
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let max_messages = match input.max_number_of_messages {
        Some(number) => number.within(
            1,
            limits::RECEIVED_MESSAGES,
            "MaxNumberOfMessages",
            "Must be between 1 and 10, if provided.",
        )?,
        None => 1,
    };
    let wait_time = input
        .wait_time_seconds
        .map(|wait| {
            wait.within(
                0,
                limits::WAIT_TIME_SECONDS,
                "WaitTimeSeconds",
                "Must be >= 0 and <= 20, if provided.",
            )
        })
        .transpose()?
        .map(Seconds);
    let visibility_timeout = visibility_timeout(input.visibility_timeout)?;
    let attempt = token(
        input.receive_request_attempt_id.as_ref(),
        "ReceiveRequestAttemptId",
    )?;
    if let Some(id) = attempt.as_deref().filter(|_| !queue.is_fifo()) {
        return Err(Error::not_for_this_queue_type(
            id,
            "ReceiveRequestAttemptId",
        ));
    }
    let selection = Selection::of(input)?;
    Ok(Plan {
        command: Some(Command::ReceiveMessages {
            queue,
            max_messages: u8::try_from(max_messages).unwrap_or(u8::MAX),
            visibility_timeout,
            wait_time,
            attempt,
        }),
        completion: Completion::ReceiveMessage(selection),
    })
}

/// What is told of a message, beside its body.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    system_attributes: BTreeSet<SystemAttribute>,
    message_attributes: Vec<NamePattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SystemAttribute {
    ApproximateFirstReceiveTimestamp,
    ApproximateReceiveCount,
    AwsTraceHeader,
    DeadLetterQueueSourceArn,
    MessageDeduplicationId,
    MessageGroupId,
    SenderId,
    SentTimestamp,
    SequenceNumber,
}

/// Which message attributes a name stands for.
#[derive(Debug)]
enum NamePattern {
    Exactly(String),
    StartsWith(String),
}

impl Selection {
    fn of(input: &Input<'_>) -> Result<Selection, Error> {
        let mut selection = Selection::default();
        let system = [
            &input.attribute_names,
            &input.message_system_attribute_names,
        ];
        for name in system.into_iter().flatten().flatten().map(Text::as_str) {
            if name == "All" {
                selection.system_attributes.extend(SystemAttribute::ALL);
            } else {
                let attribute = SystemAttribute::ALL
                    .into_iter()
                    .find(|attribute| attribute.as_str() == name)
                    .ok_or_else(|| Error::unknown_attribute(name))?;
                selection.system_attributes.insert(attribute);
            }
        }
        let names = input.message_attribute_names.iter().flatten();
        selection.message_attributes = names.map(|name| NamePattern::of(name.as_str())).collect();
        Ok(selection)
    }

    pub(super) fn complete(self, messages: Vec<ReceivedMessage>) -> Output {
        let bodies: Vec<&[u8]> = messages
            .iter()
            .map(|message| message.content.body.as_ref())
            .collect();
        let sums = of_bodies(&bodies);
        Output {
            messages: messages
                .into_iter()
                .zip(sums)
                .map(|(message, md5_of_body)| self.tell(message, md5_of_body))
                .collect(),
        }
    }

    fn tell(&self, message: ReceivedMessage, md5_of_body: Md5Sum) -> Delivery {
        let attributes = self
            .system_attributes
            .iter()
            .filter_map(|attribute| Some((attribute.as_str(), attribute.of(&message)?)))
            .collect();
        let content = message.content;
        let selected: MessageAttributes = content
            .attributes
            .into_iter()
            .filter(|(name, _)| {
                let mut patterns = self.message_attributes.iter();
                patterns.any(|pattern| pattern.matches(name))
            })
            .collect();
        Delivery {
            message_id: message.id.to_string(),
            receipt_handle: message.receipt_handle.to_string(),
            md5_of_body,
            body: content.body,
            attributes,
            md5_of_message_attributes: of_attributes(&selected),
            message_attributes: selected
                .into_iter()
                .map(|(name, attribute)| (name, attribute.into()))
                .collect(),
        }
    }
}

impl NamePattern {
    /// `All` and `.*` are every name, `prefix.*` every name that begins so.
    fn of(name: &str) -> NamePattern {
        match name.strip_suffix(".*") {
            Some(prefix) => NamePattern::StartsWith(prefix.to_owned()),
            None if name == "All" => NamePattern::StartsWith(String::new()),
            None => NamePattern::Exactly(name.to_owned()),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            NamePattern::Exactly(exact) => name == exact,
            NamePattern::StartsWith(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}

impl SystemAttribute {
    const ALL: [SystemAttribute; 9] = [
        SystemAttribute::ApproximateFirstReceiveTimestamp,
        SystemAttribute::ApproximateReceiveCount,
        SystemAttribute::AwsTraceHeader,
        SystemAttribute::DeadLetterQueueSourceArn,
        SystemAttribute::MessageDeduplicationId,
        SystemAttribute::MessageGroupId,
        SystemAttribute::SenderId,
        SystemAttribute::SentTimestamp,
        SystemAttribute::SequenceNumber,
    ];

    fn as_str(self) -> &'static str {
        match self {
            SystemAttribute::ApproximateFirstReceiveTimestamp => "ApproximateFirstReceiveTimestamp",
            SystemAttribute::ApproximateReceiveCount => "ApproximateReceiveCount",
            SystemAttribute::AwsTraceHeader => "AWSTraceHeader",
            SystemAttribute::DeadLetterQueueSourceArn => "DeadLetterQueueSourceArn",
            SystemAttribute::MessageDeduplicationId => "MessageDeduplicationId",
            SystemAttribute::MessageGroupId => "MessageGroupId",
            SystemAttribute::SenderId => "SenderId",
            SystemAttribute::SentTimestamp => "SentTimestamp",
            SystemAttribute::SequenceNumber => "SequenceNumber",
        }
    }

    /// Its value, if this message has it.
    fn of(self, message: &ReceivedMessage) -> Option<String> {
        match self {
            SystemAttribute::ApproximateFirstReceiveTimestamp => {
                Some(message.first_received_at.0.to_string())
            }
            SystemAttribute::ApproximateReceiveCount => Some(message.receive_count.to_string()),
            SystemAttribute::AwsTraceHeader => message.content.trace_header.clone(),
            SystemAttribute::DeadLetterQueueSourceArn => {
                message.dead_letter_source.as_ref().map(QueueKey::arn)
            }
            SystemAttribute::MessageDeduplicationId => {
                message.deduplication_id().map(Cow::into_owned)
            }
            SystemAttribute::MessageGroupId => message.message_group.clone(),
            SystemAttribute::SenderId => Some(message.content.sender_id.clone()),
            SystemAttribute::SentTimestamp => Some(message.sent_at.0.to_string()),
            SystemAttribute::SequenceNumber => {
                message.sequence_number.map(|number| number.to_string())
            }
        }
    }
}
