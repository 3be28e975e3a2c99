//! A leader that lives stays the leader, however busy the machine is.

use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use crate::cluster::TestCluster;
use crate::store::load::{self, Load, PAUSE_AFTER_ERROR};
use crate::store::report::{Report, rate};

/// For how long, and under how much load.
#[derive(Args, Clone, Debug)]
pub struct ElectionsArgs {
    /// How long the load lasts
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub seconds: u64,
    /// Clients that send, one message after the other, and half as many that receive and delete
    #[arg(long, default_value_t = 128)]
    pub clients: usize,
}

const BODY_BYTES: usize = 1024;

/// Keeps all processors busy, and counts the terms that came meanwhile.
pub async fn run(args: &ElectionsArgs, report: &mut Report) {
    let cluster = TestCluster::start();
    let load = Load::create(&cluster, "elections", BODY_BYTES, &[]).await;
    cluster.leader().await;
    let before = term(&cluster);
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let mut clients = JoinSet::new();
    for turn in 0..args.clients {
        let load = load.clone();
        clients.spawn(async move {
            while Instant::now() < end {
                let receives = turn % 2 == 0;
                let done = if receives {
                    load.receive_and_delete(turn).await.map(drop)
                } else {
                    load.send_one(turn).await
                };
                if done.is_err() {
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        });
    }
    let bar = load::bar("load", args.seconds);
    for second in 0..args.seconds {
        bar.set_position(second);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    bar.finish_and_clear();
    clients.join_all().await;
    let took = Duration::from_secs(args.seconds);
    let counts = load.ledger.counts();
    report.note("sends", format!("{:.0}/s", rate(counts.acknowledged, took)));
    none_since(before, &cluster, report);
}

/// The term of the leader, if somebody leads.
pub(super) fn term(cluster: &TestCluster) -> Option<u64> {
    cluster.status().leader().and_then(|leader| leader.term)
}

/// Holds the terms that came since this one against none.
pub(super) fn none_since(before: Option<u64>, cluster: &TestCluster, report: &mut Report) {
    let elections = match (before, term(cluster)) {
        (Some(before), Some(after)) => (after - before).to_string(),
        _ => "nobody leads".to_owned(),
    };
    let holds = elections == "0";
    report.figure("elections that nobody needed", "0", elections, holds);
}
