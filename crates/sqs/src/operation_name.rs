//! The 23 operations of SQS by name.

use std::fmt;

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// An operation of SQS, built here or not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum OperationName {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)+
        }

        impl OperationName {
            /// All of them, in alphabetical order.
            pub const ALL: &[OperationName] = &[$(OperationName::$name),+];

            /// As SQS writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(OperationName::$name => stringify!($name),)+
                }
            }

            pub(crate) fn named(name: &str) -> Option<OperationName> {
                match name {
                    $(stringify!($name) => Some(OperationName::$name),)+
                    _ => None,
                }
            }
        }
    };
}

operations!(
    AddPermission,
    CancelMessageMoveTask,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
    CreateQueue,
    DeleteMessage,
    DeleteMessageBatch,
    DeleteQueue,
    GetQueueAttributes,
    GetQueueUrl,
    ListDeadLetterSourceQueues,
    ListMessageMoveTasks,
    ListQueueTags,
    ListQueues,
    PurgeQueue,
    ReceiveMessage,
    RemovePermission,
    SendMessage,
    SendMessageBatch,
    SetQueueAttributes,
    StartMessageMoveTask,
    TagQueue,
    UntagQueue,
);

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
