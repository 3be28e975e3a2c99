//! Receivers that wait at the leader for something to receive. They cost no log entry: one is
//! woken for each message that becomes visible, by a send, by the end of a delay or by the end of
//! a visibility time-out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use zonemq_queue::command::Event;
use zonemq_queue::ids::QueueKey;
use zonemq_queue::time::Millis;
use zonemq_world::Clock;

/// The lines of waiting receivers, one for each queue that has any. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiters {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// Told when the earliest alarm may have changed.
    alarms_changed: Notify,
}

#[derive(Debug, Default)]
struct Lines {
    by_queue: BTreeMap<QueueKey, VecDeque<Place>>,
    /// Moments at which a queue with a line may have something to receive.
    alarms: BTreeSet<(Millis, QueueKey)>,
    next_place: u64,
}

#[derive(Debug)]
struct Place {
    number: u64,
    wake: oneshot::Sender<()>,
}

impl Lines {
    /// Wakes the receivers who have waited longest.
    fn wake(&mut self, queue: &QueueKey, mut count: u64) {
        let Some(line) = self.by_queue.get_mut(queue) else {
            return;
        };
        while count > 0 {
            let Some(place) = line.pop_front() else { break };
            // A receiver that has just gone away does not count.
            if place.wake.send(()).is_ok() {
                count -= 1;
            }
        }
        if line.is_empty() {
            self.by_queue.remove(queue);
        }
    }

    fn wake_all(&mut self) {
        for place in std::mem::take(&mut self.by_queue).into_values().flatten() {
            let _ = place.wake.send(());
        }
        self.alarms.clear();
    }

    /// Tells whether this alarm is the next one now.
    fn set_alarm(&mut self, at: Millis, queue: &QueueKey) -> bool {
        if !self.by_queue.contains_key(queue) {
            return false;
        }
        let is_next = self.alarms.first().is_none_or(|(next, _)| at < *next);
        self.alarms.insert((at, queue.clone()));
        is_next
    }

    /// Puts a receiver into the line at its place: behind those with smaller numbers.
    fn enter(&mut self, queue: &QueueKey, number: u64) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        let line = self.by_queue.entry(queue.clone()).or_default();
        let at = line.partition_point(|place| place.number < number);
        line.insert(at, Place { number, wake });
        woken
    }

    fn leave(&mut self, queue: &QueueKey, number: u64) {
        let Some(line) = self.by_queue.get_mut(queue) else {
            return;
        };
        if let Ok(at) = line.binary_search_by_key(&number, |place| place.number) {
            line.remove(at);
        }
        if line.is_empty() {
            self.by_queue.remove(queue);
        }
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Visible { queue, count } => self.wake(&queue, count),
            Event::VisibleAt { queue, stamp } => {
                self.set_alarm(stamp, &queue);
            }
            // They find out that the queue is gone and say so.
            Event::QueueDeleted { queue } => self.wake(&queue, u64::MAX),
            Event::ClockAdvanced => self.wake_all(),
        }
    }

    fn ring(&mut self, now: Millis) {
        while let Some((at, _)) = self.alarms.first()
            && *at <= now
        {
            if let Some((_, queue)) = self.alarms.pop_first() {
                self.wake(&queue, 1);
            }
        }
    }
}

impl Waiters {
    fn locked(&self) -> MutexGuard<'_, Lines> {
        self.shared
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the end of a queue's line.
    pub(crate) fn join(&self, queue: &QueueKey) -> Waiter {
        let mut lines = self.locked();
        let number = lines.next_place;
        lines.next_place += 1;
        let woken = lines.enter(queue, number);
        Waiter {
            waiters: self.clone(),
            queue: queue.clone(),
            number,
            woken: Some(woken),
        }
    }

    /// Wakes up to `count` receivers of the queue.
    pub(crate) fn wake(&self, queue: &QueueKey, count: u64) {
        self.locked().wake(queue, count);
    }

    /// Wakes a receiver of the queue at that moment, if one waits now.
    pub(crate) fn wake_at(&self, at: Millis, queue: &QueueKey) {
        if self.locked().set_alarm(at, queue) {
            self.shared.alarms_changed.notify_one();
        }
    }

    /// How many receivers wait at each queue that has any.
    pub(crate) fn by_queue(&self) -> BTreeMap<QueueKey, usize> {
        let lines = self.locked();
        let lines = lines.by_queue.iter();
        lines
            .map(|(queue, line)| (queue.clone(), line.len()))
            .collect()
    }

    /// How many receivers wait.
    pub(crate) fn count(&self) -> usize {
        self.locked().by_queue.values().map(VecDeque::len).sum()
    }

    /// Wakes receivers as batches are applied and as time passes, until `events` closes.
    pub(crate) async fn run(self, clock: impl Clock, mut events: mpsc::Receiver<Vec<Event>>) {
        loop {
            let next = self.locked().alarms.first().map(|(at, _)| *at);
            let alarm = async {
                match next {
                    Some(at) => {
                        let millis = at.millis_since(Millis(clock.now_millis()));
                        tokio::time::sleep(Duration::from_millis(millis)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                batch = events.recv() => match batch {
                    Some(batch) => {
                        let mut lines = self.locked();
                        for event in batch {
                            lines.take_event(event);
                        }
                    }
                    None => return,
                },
                () = alarm => self.locked().ring(Millis(clock.now_millis())),
                () = self.shared.alarms_changed.notified() => {}
            }
        }
    }
}

/// A receiver's place in the line. Dropping it leaves the line, and passes a wake-up that came
/// too late to the next one.
#[derive(Debug)]
pub(crate) struct Waiter {
    waiters: Waiters,
    queue: QueueKey,
    number: u64,
    woken: Option<oneshot::Receiver<()>>,
}

impl Waiter {
    /// Resolves when there may be something to receive. It has left the line then.
    pub(crate) async fn woken(&mut self) {
        if let Some(woken) = self.woken.as_mut() {
            // An error means that the line is gone: look again as well.
            let _ = woken.await;
        }
        self.woken = None;
    }

    /// Goes back to its place in the line: there was nothing to receive after all.
    pub(crate) fn rejoin(&mut self) {
        self.woken = Some(self.waiters.locked().enter(&self.queue, self.number));
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Some(mut woken) = self.woken.take() else {
            return;
        };
        let mut lines = self.waiters.locked();
        if woken.try_recv().is_ok() {
            lines.wake(&self.queue, 1);
            return;
        }
        lines.leave(&self.queue, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str) -> QueueKey {
        QueueKey {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            name: name.to_owned(),
        }
    }

    fn is_woken(waiter: &mut Waiter) -> bool {
        waiter
            .woken
            .as_mut()
            .is_some_and(|woken| woken.try_recv().is_ok())
    }

    #[test]
    fn one_visible_message_wakes_the_receiver_who_waited_longest() {
        let waiters = Waiters::default();
        let mut first = waiters.join(&queue("a"));
        let mut second = waiters.join(&queue("a"));
        let mut other = waiters.join(&queue("b"));
        waiters.wake(&queue("a"), 1);
        assert!(is_woken(&mut first));
        assert!(!is_woken(&mut second));
        assert!(!is_woken(&mut other));
    }

    #[test]
    fn a_receiver_who_leaves_after_being_woken_passes_the_message_on() {
        let waiters = Waiters::default();
        let first = waiters.join(&queue("a"));
        let mut second = waiters.join(&queue("a"));
        waiters.wake(&queue("a"), 1);
        drop(first);
        assert!(is_woken(&mut second));
    }

    #[tokio::test]
    async fn a_receiver_who_was_woken_for_nothing_gets_its_place_back() {
        let waiters = Waiters::default();
        let mut first = waiters.join(&queue("a"));
        let mut second = waiters.join(&queue("a"));
        waiters.wake(&queue("a"), 1);
        first.woken().await;
        first.rejoin();
        waiters.wake(&queue("a"), 1);
        assert!(is_woken(&mut first));
        assert!(!is_woken(&mut second));
    }

    #[test]
    fn whoever_leaves_the_others_keep_their_order() {
        let waiters = Waiters::default();
        let mut line: Vec<Waiter> = (0..5).map(|_| waiters.join(&queue("a"))).collect();
        drop(line.remove(4));
        drop(line.remove(2));
        drop(line.remove(0));
        waiters.wake(&queue("a"), 1);
        assert!(is_woken(&mut line[0]));
        assert!(!is_woken(&mut line[1]));
    }

    #[test]
    fn a_line_is_forgotten_when_its_last_receiver_leaves() {
        let waiters = Waiters::default();
        let first = waiters.join(&queue("a"));
        assert_eq!(waiters.count(), 1);
        drop(first);
        assert_eq!(waiters.count(), 0);
        assert!(waiters.locked().by_queue.is_empty());
    }

    #[test]
    fn an_alarm_wakes_one_receiver_when_its_time_has_come() {
        let waiters = Waiters::default();
        let mut first = waiters.join(&queue("a"));
        let mut second = waiters.join(&queue("a"));
        waiters.wake_at(Millis(10), &queue("a"));
        waiters.locked().ring(Millis(9));
        assert!(!is_woken(&mut first));
        waiters.locked().ring(Millis(10));
        assert!(is_woken(&mut first));
        assert!(!is_woken(&mut second));
    }

    #[test]
    fn a_deleted_queue_and_an_advanced_clock_wake_everybody() {
        let waiters = Waiters::default();
        let mut first = waiters.join(&queue("a"));
        let mut second = waiters.join(&queue("b"));
        waiters
            .locked()
            .take_event(Event::QueueDeleted { queue: queue("a") });
        assert!(is_woken(&mut first));
        assert!(!is_woken(&mut second));
        waiters.locked().take_event(Event::ClockAdvanced);
        assert!(is_woken(&mut second));
    }
}
