//! Fills a queue and empties it: batches of ten through many connections, all in the ledger.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, QueueAttributeName, SendMessageBatchRequestEntry,
};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cluster::TestCluster;
use crate::queue::{Counts, Queue};
use crate::store::ledger::Ledger;
use crate::store::report::rate;

/// Requests under way at once; the same for every queue, so that rates can be compared.
const CONNECTIONS: usize = 24;
/// SQS's largest batch.
pub const BATCH: u64 = 10;
/// Before the next try of a client whose node is down.
pub const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);
/// A load without any progress for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_mins(2);

/// A queue, its clients and what is known of its messages.
#[derive(Clone, Debug)]
pub struct Load {
    /// The queue through each node.
    pub queues: Vec<Queue>,
    /// Its messages.
    pub ledger: Arc<Ledger>,
}

/// What emptying a queue came to.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    /// Deletes that were answered with success.
    pub messages: u64,
    /// From the first request to the last delete.
    pub took: Duration,
    /// Requests that failed.
    pub errors: u64,
}

impl Drained {
    /// Messages in a second.
    pub fn rate(&self) -> f64 {
        rate(self.messages, self.took)
    }
}

/// How far a load is: what is done, and when the last of it was.
#[derive(Clone, Copy, Debug)]
struct Progress {
    done: u64,
    errors: u64,
    at: Instant,
}

impl Load {
    /// A new queue in this cluster, for bodies of this size.
    pub async fn create(
        cluster: &TestCluster,
        name: &str,
        body_bytes: usize,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Load {
        let clients = cluster.clients_except(0);
        let queue = Queue::create(&clients[0], name, attributes).await;
        Load {
            queues: clients.iter().map(|client| queue.through(client)).collect(),
            ledger: Arc::new(Ledger::new(body_bytes)),
        }
    }

    /// Sends until so many more messages are acknowledged, spread over all nodes. How long it took.
    pub async fn fill(&self, messages: u64) -> Duration {
        let start = Instant::now();
        let bar = bar("fill", messages);
        self.until(messages, &bar, |load, turn| async move {
            load.send_batch(turn, BATCH).await
        })
        .await;
        bar.finish_and_clear();
        start.elapsed()
    }

    /// Receives and deletes until the queue is empty.
    pub async fn drain(&self) -> Drained {
        self.drain_some(u64::MAX).await
    }

    /// Receives and deletes until so many messages are deleted, or the queue is empty.
    pub async fn drain_some(&self, messages: u64) -> Drained {
        let start = Instant::now();
        let bar = bar("drain", messages.min(self.ledger.counts().backlog()));
        let progress = self
            .until(messages, &bar, |load, turn| async move {
                match load.receive_and_delete(turn).await {
                    Ok(0) if load.counts(turn).await == Some(Counts::NONE) => Ok(None),
                    Ok(deleted) => Ok(Some(deleted)),
                    Err(error) => Err(error),
                }
            })
            .await;
        bar.finish_and_clear();
        Drained {
            messages: progress.done,
            took: progress.at - start,
            errors: progress.errors,
        }
    }

    /// Repeats steps on all connections until they have done so much together, or one finds that
    /// there is nothing left to do.
    async fn until<Step, Done>(&self, goal: u64, bar: &ProgressBar, step: Step) -> Progress
    where
        Step: Fn(Load, usize) -> Done + Clone + Send + 'static,
        Done: Future<Output = Result<Option<u64>, String>> + Send,
    {
        let (progress, mut seen) = watch::channel(Progress {
            done: 0,
            errors: 0,
            at: Instant::now(),
        });
        let progress = Arc::new(progress);
        let mut tasks = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let (load, step, progress) = (self.clone(), step.clone(), progress.clone());
            tasks.spawn(async move {
                let mut turn = connection;
                while progress.borrow().done < goal {
                    match step(load.clone(), turn).await {
                        Ok(Some(done)) if done > 0 => progress.send_modify(|progress| {
                            progress.done += done;
                            progress.at = Instant::now();
                        }),
                        Ok(Some(_)) => {}
                        Ok(None) => return,
                        Err(_) => {
                            progress.send_modify(|progress| progress.errors += 1);
                            // Through another node, perhaps.
                            turn += 1;
                            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                        }
                    }
                }
            });
        }
        drop(progress);
        // Ends when the last task has dropped its end.
        while let Ok(changed) = tokio::time::timeout(STUCK_AFTER, seen.changed()).await {
            let now = *seen.borrow();
            bar.set_position(now.done);
            assert!(
                now.at.elapsed() < STUCK_AFTER,
                "no progress any more: {now:?} of {goal}"
            );
            if changed.is_err() {
                break;
            }
        }
        let last = *seen.borrow();
        assert!(
            last.at.elapsed() < STUCK_AFTER,
            "no progress any more: {last:?} of {goal}"
        );
        // A panic of a connection is a panic of the check.
        tasks.join_all().await;
        last
    }

    /// Sends one batch of new messages; how many were acknowledged.
    pub async fn send_batch(&self, turn: usize, count: u64) -> Result<Option<u64>, String> {
        let queue = self.queue(turn);
        let numbers = self.ledger.take(count);
        let entries = numbers.clone().map(|number| {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(self.ledger.body(number));
            entry.build().expect("a whole entry")
        });
        let batch = queue.client.send_message_batch().queue_url(&queue.url);
        let sent = batch.set_entries(Some(entries.collect())).send().await;
        let sent = sent.map_err(|error| in_words(&error))?;
        for accepted in &sent.successful {
            let number = accepted.id.parse().expect("the id that we gave it");
            self.ledger.acknowledged(number);
        }
        match sent.failed.first() {
            Some(failed) if sent.successful.is_empty() => Err(failed.code.clone()),
            _ => Ok(Some(sent.successful.len() as u64)),
        }
    }

    /// Sends one new message by itself.
    pub async fn send_one(&self, turn: usize) -> Result<(), String> {
        let number = self.ledger.take(1).start;
        let sent = self.queue(turn).message(self.ledger.body(number));
        sent.send().await.map_err(|error| in_words(&error))?;
        self.ledger.acknowledged(number);
        Ok(())
    }

    /// Receives up to ten messages and deletes them; how many were deleted.
    pub async fn receive_and_delete(&self, turn: usize) -> Result<u64, String> {
        let received = self.receive(turn).await?;
        self.delete(turn, received).await
    }

    /// Receives up to ten messages: the number and the receipt handle of each.
    pub async fn receive(&self, turn: usize) -> Result<Vec<(u64, String)>, String> {
        let queue = self.queue(turn);
        let receive = queue.client.receive_message().queue_url(&queue.url);
        let receive = receive.max_number_of_messages(10).wait_time_seconds(1);
        let received = receive.send().await.map_err(|error| in_words(&error))?;
        let messages = received.messages.unwrap_or_default().into_iter();
        let ours = messages.filter_map(|message| {
            let number = self.ledger.received(message.body().unwrap_or_default())?;
            Some((number, message.receipt_handle.expect("a handle")))
        });
        Ok(ours.collect())
    }

    /// Deletes what was received; how many deletes were answered with success.
    pub async fn delete(&self, turn: usize, received: Vec<(u64, String)>) -> Result<u64, String> {
        if received.is_empty() {
            return Ok(0);
        }
        let queue = self.queue(turn);
        // By their places: an old delivery may be in one batch with a new one of the same message.
        let entries = received.iter().enumerate().map(|(place, (_, handle))| {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .receipt_handle(handle);
            entry.build().expect("a whole entry")
        });
        let delete = queue.client.delete_message_batch().queue_url(&queue.url);
        let deleted = delete.set_entries(Some(entries.collect())).send().await;
        let deleted = deleted.map_err(|error| in_words(&error))?;
        for done in &deleted.successful {
            let place: usize = done.id.parse().expect("the id that we gave it");
            self.ledger.deleted(received[place].0);
        }
        match deleted.failed.first() {
            Some(failed) if deleted.successful.is_empty() => Err(failed.code.clone()),
            _ => Ok(deleted.successful.len() as u64),
        }
    }

    /// How many messages the queue says that it holds, if it answers.
    pub async fn counts(&self, turn: usize) -> Option<Counts> {
        self.queue(turn).counts_if_told().await
    }

    /// The queue through one node after the other.
    pub fn queue(&self, turn: usize) -> &Queue {
        &self.queues[turn % self.queues.len()]
    }
}

/// The code of an error that the service answered, and any other error in words.
pub fn in_words<E: ProvideErrorMetadata + std::error::Error + 'static>(
    error: &SdkError<E>,
) -> String {
    match error {
        SdkError::ServiceError(refused) => {
            let code = refused.err().code().unwrap_or("an error without a code");
            code.to_owned()
        }
        error => DisplayErrorContext(error).to_string(),
    }
}

/// A progress bar for so many messages.
pub fn bar(name: &str, messages: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>8} {bar:40} {human_pos} of {human_len} {eta}");
    let bar = ProgressBar::new(messages).with_message(name.to_owned());
    bar.with_style(style.expect("the template is well formed"))
}
