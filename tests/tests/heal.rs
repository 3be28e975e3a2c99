//! Whatever was broken, in whatever order: `heal` makes the cluster whole, and clients were told
//! nothing but the truth.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use zonemq_history::event::What;
use zonemq_tests::client::connect_for;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::recorded_load::{RecordedLoad, VISIBILITY_SECONDS};
use zonemq_tests::recording::Recording;

const QUEUES: [&str; 2] = ["work", "orders.fifo"];
const FAULTS: usize = 20;
const WHOLE_WITHIN: Duration = Duration::from_secs(5);
/// A response that was lost on purpose never comes.
const PATIENCE: Duration = Duration::from_secs(6);

/// Each with a `*` for whom it meets.
const ON_NODES: [&str; 13] = [
    "isolate *",
    "cut *",
    "slow * --latency 20ms --jitter 10ms",
    "slow * --latency 300ms",
    "slow * --loss 20%",
    "half-open *",
    "refuse *",
    "slow-disk * --fsync 100ms",
    "full-disk *",
    "clients-only *",
    "lose-responses *",
    "pause *",
    "kill *",
];
const NODES: [&str; 8] = [
    "n1", "n2", "n3", "leader", "follower", "minority", "majority", "zone:b",
];
const ELSE: [&str; 9] = [
    "partition leader rest",
    "partition a b c",
    "cut all->leader",
    "cut n1->n3",
    "half-open n1-n2",
    "slow n2->n3 --bytes-per-second 50000",
    "restart n1",
    "restart leader",
    "resume n2",
];

/// A small generator of numbers: the same from the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The lower bits repeat soon.
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn fault(&mut self) -> String {
        let kinds = ON_NODES.len() + ELSE.len();
        let kind = self.below(kinds);
        let Some(word) = ON_NODES.get(kind) else {
            return ELSE[kind - ON_NODES.len()].to_owned();
        };
        let fault = word.replace('*', self.one_of(&NODES));
        match self.below(3) {
            0 => format!("{fault} --for {}ms", 200 + self.below(3000)),
            _ => fault,
        }
    }
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var("ZONEMQ_FAULT_SEED") {
        return seed.parse().expect("ZONEMQ_FAULT_SEED is a number");
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn heal_makes_the_cluster_whole_after_any_twenty_faults() {
    let seed = seed();
    println!("ZONEMQ_FAULT_SEED={seed}");
    let mut dice = Dice(seed);
    let cluster = TestCluster::start_with(&["--request-timeout", "2s"]);
    cluster.leader().await;
    let recording = Recording::new();
    let clients: Vec<_> = (1..=3)
        .map(|id| connect_for(cluster.api(id), PATIENCE))
        .collect();
    let mut loads = Vec::new();
    for queue in QUEUES {
        let url = recording
            .create_queue(&clients[0], queue, VISIBILITY_SECONDS)
            .await;
        let load = RecordedLoad::start(&recording, &clients, queue, &url);
        load.acknowledge(50).await;
        loads.push(load);
    }
    let mut set = 0;
    while set < FAULTS {
        let words = dice.fault();
        recording.note(What::Note {
            text: words.clone(),
        });
        let output = cluster.fault_words(&format!("{words} --no-watch"));
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        // Where nobody leads there is no leader to break, and a dead node is not killed again.
        println!(
            "{words}: {}",
            if output.status.success() {
                "done"
            } else {
                &why
            }
        );
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{words}: {why}"
        );
        set += usize::from(output.status.success());
        tokio::time::sleep(Duration::from_millis(dice.below(300) as u64)).await;
        if !output.status.success() && cluster.status().nodes.iter().all(|node| !node.alive) {
            cluster.fault("restart", "all");
        }
    }
    let began = Instant::now();
    let healed = cluster.told("heal");
    let took = began.elapsed();
    println!("healed in {took:?}: {healed}");
    assert!(took < WHOLE_WITHIN, "{took:?}");
    recording.note(What::Healed);
    for load in &loads {
        load.acknowledge(100).await;
    }
    println!("100 more sends to each queue after {:?}", began.elapsed());
    RecordedLoad::judged(loads, &recording, &clients[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heal_and_the_end_of_a_fault_at_the_same_moment_do_not_disturb_each_other() {
    let cluster = TestCluster::start();
    cluster.leader().await;
    // The end of its time starts a killed node under the faults that are active, and `heal` ends
    // those: whichever comes first, nothing stays broken.
    for early in [0, 50, 100, 150, 200, 250, 300, 350] {
        let set = Instant::now();
        cluster.told("isolate n2 --no-watch");
        cluster.told("kill n2 --for 1s --no-watch");
        let at = set + Duration::from_millis(1200 - early);
        tokio::time::sleep_until(at.into()).await;
        cluster.told("heal");
        assert_eq!(cluster.told("status"), json!({ "faults": [] }), "{early}");
        cluster.caught_up().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_again_however_soon_after_its_death() {
    const DEATHS: usize = 8;
    let cluster = TestCluster::start();
    cluster.leader().await;
    for _ in 0..DEATHS {
        // Connections that a dying process has to end hold its ports a little longer.
        let open: Vec<_> = (0..100)
            .map(|_| std::net::TcpStream::connect(cluster.api(1)).expect("it listens"))
            .collect();
        cluster.fault("kill", "n1");
        cluster.fault("restart", "n1");
        drop(open);
    }
}
