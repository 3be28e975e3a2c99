//! The shapes of requests, and the ranges of numbers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::error::Error;

/// Text that is borrowed from the request wherever the protocol needs no unescaping. (A bare
/// `Option<Cow<str>>` would always copy: serde borrows only where a field is a `Cow` itself.)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }

    /// The text as a part of the body that it was read from, if it lies there as it is; else a copy.
    pub(crate) fn into_part_of(self, body: &Bytes) -> Bytes {
        match self.0 {
            Cow::Borrowed(text) if body.as_ptr_range().contains(&text.as_ptr()) => {
                body.slice_ref(text.as_bytes())
            }
            text => Bytes::from(text.into_owned()),
        }
    }
}

/// The text of an optional parameter; SQS takes an empty one for a missing one.
pub(crate) fn given<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
    text.map(Text::as_str).filter(|text| !text.is_empty())
}

/// The text of a parameter that must be there.
pub(crate) fn required<'t>(text: Option<&'t Text<'_>>, parameter: &str) -> Result<&'t str, Error> {
    given(text).ok_or_else(|| Error::missing(parameter))
}

/// The texts of a list that must be there, and not be empty.
pub(crate) fn required_list(
    texts: Option<Vec<Text<'_>>>,
    parameter: &str,
) -> Result<Vec<String>, Error> {
    let texts = texts.filter(|texts| !texts.is_empty());
    let texts = texts.ok_or_else(|| Error::missing(parameter))?;
    Ok(texts.into_iter().map(Text::into_string).collect())
}

/// A whole number, before its range is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integer(pub(crate) i64);

impl Integer {
    /// The number if it is at least `least` and at most `most`.
    pub(crate) fn within(
        self,
        least: u32,
        most: u32,
        parameter: &str,
        reason: &str,
    ) -> Result<u32, Error> {
        u32::try_from(self.0)
            .ok()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| Error::invalid_value(self.0, parameter, reason))
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntegerVisitor;

        impl Visitor<'_> for IntegerVisitor {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an Integer")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Integer, E> {
                Ok(Integer(number))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Integer, E> {
                // Saturating keeps the number out of every range.
                Ok(Integer(i64::try_from(number).unwrap_or(i64::MAX)))
            }

            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Integer, E> {
                Err(E::custom("STRING_VALUE can not be converted to an Integer"))
            }
        }

        // Not `deserialize_i64`, which would have its own words for text.
        deserializer.deserialize_any(IntegerVisitor)
    }
}

/// A structure with named members. (What serde derives would also take a list of members in the
/// order of their declaration, which is no structure to SQS.)
#[derive(Debug)]
pub(crate) struct Structure<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Structure<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StructureVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for StructureVisitor<T> {
            type Value = Structure<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a structure")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Structure<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Structure)
            }
        }

        deserializer.deserialize_map(StructureVisitor(PhantomData))
    }
}
