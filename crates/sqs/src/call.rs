//! The way through: an HTTP request becomes a call, a call and its reply become an HTTP response.

use bytes::Bytes;
use http::{Request, Response};
use zonemq_queue::command::{Command, Reply};

use crate::caller::{Caller, Defaults};
use crate::error::{Error, ErrorCode};
use crate::operation_name::OperationName;
use crate::operations::{Completion, Plan, plan};
use crate::protocol::{Protocol, Refusal};

/// Decodes and validates a whole HTTP request.
pub fn decode(request: &Request<Bytes>, defaults: &Defaults) -> Result<Call, Failure> {
    let protocol = Protocol::of(request);
    let input = protocol.input(request);
    let operation = protocol
        .operation(request, &input)
        .map_err(|refusal| Failure {
            operation: None,
            refusal,
        })?;
    let caller = Caller::of(request, defaults);
    let Plan {
        command,
        completion,
    } = plan(operation, protocol, &input, &caller).map_err(|error| Failure {
        operation: Some(operation),
        refusal: protocol.refusal(error),
    })?;
    Ok(Call {
        protocol,
        operation,
        command,
        completion,
    })
}

/// A valid call: what to ask of the replicated state, and all that is needed to answer in the
/// caller's words.
#[derive(Debug)]
pub struct Call {
    protocol: Protocol,
    operation: OperationName,
    command: Option<Command>,
    completion: Completion,
}

impl Call {
    /// Which operation it is.
    pub fn operation(&self) -> OperationName {
        self.operation
    }

    /// What to ask of the replicated state. There is nothing to ask if the request decides the
    /// answer alone (no entry of a batch is valid), or once the command was taken.
    pub fn command(&self) -> Option<&Command> {
        self.command.as_ref()
    }

    /// Moves the command out, to be proposed. The call still knows how to answer.
    pub fn take_command(&mut self) -> Option<Command> {
        self.command.take()
    }

    /// Tells the reply. There is none for a call without a command.
    pub fn answer(self, reply: Option<Reply>, request_id: &str) -> Response<Bytes> {
        match self.completion.complete(reply) {
            Ok(output) => self.protocol.success(self.operation, &output, request_id),
            Err(error) => self.protocol.refusal(error).into_response(request_id),
        }
    }

    /// Tells that the call could not be tried, or that nobody knows how it ended.
    pub fn unavailable(self, reason: &str, request_id: &str) -> Response<Bytes> {
        self.protocol
            .refusal(Error::service_unavailable(reason))
            .into_response(request_id)
    }
}

/// A request that is refused before it reached the state, in the caller's protocol.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", self.code(), self.refusal.message())]
pub struct Failure {
    /// Which operation it is, as far as that could be read.
    pub operation: Option<OperationName>,
    refusal: Refusal,
}

/// Why the body of a request was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is larger than the server takes; far larger than any message.
    TooLarge {
        /// What the server takes.
        limit_bytes: usize,
    },
    /// It ended before it was whole.
    BrokenOff,
    /// It did not come in time.
    TooSlow,
}

impl Failure {
    /// The refusal of a request whose body was not taken in; the one that it has is not looked at.
    pub fn unreadable(request: &Request<Bytes>, why: Unreadable) -> Failure {
        let error = match why {
            Unreadable::TooLarge { limit_bytes } => Error::new(
                ErrorCode::RequestTooLarge,
                format!("The request must be shorter than {limit_bytes} bytes."),
            ),
            Unreadable::BrokenOff => Error::new(
                ErrorCode::Serialization,
                "The request ended before its body was whole.",
            ),
            Unreadable::TooSlow => Error::new(
                ErrorCode::RequestTimeout,
                "The body of the request did not arrive in time.",
            ),
        };
        Failure {
            operation: None,
            refusal: Protocol::of(request).refusal(error),
        }
    }

    /// The code that SDKs report.
    pub fn code(&self) -> &'static str {
        self.refusal.code()
    }

    /// Tells the refusal.
    pub fn into_response(self, request_id: &str) -> Response<Bytes> {
        self.refusal.into_response(request_id)
    }
}
