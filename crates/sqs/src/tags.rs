//! The rules on tags of queues.

use std::collections::BTreeMap;

use zonemq_queue::attributes::Tags;

use crate::error::Error;
use crate::limits;
use crate::shapes::Text;

/// Tags by key, as they come in.
pub(crate) type TagsInput<'a> = BTreeMap<Text<'a>, Text<'a>>;

/// Checks each tag; how many a queue can have is known to the state.
pub(crate) fn checked(input: TagsInput<'_>) -> Result<Tags, Error> {
    input
        .into_iter()
        .map(|(key, value)| {
            let characters = key.as_str().chars().count();
            if characters == 0 || characters > limits::TAG_KEY_CHARACTERS {
                return Err(Error::invalid_parameter(format!(
                    "Tag keys must be between 1 and {} characters in length.",
                    limits::TAG_KEY_CHARACTERS
                )));
            }
            if key.as_str().starts_with("aws:") {
                return Err(Error::invalid_parameter(
                    "Tag keys cannot start with the reserved prefix aws:.",
                ));
            }
            if value.as_str().chars().count() > limits::TAG_VALUE_CHARACTERS {
                return Err(Error::invalid_parameter(format!(
                    "Tag values must be between 0 and {} characters in length.",
                    limits::TAG_VALUE_CHARACTERS
                )));
            }
            Ok((key.into_string(), value.into_string()))
        })
        .collect()
}
