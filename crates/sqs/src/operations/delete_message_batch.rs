//! `DeleteMessageBatch`, and how batches of deliveries are answered.

use serde::Deserialize;
use zonemq_queue::command::{Command, CommandError};

use super::Plan;
use super::delete_message::receipt_handle;
use crate::batch::{self, BatchOutput, Entry, Ledger, SucceededEntry};
use crate::caller::Caller;
use crate::error::{Error, Subject};
use crate::queue_address::queue_of;
use crate::shapes::{Structure, Text};

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
}

impl Entry for EntryInput<'_> {
    const SHAPE: &'static str = "DeleteMessageBatchRequestEntry";

    fn id(&self) -> Option<&Text<'_>> {
        self.id.as_ref()
    }
}

/// The deliveries of a batch, as the caller named them.
#[derive(Debug)]
pub(crate) struct Completion(pub(super) Ledger<Subject>);

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let mut handles = Vec::new();
    let mut ledger = Ledger::new();
    for entry in batch::check(input.entries)? {
        let verdict = receipt_handle(entry.receipt_handle.as_ref()).map(|handle| {
            handles.push(handle);
            Subject::Delivery(handle)
        });
        ledger.add(entry.id.map(Text::into_string).unwrap_or_default(), verdict);
    }
    Ok(Plan {
        command: (!handles.is_empty()).then_some(Command::DeleteMessages { queue, handles }),
        completion: super::Completion::Deliveries(Completion(ledger)),
    })
}

impl Completion {
    pub(super) fn complete(
        self,
        results: Vec<Result<(), CommandError>>,
    ) -> BatchOutput<SucceededEntry> {
        self.0
            .settle(results, Subject::clone, |id, _, ()| SucceededEntry { id })
    }
}
