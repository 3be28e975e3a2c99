//! The parameters of a request: `name=value` pairs become a tree along the dots of their names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::{Error, ErrorCode};

/// More than any request of SQS needs: ten entries of ten attributes are 340.
const MAX_PARAMETERS: usize = 10_000;
/// Segments of a name; the deepest that SQS has are seven.
const MAX_SEGMENTS: usize = 16;
/// Names are SQS's own words and numbers, so they are short.
const MAX_NAME_BYTES: usize = 1024;

/// What stands at one place among the names: a value, or more names below it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) text: Option<String>,
    pub(super) children: BTreeMap<String, Node>,
}

/// Every refusal of a request that is wrong before its meaning is looked at.
pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Serialization, message)
}

/// The value of `Action`, which names the operation.
pub(super) fn action(parameters: &[u8]) -> Result<Option<Cow<'_, str>>, Error> {
    pairs(parameters)
        .find(|(name, _)| *name == b"Action")
        .map(|(_, value)| decode(value))
        .transpose()
}

/// Reads the parameters whose first segment is `known`. The others (`Version`, signatures) are
/// decoded, too, and dropped.
pub(super) fn read(parameters: &[u8], known: impl Fn(&str) -> bool) -> Result<Node, Error> {
    let mut root = Node::default();
    for (number, (name, value)) in pairs(parameters).enumerate() {
        if number == MAX_PARAMETERS {
            return Err(malformed(format!(
                "A request can have {MAX_PARAMETERS} parameters at most."
            )));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(malformed("The name of a parameter is too long."));
        }
        let name = decode(name)?;
        let value = decode(value)?;
        if known(name.split('.').next().unwrap_or_default()) {
            root.insert(&name, value.into_owned())?;
        }
    }
    Ok(root)
}

impl Node {
    fn insert(&mut self, name: &str, value: String) -> Result<(), Error> {
        let mut node = self;
        for (number, segment) in name.split('.').enumerate() {
            if number == MAX_SEGMENTS {
                return Err(malformed("The name of a parameter has too many parts."));
            }
            node = node.children.entry(segment.to_owned()).or_default();
        }
        match node.text.replace(value) {
            None => Ok(()),
            Some(_) => Err(malformed(format!("The parameter {name} is there twice."))),
        }
    }
}

/// The pairs as they are written. A name without `=` has an empty value.
fn pairs(parameters: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    parameters
        .split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let end = pair.iter().position(|&byte| byte == b'=');
            let end = end.unwrap_or(pair.len());
            (&pair[..end], pair.get(end + 1..).unwrap_or_default())
        })
}

/// Undoes `application/x-www-form-urlencoded`.
fn decode(encoded: &[u8]) -> Result<Cow<'_, str>, Error> {
    let not_text = |_| malformed("A parameter is not text in UTF-8.");
    if !encoded.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return std::str::from_utf8(encoded)
            .map(Cow::Borrowed)
            .map_err(not_text);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (bytes.next().and_then(digit), bytes.next().and_then(digit)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(malformed("A % is not followed by two hexadecimal digits.")),
            },
            other => other,
        });
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|error| not_text(error.utf8_error()))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_and_percent_are_decoded_and_nothing_else() {
        assert_eq!(
            decode(b"a+b%20c%2Bd%e2%82%AC").expect("text"),
            "a b c+d\u{20ac}"
        );
        assert_eq!(decode(b"").expect("text"), "");
        assert_eq!(decode("\u{20ac}".as_bytes()).expect("text"), "\u{20ac}");
    }

    #[test]
    fn broken_encoding_is_refused() {
        for broken in [
            &b"%"[..],
            b"%2",
            b"%zz",
            b"%+1",
            b"a%",
            b"%ff",
            b"\xff",
            b"%c3",
        ] {
            assert!(decode(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_name_without_a_value_is_there_and_empty() {
        let root = read(b"&&A&B=&C==&", |_| true).expect("parameters");
        let text = |name: &str| root.children[name].text.as_deref();
        assert_eq!(text("A"), Some(""));
        assert_eq!(text("B"), Some(""));
        assert_eq!(text("C"), Some("="));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep = "A.".repeat(MAX_SEGMENTS);
        assert!(read(deep.as_bytes(), |_| true).is_err());
        let many = "A&".repeat(MAX_PARAMETERS + 1);
        assert!(read(many.as_bytes(), |_| false).is_err());
        assert!(read(&many.as_bytes()[2..], |_| false).is_ok());
    }
}
