//! The settings of a queue: SQS's queue attributes that a caller may set, typed and with AWS's
//! defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::{Millis, Seconds};

/// The settings of a standard queue. FIFO settings, policies and redrive come with the issue
/// that builds them, at the end of this struct.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QueueAttributes {
    /// 0 to 900, default 0.
    pub delay: Seconds,
    /// Bytes, 1024 to 1048576, default 1048576.
    pub maximum_message_size: u32,
    /// 60 to 1209600, default 345600.
    pub message_retention_period: Seconds,
    /// 0 to 20, default 0.
    pub receive_message_wait_time: Seconds,
    /// 0 to 43200, default 30.
    pub visibility_timeout: Seconds,
}

impl Default for QueueAttributes {
    fn default() -> Self {
        QueueAttributes {
            delay: Seconds(0),
            maximum_message_size: 1_048_576,
            message_retention_period: Seconds(345_600),
            receive_message_wait_time: Seconds(0),
            visibility_timeout: Seconds(30),
        }
    }
}

/// Settings that a caller names; the others stay as they are. Values are validated by `sqs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttributeChanges {
    /// See [`QueueAttributes::delay`].
    pub delay: Option<Seconds>,
    /// See [`QueueAttributes::maximum_message_size`].
    pub maximum_message_size: Option<u32>,
    /// See [`QueueAttributes::message_retention_period`].
    pub message_retention_period: Option<Seconds>,
    /// See [`QueueAttributes::receive_message_wait_time`].
    pub receive_message_wait_time: Option<Seconds>,
    /// See [`QueueAttributes::visibility_timeout`].
    pub visibility_timeout: Option<Seconds>,
}

impl AttributeChanges {
    /// Puts the named settings in force.
    pub fn apply_to(&self, attributes: &mut QueueAttributes) {
        let AttributeChanges {
            delay,
            maximum_message_size,
            message_retention_period,
            receive_message_wait_time,
            visibility_timeout,
        } = *self;
        set(&mut attributes.delay, delay);
        set(&mut attributes.maximum_message_size, maximum_message_size);
        set(
            &mut attributes.message_retention_period,
            message_retention_period,
        );
        set(
            &mut attributes.receive_message_wait_time,
            receive_message_wait_time,
        );
        set(&mut attributes.visibility_timeout, visibility_timeout);
    }

    /// SQS's name of the first setting that is named here with another value than in force.
    pub fn first_difference(&self, attributes: &QueueAttributes) -> Option<&'static str> {
        let AttributeChanges {
            delay,
            maximum_message_size,
            message_retention_period,
            receive_message_wait_time,
            visibility_timeout,
        } = *self;
        [
            ("DelaySeconds", differs(attributes.delay, delay)),
            (
                "MaximumMessageSize",
                differs(attributes.maximum_message_size, maximum_message_size),
            ),
            (
                "MessageRetentionPeriod",
                differs(
                    attributes.message_retention_period,
                    message_retention_period,
                ),
            ),
            (
                "ReceiveMessageWaitTimeSeconds",
                differs(
                    attributes.receive_message_wait_time,
                    receive_message_wait_time,
                ),
            ),
            (
                "VisibilityTimeout",
                differs(attributes.visibility_timeout, visibility_timeout),
            ),
        ]
        .into_iter()
        .find_map(|(name, differs)| differs.then_some(name))
    }
}

fn set<T>(in_force: &mut T, named: Option<T>) {
    if let Some(value) = named {
        *in_force = value;
    }
}

fn differs<T: PartialEq + Copy>(in_force: T, named: Option<T>) -> bool {
    named.is_some_and(|value| value != in_force)
}

/// Tags of a queue, by key.
pub type Tags = BTreeMap<String, String>;

/// What GetQueueAttributes can tell about a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QueueDescription {
    /// The settings in force.
    pub attributes: QueueAttributes,
    /// When the queue was created.
    pub created_at: Millis,
    /// When its settings were last changed.
    pub last_modified_at: Millis,
    /// Messages that a receive would return now. Exact, whatever SQS calls it.
    pub visible: u64,
    /// Messages received and not yet deleted or visible again.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
}
