//! `AddPermission`: one more statement in the access policy of a queue.

use serde::Deserialize;
use zonemq_queue::command::Command;

use super::{Completion, Plan};
use crate::caller::{Caller, is_account};
use crate::error::{Error, ErrorCode, Subject};
use crate::limits;
use crate::queue_address::{is_identifier, queue_of};
use crate::shapes::{Text, required, required_list};

/// What others can be allowed to do.
const SHARED_ACTIONS: [&str; 9] = [
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
    #[serde(borrow, rename = "AWSAccountIds")]
    aws_account_ids: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    actions: Option<Vec<Text<'a>>>,
}

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let label = label(input.label.as_ref())?;
    let accounts = required_list(input.aws_account_ids, "AWSAccountIds")?;
    if !accounts.iter().all(|account| is_account(account)) {
        return Err(Error::invalid_value(
            format_args!("[{}]", accounts.join(", ")),
            "PrincipalId",
            "Unable to verify.",
        ));
    }
    let actions = required_list(input.actions, "Actions")?;
    if actions.len() > limits::PERMISSION_ACTIONS {
        return Err(Error::new(
            ErrorCode::OverLimit,
            format!(
                "{} Actions were found, maximum allowed is {}.",
                actions.len(),
                limits::PERMISSION_ACTIONS
            ),
        ));
    }
    let is_shared = |action: &&String| SHARED_ACTIONS.contains(&action.as_str());
    if let Some(action) = actions.iter().find(|action| !is_shared(action)) {
        return Err(Error::invalid_value(
            format_args!("SQS:{action}"),
            "ActionName",
            "Only the queue owner is allowed to invoke this action.",
        ));
    }
    let subject = Subject::Label(label.clone());
    Ok(Plan {
        command: Some(Command::AddPermission {
            queue,
            label,
            accounts,
            actions,
        }),
        completion: Completion::Done(subject),
    })
}

/// The name of a statement.
pub(super) fn label(text: Option<&Text<'_>>) -> Result<String, Error> {
    let label = required(text, "Label")?;
    if is_identifier(label) && label.len() <= limits::PERMISSION_LABEL_CHARACTERS {
        return Ok(label.to_owned());
    }
    Err(Error::invalid_value(
        label,
        "Label",
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
    ))
}
