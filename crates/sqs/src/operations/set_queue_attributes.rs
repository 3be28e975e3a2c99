//! `SetQueueAttributes`: changes the settings that it names.

use serde::Deserialize;
use zonemq_queue::command::Command;

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::Error;
use crate::queue_address::queue_of;
use crate::queue_attributes::{QueueAttributesInput, changes, subject_of};
use crate::shapes::Text;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<QueueAttributesInput<'a>>,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let attributes = input
        .attributes
        .as_ref()
        .ok_or_else(|| Error::missing("Attributes"))?;
    let changes = changes(attributes, &queue)?.into();
    Ok(Plan {
        command: Some(Command::SetQueueAttributes { queue, changes }),
        completion: Completion::Done(subject_of(attributes)),
    })
}
