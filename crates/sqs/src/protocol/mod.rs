//! How requests and answers look on the wire: AWS JSON 1.0, and the older query protocol.

mod json;
mod query;

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use serde::Deserialize;

use crate::error::{Error, ErrorCode};
use crate::operation_name::OperationName;
use crate::operations::Output;

/// A protocol of SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json,
    Query(query::Format),
}

/// How a call ended, for metrics: the code of the error, or `OK`. It is in the extensions of every
/// response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutcomeCode(pub &'static str);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

impl Protocol {
    /// The protocol that the caller speaks. What is not recognised is answered in XML, the
    /// language of callers who do not say that they want JSON.
    pub(crate) fn of(request: &Request<Bytes>) -> Protocol {
        if json::is_spoken(request) {
            Protocol::Json
        } else {
            Protocol::Query(query::Format::of(request))
        }
    }

    /// Where the input of an operation is in its request, and in the query protocol also its name.
    pub(crate) fn input(self, request: &Request<Bytes>) -> Cow<'_, [u8]> {
        match self {
            Protocol::Json => Cow::Borrowed(request.body()),
            Protocol::Query(_) => query::parameters(request),
        }
    }

    /// The operation that is called.
    pub(crate) fn operation(
        self,
        request: &Request<Bytes>,
        input: &[u8],
    ) -> Result<OperationName, Refusal> {
        match self {
            Protocol::Json => json::operation(request).map_err(Refusal::Json),
            Protocol::Query(format) => {
                query::operation(request, input).map_err(|refusal| Refusal::Query(refusal, format))
            }
        }
    }

    /// Reads the input of an operation.
    pub(crate) fn read<'b, T: Deserialize<'b>>(self, input: &'b [u8]) -> Result<T, Error> {
        match self {
            Protocol::Json => json::read(input),
            Protocol::Query(_) => query::read(input),
        }
    }

    /// The response to a call that was carried out.
    pub(crate) fn success(
        self,
        operation: OperationName,
        output: &Output,
        request_id: &str,
    ) -> Response<Bytes> {
        let written = match self {
            Protocol::Json => json::write(output),
            Protocol::Query(format) => query::write(operation, output, format, request_id),
        };
        match written {
            Ok(body) => self.respond(StatusCode::OK, OutcomeCode("OK"), body, request_id),
            Err(error) => self.refusal(error).into_response(request_id),
        }
    }

    /// An error in the words of this protocol.
    pub(crate) fn refusal(self, error: Error) -> Refusal {
        match self {
            Protocol::Json => Refusal::Json(error),
            Protocol::Query(format) => Refusal::Query(query::Refusal::of(error), format),
        }
    }

    fn respond(
        self,
        status: StatusCode,
        outcome: OutcomeCode,
        body: Bytes,
        request_id: &str,
    ) -> Response<Bytes> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let content_type = match self {
            Protocol::Json => json::CONTENT_TYPE,
            Protocol::Query(format) => format.content_type(),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, request_id);
        }
        response.extensions_mut().insert(outcome);
        response
    }
}

/// A refusal in the words of the protocol in which it is told.
#[derive(Debug)]
pub(crate) enum Refusal {
    Json(Error),
    Query(query::Refusal, query::Format),
}

impl Refusal {
    /// The code that SDKs report.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Refusal::Json(error) => error.code.query_code(),
            Refusal::Query(refusal, _) => refusal.code,
        }
    }

    pub(crate) fn message(&self) -> &str {
        match self {
            Refusal::Json(error) => &error.message,
            Refusal::Query(refusal, _) => &refusal.message,
        }
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response<Bytes> {
        let outcome = OutcomeCode(self.code());
        match self {
            Refusal::Json(error) => {
                let body = json::write_error(&error);
                let status = error.code.status();
                let mut response = Protocol::Json.respond(status, outcome, body, request_id);
                response
                    .headers_mut()
                    .insert(QUERY_ERROR, query_error(error.code));
                response
            }
            Refusal::Query(refusal, format) => {
                let (format, body) = refusal.write(format, request_id);
                Protocol::Query(format).respond(refusal.status, outcome, body, request_id)
            }
        }
    }
}

/// Type of an error in the words of the query protocol.
fn fault(status: StatusCode) -> &'static str {
    if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    }
}

/// `<code>;<fault>`: SDKs report this code, as they did when they spoke the query protocol.
fn query_error(code: ErrorCode) -> HeaderValue {
    let text = format!("{};{}", code.query_code(), fault(code.status()));
    // Every code is a constant in ASCII, so the fallback is never used.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("InternalFailure;Receiver"))
}

fn content_type(request: &Request<Bytes>) -> Option<&str> {
    request.headers().get(CONTENT_TYPE)?.to_str().ok()
}
