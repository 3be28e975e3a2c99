//! What the command line can say of a load.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use zonemq_bench::{Credentials, Endpoint, Options, QueueKind, Workload};

use crate::args::{DataArgs, Timeout};

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// What the clients do
    #[arg(value_enum, default_value_t = WorkloadArg::Mixed)]
    workload: WorkloadArg,
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// Any server that speaks SQS, as `http://127.0.0.1:9324`; clients are dealt out to several in
    /// turn [default: the nodes of the local cluster]
    #[arg(long = "endpoint", value_name = "URL")]
    pub(super) endpoints: Vec<Endpoint>,
    /// How many ask at the same time
    #[arg(long, default_value_t = 64, value_name = "COUNT")]
    clients: usize,
    /// How long, as `10s`
    #[arg(long, default_value = "10s", value_name = "TIME")]
    duration: Timeout,
    /// Length of each message body
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    body: usize,
    /// Messages in a request; 1 takes SendMessage and DeleteMessage instead of the batches
    #[arg(long, default_value_t = 1, value_name = "MESSAGES")]
    batch: usize,
    /// Queues that the clients are dealt out to; they are made, and removed at the end
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    queues: usize,
    /// Make FIFO queues
    #[arg(long)]
    fifo: bool,
    /// Message groups of FIFO queues
    #[arg(long, default_value_t = 64, value_name = "COUNT", requires = "fifo")]
    groups: u32,
    /// Messages that `receive` puts into the queues first, all together
    #[arg(long, default_value_t = 100_000, value_name = "MESSAGES")]
    fill: u64,
    /// Messages that `mixed` puts into the queues first, and keeps there: senders wait for receivers
    #[arg(long, value_name = "MESSAGES")]
    standing: Option<u64>,
    /// Threads of the load [default: half of the cores]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Print JSON, whose shape stays
    #[arg(long)]
    pub(super) json: bool,
    /// Draw messages over time and latencies into an SVG file
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
    /// Process of a server, whose time on a CPU and memory are told [default: the nodes of the local
    /// cluster]
    #[arg(long = "server-pid", value_name = "PID")]
    server_pids: Vec<u32>,
    /// Access key that the requests name; they are not signed
    #[arg(
        long,
        env = "AWS_ACCESS_KEY_ID",
        default_value = "zonemq",
        hide_env = true
    )]
    access_key: String,
    /// Region that the requests name
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", hide_env = true)]
    region: String,
}

/// What the clients do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum WorkloadArg {
    /// All send
    Send,
    /// All receive and delete what was put there first
    Receive,
    /// One half sends, the other half receives and deletes
    Mixed,
    /// All wait in long polls for nothing
    Wait,
}

impl BenchArgs {
    /// The load that is asked for, on these servers where no others are named.
    pub(super) fn options(&self, local: Vec<(Endpoint, u32)>, run: String) -> Options {
        let (endpoints, pids) = local.into_iter().unzip();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Options {
            // The processes of a local cluster say nothing of another endpoint.
            server_pids: match (&self.server_pids[..], &self.endpoints[..]) {
                ([], []) => pids,
                (named, _) => named.to_vec(),
            },
            endpoints: match &self.endpoints[..] {
                [] => endpoints,
                named => named.to_vec(),
            },
            credentials: Credentials {
                access_key: self.access_key.clone(),
                region: self.region.clone(),
            },
            run,
            workload: match self.workload {
                WorkloadArg::Send => Workload::Send,
                WorkloadArg::Receive => Workload::Receive { fill: self.fill },
                WorkloadArg::Mixed => Workload::Mixed {
                    standing: self.standing,
                },
                WorkloadArg::Wait => Workload::Wait,
            },
            clients: self.clients,
            queues: self.queues,
            kind: if self.fifo {
                QueueKind::Fifo {
                    groups: self.groups,
                }
            } else {
                QueueKind::Standard
            },
            body_bytes: self.body,
            batch: self.batch,
            duration: self.duration.0,
            threads: self.threads.unwrap_or((cores / 2).max(1)),
        }
    }
}
