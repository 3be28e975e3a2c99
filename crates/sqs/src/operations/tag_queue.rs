//! `TagQueue`: tags are there afterwards, with these values.

use serde::Deserialize;
use zonemq_queue::command::Command;

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;
use crate::shapes::Text;
use crate::tags::{TagsInput, checked};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    tags: Option<TagsInput<'a>>,
}

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let tags = input.tags.filter(|tags| !tags.is_empty());
    let tags = checked(tags.ok_or_else(|| Error::missing("Tags"))?)?;
    let subject = Subject::Queue(queue.name.clone());
    Ok(Plan {
        command: Some(Command::TagQueue { queue, tags }),
        completion: Completion::Done(subject),
    })
}
