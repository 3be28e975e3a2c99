//! Every error that SQS answers here: its shape, its code, its HTTP status and its text.

use http::StatusCode;
use zonemq_queue::command::CommandError;
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_queue::time::Seconds;

use crate::limits;

/// A refusal, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

/// Which refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InternalFailure,
    InvalidAddress,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MessageNotInflight,
    MissingParameter,
    OverLimit,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    RequestTimeout,
    RequestTooLarge,
    ResourceNotFound,
    Serialization,
    ServiceUnavailable,
    TooManyEntriesInBatchRequest,
    UnknownOperation,
    UnsupportedOperation,
}

/// Whose names a shape belongs to. AWS answers errors that are not in the model of SQS from the
/// framework below it.
const MODEL: &str = "com.amazonaws.sqs";
const FRAMEWORK: &str = "com.amazon.coral.service";

/// Namespace and shape (the `__type` of JSON), code (`<Code>` of the query protocol and
/// `x-amzn-query-error`), HTTP status.
type Row = (&'static str, &'static str, &'static str, StatusCode);

impl ErrorCode {
    #[rustfmt::skip] // A table.
    fn row(self) -> Row {
        const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
        const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
        const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
        match self {
            ErrorCode::BatchEntryIdsNotDistinct => (MODEL, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", BAD_REQUEST),
            ErrorCode::BatchRequestTooLong => (MODEL, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", BAD_REQUEST),
            ErrorCode::EmptyBatchRequest => (MODEL, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", BAD_REQUEST),
            ErrorCode::InternalFailure => (FRAMEWORK, "InternalFailure", "InternalFailure", StatusCode::INTERNAL_SERVER_ERROR),
            ErrorCode::InvalidAddress => (MODEL, "InvalidAddress", "InvalidAddress", NOT_FOUND),
            ErrorCode::InvalidAttributeName => (MODEL, "InvalidAttributeName", "InvalidAttributeName", BAD_REQUEST),
            ErrorCode::InvalidAttributeValue => (MODEL, "InvalidAttributeValue", "InvalidAttributeValue", BAD_REQUEST),
            ErrorCode::InvalidBatchEntryId => (MODEL, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", BAD_REQUEST),
            ErrorCode::InvalidMessageContents => (MODEL, "InvalidMessageContents", "InvalidMessageContents", BAD_REQUEST),
            ErrorCode::InvalidParameterValue => (FRAMEWORK, "InvalidParameterValueException", "InvalidParameterValue", BAD_REQUEST),
            ErrorCode::MessageNotInflight => (MODEL, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", BAD_REQUEST),
            ErrorCode::MissingParameter => (FRAMEWORK, "MissingRequiredParameterException", "MissingParameter", BAD_REQUEST),
            ErrorCode::OverLimit => (MODEL, "OverLimit", "OverLimit", FORBIDDEN),
            ErrorCode::PurgeQueueInProgress => (MODEL, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", FORBIDDEN),
            ErrorCode::QueueDeletedRecently => (MODEL, "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", BAD_REQUEST),
            ErrorCode::QueueDoesNotExist => (MODEL, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", BAD_REQUEST),
            ErrorCode::QueueNameExists => (MODEL, "QueueNameExists", "QueueAlreadyExists", BAD_REQUEST),
            ErrorCode::ReceiptHandleIsInvalid => (MODEL, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", NOT_FOUND),
            ErrorCode::RequestTimeout => (FRAMEWORK, "RequestTimeoutException", "RequestTimeout", StatusCode::REQUEST_TIMEOUT),
            ErrorCode::RequestTooLarge => (FRAMEWORK, "RequestEntityTooLargeException", "RequestEntityTooLarge", StatusCode::PAYLOAD_TOO_LARGE),
            ErrorCode::ResourceNotFound => (MODEL, "ResourceNotFoundException", "ResourceNotFoundException", NOT_FOUND),
            ErrorCode::Serialization => (FRAMEWORK, "SerializationException", "SerializationException", BAD_REQUEST),
            ErrorCode::ServiceUnavailable => (MODEL, "ServiceUnavailable", "ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE),
            ErrorCode::TooManyEntriesInBatchRequest => (MODEL, "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", BAD_REQUEST),
            ErrorCode::UnknownOperation => (FRAMEWORK, "UnknownOperationException", "UnknownOperationException", BAD_REQUEST),
            ErrorCode::UnsupportedOperation => (MODEL, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", BAD_REQUEST),
        }
    }

    /// The `__type` of the JSON protocol.
    pub(crate) fn json_type(self) -> String {
        let (namespace, shape, _, _) = self.row();
        format!("{namespace}#{shape}")
    }

    /// The code that SDKs report.
    pub(crate) fn query_code(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn status(self) -> StatusCode {
        self.row().3
    }

    /// Whether the caller must change the request before trying again.
    pub(crate) fn is_senders_fault(self) -> bool {
        !self.status().is_server_error()
    }
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn missing(parameter: &str) -> Error {
        Error::new(
            ErrorCode::MissingParameter,
            format!("The request must contain the parameter {parameter}."),
        )
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Error {
        Error::new(ErrorCode::InvalidParameterValue, message)
    }

    pub(crate) fn invalid_value(
        value: impl std::fmt::Display,
        parameter: &str,
        reason: &str,
    ) -> Error {
        Error::invalid_parameter(format!(
            "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
        ))
    }

    /// A parameter of FIFO queues on a standard queue.
    pub(crate) fn not_for_this_queue_type(value: impl std::fmt::Display, parameter: &str) -> Error {
        Error::invalid_value(
            value,
            parameter,
            "The request include parameter that is not valid for this queue type.",
        )
    }

    pub(crate) fn unknown_attribute(name: &str) -> Error {
        Error::new(
            ErrorCode::InvalidAttributeName,
            format!("Unknown Attribute {name}."),
        )
    }

    pub(crate) fn queue_does_not_exist() -> Error {
        Error::new(
            ErrorCode::QueueDoesNotExist,
            "The specified queue does not exist.",
        )
    }

    pub(crate) fn receipt_handle_is_invalid(text: &str) -> Error {
        Error::new(
            ErrorCode::ReceiptHandleIsInvalid,
            format!("The input receipt handle \"{text}\" is not a valid receipt handle."),
        )
    }

    pub(crate) fn invalid_attribute(message: impl Into<String>) -> Error {
        Error::new(ErrorCode::InvalidAttributeValue, message)
    }

    /// What an Amazon Resource Name in this parameter names is not there.
    pub(crate) fn resource_not_found(parameter: &str) -> Error {
        Error::new(
            ErrorCode::ResourceNotFound,
            format!("The resource that you specified for the {parameter} parameter doesn't exist."),
        )
    }

    pub(crate) fn service_unavailable(reason: &str) -> Error {
        Error::new(ErrorCode::ServiceUnavailable, reason)
    }

    /// The reply does not belong to the command: a mistake of ours.
    pub(crate) fn unexpected_reply() -> Error {
        Error::new(
            ErrorCode::InternalFailure,
            "The reply of the replicated state does not belong to this request.",
        )
    }
}

/// What the caller named, where the text of an error repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing that a text repeats.
    Request,
    /// A message in a batch: AWS words its size differently there.
    BatchEntry,
    /// A delivery of a message.
    Delivery(ReceiptHandle),
    /// A delivery and the visibility timeout that was asked for it.
    Visibility(ReceiptHandle, Seconds),
    /// A queue by its name.
    Queue(String),
    /// A redrive policy as it came in.
    RedrivePolicy(String),
    /// A permission.
    Label(String),
}

impl Subject {
    /// What was named, as text.
    fn value(&self) -> String {
        match self {
            Subject::Delivery(handle) | Subject::Visibility(handle, _) => handle.to_string(),
            Subject::Queue(text) | Subject::RedrivePolicy(text) | Subject::Label(text) => {
                text.clone()
            }
            Subject::Request | Subject::BatchEntry => String::new(),
        }
    }

    fn visibility_timeout(&self) -> Seconds {
        match self {
            Subject::Visibility(_, timeout) => *timeout,
            Subject::Request
            | Subject::BatchEntry
            | Subject::Delivery(_)
            | Subject::Queue(_)
            | Subject::RedrivePolicy(_)
            | Subject::Label(_) => Seconds(0),
        }
    }
}

/// The one place where the state's refusals become SQS's.
pub(crate) fn refused(error: CommandError, subject: &Subject) -> Error {
    let invalid_handle =
        |reason: &str| Error::invalid_value(subject.value(), "ReceiptHandle", reason);
    let invalid_redrive_policy =
        |reason: &str| Error::invalid_value(subject.value(), "RedrivePolicy", reason);
    let invalid_label = |reason: &str| Error::invalid_value(subject.value(), "Label", reason);
    match error {
        CommandError::QueueDoesNotExist => Error::queue_does_not_exist(),
        CommandError::QueueNameExists { attribute } => Error::new(
            ErrorCode::QueueNameExists,
            format!(
                "A queue already exists with the same name and a different value for attribute \
                 {attribute}"
            ),
        ),
        CommandError::QueueDeletedRecently => Error::new(
            ErrorCode::QueueDeletedRecently,
            "You must wait 60 seconds after deleting a queue before you can create another with \
             the same name.",
        ),
        CommandError::PurgeQueueInProgress => Error::new(
            ErrorCode::PurgeQueueInProgress,
            format!(
                "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                subject.value()
            ),
        ),
        CommandError::ThroughputLimitNeedsGroupScope => Error::invalid_attribute(
            "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId is \
             allowed only when the value of DeduplicationScope is messageGroup.",
        ),
        CommandError::DeadLetterQueueDoesNotExist => {
            invalid_redrive_policy("Dead letter target does not exist.")
        }
        CommandError::DeadLetterQueueOfOtherType => {
            invalid_redrive_policy("Dead-letter queue must be same type of queue as the source.")
        }
        CommandError::DeadLetterQueueNotAllowed => invalid_redrive_policy(
            "The redrive permission of the dead-letter queue does not allow this source queue.",
        ),
        CommandError::TooManyTags => Error::invalid_parameter(format!(
            "Too many tags added for queue {}.",
            subject.value()
        )),
        CommandError::PermissionExists => invalid_label("Already exists."),
        CommandError::PermissionDoesNotExist => invalid_label("can't find label."),
        CommandError::TooManyPermissions => Error::new(
            ErrorCode::OverLimit,
            "The policy has 20 statements, which is the maximum allowed.",
        ),
        CommandError::DeduplicationIdMissing => Error::invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or \
             MessageDeduplicationId provided explicitly",
        ),
        CommandError::MessageTooLong { limit } => message_too_long(limit as usize, subject),
        CommandError::ReceiptHandleIsInvalid => Error::receipt_handle_is_invalid(&subject.value()),
        CommandError::ReceiptHandleHasExpired => invalid_handle("The receipt handle has expired."),
        CommandError::MessageDoesNotExist => invalid_handle(
            "Message does not exist or is not available for visibility timeout change.",
        ),
        CommandError::MessageNotInflight => Error::new(
            ErrorCode::MessageNotInflight,
            "The specified message isn't in flight.",
        ),
        CommandError::VisibilityBeyondLimit => Error::invalid_value(
            subject.visibility_timeout().0,
            "VisibilityTimeout",
            &format!(
                "Total VisibilityTimeout for the message is beyond the limit [{} seconds]",
                limits::VISIBILITY_TIMEOUT_SECONDS
            ),
        ),
        CommandError::OverLimit => Error::new(
            ErrorCode::OverLimit,
            "The maximum number of in flight messages is reached.",
        ),
        CommandError::MoveSourceDoesNotExist => Error::resource_not_found("SourceArn"),
        CommandError::MoveDestinationDoesNotExist => Error::resource_not_found("DestinationArn"),
        CommandError::MoveSourceIsNotDeadLetterQueue => {
            Error::invalid_parameter("Source queue must be configured as a Dead Letter Queue.")
        }
        CommandError::MoveDestinationOfOtherType => {
            Error::invalid_parameter("Source queue and destination queue must be of the same type.")
        }
        CommandError::MoveTaskIsRunning => Error::invalid_parameter(
            "There is already a task running. Only one active task is allowed for a source queue \
             arn at a given time.",
        ),
        CommandError::MoveTaskDoesNotExist => {
            Error::new(ErrorCode::ResourceNotFound, "Task does not exist.")
        }
        CommandError::StorageFull => Error::service_unavailable(
            "The disk of this cluster is full. Messages can be received and deleted, and be sent \
             again when there is space.",
        ),
        CommandError::RequestAbandoned => Error::service_unavailable(
            "The request was given up before it was carried out; try it again.",
        ),
    }
}

/// A message is longer than its queue, or SQS, allows.
pub(crate) fn message_too_long(limit_bytes: usize, subject: &Subject) -> Error {
    let verdict = if *subject == Subject::BatchEntry {
        "cannot be validated"
    } else {
        "are invalid"
    };
    Error::invalid_parameter(format!(
        "One or more parameters {verdict}. Reason: Message must be shorter than {limit_bytes} \
         bytes."
    ))
}
