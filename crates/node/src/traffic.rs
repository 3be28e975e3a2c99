//! How many messages each queue took and gave, counted where requests are carried out: at the leader.
//!
//! The counts grow as long as the node runs, and only while it leads. Who looks at them twice knows a
//! rate; a new leader has counts of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use zonemq_queue::command::{Command, Outcome, Reply};
use zonemq_queue::ids::QueueKey;

/// Twice as many as anybody is shown. Queues beyond are not counted until others are gone.
const MOST_QUEUES: usize = 1000;

/// The counts of all queues. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    // Written when a queue is counted for the first time, and when it is gone. All other requests
    // read, for as long as a look-up takes.
    queues: Arc<RwLock<BTreeMap<QueueKey, Arc<Counters>>>>,
}

// Nothing is ordered by them: each is a sum.
#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
    deleted: AtomicU64,
}

/// The messages of one queue since the start of this node, while it led.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Acknowledged sends.
    pub(crate) sent: u64,
    /// Deliveries: a message that came back counts again.
    pub(crate) received: u64,
    /// Acknowledged deletes.
    pub(crate) deleted: u64,
}

/// Where a request is counted once its reply is there.
#[derive(Debug)]
pub(crate) struct Place(At);

#[derive(Debug)]
enum At {
    Known(Arc<Counters>),
    /// Boxed: places are moved with requests, and a queue is new only once.
    New(Box<QueueKey>),
}

impl Traffic {
    /// Where this command will be counted, if it moves messages for a client.
    pub(crate) fn place(&self, command: &Command) -> Option<Place> {
        let (Command::SendMessages { queue, .. }
        | Command::ReceiveMessages { queue, .. }
        | Command::DeleteMessages { queue, .. }) = command
        else {
            return None;
        };
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        Some(Place(match queues.get(queue) {
            Some(counters) => At::Known(counters.clone()),
            None => At::New(Box::new(queue.clone())),
        }))
    }

    /// Counts what came of a command.
    pub(crate) fn count(&self, place: Place, reply: &Reply) {
        let Ok(outcome) = reply else { return };
        let (counter, count): (fn(&Counters) -> &AtomicU64, usize) = match outcome {
            Outcome::Sent(each) => (|all| &all.sent, each.iter().flatten().count()),
            Outcome::Received(messages) => (|all| &all.received, messages.len()),
            Outcome::Each(each) => (|all| &all.deleted, each.iter().flatten().count()),
            _ => return,
        };
        // A long poll that finds nothing is none.
        if count == 0 {
            return;
        }
        let counters = match place.0 {
            At::Known(counters) => Some(counters),
            At::New(queue) => self.begin(*queue),
        };
        if let Some(counters) = counters {
            counter(&counters).fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    fn begin(&self, queue: QueueKey) -> Option<Arc<Counters>> {
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= MOST_QUEUES && !queues.contains_key(&queue) {
            return None;
        }
        Some(queues.entry(queue).or_default().clone())
    }

    /// What was counted for a queue.
    pub(crate) fn counts(&self, queue: &QueueKey) -> Counts {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let counters = queues.get(queue);
        counters.map_or(Counts::default(), |counters| Counts {
            sent: counters.sent.load(Ordering::Relaxed),
            received: counters.received.load(Ordering::Relaxed),
            deleted: counters.deleted.load(Ordering::Relaxed),
        })
    }

    /// Forgets all queues but these.
    pub(crate) fn keep<'q>(&self, queues: impl IntoIterator<Item = &'q QueueKey>) {
        let there: BTreeSet<&QueueKey> = queues.into_iter().collect();
        let counted = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let is_there = |queue: &QueueKey| there.contains(queue);
        let has_gone = !counted.keys().all(is_there);
        drop(counted);
        if has_gone {
            let mut counted = self.queues.write().unwrap_or_else(PoisonError::into_inner);
            counted.retain(|queue, _| is_there(queue));
        }
    }
}

#[cfg(test)]
mod tests {
    use zonemq_queue::command::CommandError;

    use super::*;

    fn queue(name: &str) -> QueueKey {
        QueueKey {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            name: name.to_owned(),
        }
    }

    fn deletes(name: &str) -> Command {
        Command::DeleteMessages {
            queue: queue(name),
            handles: Vec::new(),
        }
    }

    fn count(traffic: &Traffic, name: &str, reply: &Reply) {
        let place = traffic.place(&deletes(name)).unwrap();
        traffic.count(place, reply);
    }

    fn deleted(count: u64) -> Counts {
        Counts {
            deleted: count,
            ..Counts::default()
        }
    }

    #[test]
    fn what_was_acknowledged_is_counted_for_its_queue() {
        let traffic = Traffic::default();
        let some = Ok(Outcome::Each(vec![
            Ok(()),
            Err(CommandError::StorageFull),
            Ok(()),
        ]));
        count(&traffic, "a", &some);
        count(&traffic, "a", &some);
        count(&traffic, "a", &Err(CommandError::StorageFull));
        count(&traffic, "b", &Ok(Outcome::Received(Vec::new())));
        assert_eq!(traffic.counts(&queue("a")), deleted(4));
        assert_eq!(traffic.counts(&queue("b")), Counts::default());
        let look = Command::GetQueueUrl { queue: queue("a") };
        assert!(traffic.place(&look).is_none(), "nothing moves");
    }

    #[test]
    fn queues_that_are_gone_make_room() {
        let traffic = Traffic::default();
        let one = Ok(Outcome::Each(vec![Ok(())]));
        for number in 0..MOST_QUEUES {
            count(&traffic, &format!("q{number}"), &one);
        }
        count(&traffic, "late", &one);
        count(&traffic, "q0", &one);
        assert_eq!(traffic.counts(&queue("late")), Counts::default());
        assert_eq!(traffic.counts(&queue("q0")), deleted(2));
        traffic.keep(&[queue("q0"), queue("late")]);
        count(&traffic, "late", &one);
        assert_eq!(traffic.counts(&queue("late")), deleted(1));
        assert_eq!(traffic.counts(&queue("q0")), deleted(2));
        assert_eq!(traffic.counts(&queue("q1")), Counts::default());
    }
}
