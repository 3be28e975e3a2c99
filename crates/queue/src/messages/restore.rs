//! The messages of a queue as parts, in which they travel in snapshots. What follows from the
//! messages themselves, such as who is visible, is not in the parts: it is put together again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pages::{Page, PageNumber};
use super::stored::Place;
use super::{Messages, Order, group_of};
use crate::attempts::Attempt;
use crate::fair_order::{GroupMemory, Position};
use crate::ids::{MessageKey, QueueKey};

/// One part of what a queue holds, small beside a piece of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum MessagesPart {
    /// The first part.
    Numbers {
        next: u64,
        became_receivable: u64,
    },
    /// An answer to a ReceiveRequestAttemptId.
    Attempt(String, Attempt),
    /// What is known of a message group of a standard queue beside its messages.
    Group(Arc<str>, GroupMemory),
    Page(PageNumber, Arc<Page>),
}

impl MessagesPart {
    /// About what it takes when it is encoded, rather too much than too little.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            MessagesPart::Numbers { .. } => 32,
            MessagesPart::Attempt(id, attempt) => 32 + id.len() + attempt.size_bytes(),
            MessagesPart::Group(name, _) => 32 + name.len(),
            MessagesPart::Page(_, page) => page.size_bytes(),
        }
    }
}

impl Messages {
    /// In the order in which [`restore`](Self::restore) wants them.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = MessagesPart> + Send {
        let numbers = MessagesPart::Numbers {
            next: self.next,
            became_receivable: self.became_receivable,
        };
        let (groups, attempts) = match self.order {
            Order::Standard(order) => (Some(order.into_memories()), None),
            Order::Fifo { attempts, .. } => (None, Some(attempts.into_iter())),
        };
        let attempts = attempts.into_iter().flatten();
        let groups = groups.into_iter().flatten();
        let pages = self.by_key.into_pages();
        std::iter::once(numbers)
            .chain(attempts.map(|(id, attempt)| MessagesPart::Attempt(id, attempt)))
            .chain(groups.map(|(name, memory)| MessagesPart::Group(name, memory)))
            .chain(pages.map(|(number, page)| MessagesPart::Page(number, page)))
    }

    /// Takes the next part of a queue that was empty at first; nothing if it does not fit.
    pub(crate) fn restore(&mut self, key: &QueueKey, part: MessagesPart) -> Option<()> {
        match (part, &mut self.order) {
            (
                MessagesPart::Numbers {
                    next,
                    became_receivable,
                },
                _,
            ) => {
                *self = Messages {
                    next,
                    became_receivable,
                    ..Messages::new(key)
                };
            }
            (MessagesPart::Attempt(id, attempt), Order::Fifo { attempts, .. }) => {
                attempts.restore(id, attempt);
            }
            (MessagesPart::Group(name, memory), Order::Standard(order)) => {
                order.restore_memory(name, memory);
            }
            (MessagesPart::Page(number, page), _) => {
                for key in self.by_key.push_page(number, page)? {
                    self.restore_message(key)?;
                }
            }
            (MessagesPart::Attempt(..), Order::Standard(_))
            | (MessagesPart::Group(..), Order::Fifo { .. }) => return None,
        }
        Some(())
    }

    /// Puts a message that is on its page into its other places.
    fn restore_message(&mut self, key: MessageKey) -> Option<()> {
        if key.0 >= self.next {
            return None;
        }
        let mut message = self.by_key.get(key)?.clone();
        self.share_group(&mut message);
        self.age(key, &message);
        let group = message.group();
        match message.place {
            Place::Visible | Place::VisibleAtTheBack(_) => {}
            Place::Delayed { until } => drop(self.delayed.insert((until, key))),
            Place::InFlight { until } => drop(self.in_flight.insert((until, key))),
        }
        match (&mut self.order, message.place) {
            (_, Place::Delayed { .. }) => {}
            (Order::Standard(order), Place::Visible) => {
                order.restore_visible(Position::of(key), key, group)?;
            }
            (Order::Standard(order), Place::VisibleAtTheBack(position)) => {
                order.restore_visible(position, key, group)?;
            }
            (Order::Standard(order), Place::InFlight { .. }) => {
                order.restore_in_flight(group)?;
            }
            (Order::Fifo { order, .. }, Place::Visible) => {
                order.show(key, group_of(group.cloned()));
            }
            (Order::Fifo { order, .. }, Place::InFlight { .. }) => {
                order.show(key, group_of(group.cloned()));
                order.receive(key, group_of(group.cloned()));
            }
            (Order::Fifo { .. }, Place::VisibleAtTheBack(_)) => return None,
        }
        if message.group().is_some() {
            *self.by_key.get_mut(key)? = message;
        }
        Some(())
    }

    /// After the last part; nothing if parts are missing.
    pub(crate) fn finish_restoring(&mut self) -> Option<()> {
        match &mut self.order {
            Order::Standard(order) => order.finish_restoring(),
            Order::Fifo { .. } => Some(()),
        }
    }
}
