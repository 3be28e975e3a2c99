//! Senders hardly notice that nodes checkpoint and compact.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use crate::cluster::TestCluster;
use crate::store::load::{self, BATCH, Load, PAUSE_AFTER_ERROR};
use crate::store::report::{Report, rate};
use crate::store::snapshots;

/// How large the backlog is, and how much slower a send may be.
#[derive(Args, Clone, Debug)]
pub struct PausesArgs {
    /// Messages that wait
    #[arg(long, default_value_t = 300_000)]
    pub messages: u64,
    /// Bytes of each body
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub body: usize,
    /// Clients that send, one message after the other
    #[arg(long, default_value_t = 64)]
    pub clients: usize,
    /// How long they send
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub seconds: u64,
    /// Sends this long before a checkpoint, snapshot or compaction was seen to end count as within
    #[arg(long, default_value_t = 1000, value_name = "MILLISECONDS")]
    pub before: u64,
    /// And sends this long after it
    #[arg(long, default_value_t = 200, value_name = "MILLISECONDS")]
    pub after: u64,
    /// p99 of sends within against p99 of the others
    #[arg(long, default_value_t = 2.0, value_name = "RATIO")]
    pub ratio: f64,
}

/// One send: when it began, and how long it took.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Instant,
    took: Duration,
}

/// Receivers that keep the backlog as it is while senders add to it.
const DRAINERS: usize = 8;
/// Fewer sends tell nothing of their hundredth part.
const LEAST_SENDS: usize = 1000;

/// Sends at a large backlog, and compares sends beside such work with sends without it.
pub async fn run(args: &PausesArgs, report: &mut Report) {
    let cluster = TestCluster::start();
    let load = Load::create(&cluster, "backlog", args.body, &[]).await;
    load.fill(args.messages).await;
    cluster.caught_up().await;
    let mut work = Vec::new();
    let sends = tokio::select! {
        sends = send(args, &load) => sends,
        () = snapshots::watch(&cluster, |at| work.push(at)) => unreachable!("it looks for ever"),
    };
    let before = Duration::from_millis(args.before);
    let after = Duration::from_millis(args.after);
    let within = |sent: &Sent| {
        let end = sent.at + sent.took;
        // In the order of time: the first piece of work that ends late enough decides.
        let next = work.partition_point(|end_of_work| *end_of_work + after < sent.at);
        work.get(next)
            .is_some_and(|end_of_work| *end_of_work <= end + before)
    };
    let (beside, without): (Vec<Sent>, Vec<Sent>) = sends.iter().partition(|sent| within(sent));
    let all = format!(
        "{:.0}/s",
        rate(sends.len() as u64, Duration::from_secs(args.seconds))
    );
    report.note("sends", all);
    let pieces = work.len();
    let check = "checkpoints, snapshots and compactions seen";
    report.figure(check, "at least 1", pieces, pieces > 0);
    let longest = sends.iter().map(|sent| sent.took).max().unwrap_or_default();
    report.note("longest send", format!("{longest:.1?}"));
    let check = "p99 of sends beside them against without";
    let figure = format!("at most {}", args.ratio);
    if let (Some(beside), Some(without)) = (p99(&beside), p99(&without)) {
        report.note("p99 beside them", format!("{beside:.1?}"));
        report.note("p99 without", format!("{without:.1?}"));
        let ratio = beside.as_secs_f64() / without.as_secs_f64();
        report.figure(check, figure, format!("{ratio:.2}"), ratio <= args.ratio);
    } else {
        let few = format!("only {} beside, {} without", beside.len(), without.len());
        report.figure(check, figure, few, false);
    }
}

/// Sends for as long as is asked; all sends that were answered with success.
async fn send(args: &PausesArgs, load: &Load) -> Vec<Sent> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let bar = load::bar("send", args.seconds);
    let mut tasks = JoinSet::new();
    for turn in 0..args.clients {
        let (load, seen) = (load.clone(), seen.clone());
        tasks.spawn(async move {
            while Instant::now() < end {
                let at = Instant::now();
                match load.send_one(turn).await {
                    Ok(()) => {
                        let took = at.elapsed();
                        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                        seen.push(Sent { at, took });
                    }
                    Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
                }
            }
        });
    }
    let goal = load.ledger.counts().backlog();
    for turn in 0..DRAINERS {
        let load = load.clone();
        tasks.spawn(async move {
            while Instant::now() < end {
                let enough = load.ledger.counts().backlog() < goal + BATCH;
                if enough || load.receive_and_delete(turn).await.is_err() {
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        });
    }
    for second in 0..args.seconds {
        bar.set_position(second);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    bar.finish_and_clear();
    tasks.join_all().await;
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The time within which 99 of 100 sends were answered.
fn p99(sends: &[Sent]) -> Option<Duration> {
    if sends.len() < LEAST_SENDS {
        return None;
    }
    let mut times: Vec<Duration> = sends.iter().map(|sent| sent.took).collect();
    let place = times.len() * 99 / 100;
    Some(*times.select_nth_unstable(place).1)
}
