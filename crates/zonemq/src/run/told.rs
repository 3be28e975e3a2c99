//! What a run has shown: for a terminal, for scripts, and as a page for a browser.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use zonemq_report::{Timeline, Verdict, Violation};

use super::args::RunArgs;
use super::hand::Said;
use crate::say::say;

/// The exit code where promises were broken.
const VIOLATED: u8 = 1;
/// The exit code where nothing can be said.
const UNKNOWN: u8 = 2;
/// The exit code where nothing was judged, as of `zonemq check`.
pub(super) const UNJUDGED: u8 = 3;

/// What `--json` prints. Its shape is a promise.
#[derive(Debug, Serialize)]
struct Told<'t> {
    scenario: &'t str,
    engine: &'static str,
    seed: u64,
    verdict: &'static str,
    /// Why nothing can be said.
    reason: Option<&'t str>,
    violations: &'t [Violation],
    summary: &'t str,
    faults: Vec<Fault<'t>>,
    report: Option<&'t Path>,
}

#[derive(Debug, Serialize)]
struct Fault<'t> {
    number: usize,
    kind: String,
    at_millis: u64,
    for_millis: u64,
    /// What was broken; none where nothing was.
    words: Option<&'t str>,
    /// Why nothing was.
    problem: Option<&'t str>,
}

/// Says what happened just now.
pub(super) fn happened(at: Duration, what: &str) {
    say!("{:>7.2} s  {what}", at.as_secs_f64());
}

/// A word that was said, in one line.
pub(super) fn said(said: &Said) -> String {
    match &said.done {
        Ok(set) => {
            let lasts = said.lasts.as_secs_f64();
            format!("[{}] {} for {lasts:.2} s", said.number, set.words)
        }
        Err(why) => format!("[{}] {} was not possible: {why}", said.number, said.kind),
    }
}

/// Prints the verdict, and writes the page. What the process says to its caller.
pub(super) fn tell(
    args: &RunArgs,
    seed: u64,
    timeline: &Timeline,
    all: &[Said],
) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.report {
        fs::write(path, zonemq_report::render(timeline))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if args.json {
        print_json(args, seed, timeline, all)?;
    } else {
        print_text(args, timeline);
    }
    Ok(match &timeline.verdict {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Violation { .. } => VIOLATED.into(),
        Verdict::Unknown { .. } => UNKNOWN.into(),
    })
}

fn print_text(args: &RunArgs, timeline: &Timeline) {
    let summary = &timeline.summary;
    match &timeline.verdict {
        Verdict::Pass => say!("pass: {summary}"),
        Verdict::Violation { violations } => {
            for Violation { promise, story, .. } in violations {
                say!("violation of {promise}: {story}");
            }
            say!("{} promises broken: {summary}", violations.len());
        }
        Verdict::Unknown { reason } => say!("unknown: {reason}"),
    }
    if let Some(path) = &args.report {
        say!("{} shows it in a browser.", path.display());
    }
}

fn print_json(args: &RunArgs, seed: u64, timeline: &Timeline, all: &[Said]) -> anyhow::Result<()> {
    let (verdict, reason, violations) = match &timeline.verdict {
        Verdict::Pass => ("pass", None, &[][..]),
        Verdict::Violation { violations } => ("violation", None, violations.as_slice()),
        Verdict::Unknown { reason } => ("unknown", Some(reason.as_str()), &[][..]),
    };
    let faults = all.iter().map(|said| Fault {
        number: said.number,
        kind: said.kind.to_string(),
        at_millis: millis(said.at),
        for_millis: millis(said.lasts),
        words: said.done.as_ref().ok().map(|set| set.words.as_str()),
        problem: said.done.as_ref().err().map(String::as_str),
    });
    let told = Told {
        scenario: &args.scenario,
        engine: "real",
        seed,
        verdict,
        reason,
        violations,
        summary: &timeline.summary,
        faults: faults.collect(),
        report: args.report.as_deref(),
    };
    say!("{}", serde_json::to_string_pretty(&told)?);
    Ok(())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
