//! How far each message came: sent, acknowledged, received, deleted. A byte for each, so that many
//! millions are no burden; and their bodies follow from their numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

const ACKNOWLEDGED: u8 = 1;
const RECEIVED: u8 = 2;
const DELETED: u8 = 4;

/// All messages of one queue.
#[derive(Debug)]
pub struct Ledger {
    body_bytes: usize,
    next: AtomicU64,
    messages: Mutex<Messages>,
}

#[derive(Debug, Default)]
struct Messages {
    states: Vec<u8>,
    counts: Counts,
}

/// How many messages came how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sends that were answered with success.
    pub acknowledged: u64,
    /// Messages that came out at least once.
    pub received: u64,
    /// Deletes that were answered with success, each message once.
    pub deleted: u64,
    /// Messages that came out after their delete was answered with success.
    pub came_back: u64,
    /// Bodies that nobody sent, or not so.
    pub strange: u64,
}

impl Counts {
    /// What waits in the queue, as far as the answers tell.
    pub fn backlog(&self) -> u64 {
        self.acknowledged.saturating_sub(self.deleted)
    }
}

impl Ledger {
    /// For messages with bodies of this size, but at least the 17 bytes that hold the number.
    pub fn new(body_bytes: usize) -> Ledger {
        Ledger {
            body_bytes,
            next: AtomicU64::new(0),
            messages: Mutex::default(),
        }
    }

    /// The size of a body.
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Numbers for so many new messages.
    pub fn take(&self, count: u64) -> std::ops::Range<u64> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }

    /// The body of a message.
    pub fn body(&self, number: u64) -> String {
        let mut body = format!("{number:016} ");
        body.reserve(self.body_bytes);
        // Xorshift: bodies that neither disks nor networks can make smaller by much.
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        while body.len() < self.body_bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // The top six bits are a letter, a digit or a neighbour of theirs.
            let letter = b'0' + u8::try_from(state >> 58).unwrap_or_default();
            body.push(char::from(letter));
        }
        body
    }

    /// The send of this message was answered with success.
    pub fn acknowledged(&self, number: u64) {
        let mut messages = self.lock();
        if messages.mark(number, ACKNOWLEDGED) {
            messages.counts.acknowledged += 1;
        }
    }

    /// This body came out. Its number, if it is one of ours.
    pub fn received(&self, body: &str) -> Option<u64> {
        let number = body
            .get(..16)
            .and_then(|digits| digits.parse().ok())
            .filter(|number| *number < self.next.load(Ordering::Relaxed))
            .filter(|number| self.body(*number) == body);
        let mut messages = self.lock();
        let Some(number) = number else {
            messages.counts.strange += 1;
            return None;
        };
        if messages.state(number) & DELETED != 0 {
            messages.counts.came_back += 1;
        }
        if messages.mark(number, RECEIVED) {
            messages.counts.received += 1;
        }
        Some(number)
    }

    /// The delete of this message was answered with success.
    pub fn deleted(&self, number: u64) {
        let mut messages = self.lock();
        if messages.mark(number, DELETED) {
            messages.counts.deleted += 1;
        }
    }

    /// How many came how far until now.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// How many were acknowledged and never came out. After the queue was emptied, they are lost.
    pub fn missing(&self) -> u64 {
        let messages = self.lock();
        let missing = messages.states.iter();
        let missing = missing.filter(|state| *state & (ACKNOWLEDGED | RECEIVED) == ACKNOWLEDGED);
        missing.count() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().expect("nobody panics while noting")
    }
}

impl Messages {
    fn state(&self, number: u64) -> u8 {
        let state = usize::try_from(number)
            .ok()
            .and_then(|at| self.states.get(at));
        state.copied().unwrap_or_default()
    }

    /// Whether it was not so before.
    fn mark(&mut self, number: u64, mark: u8) -> bool {
        let at = usize::try_from(number).expect("as many as memory holds");
        if self.states.len() <= at {
            self.states.resize(at + 1, 0);
        }
        let new = self.states[at] & mark == 0;
        self.states[at] |= mark;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_and_never_came_out_is_missing() {
        let ledger = Ledger::new(64);
        let numbers: Vec<u64> = ledger.take(3).collect();
        ledger.acknowledged(numbers[0]);
        ledger.acknowledged(numbers[1]);
        assert_eq!(ledger.received(&ledger.body(numbers[1])), Some(numbers[1]));
        // The answer to its send was lost.
        assert_eq!(ledger.received(&ledger.body(numbers[2])), Some(numbers[2]));
        assert_eq!(ledger.missing(), 1);
        assert_eq!(ledger.counts().received, 2);
    }

    #[test]
    fn a_message_that_comes_out_after_its_delete_came_back() {
        let ledger = Ledger::new(64);
        let body = ledger.body(ledger.take(1).start);
        ledger.acknowledged(0);
        ledger.received(&body);
        ledger.received(&body);
        assert_eq!(ledger.counts().came_back, 0);
        ledger.deleted(0);
        ledger.received(&body);
        assert_eq!(ledger.counts().came_back, 1);
        assert_eq!(ledger.counts().backlog(), 0);
    }

    #[test]
    fn a_changed_body_is_strange() {
        let ledger = Ledger::new(64);
        let mut body = ledger.body(ledger.take(1).start);
        assert_eq!(body.len(), 64);
        body.replace_range(40..41, "~");
        assert_eq!(ledger.received(&body), None);
        assert_eq!(ledger.received("no number"), None);
        // Never sent.
        assert_eq!(ledger.received(&ledger.body(1)), None);
        assert_eq!(ledger.counts().strange, 3);
    }
}
