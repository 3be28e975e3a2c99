//! The standard set: how fast a cluster is beside the yardstick, in the same run, on the same disk.
//!
//! [`cases`] says what is measured, [`yardstick`] beside what; [`figures`] makes ratios of it and
//! holds them against what they must be, [`record`] keeps all of it with the [`machine`] that it was
//! measured on, and [`table`] tells it. Only this file runs anything of the set. [`failovers`],
//! [`elections`] and [`consoles`] are checks by themselves, which take minutes.
//!
//! Machines differ and are noisy. So all cases take turns in each round, each ratio is of two runs
//! of one round, and what counts is the median of the rounds.

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use zonemq_bench::{Credentials, Endpoint, Options, Results};

use crate::cluster::{Status, TestCluster};

pub mod cases;
pub mod consoles;
pub mod elections;
pub mod failovers;
pub mod figures;
pub mod machine;
pub mod record;
pub mod stalls;
pub mod table;
pub mod yardstick;

use cases::{Case, Scale, Subject};
use figures::Run;
use yardstick::Yardstick;

/// Bodies of all cases.
pub const BODY_BYTES: usize = 1024;

/// Runs the set in this folder, which must lie on the disk that is to be measured, and says on
/// standard error how far it is.
pub async fn run(scale: &Scale, folder: &Path) -> anyhow::Result<Vec<Run>> {
    // One after the other: the load's own work is the same for both.
    let mut stage = Stage {
        yardstick: Yardstick::start(&folder.join("yardstick"))?,
        cluster: TestCluster::start_in(&folder.join("cluster"), &[]),
        runs: Vec::new(),
    };
    // First: of memory that was used before, nobody can say what for.
    for case in cases::idle(scale) {
        stage.measure(0, case).await?;
    }
    for round in 0..scale.rounds {
        for case in cases::beside_the_yardstick(scale) {
            stage.measure(round, case).await?;
        }
    }
    // Last: long backlogs leave work behind.
    for round in 0..scale.rounds {
        for case in cases::backlogs(scale) {
            stage.measure(round, case).await?;
        }
    }
    Ok(stage.runs)
}

struct Stage {
    yardstick: Yardstick,
    cluster: TestCluster,
    runs: Vec<Run>,
}

impl Stage {
    async fn measure(&mut self, round: u32, case: Case) -> anyhow::Result<()> {
        // What one run leaves behind is not the next one's.
        let before = self.cluster.caught_up().await;
        let leader = before.leader().context("no node leads")?.id;
        let (endpoints, server_pids) = match case.subject {
            Subject::Yardstick => (vec![self.yardstick.endpoint()?], self.yardstick.pids()),
            Subject::Leader => (endpoints(&before, |id| id == leader)?, pids(&before)),
            Subject::Follower => {
                let mut followers = endpoints(&before, |id| id != leader)?;
                followers.truncate(1);
                (followers, pids(&before))
            }
            Subject::AllNodes => (endpoints(&before, |_| true)?, pids(&before)),
        };
        ensure!(
            !endpoints.is_empty(),
            "{}: there is no such node",
            case.name
        );
        let name = case.name;
        let options = options(&case, endpoints, server_pids, self.runs.len());
        let results = zonemq_bench::run(&options, pending(), |_| ()).await;
        let results = results.with_context(|| format!("{name} could not be measured"))?;
        tell(round, name, &results);
        let led_by = self.cluster.caught_up().await.leader().map(|node| node.id);
        self.runs.push(Run {
            round,
            case: name.to_owned(),
            leader_stayed: led_by == Some(leader),
            results,
        });
        Ok(())
    }
}

fn options(
    case: &Case,
    endpoints: Vec<Endpoint>,
    server_pids: Vec<u32>,
    runs_before: usize,
) -> Options {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Options {
        endpoints,
        credentials: Credentials {
            access_key: "zonemq".to_owned(),
            region: "us-east-1".to_owned(),
        },
        run: format!("speed{runs_before}"),
        workload: case.workload,
        clients: case.clients,
        queues: 1,
        kind: case.kind,
        body_bytes: BODY_BYTES,
        batch: case.batch,
        duration: case.duration,
        threads: (cores / 2).max(1),
        server_pids,
    }
}

/// The load of a case on the node that leads, under a name that no run before it had.
pub fn at_the_leader(status: &Status, case: &Case, runs_before: usize) -> anyhow::Result<Options> {
    let leader = status.leader().context("no node leads")?.id;
    let endpoints = endpoints(status, |id| id == leader)?;
    Ok(options(case, endpoints, pids(status), runs_before))
}

fn endpoints(status: &Status, which: impl Fn(u64) -> bool) -> anyhow::Result<Vec<Endpoint>> {
    let nodes = status.nodes.iter().filter(|node| which(node.id));
    let endpoints = nodes.map(|node| Ok(format!("http://{}", node.api).parse()?));
    endpoints.collect()
}

/// The processes of the nodes.
pub fn pids(status: &Status) -> Vec<u32> {
    let pids = status.nodes.iter().filter_map(|node| node.pid);
    pids.map(i32::unsigned_abs).collect()
}

fn tell(round: u32, name: &str, results: &Results) {
    eprintln!(
        "round {}  {name:<28} {:>9.0} messages/s  {} errors",
        round + 1,
        results.messages_per_second,
        results.error_count()
    );
}

/// How long the set takes at least.
pub fn takes_at_least(scale: &Scale) -> Duration {
    let idle: Duration = cases::idle(scale).iter().map(|case| case.duration).sum();
    let round = [cases::beside_the_yardstick(scale), cases::backlogs(scale)].concat();
    let round: Duration = round.iter().map(|case| case.duration).sum();
    idle + round * scale.rounds
}
