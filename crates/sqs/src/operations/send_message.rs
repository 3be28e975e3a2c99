//! `SendMessage`, and what it shares with `SendMessageBatch`: the rules on a message.

use serde::{Deserialize, Serialize};
use zonemq_queue::command::Command;
use zonemq_queue::ids::QueueKey;
use zonemq_queue::message::{Content, NewMessage, SentMessage};
use zonemq_queue::time::Seconds;

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::{Error, Subject, message_too_long};
use crate::limits;
use crate::message_attributes::{
    AttributesInput, system_attributes, trace_header, user_attributes,
};
use crate::message_body;
use crate::queue_address::queue_of;
use crate::shapes::{Integer, Text, given};
use crate::sums::{Md5Sum, of_attributes, of_body};

pub(super) const MESSAGE_GROUP_ID: &str = "MessageGroupId";

/// The members of `SendMessage` and of an entry of `SendMessageBatch`. They differ in one: a request
/// names its queue, an entry has an id.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    message_body: Option<Text<'a>>,
    delay_seconds: Option<Integer>,
    #[serde(borrow)]
    message_attributes: Option<AttributesInput<'a>>,
    #[serde(borrow)]
    message_system_attributes: Option<AttributesInput<'a>>,
    #[serde(borrow)]
    message_deduplication_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_message_body: Md5Sum,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    md5_of_message_attributes: Option<Md5Sum>,
    #[serde(
        rename = "MD5OfMessageSystemAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    md5_of_message_system_attributes: Option<Md5Sum>,
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

/// What the sender is told of the message that arrived.
#[derive(Debug)]
pub(crate) struct Sums {
    body: Md5Sum,
    attributes: AttributeSums,
}

/// The same without the body, of which a batch makes the sums together.
#[derive(Debug)]
pub(super) struct AttributeSums {
    of_user: Option<Md5Sum>,
    of_system: Option<Md5Sum>,
}

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let (message, attributes) = input.check(caller, &queue)?;
    if message.content.size_bytes() > limits::MESSAGE_BYTES {
        return Err(message_too_long(limits::MESSAGE_BYTES, &Subject::Request));
    }
    let body = of_body(&message.content.body);
    let messages = vec![message];
    Ok(Plan {
        command: Some(Command::SendMessages { queue, messages }),
        completion: Completion::SendMessage(Sums::new(body, attributes)),
    })
}

impl Input<'_> {
    /// Whether the message belongs to a group, as it must in a FIFO queue.
    pub(super) fn has_message_group(&self) -> bool {
        given(self.message_group_id.as_ref()).is_some()
    }

    /// Everything but the size, which a batch counts over all its messages.
    pub(super) fn check(
        self,
        caller: &Caller<'_>,
        queue: &QueueKey,
    ) -> Result<(NewMessage, AttributeSums), Error> {
        let body = self
            .message_body
            .filter(|body| !body.as_str().is_empty())
            .ok_or_else(|| Error::missing("MessageBody"))?;
        message_body::check_characters(body.as_str())?;
        let delay = self
            .delay_seconds
            .map(|delay| {
                delay.within(
                    0,
                    limits::DELAY_SECONDS,
                    "DelaySeconds",
                    "DelaySeconds must be >= 0 and <= 900.",
                )
            })
            .transpose()?
            .map(Seconds);
        let attributes = user_attributes(self.message_attributes.unwrap_or_default())?;
        let system_attributes =
            system_attributes(self.message_system_attributes.unwrap_or_default())?;
        let message_group = token(self.message_group_id.as_ref(), MESSAGE_GROUP_ID)?;
        let deduplication_id = token(
            self.message_deduplication_id.as_ref(),
            "MessageDeduplicationId",
        )?;
        let delay = if queue.is_fifo() {
            if message_group.is_none() {
                return Err(Error::missing(MESSAGE_GROUP_ID));
            }
            // Only the queue has a delay. Zero is taken for nothing said.
            if let Some(Seconds(seconds)) = delay.filter(|delay| *delay > Seconds(0)) {
                return Err(Error::not_for_this_queue_type(seconds, "DelaySeconds"));
            }
            None
        } else {
            // A group id makes a standard queue a fair one; a deduplication id is an error.
            if let Some(id) = &deduplication_id {
                return Err(Error::not_for_this_queue_type(id, "MessageDeduplicationId"));
            }
            delay
        };
        let sums = AttributeSums {
            of_user: of_attributes(&attributes),
            of_system: of_attributes(&system_attributes),
        };
        let message = NewMessage {
            content: Content {
                // A part of the request, which stays in memory until it is answered.
                body: body.into_part_of(caller.body),
                attributes,
                trace_header: trace_header(system_attributes),
                sender_id: caller.account.to_owned(),
                deduplication_id,
            },
            delay,
            message_group,
        };
        Ok((message, sums))
    }
}

/// Checks a message group id, a deduplication id or the id of a receive attempt.
pub(super) fn token(text: Option<&Text<'_>>, parameter: &str) -> Result<Option<String>, Error> {
    let Some(text) = given(text) else {
        return Ok(None);
    };
    let is_token = text.len() <= limits::MESSAGE_ID_CHARACTERS
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token {
        return Ok(Some(text.to_owned()));
    }
    let reason = format!(
        "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    );
    Err(Error::invalid_value(text, parameter, &reason))
}

impl Sums {
    pub(super) fn new(body: Md5Sum, attributes: AttributeSums) -> Sums {
        Sums { body, attributes }
    }

    pub(super) fn complete(self, sent: &SentMessage) -> Output {
        Output {
            message_id: sent.id.to_string(),
            md5_of_message_body: self.body,
            md5_of_message_attributes: self.attributes.of_user,
            md5_of_message_system_attributes: self.attributes.of_system,
            sequence_number: sent.sequence_number.map(|number| number.to_string()),
        }
    }
}
