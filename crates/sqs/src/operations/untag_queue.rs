//! `UntagQueue`: tags with these keys are gone afterwards.

use serde::Deserialize;
use zonemq_queue::command::Command;

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;
use crate::shapes::{Text, required_list};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    tag_keys: Option<Vec<Text<'a>>>,
}

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let keys = required_list(input.tag_keys, "TagKeys")?;
    Ok(Plan {
        command: Some(Command::UntagQueue { queue, keys }),
        completion: Completion::Done(Subject::Request),
    })
}
