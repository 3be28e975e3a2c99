//! The limits of SQS. Sources: AWS's quota pages and the API model; see the README.

/// Of a message, and of all messages of a batch together: body, and names, types and values of the
/// attributes.
pub(crate) const MESSAGE_BYTES: usize = 1_048_576;
pub(crate) const BATCH_ENTRIES: usize = 10;
pub(crate) const BATCH_ENTRY_ID_CHARACTERS: usize = 80;
pub(crate) const QUEUE_NAME_CHARACTERS: usize = 80;
pub(crate) const ACCOUNT_DIGITS: usize = 12;
pub(crate) const DELAY_SECONDS: u32 = 900;
pub(crate) const VISIBILITY_TIMEOUT_SECONDS: u32 = 43_200;
pub(crate) const WAIT_TIME_SECONDS: u32 = 20;
pub(crate) const RECEIVED_MESSAGES: u32 = 10;
pub(crate) const MESSAGE_ATTRIBUTES: usize = 10;
pub(crate) const ATTRIBUTE_NAME_BYTES: usize = 256;
pub(crate) const ATTRIBUTE_TYPE_BYTES: usize = 256;
/// Of a message group id and of a deduplication id.
pub(crate) const MESSAGE_ID_CHARACTERS: usize = 128;
/// Names of queues on one page; also what `ListQueues` answers without a page size.
pub(crate) const LISTED_QUEUES: u32 = 1000;
pub(crate) const TAG_KEY_CHARACTERS: usize = 128;
pub(crate) const TAG_VALUE_CHARACTERS: usize = 256;
pub(crate) const POLICY_BYTES: usize = 8192;
pub(crate) const PERMISSION_LABEL_CHARACTERS: usize = 80;
/// Of one statement of a policy.
pub(crate) const PERMISSION_ACTIONS: usize = 7;
pub(crate) const KMS_DATA_KEY_REUSE_SECONDS: (u32, u32) = (60, 86_400);
pub(crate) const MAX_RECEIVE_COUNT: u32 = 1000;
pub(crate) const REDRIVE_SOURCE_QUEUES: usize = 10;
pub(crate) const MOVED_MESSAGES_PER_SECOND: u32 = 500;
pub(crate) const LISTED_MOVE_TASKS: u32 = 10;
