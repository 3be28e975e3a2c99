//! `ListQueues`: the caller's queues by name, page by page.

use serde::{Deserialize, Serialize};
use zonemq_queue::command::Command;

use super::Plan;
use crate::caller::{Caller, queue_url};
use crate::error::Error;
use crate::page::{self, Page};
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
    size_is_named: bool,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let page = Page::of(input.max_results, input.next_token.as_ref(), |name| {
        is_queue_name(name).then(|| name.to_owned())
    })?;
    let completion = Completion {
        host: caller.host.to_owned(),
        account: caller.account.to_owned(),
        size_is_named: page.size_is_named,
    };
    let command = Command::ListQueues {
        account: caller.account.to_owned(),
        region: caller.region.to_owned(),
        prefix: given(input.queue_name_prefix.as_ref())
            .unwrap_or_default()
            .to_owned(),
        after: page.after,
        limit: page.limit,
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
                .filter(|_| more && self.size_is_named)
                .map(page::token),
            queue_urls: names
                .iter()
                .map(|name| queue_url(&self.host, &self.account, name))
                .collect(),
        }
    }
}
