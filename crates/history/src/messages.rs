//! A history as messages: how each was sent, delivered and deleted. A message is known by its
//! body, of which there is one in the history, whatever ids it gets on its way.

use std::collections::BTreeMap;

use crate::event::{Accepted, Delivery, NewMessage, Operation, Outcome, Settings};
use crate::history::{Call, End, History};

/// Everything about messages, in the order in which it began.
pub(crate) struct Messages<'h> {
    pub(crate) history: &'h History,
    pub(crate) by_body: BTreeMap<&'h str, Message<'h>>,
    /// All deletes by the handle that they name.
    pub(crate) deletes: BTreeMap<&'h str, Vec<Delete<'h>>>,
    pub(crate) purges: Vec<OfQueue<'h>>,
    pub(crate) moves: Vec<Move<'h>>,
    pub(crate) advances: Vec<(&'h Call, u64)>,
    /// Receives of which nobody knows what they have received.
    pub(crate) lost_receives: Vec<OfQueue<'h>>,
    /// Changes of visibility by handle.
    pub(crate) changes: BTreeMap<&'h str, Vec<&'h Call>>,
}

/// One message.
#[derive(Default)]
pub(crate) struct Message<'h> {
    /// More than one where a client tried again under the same deduplication id.
    pub(crate) sends: Vec<Send<'h>>,
    pub(crate) deliveries: Vec<Delivered<'h>>,
}

/// An attempt to send it.
#[derive(Clone, Copy)]
pub(crate) struct Send<'h> {
    pub(crate) call: &'h Call,
    pub(crate) queue: &'h str,
    pub(crate) message: &'h NewMessage,
    /// What the client was told; nothing where that is unknown or the message was refused.
    pub(crate) accepted: Option<&'h Accepted>,
    pub(crate) is_refused: bool,
}

/// A delivery of it.
#[derive(Clone, Copy)]
pub(crate) struct Delivered<'h> {
    pub(crate) call: &'h Call,
    pub(crate) queue: &'h str,
    pub(crate) delivery: &'h Delivery,
    /// For how long it was hidden then.
    pub(crate) visibility_micros: u64,
    /// Whether the receiver named its attempt, so that it may get the same again.
    pub(crate) is_attempt: bool,
    /// Its place in the answer.
    pub(crate) position: usize,
}

/// A delete of one handle.
#[derive(Clone, Copy)]
pub(crate) struct Delete<'h> {
    pub(crate) call: &'h Call,
    /// Whether the client was told that it is done.
    pub(crate) is_acknowledged: bool,
}

/// A move task that was begun, or may have been.
#[derive(Clone, Copy)]
pub(crate) struct Move<'h> {
    /// Back to where messages came from where absent.
    pub(crate) destination: Option<&'h str>,
}

/// A call about a queue as a whole.
#[derive(Clone, Copy)]
pub(crate) struct OfQueue<'h> {
    pub(crate) call: &'h Call,
    pub(crate) queue: &'h str,
}

impl<'h> Messages<'h> {
    pub(crate) fn of(history: &'h History) -> Messages<'h> {
        let mut messages = Messages {
            history,
            by_body: BTreeMap::new(),
            deletes: BTreeMap::new(),
            purges: Vec::new(),
            moves: Vec::new(),
            advances: Vec::new(),
            lost_receives: Vec::new(),
            changes: BTreeMap::new(),
        };
        for call in history.calls() {
            messages.add(call);
        }
        messages
    }

    fn add(&mut self, call: &'h Call) {
        match &call.operation {
            Operation::Send {
                queue,
                messages: sent,
            } => self.add_sends(call, queue, sent),
            Operation::Receive {
                queue,
                visibility_millis,
                attempt,
            } => {
                let settings = self.history.settings(queue);
                let visibility = visibility_millis.unwrap_or(settings.visibility_millis);
                let of_queue = OfQueue { call, queue };
                self.add_receive(of_queue, visibility * 1000, attempt.is_some());
            }
            Operation::Delete { handles, .. } => {
                for (position, handle) in handles.iter().enumerate() {
                    let is_refused = match &call.end {
                        End::Ok(Outcome::Deleted { refusals }) => {
                            refusals.get(position).is_some_and(Option::is_some)
                        }
                        End::Ok(_) | End::Unknown => false,
                        End::Failed(_) => true,
                    };
                    if !is_refused {
                        let is_acknowledged = matches!(call.end, End::Ok(_));
                        let delete = Delete {
                            call,
                            is_acknowledged,
                        };
                        self.deletes.entry(handle).or_default().push(delete);
                    }
                }
            }
            Operation::ChangeVisibility { handle, .. } if call.may_have_effect() => {
                self.changes.entry(handle).or_default().push(call);
            }
            Operation::Purge { queue } if call.may_have_effect() => {
                self.purges.push(OfQueue { call, queue });
            }
            Operation::StartMove { destination, .. } if call.may_have_effect() => {
                let destination = destination.as_deref();
                self.moves.push(Move { destination });
            }
            Operation::AdvanceClock { millis } if call.may_have_effect() => {
                self.advances.push((call, *millis));
            }
            Operation::CreateQueue { .. }
            | Operation::ChangeVisibility { .. }
            | Operation::Purge { .. }
            | Operation::StartMove { .. }
            | Operation::AdvanceClock { .. } => {}
        }
    }

    fn add_sends(&mut self, call: &'h Call, queue: &'h str, sent: &'h [NewMessage]) {
        for (position, message) in sent.iter().enumerate() {
            let (accepted, is_refused) = match &call.end {
                End::Ok(Outcome::Sent { messages }) => match messages.get(position) {
                    Some(Ok(accepted)) => (Some(accepted), false),
                    Some(Err(_)) | None => (None, true),
                },
                End::Ok(_) | End::Unknown => (None, false),
                End::Failed(_) => (None, true),
            };
            let attempt = Send {
                call,
                queue,
                message,
                accepted,
                is_refused,
            };
            let message = self.by_body.entry(&message.body).or_default();
            message.sends.push(attempt);
        }
    }

    fn add_receive(&mut self, of_queue: OfQueue<'h>, visibility_micros: u64, is_attempt: bool) {
        match &of_queue.call.end {
            End::Ok(Outcome::Received { messages }) => {
                for (position, delivery) in messages.iter().enumerate() {
                    let delivered = Delivered {
                        call: of_queue.call,
                        queue: of_queue.queue,
                        delivery,
                        visibility_micros,
                        is_attempt,
                        position,
                    };
                    let message = self.by_body.entry(&delivery.body).or_default();
                    message.deliveries.push(delivered);
                }
            }
            End::Ok(_) | End::Failed(_) => {}
            End::Unknown => self.lost_receives.push(of_queue),
        }
    }

    /// The deletes of this delivery that were done, or may have been.
    pub(crate) fn deletes_of(&self, delivered: &Delivered<'h>) -> &[Delete<'h>] {
        let handle = delivered.delivery.handle.as_str();
        self.deletes.get(handle).map_or(&[], Vec::as_slice)
    }

    /// Whether a delete of any delivery of the message was asked for before this moment.
    pub(crate) fn may_be_deleted_before(&self, message: &Message<'h>, moment: u64) -> bool {
        message.deliveries.iter().any(|delivered| {
            let mut deletes = self.deletes_of(delivered).iter();
            deletes.any(|delete| delete.call.invoked_at < moment)
        })
    }

    /// Whether a purge of the queue was asked for before `until` that may have caught what was
    /// sent from `since` on.
    pub(crate) fn may_be_purged(&self, queue: &str, since: u64, until: u64) -> bool {
        self.purges.iter().any(|purge| {
            purge.queue == queue && purge.call.ended_at >= since && purge.call.invoked_at < until
        })
    }

    /// By how much the clock of the queues may have been advanced between these moments, in
    /// microseconds.
    pub(crate) fn advanced_between(&self, since: u64, until: u64) -> u64 {
        let within = self
            .advances
            .iter()
            .filter(|(call, _)| call.ended_at >= since && call.invoked_at <= until);
        within.map(|(_, millis)| millis * 1000).sum()
    }

    pub(crate) fn settings(&self, queue: &str) -> Settings {
        self.history.settings(queue)
    }
}

impl<'h> Message<'h> {
    /// The first send that was acknowledged.
    pub(crate) fn acknowledged(&self) -> Option<&Send<'h>> {
        self.sends.iter().find(|send| send.accepted.is_some())
    }

    /// The moment before which nobody can have received it.
    pub(crate) fn first_tried_at(&self) -> Option<u64> {
        self.sends.iter().map(|send| send.call.invoked_at).min()
    }
}
