//! `DeleteQueue`: the queue and all that it holds are gone.

use zonemq_queue::command::Command;

use super::{Completion, Plan, QueueInput};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;

pub(super) fn plan(input: &QueueInput<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    Ok(Plan {
        command: Some(Command::DeleteQueue { queue }),
        completion: Completion::Done(Subject::Request),
    })
}
