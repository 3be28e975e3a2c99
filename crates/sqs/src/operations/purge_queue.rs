//! `PurgeQueue`: the queue holds no messages afterwards.

use zonemq_queue::command::Command;

use super::{Completion, Plan, QueueInput};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;

pub(super) fn plan(input: &QueueInput<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let subject = Subject::Queue(queue.name.clone());
    Ok(Plan {
        command: Some(Command::PurgeQueue {
            queue,
            cooldown: caller.cooldown,
        }),
        completion: Completion::Done(subject),
    })
}
