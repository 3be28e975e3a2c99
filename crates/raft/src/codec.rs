//! How values become bytes: the one place that names bincode.
//!
//! Everything stored or sent goes through here, so that a change of format is a change of this
//! file. bincode writes the position of a field or variant, not its name: structs never change
//! and enums only grow at the end. The golden bytes in the tests hold that.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The largest value that is decoded from the network or the disk.
pub const MAX_ENCODED_BYTES: usize = 1 << 30;

/// The bytes are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They end early, or hold something that the type does not allow.
    #[error("cannot decode: {0}")]
    Malformed(#[from] bincode::error::DecodeError),
    /// They go on after the value.
    #[error("{0} bytes are left over after the value")]
    TrailingBytes(usize),
}

fn format() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_ENCODED_BYTES>()
}

/// Encodes a value of our own types.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Our types have no maps of unknown length and no custom serializers: into memory, encoding
    // cannot fail.
    bincode::serde::encode_to_vec(value, bincode::config::standard())
        .expect("values of our own types can be encoded")
}

/// Adds the encoding of a value to `into`.
pub(crate) fn encode_into<T: Serialize>(value: &T, into: &mut Vec<u8>) {
    // As above.
    bincode::serde::encode_into_std_write(value, into, bincode::config::standard())
        .expect("values of our own types can be encoded");
}

/// Decodes a value that takes up all of `bytes`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_borrowed(bytes)
}

/// The same for a value that borrows from `bytes`.
pub(crate) fn decode_borrowed<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(bytes, format())?;
    if used < bytes.len() {
        return Err(DecodeError::TrailingBytes(bytes.len() - used));
    }
    Ok(value)
}

/// Decodes a value with which `bytes` begin.
pub(crate) fn decode_start<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, _) = bincode::serde::decode_from_slice(bytes, format())?;
    Ok(value)
}

#[cfg(test)]
mod tests;
