//! A load on a FIFO queue: senders that number the messages of their groups, and receivers that
//! note every delivery and delete it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::MessageSystemAttributeName;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::queue::{Counts, Queue, sequence, system};

/// Which message: the number within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The group, which one sender feeds.
    pub group: usize,
    /// Counted from 0 in the group.
    pub number: u64,
}

/// What the cluster answered to a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The id of the message.
    pub message_id: String,
    /// Its place in the queue.
    pub sequence_number: u128,
}

/// A message as a receive returned it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What the body says.
    pub name: Name,
    /// The id that the cluster gave it.
    pub message_id: String,
    /// Its place in the queue.
    pub sequence_number: u128,
    /// When the receive that returned it was asked for.
    pub asked_at: Instant,
    /// When that receive returned.
    pub returned_at: Instant,
    /// When its receiver began to delete it.
    pub deletion_asked_at: Instant,
    /// When the cluster said that it is deleted, if it did.
    pub deleted_at: Option<Instant>,
}

/// Senders and receivers at work.
#[derive(Debug)]
pub struct Load {
    senders: JoinSet<()>,
    receivers: JoinSet<()>,
    stop_sending: Arc<AtomicBool>,
    /// Set once all is sent: a receiver then goes on until nothing is left.
    all_sent: Arc<AtomicBool>,
    seen: Arc<Seen>,
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Each message and what its sender was told.
    pub acknowledged: BTreeMap<Name, Acknowledged>,
    /// Every delivery, in the order in which the receives returned them.
    pub deliveries: Vec<Delivery>,
    /// Sends that had to be tried again, with the same deduplication id.
    pub retries: u64,
}

#[derive(Debug, Default)]
struct Seen {
    outcome: Mutex<Outcome>,
    acknowledged: AtomicU64,
}

impl Seen {
    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().expect("nobody panicked while noting")
    }
}

impl Name {
    fn body(self) -> String {
        format!("group {} number {}", self.group, self.number)
    }

    fn of(body: &str) -> Name {
        let parse = || {
            let (group, number) = body.strip_prefix("group ")?.split_once(" number ")?;
            Some(Name {
                group: group.parse().ok()?,
                number: number.parse().ok()?,
            })
        };
        parse().unwrap_or_else(|| panic!("{body:?} was never sent"))
    }
}

impl Load {
    /// Starts one sender for each group and so many receivers, spread over these views of a queue.
    pub fn start(queues: &[Queue], groups: usize, receivers: usize) -> Load {
        let mut load = Load {
            senders: JoinSet::new(),
            receivers: JoinSet::new(),
            stop_sending: Arc::default(),
            all_sent: Arc::default(),
            seen: Arc::default(),
        };
        for group in 0..groups {
            let (queues, stop) = (queues.to_vec(), load.stop_sending.clone());
            load.senders
                .spawn(send_group(queues, group, stop, load.seen.clone()));
        }
        for receiver in 0..receivers {
            let (queues, all_sent) = (queues.to_vec(), load.all_sent.clone());
            load.receivers
                .spawn(receive_all(queues, receiver, all_sent, load.seen.clone()));
        }
        load
    }

    /// Waits until this many more sends are acknowledged than now.
    pub async fn acknowledge(&self, more: u64) {
        const WITHIN: Duration = Duration::from_mins(1);
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let goal = self.seen.acknowledged.load(Ordering::Relaxed) + more;
        let reached = async {
            while self.seen.acknowledged.load(Ordering::Relaxed) < goal {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(WITHIN, reached)
            .await
            .expect("the senders get on within a minute");
    }

    /// Ends the sends, lets the receivers take the rest, and says what came of all.
    pub async fn finish(self) -> Outcome {
        const DRAINED_WITHIN: Duration = Duration::from_mins(5);
        self.stop_sending.store(true, Ordering::Relaxed);
        self.senders.join_all().await;
        self.all_sent.store(true, Ordering::Relaxed);
        timeout(DRAINED_WITHIN, self.receivers.join_all())
            .await
            .expect("the receivers come to an end");
        let mut outcome = std::mem::take(&mut *self.seen.outcome());
        // Stable: what one receive returned stays in its order.
        outcome
            .deliveries
            .sort_by_key(|delivery| delivery.returned_at);
        outcome
    }
}

/// Sends the messages of a group, the next only when the last is acknowledged. What failed is
/// tried again through the next node, as the same message.
async fn send_group(queues: Vec<Queue>, group: usize, stop: Arc<AtomicBool>, seen: Arc<Seen>) {
    const BEFORE_A_RETRY: Duration = Duration::from_millis(50);
    let mut through = queues.iter().cycle().skip(group);
    let mut queue = through.next().expect("there are nodes");
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let name = Name { group, number };
        let sent = loop {
            let send = queue
                .message(name.body())
                .message_group_id(format!("group-{group}"))
                .message_deduplication_id(format!("{group}-{number}"));
            if let Ok(sent) = send.send().await {
                break sent;
            }
            seen.outcome().retries += 1;
            tokio::time::sleep(BEFORE_A_RETRY).await;
            queue = through.next().expect("a cycle has no end");
        };
        let acknowledged = Acknowledged {
            message_id: sent.message_id.expect("an id"),
            sequence_number: sequence(&sent.sequence_number.expect("a sequence number")),
        };
        seen.outcome().acknowledged.insert(name, acknowledged);
        seen.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

/// Receives, notes and deletes, until all is sent and nothing is left.
async fn receive_all(queues: Vec<Queue>, first: usize, all_sent: Arc<AtomicBool>, seen: Arc<Seen>) {
    const BEFORE_A_RETRY: Duration = Duration::from_millis(50);
    let mut through = queues.iter().cycle().skip(first);
    let mut queue = through.next().expect("there are nodes");
    loop {
        let is_last_round = all_sent.load(Ordering::Relaxed);
        let asked_at = Instant::now();
        let receive = queue.receiver().max_number_of_messages(10);
        let Ok(received) = receive.wait_time_seconds(1).send().await else {
            tokio::time::sleep(BEFORE_A_RETRY).await;
            queue = through.next().expect("a cycle has no end");
            continue;
        };
        let returned_at = Instant::now();
        let messages = received.messages.unwrap_or_default();
        let mut deliveries = Vec::new();
        for message in &messages {
            let deletion_asked_at = Instant::now();
            // A delete that failed is made good by the next delivery.
            let deleted = queue.deletion(message).send().await;
            let sequence_number = system(message, &MessageSystemAttributeName::SequenceNumber);
            deliveries.push(Delivery {
                name: Name::of(message.body().expect("a body")),
                message_id: message.message_id().expect("an id").to_owned(),
                sequence_number: sequence(sequence_number),
                asked_at,
                returned_at,
                deletion_asked_at,
                deleted_at: deleted.is_ok().then(Instant::now),
            });
            if deleted.is_err() {
                queue = through.next().expect("a cycle has no end");
            }
        }
        seen.outcome().deliveries.extend(deliveries);
        if is_last_round && messages.is_empty() && queue.counts().await == Counts::NONE {
            return;
        }
    }
}
