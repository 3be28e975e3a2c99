//! AWS JSON 1.0: the operation in `X-Amz-Target`, input and output as JSON, the error's shape in
//! `__type`.

use bytes::Bytes;
use http::{HeaderName, Method, Request};
use serde::{Deserialize, Serialize};

use super::content_type;
use crate::error::{Error, ErrorCode};
use crate::operation_name::OperationName;
use crate::operations::Output;
use crate::shapes::Structure;

pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// What content types of AWS JSON, of whatever version, begin with.
const CONTENT_TYPE_FAMILY: &str = "application/x-amz-json";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const TARGET_PREFIX: &str = "AmazonSQS.";

/// Whether the caller means to speak JSON, however badly.
pub(super) fn is_spoken(request: &Request<Bytes>) -> bool {
    request.headers().contains_key(TARGET)
        || content_type(request)
            .is_some_and(|value| starts_with_in_any_case(value, CONTENT_TYPE_FAMILY))
}

pub(super) fn operation(request: &Request<Bytes>) -> Result<OperationName, Error> {
    if request.method() != Method::POST {
        return Err(unknown("An operation of SQS is called with POST."));
    }
    let media_type = content_type(request)
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    if !media_type.eq_ignore_ascii_case(CONTENT_TYPE) {
        return Err(unknown(&format!(
            "The content type must be {CONTENT_TYPE}."
        )));
    }
    let target = request
        .headers()
        .get(TARGET)
        .and_then(|target| target.to_str().ok())
        .ok_or_else(|| unknown("The header X-Amz-Target must name the operation."))?;
    target
        .strip_prefix(TARGET_PREFIX)
        .and_then(OperationName::named)
        .ok_or_else(|| unknown(&format!("The operation {target} is not one of SQS.")))
}

pub(super) fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Error> {
    // An input without members may be sent as nothing at all.
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map(|Structure(input)| input)
        .map_err(|error| Error::new(ErrorCode::Serialization, error.to_string()))
}

pub(super) fn write(output: &Output) -> Result<Bytes, Error> {
    serde_json::to_vec(output)
        .map(Bytes::from)
        .map_err(|error| Error::new(ErrorCode::InternalFailure, error.to_string()))
}

pub(super) fn write_error(error: &Error) -> Bytes {
    #[derive(Serialize)]
    struct Body<'e> {
        __type: String,
        message: &'e str,
    }

    let body = Body {
        __type: error.code.json_type(),
        message: &error.message,
    };
    // Two texts are always JSON.
    serde_json::to_vec(&body)
        .map(Bytes::from)
        .unwrap_or_default()
}

fn unknown(message: &str) -> Error {
    Error::new(ErrorCode::UnknownOperation, message)
}

fn starts_with_in_any_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
