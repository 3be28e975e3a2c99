//! Queue attributes by SQS's names: which there are. `changes` tells what they may be set to,
//! `selection` how they are told.

mod changes;
mod redrive;
mod selection;

use std::collections::BTreeMap;

pub(crate) use changes::{QueueType, changes, subject_of, wanted_type};
pub(crate) use selection::Selection;

use crate::shapes::Text;

/// Attributes to set, as they come in.
pub(crate) type QueueAttributesInput<'a> = BTreeMap<Text<'a>, Text<'a>>;

/// Attributes as they are told.
pub(crate) type QueueAttributesOutput = BTreeMap<&'static str, String>;

macro_rules! attributes {
    ($($name:ident),+ $(,)?) => {
        /// An attribute of a queue.
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
