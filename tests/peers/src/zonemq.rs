//! Three nodes of zonemq, as `zonemq up` starts them, under the load of `zonemq bench`: HTTP, one
//! connection for each client, at the node that leads.

use std::future::pending;
use std::path::Path;

use anyhow::{Context, ensure};
use zonemq_bench::{Credentials, Options, QueueKind, Results, Workload};
use zonemq_tests::cluster::{Status, TestCluster};

use crate::load::{Load, Measured};

/// The cluster. It ends when this is dropped.
pub(crate) struct Zonemq {
    cluster: TestCluster,
}

impl Zonemq {
    /// Starts it with all its files in a new folder.
    pub(crate) fn start(folder: &Path) -> Zonemq {
        Zonemq {
            cluster: TestCluster::start_in(folder, &[]),
        }
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        pids(&self.cluster.status())
    }

    /// Puts the load on new queues: one to get warm, and one that is measured.
    pub(crate) async fn measure(&self, load: &Load, body_bytes: usize) -> anyhow::Result<Measured> {
        let before = self.settled().await;
        let leader = before.leader().context("no node leads")?;
        let mut options = Options {
            endpoints: vec![format!("http://{}", leader.api).parse()?],
            credentials: Credentials {
                access_key: "zonemq".to_owned(),
                region: "us-east-1".to_owned(),
            },
            run: "warm-up".to_owned(),
            workload: Workload::Send,
            clients: load.in_flight,
            queues: 1,
            kind: QueueKind::Standard,
            body_bytes,
            batch: 1,
            duration: load.warm_up,
            threads: 1,
            server_pids: pids(&before),
        };
        bench(&options).await?;
        "measured".clone_into(&mut options.run);
        options.duration = load.duration;
        let results = bench(&options).await?;
        let led_by = self.settled().await.leader().map(|node| node.id);
        ensure!(led_by == Some(leader.id), "another node leads than before");
        results.try_into()
    }

    /// The cluster once it has caught up.
    async fn settled(&self) -> Status {
        let all = self
            .cluster
            .wait_until("all nodes caught up", Status::all_caught_up);
        all.await
    }
}

async fn bench(options: &Options) -> anyhow::Result<Results> {
    let results = zonemq_bench::run(options, pending(), |_| ()).await;
    results.context("zonemq could not be measured")
}

fn pids(status: &Status) -> Vec<u32> {
    let pids = status.nodes.iter().filter_map(|node| node.pid);
    pids.map(i32::unsigned_abs).collect()
}
