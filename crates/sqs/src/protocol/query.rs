//! The query protocol: form parameters in, XML out. Only its errors are built yet.

use bytes::Bytes;

use super::fault;
use crate::error::Error;

pub(super) const CONTENT_TYPE: &str = "text/xml";

const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

pub(super) fn write_error(error: &Error, request_id: &str) -> Bytes {
    Bytes::from(format!(
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{}</Type>\
         <Code>{}</Code><Message>{}</Message><Detail/></Error><RequestId>{}</RequestId>\
         </ErrorResponse>",
        fault(error.code),
        error.code.query_code(),
        escape(&error.message),
        escape(request_id),
    ))
}

/// Makes text safe between tags; what XML cannot hold at all becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            '\t' | '\n' | '\r' => escaped.push(character),
            _ if character < ' ' => escaped.push('\u{FFFD}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
