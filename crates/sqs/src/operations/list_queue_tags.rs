//! `ListQueueTags`: the tags of a queue.

use serde::Serialize;
use zonemq_queue::attributes::Tags;
use zonemq_queue::command::Command;

use super::{Completion, Plan, QueueInput};
use crate::caller::Caller;
use crate::error::Error;
use crate::queue_address::queue_of;

/// Left out where there are none, as AWS does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub(super) tags: Tags,
}

pub(super) fn plan(input: &QueueInput<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    Ok(Plan {
        command: Some(Command::ListQueueTags { queue }),
        completion: Completion::ListQueueTags,
    })
}
