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
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
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
            ErrorCode::QueueDoesNotExist => (MODEL, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", BAD_REQUEST),
            ErrorCode::QueueNameExists => (MODEL, "QueueNameExists", "QueueAlreadyExists", BAD_REQUEST),
            ErrorCode::ReceiptHandleIsInvalid => (MODEL, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", NOT_FOUND),
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
    pub(crate) fn not_for_this_queue_type(value: &str, parameter: &str) -> Error {
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

    /// SQS knows it, zonemq doesn't.
    pub(crate) fn not_built(what: &str) -> Error {
        Error::new(
            ErrorCode::UnsupportedOperation,
            format!("{what} is not built in zonemq yet."),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing that a text repeats.
    Request,
    /// A message in a batch: AWS words its size differently there.
    BatchEntry,
    /// A delivery of a message.
    Delivery(ReceiptHandle),
    /// A delivery and the visibility timeout that was asked for it.
    Visibility(ReceiptHandle, Seconds),
}

impl Subject {
    fn receipt_handle(self) -> String {
        match self {
            Subject::Delivery(handle) | Subject::Visibility(handle, _) => handle.to_string(),
            Subject::Request | Subject::BatchEntry => String::new(),
        }
    }

    fn visibility_timeout(self) -> Seconds {
        match self {
            Subject::Visibility(_, timeout) => timeout,
            Subject::Request | Subject::BatchEntry | Subject::Delivery(_) => Seconds(0),
        }
    }
}

/// The one place where the state's refusals become SQS's.
pub(crate) fn refused(error: CommandError, subject: Subject) -> Error {
    match error {
        CommandError::QueueDoesNotExist => Error::queue_does_not_exist(),
        CommandError::QueueNameExists { attribute } => Error::new(
            ErrorCode::QueueNameExists,
            format!(
                "A queue already exists with the same name and a different value for attribute \
                 {attribute}"
            ),
        ),
        CommandError::ReceiptHandleIsInvalid => {
            Error::receipt_handle_is_invalid(&subject.receipt_handle())
        }
        CommandError::MessageDoesNotExist => Error::invalid_value(
            subject.receipt_handle(),
            "ReceiptHandle",
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
        CommandError::MessageTooLong { limit } => message_too_long(limit as usize, subject),
        CommandError::RequestAbandoned => Error::service_unavailable(
            "The request was given up before it was carried out; try it again.",
        ),
        _ => todo!("the rest of issue 3"),
    }
}

/// A message is longer than its queue, or SQS, allows.
pub(crate) fn message_too_long(limit_bytes: usize, subject: Subject) -> Error {
    let verdict = match subject {
        Subject::BatchEntry => "cannot be validated",
        Subject::Request | Subject::Delivery(_) | Subject::Visibility(..) => "are invalid",
    };
    Error::invalid_parameter(format!(
        "One or more parameters {verdict}. Reason: Message must be shorter than {limit_bytes} \
         bytes."
    ))
}
