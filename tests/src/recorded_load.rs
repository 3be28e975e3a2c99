//! A load on one queue whose every call goes to the judge.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use tokio::task::JoinSet;
use zonemq_history::{Summary, Verdict, judge, read};

use crate::recording::{Recording, is_fifo};

const SENDERS: usize = 4;
const RECEIVERS: usize = 4;
const GROUPS: usize = 8;
/// Between two sends of one sender, and before the next try of a client whose node is down.
const SEND_PAUSE: Duration = Duration::from_millis(15);
const PATIENCE: Duration = Duration::from_mins(1);

/// Longer than the visibility timeout of a queue under load.
const DRAIN_WAIT_SECONDS: u8 = 5;

/// Of queues under load. Longer than a receiver takes, and short enough to see messages come back.
pub const VISIBILITY_SECONDS: u64 = 3;

/// A load on one queue, all of it on record.
pub struct RecordedLoad {
    queue: String,
    url: String,
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl RecordedLoad {
    /// Starts senders and receivers, in turn on all clients.
    pub fn start(
        recording: &Recording,
        clients: &[Client],
        queue: &str,
        url: &str,
    ) -> RecordedLoad {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for (sender, client) in clients.iter().cycle().take(SENDERS).enumerate() {
            let client =
                recording.client(&format!("sender-{sender} of {queue}"), client, queue, url);
            let (stop, acknowledged) = (stop.clone(), acknowledged.clone());
            let (fifo, queue) = (is_fifo(queue), queue.to_owned());
            tasks.spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let body = format!("{queue}-{sender}-{number}");
                    let group = fifo.then(|| format!("group-{}", number % GROUPS));
                    if client.send(&body, group.as_deref()).await {
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(SEND_PAUSE).await;
                    number += 1;
                }
            });
        }
        for (receiver, client) in clients.iter().cycle().take(RECEIVERS).enumerate() {
            let name = format!("receiver-{receiver} of {queue}");
            let client = recording.client(&name, client, queue, url);
            let stop = stop.clone();
            tasks.spawn(async move {
                let mut count = 0_usize;
                while !stop.load(Ordering::Relaxed) {
                    let Some(received) = client.receive(1).await else {
                        tokio::time::sleep(SEND_PAUSE).await;
                        continue;
                    };
                    for message in &received {
                        count += 1;
                        // Some are left to come back.
                        if count % 10 != 7 {
                            client.delete(message).await;
                        }
                    }
                }
            });
        }
        RecordedLoad {
            queue: queue.to_owned(),
            url: url.to_owned(),
            tasks,
            stop,
            acknowledged,
        }
    }

    /// Waits until so many more sends are acknowledged than now.
    pub async fn acknowledge(&self, more: usize) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + more;
        let until = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::Relaxed) < goal {
            assert!(Instant::now() < until, "sends are not acknowledged");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it; what is on its way is waited for.
    pub async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        // A panic of a client is a panic of the test.
        self.tasks.join_all().await;
    }

    /// Ends loads, receives what is left, and has everything judged: it passes, and every message
    /// that was acknowledged is accounted for.
    pub async fn judged(
        loads: Vec<RecordedLoad>,
        recording: &Recording,
        client: &Client,
    ) -> Summary {
        for load in loads {
            let drainer = recording.client("drainer", client, &load.queue, &load.url);
            load.finish().await;
            // The second time begins after all that a lost answer may have hidden is visible again.
            drainer.drain(DRAIN_WAIT_SECONDS).await;
            drainer.drain(DRAIN_WAIT_SECONDS).await;
        }
        let lines = recording.lines();
        let history = read(lines.iter().map(String::as_str));
        let verdict = judge(&history.expect("what was recorded is a history"));
        let Verdict::Pass(summary) = verdict else {
            panic!("{verdict:#?}");
        };
        println!("{summary}");
        assert_eq!(summary.accounted_for, summary.acknowledged, "{summary}");
        summary
    }
}
