//! A steady load of sends that remembers every acknowledgement and every error.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A send that the cluster answered with success.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// What was sent.
    pub body: String,
    /// The id that the cluster gave it.
    pub message_id: String,
    /// When the answer came.
    pub at: Instant,
}

/// Tasks that send one message after the other, each through one client.
pub struct Senders {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Outcome>>,
    acknowledgements: watch::Receiver<usize>,
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// All sends that were acknowledged, in the order of the answers.
    pub acknowledged: Vec<Acknowledged>,
    /// All errors, in words.
    pub errors: Vec<String>,
}

/// Makes each body of this process different from all others.
static NEXT_BODY: AtomicU64 = AtomicU64::new(0);

impl Senders {
    /// Starts `count` senders, spread over the clients.
    pub fn start(clients: &[Client], queue_url: &str, count: usize) -> Senders {
        let (progress, acknowledgements) = watch::channel(0);
        let progress = Arc::new(progress);
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Outcome::default()));
        let mut tasks = JoinSet::new();
        for client in clients.iter().cycle().take(count) {
            let (client, queue_url) = (client.clone(), queue_url.to_owned());
            let (stop, seen, progress) = (stop.clone(), seen.clone(), progress.clone());
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = NEXT_BODY.fetch_add(1, Ordering::Relaxed);
                    // Not only ASCII: exactly as sent means every byte.
                    let body = format!("message {number} · naïve ✓");
                    let sent = client
                        .send_message()
                        .queue_url(&queue_url)
                        .message_body(&body)
                        .send()
                        .await;
                    let mut seen = lock(&seen);
                    match sent {
                        Ok(answer) => seen.acknowledged.push(Acknowledged {
                            body,
                            message_id: answer.message_id.expect("a sent message has an id"),
                            at: Instant::now(),
                        }),
                        Err(error) => seen.errors.push(DisplayErrorContext(&error).to_string()),
                    }
                    progress.send_replace(seen.acknowledged.len());
                }
            });
        }
        Senders {
            tasks,
            stop,
            seen,
            acknowledgements,
        }
    }

    /// Waits until this many more sends are acknowledged than now.
    pub async fn acknowledge(&mut self, more: usize) {
        const WITHIN: Duration = Duration::from_mins(1);
        let goal = *self.acknowledgements.borrow() + more;
        tokio::time::timeout(
            WITHIN,
            self.acknowledgements.wait_for(|count| *count >= goal),
        )
        .await
        .unwrap_or_else(|_| {
            let seen = lock(&self.seen);
            panic!(
                "{} of {goal} sends were acknowledged; errors: {:?}",
                seen.acknowledged.len(),
                seen.errors
            )
        })
        .expect("the senders send");
    }

    /// Lets each sender finish its last send, and says what came of all.
    pub async fn finish(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        // A panic of a sender is a panic of the test.
        self.tasks.join_all().await;
        std::mem::take(&mut *lock(&self.seen))
    }
}

impl Outcome {
    /// The longest time without an acknowledgement from one that came before `since` on.
    pub fn longest_gap(&self, since: Instant) -> Duration {
        let first = self
            .acknowledged
            .iter()
            .rposition(|acknowledged| acknowledged.at <= since)
            .unwrap_or_default();
        self.acknowledged[first..]
            .windows(2)
            .map(|pair| pair[1].at - pair[0].at)
            .max()
            .unwrap_or_default()
    }
}

fn lock(seen: &Mutex<Outcome>) -> MutexGuard<'_, Outcome> {
    seen.lock().expect("no sender panicked while it noted")
}
