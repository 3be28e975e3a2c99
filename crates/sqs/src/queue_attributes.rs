//! Queue attributes by SQS's names: which may be set, to what, and how they are told.

use std::collections::{BTreeMap, BTreeSet};

use zonemq_queue::attributes::{AttributeChanges, QueueDescription};
use zonemq_queue::ids::QueueKey;
use zonemq_queue::time::Seconds;

use crate::error::{Error, ErrorCode};
use crate::limits;
use crate::shapes::Text;

/// Attributes to set, as they come in.
pub(crate) type QueueAttributesInput<'a> = BTreeMap<Text<'a>, Text<'a>>;

/// Attributes as they are told.
pub(crate) type QueueAttributesOutput = BTreeMap<&'static str, String>;

macro_rules! attributes {
    ($($name:ident),+ $(,)?) => {
        /// An attribute of a queue that SQS knows, built here or not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum QueueAttribute {
            $($name,)+
        }

        impl QueueAttribute {
            const ALL: &[QueueAttribute] = &[$(QueueAttribute::$name),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(QueueAttribute::$name => stringify!($name),)+
                }
            }

            fn named(name: &str) -> Option<QueueAttribute> {
                match name {
                    $(stringify!($name) => Some(QueueAttribute::$name),)+
                    _ => None,
                }
            }
        }
    };
}

attributes!(
    ApproximateNumberOfMessages,
    ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
    ContentBasedDeduplication,
    CreatedTimestamp,
    DeduplicationScope,
    DelaySeconds,
    FifoQueue,
    FifoThroughputLimit,
    KmsDataKeyReusePeriodSeconds,
    KmsMasterKeyId,
    LastModifiedTimestamp,
    MaximumMessageSize,
    MessageRetentionPeriod,
    Policy,
    QueueArn,
    ReceiveMessageWaitTimeSeconds,
    RedriveAllowPolicy,
    RedrivePolicy,
    SqsManagedSseEnabled,
    VisibilityTimeout,
);

/// Every attribute that is set.
const ALL: &str = "All";

/// Checks what `CreateQueue` or `SetQueueAttributes` want for a standard queue.
pub(crate) fn changes(input: &QueueAttributesInput<'_>) -> Result<AttributeChanges, Error> {
    let mut changes = AttributeChanges::default();
    for (name, value) in input {
        let (name, value) = (name.as_str(), value.as_str());
        let attribute =
            QueueAttribute::named(name).ok_or_else(|| Error::unknown_attribute(name))?;
        let number = |least, most| number(attribute, value, least, most);
        let seconds = |least, most| number(least, most).map(Seconds);
        match attribute {
            QueueAttribute::DelaySeconds => {
                changes.delay = Some(seconds(0, limits::DELAY_SECONDS)?);
            }
            QueueAttribute::MaximumMessageSize => {
                changes.maximum_message_size = Some(number(1024, 1_048_576)?);
            }
            QueueAttribute::MessageRetentionPeriod => {
                changes.message_retention_period = Some(seconds(60, 1_209_600)?);
            }
            QueueAttribute::ReceiveMessageWaitTimeSeconds => {
                changes.receive_message_wait_time = Some(seconds(0, limits::WAIT_TIME_SECONDS)?);
            }
            QueueAttribute::VisibilityTimeout => {
                changes.visibility_timeout = Some(seconds(0, limits::VISIBILITY_TIMEOUT_SECONDS)?);
            }
            // An empty value removes them, and there is nothing to remove.
            QueueAttribute::KmsMasterKeyId
            | QueueAttribute::Policy
            | QueueAttribute::RedriveAllowPolicy
            | QueueAttribute::RedrivePolicy
                if value.is_empty() => {}
            QueueAttribute::KmsDataKeyReusePeriodSeconds
            | QueueAttribute::KmsMasterKeyId
            | QueueAttribute::Policy
            | QueueAttribute::RedriveAllowPolicy
            | QueueAttribute::RedrivePolicy
            | QueueAttribute::SqsManagedSseEnabled => {
                return Err(Error::not_built(&format!("The queue attribute {name}")));
            }
            QueueAttribute::DeduplicationScope | QueueAttribute::FifoThroughputLimit => {
                return Err(Error::new(
                    ErrorCode::InvalidAttributeName,
                    format!("You can specify the {name} only when FifoQueue is set to true."),
                ));
            }
            // Those of FIFO queues, and those that nobody sets.
            QueueAttribute::ApproximateNumberOfMessages
            | QueueAttribute::ApproximateNumberOfMessagesDelayed
            | QueueAttribute::ApproximateNumberOfMessagesNotVisible
            | QueueAttribute::ContentBasedDeduplication
            | QueueAttribute::CreatedTimestamp
            | QueueAttribute::FifoQueue
            | QueueAttribute::LastModifiedTimestamp
            | QueueAttribute::QueueArn => return Err(Error::unknown_attribute(name)),
        }
    }
    Ok(changes)
}

/// Whether `CreateQueue` asks for a FIFO queue.
pub(crate) fn wants_fifo(input: &QueueAttributesInput<'_>) -> bool {
    input.iter().any(|(name, value)| {
        name.as_str() == QueueAttribute::FifoQueue.as_str() && value.as_str() == "true"
    })
}

fn number(attribute: QueueAttribute, value: &str, least: u32, most: u32) -> Result<u32, Error> {
    value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidAttributeValue,
                format!("Invalid value for the parameter {}.", attribute.as_str()),
            )
        })
}

/// Which attributes `GetQueueAttributes` asks for.
#[derive(Debug)]
pub(crate) struct Selection(BTreeSet<QueueAttribute>);

impl Selection {
    pub(crate) fn of(names: &[Text<'_>]) -> Result<Selection, Error> {
        let mut selected = BTreeSet::new();
        for name in names.iter().map(Text::as_str) {
            if name == ALL {
                selected.extend(QueueAttribute::ALL);
            } else {
                let attribute =
                    QueueAttribute::named(name).ok_or_else(|| Error::unknown_attribute(name))?;
                selected.insert(attribute);
            }
        }
        Ok(Selection(selected))
    }

    /// The selected attributes that this queue has.
    pub(crate) fn describe(
        &self,
        queue: &QueueKey,
        description: &QueueDescription,
    ) -> QueueAttributesOutput {
        self.0
            .iter()
            .filter_map(|&attribute| {
                Some((attribute.as_str(), tell(attribute, queue, description)?))
            })
            .collect()
    }
}

fn tell(
    attribute: QueueAttribute,
    queue: &QueueKey,
    description: &QueueDescription,
) -> Option<String> {
    let settings = &description.attributes;
    Some(match attribute {
        QueueAttribute::ApproximateNumberOfMessages => description.visible.to_string(),
        QueueAttribute::ApproximateNumberOfMessagesDelayed => description.delayed.to_string(),
        QueueAttribute::ApproximateNumberOfMessagesNotVisible => description.in_flight.to_string(),
        QueueAttribute::CreatedTimestamp => description.created_at.as_seconds().to_string(),
        QueueAttribute::DelaySeconds => settings.delay.0.to_string(),
        QueueAttribute::LastModifiedTimestamp => {
            description.last_modified_at.as_seconds().to_string()
        }
        QueueAttribute::MaximumMessageSize => settings.maximum_message_size.to_string(),
        QueueAttribute::MessageRetentionPeriod => settings.message_retention_period.0.to_string(),
        QueueAttribute::QueueArn => queue.arn(),
        QueueAttribute::ReceiveMessageWaitTimeSeconds => {
            settings.receive_message_wait_time.0.to_string()
        }
        // As every queue of AWS since 2022. Nothing is encrypted here: see the README.
        QueueAttribute::SqsManagedSseEnabled => "true".to_owned(),
        QueueAttribute::VisibilityTimeout => settings.visibility_timeout.0.to_string(),
        QueueAttribute::ContentBasedDeduplication
        | QueueAttribute::DeduplicationScope
        | QueueAttribute::FifoQueue
        | QueueAttribute::FifoThroughputLimit
        | QueueAttribute::KmsDataKeyReusePeriodSeconds
        | QueueAttribute::KmsMasterKeyId
        | QueueAttribute::Policy
        | QueueAttribute::RedriveAllowPolicy
        | QueueAttribute::RedrivePolicy => return None,
    })
}
