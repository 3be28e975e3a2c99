//! The two attributes about dead letters, which are JSON inside of their text.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zonemq_queue::attributes::{RedriveAllowPolicy, RedrivePolicy};
use zonemq_queue::ids::QueueKey;

use crate::error::Error;
use crate::limits;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyInput {
    dead_letter_target_arn: Option<Value>,
    max_receive_count: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyOutput {
    dead_letter_target_arn: String,
    max_receive_count: u32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllowPolicy {
    redrive_permission: Permission,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_queue_arns: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Permission {
    #[default]
    AllowAll,
    DenyAll,
    ByQueue,
}

pub(super) fn read_policy(text: &str, source: &QueueKey) -> Result<RedrivePolicy, Error> {
    let invalid = |reason: &str| Error::invalid_value(text, "RedrivePolicy", reason);
    let missing = |name: &str| {
        invalid(&format!(
            "Redrive policy does not contain mandatory attribute: {name}."
        ))
    };
    let policy = serde_json::from_str::<PolicyInput>(text)
        .map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
    let target = policy
        .dead_letter_target_arn
        .ok_or_else(|| missing("deadLetterTargetArn"))?;
    let dead_letter_queue = target
        .as_str()
        .and_then(QueueKey::of_arn)
        .ok_or_else(|| invalid("Invalid value for deadLetterTargetArn."))?;
    if (&dead_letter_queue.account, &dead_letter_queue.region) != (&source.account, &source.region)
    {
        return Err(invalid(
            "Dead letter target owner should be same as the source.",
        ));
    }
    let count = policy
        .max_receive_count
        .ok_or_else(|| missing("maxReceiveCount"))?;
    // A number as text is taken, too: many templates have it.
    let number = match &count {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    };
    let max_receive_count = number
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| (1..=limits::MAX_RECEIVE_COUNT).contains(number))
        .ok_or_else(|| {
            let count = count
                .as_str()
                .map_or_else(|| count.to_string(), str::to_owned);
            invalid(&format!(
                "Invalid value for maxReceiveCount: {count}, valid values are from 1 to {} both \
                 inclusive.",
                limits::MAX_RECEIVE_COUNT
            ))
        })?;
    Ok(RedrivePolicy {
        dead_letter_queue,
        max_receive_count,
    })
}

pub(super) fn write_policy(policy: &RedrivePolicy) -> String {
    write(&PolicyOutput {
        dead_letter_target_arn: policy.dead_letter_queue.arn(),
        max_receive_count: policy.max_receive_count,
    })
}

pub(super) fn read_allow_policy(text: &str) -> Result<RedriveAllowPolicy, Error> {
    let invalid = |reason: &str| Error::invalid_value(text, "RedriveAllowPolicy", reason);
    let policy = serde_json::from_str::<AllowPolicy>(text).map_err(|_| {
        invalid("Amazon SQS can't create the redrive allow policy, because it is in an unsupported format.")
    })?;
    let arns = &policy.source_queue_arns;
    match policy.redrive_permission {
        Permission::AllowAll | Permission::DenyAll if !arns.is_empty() => Err(invalid(
            "Amazon SQS can't create the redrive allow policy. When you specify redrivePermission \
             as allowAll or denyAll, you can't specify sourceQueueArns.",
        )),
        Permission::AllowAll => Ok(RedriveAllowPolicy::AllowAll),
        Permission::DenyAll => Ok(RedriveAllowPolicy::DenyAll),
        Permission::ByQueue if arns.is_empty() => Err(invalid(
            "Amazon SQS can't create the redrive allow policy. When you specify redrivePermission \
             as byQueue, you must specify sourceQueueArns.",
        )),
        Permission::ByQueue if arns.len() > limits::REDRIVE_SOURCE_QUEUES => {
            Err(invalid(&format!(
                "Amazon SQS can't create the redrive allow policy. You can specify up to {} source \
             queue ARNs.",
                limits::REDRIVE_SOURCE_QUEUES
            )))
        }
        Permission::ByQueue => arns
            .iter()
            .map(|arn| QueueKey::of_arn(arn))
            .collect::<Option<Vec<_>>>()
            .map(RedriveAllowPolicy::ByQueue)
            .ok_or_else(|| invalid("Invalid value for sourceQueueArns.")),
    }
}

pub(super) fn write_allow_policy(policy: &RedriveAllowPolicy) -> String {
    let (redrive_permission, sources) = match policy {
        RedriveAllowPolicy::AllowAll => (Permission::AllowAll, &[][..]),
        RedriveAllowPolicy::DenyAll => (Permission::DenyAll, &[][..]),
        RedriveAllowPolicy::ByQueue(sources) => (Permission::ByQueue, &sources[..]),
    };
    write(&AllowPolicy {
        redrive_permission,
        source_queue_arns: sources.iter().map(QueueKey::arn).collect(),
    })
}

fn write(policy: &impl Serialize) -> String {
    // Texts, numbers and lists of them are always JSON.
    serde_json::to_string(policy).unwrap_or_default()
}
