//! `zonemq check`: judges a history of what clients of a real cluster were told.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use zonemq_history::{Verdict, judge, read};

use crate::args::CheckArgs;
use crate::say::{complain, say};

/// The exit code where promises were broken.
const VIOLATED: u8 = 1;
/// The exit code where nothing can be said.
const UNKNOWN: u8 = 2;
/// The exit code where the file is no history.
const UNREADABLE: u8 = 3;

/// Prints the verdict; 0 where every promise was kept.
pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    match judged(&args.history) {
        Ok(Verdict::Pass(summary)) => {
            say!("pass: {summary}");
            ExitCode::SUCCESS
        }
        Ok(Verdict::Violated(summary, violations)) => {
            for violation in &violations {
                say!("violation of {violation}");
            }
            say!("{} promises broken: {summary}", violations.len());
            VIOLATED.into()
        }
        Ok(Verdict::Unknown(why)) => {
            say!("unknown: {why}");
            UNKNOWN.into()
        }
        Err(error) => {
            complain!("{error:#}");
            UNREADABLE.into()
        }
    }
}

fn judged(path: &Path) -> anyhow::Result<Verdict> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{shown} cannot be read: name a file of JSON lines"))?;
    let history = read(text.lines()).with_context(|| format!("{shown} is no history"))?;
    Ok(judge(&history))
}
