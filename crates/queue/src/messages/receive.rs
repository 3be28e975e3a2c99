//! Receiving: whose turn it is, and what a receiver is told.

use zonemq_planted::{Bug, is_planted};

use super::stored::{Place, StoredMessage};
use super::{Messages, Order, group_of};
use crate::attempts::Given;
use crate::fair_order::Position;
use crate::ids::{MessageKey, QueueId};
use crate::message::{ContentPlace, ReceivedMessage, SequenceNumber};
use crate::time::{Millis, Seconds};

/// Dead letters that one receive moves at most; the next receive goes on.
const DEAD_LETTERS_IN_A_RECEIVE: usize = 1_000;

/// What a receive came to.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    pub(crate) received: Vec<ReceivedMessage<ContentPlace>>,
    /// Taken out of the queue, because they were received too often.
    pub(crate) dead_letters: Vec<StoredMessage>,
}

impl Messages {
    /// Hides up to `max` visible messages until `now + timeout` and returns them. Those that were
    /// received `most_receives` times leave the queue instead.
    pub(crate) fn receive(
        &mut self,
        queue: QueueId,
        now: Millis,
        max: u8,
        timeout: Seconds,
        most_receives: Option<u32>,
    ) -> Receipts {
        let mut receipts = Receipts::default();
        let until = if is_planted(Bug::ReceiveHidesNothing) {
            now
        } else {
            now + timeout
        };
        while receipts.received.len() < usize::from(max)
            && receipts.dead_letters.len() < DEAD_LETTERS_IN_A_RECEIVE
            && !self.is_at_in_flight_limit()
        {
            let turn = self.whose_turn(usize::from(max) - receipts.received.len(), most_receives);
            if turn.is_empty() {
                break;
            }
            for key in turn {
                if self.is_exhausted(key, most_receives) {
                    if is_planted(Bug::DeadLetterCopied) {
                        receipts.dead_letters.extend(self.by_key.get(key).cloned());
                        receipts.received.push(self.deliver(queue, key, now, until));
                        continue;
                    }
                    receipts.dead_letters.extend(self.remove(key));
                } else if !self.is_at_in_flight_limit() {
                    receipts.received.push(self.deliver(queue, key, now, until));
                }
            }
        }
        receipts
    }

    fn is_exhausted(&self, key: MessageKey, most_receives: Option<u32>) -> bool {
        let count = self.by_key.get(key).map(|message| message.receive_count);
        let early = u32::from(is_planted(Bug::DeadLetterTooEarly));
        most_receives.is_some_and(|most| count >= Some(most.saturating_sub(early)))
    }

    /// The next messages to be received or buried: one, or those of one FIFO group up to `limit`
    /// that can be received.
    pub(super) fn whose_turn(&self, limit: usize, most_receives: Option<u32>) -> Vec<MessageKey> {
        match &self.order {
            Order::Standard(order) => order.first().map(|(_, key)| key).into_iter().collect(),
            Order::Fifo { order, .. } => {
                let mut left = limit;
                let turn = order.first().take(limit + DEAD_LETTERS_IN_A_RECEIVE);
                let is_wanted = |key: &MessageKey| {
                    let is_wanted = left > 0;
                    left -= usize::from(is_wanted && !self.is_exhausted(*key, most_receives));
                    is_wanted
                };
                let mut turn: Vec<MessageKey> = turn.take_while(is_wanted).collect();
                if is_planted(Bug::GroupOrderReversed) {
                    turn.reverse();
                }
                turn
            }
        }
    }

    fn deliver(
        &mut self,
        queue: QueueId,
        key: MessageKey,
        now: Millis,
        until: Millis,
    ) -> ReceivedMessage<ContentPlace> {
        let Some(message) = self.by_key.get_mut(key) else {
            unreachable!("a visible message is in the queue");
        };
        let group = message.group().cloned();
        match (&mut self.order, message.place) {
            (Order::Standard(order), Place::Visible) => {
                order.hide(Position::of(key), key, group.as_ref());
                order.received(group.as_ref());
            }
            (Order::Standard(order), Place::VisibleAtTheBack(position)) => {
                order.hide(position, key, group.as_ref());
                order.received(group.as_ref());
            }
            (Order::Fifo { order, .. }, Place::Visible) => order.receive(key, group_of(group)),
            (_, place) => unreachable!("only visible messages are received, not {place:?}"),
        }
        if message.receive_count == 0 {
            message.first_received_at = now;
        }
        if !is_planted(Bug::ReceiveCountStays) || message.receive_count == 0 {
            message.receive_count = message.receive_count.saturating_add(1);
        }
        message.last_received_at = now;
        message.place = Place::InFlight { until };
        self.in_flight.insert((until, key));
        self.delivery(queue, key)
    }

    /// A message as its latest receiver gets it.
    fn delivery(&self, queue: QueueId, key: MessageKey) -> ReceivedMessage<ContentPlace> {
        let Some(message) = self.by_key.get(key) else {
            unreachable!("the message is in the queue");
        };
        let sequence_number = match self.order {
            Order::Standard(_) => None,
            Order::Fifo { .. } => Some(SequenceNumber(key.0)),
        };
        message.as_received(queue, key, sequence_number)
    }

    /// Gives what was given before for this attempt once more, hidden anew; nothing if any of it
    /// was deleted, changed or visible since.
    pub(crate) fn receive_again(
        &mut self,
        queue: QueueId,
        now: Millis,
        timeout: Seconds,
        attempt: &str,
    ) -> Vec<ReceivedMessage<ContentPlace>> {
        let Order::Fifo { attempts, .. } = &self.order else {
            return Vec::new();
        };
        let Some(given) = attempts.find(attempt).map(<[Given]>::to_vec) else {
            return Vec::new();
        };
        let is_as_it_was = |given: &Given| {
            self.by_key.get(given.message).is_some_and(|message| {
                message.receive_count == given.receive_count
                    && message.place
                        == Place::InFlight {
                            until: given.hidden_until,
                        }
            })
        };
        if !given.iter().all(is_as_it_was) {
            return Vec::new();
        }
        let until = now + timeout;
        for given in &given {
            self.hide_until(given.message, given.hidden_until, until);
        }
        let received = given
            .iter()
            .map(|given| self.delivery(queue, given.message));
        let received = received.collect::<Vec<_>>();
        self.remember_attempt(now, until, attempt, &received);
        received
    }

    /// Remembers what was received for a ReceiveRequestAttemptId.
    pub(crate) fn remember_attempt(
        &mut self,
        now: Millis,
        hidden_until: Millis,
        attempt: &str,
        received: &[ReceivedMessage<ContentPlace>],
    ) {
        if let Order::Fifo { attempts, .. } = &mut self.order {
            let given = received.iter().map(|message| Given {
                message: message.receipt_handle.message,
                receive_count: message.receive_count,
                hidden_until,
            });
            attempts.remember(now, attempt, given.collect());
        }
    }
}
