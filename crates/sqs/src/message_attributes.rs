//! Message attributes on the wire, and the rules on their names, types and values.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zonemq_queue::message::{AttributeContent, AttributeValue, MessageAttributes};

use crate::error::{Error, ErrorCode};
use crate::limits;
use crate::message_body;
use crate::shapes::{Structure, Text, given};

/// The one system attribute that a sender may set.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// Attributes by name, as they come in.
pub(crate) type AttributesInput<'a> = BTreeMap<Text<'a>, Structure<AttributeInput<'a>>>;

/// The value of an attribute, as it comes in.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AttributeInput<'a> {
    #[serde(borrow)]
    data_type: Option<Text<'a>>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    /// Base64.
    #[serde(borrow)]
    binary_value: Option<Text<'a>>,
    string_list_values: Option<Vec<IgnoredAny>>,
    binary_list_values: Option<Vec<IgnoredAny>>,
}

/// The value of an attribute, as it goes out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeOutput {
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

impl From<AttributeValue> for AttributeOutput {
    fn from(attribute: AttributeValue) -> Self {
        let (string_value, binary_value) = match attribute.value {
            AttributeContent::Text(text) => (Some(text), None),
            AttributeContent::Binary(bytes) => (None, Some(BASE64.encode(bytes))),
        };
        AttributeOutput {
            data_type: attribute.data_type,
            string_value,
            binary_value,
        }
    }
}

/// Checks the sender's own attributes.
pub(crate) fn user_attributes(input: AttributesInput<'_>) -> Result<MessageAttributes, Error> {
    if input.len() > limits::MESSAGE_ATTRIBUTES {
        return Err(Error::invalid_parameter(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{}].",
            input.len(),
            limits::MESSAGE_ATTRIBUTES
        )));
    }
    input
        .into_iter()
        .map(|(name, Structure(attribute))| {
            check_name(name.as_str())?;
            let value = attribute.check(name.as_str(), "(user)")?;
            Ok((name.into_string(), value))
        })
        .collect()
}

/// Checks the system attributes of a sender, of which there is one: the X-Ray trace header. Comes
/// back in the shape of attributes, over which a sum is taken.
pub(crate) fn system_attributes(input: AttributesInput<'_>) -> Result<MessageAttributes, Error> {
    input
        .into_iter()
        .map(|(name, Structure(attribute))| {
            if name.as_str() != TRACE_HEADER {
                return Err(Error::invalid_parameter(format!(
                    "Message system attribute name '{}' is invalid.",
                    name.as_str()
                )));
            }
            let value = attribute.check(TRACE_HEADER, "(system)")?;
            if value.data_type != "String" {
                return Err(Error::invalid_parameter(format!(
                    "Message (system) attribute '{TRACE_HEADER}' must be of type 'String'."
                )));
            }
            Ok((name.into_string(), value))
        })
        .collect()
}

/// The trace header among checked system attributes.
pub(crate) fn trace_header(mut system_attributes: MessageAttributes) -> Option<String> {
    match system_attributes.remove(TRACE_HEADER)?.value {
        AttributeContent::Text(text) => Some(text),
        AttributeContent::Binary(_) => None,
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let complaint = if name.is_empty() {
        "The request must contain non-empty message (user) attribute names."
    } else if name.len() > limits::ATTRIBUTE_NAME_BYTES {
        "Message (user) attribute name must be shorter than 256 bytes."
    } else if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    {
        "Message (user) attributes name can only contain upper and lower score characters, \
         digits, periods, hyphens and underscores."
    } else if has_prefix_in_any_case(name, "aws.") || has_prefix_in_any_case(name, "amazon.") {
        "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings \
         are reserved for internal use."
    } else if name.starts_with('.') {
        "Message (user) attribute name must not begin with character '.'."
    } else if name.ends_with('.') {
        "Message (user) attribute name must not end with character '.'."
    } else if name.contains("..") {
        "Message (user) attribute name must not have successive '.' characters."
    } else {
        return Ok(());
    };
    Err(Error::invalid_parameter(complaint))
}

fn has_prefix_in_any_case(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// What stands before the label in a data type.
enum BaseType {
    String,
    Number,
    Binary,
}

impl BaseType {
    fn of(data_type: &str) -> Option<BaseType> {
        let (base, label) = match data_type.split_once('.') {
            Some((base, label)) => (base, Some(label)),
            None => (data_type, None),
        };
        if label == Some("") {
            return None;
        }
        match base {
            "String" => Some(BaseType::String),
            "Number" => Some(BaseType::Number),
            "Binary" => Some(BaseType::Binary),
            _ => None,
        }
    }
}

impl AttributeInput<'_> {
    /// `kind` is how AWS's texts tell the sender's own attributes from system attributes.
    fn check(self, name: &str, kind: &str) -> Result<AttributeValue, Error> {
        let data_type = given(self.data_type.as_ref()).ok_or_else(|| {
            Error::invalid_parameter(format!(
                "The message {kind} attribute '{name}' must contain a non-empty message \
                 attribute type."
            ))
        })?;
        if data_type.len() > limits::ATTRIBUTE_TYPE_BYTES {
            return Err(Error::invalid_parameter(format!(
                "Message {kind} attribute type must be shorter than {} bytes.",
                limits::ATTRIBUTE_TYPE_BYTES
            )));
        }
        let base = BaseType::of(data_type).ok_or_else(|| {
            Error::invalid_parameter(format!(
                "The type of message {kind} attribute '{name}' is invalid. You must use only the \
                 following supported type prefixes: Binary, Number, String."
            ))
        })?;
        if is_filled(self.string_list_values.as_ref())
            || is_filled(self.binary_list_values.as_ref())
        {
            return Err(Error::new(
                ErrorCode::UnsupportedOperation,
                "Message attribute list values are not supported.",
            ));
        }
        if given(self.string_value.as_ref()).is_some()
            && given(self.binary_value.as_ref()).is_some()
        {
            return Err(Error::invalid_parameter(format!(
                "Message {kind} attribute '{name}' must have a single value."
            )));
        }
        let data_type = data_type.to_owned();
        let value = match base {
            BaseType::String | BaseType::Number => {
                let text = self.string_value.map(Text::into_string).unwrap_or_default();
                if text.is_empty() {
                    return Err(empty_value(name, kind, "String"));
                }
                message_body::check_characters(&text)?;
                if matches!(base, BaseType::Number) && !is_number(&text) {
                    return Err(Error::invalid_parameter(format!(
                        "Can't cast the value of message {kind} attribute '{name}' to a number."
                    )));
                }
                AttributeContent::Text(text)
            }
            BaseType::Binary => {
                let base64 = given(self.binary_value.as_ref())
                    .ok_or_else(|| empty_value(name, kind, "Binary"))?;
                let bytes = BASE64.decode(base64).map_err(|error| {
                    Error::new(
                        ErrorCode::Serialization,
                        format!("BinaryValue of attribute '{name}' is not base64: {error}"),
                    )
                })?;
                AttributeContent::Binary(Bytes::from(bytes))
            }
        };
        Ok(AttributeValue { data_type, value })
    }
}

fn is_filled(list: Option<&Vec<IgnoredAny>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn empty_value(name: &str, kind: &str, base: &str) -> Error {
    Error::invalid_parameter(format!(
        "Message {kind} attribute '{name}' must contain a non-empty value of type '{base}'."
    ))
}

/// An optional sign, digits with an optional point among them, an optional exponent.
fn is_number(text: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let mantissa = without_sign(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_is_number =
        !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction);
    let exponent_is_number = exponent
        .map(without_sign)
        .is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    mantissa_is_number && exponent_is_number
}

fn without_sign(number: &str) -> &str {
    number.strip_prefix(['+', '-']).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_with_an_optional_exponent() {
        for number in ["1", "-1", "+1.5", ".5", "5.", "1e10", "1.5E-3", "007"] {
            assert!(is_number(number), "{number}");
        }
        for other in [
            "", ".", "-", "e5", "1e", "1e+", "1.2.3", "0x10", "NaN", "1 ", "ten", "--1",
        ] {
            assert!(!is_number(other), "{other}");
        }
    }
}
