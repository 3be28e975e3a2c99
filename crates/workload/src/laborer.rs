//! One client of a lane: a sender, a receiver or an administrator, and what it does next.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use zonemq_history::event::{Delivery, NewMessage};
use zonemq_scenario::{Lane, Role};
use zonemq_world::{Chance, Network};

use crate::Phase;
use crate::worker::{Told, Worker};

const RETRY_PAUSE: Duration = Duration::from_millis(100);
const GROUPS: u64 = 3;
/// How often a receiver asks one queue in a row while it gets something.
const ROUNDS_OF_A_QUEUE: u32 = 20;
/// How often a sender tries a FIFO message again whose fate it does not know.
const RETRIES: u32 = 3;
/// Longer than the visibility timeout.
const STALE: Duration = Duration::from_millis(3_300);
/// A little more than the shortest retention.
const ADVANCE_MILLIS: u64 = 61_000;

/// One client of a lane.
pub struct Laborer<N: Network, C> {
    /// Handles that it did not use in their time.
    stale: VecDeque<(Instant, String)>,
    worker: Worker<N, C>,
    lane: Lane,
    phases: watch::Receiver<Phase>,
    send_pause: Duration,
}

impl<N: Network, C: Chance> Laborer<N, C> {
    pub(crate) fn new(
        worker: Worker<N, C>,
        lane: Lane,
        phases: watch::Receiver<Phase>,
        send_pause: Duration,
    ) -> Self {
        Laborer {
            stale: VecDeque::new(),
            worker,
            lane,
            phases,
            send_pause,
        }
    }

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

    /// Whether something happens that does so in this share of cases.
    fn happens(&self, share: f64) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of all numbers of 64 bits"
        )]
        let limit = (share * 2.0 * (1_u64 << 63) as f64) as u64;
        self.worker.chance.next_u64() < limit
    }

    /// Works until the queues are empty; a sender, until they are to be drained.
    pub async fn run(mut self, role: Role) {
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
