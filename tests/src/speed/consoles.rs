//! What consoles that are open cost the clients that send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use tokio::task::JoinSet;

use super::at_the_leader;
use super::cases::{Case, SEND_64, Scale, beside_the_yardstick};
use crate::cluster::TestCluster;
use crate::raw_http::Api;
use crate::store::report::Report;

/// How many consoles, and how long it is looked at.
#[derive(Args, Clone, Debug)]
pub struct ConsolesArgs {
    /// Consoles, dealt out to the nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=16))]
    pub consoles: u64,
    /// Rounds, each with and without consoles; the median counts
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How long each measurement lasts
    #[arg(long, default_value_t = 4, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
    /// What they may cost, in hundredths of the sends without them
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT")]
    pub cost: f64,
}

/// Measures 64 clients that send, with and without consoles in turn: which of the two comes first
/// changes each round, so that a machine that gets slower or faster does it to both.
///
/// A console here takes the pictures and draws nothing: drawing is the browser's, which most people
/// have on another core.
pub async fn run(args: &ConsolesArgs, report: &mut Report) -> anyhow::Result<()> {
    let cluster = TestCluster::start();
    let nodes = cluster.status().nodes.len() as u64;
    let scale = Scale {
        run: Duration::from_secs(args.seconds),
        ..Scale::full()
    };
    let cases = beside_the_yardstick(&scale);
    let case = cases.iter().find(|case| case.name == SEND_64);
    let case = case.context("the case is in the set")?;
    // What the first run pays for is nobody's.
    let mut runs = 0;
    sends_per_second(&cluster, case, runs).await?;
    let pictures = Arc::new(AtomicU64::new(0));
    let mut shares = Vec::new();
    for round in 1..=args.rounds {
        let (mut without, mut with) = (0.0, 0.0);
        let order = if round % 2 == 0 {
            [(0, &mut without), (args.consoles, &mut with)]
        } else {
            [(args.consoles, &mut with), (0, &mut without)]
        };
        for (consoles, rate) in order {
            let mut viewers = JoinSet::new();
            for console in 0..consoles {
                let api = Api::of(&cluster, console % nodes + 1);
                viewers.spawn(watch(api, pictures.clone()));
            }
            runs += 1;
            *rate = sends_per_second(&cluster, case, runs).await?;
            ensure!(
                viewers.try_join_next().is_none(),
                "a console lost its connection"
            );
        }
        eprintln!("round {round}  {without:>9.0} without, {with:>9.0} with consoles, sends/s");
        shares.push(with / without);
    }
    shares.sort_unstable_by(f64::total_cmp);
    let cost = (1.0 - shares[shares.len() / 2]) * 100.0;
    let seen = pictures.load(Ordering::Relaxed);
    report.figure("bytes of pictures that came", "some", seen, seen > 0);
    report.at_most("cost of the consoles", args.cost, cost, "% of the sends");
    Ok(())
}

async fn sends_per_second(
    cluster: &TestCluster,
    case: &Case,
    number: usize,
) -> anyhow::Result<f64> {
    let options = at_the_leader(&cluster.caught_up().await, case, number)?;
    let results = zonemq_bench::run(&options, std::future::pending(), |_| ()).await?;
    ensure!(results.error_count() == 0, "not all sends succeeded");
    Ok(results.messages_per_second)
}

/// Takes pictures until it is dropped, or the connection ends.
async fn watch(api: Api, pictures: Arc<AtomicU64>) -> anyhow::Result<()> {
    let events = api.request(reqwest::Method::GET, "/console/events");
    let mut answer = events.send().await?.error_for_status()?;
    while let Some(bytes) = answer.chunk().await? {
        pictures.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}
