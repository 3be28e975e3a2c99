//! The standard set as a command: `scripts/bench`. Exit codes: 0 every figure is as it must be, 1
//! one was missed, 101 something broke on the way.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use zonemq_tests::binary;
use zonemq_tests::speed::cases::Scale;
use zonemq_tests::speed::figures::figures;
use zonemq_tests::speed::machine::Machine;
use zonemq_tests::speed::record::Record;
use zonemq_tests::speed::{self, table};

/// Measures a cluster beside the yardstick, and holds the ratios against what they must be.
///
/// `ZONEMQ_BIN` names the program under test; without it, it is built in the profile of this one.
#[derive(Debug, Parser)]
#[command(name = "standard-set")]
struct Cli {
    /// Where the record goes, with all that was measured. Everything else is written beside it for
    /// as long as the set runs: it must lie on the disk that is to be measured
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// A record to compare with
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// What the sources are called in the record
    #[arg(long, default_value = "", hide_default_value = true)]
    revision: String,
    /// A few seconds, which show that the set runs; its figures say nothing and cannot be missed
    #[arg(long, conflicts_with_all = ["rounds", "seconds", "long_backlog"])]
    quick: bool,
    /// How often each case is measured; the median counts [default: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// How long each time [default: 3]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: Option<u64>,
    /// Messages that wait in the long queue [default: 1000000]
    #[arg(long, value_name = "MESSAGES", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    long_backlog: Option<u64>,
}

impl Cli {
    fn scale(&self) -> Scale {
        if self.quick {
            return Scale::quick();
        }
        let full = Scale::full();
        Scale {
            rounds: self.rounds.unwrap_or(full.rounds),
            run: self.seconds.map_or(full.run, Duration::from_secs),
            backlogs: (
                full.backlogs.0,
                self.long_backlog.unwrap_or(full.backlogs.1),
            ),
            ..full
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let before = cli.before.as_deref().map(Record::read).transpose()?;
    // Before any clock runs.
    binary::path();
    binary::yardstick();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        // Whoever interrupts it drops cluster and yardstick, and with them all processes and files.
        let record = tokio::select! {
            record = measure(&cli) => record?,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
            _ = terminate.recv() => return Ok(ExitCode::from(143)),
        };
        record.write(&cli.record)?;
        print!("{}", table::told(&record, before.as_ref()));
        println!("All of it is in {}.", cli.record.display());
        if cli.quick || record.profile != "release" {
            println!("These figures say nothing: the set was short, or not optimised.");
            return Ok(ExitCode::SUCCESS);
        }
        let all_hold = record.figures.iter().all(|figure| figure.holds);
        Ok(ExitCode::from(u8::from(!all_hold)))
    })
}

async fn measure(cli: &Cli) -> anyhow::Result<Record> {
    let beside = cli.record.parent().context("the record has no folder")?;
    std::fs::create_dir_all(beside)
        .with_context(|| format!("{} cannot be made", beside.display()))?;
    let folder = tempfile::tempdir_in(beside)?;
    let machine = Machine::this(folder.path());
    let scale = cli.scale();
    let least = speed::takes_at_least(&scale).as_secs();
    eprintln!("This takes at least {least} s, and what the long queue takes to be filled.");
    let runs = speed::run(&scale, folder.path()).await?;
    Ok(Record {
        revision: cli.revision.clone(),
        profile: if cfg!(debug_assertions) {
            "debug".to_owned()
        } else {
            "release".to_owned()
        },
        machine,
        scale,
        figures: figures(&runs),
        runs,
    })
}
