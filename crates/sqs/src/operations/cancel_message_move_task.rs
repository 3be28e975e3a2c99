//! `CancelMessageMoveTask`: a running task ends where it is.

use serde::{Deserialize, Serialize};
use zonemq_queue::command::Command;
use zonemq_queue::ids::MoveTaskId;

use super::start_message_move_task::task_of;
use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::Error;
use crate::shapes::{Text, required};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    task_handle: Option<Text<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    pub(super) approximate_number_of_messages_moved: u64,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let handle = required(input.task_handle.as_ref(), "TaskHandle")?;
    let (source, task) = task_of(handle, caller)?;
    Ok(Plan {
        command: Some(Command::CancelMessageMoveTask {
            source,
            // Tasks are numbered from 1 on: this one was never started.
            task: task.unwrap_or(MoveTaskId(0)),
        }),
        completion: Completion::CancelMessageMoveTask,
    })
}
