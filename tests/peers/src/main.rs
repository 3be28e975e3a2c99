//! Other queues beside zonemq, on the same machine, under the same load: `scripts/bench-peers`.
//!
//! [`rabbitmq`], [`nats`] and [`zonemq`] each start three nodes and take a [`load`]; [`servers`] sees
//! to it that none outlives this program. [`stage`] lets them take turns, [`record`] makes ratios
//! of it, and [`table`] tells them.
//!
//! Exit codes: 0 zonemq is ahead of all that promise what it promises, 1 it is not, 101 something
//! broke on the way; 130 and 143 it was interrupted.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use zonemq_tests::binary;
use zonemq_tests::speed::BODY_BYTES;
use zonemq_tests::speed::machine::Machine;

mod load;
mod nats;
mod rabbitmq;
mod record;
mod servers;
mod stage;
mod table;
mod zonemq;

use record::{Record, rows};
use stage::{Scale, Stage};

/// Measures zonemq beside RabbitMQ and NATS: three nodes each, the same bodies, as many messages
/// under way.
///
/// `ZONEMQ_BIN` names the program under test.
#[derive(Debug, Parser)]
#[command(name = "bench-peers")]
struct Cli {
    /// Where the record goes, with all that was measured. Everything else is written beside it for
    /// as long as this runs: it must lie on the disk that is to be measured
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// The folder into which Debian's packages were unpacked
    #[arg(long, value_name = "FOLDER")]
    tools: PathBuf,
    /// What the sources are called in the record
    #[arg(long, default_value = "", hide_default_value = true)]
    revision: String,
    /// One short round, which shows that all of it runs; its figures say nothing and cannot be
    /// missed
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// How often each is measured; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Messages under way, one load after the other
    #[arg(long, value_delimiter = ',', value_parser = some, default_values_t = [64, 256])]
    in_flight: Vec<usize>,
    /// Connections that the clients of RabbitMQ share; with 1 and with 16 it was slower
    #[arg(long, default_value_t = 4, value_parser = some)]
    rabbitmq_connections: usize,
    /// Connections that the clients of NATS share; with 4 and with 16 it was slower
    #[arg(long, default_value_t = 1, value_parser = some)]
    nats_connections: usize,
}

/// Clients or connections: with none, nothing would be measured.
fn some(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(number @ 1..=1000) => Ok(number),
        _ => Err("a number from 1 to 1000".to_owned()),
    }
}

impl Cli {
    fn scale(&self) -> Scale {
        let (rounds, warm_up, run) = if self.quick {
            (1, Duration::from_millis(300), Duration::from_secs(1))
        } else {
            let run = Duration::from_secs(self.seconds);
            (self.rounds, Duration::from_secs(1), run)
        };
        Scale {
            rounds,
            warm_up,
            run,
            in_flight: self.in_flight.clone(),
            body_bytes: BODY_BYTES,
            rabbitmq_connections: self.rabbitmq_connections,
            nats_connections: self.nats_connections,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(&cli).unwrap_or_else(|error| {
        eprintln!("bench-peers: {error:#}");
        // Not 1, which is a verdict.
        ExitCode::from(101)
    })
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    // Before any clock runs.
    binary::path();
    // One thread for the clients of peers: those of zonemq have one, too.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        // Whoever interrupts it drops the clusters, and with them all processes and files.
        let record = tokio::select! {
            record = measure(cli) => record?,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
            _ = terminate.recv() => return Ok(ExitCode::from(143)),
            _ = hang_up.recv() => return Ok(ExitCode::from(129)),
        };
        record.write(&cli.record)?;
        print!("{}", table::told(&record));
        println!("All of it is in {}.", cli.record.display());
        if cli.quick {
            println!("These figures say nothing: it was short.");
            return Ok(ExitCode::SUCCESS);
        }
        Ok(ExitCode::from(u8::from(!record.is_ahead())))
    })
}

async fn measure(cli: &Cli) -> anyhow::Result<Record> {
    let beside = cli.record.parent().context("the record has no folder")?;
    std::fs::create_dir_all(beside)
        .with_context(|| format!("{} cannot be made", beside.display()))?;
    let tools = std::path::absolute(&cli.tools)?;
    // Servers get its paths, and some of them go elsewhere.
    let folder = tempfile::tempdir_in(std::path::absolute(beside)?)?;
    let machine = Machine::this(folder.path());
    let scale = cli.scale();
    let stage = Stage::start(&scale, &tools, &cli.revision, folder.path()).await?;
    let runs = stage.run(&scale).await?;
    Ok(Record {
        revision: cli.revision.clone(),
        machine,
        rows: rows(stage.subjects.len(), &scale, &runs),
        subjects: stage.subjects.clone(),
        left_out: stage.left_out.clone(),
        scale,
        runs,
    })
}
