//! Three nodes of zonemq, as `zonemq up` starts them, under the load of `zonemq bench`: HTTP, one
//! connection for each client, at the node that leads.

use std::future::pending;
use std::path::Path;

use anyhow::{Context, ensure};
use zonemq_bench::{Options, QueueKind, Results, Workload};
use zonemq_tests::cluster::{Status, TestCluster};
use zonemq_tests::speed::cases::{Case, Subject};
use zonemq_tests::speed::{at_the_leader, pids};

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
    pub(crate) async fn measure(&self, load: &Load) -> anyhow::Result<Measured> {
        let before = self.cluster.caught_up().await;
        let mut case = Case {
            name: "sends",
            subject: Subject::Leader,
            workload: Workload::Send,
            clients: load.in_flight,
            batch: 1,
            kind: QueueKind::Standard,
            duration: load.warm_up,
        };
        bench(&at_the_leader(&before, &case, 0)?).await?;
        case.duration = load.duration;
        let results = bench(&at_the_leader(&before, &case, 1)?).await?;
        let leader = |status: &Status| status.leader().map(|node| node.id);
        let after = self.cluster.caught_up().await;
        ensure!(
            leader(&before) == leader(&after),
            "another node leads than before"
        );
        results.try_into()
    }
}

async fn bench(options: &Options) -> anyhow::Result<Results> {
    let results = zonemq_bench::run(options, pending(), |_| ()).await;
    results.context("zonemq could not be measured")
}
