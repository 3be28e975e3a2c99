//! Half an hour of everything at a large backlog, with nodes killed all the while: nothing is lost,
//! and neither memory nor disk grow.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use clap::Args;
use tokio::task::JoinSet;

use crate::cluster::TestCluster;
use crate::store::backlog::tell_losses;
use crate::store::footprint::{Footprint, of_each_node};
use crate::store::load::{self, BATCH, Load, PAUSE_AFTER_ERROR};
use crate::store::report::{Report, mib};
use crate::store::restart::all_answer;

/// How long, at which backlog, and how often a node is killed.
#[derive(Args, Clone, Debug)]
pub struct SoakArgs {
    /// How long
    #[arg(long, default_value_t = 30.0)]
    pub minutes: f64,
    /// Messages that wait all the while
    #[arg(long, default_value_t = 1_000_000, value_name = "MESSAGES")]
    pub backlog: u64,
    /// Bytes of each body
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub body: usize,
    /// From one kill to the next, in seconds
    #[arg(long, default_value_t = 20.0, value_name = "SECONDS")]
    pub kill_every: f64,
    /// From one look at memory and disk to the next, in seconds
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    pub look_every: f64,
    /// How much more the last third may take than the one before, in percent
    #[arg(long, default_value_t = 10.0, value_name = "PERCENT")]
    pub growth: f64,
    /// What the choices of this run follow from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

const CLIENTS: usize = 16;
const VISIBILITY_SECONDS: &str = "20";
/// One in so many receives does not delete what it got.
const FORGETFUL: u64 = 50;
const DEAD_FOR: Duration = Duration::from_secs(1);

/// Fills a queue, keeps it so while nodes die, and empties it.
pub async fn run(args: &SoakArgs, report: &mut Report) {
    let cluster = TestCluster::start();
    let visibility = (QueueAttributeName::VisibilityTimeout, VISIBILITY_SECONDS);
    let load = Load::create(&cluster, "backlog", args.body, &[visibility]).await;
    load.fill(args.backlog).await;
    cluster.caught_up().await;
    let end = Instant::now() + Duration::from_secs_f64(args.minutes * 60.0);
    let clients = work(args, &load, end);
    let (kills, samples) = tokio::join!(kill(args, &cluster, end), look(args, &cluster, end));
    clients.join_all().await;
    report.note("kills", kills);
    report.figure("nodes killed", "at least 1", kills, kills > 0);
    let counts = load.ledger.counts();
    report.note("deleted meanwhile", counts.deleted);
    report.note("backlog at the end", counts.backlog());
    for id in 1..=3 {
        let of_node: Vec<Footprint> = samples.iter().filter(|it| it.id == id).copied().collect();
        let memory = |it: &Footprint| it.resident_bytes;
        tell_growth(args, report, &format!("memory of n{id}"), &of_node, memory);
        let disk = |it: &Footprint| it.disk_bytes;
        tell_growth(args, report, &format!("disk of n{id}"), &of_node, disk);
    }
    cluster.caught_up().await;
    load.drain().await;
    tell_losses(report, &load);
}

/// Clients that send below the backlog and delete above it, with a tenth of it in between where
/// chance decides.
fn work(args: &SoakArgs, load: &Load, end: Instant) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for client in 0..CLIENTS {
        let (load, backlog) = (load.clone(), args.backlog);
        let mut chance = Chance(args.seed.wrapping_add(client as u64 + 1));
        tasks.spawn(async move {
            let slack = (backlog / 20).max(BATCH);
            let mut turn = client;
            while Instant::now() < end {
                turn += 1;
                let waiting = load.ledger.counts().backlog();
                let sends = if waiting + slack < backlog {
                    true
                } else {
                    waiting <= backlog + slack && chance.below(2) == 0
                };
                let done = if sends {
                    load.send_batch(turn, 1 + chance.below(BATCH))
                        .await
                        .map(drop)
                } else if chance.below(FORGETFUL) == 0 {
                    load.receive(turn).await.map(drop)
                } else {
                    load.receive_and_delete(turn).await.map(drop)
                };
                if done.is_err() {
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        });
    }
    tasks
}

/// Kills a node, starts it again, and so on with another; how often.
async fn kill(args: &SoakArgs, cluster: &TestCluster, end: Instant) -> u64 {
    let mut chance = Chance(args.seed);
    let mut kills = 0;
    loop {
        let pause = Duration::from_secs_f64(args.kill_every);
        if Instant::now() + pause >= end {
            tokio::time::sleep_until(end.into()).await;
            return kills;
        }
        tokio::time::sleep(pause).await;
        let node = format!("n{}", 1 + chance.below(3));
        cluster.fault("kill", &node);
        kills += 1;
        tokio::time::sleep(DEAD_FOR).await;
        cluster.fault("restart", &node);
        cluster
            .wait_until("the killed node answers", all_answer)
            .await;
    }
}

/// Looks at memory and disk again and again.
async fn look(args: &SoakArgs, cluster: &TestCluster, end: Instant) -> Vec<Footprint> {
    let bar = load::bar("soak", 1000);
    let start = Instant::now();
    let mut samples = Vec::new();
    while Instant::now() < end {
        samples.extend(of_each_node(cluster));
        let part = start.elapsed().as_secs_f64() / (end - start).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1000"
        )]
        bar.set_position((part * 1000.0) as u64);
        tokio::time::sleep(Duration::from_secs_f64(args.look_every)).await;
    }
    bar.finish_and_clear();
    samples
}

/// Holds the mean of the last third of the samples against that of the third before.
fn tell_growth(
    args: &SoakArgs,
    report: &mut Report,
    what: &str,
    samples: &[Footprint],
    size: impl Fn(&Footprint) -> u64,
) {
    let third = samples.len() / 3;
    let check = format!("{what}, last third against the one before");
    let figure = format!("at most +{} %", args.growth);
    if third == 0 {
        report.figure(&check, figure, "too few samples", false);
        return;
    }
    let mean = |part: &[Footprint]| mib(part.iter().map(&size).sum::<u64>() / part.len() as u64);
    let middle = mean(&samples[samples.len() - 2 * third..samples.len() - third]);
    let last = mean(&samples[samples.len() - third..]);
    let growth = (last / middle - 1.0) * 100.0;
    let seen = format!("{growth:+.1} % ({middle:.0}, {last:.0} MiB)");
    report.figure(&check, figure, seen, growth <= args.growth);
}

/// Choices that follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    /// One of so many.
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % count
    }
}
