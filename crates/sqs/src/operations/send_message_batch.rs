//! `SendMessageBatch`: up to ten messages, each accepted or refused by itself.

use serde::{Deserialize, Serialize};
use zonemq_queue::command::{Command, CommandError};
use zonemq_queue::message::SentMessage;

use super::Plan;
use super::send_message::{self, MESSAGE_GROUP_ID, Sums};
use crate::batch::{self, BatchOutput, Entry, Ledger};
use crate::caller::Caller;
use crate::error::{Error, ErrorCode, Subject};
use crate::limits;
use crate::queue_address::queue_of;
use crate::shapes::{Structure, Text};
use crate::sums::of_bodies;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Vec<Structure<send_message::Input<'a>>>>,
}

impl Entry for send_message::Input<'_> {
    const SHAPE: &'static str = "SendMessageBatchRequestEntry";

    fn id(&self) -> Option<&Text<'_>> {
        self.id.as_ref()
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct SentEntry {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    sent: send_message::Output,
}

#[derive(Debug)]
pub(crate) struct Completion(Ledger<Sums>);

pub(super) fn plan(input: Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let entries = batch::check(input.entries)?;
    // AWS refuses all of the batch for this, and with another code than for a single message.
    if queue.is_fifo() && !entries.iter().all(send_message::Input::has_message_group) {
        let missing = Error::missing(MESSAGE_GROUP_ID).message;
        return Err(Error::invalid_parameter(missing));
    }
    let mut messages = Vec::with_capacity(entries.len());
    let mut verdicts = Vec::with_capacity(entries.len());
    for mut entry in entries {
        let id = entry.id.take().map(Text::into_string).unwrap_or_default();
        let verdict = entry.check(caller, &queue).map(|(message, attributes)| {
            messages.push(message);
            attributes
        });
        verdicts.push((id, verdict));
    }
    let bodies: Vec<&[u8]> = messages
        .iter()
        .map(|message| message.content.body.as_ref())
        .collect();
    let mut bodies = of_bodies(&bodies).into_iter();
    let mut ledger = Ledger::new();
    for (id, verdict) in verdicts {
        let sums = verdict.map(|attributes| {
            // Each entry that is accepted is one of the messages.
            let body = bodies.next().expect("a sum for each message");
            Sums::new(body, attributes)
        });
        ledger.add(id, sums);
    }
    let size_bytes: usize = messages
        .iter()
        .map(|message| message.content.size_bytes())
        .sum();
    if size_bytes > limits::MESSAGE_BYTES {
        return Err(Error::new(
            ErrorCode::BatchRequestTooLong,
            format!(
                "Batch requests cannot be longer than {} bytes. You have sent {size_bytes} bytes.",
                limits::MESSAGE_BYTES
            ),
        ));
    }
    Ok(Plan {
        command: (!messages.is_empty()).then_some(Command::SendMessages { queue, messages }),
        completion: super::Completion::SendMessageBatch(Completion(ledger)),
    })
}

impl Completion {
    pub(super) fn complete(
        self,
        results: Vec<Result<SentMessage, CommandError>>,
    ) -> BatchOutput<SentEntry> {
        self.0.settle(
            results,
            |_| Subject::BatchEntry,
            |id, sums, sent| SentEntry {
                id,
                sent: sums.complete(&sent),
            },
        )
    }
}
