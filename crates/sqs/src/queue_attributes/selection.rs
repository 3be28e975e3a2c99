//! Which attributes `GetQueueAttributes` asks for, and how they are told.

use std::collections::BTreeSet;

use zonemq_queue::attributes::{DeduplicationScope, FifoThroughputLimit, QueueDescription};
use zonemq_queue::ids::QueueKey;

use super::{ALL, QueueAttribute, QueueAttributesOutput, redrive};
use crate::error::Error;
use crate::shapes::Text;

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
    let encryption = &settings.encryption;
    let fifo = settings.fifo;
    Some(match attribute {
        QueueAttribute::ApproximateNumberOfMessages => description.visible.to_string(),
        QueueAttribute::ApproximateNumberOfMessagesDelayed => description.delayed.to_string(),
        QueueAttribute::ApproximateNumberOfMessagesNotVisible => description.in_flight.to_string(),
        QueueAttribute::ContentBasedDeduplication => fifo?.content_based_deduplication.to_string(),
        QueueAttribute::CreatedTimestamp => description.created_at.as_seconds().to_string(),
        QueueAttribute::DeduplicationScope => match fifo?.deduplication_scope {
            DeduplicationScope::Queue => "queue".to_owned(),
            DeduplicationScope::MessageGroup => "messageGroup".to_owned(),
        },
        QueueAttribute::DelaySeconds => settings.delay.0.to_string(),
        QueueAttribute::FifoQueue => fifo.map(|_| "true".to_owned())?,
        QueueAttribute::FifoThroughputLimit => match fifo?.throughput_limit {
            FifoThroughputLimit::PerQueue => "perQueue".to_owned(),
            FifoThroughputLimit::PerMessageGroupId => "perMessageGroupId".to_owned(),
        },
        // AWS tells it only of queues that have a key.
        QueueAttribute::KmsDataKeyReusePeriodSeconds => {
            encryption.kms_master_key_id.as_ref()?;
            encryption.kms_data_key_reuse_period.0.to_string()
        }
        QueueAttribute::KmsMasterKeyId => encryption.kms_master_key_id.clone()?,
        QueueAttribute::LastModifiedTimestamp => {
            description.last_modified_at.as_seconds().to_string()
        }
        QueueAttribute::MaximumMessageSize => settings.maximum_message_size.to_string(),
        QueueAttribute::MessageRetentionPeriod => settings.message_retention_period.0.to_string(),
        QueueAttribute::Policy => settings.policy.clone()?,
        QueueAttribute::QueueArn => queue.arn(),
        QueueAttribute::ReceiveMessageWaitTimeSeconds => {
            settings.receive_message_wait_time.0.to_string()
        }
        QueueAttribute::RedriveAllowPolicy => {
            redrive::write_allow_policy(settings.redrive_allow_policy.as_ref()?)
        }
        QueueAttribute::RedrivePolicy => redrive::write_policy(settings.redrive_policy.as_ref()?),
        // Kept and told; nothing is encrypted here: see the README.
        QueueAttribute::SqsManagedSseEnabled => encryption.sqs_managed.to_string(),
        QueueAttribute::VisibilityTimeout => settings.visibility_timeout.0.to_string(),
    })
}
