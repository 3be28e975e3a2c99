//! What `CreateQueue` and `SetQueueAttributes` may set, and to which values.

use serde_json::Value;
use zonemq_queue::attributes::{AttributeChanges, Change, DeduplicationScope, FifoThroughputLimit};
use zonemq_queue::ids::QueueKey;
use zonemq_queue::time::Seconds;

use super::{QueueAttribute, QueueAttributesInput, redrive};
use crate::error::{Error, ErrorCode, Subject};
use crate::limits;
use crate::shapes::Text;

/// The two kinds of queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueType {
    Standard,
    Fifo,
}

impl QueueType {
    pub(crate) fn of(queue: &QueueKey) -> QueueType {
        if queue.is_fifo() {
            QueueType::Fifo
        } else {
            QueueType::Standard
        }
    }
}

/// Checks what `CreateQueue` or `SetQueueAttributes` want for this queue.
pub(crate) fn changes(
    input: &QueueAttributesInput<'_>,
    queue: &QueueKey,
) -> Result<AttributeChanges, Error> {
    let mut changes = AttributeChanges::default();
    for (name, text) in input {
        let name = name.as_str();
        let attribute =
            QueueAttribute::named(name).ok_or_else(|| Error::unknown_attribute(name))?;
        let setting = Setting {
            attribute,
            text: text.as_str(),
        };
        match QueueType::of(queue) {
            QueueType::Standard => setting.check_is_no_fifo_attribute()?,
            QueueType::Fifo => {}
        }
        setting.put_into(&mut changes, queue)?;
    }
    if changes.sqs_managed_sse_enabled == Some(true)
        && matches!(changes.kms_master_key_id, Some(Change::Set(_)))
    {
        return Err(Error::invalid_attribute(
            "You can use one type of server-side encryption (SSE) at one time. You can either \
             enable KMS SSE or SQS SSE.",
        ));
    }
    Ok(changes)
}

/// Whether `CreateQueue` asks for a FIFO queue.
pub(crate) fn wanted_type(input: &QueueAttributesInput<'_>) -> QueueType {
    let wants_fifo = input.iter().any(|(name, value)| {
        name.as_str() == QueueAttribute::FifoQueue.as_str() && is(value.as_str(), "true")
    });
    if wants_fifo {
        QueueType::Fifo
    } else {
        QueueType::Standard
    }
}

/// What the state's refusal of these attributes repeats.
pub(crate) fn subject_of(input: &QueueAttributesInput<'_>) -> Subject {
    let mut policies = input.iter().filter_map(|(name, value)| {
        (name.as_str() == QueueAttribute::RedrivePolicy.as_str()).then_some(value)
    });
    policies.next().map_or(Subject::Request, |policy| {
        Subject::RedrivePolicy(Text::as_str(policy).to_owned())
    })
}

/// An attribute and the value that is wanted for it.
struct Setting<'i> {
    attribute: QueueAttribute,
    text: &'i str,
}

impl Setting<'_> {
    fn check_is_no_fifo_attribute(&self) -> Result<(), Error> {
        let name = self.attribute.as_str();
        match self.attribute {
            QueueAttribute::ContentBasedDeduplication | QueueAttribute::FifoQueue => {
                Err(Error::unknown_attribute(name))
            }
            QueueAttribute::DeduplicationScope | QueueAttribute::FifoThroughputLimit => {
                Err(Error::new(
                    ErrorCode::InvalidAttributeName,
                    format!("You can specify the {name} only when FifoQueue is set to true."),
                ))
            }
            _ => Ok(()),
        }
    }

    fn put_into(&self, changes: &mut AttributeChanges, queue: &QueueKey) -> Result<(), Error> {
        match self.attribute {
            QueueAttribute::DelaySeconds => {
                changes.delay = Some(self.seconds(0, limits::DELAY_SECONDS)?);
            }
            QueueAttribute::MaximumMessageSize => {
                changes.maximum_message_size = Some(self.number(1024, 1_048_576)?);
            }
            QueueAttribute::MessageRetentionPeriod => {
                changes.message_retention_period = Some(self.seconds(60, 1_209_600)?);
            }
            QueueAttribute::ReceiveMessageWaitTimeSeconds => {
                let wait_time = self.seconds(0, limits::WAIT_TIME_SECONDS)?;
                changes.receive_message_wait_time = Some(wait_time);
            }
            QueueAttribute::VisibilityTimeout => {
                let timeout = self.seconds(0, limits::VISIBILITY_TIMEOUT_SECONDS)?;
                changes.visibility_timeout = Some(timeout);
            }
            QueueAttribute::ContentBasedDeduplication => {
                changes.content_based_deduplication = Some(self.truth()?);
            }
            QueueAttribute::DeduplicationScope => {
                changes.deduplication_scope = Some(self.one_of([
                    ("queue", DeduplicationScope::Queue),
                    ("messageGroup", DeduplicationScope::MessageGroup),
                ])?);
            }
            QueueAttribute::FifoThroughputLimit => {
                changes.fifo_throughput_limit = Some(self.one_of([
                    ("perQueue", FifoThroughputLimit::PerQueue),
                    ("perMessageGroupId", FifoThroughputLimit::PerMessageGroupId),
                ])?);
            }
            // It is in the name of the queue, and stays.
            QueueAttribute::FifoQueue => {
                if !is(self.text, "true") {
                    return Err(Error::invalid_attribute(
                        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type \
                         is not supported.",
                    ));
                }
            }
            QueueAttribute::KmsMasterKeyId => {
                changes.kms_master_key_id = Some(self.or_nothing(|id| Ok(id.to_owned()))?);
            }
            QueueAttribute::KmsDataKeyReusePeriodSeconds => {
                let (least, most) = limits::KMS_DATA_KEY_REUSE_SECONDS;
                changes.kms_data_key_reuse_period = Some(self.seconds(least, most)?);
            }
            QueueAttribute::SqsManagedSseEnabled => {
                changes.sqs_managed_sse_enabled = Some(self.truth()?);
            }
            QueueAttribute::Policy => {
                changes.policy = Some(self.or_nothing(|_| self.policy())?);
            }
            QueueAttribute::RedrivePolicy => {
                changes.redrive_policy =
                    Some(self.or_nothing(|text| redrive::read_policy(text, queue))?);
            }
            QueueAttribute::RedriveAllowPolicy => {
                changes.redrive_allow_policy = Some(self.or_nothing(redrive::read_allow_policy)?);
            }
            // Those that nobody sets.
            QueueAttribute::ApproximateNumberOfMessages
            | QueueAttribute::ApproximateNumberOfMessagesDelayed
            | QueueAttribute::ApproximateNumberOfMessagesNotVisible
            | QueueAttribute::CreatedTimestamp
            | QueueAttribute::LastModifiedTimestamp
            | QueueAttribute::QueueArn => {
                return Err(Error::unknown_attribute(self.attribute.as_str()));
            }
        }
        Ok(())
    }

    fn number(&self, least: u32, most: u32) -> Result<u32, Error> {
        let number = self.text.parse().ok();
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.invalid())
    }

    fn seconds(&self, least: u32, most: u32) -> Result<Seconds, Error> {
        self.number(least, most).map(Seconds)
    }

    fn truth(&self) -> Result<bool, Error> {
        match () {
            () if is(self.text, "true") => Ok(true),
            () if is(self.text, "false") => Ok(false),
            () => Err(self.invalid()),
        }
    }

    fn one_of<T: Copy, const N: usize>(&self, values: [(&str, T); N]) -> Result<T, Error> {
        let found = values.iter().find(|(name, _)| *name == self.text);
        found.map(|(_, value)| *value).ok_or_else(|| self.invalid())
    }

    /// An empty value removes the attribute.
    fn or_nothing<T>(
        &self,
        read: impl FnOnce(&str) -> Result<T, Error>,
    ) -> Result<Change<T>, Error> {
        if self.text.is_empty() {
            Ok(Change::Remove)
        } else {
            read(self.text).map(Change::Set)
        }
    }

    /// The policy is kept as it is written.
    fn policy(&self) -> Result<String, Error> {
        let is_policy = self.text.len() <= limits::POLICY_BYTES
            && serde_json::from_str::<Value>(self.text).is_ok_and(|policy| policy.is_object());
        if is_policy {
            Ok(self.text.to_owned())
        } else {
            Err(self.invalid())
        }
    }

    fn invalid(&self) -> Error {
        Error::invalid_attribute(format!(
            "Invalid value for the parameter {}.",
            self.attribute.as_str()
        ))
    }
}

fn is(text: &str, word: &str) -> bool {
    text.eq_ignore_ascii_case(word)
}
