//! Ids that nobody can guess and all replicas agree on: derived from the random bits that the
//! leader put into the batch.

use sha2::{Digest, Sha256};

use crate::ids::MessageId;

/// What a message is known by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) id: MessageId,
    pub(crate) secret: u64,
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn u64_at(digest: &[u8; 32], at: usize) -> u64 {
    digest[at..at + 8]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The identity of the `ordinal`th message of the `request`th request of a batch.
pub(crate) fn of_message(nonce: u128, request: usize, ordinal: usize) -> Identity {
    let digest = digest(&[
        &nonce.to_be_bytes(),
        &(request as u64).to_be_bytes(),
        &(ordinal as u64).to_be_bytes(),
    ]);
    let bits = u128::from(u64_at(&digest, 0)) << 64 | u128::from(u64_at(&digest, 8));
    // Version 4 and variant 1 of RFC 9562, as callers expect of a random UUID.
    let version = bits & !(0xf << 76) | 0x4 << 76;
    let id = version & !(0b11 << 62) | 0b10 << 62;
    Identity {
        id: MessageId(id),
        secret: u64_at(&digest, 16),
    }
}

/// The token in the receipt handle of one delivery of a message.
pub(crate) fn token(secret: u64, receive_count: u32) -> u64 {
    let digest = digest(&[&secret.to_be_bytes(), &receive_count.to_be_bytes()]);
    u64_at(&digest, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_a_random_uuid_and_never_changes() {
        let identity = of_message(1, 2, 3);
        assert_eq!(
            identity.id.to_string(),
            "c4c96cd7-1102-446c-a1ec-8326b2566d9e"
        );
        assert_eq!(token(identity.secret, 1), 0x81ad_fe5b_15e8_c901);
    }

    #[test]
    fn every_message_of_a_batch_and_every_delivery_has_its_own() {
        assert_ne!(of_message(1, 2, 3).id, of_message(1, 3, 2).id);
        assert_ne!(of_message(1, 2, 3).id, of_message(2, 2, 3).id);
        assert_ne!(of_message(1, 2, 3).secret, of_message(1, 2, 4).secret);
        assert_ne!(token(5, 1), token(5, 2));
        assert_ne!(token(5, 1), token(6, 1));
    }
}
