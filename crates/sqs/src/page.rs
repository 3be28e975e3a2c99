//! Pages of long lists: how many, after which element, and the token that leads to the next page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::error::Error;
use crate::limits;
use crate::shapes::{Integer, Text, given};

/// Which page of a list is asked for.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// At most this many elements.
    pub(crate) limit: u16,
    /// Only elements after this one.
    pub(crate) after: Option<T>,
    /// Only a caller who names the size of a page is told that there are more.
    pub(crate) size_is_named: bool,
}

impl<T> Page<T> {
    /// `element` reads what [`token`] was made of; nothing where that is no element of the list.
    pub(crate) fn of(
        max_results: Option<Integer>,
        next_token: Option<&Text<'_>>,
        element: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Page<T>, Error> {
        let limit = match max_results {
            Some(max_results) => max_results.within(
                1,
                limits::LISTED_QUEUES,
                "MaxResults",
                "Must be >= 1 and <= 1000, if provided.",
            )?,
            None => limits::LISTED_QUEUES,
        };
        let after = given(next_token)
            .map(|token| {
                let text = BASE64.decode(token).ok();
                text.and_then(|bytes| String::from_utf8(bytes).ok())
                    .and_then(|text| element(&text))
                    .ok_or_else(|| {
                        Error::invalid_value(token, "NextToken", "It is not a token of this list.")
                    })
            })
            .transpose()?;
        Ok(Page {
            limit: u16::try_from(limit).unwrap_or(u16::MAX),
            after,
            size_is_named: max_results.is_some(),
        })
    }
}

/// The token that leads to the page after this element.
pub(crate) fn token(last: impl AsRef<[u8]>) -> String {
    BASE64.encode(last)
}
