//! What the three batch operations share: the rules on entries, and the answer entry by entry.

use std::collections::BTreeSet;

use serde::Serialize;
use zonemq_queue::command::CommandError;

use crate::error::{Error, ErrorCode, Subject, refused};
use crate::limits;
use crate::queue_address::is_identifier;
use crate::shapes::{Structure, Text};

/// The answer to a batch. Both lists are left out where they are empty, as AWS does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchOutput<S> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    successful: Vec<S>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<FailedEntry>,
}

/// An entry that was refused.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailedEntry {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// An entry of a batch request.
pub(crate) trait Entry {
    /// Its shape in the model, which AWS's texts name.
    const SHAPE: &'static str;

    fn id(&self) -> Option<&Text<'_>>;
}

/// Checks what concerns the batch as a whole: a mistake here refuses all of it.
pub(crate) fn check<E: Entry>(entries: Option<Vec<Structure<E>>>) -> Result<Vec<E>, Error> {
    let entries = entries.ok_or_else(|| Error::missing("Entries"))?;
    if entries.is_empty() {
        return Err(Error::new(
            ErrorCode::EmptyBatchRequest,
            format!("There should be at least one {} in the request.", E::SHAPE),
        ));
    }
    if entries.len() > limits::BATCH_ENTRIES {
        return Err(Error::new(
            ErrorCode::TooManyEntriesInBatchRequest,
            format!(
                "Maximum number of entries per request are {}. You have sent {}.",
                limits::BATCH_ENTRIES,
                entries.len()
            ),
        ));
    }
    let entries: Vec<E> = entries.into_iter().map(|Structure(entry)| entry).collect();
    let mut ids = BTreeSet::new();
    for (position, entry) in entries.iter().enumerate() {
        let id = entry
            .id()
            .ok_or_else(|| Error::missing(&format!("{}.{}.Id", E::SHAPE, position + 1)))?
            .as_str();
        if !is_identifier(id) || id.len() > limits::BATCH_ENTRY_ID_CHARACTERS {
            return Err(Error::new(
                ErrorCode::InvalidBatchEntryId,
                "A batch entry id can only contain alphanumeric characters, hyphens and \
                 underscores. It can be at most 80 letters long.",
            ));
        }
        if !ids.insert(id) {
            return Err(Error::new(
                ErrorCode::BatchEntryIdsNotDistinct,
                format!("Id {id} repeated."),
            ));
        }
    }
    Ok(entries)
}

/// The entries of a batch in their order: those that went into the command, with what is needed
/// to answer them, and those that were refused before.
#[derive(Debug)]
pub(crate) struct Ledger<T>(Vec<(String, Result<T, Error>)>);

impl<T> Ledger<T> {
    pub(crate) fn new() -> Self {
        Ledger(Vec::new())
    }

    pub(crate) fn add(&mut self, id: String, verdict: Result<T, Error>) {
        self.0.push((id, verdict));
    }

    /// Answers every entry. `results` are those of the entries in the command, in their order.
    pub(crate) fn settle<R, S>(
        self,
        results: Vec<Result<R, CommandError>>,
        subject: impl Fn(&T) -> Subject,
        succeed: impl Fn(String, T, R) -> S,
    ) -> BatchOutput<S> {
        let mut results = results.into_iter();
        let mut output = BatchOutput {
            successful: Vec::new(),
            failed: Vec::new(),
        };
        for (id, verdict) in self.0 {
            let settled = verdict.and_then(|entry| match results.next() {
                Some(Ok(result)) => Ok((entry, result)),
                Some(Err(error)) => Err(refused(error, &subject(&entry))),
                None => Err(Error::unexpected_reply()),
            });
            match settled {
                Ok((entry, result)) => output.successful.push(succeed(id, entry, result)),
                Err(error) => output.failed.push(FailedEntry {
                    id,
                    sender_fault: error.code.is_senders_fault(),
                    code: error.code.query_code(),
                    message: error.message,
                }),
            }
        }
        output
    }
}

/// The answer to an entry that succeeded and has nothing more to tell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SucceededEntry {
    pub(crate) id: String,
}
