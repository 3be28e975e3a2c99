//! A backlog far larger than memory: what it takes, and that emptying it is as fast as emptying a
//! small one.

use clap::Args;

use crate::cluster::TestCluster;
use crate::store::footprint::{Footprint, of_each_node};
use crate::store::load::{Drained, Load};
use crate::store::memory::tell_memory;
use crate::store::report::{Report, mib, rate};

/// How large the backlog is, and what it may take.
#[derive(Args, Clone, Debug)]
pub struct BacklogArgs {
    /// Messages that wait
    #[arg(long, default_value_t = 5_000_000)]
    pub messages: u64,
    /// Bytes of each body
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub body: usize,
    /// Nodes: one alone where the disk is too small for three
    #[arg(long, default_value = "3", value_parser = ["1", "3"])]
    pub nodes: String,
    /// Resident memory that each node may take, in MiB
    #[arg(long, default_value_t = 800.0, value_name = "MIB")]
    pub limit: f64,
    /// Messages of the small queue whose drain is the measure
    #[arg(long, default_value_t = 20_000, value_name = "MESSAGES")]
    pub small: u64,
    /// The drain's rate against that of the small queue
    #[arg(long, default_value_t = 0.7, value_name = "RATIO")]
    pub drain_ratio: f64,
    /// Disk against the bytes of all bodies that wait
    #[arg(long, default_value_t = 2.2, value_name = "RATIO")]
    pub disk_ratio: f64,
    /// What a folder may take beside that, in MiB
    #[arg(long, default_value_t = 256.0, value_name = "MIB")]
    pub disk_constant: f64,
}

/// Empties a small queue, then fills a large one, looks, and empties it.
pub async fn run(args: &BacklogArgs, report: &mut Report) {
    let zones = if args.nodes == "1" { "a" } else { "a,b,c" };
    let cluster = TestCluster::start_with(&["--zones", zones]);
    let small = Load::create(&cluster, "small", args.body, &[]).await;
    small.fill(args.small).await;
    let measure = small.drain().await;
    report.note("drain of a small queue", told(&measure));

    let large = Load::create(&cluster, "large", args.body, &[]).await;
    let took = large.fill(args.messages).await;
    let filled = format!("{:.0} messages/s", rate(args.messages, took));
    report.note("filled", filled);
    cluster.caught_up().await;
    let limit = Some(args.limit);
    let full = of_each_node(&cluster);
    tell_memory(report, "with the backlog", &full, limit);
    tell_disk(args, report, "with the backlog", &full, &large);

    let drained = large.drain().await;
    report.note("drain of the backlog", told(&drained));
    let figure = format!("at least {:.2}", args.drain_ratio);
    let ratio = drained.rate() / measure.rate();
    let holds = ratio >= args.drain_ratio;
    let check = "its rate against that of the small queue";
    report.figure(check, figure, format!("{ratio:.2}"), holds);
    cluster.caught_up().await;
    let empty = of_each_node(&cluster);
    tell_memory(report, "after the drain", &empty, limit);
    tell_disk(args, report, "after the drain", &empty, &large);
    tell_losses(report, &large);
}

fn told(drained: &Drained) -> String {
    let Drained { errors, .. } = drained;
    format!("{:.0} messages/s, {errors} errors", drained.rate())
}

fn tell_disk(
    args: &BacklogArgs,
    report: &mut Report,
    when: &str,
    nodes: &[Footprint],
    load: &Load,
) {
    let live = load.ledger.counts().backlog() * load.ledger.body_bytes() as u64;
    let limit = args.disk_ratio * mib(live) + args.disk_constant;
    for node in nodes {
        let check = format!("disk of n{} {when}", node.id);
        report.at_most(&check, limit, mib(node.disk_bytes), "MiB");
    }
}

/// Tells what was lost of a queue that was emptied, and what came out of it wrongly.
pub fn tell_losses(report: &mut Report, load: &Load) {
    let counts = load.ledger.counts();
    report.note("acknowledged", counts.acknowledged);
    let missing = load.ledger.missing();
    report.figure(
        "acknowledged and never received",
        "0",
        missing,
        missing == 0,
    );
    let came_back = counts.came_back;
    report.figure(
        "came back after their delete",
        "0",
        came_back,
        came_back == 0,
    );
    let strange = counts.strange;
    report.figure("messages that nobody sent", "0", strange, strange == 0);
}
