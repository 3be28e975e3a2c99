//! How long no send is acknowledged when the leader dies, again and again, under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use crate::cluster::TestCluster;
use crate::store::load::Load;
use crate::store::report::Report;
use crate::store::restart::all_answer;

/// How often, and how long it may take.
#[derive(Args, Clone, Debug)]
pub struct FailoversArgs {
    /// How often the leader is killed
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub kills: u32,
    /// Clients that send, one message after the other
    #[arg(long, default_value_t = 16)]
    pub clients: usize,
    /// The median of the gaps, in seconds
    #[arg(long, default_value_t = 0.4, value_name = "SECONDS")]
    pub median: f64,
    /// The longest gap but for one in a hundred, in seconds
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    pub longest: f64,
}

const BODY_BYTES: usize = 1024;
/// Sends run so long before a kill, and are watched for so long after it.
const BEFORE: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(3);

/// Kills the leader so many times; measures the longest time between two acknowledgements around
/// each kill. Clients of the dead node go to another one, as behind a load balancer.
pub async fn run(args: &FailoversArgs, report: &mut Report) {
    let cluster = TestCluster::start();
    let load = Load::create(&cluster, "failovers", BODY_BYTES, &[]).await;
    let acknowledged: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for client in 0..args.clients {
        let (load, acknowledged) = (load.clone(), acknowledged.clone());
        let is_over = is_over.clone();
        clients.spawn(async move {
            let mut turn = client;
            while !is_over.load(Ordering::Relaxed) {
                if load.send_one(turn).await.is_ok() {
                    let mut times = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                    times.push(Instant::now());
                } else {
                    turn += 1;
                }
            }
        });
    }
    let mut gaps = Vec::new();
    for _ in 0..args.kills {
        tokio::time::sleep(BEFORE).await;
        let leader = cluster.leader().await;
        let take =
            || std::mem::take(&mut *acknowledged.lock().unwrap_or_else(PoisonError::into_inner));
        take();
        cluster.fault("kill", &format!("n{leader}"));
        tokio::time::sleep(AFTER).await;
        let times = take();
        let between = times.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.push(between.max().unwrap_or(AFTER));
        cluster.fault("restart", &format!("n{leader}"));
        cluster.wait_until("all nodes are back", all_answer).await;
    }
    is_over.store(true, Ordering::Relaxed);
    clients.join_all().await;
    gaps.sort_unstable();
    let share = |hundredths: usize| gaps[(gaps.len() - 1) * hundredths / 100].as_secs_f64();
    report.note("leaders killed", gaps.len());
    report.at_most(
        "median of the times without an acknowledgement",
        args.median,
        share(50),
        "s",
    );
    report.at_most("p99 of them", args.longest, share(99), "s");
    let counts = load.ledger.counts();
    report.note("acknowledged", counts.acknowledged);
}
