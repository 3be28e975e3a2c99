//! What is about to be written to a peer: small pieces are put together, so that they leave in one
//! packet, and large ones stay where they lie.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// From here on a copy costs more than what it spares: below it, a buffer that is used again and again
/// is quicker.
const LARGE_BYTES: usize = 128 << 10;

/// Bytes in the order in which they are written. As a [`Buf`], it is used up from the front.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    first: VecDeque<Bytes>,
    /// Behind the others.
    last: BytesMut,
}

impl Outgoing {
    /// Makes room for so many bytes that are copied.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.last.reserve(bytes);
    }

    pub(crate) fn put_u8(&mut self, number: u8) {
        self.last.put_u8(number);
    }

    /// Big-endian, as all numbers of a frame.
    pub(crate) fn put_u32(&mut self, number: u32) {
        self.last.put_u32(number);
    }

    /// Big-endian.
    pub(crate) fn put_u64(&mut self, number: u64) {
        self.last.put_u64(number);
    }

    pub(crate) fn put(&mut self, bytes: &Bytes) {
        if is_large(bytes) {
            self.first.push_back(self.last.split().freeze());
            self.first.push_back(bytes.clone());
        } else {
            self.last.put_slice(bytes);
        }
    }
}

/// Whether these bytes are not copied.
pub(crate) fn is_large(bytes: &Bytes) -> bool {
    bytes.len() >= LARGE_BYTES
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.first.iter().map(Bytes::len).sum::<usize>() + self.last.len()
    }

    fn chunk(&self) -> &[u8] {
        let first = self.first.iter().find(|bytes| !bytes.is_empty());
        first.map_or(&self.last, |bytes| bytes)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let first = self.first.iter().map(|bytes| &bytes[..]);
        let chunks = first.chain([&self.last[..]]);
        let chunks = chunks.filter(|chunk| !chunk.is_empty());
        into.iter_mut()
            .zip(chunks)
            .map(|(slice, chunk)| *slice = IoSlice::new(chunk))
            .count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(bytes) = self.first.front_mut() {
            if count < bytes.len() {
                bytes.advance(count);
                return;
            }
            count -= bytes.len();
            self.first.pop_front();
        }
        self.last.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number, a large piece, a small one, a large one.
    fn outgoing(large: &Bytes) -> Outgoing {
        let mut outgoing = Outgoing::default();
        outgoing.put_u32(7);
        outgoing.put(large);
        outgoing.put(&Bytes::from_static(b"small"));
        outgoing.put(large);
        outgoing
    }

    fn joined(slices: &[IoSlice<'_>]) -> Vec<u8> {
        slices.iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came_wherever_a_write_ends() {
        let large: Bytes = (0..=u8::MAX).cycle().take(LARGE_BYTES).collect();
        let whole = [&[0, 0, 0, 7], &large[..], b"small", &large[..]].concat();
        let seams = [4, 4 + LARGE_BYTES, 9 + LARGE_BYTES, whole.len()];
        let around = |seam: &usize| seam - 1..=whole.len().min(seam + 1);
        for end in seams.iter().flat_map(around) {
            let mut outgoing = outgoing(&large);
            outgoing.advance(end);
            assert_eq!(outgoing.remaining(), whole.len() - end);
            assert_eq!(outgoing.has_remaining(), !outgoing.chunk().is_empty());
            let mut slices = [IoSlice::new(&[]); 8];
            let count = outgoing.chunks_vectored(&mut slices);
            let left = joined(&slices[..count]);
            assert!(left.starts_with(outgoing.chunk()));
            assert!(left == whole[end..], "behind {end}");
        }
    }

    #[test]
    fn what_is_large_is_not_copied() {
        let large = Bytes::from(vec![1; LARGE_BYTES]);
        let outgoing = outgoing(&large);
        let mut slices = [IoSlice::new(&[]); 8];
        let count = outgoing.chunks_vectored(&mut slices);
        assert_eq!(count, 4);
        assert_eq!(slices[1].as_ptr(), large.as_ptr());
        assert_eq!(slices[3].as_ptr(), large.as_ptr());
    }

    #[test]
    fn fewer_slices_than_pieces_are_filled_from_the_front() {
        let large = Bytes::from(vec![1; LARGE_BYTES]);
        let outgoing = outgoing(&large);
        let mut slices = [IoSlice::new(&[]); 2];
        assert_eq!(outgoing.chunks_vectored(&mut slices), 2);
        assert_eq!(joined(&slices).len(), 4 + LARGE_BYTES);
    }
}
