//! `RemovePermission`: one statement less in the access policy of a queue.

use serde::Deserialize;
use zonemq_queue::command::Command;

use super::add_permission::label;
use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;
use crate::shapes::Text;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let label = label(input.label.as_ref())?;
    let subject = Subject::Label(label.clone());
    Ok(Plan {
        command: Some(Command::RemovePermission { queue, label }),
        completion: Completion::Done(subject),
    })
}
