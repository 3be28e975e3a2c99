//! The faults that are active on this node, with the time that each has left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use zonemq_world::faulty::{RuleBook, Rules};

use super::{Effect, Fault, FaultError, MAX_FAULTS};

/// What is broken on this node. Clones share it.
#[derive(Clone, Debug)]
pub struct FaultBoard {
    me: u64,
    book: RuleBook,
    posted: Arc<Mutex<BTreeMap<u64, Posted>>>,
    /// The next end may come sooner than it was.
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Posted {
    words: String,
    effects: Vec<Effect>,
    until: Option<Instant>,
}

impl FaultBoard {
    /// A board of a node whose world follows the rules in `book`.
    pub fn new(me: u64, book: RuleBook) -> Self {
        FaultBoard {
            me,
            book,
            posted: Arc::default(),
            changed: Arc::default(),
        }
    }

    // Each critical section leaves the map whole.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<u64, Posted>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a fault in force, in place of one of the same number. The number that it has.
    pub fn post(&self, fault: Fault) -> Result<u64, FaultError> {
        fault.check()?;
        let mut posted = self.locked();
        let number = match fault.number {
            0 => posted.keys().next_back().map_or(1, |last| last + 1),
            number => number,
        };
        if posted.len() >= MAX_FAULTS && !posted.contains_key(&number) {
            return Err(FaultError::TooMany);
        }
        tracing::warn!(number, fault = fault.words, "broken on purpose");
        let left = fault.left_millis.map(Duration::from_millis);
        let fault = Posted {
            words: fault.words,
            effects: fault.effects,
            until: left.map(|left| Instant::now() + left),
        };
        posted.insert(number, fault);
        self.put_in_force(&posted);
        Ok(number)
    }

    /// Undoes a fault; `false` where there is none of this number.
    pub(crate) fn undo(&self, number: u64) -> bool {
        let mut posted = self.locked();
        let Some(fault) = posted.remove(&number) else {
            return false;
        };
        tracing::warn!(number, fault = fault.words, "mended");
        self.put_in_force(&posted);
        true
    }

    /// Undoes all faults.
    pub(crate) fn heal(&self) {
        let mut posted = self.locked();
        if !posted.is_empty() {
            tracing::warn!(faults = posted.len(), "all mended");
        }
        posted.clear();
        self.put_in_force(&posted);
    }

    /// What is active, by number.
    pub(crate) fn active(&self) -> Vec<Fault> {
        let now = Instant::now();
        let left = |until: Instant| {
            let left = until.saturating_duration_since(now).as_millis();
            u64::try_from(left).unwrap_or(u64::MAX)
        };
        self.locked()
            .iter()
            .map(|(number, fault)| Fault {
                number: *number,
                words: fault.words.clone(),
                effects: fault.effects.clone(),
                left_millis: fault.until.map(left),
            })
            .filter(|fault| fault.left_millis != Some(0))
            .collect()
    }

    pub(super) fn book(&self) -> &RuleBook {
        &self.book
    }

    /// Ends each fault when its time is over.
    pub(super) async fn run(self) {
        loop {
            let next = self.locked().values().filter_map(|fault| fault.until).min();
            let is_over = async {
                match next {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = is_over => self.end_what_is_over(),
                () = self.changed.notified() => {}
            }
        }
    }

    fn end_what_is_over(&self) {
        let now = Instant::now();
        let mut posted = self.locked();
        posted.retain(|number, fault| {
            let lasts = fault.until.is_none_or(|until| until > now);
            if !lasts {
                tracing::warn!(number, fault = fault.words, "over by itself");
            }
            lasts
        });
        self.put_in_force(&posted);
    }

    fn put_in_force(&self, posted: &BTreeMap<u64, Posted>) {
        let mut rules = Rules::default();
        for effect in posted.values().flat_map(|fault| &fault.effects) {
            match *effect {
                Effect::Link { from, to, rule } if [from, to].contains(&self.me) => {
                    rules.add_link(from, to, rule);
                }
                Effect::Disk { node, rule } if node == self.me => {
                    rules.disk = rules.disk.and(rule);
                }
                Effect::Clients { node, rule } if node == self.me => {
                    rules.clients = rules.clients.and(rule);
                }
                Effect::Link { .. } | Effect::Disk { .. } | Effect::Clients { .. } => {}
            }
        }
        self.book.set(rules);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use zonemq_world::faulty::{ClientRule, DiskRule, LinkRule, Passage};

    use super::*;

    fn cut(number: u64, from: u64, to: u64, left_millis: Option<u64>) -> Fault {
        Fault {
            number,
            words: format!("cut n{from}->n{to}"),
            effects: vec![Effect::Link {
                from,
                to,
                rule: LinkRule::passing(Passage::Held),
            }],
            left_millis,
        }
    }

    fn board() -> (FaultBoard, RuleBook) {
        let book = RuleBook::new();
        (FaultBoard::new(1, book.clone()), book)
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_ends_by_itself_and_leaves_the_others() {
        let (board, book) = board();
        let running = tokio::spawn(board.clone().run());
        assert_eq!(board.post(cut(0, 1, 2, Some(10_000))), Ok(1));
        assert_eq!(board.post(cut(0, 3, 1, None)), Ok(2));
        tokio::time::sleep(Duration::from_millis(9_999)).await;
        assert_eq!(board.active()[0].left_millis, Some(1));
        assert!(!book.look(|rules| rules.can_connect(1, 2)));
        book.wait_until(|rules| rules.can_connect(1, 2)).await;
        let numbers: Vec<u64> = board.active().iter().map(|fault| fault.number).collect();
        assert_eq!(numbers, [2]);
        assert!(board.undo(2) && !board.undo(2));
        assert!(book.is_calm());
        running.abort();
    }

    #[test]
    fn a_node_takes_what_concerns_it_and_lists_all() {
        let (board, book) = board();
        assert_eq!(board.post(cut(7, 2, 3, None)), Ok(7));
        assert!(book.is_calm());
        assert_eq!(board.active().len(), 1);
        board.heal();
        assert_eq!(board.active(), []);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let (board, _) = board();
        let nothing = Fault {
            effects: Vec::new(),
            ..cut(1, 1, 2, None)
        };
        assert_eq!(board.post(nothing), Err(FaultError::Effects));
        let always_lost = Effect::Link {
            from: 1,
            to: 2,
            rule: LinkRule {
                loss: 1.5,
                ..LinkRule::default()
            },
        };
        let for_days = Effect::Disk {
            node: 1,
            rule: DiskRule {
                fsync_millis: u64::MAX,
                is_full: false,
            },
        };
        let rejected = Effect::Clients {
            node: 1,
            rule: ClientRule {
                requests: Passage::Refused,
                answers: Passage::Open,
            },
        };
        for effect in [always_lost, for_days, rejected] {
            let fault = Fault {
                effects: vec![effect],
                ..cut(1, 1, 2, None)
            };
            assert!(matches!(board.post(fault), Err(FaultError::OutOfRange(..))));
        }
        let last = cut(u64::MAX, 1, 2, None);
        let told_at_length = Fault {
            words: "cut".repeat(1000),
            ..cut(1, 1, 2, None)
        };
        for fault in [last, told_at_length] {
            assert!(matches!(board.post(fault), Err(FaultError::OutOfRange(..))));
        }
        for number in 1..=100 {
            assert_eq!(board.post(cut(number, 1, 2, None)), Ok(number));
        }
        assert_eq!(board.post(cut(0, 1, 2, None)), Err(FaultError::TooMany));
        assert_eq!(board.post(cut(7, 1, 3, None)), Ok(7), "in place of another");
    }
}
