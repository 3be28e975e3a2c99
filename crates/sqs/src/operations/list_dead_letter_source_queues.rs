//! `ListDeadLetterSourceQueues`: which queues send their dead letters to a queue, page by page.

use serde::{Deserialize, Serialize};
use zonemq_queue::command::Command;
use zonemq_queue::ids::QueueKey;

use super::Plan;
use crate::caller::{Caller, queue_url};
use crate::error::Error;
use crate::page::{self, Page};
use crate::queue_address::queue_of;
use crate::shapes::{Integer, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<Integer>,
}

/// As the model has it: `queueUrls` begins in lower case, and is always there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Completion {
    host: String,
    size_is_named: bool,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let queue = queue_of(input.queue_url.as_ref(), caller)?;
    let page = Page::of(
        input.max_results,
        input.next_token.as_ref(),
        QueueKey::of_arn,
    )?;
    let completion = Completion {
        host: caller.host.to_owned(),
        size_is_named: page.size_is_named,
    };
    Ok(Plan {
        command: Some(Command::ListDeadLetterSourceQueues {
            queue,
            after: page.after,
            limit: page.limit,
        }),
        completion: super::Completion::ListDeadLetterSourceQueues(completion),
    })
}

impl Completion {
    pub(super) fn complete(self, queues: &[QueueKey], more: bool) -> Output {
        Output {
            next_token: queues
                .last()
                .filter(|_| more && self.size_is_named)
                .map(|last| page::token(last.arn())),
            queue_urls: queues
                .iter()
                .map(|queue| queue_url(&self.host, &queue.account, &queue.name))
                .collect(),
        }
    }
}
