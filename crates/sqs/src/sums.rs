//! The MD5 sums with which SDKs check what they sent and what they received.

mod side_by_side;

use std::fmt;

use md5::{Digest, Md5};
use serde::{Serialize, Serializer};
use zonemq_queue::message::{AttributeContent, AttributeValue};

/// An MD5 sum; written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Md5Sum([u8; 16]);

/// All together take about as long as so many of the longest.
const LONG_ENOUGH_TOGETHER: usize = 5;

/// Of a message body.
pub(crate) fn of_body(body: &[u8]) -> Md5Sum {
    Md5Sum(Md5::digest(body).into())
}

/// Of several message bodies, in their order: of all together where that is quicker than of one after
/// the other, which it is where a few are as long as the longest.
pub(crate) fn of_bodies(bodies: &[&[u8]]) -> Vec<Md5Sum> {
    let longest = bodies.iter().map(|body| body.len()).max().unwrap_or(0);
    let bytes: usize = bodies.iter().map(|body| body.len()).sum();
    if bytes >= LONG_ENOUGH_TOGETHER * longest {
        side_by_side::sums(bodies)
    } else {
        bodies.iter().map(|body| of_body(body)).collect()
    }
}

/// Of attributes in the order of their names; nothing where there are none, because the sum of
/// nothing makes SDKs refuse the answer.
pub(crate) fn of_attributes<'m>(
    attributes: impl IntoIterator<Item = (&'m String, &'m AttributeValue)>,
) -> Option<Md5Sum> {
    let mut sum: Option<Md5> = None;
    for (name, attribute) in attributes {
        let sum = sum.get_or_insert_default();
        update_with_length(sum, name.as_bytes());
        update_with_length(sum, attribute.data_type.as_bytes());
        match &attribute.value {
            AttributeContent::Text(text) => {
                sum.update([1]);
                update_with_length(sum, text.as_bytes());
            }
            AttributeContent::Binary(bytes) => {
                sum.update([2]);
                update_with_length(sum, bytes);
            }
        }
    }
    sum.map(|sum| Md5Sum(sum.finalize().into()))
}

fn update_with_length(sum: &mut Md5, part: &[u8]) {
    // Requests are far below 4 GiB; a longer part could only get a wrong sum, not do harm.
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    sum.update(length.to_be_bytes());
    sum.update(part);
}

impl fmt::Display for Md5Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Serialize for Md5Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn attribute(name: &str, data_type: &str, value: AttributeContent) -> (String, AttributeValue) {
        let data_type = data_type.to_owned();
        (name.to_owned(), AttributeValue { data_type, value })
    }

    fn text(name: &str, data_type: &str, value: &str) -> (String, AttributeValue) {
        attribute(name, data_type, AttributeContent::Text(value.to_owned()))
    }

    fn sum(attributes: &[&(String, AttributeValue)]) -> String {
        let sorted: BTreeMap<_, _> = attributes.iter().copied().cloned().collect();
        of_attributes(&sorted).map_or_else(String::new, |sum| sum.to_string())
    }

    /// The vectors of the npm package `aws-md5-of-message-attributes`.
    #[test]
    fn attribute_sums_are_those_of_aws() {
        let string = text("attribName1", "String", "attribValue 1");
        let number = text(
            "customNumberTypeAttrib",
            "Number.float",
            "4563442423554324324264524243.32543234",
        );
        let binary = attribute(
            "binaryAttribute",
            "Binary",
            AttributeContent::Binary("Hello binary world!".into()),
        );
        assert_eq!(sum(&[&string]), "19e27d4e946b072f3f58da80d94fd778");
        assert_eq!(sum(&[&number]), "9fe1b90bbd9965bdf77bac517c7d2495");
        assert_eq!(sum(&[&binary]), "31a92b15d92f8db860eda32aceb656c3");
        assert_eq!(
            sum(&[&string, &number, &binary]),
            "c932db14a896c663f83c260297d594ff"
        );
    }

    #[test]
    fn no_attributes_have_no_sum() {
        assert_eq!(of_attributes(&BTreeMap::new()), None);
    }

    #[test]
    fn a_body_sum_is_the_md5_of_its_bytes() {
        assert_eq!(
            of_body(b"msg").to_string(),
            "6e2baaf3b97dbeef01c0043275f9a0e7"
        );
        // Leading zeros are written.
        assert_eq!(of_body(b"jk8ssl").to_string().len(), 32);
        assert!(of_body(b"jk8ssl").to_string().starts_with("0000000018"));
    }
}
