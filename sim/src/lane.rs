//! The queues that clients use, and what they do with them: each lane exercises a promise.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use zonemq_history::event::{DeadLetters, Delivery, NewMessage, Settings};

use crate::worker::{Told, Worker};
use crate::workload::Phase;

const RETRY_PAUSE: Duration = Duration::from_millis(100);
const VISIBILITY_MILLIS: u64 = 3_000;
const GROUPS: u64 = 3;
/// How often a receiver asks one queue in a row while it gets something.
const ROUNDS_OF_A_QUEUE: u32 = 20;
/// How often a sender tries a FIFO message again whose fate it does not know.
const RETRIES: u32 = 3;
/// Longer than the visibility timeout.
const STALE: Duration = Duration::from_millis(3_300);
/// A little more than the shortest retention.
const ADVANCE_MILLIS: u64 = 61_000;

/// A group of queues with its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lane {
    /// A standard queue; some receivers forget to delete, some change the visibility.
    Standard,
    /// A FIFO queue with several groups; senders try again under the same deduplication id.
    Fifo,
    /// A queue whose messages often die, its dead-letter queue, and tasks that move them on.
    DeadLetters,
    /// Messages that come later.
    Delays,
    /// A queue that is purged now and then.
    Purges,
    /// Messages that expire, because somebody advances the clock.
    Retention,
}

/// What a client of a lane does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Sender,
    Receiver,
    /// Who purges, moves or advances the clock.
    Administrator,
}

impl Lane {
    /// Its queues with their settings. Those that others need come first.
    pub(crate) fn queues(self) -> Vec<(&'static str, Settings)> {
        let standard = Settings {
            visibility_millis: VISIBILITY_MILLIS,
            ..Settings::default()
        };
        match self {
            Lane::Standard => vec![("work", standard)],
            Lane::Fifo => vec![(
                "ordered.fifo",
                Settings {
                    fifo: true,
                    ..standard
                },
            )],
            Lane::DeadLetters => vec![
                ("dead", standard.clone()),
                (
                    "mortal",
                    Settings {
                        dead_letters: Some(DeadLetters {
                            queue: "dead".to_owned(),
                            max_receives: 2,
                        }),
                        ..standard.clone()
                    },
                ),
                ("moved", standard),
            ],
            Lane::Delays => vec![(
                "later",
                Settings {
                    delay_millis: 2_000,
                    ..standard
                },
            )],
            Lane::Purges => vec![("wiped", standard)],
            Lane::Retention => vec![(
                "brief",
                Settings {
                    retention_millis: Some(60_000),
                    ..standard
                },
            )],
        }
    }

    pub(crate) fn has_administrator(self) -> bool {
        match self {
            Lane::DeadLetters | Lane::Purges | Lane::Retention => true,
            Lane::Standard | Lane::Fifo | Lane::Delays => false,
        }
    }

    /// Where its senders send.
    fn target(self) -> &'static str {
        match self {
            Lane::Standard => "work",
            Lane::Fifo => "ordered.fifo",
            Lane::DeadLetters => "mortal",
            Lane::Delays => "later",
            Lane::Purges => "wiped",
            Lane::Retention => "brief",
        }
    }

    /// The part of its deliveries that receivers do not delete.
    fn forgetfulness(self, queue: &str) -> f64 {
        match (self, queue) {
            (Lane::DeadLetters, "mortal" | "dead") => 0.7,
            (Lane::Retention, _) => 0.8,
            _ => 0.1,
        }
    }
}

/// One client of a lane.
pub(crate) struct Laborer {
    /// Handles that it did not use in their time.
    pub(crate) stale: VecDeque<(Instant, String)>,
    pub(crate) worker: Worker,
    pub(crate) lane: Lane,
    pub(crate) phases: watch::Receiver<Phase>,
    pub(crate) send_pause: Duration,
}

impl Laborer {
    fn is_working(&self) -> bool {
        *self.phases.borrow() == Phase::Work
    }

    /// Whether a receiver that has had nothing since then may call its queues empty.
    fn is_over(&self, quiet_since: Instant) -> bool {
        match *self.phases.borrow() {
            Phase::Work => false,
            Phase::Drain { quiet } => quiet_since.elapsed() >= quiet,
        }
    }

    fn happens(&self, share: f64) -> bool {
        self.worker.chance.draw(|dice| dice.random_bool(share))
    }

    pub(crate) async fn run(mut self, role: Role) {
        for (queue, settings) in self.lane.queues() {
            while self.worker.create_queue(queue, &settings).await != Told::Done {
                sleep(RETRY_PAUSE).await;
            }
        }
        match role {
            Role::Sender => self.send().await,
            Role::Receiver => self.receive().await,
            Role::Administrator => self.administrate().await,
        }
    }

    async fn send(&mut self) {
        let queue = self.lane.target();
        let mut number = 0_u64;
        let mut sent = VecDeque::new();
        while self.is_working() {
            if self.lane == Lane::Fifo && self.happens(0.1) {
                // Sent again after a while, as by a sender that has forgotten: it is the same.
                if let Some(again) = sent.pop_front() {
                    self.worker.send(queue, vec![again]).await;
                }
            }
            let count = if self.happens(0.2) { 3 } else { 1 };
            let messages: Vec<NewMessage> = (0..count)
                .map(|_| {
                    number += 1;
                    self.message(number)
                })
                .collect();
            let mut told = self.worker.send(queue, messages.clone()).await;
            let mut retries = 0;
            while self.lane == Lane::Fifo && told == Told::Unknown && retries < RETRIES {
                retries += 1;
                told = self.worker.send(queue, messages.clone()).await;
            }
            if told == Told::Done {
                sent.extend(messages);
            }
            sleep(self.send_pause).await;
        }
    }

    fn message(&self, number: u64) -> NewMessage {
        let body = format!("{}-{number}", self.worker.name);
        match self.lane {
            Lane::Fifo => NewMessage {
                group: Some(format!("g{}", number % GROUPS)),
                deduplication_id: Some(body.clone()),
                body,
                delay_millis: None,
            },
            Lane::Delays => NewMessage {
                body,
                delay_millis: self.happens(0.5).then_some(1_000 * (number % 3)),
                ..NewMessage::default()
            },
            Lane::Standard | Lane::DeadLetters | Lane::Purges | Lane::Retention => NewMessage {
                body,
                ..NewMessage::default()
            },
        }
    }

    async fn receive(&mut self) {
        let queues = self.lane.queues();
        let mut quiet_since = Instant::now();
        while !self.is_over(quiet_since) {
            for (queue, _) in &queues {
                // Left alone, so that there is something to move.
                if *queue == "dead" && self.is_working() {
                    continue;
                }
                for _ in 0..ROUNDS_OF_A_QUEUE {
                    let (told, messages) = self.worker.receive(queue).await;
                    if told != Told::Done {
                        // Not to be served is not to be told that there is nothing.
                        quiet_since = Instant::now();
                        sleep(RETRY_PAUSE).await;
                    }
                    if messages.is_empty() {
                        break;
                    }
                    quiet_since = Instant::now();
                    self.settle(queue, messages).await;
                }
            }
        }
    }

    /// Deletes what was received, or most of it while there is work.
    async fn settle(&mut self, queue: &str, messages: Vec<Delivery>) {
        let is_working = self.is_working();
        let mut done = Vec::new();
        for message in messages {
            let forgets = is_working && self.happens(self.lane.forgetfulness(queue));
            if !forgets {
                done.push(message.handle);
            } else if self.happens(0.3) {
                let seconds = if self.happens(0.5) { 0 } else { 5 };
                self.worker
                    .change_visibility(queue, &message.handle, seconds)
                    .await;
                // What comes after it in its group must wait for it.
                if self.lane == Lane::Fifo {
                    break;
                }
            } else if self.lane == Lane::Fifo {
                self.stale.push_back((Instant::now(), message.handle));
                break;
            }
        }
        self.try_a_stale_handle(queue).await;
        while !done.is_empty() {
            let count = if self.happens(0.5) { done.len() } else { 1 };
            let handles = done.drain(..count).collect();
            self.worker.delete(queue, handles).await;
        }
    }

    /// What has expired must not delete: the message is somebody else's now.
    async fn try_a_stale_handle(&mut self, queue: &str) {
        if let Some((since, _)) = self.stale.front()
            && since.elapsed() > STALE
            && let Some((_, handle)) = self.stale.pop_front()
        {
            self.worker.delete(queue, vec![handle]).await;
        }
    }

    async fn administrate(&mut self) {
        let pause = match self.lane {
            Lane::Purges => Duration::from_secs(5),
            Lane::DeadLetters => Duration::from_secs(4),
            Lane::Retention | Lane::Standard | Lane::Fifo | Lane::Delays => Duration::from_secs(9),
        };
        loop {
            let over = self.phases.wait_for(|phase| *phase != Phase::Work);
            if tokio::time::timeout(pause, over).await.is_ok() {
                return;
            }
            match self.lane {
                Lane::Purges => drop(self.worker.purge("wiped").await),
                Lane::DeadLetters => drop(self.worker.start_move("dead", "moved").await),
                Lane::Retention => self.worker.advance_clock(ADVANCE_MILLIS).await,
                Lane::Standard | Lane::Fifo | Lane::Delays => {}
            }
        }
    }
}
