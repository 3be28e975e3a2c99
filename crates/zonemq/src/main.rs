//! The `zonemq` command: brings clusters up, looks at them, breaks them, takes them down.
//!
//! `zonemq node` is the server itself; every other command works on the local cluster that a data
//! folder describes, through the nodes' HTTP interface and signals.

// They panic where nobody reads; `say` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod bench;
mod check;
mod check_store;
mod cluster;
mod down;
mod failure;
mod fault;
mod http;
mod identity;
mod launch;
mod learn;
mod lock;
mod node;
mod orphan;
mod paint;
mod peek;
mod reading;
mod run;
mod say;
mod status;
mod stop_signal;
mod table;
mod threads;
mod top;
mod trace;
mod up;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use clap::error::ErrorKind;
use tokio::runtime::Runtime;

use args::{Cli, Command};
use failure::Failure;
use say::complain;

/// A node makes and drops millions of small things a second between its threads, and holds millions
/// of others for long: the system's allocator searches its free lists then for a fifth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return refuse(&error),
    };
    let runtime = match &command {
        Command::Node(args) => threads::runtime(args.threads),
        _ => Runtime::new(),
    };
    match runtime.context("threads cannot be started") {
        Ok(runtime) => runtime.block_on(carry_out(command)),
        Err(error) => fail(&error.into()),
    }
}

async fn carry_out(command: Command) -> ExitCode {
    let done = match command {
        Command::CheckStore(args) => {
            return check_store::run(args)
                .await
                .unwrap_or_else(|failure| fail(&failure));
        }
        Command::Up(args) => up::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Top(args) => top::run(args).await,
        Command::Peek(args) => peek::run(args).await,
        Command::Trace(args) => trace::run(args).await,
        Command::Down(args) => down::run(args).await,
        Command::Node(args) => Box::pin(node::run(args)).await,
        Command::Fault(args) => fault::run(args).await,
        Command::Bench(args) => bench::run(args).await,
        Command::Learn(args) => learn::run(args).await,
        Command::Check(args) => return check::run(&args),
        Command::Run(args) => return run::run(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    complain!("{failure}");
    failure.exit_code()
}

/// Answers a command line that clap did not take: help in full, a mistake in one sentence.
fn refuse(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Nobody is left to tell when the output cannot be written.
            let _ = error.print();
            if error.use_stderr() {
                Failure::USAGE.into()
            } else {
                ExitCode::SUCCESS
            }
        }
        _ => {
            let text = error.to_string();
            // The paragraphs after the first tell the usage again; `--help` does that better.
            let first = text.split("\n\n").next().unwrap_or_default();
            let sentence: Vec<&str> = first.split_whitespace().collect();
            complain!(
                "{}; see `zonemq --help`",
                sentence.join(" ").trim_start_matches("error: ")
            );
            Failure::USAGE.into()
        }
    }
}
