//! `ChangeMessageVisibilityBatch`: up to ten deliveries, each judged by itself.

use serde::Deserialize;
use zonemq_queue::command::Command;
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_queue::time::Seconds;

use super::Plan;
use super::change_message_visibility::required_timeout;
use super::delete_message::receipt_handle;
use super::delete_message_batch::Completion;
use crate::batch::{self, Entry, Ledger};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;
use crate::shapes::{Integer, Structure, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Vec<Structure<EntryInput<'a>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EntryInput<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<Integer>,
}

impl Entry for EntryInput<'_> {
    const SHAPE: &'static str = "ChangeMessageVisibilityBatchRequestEntry";

    fn id(&self) -> Option<&Text<'_>> {
        self.id.as_ref()
    }
}

impl EntryInput<'_> {
    fn check(&self) -> Result<(ReceiptHandle, Seconds), Error> {
        let handle = receipt_handle(self.receipt_handle.as_ref())?;
        Ok((handle, required_timeout(self.visibility_timeout)?))
    }
}

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let mut changes = Vec::new();
    let mut ledger = Ledger::new();
    for entry in batch::check(input.entries)? {
        let verdict = entry.check().map(|(handle, timeout)| {
            changes.push((handle, timeout));
            Subject::Visibility(handle, timeout)
        });
        ledger.add(entry.id.map(Text::into_string).unwrap_or_default(), verdict);
    }
    let command =
        (!changes.is_empty()).then_some(Command::ChangeMessageVisibilities { queue, changes });
    Ok(Plan {
        command,
        completion: super::Completion::Deliveries(Completion(ledger)),
    })
}
