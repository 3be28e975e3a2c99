//! Who calls, under which name they reached us, and with what: account and region from the
//! signature's credential scope, the rest from the request.

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, Request};
use zonemq_queue::command::Cooldown;

use crate::limits;

/// What [`crate::decode`] needs to know beside the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// The account of callers whose access key is not an account id: `000000000000`.
    pub account: String,
    /// The region of callers who name none: `us-east-1`.
    pub region: String,
    /// Whether AWS's waiting times of 60 seconds hold, after DeleteQueue and between purges.
    pub cooldown: Cooldown,
}

impl Default for Defaults {
    fn default() -> Self {
        Defaults {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            cooldown: Cooldown::Off,
        }
    }
}

/// Who calls, and what they called.
pub(crate) struct Caller<'r> {
    pub(crate) account: &'r str,
    pub(crate) region: &'r str,
    /// Host and port as the caller writes them: queue URLs lead back the same way.
    pub(crate) host: &'r str,
    pub(crate) path: &'r str,
    /// What they sent.
    pub(crate) body: &'r Bytes,
    pub(crate) cooldown: Cooldown,
}

impl<'r> Caller<'r> {
    pub(crate) fn of(request: &'r Request<Bytes>, defaults: &'r Defaults) -> Caller<'r> {
        let scope = credential_scope(request.headers());
        Caller {
            account: scope
                .map(|scope| scope.access_key)
                .filter(|access_key| is_account(access_key))
                .unwrap_or(&defaults.account),
            region: scope.map_or(defaults.region.as_str(), |scope| scope.region),
            host: host(request),
            path: request.uri().path(),
            body: request.body(),
            cooldown: defaults.cooldown,
        }
    }

    /// The URL of a queue, as this caller reaches it.
    pub(crate) fn queue_url(&self, account: &str, name: &str) -> String {
        queue_url(self.host, account, name)
    }
}

/// `http://<host>/<account>/<name>`
pub(crate) fn queue_url(host: &str, account: &str, name: &str) -> String {
    format!("http://{host}/{account}/{name}")
}

/// Twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == limits::ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(Clone, Copy)]
struct CredentialScope<'r> {
    access_key: &'r str,
    region: &'r str,
}

/// Reads `Credential=<access key>/<date>/<region>/sqs/aws4_request`. The signature itself is not
/// verified yet.
fn credential_scope(headers: &HeaderMap) -> Option<CredentialScope<'_>> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let credential = credential.split([',', ' ']).next()?;
    let mut parts = credential.rsplit('/');
    let ("aws4_request", _service, region, _date, access_key) = (
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    ) else {
        return None;
    };
    let is_region = !region.is_empty()
        && region
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_region.then_some(CredentialScope { access_key, region })
}

fn host(request: &Request<Bytes>) -> &str {
    request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| !host.is_empty())
        .or_else(|| request.uri().authority().map(http::uri::Authority::as_str))
        .unwrap_or("localhost")
}
