//! `StartMessageMoveTask`, and what it shares with the other operations on move tasks: how queues
//! and tasks are named.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use zonemq_queue::command::Command;
use zonemq_queue::ids::{MoveTaskId, QueueKey};

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::Error;
use crate::limits;
use crate::shapes::{Integer, Text, given, required};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    #[serde(borrow)]
    destination_arn: Option<Text<'a>>,
    max_number_of_messages_per_second: Option<Integer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    task_handle: String,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let source = required(input.source_arn.as_ref(), "SourceArn")?;
    let source = queue_of_arn(source, "SourceArn", caller)?;
    let destination = given(input.destination_arn.as_ref())
        .map(|arn| queue_of_arn(arn, "DestinationArn", caller))
        .transpose()?;
    let max_per_second = input
        .max_number_of_messages_per_second
        .map(|rate| {
            rate.within(
                1,
                limits::MOVED_MESSAGES_PER_SECOND,
                "MaxNumberOfMessagesPerSecond",
                "Must be between 1 and 500, if provided.",
            )
        })
        .transpose()?
        .map(|rate| u16::try_from(rate).unwrap_or(u16::MAX));
    Ok(Plan {
        command: Some(Command::StartMessageMoveTask {
            source: source.clone(),
            destination,
            max_per_second,
        }),
        completion: Completion::StartMessageMoveTask(source),
    })
}

/// Tells the task that began.
pub(super) fn complete(source: &QueueKey, task: MoveTaskId) -> Output {
    Output {
        task_handle: handle_of(source, task),
    }
}

/// The queue that a parameter names. Nobody reaches queues of other regions from here.
pub(super) fn queue_of_arn(
    arn: &str,
    parameter: &str,
    caller: &Caller<'_>,
) -> Result<QueueKey, Error> {
    let queue = QueueKey::of_arn(arn).ok_or_else(|| {
        Error::invalid_parameter(format!(
            "You must use this format to specify the {parameter}: \
             arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ))
    })?;
    if queue.region != caller.region {
        return Err(Error::resource_not_found(parameter));
    }
    Ok(queue)
}

/// What is inside of a task handle.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    task_id: String,
    source_arn: String,
}

/// As AWS writes it: JSON in base64.
pub(super) fn handle_of(source: &QueueKey, task: MoveTaskId) -> String {
    let handle = Handle {
        task_id: task.0.to_string(),
        source_arn: source.arn(),
    };
    // Two texts are always JSON.
    BASE64.encode(serde_json::to_vec(&handle).unwrap_or_default())
}

/// The task that a handle names. A handle that we could never have given out names none.
pub(super) fn task_of(
    handle: &str,
    caller: &Caller<'_>,
) -> Result<(QueueKey, Option<MoveTaskId>), Error> {
    let parts = BASE64.decode(handle).ok();
    let parts = parts.and_then(|json| serde_json::from_slice::<Handle>(&json).ok());
    let parts = parts.ok_or_else(|| {
        Error::invalid_parameter(format!(
            "Value {handle} for parameter TaskHandle is invalid."
        ))
    })?;
    let source = QueueKey::of_arn(&parts.source_arn)
        .filter(|source| source.region == caller.region)
        .ok_or_else(|| Error::resource_not_found("SourceArn"))?;
    Ok((source, parts.task_id.parse().ok().map(MoveTaskId)))
}
