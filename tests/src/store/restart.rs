//! A node that was killed with a large backlog serves again soon: one node, the leader, and all.

use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use crate::cluster::{Status, TestCluster};
use crate::store::backlog::tell_losses;
use crate::store::load::Load;
use crate::store::report::Report;

/// How large the backlog is, and how soon a node must serve.
#[derive(Args, Clone, Debug)]
pub struct RestartArgs {
    /// Messages that wait
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Bytes of each body
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub body: usize,
    /// From the start of a node until it serves, in seconds
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    pub limit: f64,
    /// Empty the queue at the end, to see that nothing was lost
    #[arg(long)]
    pub drain: bool,
}

/// A node that does not serve within this never will.
const PATIENCE: Duration = Duration::from_mins(2);
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Fills a queue, then kills and starts a follower, the leader, and all nodes at once.
pub async fn run(args: &RestartArgs, report: &mut Report) {
    let cluster = TestCluster::start();
    let load = Load::create(&cluster, "backlog", args.body, &[]).await;
    load.fill(args.messages).await;
    cluster.caught_up().await;
    let leader = cluster.leader().await;
    let follower = leader % 3 + 1;
    for (who, nodes) in [
        ("a follower", vec![follower]),
        ("the leader", vec![leader]),
        ("all three", vec![1, 2, 3]),
    ] {
        kill(&cluster, &nodes).await;
        for (node, took) in start(&cluster, &load, &nodes).await {
            let check = format!("{who} killed: n{node} serves again after");
            report.at_most(&check, args.limit, took.as_secs_f64(), "s");
        }
        cluster.caught_up().await;
    }
    if args.drain {
        load.drain().await;
        tell_losses(report, &load);
    }
}

/// Kills these nodes; while others are left, waits until one of them leads.
async fn kill(cluster: &TestCluster, nodes: &[u64]) {
    for node in nodes {
        cluster.fault("kill", &format!("n{node}"));
    }
    if nodes.len() == 1 {
        cluster
            .wait_until("another node leads", |status| status.leader().is_some())
            .await;
    }
}

/// Starts these nodes at once, and says of each how long it took until a receive and the queue's
/// attributes came through it.
async fn start(cluster: &TestCluster, load: &Load, nodes: &[u64]) -> Vec<(u64, Duration)> {
    let begin = Instant::now();
    let mut starting = JoinSet::new();
    let mut serving = JoinSet::new();
    for &node in nodes {
        let data = cluster.data().display().to_string();
        starting.spawn_blocking(move || {
            let target = format!("n{node}");
            let started = crate::binary::run(&["fault", "restart", &target, "--data", &data]);
            assert!(started.status.success(), "{started:?}");
        });
        let (load, turn) = (load.clone(), node_turn(node));
        serving.spawn(async move {
            while !serves(&load, turn).await {
                assert!(begin.elapsed() < PATIENCE, "n{node} does not serve");
                tokio::time::sleep(ASK_EVERY).await;
            }
            (node, begin.elapsed())
        });
    }
    let mut served = serving.join_all().await;
    starting.join_all().await;
    served.sort_unstable();
    served
}

/// The queues of a load are in the order of the nodes, which are counted from 1.
fn node_turn(node: u64) -> usize {
    usize::try_from(node - 1).expect("three nodes")
}

/// Whether this node answers a receive with a message, and tells the queue's attributes.
async fn serves(load: &Load, turn: usize) -> bool {
    let queue = load.queue(turn);
    let receive = queue.receiver().visibility_timeout(0).send();
    let Ok(Ok(received)) = tokio::time::timeout(Duration::from_secs(1), receive).await else {
        return false;
    };
    !received.messages().is_empty() && queue.counts_if_told().await.is_some()
}

/// Whether all nodes answer.
pub fn all_answer(status: &Status) -> bool {
    status.leader().is_some() && status.nodes.iter().all(|node| node.role.is_some())
}
