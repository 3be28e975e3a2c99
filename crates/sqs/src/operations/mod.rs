//! The operations, one file each: what comes in, which rules it obeys, which command it becomes,
//! and how the reply is told. Nothing here knows a protocol: inputs are read through serde, and
//! outputs are typed.

mod add_permission;
mod cancel_message_move_task;
mod change_message_visibility;
mod change_message_visibility_batch;
mod create_queue;
mod delete_message;
mod delete_message_batch;
mod delete_queue;
mod get_queue_attributes;
mod get_queue_url;
mod list_dead_letter_source_queues;
mod list_message_move_tasks;
mod list_queue_tags;
mod list_queues;
mod purge_queue;
mod receive_message;
mod remove_permission;
mod send_message;
mod send_message_batch;
mod set_queue_attributes;
mod start_message_move_task;
mod tag_queue;
mod untag_queue;

use serde::{Deserialize, Serialize};
use zonemq_queue::command::{Command, CommandError, Outcome, Reply};
use zonemq_queue::ids::QueueKey;

use crate::batch::{BatchOutput, SucceededEntry};
use crate::caller::Caller;
use crate::error::{Error, Subject, refused};
use crate::operation_name::OperationName;
use crate::protocol::Protocol;
use crate::shapes::Text;

/// What a valid request comes to.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What to ask of the replicated state; nothing where the request itself decides the answer.
    pub(crate) command: Option<Command>,
    /// How to answer.
    pub(crate) completion: Completion,
}

/// Reads and checks the input of an operation.
pub(crate) fn plan(
    operation: OperationName,
    protocol: Protocol,
    input: &[u8],
    caller: &Caller<'_>,
) -> Result<Plan, Error> {
    match operation {
        OperationName::AddPermission => add_permission::plan(protocol.read(input)?, caller),
        OperationName::CancelMessageMoveTask => {
            cancel_message_move_task::plan(&protocol.read(input)?, caller)
        }
        OperationName::ChangeMessageVisibility => {
            change_message_visibility::plan(&protocol.read(input)?, caller)
        }
        OperationName::ChangeMessageVisibilityBatch => {
            change_message_visibility_batch::plan(protocol.read(input)?, caller)
        }
        OperationName::CreateQueue => create_queue::plan(protocol.read(input)?, caller),
        OperationName::DeleteMessage => delete_message::plan(&protocol.read(input)?, caller),
        OperationName::DeleteMessageBatch => {
            delete_message_batch::plan(protocol.read(input)?, caller)
        }
        OperationName::DeleteQueue => delete_queue::plan(&protocol.read(input)?, caller),
        OperationName::GetQueueAttributes => {
            get_queue_attributes::plan(&protocol.read(input)?, caller)
        }
        OperationName::GetQueueUrl => get_queue_url::plan(&protocol.read(input)?, caller),
        OperationName::ListDeadLetterSourceQueues => {
            list_dead_letter_source_queues::plan(&protocol.read(input)?, caller)
        }
        OperationName::ListMessageMoveTasks => {
            list_message_move_tasks::plan(&protocol.read(input)?, caller)
        }
        OperationName::ListQueueTags => list_queue_tags::plan(&protocol.read(input)?, caller),
        OperationName::ListQueues => list_queues::plan(&protocol.read(input)?, caller),
        OperationName::PurgeQueue => purge_queue::plan(&protocol.read(input)?, caller),
        OperationName::ReceiveMessage => receive_message::plan(&protocol.read(input)?, caller),
        OperationName::RemovePermission => remove_permission::plan(&protocol.read(input)?, caller),
        OperationName::SendMessage => send_message::plan(protocol.read(input)?, caller),
        OperationName::SendMessageBatch => send_message_batch::plan(protocol.read(input)?, caller),
        OperationName::SetQueueAttributes => {
            set_queue_attributes::plan(&protocol.read(input)?, caller)
        }
        OperationName::StartMessageMoveTask => {
            start_message_move_task::plan(&protocol.read(input)?, caller)
        }
        OperationName::TagQueue => tag_queue::plan(protocol.read(input)?, caller),
        OperationName::UntagQueue => untag_queue::plan(protocol.read(input)?, caller),
    }
}

/// What has to be kept of a request until its reply is there.
#[derive(Debug)]
pub(crate) enum Completion {
    /// Operations that answer nothing: what a refusal repeats.
    Done(Subject),
    /// `CreateQueue`, `GetQueueUrl`: the URL to answer.
    QueueUrl {
        url: String,
        subject: Subject,
    },
    ListQueues(list_queues::Completion),
    GetQueueAttributes(get_queue_attributes::Completion),
    SendMessage(send_message::Sums),
    SendMessageBatch(send_message_batch::Completion),
    ReceiveMessage(receive_message::Selection),
    /// `DeleteMessage`, `ChangeMessageVisibility`: what the caller named.
    OneDelivery(Subject),
    /// `DeleteMessageBatch`, `ChangeMessageVisibilityBatch`.
    Deliveries(delete_message_batch::Completion),
    ListQueueTags,
    ListDeadLetterSourceQueues(list_dead_letter_source_queues::Completion),
    /// The dead-letter queue.
    StartMessageMoveTask(QueueKey),
    /// The dead-letter queue.
    ListMessageMoveTasks(QueueKey),
    CancelMessageMoveTask,
}

impl Completion {
    /// Tells the reply. There is none where the plan had no command.
    pub(crate) fn complete(self, reply: Option<Reply>) -> Result<Output, Error> {
        match self {
            Completion::Done(subject) => match carried_out_on(reply, &subject)? {
                Outcome::Done => Ok(Output::Nothing {}),
                _ => Err(Error::unexpected_reply()),
            },
            Completion::QueueUrl { url, subject } => match carried_out_on(reply, &subject)? {
                Outcome::Exists => Ok(Output::QueueUrl { queue_url: url }),
                _ => Err(Error::unexpected_reply()),
            },
            Completion::ListQueues(completion) => match carried_out(reply)? {
                Outcome::Queues { names, more } => {
                    Ok(Output::ListQueues(completion.complete(&names, more)))
                }
                _ => Err(Error::unexpected_reply()),
            },
            Completion::GetQueueAttributes(completion) => match carried_out(reply)? {
                Outcome::Described(description) => Ok(Output::GetQueueAttributes(
                    completion.complete(&description),
                )),
                _ => Err(Error::unexpected_reply()),
            },
            Completion::SendMessage(sums) => match carried_out(reply)? {
                Outcome::Sent(results) => {
                    let sent = the_only(results, &Subject::Request)?;
                    Ok(Output::SendMessage(sums.complete(&sent)))
                }
                _ => Err(Error::unexpected_reply()),
            },
            Completion::SendMessageBatch(completion) => {
                let results = match each(reply)? {
                    None => Vec::new(),
                    Some(Outcome::Sent(results)) => results,
                    Some(_) => return Err(Error::unexpected_reply()),
                };
                Ok(Output::SendMessageBatch(completion.complete(results)))
            }
            Completion::ReceiveMessage(selection) => match carried_out(reply)? {
                Outcome::Received(messages) => {
                    Ok(Output::ReceiveMessage(selection.complete(messages)))
                }
                _ => Err(Error::unexpected_reply()),
            },
            Completion::OneDelivery(subject) => match carried_out(reply)? {
                Outcome::Each(results) => {
                    the_only(results, &subject)?;
                    Ok(Output::Nothing {})
                }
                _ => Err(Error::unexpected_reply()),
            },
            Completion::Deliveries(completion) => {
                let results = match each(reply)? {
                    None => Vec::new(),
                    Some(Outcome::Each(results)) => results,
                    Some(_) => return Err(Error::unexpected_reply()),
                };
                Ok(Output::Deliveries(completion.complete(results)))
            }
            Completion::ListQueueTags => match carried_out(reply)? {
                Outcome::Tags(tags) => Ok(Output::ListQueueTags(list_queue_tags::Output { tags })),
                _ => Err(Error::unexpected_reply()),
            },
            Completion::ListDeadLetterSourceQueues(completion) => match carried_out(reply)? {
                Outcome::DeadLetterSourceQueues { queues, more } => Ok(
                    Output::ListDeadLetterSourceQueues(completion.complete(&queues, more)),
                ),
                _ => Err(Error::unexpected_reply()),
            },
            Completion::StartMessageMoveTask(source) => match carried_out(reply)? {
                Outcome::MoveTaskStarted(task) => Ok(Output::StartMessageMoveTask(
                    start_message_move_task::complete(&source, task),
                )),
                _ => Err(Error::unexpected_reply()),
            },
            Completion::ListMessageMoveTasks(source) => match carried_out(reply)? {
                Outcome::MoveTasks(tasks) => Ok(Output::ListMessageMoveTasks(
                    list_message_move_tasks::complete(&source, tasks.as_slice()),
                )),
                _ => Err(Error::unexpected_reply()),
            },
            Completion::CancelMessageMoveTask => match carried_out(reply)? {
                Outcome::MoveTaskCancelled { moved } => Ok(Output::CancelMessageMoveTask(
                    cancel_message_move_task::Output {
                        approximate_number_of_messages_moved: moved,
                    },
                )),
                _ => Err(Error::unexpected_reply()),
            },
        }
    }
}

/// What an operation answers, in the members of the model.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Output {
    Nothing {},
    #[serde(rename_all = "PascalCase")]
    QueueUrl {
        queue_url: String,
    },
    ListQueues(list_queues::Output),
    GetQueueAttributes(get_queue_attributes::Output),
    SendMessage(send_message::Output),
    SendMessageBatch(BatchOutput<send_message_batch::SentEntry>),
    ReceiveMessage(receive_message::Output),
    Deliveries(BatchOutput<SucceededEntry>),
    ListQueueTags(list_queue_tags::Output),
    ListDeadLetterSourceQueues(list_dead_letter_source_queues::Output),
    StartMessageMoveTask(start_message_move_task::Output),
    ListMessageMoveTasks(list_message_move_tasks::Output),
    CancelMessageMoveTask(cancel_message_move_task::Output),
}

/// The input of operations that need nothing but a queue.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QueueInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

fn carried_out(reply: Option<Reply>) -> Result<Outcome, Error> {
    carried_out_on(reply, &Subject::Request)
}

fn carried_out_on(reply: Option<Reply>, subject: &Subject) -> Result<Outcome, Error> {
    reply
        .ok_or_else(Error::unexpected_reply)?
        .map_err(|error| refused(error, subject))
}

/// The outcome of a batch. There is none where no entry was valid.
fn each(reply: Option<Reply>) -> Result<Option<Outcome>, Error> {
    match reply {
        Some(reply) => carried_out(Some(reply)).map(Some),
        None => Ok(None),
    }
}

/// The result of a command that held one entry.
fn the_only<R>(results: Vec<Result<R, CommandError>>, subject: &Subject) -> Result<R, Error> {
    results
        .into_iter()
        .next()
        .ok_or_else(Error::unexpected_reply)?
        .map_err(|error| refused(error, subject))
}
