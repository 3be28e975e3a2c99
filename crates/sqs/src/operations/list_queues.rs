//! `ListQueues`: the caller's queues by name, page by page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use zonemq_queue::command::Command;

use super::Plan;
use crate::caller::{Caller, queue_url};
use crate::error::Error;
use crate::limits;
use crate::queue_address::is_queue_name;
use crate::shapes::{Integer, Text, given};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_name_prefix: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<Integer>,
}

/// Both members are left out where they are empty, as AWS does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Completion {
    host: String,
    account: String,
    /// Only a caller who names the size of a page is told that there are more.
    paged: bool,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let limit = match input.max_results {
        Some(max_results) => max_results.within(
            1,
            limits::LISTED_QUEUES,
            "MaxResults",
            "Must be >= 1 and <= 1000, if provided.",
        )?,
        None => limits::LISTED_QUEUES,
    };
    let command = Command::ListQueues {
        account: caller.account.to_owned(),
        region: caller.region.to_owned(),
        prefix: given(input.queue_name_prefix.as_ref())
            .unwrap_or_default()
            .to_owned(),
        after: given(input.next_token.as_ref()).map(after).transpose()?,
        limit: u16::try_from(limit).unwrap_or(u16::MAX),
    };
    let completion = Completion {
        host: caller.host.to_owned(),
        account: caller.account.to_owned(),
        paged: input.max_results.is_some(),
    };
    Ok(Plan {
        command: Some(command),
        completion: super::Completion::ListQueues(completion),
    })
}

impl Completion {
    pub(super) fn complete(self, names: &[String], more: bool) -> Output {
        Output {
            next_token: names
                .last()
                .filter(|_| more && self.paged)
                .map(|last| BASE64.encode(last)),
            queue_urls: names
                .iter()
                .map(|name| queue_url(&self.host, &self.account, name))
                .collect(),
        }
    }
}

/// The name after which the page begins that a token leads to.
fn after(token: &str) -> Result<String, Error> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|name| is_queue_name(name))
        .ok_or_else(|| Error::invalid_value(token, "NextToken", "It is not a token of ListQueues."))
}
