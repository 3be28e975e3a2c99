//! Everything that clients do while leaders die goes to the judge of histories: not only what is
//! lost, but order, visibility, counts, handles, and what comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use tokio::task::JoinSet;
use zonemq_history::event::What;
use zonemq_history::{Verdict, judge, read};
use zonemq_tests::binary;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::recording::{Recording, is_fifo};

/// A name that ends with `.fifo` makes it a FIFO queue of several groups.
const QUEUES: [&str; 2] = ["work", "orders.fifo"];
const KILLS: usize = 2;
const SENDERS: usize = 4;
const RECEIVERS: usize = 4;
const GROUPS: usize = 8;
/// Acknowledged sends before each kill, and after it.
const SENDS_OF_A_PHASE: usize = 100;
const VISIBILITY_SECONDS: u64 = 3;
/// Between two sends of one sender, and before the next try of a client whose node is down.
const SEND_PAUSE: Duration = Duration::from_millis(15);
const PATIENCE: Duration = Duration::from_mins(1);
/// Longer than the visibility timeout.
const DRAIN_WAIT_SECONDS: u8 = 5;

/// A load on one queue, all of it on record.
struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    fn start(recording: &Recording, clients: &[Client], queue: &str, url: &str) -> Load {
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
        Load {
            tasks,
            stop,
            acknowledged,
        }
    }

    /// Waits until so many more sends are acknowledged than now.
    async fn acknowledge(&self, more: usize) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + more;
        let until = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::Relaxed) < goal {
            assert!(Instant::now() < until, "sends are not acknowledged");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        // A panic of a client is a panic of the test.
        self.tasks.join_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_see_while_leaders_die_is_what_a_queue_may_do() {
    let cluster = TestCluster::start();
    let recording = Recording::new();
    let clients = cluster.clients_except(0);
    let mut loads = Vec::new();
    for queue in QUEUES {
        let url = recording
            .create_queue(&clients[0], queue, VISIBILITY_SECONDS)
            .await;
        let load = Load::start(&recording, &clients, queue, &url);
        loads.push((queue, url, load));
    }
    for _ in 0..KILLS {
        for (_, _, load) in &loads {
            load.acknowledge(SENDS_OF_A_PHASE).await;
        }
        let leader = cluster.leader().await;
        let text = format!("n{leader}, the leader, is killed");
        recording.note(What::Note { text });
        cluster.fault("kill", &format!("n{leader}"));
        for (_, _, load) in &loads {
            load.acknowledge(SENDS_OF_A_PHASE).await;
        }
        cluster.fault("restart", &format!("n{leader}"));
        cluster
            .wait_until("the killed node follows again", |status| {
                status.leader().is_some() && status.nodes.iter().all(|node| node.role.is_some())
            })
            .await;
    }
    recording.note(What::Healed);
    for (queue, url, load) in loads {
        load.finish().await;
        let drainer = recording.client("drainer", &clients[0], queue, &url);
        // The second time begins after all that a lost answer may have hidden is visible again.
        drainer.drain(DRAIN_WAIT_SECONDS).await;
        drainer.drain(DRAIN_WAIT_SECONDS).await;
    }
    let lines = recording.lines();
    let history = read(lines.iter().map(String::as_str)).expect("what was recorded is a history");
    let verdict = judge(&history);
    let Verdict::Pass(summary) = verdict else {
        panic!("{verdict:#?}");
    };
    println!("{summary}");
    let least = QUEUES.len() * 2 * KILLS * SENDS_OF_A_PHASE;
    assert!(summary.acknowledged >= least as u64, "{summary}");
    assert!(summary.redeliveries > 0, "{summary}");
    assert_eq!(summary.accounted_for, summary.acknowledged, "{summary}");

    // The command says the same of the file.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    std::fs::write(&file, lines.join("\n")).expect("the history is written");
    let checked = binary::run(&["check", &file.display().to_string()]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}
