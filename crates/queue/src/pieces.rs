//! The state in pieces, as snapshots hold it and send it: each is small enough to be encoded,
//! sent and written by itself, so that a state of any size passes through bounded memory.

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, CatalogHead, Queue, QueueHead};
use crate::clock::QueueClock;
use crate::deduplication::Accepted;
use crate::ids::QueueKey;
use crate::message::ContentPlace;
use crate::messages::MessagesPart;
use crate::moves::MoveTasks;
use crate::sessions::{Sessions, SessionsPart};
use crate::state::State;

/// A piece is full when its parts take so much, as they estimate themselves.
const FULL_BYTES: usize = 240 * 1024;

/// A piece of a state. They are whole only together and in order; see [`Assembly`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// Counts from 0.
    number: u64,
    position: PiecePosition,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum PiecePosition {
    MoreFollow,
    Last,
}

/// In this order: the foundation, sessions, then queue by queue what each is and holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Part {
    Foundation(Box<Foundation>),
    Sessions(SessionsPart),
    Queue(QueueKey, Box<QueueHead>),
    Accepted(Accepted),
    Messages(MessagesPart),
}

/// What is small.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Foundation {
    clock: QueueClock,
    move_tasks: MoveTasks,
    catalog: CatalogHead,
}

impl Piece {
    /// Where the contents of the messages in it lie.
    pub fn content_places(&self) -> impl Iterator<Item = ContentPlace> + '_ {
        let pages = self.parts.iter().filter_map(|part| match part {
            Part::Messages(MessagesPart::Page(_, page)) => Some(page),
            Part::Messages(_)
            | Part::Foundation(_)
            | Part::Sessions(_)
            | Part::Queue(..)
            | Part::Accepted(_) => None,
        });
        pages.flat_map(|page| page.content_places())
    }
}

impl Part {
    /// About what it takes when it is encoded, rather too much than too little.
    fn size_bytes(&self) -> usize {
        match self {
            Part::Foundation(_) => FULL_BYTES,
            Part::Sessions(part) => part.size_bytes(),
            Part::Queue(_, head) => head.size_bytes(),
            Part::Accepted(accepted) => accepted.size_bytes(),
            Part::Messages(part) => part.size_bytes(),
        }
    }
}

impl State {
    /// The state in pieces of at most about 256 KiB each, when encoded.
    pub fn into_pieces(self) -> impl Iterator<Item = Piece> + Send {
        let mut parts = self.into_parts().peekable();
        let mut number = 0;
        std::iter::from_fn(move || {
            let first = parts.next()?;
            let mut size_bytes = first.size_bytes();
            let mut piece = Piece {
                number,
                position: PiecePosition::Last,
                parts: vec![first],
            };
            number += 1;
            while let Some(part) =
                parts.next_if(|part| size_bytes + part.size_bytes() <= FULL_BYTES)
            {
                size_bytes += part.size_bytes();
                piece.parts.push(part);
            }
            if parts.peek().is_some() {
                piece.position = PiecePosition::MoreFollow;
            }
            Some(piece)
        })
    }

    fn into_parts(self) -> impl Iterator<Item = Part> + Send {
        let State {
            clock,
            catalog,
            move_tasks,
            sessions,
        } = self;
        let (catalog, queues) = catalog.into_parts();
        let foundation = Foundation {
            clock,
            move_tasks,
            catalog,
        };
        let queues = queues.flat_map(|(key, queue)| {
            let (head, deduplication, messages) = queue.into_parts();
            std::iter::once(Part::Queue(key, Box::new(head)))
                .chain(deduplication.into_parts().map(Part::Accepted))
                .chain(messages.into_parts().map(Part::Messages))
        });
        std::iter::once(Part::Foundation(Box::new(foundation)))
            .chain(sessions.into_parts().map(Part::Sessions))
            .chain(queues)
    }
}

/// Puts a state together again, piece by piece.
#[derive(Debug, Default)]
pub struct Assembly {
    pieces: u64,
    is_whole: bool,
    foundation: Option<(QueueClock, MoveTasks, Catalog)>,
    sessions: Sessions,
    /// The one that is being put together.
    queue: Option<(QueueKey, Queue)>,
}

/// These are not the pieces of a state, or not all, or not in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// Another piece should have come.
    #[error("piece {found} of the state came where piece {expected} was due")]
    OutOfOrder {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// What it holds contradicts itself or the pieces before it.
    #[error("piece {number} of the state does not fit")]
    DoesNotFit {
        /// Its number.
        number: u64,
    },
    /// The last piece has not come.
    #[error("the state ends after {pieces} pieces, and more should follow")]
    Incomplete {
        /// How many came.
        pieces: u64,
    },
}

impl Assembly {
    /// Takes the next piece. After an error the assembly is of no use any more.
    pub fn push(&mut self, piece: Piece) -> Result<(), AssemblyError> {
        let number = piece.number;
        if number != self.pieces || self.is_whole {
            return Err(AssemblyError::OutOfOrder {
                expected: self.pieces,
                found: number,
            });
        }
        self.pieces += 1;
        let mut parts = piece.parts.into_iter();
        parts
            .try_for_each(|part| self.take(part))
            .ok_or(AssemblyError::DoesNotFit { number })?;
        self.is_whole = piece.position == PiecePosition::Last;
        Ok(())
    }

    fn take(&mut self, part: Part) -> Option<()> {
        match part {
            Part::Foundation(foundation) => {
                let Foundation {
                    clock,
                    move_tasks,
                    catalog,
                } = *foundation;
                let catalog = Catalog::restore(catalog);
                let before = self.foundation.replace((clock, move_tasks, catalog));
                before.is_none().then_some(())
            }
            Part::Sessions(part) => self.sessions.restore(part),
            Part::Queue(key, head) => {
                self.finish_queue()?;
                let queue = Queue::restore(&key, *head);
                self.queue = Some((key, queue));
                Some(())
            }
            Part::Accepted(accepted) => {
                let (_, queue) = self.queue.as_mut()?;
                queue.deduplication.restore(accepted)
            }
            Part::Messages(part) => {
                let (key, queue) = self.queue.as_mut()?;
                queue.messages.restore(key, part)
            }
        }
    }

    fn finish_queue(&mut self) -> Option<()> {
        if let Some((key, mut queue)) = self.queue.take() {
            queue.messages.finish_restoring()?;
            let (_, _, catalog) = self.foundation.as_mut()?;
            catalog.restore_queue(key, queue)?;
        }
        Some(())
    }

    /// The state, if all its pieces have come.
    pub fn finish(mut self) -> Result<State, AssemblyError> {
        if !self.is_whole {
            return Err(AssemblyError::Incomplete {
                pieces: self.pieces,
            });
        }
        let last = AssemblyError::DoesNotFit {
            number: self.pieces - 1,
        };
        self.finish_queue().ok_or(last)?;
        let (clock, move_tasks, catalog) = self.foundation.ok_or(last)?;
        Ok(State {
            clock,
            catalog,
            move_tasks,
            sessions: self.sessions,
        })
    }
}

#[cfg(test)]
mod tests;
