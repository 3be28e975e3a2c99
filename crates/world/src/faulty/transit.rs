//! What is on its way over a link in one direction, and how a task waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::lateness::lateness;
use super::{LinkRule, RuleBook};
use crate::Chance;

/// Bytes in order, each with the moment at which they arrive.
#[derive(Debug, Default)]
pub(super) struct Transit {
    packets: VecDeque<Packet>,
    bytes: usize,
    last_due: Option<Instant>,
    /// Something was lost: nothing after it is of any use.
    is_dumb: bool,
}

#[derive(Debug)]
struct Packet {
    due: Instant,
    bytes: Vec<u8>,
    taken: usize,
}

impl Transit {
    /// Whether nothing is on its way and nothing was lost.
    pub(super) fn is_untouched(&self) -> bool {
        self.packets.is_empty() && !self.is_dumb
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn is_dumb(&self) -> bool {
        self.is_dumb
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sends bytes on their way.
    pub(super) fn add(&mut self, bytes: Vec<u8>, rule: &LinkRule, chance: &impl Chance) {
        if self.is_dumb {
            return;
        }
        let now = Instant::now();
        let mut due = now + lateness(rule, chance);
        // Packets overtake one another on the way, but TCP hands them over in order.
        if let Some(last) = self.last_due {
            due = due.max(last);
        }
        if let Some(rate) = rule.bytes_per_second {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
            let takes = f64::from(length) / rate.max(1) as f64;
            due += Duration::from_secs_f64(takes);
        }
        self.last_due = Some(due);
        self.bytes += bytes.len();
        self.packets.push_back(Packet {
            due,
            bytes,
            taken: 0,
        });
    }

    /// Loses what is on its way, and all that comes after it.
    pub(super) fn swallow(&mut self) {
        self.packets.clear();
        self.bytes = 0;
        self.is_dumb = true;
    }

    /// What arrives first, and when.
    pub(super) fn first(&self) -> Option<(Instant, &[u8])> {
        let packet = self.packets.front()?;
        Some((packet.due, &packet.bytes[packet.taken..]))
    }

    /// So much of the first has arrived.
    pub(super) fn take(&mut self, count: usize) {
        if let Some(packet) = self.packets.front_mut() {
            packet.taken += count;
            self.bytes -= count;
            if packet.taken == packet.bytes.len() {
                self.packets.pop_front();
            }
        }
        if self.packets.is_empty() {
            self.last_due = None;
        }
    }
}

/// How one half of a connection is woken: at a moment, or when the rules change.
#[derive(Default)]
pub(super) struct Wait {
    timer: Option<Pin<Box<Sleep>>>,
    change: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}

impl Wait {
    /// Notes changes from now on: before the rules are looked at, so that none is missed.
    pub(super) fn arm(&mut self, book: &RuleBook) {
        if self.change.is_none() {
            self.change = Some(Box::pin(book.next_change()));
        }
    }

    /// Wakes the task at `due`, if it is told, and at the next change.
    pub(super) fn register(&mut self, due: Option<Instant>, context: &mut Context<'_>) {
        self.timer = due.map(|due| Box::pin(sleep_until(due)));
        let timer_is_over = self
            .timer
            .as_mut()
            .is_some_and(|timer| timer.as_mut().poll(context).is_ready());
        let has_changed = self
            .change
            .as_mut()
            .is_some_and(|change| change.as_mut().poll(context).is_ready());
        if has_changed {
            self.change = None;
        }
        if timer_is_over || has_changed {
            context.waker().wake_by_ref();
        }
    }
}
