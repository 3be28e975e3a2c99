//! Which queue a request means: queue names, queue URLs, and the path of the request.

use zonemq_queue::ids::QueueKey;

use crate::caller::{Caller, is_account};
use crate::error::{Error, ErrorCode};
use crate::limits;
use crate::shapes::{Text, given};

/// The queue that a request names by its URL (or, as AWS allows, by its bare name), or by its path
/// where it names none.
pub(crate) fn queue_of(
    queue_url: Option<&Text<'_>>,
    caller: &Caller<'_>,
) -> Result<QueueKey, Error> {
    let (account, name) = match given(queue_url) {
        Some(name) if is_queue_name(name) => (caller.account, name),
        Some(url) => split_url(url).ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidAddress,
                format!("The address {url} is not valid for this endpoint."),
            )
        })?,
        None => split_path(caller.path).ok_or_else(|| Error::missing("QueueUrl"))?,
    };
    // No queue has a name that CreateQueue refuses: the state need not be asked.
    if !is_queue_name(name) {
        return Err(Error::queue_does_not_exist());
    }
    Ok(QueueKey {
        account: account.to_owned(),
        region: caller.region.to_owned(),
        name: name.to_owned(),
    })
}

/// A queue of the caller's own account by its name.
pub(crate) fn own_queue(name: &str, caller: &Caller<'_>) -> QueueKey {
    QueueKey {
        account: caller.account.to_owned(),
        region: caller.region.to_owned(),
        name: name.to_owned(),
    }
}

/// Whether a queue, standard or FIFO, can have this name.
pub(crate) fn is_queue_name(name: &str) -> bool {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    is_identifier(stem) && name.len() <= limits::QUEUE_NAME_CHARACTERS
}

/// At least one letter, digit, hyphen or underscore, and nothing else.
pub(crate) fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Account and name from a queue URL. Any host will do: the URL may come from another node, or
/// from before a proxy.
fn split_url(url: &str) -> Option<(&str, &str)> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    split_path(&rest[rest.find('/')?..])
}

/// The last two segments of a path.
fn split_path(path: &str) -> Option<(&str, &str)> {
    let (path, name) = path.rsplit_once('/')?;
    let (_, account) = path.rsplit_once('/')?;
    (is_account(account) && !name.is_empty()).then_some((account, name))
}
