//! How requests and answers look on the wire: AWS JSON 1.0, and the older query protocol, in which
//! only refusals are built yet.

mod json;
mod query;

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
    Query,
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
            Protocol::Query
        }
    }

    /// The operation that is called.
    pub(crate) fn operation(self, request: &Request<Bytes>) -> Result<OperationName, Error> {
        match self {
            Protocol::Json => json::operation(request),
            Protocol::Query => Err(Error::not_built("The query protocol")),
        }
    }

    /// Reads the input of an operation from the body of its request.
    pub(crate) fn read<'b, T: Deserialize<'b>>(self, body: &'b [u8]) -> Result<T, Error> {
        match self {
            Protocol::Json => json::read(body),
            Protocol::Query => Err(Error::not_built("The query protocol")),
        }
    }

    /// The response to a call that was carried out.
    pub(crate) fn success(self, output: &Output, request_id: &str) -> Response<Bytes> {
        let written = match self {
            Protocol::Json => json::write(output),
            Protocol::Query => Err(Error::not_built("The query protocol")),
        };
        match written {
            Ok(body) => self.respond(StatusCode::OK, OutcomeCode("OK"), body, request_id),
            Err(error) => self.failure(&error, request_id),
        }
    }

    /// The response to a call that was refused.
    pub(crate) fn failure(self, error: &Error, request_id: &str) -> Response<Bytes> {
        let body = match self {
            Protocol::Json => json::write_error(error),
            Protocol::Query => query::write_error(error, request_id),
        };
        let outcome = OutcomeCode(error.code.query_code());
        let mut response = self.respond(error.code.status(), outcome, body, request_id);
        if self == Protocol::Json {
            response
                .headers_mut()
                .insert(QUERY_ERROR, query_error(error.code));
        }
        response
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
            Protocol::Query => query::CONTENT_TYPE,
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, request_id);
        }
        response.extensions_mut().insert(outcome);
        response
    }
}

/// Type of an error in the words of the query protocol.
fn fault(code: ErrorCode) -> &'static str {
    if code.is_senders_fault() {
        "Sender"
    } else {
        "Receiver"
    }
}

/// `<code>;<fault>`: SDKs report this code, as they did when they spoke the query protocol.
fn query_error(code: ErrorCode) -> HeaderValue {
    let text = format!("{};{}", code.query_code(), fault(code));
    // Every code is a constant in ASCII, so the fallback is never used.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("InternalFailure;Receiver"))
}
