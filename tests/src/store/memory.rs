//! A large backlog takes little memory: the bodies are on the disk.

use clap::Args;

use crate::cluster::TestCluster;
use crate::store::footprint::{Footprint, of_each_node};
use crate::store::load::Load;
use crate::store::report::{Report, mib, rate};

/// How large the backlog is, and how much memory it may take.
#[derive(Args, Clone, Debug)]
pub struct MemoryArgs {
    /// Messages that wait
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Bytes of each body
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub body: usize,
    /// Resident memory that each node may take, in MiB
    #[arg(long, default_value_t = 256.0, value_name = "MIB")]
    pub limit: f64,
}

/// Fills a queue of three nodes, empties a tenth of it and fills that again.
pub async fn run(args: &MemoryArgs, report: &mut Report) {
    let cluster = TestCluster::start();
    tell_memory(report, "when empty", &of_each_node(&cluster), None);
    let load = Load::create(&cluster, "backlog", args.body, &[]).await;
    let took = load.fill(args.messages).await;
    let filled = format!("{:.0} messages/s", rate(args.messages, took));
    report.note("filled", filled);
    cluster.caught_up().await;
    let limit = Some(args.limit);
    tell_memory(report, "with the backlog", &of_each_node(&cluster), limit);
    let tenth = args.messages / 10;
    load.drain_some(tenth).await;
    load.fill(tenth).await;
    cluster.caught_up().await;
    let after = of_each_node(&cluster);
    tell_memory(report, "after a tenth was replaced", &after, limit);
    let strange = load.ledger.counts().strange;
    report.figure("messages that nobody sent", "0", strange, strange == 0);
}

/// Tells the memory of each node, and holds it against a limit in MiB, if there is one.
pub fn tell_memory(report: &mut Report, when: &str, nodes: &[Footprint], limit: Option<f64>) {
    for node in nodes {
        let check = format!("memory of n{} {when}", node.id);
        let resident = mib(node.resident_bytes);
        match limit {
            Some(limit) => report.at_most(&check, limit, resident, "MiB"),
            None => report.note(&check, format!("{resident:.0} MiB")),
        }
        let peak = format!("{:.0} MiB", mib(node.peak_bytes));
        report.note(&format!("  its peak until then, n{}", node.id), peak);
    }
}
