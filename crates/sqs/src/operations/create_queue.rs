//! `CreateQueue`: the queue exists afterwards, with these settings.

use serde::Deserialize;
use zonemq_queue::command::Command;
use zonemq_queue::ids::QueueKey;

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::Error;
use crate::queue_address::{is_queue_name, own_queue};
use crate::queue_attributes::{QueueAttributesInput, QueueType, changes, subject_of, wanted_type};
use crate::shapes::{Text, required};
use crate::tags::{TagsInput, checked};

/// As the model has it: `tags` is the only member in lower case.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<QueueAttributesInput<'a>>,
    #[serde(borrow, rename = "tags")]
    tags: Option<TagsInput<'a>>,
}

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let name = required(input.queue_name.as_ref(), "QueueName")?;
    let attributes = input.attributes.unwrap_or_default();
    let queue = own_queue(name, caller);
    check_name(&queue, wanted_type(&attributes))?;
    let command = Command::CreateQueue {
        attributes: changes(&attributes, &queue)?.into(),
        tags: checked(input.tags.unwrap_or_default())?,
        cooldown: caller.cooldown,
        queue,
    };
    Ok(Plan {
        command: Some(command),
        completion: Completion::QueueUrl {
            url: caller.queue_url(caller.account, name),
            subject: subject_of(&attributes),
        },
    })
}

fn check_name(queue: &QueueKey, wanted: QueueType) -> Result<(), Error> {
    let is_possible = is_queue_name(&queue.name) && QueueType::of(queue) == wanted;
    if is_possible {
        return Ok(());
    }
    Err(Error::invalid_parameter(match wanted {
        QueueType::Fifo => {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
             underscores, must end with .fifo suffix and be 1 to 80 in length."
        }
        QueueType::Standard => {
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        }
    }))
}
