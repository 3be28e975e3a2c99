//! A hash that is the same on every machine and in every version of the compiler, to compare
//! replicas. Not for secrets and not for hash tables.

use std::hash::{Hash, Hasher};

/// FNV-1a over 64 bits, fed in little-endian order whatever the machine.
struct StableHasher(u64);

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }

    fn write_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }

    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }

    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }

    fn write_u128(&mut self, value: u128) {
        self.write(&value.to_le_bytes());
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    /// Discriminants of enums come this way.
    fn write_isize(&mut self, value: isize) {
        self.write_u64(value.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(crate) fn stable_hash<T: Hash>(value: &T) -> u64 {
    let mut hasher = StableHasher(OFFSET_BASIS);
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::stable_hash;

    #[test]
    fn hashes_are_the_same_for_ever() {
        // FNV-1a of "a" and the 0xff that marks the end of a string; then of the bytes 1, 0.
        assert_eq!(stable_hash(&"a"), 0x089b_c907_b544_c769);
        assert_eq!(stable_hash(&1_u16), 0x082f_2207_b4e8_8cc4);
    }

    #[test]
    fn a_value_that_differs_in_one_place_hashes_differently() {
        let one = BTreeMap::from([(1_u64, "a"), (2, "b")]);
        let other = BTreeMap::from([(1_u64, "a"), (2, "c")]);
        assert_ne!(stable_hash(&one), stable_hash(&other));
    }
}
