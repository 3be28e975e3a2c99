//! `GetQueueAttributes`: settings and counts of a queue, as far as they are asked for.

use serde::{Deserialize, Serialize};
use zonemq_queue::attributes::QueueDescription;
use zonemq_queue::command::Command;
use zonemq_queue::ids::QueueKey;

use super::Plan;
use crate::caller::Caller;
use crate::error::Error;
use crate::queue_address::queue_of;
use crate::queue_attributes::{QueueAttributesOutput, Selection};
use crate::shapes::Text;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_names: Option<Vec<Text<'a>>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<QueueAttributesOutput>,
}

#[derive(Debug)]
pub(crate) struct Completion {
    queue: QueueKey,
    /// Nothing asked for, nothing answered.
    selection: Option<Selection>,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let selection = input
        .attribute_names
        .as_deref()
        .filter(|names| !names.is_empty())
        .map(Selection::of)
        .transpose()?;
    Ok(Plan {
        command: Some(Command::GetQueueAttributes {
            queue: queue.clone(),
        }),
        completion: super::Completion::GetQueueAttributes(Completion { queue, selection }),
    })
}

impl Completion {
    pub(super) fn complete(self, description: &QueueDescription) -> Output {
        Output {
            attributes: self
                .selection
                .map(|selection| selection.describe(&self.queue, description)),
        }
    }
}
