//! `ListMessageMoveTasks`: the latest tasks of a dead-letter queue.

use serde::{Deserialize, Serialize};
use zonemq_queue::command::Command;
use zonemq_queue::ids::QueueKey;
use zonemq_queue::move_task::{MoveFailure, MoveTask, MoveTaskStatus};

use super::start_message_move_task::{handle_of, queue_of_arn};
use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::Error;
use crate::limits;
use crate::shapes::{Integer, Text, required};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    max_results: Option<Integer>,
}

/// Left out where there are none, as AWS does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<ListedTask>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedTask {
    /// Only of a running task: there is nothing to do with others.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_handle: Option<String>,
    status: &'static str,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<u16>,
    approximate_number_of_messages_moved: u64,
    approximate_number_of_messages_to_move: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    /// Milliseconds since 1970.
    started_timestamp: u64,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let source = required(input.source_arn.as_ref(), "SourceArn")?;
    let source = queue_of_arn(source, "SourceArn", caller)?;
    let limit = match input.max_results {
        Some(max_results) => max_results.within(
            1,
            limits::LISTED_MOVE_TASKS,
            "MaxResults",
            "Must be between 1 and 10, if provided.",
        )?,
        None => 1,
    };
    Ok(Plan {
        command: Some(Command::ListMessageMoveTasks {
            source: source.clone(),
            limit: u8::try_from(limit).unwrap_or(u8::MAX),
        }),
        completion: Completion::ListMessageMoveTasks(source),
    })
}

pub(super) fn complete(source: &QueueKey, tasks: &[MoveTask]) -> Output {
    Output {
        results: tasks.iter().map(|task| tell(source, task)).collect(),
    }
}

fn tell(source: &QueueKey, task: &MoveTask) -> ListedTask {
    let (status, failure_reason) = match task.status {
        MoveTaskStatus::Running => ("RUNNING", None),
        MoveTaskStatus::Completed => ("COMPLETED", None),
        MoveTaskStatus::Cancelled => ("CANCELLED", None),
        MoveTaskStatus::Failed(failure) => ("FAILED", Some(reason(failure))),
    };
    ListedTask {
        task_handle: (task.status == MoveTaskStatus::Running).then(|| handle_of(source, task.id)),
        status,
        source_arn: source.arn(),
        destination_arn: task.destination.as_ref().map(QueueKey::arn),
        max_number_of_messages_per_second: task.max_per_second,
        approximate_number_of_messages_moved: task.moved,
        approximate_number_of_messages_to_move: task.to_move,
        failure_reason,
        started_timestamp: task.started_at.0,
    }
}

fn reason(failure: MoveFailure) -> &'static str {
    match failure {
        MoveFailure::CouldNotDetermineMessageSource => "CouldNotDetermineMessageSource",
        MoveFailure::DestinationQueueDoesNotExist => "AWS.SimpleQueueService.NonExistentQueue",
    }
}
