//! `ChangeMessageVisibility`: a received message stays hidden for another span from now on.

use serde::Deserialize;
use zonemq_queue::command::Command;
use zonemq_queue::time::Seconds;

use super::delete_message::receipt_handle;
use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::limits;
use crate::queue_address::queue_of;
use crate::shapes::{Integer, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<Integer>,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let handle = receipt_handle(input.receipt_handle.as_ref())?;
    let timeout = required_timeout(input.visibility_timeout)?;
    Ok(Plan {
        command: Some(Command::ChangeMessageVisibilities {
            queue,
            changes: vec![(handle, timeout)],
        }),
        completion: Completion::OneDelivery(Subject::Visibility(handle, timeout)),
    })
}

/// A visibility timeout that must be there.
pub(super) fn required_timeout(timeout: Option<Integer>) -> Result<Seconds, Error> {
    visibility_timeout(timeout)?.ok_or_else(|| Error::missing("VisibilityTimeout"))
}

/// A visibility timeout that may be there.
pub(super) fn visibility_timeout(timeout: Option<Integer>) -> Result<Option<Seconds>, Error> {
    timeout
        .map(|timeout| {
            timeout.within(
                0,
                limits::VISIBILITY_TIMEOUT_SECONDS,
                "VisibilityTimeout",
                "Must be >= 0 and <= 43200, if provided.",
            )
        })
        .transpose()
        .map(|timeout| timeout.map(Seconds))
}
