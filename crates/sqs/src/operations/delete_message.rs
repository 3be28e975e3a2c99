//! `DeleteMessage`, and what it shares with the other operations on deliveries: receipt handles.

use serde::Deserialize;
use zonemq_queue::command::Command;
use zonemq_queue::receipt::ReceiptHandle;

use super::{Completion, Plan};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;
use crate::shapes::{Text, required};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let handle = receipt_handle(input.receipt_handle.as_ref())?;
    Ok(Plan {
        command: Some(Command::DeleteMessages {
            queue,
            handles: vec![handle],
        }),
        completion: Completion::OneDelivery(Subject::Delivery(handle)),
    })
}

/// A receipt handle in a form that we may have given out.
pub(super) fn receipt_handle(text: Option<&Text<'_>>) -> Result<ReceiptHandle, Error> {
    let text = required(text, "ReceiptHandle")?;
    text.parse()
        .map_err(|_| Error::receipt_handle_is_invalid(text))
}
