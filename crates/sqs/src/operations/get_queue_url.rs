//! `GetQueueUrl`: the URL of a queue by its name.

use serde::Deserialize;
use zonemq_queue::command::Command;
use zonemq_queue::ids::QueueKey;

use super::{Completion, Plan};
use crate::caller::{Caller, is_account};
use crate::error::{Error, Subject};
use crate::queue_address::is_queue_name;
use crate::shapes::{Text, given, required};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    queue_owner_aws_account_id: Option<Text<'a>>,
}

pub(super) fn plan(input: &Input<'_>, caller: &Caller<'_>) -> Result<Plan, Error> {
    let name = required(input.queue_name.as_ref(), "QueueName")?;
    let account = given(input.queue_owner_aws_account_id.as_ref()).unwrap_or(caller.account);
    if !is_queue_name(name) || !is_account(account) {
        return Err(Error::queue_does_not_exist());
    }
    let queue = QueueKey {
        account: account.to_owned(),
        region: caller.region.to_owned(),
        name: name.to_owned(),
    };
    Ok(Plan {
        command: Some(Command::GetQueueUrl { queue }),
        completion: Completion::QueueUrl {
            url: caller.queue_url(account, name),
            subject: Subject::Request,
        },
    })
}
