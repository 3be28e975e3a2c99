//! What each client does: one connection, one request under way at a time, until it is stopped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit, mpsc, watch};

use crate::connection::{CallError, Connection};
use crate::options::{Options, Workload};
use crate::request_body::{RequestBodies, sent_at};
use crate::response_body::{messages, start_of, successful};
use crate::tally::{Operation, Tally};

/// A client whose request failed does not fail at full speed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);
/// A receiver that finds nothing asks again after this.
const WAIT_SECONDS: u32 = 2;
/// SQS's longest.
const LONGEST_WAIT_SECONDS: u32 = 20;
/// Queues are filled in SQS's longest batches that a request can hold.
const FILL_BATCH: usize = 10;
const FILL_REQUEST_BYTES: usize = 1 << 20;

/// What all clients of a run share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) queue_urls: Vec<String>,
    /// Stamps in bodies count from here.
    pub(crate) epoch: Instant,
    /// When the clock started; nothing before.
    pub(crate) begun: watch::Receiver<Option<Instant>>,
    /// Only so many connect at once: a listener's backlog is short, and what does not fit is tried
    /// again after a second.
    pub(crate) connecting: Semaphore,
    /// A permit for each message that was deleted and not yet sent again, where senders wait for
    /// receivers.
    pub(crate) deleted: Semaphore,
}

/// One client.
pub(crate) struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) number: usize,
    pub(crate) tally: Arc<Mutex<Tally>>,
    /// Dropped when it is connected.
    pub(crate) ready: Option<mpsc::Sender<()>>,
}

/// What a client does, again and again.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// Sends for ever.
    Send,
    /// Sends for what was deleted.
    Replace,
    /// Sends until nothing is left of this number, which others count down, too.
    Fill(Arc<AtomicU64>),
    /// Receives and deletes.
    Receive,
    /// Waits for what never comes.
    Wait,
}

impl Role {
    /// The role of a client in the run itself.
    pub(crate) fn of(workload: Workload, client: usize) -> Role {
        match workload {
            Workload::Send => Role::Send,
            Workload::Wait => Role::Wait,
            // By turns, so that both halves are on every thread and on every queue.
            Workload::Mixed { standing } if client.is_multiple_of(2) => match standing {
                Some(_) => Role::Replace,
                None => Role::Send,
            },
            Workload::Receive { .. } | Workload::Mixed { .. } => Role::Receive,
        }
    }
}

/// The queue of a client, as a place among all.
fn queue_of(options: &Options, client: usize) -> usize {
    let turn = match options.workload {
        Workload::Mixed { .. } => client / 2,
        Workload::Send | Workload::Receive { .. } | Workload::Wait => client,
    };
    turn % options.queues.max(1)
}

impl Client {
    /// Connects, waits for the start, and goes on until it is dropped or has nothing left to do.
    pub(crate) async fn run(mut self, role: Role) {
        let shared = self.shared.clone();
        let options = &shared.options;
        let queue_url = &shared.queue_urls[queue_of(options, self.number)];
        let bodies = RequestBodies::new(options, self.number, queue_url);
        let mut connection = Connection::of_client(options, self.number);
        {
            // Never closed.
            let _one_of_few = shared.connecting.acquire().await;
            if let Err(error) = connection.open().await {
                self.tally().failed(&error);
            }
        }
        drop(self.ready.take());
        let mut begun = shared.begun.clone();
        let Some(begun) = begun
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|it| *it)
        else {
            // The run was given up.
            return;
        };
        let mut work = Work {
            connection,
            bodies,
            begun,
            client: &self,
        };
        loop {
            let done = match &role {
                Role::Send => work.send(options.batch).await,
                Role::Replace => work.replace(options.batch).await,
                Role::Fill(left) => match take(left, fill_batch(options)) {
                    0 => return,
                    batch => {
                        let sent = work.send(batch).await;
                        if sent.is_err() {
                            left.fetch_add(batch as u64, Ordering::Relaxed);
                        }
                        sent
                    }
                },
                Role::Receive => work.receive_and_delete().await,
                Role::Wait => work.wait().await,
            };
            if let Err(error) = done {
                self.tally().failed(&error);
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Counts are never half changed.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fill_batch(options: &Options) -> usize {
    FILL_BATCH.min((FILL_REQUEST_BYTES / options.body_bytes.max(1)).max(1))
}

/// Takes up to `batch` of what is left; how many they are.
fn take(left: &AtomicU64, batch: usize) -> usize {
    let fewer = |left: u64| Some(left.saturating_sub(batch as u64));
    let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
    let before = before.unwrap_or_default();
    usize::try_from(before).unwrap_or(usize::MAX).min(batch)
}

/// A client that has begun.
struct Work<'c> {
    connection: Connection,
    bodies: RequestBodies,
    begun: Instant,
    client: &'c Client,
}

impl Work<'_> {
    async fn send(&mut self, batch: usize) -> Result<(), CallError> {
        let asked = Instant::now();
        let (action, body) = self.bodies.send(batch, asked - self.client.shared.epoch);
        let answer = self.connection.call(action, body).await?;
        let accepted = if batch == 1 { 1 } else { successful(&answer) };
        self.count(Operation::Send, accepted, batch, asked);
        Ok(())
    }

    async fn replace(&mut self, batch: usize) -> Result<(), CallError> {
        let client = self.client;
        // At most ten; never closed.
        let permits = client
            .shared
            .deleted
            .acquire_many(u32::try_from(batch).unwrap_or(1))
            .await;
        self.send(batch).await?;
        // An error gives them back: what was not sent is still missing.
        permits.into_iter().for_each(SemaphorePermit::forget);
        Ok(())
    }

    async fn receive_and_delete(&mut self) -> Result<(), CallError> {
        let options = &self.client.shared.options;
        let asked = Instant::now();
        let (action, body) = self.bodies.receive(WAIT_SECONDS);
        let answer = self.connection.call(action, body).await?;
        let Some(received) = messages(&answer) else {
            self.client.tally().failed_with("unreadable", || {
                format!("no answer of SQS: {}", start_of(&answer))
            });
            return Ok(());
        };
        if received.is_empty() {
            self.client.tally().empty_receives += 1;
            return Ok(());
        }
        let now = self.count(Operation::Receive, received.len(), received.len(), asked);
        if matches!(options.workload, Workload::Mixed { standing: None }) {
            let since_epoch = now - self.client.shared.epoch;
            let mut tally = self.client.tally();
            for sent in received.iter().filter_map(|message| sent_at(&message.body)) {
                tally.arrived(since_epoch.saturating_sub(sent));
            }
        }
        let asked = Instant::now();
        let (action, body) = self.bodies.delete(&received);
        let answer = self.connection.call(action, body).await?;
        let deleted = if options.batch == 1 {
            1
        } else {
            successful(&answer)
        };
        self.count(Operation::Delete, deleted, received.len(), asked);
        if matches!(options.workload, Workload::Mixed { standing: Some(_) }) {
            self.client.shared.deleted.add_permits(deleted);
        }
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), CallError> {
        let asked = Instant::now();
        let (action, body) = self.bodies.receive(LONGEST_WAIT_SECONDS);
        let answer = self.connection.call(action, body).await?;
        match messages(&answer).map_or(0, |messages| messages.len()) {
            0 => self.client.tally().empty_receives += 1,
            // Somebody else sent something.
            received => drop(self.count(Operation::Receive, received, received, asked)),
        }
        Ok(())
    }

    /// Counts a request that was answered, and tells when that was.
    fn count(
        &self,
        operation: Operation,
        messages: usize,
        asked_for: usize,
        asked: Instant,
    ) -> Instant {
        let now = Instant::now();
        let mut tally = self.client.tally();
        tally.done(operation, messages, now - asked, now - self.begun);
        for _ in messages..asked_for {
            tally.failed_with("entry of a batch", || {
                format!("{messages} of the {asked_for} entries of a batch were carried out")
            });
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::tests::options;

    #[test]
    fn every_queue_of_a_mixed_load_has_a_sender_and_a_receiver() {
        let options = Options {
            workload: Workload::Mixed { standing: None },
            clients: 6,
            queues: 3,
            ..options()
        };
        let mut parts: Vec<(bool, usize)> = (0..options.clients)
            .map(|client| {
                let role = Role::of(options.workload, client);
                (matches!(role, Role::Send), queue_of(&options, client))
            })
            .collect();
        parts.sort_unstable();
        let receivers = [(false, 0), (false, 1), (false, 2)];
        let senders = [(true, 0), (true, 1), (true, 2)];
        assert_eq!(parts, [receivers, senders].concat());
    }

    #[test]
    fn what_is_left_is_taken_once() {
        let left = AtomicU64::new(15);
        assert_eq!(take(&left, 10), 10);
        assert_eq!(take(&left, 10), 5);
        assert_eq!(take(&left, 10), 0);
    }

    #[test]
    fn queues_are_filled_in_batches_that_a_request_can_hold() {
        let of = |body_bytes| {
            fill_batch(&Options {
                body_bytes,
                ..options()
            })
        };
        assert_eq!([of(1), of(1024), of(300_000), of(1 << 20)], [10, 10, 3, 1]);
    }
}
