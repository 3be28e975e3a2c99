//! What text may stand in a message: in its body and in the values of its String attributes.

use crate::error::{Error, ErrorCode};

/// Checks that the text holds only the characters of XML 1.0, as SQS wants it.
pub(crate) fn check_characters(text: &str) -> Result<(), Error> {
    // The usual text has no control characters at all, which is told many bytes at a time.
    let no_control = text.bytes().fold(u8::MAX, u8::min) >= b' '
        || text
            .bytes()
            .all(|byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'));
    // The usual text is ASCII, which is told much faster than characters are walked.
    let no_noncharacter = text.is_ascii() || !text.contains(['\u{FFFE}', '\u{FFFF}']);
    if no_control && no_noncharacter {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::InvalidMessageContents,
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF \
         | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    ))
}
