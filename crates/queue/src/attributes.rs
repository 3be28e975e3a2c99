//! The settings of a queue: SQS's queue attributes that a caller may set, typed and with AWS's
//! defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::QueueKey;
use crate::time::{Millis, Seconds};

/// The settings of a queue.
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
    /// Present exactly in FIFO queues.
    pub fifo: Option<FifoAttributes>,
    /// Kept and told; nothing is encrypted.
    pub encryption: Encryption,
    /// An access policy, as the caller wrote it. Kept and told, not enforced.
    pub policy: Option<String>,
    /// Where messages go that nobody can digest.
    pub redrive_policy: Option<RedrivePolicy>,
    /// Which queues may use this one as their dead-letter queue; all where absent.
    pub redrive_allow_policy: Option<RedriveAllowPolicy>,
}

/// The settings that only FIFO queues have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FifoAttributes {
    /// Whether a message without a deduplication id gets one from its body. Default false.
    pub content_based_deduplication: bool,
    /// Among which messages a deduplication id is looked for.
    pub deduplication_scope: DeduplicationScope,
    /// Kept and told: nothing is throttled.
    pub throughput_limit: FifoThroughputLimit,
}

/// Among which messages of a FIFO queue a deduplication id is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeduplicationScope {
    /// All messages of the queue.
    #[default]
    Queue,
    /// Those of the same group.
    MessageGroup,
}

/// What AWS counts against its quota for FIFO queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FifoThroughputLimit {
    /// The queue.
    #[default]
    PerQueue,
    /// Each message group; only with [`DeduplicationScope::MessageGroup`].
    PerMessageGroupId,
}

/// Server-side encryption as a caller wishes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Encryption {
    /// With keys that SQS owns. Default true; false as soon as a KMS key is set.
    pub sqs_managed: bool,
    /// With this key of KMS.
    pub kms_master_key_id: Option<String>,
    /// 60 to 86400, default 300.
    pub kms_data_key_reuse_period: Seconds,
}

/// Where messages go that nobody can digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RedrivePolicy {
    /// The dead-letter queue.
    pub dead_letter_queue: QueueKey,
    /// 1 to 1000. A message that was received so often goes there at the next receive.
    pub max_receive_count: u32,
}

/// Which queues may use a queue as their dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RedriveAllowPolicy {
    /// Every queue of the same account and region.
    AllowAll,
    /// None.
    DenyAll,
    /// Only these, at most ten.
    ByQueue(Vec<QueueKey>),
}

impl RedriveAllowPolicy {
    /// Whether `source` may send its dead letters here.
    pub fn allows(&self, source: &QueueKey) -> bool {
        match self {
            RedriveAllowPolicy::AllowAll => true,
            RedriveAllowPolicy::DenyAll => false,
            RedriveAllowPolicy::ByQueue(queues) => queues.contains(source),
        }
    }
}

impl QueueAttributes {
    /// What a queue of this name has where its creator says nothing else.
    pub fn defaults_for(queue: &QueueKey) -> Self {
        QueueAttributes {
            delay: Seconds(0),
            maximum_message_size: 1_048_576,
            message_retention_period: Seconds(345_600),
            receive_message_wait_time: Seconds(0),
            visibility_timeout: Seconds(30),
            fifo: queue.is_fifo().then_some(FifoAttributes {
                content_based_deduplication: false,
                deduplication_scope: DeduplicationScope::Queue,
                throughput_limit: FifoThroughputLimit::PerQueue,
            }),
            encryption: Encryption {
                sqs_managed: true,
                kms_master_key_id: None,
                kms_data_key_reuse_period: Seconds(300),
            },
            policy: None,
            redrive_policy: None,
            redrive_allow_policy: None,
        }
    }
}

/// Settings that a caller names; the others stay as they are. Values are validated by `sqs`, and
/// so is that FIFO settings are named for FIFO queues only.
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
    /// See [`FifoAttributes::content_based_deduplication`].
    pub content_based_deduplication: Option<bool>,
    /// See [`FifoAttributes::deduplication_scope`].
    pub deduplication_scope: Option<DeduplicationScope>,
    /// See [`FifoAttributes::throughput_limit`].
    pub fifo_throughput_limit: Option<FifoThroughputLimit>,
    /// See [`Encryption::sqs_managed`].
    pub sqs_managed_sse_enabled: Option<bool>,
    /// See [`Encryption::kms_master_key_id`].
    pub kms_master_key_id: Option<Change<String>>,
    /// See [`Encryption::kms_data_key_reuse_period`].
    pub kms_data_key_reuse_period: Option<Seconds>,
    /// See [`QueueAttributes::policy`].
    pub policy: Option<Change<String>>,
    /// See [`QueueAttributes::redrive_policy`].
    pub redrive_policy: Option<Change<RedrivePolicy>>,
    /// See [`QueueAttributes::redrive_allow_policy`].
    pub redrive_allow_policy: Option<Change<RedriveAllowPolicy>>,
}

/// A change of a setting that can be absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change<T> {
    /// To this value.
    Set(T),
    /// The caller gave an empty value.
    Remove,
}

impl AttributeChanges {
    /// Puts the named settings in force.
    pub fn apply_to(&self, attributes: &mut QueueAttributes) {
        // Named one by one, so that a new setting cannot be forgotten here.
        let AttributeChanges {
            delay,
            maximum_message_size,
            message_retention_period,
            receive_message_wait_time,
            visibility_timeout,
            content_based_deduplication,
            deduplication_scope,
            fifo_throughput_limit,
            sqs_managed_sse_enabled,
            kms_master_key_id,
            kms_data_key_reuse_period,
            policy,
            redrive_policy,
            redrive_allow_policy,
        } = self;
        set(&mut attributes.delay, *delay);
        set(&mut attributes.maximum_message_size, *maximum_message_size);
        set(
            &mut attributes.message_retention_period,
            *message_retention_period,
        );
        set(
            &mut attributes.receive_message_wait_time,
            *receive_message_wait_time,
        );
        set(&mut attributes.visibility_timeout, *visibility_timeout);
        if let Some(fifo) = &mut attributes.fifo {
            set(
                &mut fifo.content_based_deduplication,
                *content_based_deduplication,
            );
            set(&mut fifo.deduplication_scope, *deduplication_scope);
            set(&mut fifo.throughput_limit, *fifo_throughput_limit);
        }
        let encryption = &mut attributes.encryption;
        change(
            &mut encryption.kms_master_key_id,
            kms_master_key_id.as_ref(),
        );
        set(
            &mut encryption.kms_data_key_reuse_period,
            *kms_data_key_reuse_period,
        );
        match (kms_master_key_id, sqs_managed_sse_enabled) {
            // One kind of encryption at a time: the one that was named last.
            (Some(Change::Set(_)), _) | (_, Some(false)) => encryption.sqs_managed = false,
            (_, Some(true)) => {
                encryption.sqs_managed = true;
                encryption.kms_master_key_id = None;
            }
            (Some(Change::Remove) | None, None) => {}
        }
        change(&mut attributes.policy, policy.as_ref());
        change(&mut attributes.redrive_policy, redrive_policy.as_ref());
        change(
            &mut attributes.redrive_allow_policy,
            redrive_allow_policy.as_ref(),
        );
    }

    /// SQS's name of the first setting that is named here with another value than in force.
    pub fn first_difference(&self, attributes: &QueueAttributes) -> Option<&'static str> {
        let mut changed = attributes.clone();
        self.apply_to(&mut changed);
        let (old, new) = (attributes, &changed);
        let differences = [
            ("DelaySeconds", old.delay != new.delay),
            (
                "MaximumMessageSize",
                old.maximum_message_size != new.maximum_message_size,
            ),
            (
                "MessageRetentionPeriod",
                old.message_retention_period != new.message_retention_period,
            ),
            (
                "ReceiveMessageWaitTimeSeconds",
                old.receive_message_wait_time != new.receive_message_wait_time,
            ),
            (
                "VisibilityTimeout",
                old.visibility_timeout != new.visibility_timeout,
            ),
            (
                "ContentBasedDeduplication",
                old.fifo.map(|fifo| fifo.content_based_deduplication)
                    != new.fifo.map(|fifo| fifo.content_based_deduplication),
            ),
            (
                "DeduplicationScope",
                old.fifo.map(|fifo| fifo.deduplication_scope)
                    != new.fifo.map(|fifo| fifo.deduplication_scope),
            ),
            (
                "FifoThroughputLimit",
                old.fifo.map(|fifo| fifo.throughput_limit)
                    != new.fifo.map(|fifo| fifo.throughput_limit),
            ),
            (
                "KmsMasterKeyId",
                old.encryption.kms_master_key_id != new.encryption.kms_master_key_id,
            ),
            (
                "KmsDataKeyReusePeriodSeconds",
                old.encryption.kms_data_key_reuse_period
                    != new.encryption.kms_data_key_reuse_period,
            ),
            (
                "SqsManagedSseEnabled",
                old.encryption.sqs_managed != new.encryption.sqs_managed,
            ),
            ("Policy", old.policy != new.policy),
            ("RedrivePolicy", old.redrive_policy != new.redrive_policy),
            (
                "RedriveAllowPolicy",
                old.redrive_allow_policy != new.redrive_allow_policy,
            ),
        ];
        differences
            .into_iter()
            .find_map(|(name, differs)| differs.then_some(name))
    }
}

fn set<T>(in_force: &mut T, named: Option<T>) {
    if let Some(value) = named {
        *in_force = value;
    }
}

fn change<T: Clone>(in_force: &mut Option<T>, named: Option<&Change<T>>) {
    match named {
        Some(Change::Set(value)) => *in_force = Some(value.clone()),
        Some(Change::Remove) => *in_force = None,
        None => {}
    }
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
    /// Messages that a receive would return now. Exact, whatever SQS calls it, but for what has
    /// expired and is more than one batch can drop.
    pub visible: u64,
    /// Messages received and not yet deleted or visible again.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
    /// Message groups of a standard queue that are noisy: others go first.
    pub noisy_groups: u64,
}
