//! `CreateQueue`: the queue exists afterwards, with these settings.

use std::collections::BTreeMap;

use serde::Deserialize;
use zonemq_queue::attributes::Tags;
use zonemq_queue::command::Command;

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::Error;
use crate::limits;
use crate::queue_address::{is_fifo, is_queue_name, own_queue};
use crate::queue_attributes::{QueueAttributesInput, changes, wants_fifo};
use crate::shapes::{Text, required};

/// As the model has it: `tags` is the only member in lower case.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<QueueAttributesInput<'a>>,
    #[serde(borrow, rename = "tags")]
    tags: Option<BTreeMap<Text<'a>, Text<'a>>>,
}

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let name = required(input.queue_name.as_ref(), "QueueName")?;
    let attributes = input.attributes.unwrap_or_default();
    check_name(name, wants_fifo(&attributes))?;
    if is_fifo(name) {
        return Err(Error::not_built("A FIFO queue"));
    }
    let command = Command::CreateQueue {
        cooldown: caller.cooldown,
        queue: own_queue(name, caller),
        attributes: changes(&attributes)?,
        tags: tags(input.tags.unwrap_or_default())?,
    };
    Ok(Plan {
        command: Some(command),
        completion: Completion::QueueUrl(caller.queue_url(caller.account, name)),
    })
}

fn check_name(name: &str, fifo: bool) -> Result<(), Error> {
    let complaint = match (is_queue_name(name), is_fifo(name), fifo) {
        (true, true, true) | (true, false, false) => return Ok(()),
        (_, _, true) => {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
             underscores, must end with .fifo suffix and be 1 to 80 in length."
        }
        (_, _, false) => {
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        }
    };
    Err(Error::invalid_parameter(complaint))
}

fn tags(input: BTreeMap<Text<'_>, Text<'_>>) -> Result<Tags, Error> {
    if input.len() > limits::TAGS {
        return Err(Error::invalid_parameter(format!(
            "Too many tags added for queue. At most {} are allowed.",
            limits::TAGS
        )));
    }
    input
        .into_iter()
        .map(|(key, value)| {
            let characters = key.as_str().chars().count();
            if characters == 0 || characters > limits::TAG_KEY_CHARACTERS {
                return Err(Error::invalid_parameter(format!(
                    "Tag keys must be between 1 and {} characters in length.",
                    limits::TAG_KEY_CHARACTERS
                )));
            }
            if key.as_str().starts_with("aws:") {
                return Err(Error::invalid_parameter(
                    "Tag keys cannot start with the reserved prefix aws:.",
                ));
            }
            if value.as_str().chars().count() > limits::TAG_VALUE_CHARACTERS {
                return Err(Error::invalid_parameter(format!(
                    "Tag values must be between 0 and {} characters in length.",
                    limits::TAG_VALUE_CHARACTERS
                )));
            }
            Ok((key.into_string(), value.into_string()))
        })
        .collect()
}
