//! The one client whose messages lie in the store whose bits are flipped: what it does is the same
//! in every run, so that all kinds of records are there.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use zonemq_history::event::{Delivery, NewMessage, Settings};
use zonemq_scenario::Lane;
use zonemq_workload::{Client, Names, Permits, Phase, Recorder, Told, Worker};

use crate::cluster::Cluster;
use crate::workload;
use crate::world::{SimChance, SimNetwork};

const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Longer than the visibility timeout of the lanes: what has not come by then is not there.
const QUIET: Duration = Duration::from_secs(4);
/// Between two calls, so that each is an entry of its own.
const PAUSE: Duration = Duration::from_millis(5);

/// What the client does now. The simulator moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chapter {
    /// Creates the queues, sends, and deletes most of it: so there are thin segments.
    First,
    /// Sends to both queues, and deletes a part.
    Second,
    /// Sends once more.
    Third,
    /// Sends and deletes single messages, and leaves some in flight.
    Fourth,
    /// Receives and deletes until nothing comes any more.
    Drain,
}

/// The client as the simulator sees it.
pub(super) struct Story {
    pub(super) recorder: Recorder,
    chapter: watch::Sender<Option<Chapter>>,
    done: watch::Receiver<Option<Chapter>>,
}

impl Story {
    /// Puts the client on its host. It does nothing yet.
    pub(super) fn start(cluster: &mut Cluster, seed: u64) -> Story {
        let recorder = workload::recorder();
        let (chapter, chapters) = watch::channel(None);
        let (tells, done) = watch::channel(None);
        let nodes: Vec<_> = cluster.hosts.iter().map(|host| host.api).collect();
        // A phase that nobody ends: all calls are permitted.
        let (_, phases) = watch::channel(Phase::Work);
        if let [host] = cluster.clients().to_vec().as_slice() {
            let network = SimNetwork::new(&cluster.fabric, host.ip);
            let teller = Teller {
                worker: Worker {
                    client: Client::new(network, nodes, 0),
                    name: host.name.clone(),
                    recorder: recorder.clone(),
                    chance: SimChance::new(seed, &host.name),
                    names: Names::default(),
                    permits: Permits::new(None, phases),
                },
                number: 0,
            };
            cluster.sim.client(host.name.as_str(), async move {
                teller.tell(chapters, tells).await;
                Ok(())
            });
        }
        Story {
            recorder,
            chapter,
            done,
        }
    }

    /// Lets the client begin a chapter.
    pub(super) fn begin(&self, chapter: Chapter) {
        self.chapter.send_replace(Some(chapter));
    }

    /// Whether it has ended this chapter.
    pub(super) fn is_done(&self, chapter: Chapter) -> bool {
        *self.done.borrow() == Some(chapter)
    }

    /// The queues that it uses.
    pub(super) fn queues() -> Vec<(&'static str, Settings)> {
        let lanes = [Lane::Standard, Lane::Fifo];
        lanes.iter().flat_map(|lane| lane.queues()).collect()
    }
}

const WORK: &str = "work";
const ORDERED: &str = "ordered.fifo";
const LONG: &str = ", as long as what most people would call a message, so that it is most of what \
                    there is of it in the log, and what is said about it is little";

struct Teller {
    worker: Worker<SimNetwork, SimChance>,
    /// Of the last message.
    number: u64,
}

impl Teller {
    async fn tell(
        mut self,
        mut chapters: watch::Receiver<Option<Chapter>>,
        tells: watch::Sender<Option<Chapter>>,
    ) {
        while chapters.changed().await.is_ok() {
            let chapter = *chapters.borrow_and_update();
            match chapter {
                None => {}
                Some(Chapter::First) => self.first().await,
                Some(Chapter::Second) => self.second().await,
                Some(Chapter::Third) => self.third().await,
                Some(Chapter::Fourth) => self.fourth().await,
                Some(Chapter::Drain) => self.drain().await,
            }
            tells.send_replace(chapter);
        }
        // The simulation ends with it otherwise.
        std::future::pending::<()>().await;
    }

    async fn first(&mut self) {
        for (queue, settings) in Story::queues() {
            while self.worker.create_queue(queue, &settings).await != Told::Done {
                sleep(RETRY_PAUSE).await;
            }
        }
        for _ in 0..30 {
            self.send(WORK, 1).await;
        }
        let received = self.receive(WORK, 3).await;
        self.delete(WORK, received, 3).await;
    }

    async fn second(&mut self) {
        for _ in 0..10 {
            self.send(ORDERED, 1).await;
            self.send(WORK, 2).await;
        }
        let received = self.receive(ORDERED, 1).await;
        self.delete(ORDERED, received, 4).await;
        self.delete_one_by_one(20).await;
    }

    async fn third(&mut self) {
        for _ in 0..30 {
            self.send(ORDERED, 1).await;
        }
        self.delete_one_by_one(10).await;
    }

    async fn fourth(&mut self) {
        // So much that the last snapshot leaves whole segments behind, which a start passes over.
        self.delete_one_by_one(60).await;
        self.receive(ORDERED, 1).await;
    }

    async fn delete_one_by_one(&mut self, count: u64) {
        for _ in 0..count {
            self.send(WORK, 1).await;
            let received = self.receive(WORK, 1).await;
            self.delete(WORK, received, 10).await;
        }
    }

    async fn drain(&mut self) {
        let mut quiet_since = Instant::now();
        while quiet_since.elapsed() < QUIET {
            for (queue, _) in Story::queues() {
                let (told, received) = self.worker.receive(queue).await;
                if told != Told::Done || !received.is_empty() {
                    quiet_since = Instant::now();
                }
                let handles: Vec<_> = received.into_iter().map(|message| message.handle).collect();
                if !handles.is_empty() {
                    self.worker.delete(queue, handles).await;
                }
            }
        }
    }

    async fn send(&mut self, queue: &str, count: u64) {
        let messages = (0..count).map(|_| {
            self.number += 1;
            let is_ordered = queue == ORDERED;
            // Long ones make up most of their segment, which so is not thin and stays.
            let rest = if is_ordered { LONG } else { "" };
            let body = format!("message {} of {queue}{rest}", self.number);
            NewMessage {
                group: is_ordered.then(|| format!("g{}", self.number % 3)),
                deduplication_id: is_ordered.then(|| format!("d{}", self.number)),
                body,
                delay_millis: None,
            }
        });
        let messages: Vec<NewMessage> = messages.collect();
        self.worker.send(queue, messages).await;
        sleep(PAUSE).await;
    }

    async fn receive(&mut self, queue: &str, rounds: u64) -> Vec<Delivery> {
        let mut received = Vec::new();
        for _ in 0..rounds {
            received.extend(self.worker.receive(queue).await.1);
            sleep(PAUSE).await;
        }
        received
    }

    /// Deletes all but each so-manieth.
    async fn delete(&mut self, queue: &str, received: Vec<Delivery>, keeps_each: usize) {
        for (number, message) in received.into_iter().enumerate() {
            if !(number + 1).is_multiple_of(keeps_each) {
                self.worker.delete(queue, vec![message.handle]).await;
                sleep(PAUSE).await;
            }
        }
    }
}
