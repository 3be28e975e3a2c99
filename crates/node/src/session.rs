//! Request ids: this node's numbers for its requests, and which of them are done with.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zonemq_queue::command::{Command, Request};
use zonemq_queue::ids::{RequestId, SessionId};

/// One life of this node's router. The state machine remembers the replies to its open requests,
/// so that a retry never counts twice, and forgets them when they are finished.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    numbers: Mutex<Numbers>,
}

#[derive(Debug)]
struct Numbers {
    next: u64,
    open: BTreeSet<u64>,
}

impl Session {
    /// `id` must not have been used before by any node: random bits.
    pub(crate) fn new(id: u64) -> Session {
        Session {
            id: SessionId(id),
            numbers: Mutex::new(Numbers {
                next: 1,
                open: BTreeSet::new(),
            }),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Numbers> {
        // Each critical section leaves the numbers whole.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names a new request. It stays open until the ticket is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Ticket {
        let mut numbers = self.locked();
        let sequence = numbers.next;
        numbers.next += 1;
        numbers.open.insert(sequence);
        Ticket {
            session: self.clone(),
            sequence,
        }
    }
}

/// An open request.
#[derive(Debug)]
pub(crate) struct Ticket {
    session: Arc<Session>,
    sequence: u64,
}

impl Ticket {
    /// The request as it is proposed now: retries carry the same id.
    pub(crate) fn request(&self, command: Command) -> Box<Request> {
        let numbers = self.session.locked();
        Box::new(Request {
            id: RequestId {
                session: self.session.id,
                sequence: self.sequence,
            },
            // This ticket is open, so there is a first one.
            finished_below: numbers.open.first().copied().unwrap_or(self.sequence),
            command,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.session.locked().open.remove(&self.sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished_below(ticket: &Ticket) -> u64 {
        ticket
            .request(Command::AdvanceClock { millis: 0 })
            .finished_below
    }

    #[test]
    fn a_request_keeps_its_id_and_nobody_else_has_it() {
        let session = Arc::new(Session::new(7));
        let first = session.begin();
        let second = session.begin();
        let id = |ticket: &Ticket| ticket.request(Command::AdvanceClock { millis: 0 }).id;
        assert_eq!(id(&first), id(&first));
        assert_ne!(id(&first), id(&second));
    }

    #[test]
    fn only_requests_before_the_oldest_open_one_are_finished() {
        let session = Arc::new(Session::new(7));
        let first = session.begin();
        let second = session.begin();
        drop(session.begin());
        assert_eq!(finished_below(&second), 1);
        drop(first);
        assert_eq!(finished_below(&second), 2);
        drop(second);
        let fourth = session.begin();
        assert_eq!(finished_below(&fourth), 4);
    }
}
