//! The query protocol: the operation and its input as form parameters, in the body or in the URI;
//! the answer as XML.

mod input;
mod output;
mod parameters;

use std::borrow::Cow;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{content_type, fault};
use crate::caller::is_account;
use crate::error::{Error, ErrorCode};
use crate::operation_name::OperationName;
use crate::operations::Output;

/// How a caller of the query protocol wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Xml,
    /// XML's elements as JSON; nothing that SDKs use.
    Json,
}

impl Format {
    pub(super) fn of(request: &Request<Bytes>) -> Format {
        let accept = request.headers().get(ACCEPT);
        let wants_json = accept
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.starts_with(JSON));
        if wants_json {
            Format::Json
        } else {
            Format::Xml
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Xml => "text/xml",
            Format::Json => JSON,
        }
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";
/// How much of a wrong action the answer repeats.
const ACTION_CHARACTERS: usize = 100;

/// A refusal in the words of this protocol, which has some of its own.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) code: &'static str,
    pub(super) status: StatusCode,
    pub(super) message: String,
}

/// The parameters of a request: those of the URI, and those of a form.
pub(super) fn parameters(request: &Request<Bytes>) -> Cow<'_, [u8]> {
    let of_uri = request.uri().query().unwrap_or_default().as_bytes();
    let of_form: &[u8] = if is_form(request) {
        request.body()
    } else {
        b""
    };
    if of_form.is_empty() {
        Cow::Borrowed(of_uri)
    } else if of_uri.is_empty() {
        Cow::Borrowed(of_form)
    } else {
        Cow::Owned([of_uri, b"&", of_form].concat())
    }
}

fn is_form(request: &Request<Bytes>) -> bool {
    request.method() == Method::POST
        && content_type(request).is_some_and(|value| {
            let media_type = value.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case(FORM)
        })
}

/// The operation that is called.
pub(super) fn operation(
    request: &Request<Bytes>,
    parameters: &[u8],
) -> Result<OperationName, Refusal> {
    let can_be_read = match *request.method() {
        Method::GET => true,
        // Parameters in the URI need no body, and no body needs no type.
        Method::POST => is_form(request) || request.body().is_empty(),
        _ => false,
    };
    if !can_be_read {
        return Err(Refusal::unrecognised());
    }
    match parameters::action(parameters).map_err(Refusal::of)? {
        Some(action) => OperationName::named(&action)
            .filter(|&operation| is_called_here(operation, request.uri().path()))
            .ok_or_else(|| Refusal::invalid_action(&action)),
        None if is_form(request) => Err(Refusal::missing_action()),
        None => Err(Refusal::unrecognised()),
    }
}

/// At the address of a queue, AWS knows no operation that is about no queue.
fn is_called_here(operation: OperationName, path: &str) -> bool {
    let about_a_queue = !matches!(
        operation,
        OperationName::CreateQueue | OperationName::ListQueues
    );
    about_a_queue || !path.rsplit('/').nth(1).is_some_and(is_account)
}

/// Reads the input of the operation that the parameters name.
pub(super) fn read<'p, T: Deserialize<'p>>(parameters: &[u8]) -> Result<T, Error> {
    let operation = parameters::action(parameters)?
        .and_then(|action| OperationName::named(&action))
        .ok_or_else(|| Error::missing("Action"))?;
    let parameters = parameters::read(parameters, input::is_member)?;
    T::deserialize(input::read(operation, parameters)?)
        .map_err(|error| parameters::malformed(error.to_string()))
}

pub(super) fn write(
    operation: OperationName,
    output: &Output,
    format: Format,
    request_id: &str,
) -> Result<Bytes, Error> {
    let output = serde_json::to_value(output)
        .map_err(|error| Error::new(ErrorCode::InternalFailure, error.to_string()))?;
    Ok(Bytes::from(match format {
        Format::Xml => output::xml(operation, &output, request_id),
        Format::Json => output::json(operation, output, request_id),
    }))
}

impl Refusal {
    /// An error that both protocols know.
    pub(super) fn of(error: Error) -> Refusal {
        let code = match error.code {
            ErrorCode::Serialization => "MalformedInput",
            other => other.query_code(),
        };
        let message = match error.code {
            ErrorCode::QueueDoesNotExist => {
                "The specified queue does not exist for this wsdl version.".to_owned()
            }
            _ => error.message,
        };
        Refusal {
            code,
            status: error.code.status(),
            message,
        }
    }

    fn invalid_action(action: &str) -> Refusal {
        let action: String = action.chars().take(ACTION_CHARACTERS).collect();
        Refusal {
            code: "InvalidAction",
            status: StatusCode::BAD_REQUEST,
            message: format!("The action {action} is not valid for this endpoint."),
        }
    }

    fn missing_action() -> Refusal {
        Refusal {
            code: "MissingAction",
            status: StatusCode::BAD_REQUEST,
            message: "The request must contain the parameter Action.".to_owned(),
        }
    }

    /// The request is in no protocol of SQS.
    fn unrecognised() -> Refusal {
        Refusal {
            code: ErrorCode::UnknownOperation.query_code(),
            status: StatusCode::NOT_FOUND,
            message: "The request names no operation of SQS.".to_owned(),
        }
    }

    /// The format of the answer, and the answer.
    pub(super) fn write(&self, format: Format, request_id: &str) -> (Format, Bytes) {
        // The framework below SQS answers such requests, in its own and shorter way.
        if self.code == ErrorCode::UnknownOperation.query_code() {
            return (Format::Xml, Bytes::from(format!("<{}/>", self.code)));
        }
        let body = match format {
            Format::Xml => self.xml(request_id),
            Format::Json => self.json(request_id),
        };
        (format, Bytes::from(body))
    }

    fn json(&self, request_id: &str) -> String {
        json!({
            "Error": {
                "Code": self.code,
                "Detail": null,
                "Message": self.message,
                "Type": fault(self.status),
            },
            "RequestId": request_id,
        })
        .to_string()
    }

    fn xml(&self, request_id: &str) -> String {
        let mut xml =
            format!("<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{NAMESPACE}\"><Error>");
        output::write_text(&mut xml, "Type", fault(self.status));
        output::write_text(&mut xml, "Code", self.code);
        output::write_text(&mut xml, "Message", &self.message);
        xml.push_str("<Detail/></Error>");
        output::write_text(&mut xml, "RequestId", request_id);
        xml.push_str("</ErrorResponse>");
        xml
    }
}
