//! What a run has shown, for a reader at a terminal.

use std::path::Path;

use anyhow::Context;
use zonemq_history::event::Event;
use zonemq_report::Timeline;

use crate::args::RunArgs;
use crate::case::Case;
use crate::run::{Finished, Verdict};

/// More broken promises than anybody reads at once.
const SHOWN: usize = 10;
/// The exit code when the simulator itself failed.
pub(crate) const HARNESS_FAILED: u8 = 3;

/// What the process says to its caller.
pub(crate) fn exit_code(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Violation(_) => 1,
        Verdict::Unknown(_) => 2,
    }
}

/// Writes the page that a browser shows.
pub(crate) fn write_page(path: &Path, timeline: &Timeline) -> anyhow::Result<()> {
    let page = zonemq_report::render(timeline);
    std::fs::write(path, page).with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes a history as the judge reads it from files: one event a line.
pub(crate) fn write_history(path: &Path, events: &[Event]) -> anyhow::Result<()> {
    let mut text = String::new();
    for event in events {
        text.push_str(&serde_json::to_string(event)?);
        text.push('\n');
    }
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

pub(crate) fn print(args: &RunArgs, case: &Case, finished: &Finished) {
    if args.verbose {
        for happened in &finished.happened {
            println!("{:>9.3} s  {}", happened.at.as_secs_f64(), happened.what);
        }
        for (what, count) in &finished.coverage {
            println!("{count:>12}  {what}");
        }
        println!("{}", finished.summary);
        let (simulated, wall) = (
            finished.simulated.as_secs_f64(),
            finished.wall.as_secs_f64(),
        );
        println!(
            "{simulated:.1} simulated seconds in {wall:.2} s: {:.0} times as fast",
            simulated / wall
        );
    }
    let title = case.title();
    match &finished.verdict {
        Verdict::Pass => println!("pass: {title}"),
        Verdict::Unknown(reason) => {
            println!("unknown: {title}: {reason}");
        }
        Verdict::Violation(violations) => {
            println!("violation: {title}");
            for violation in violations.iter().take(SHOWN) {
                println!("  {}: {}", violation.promise, violation.story);
            }
            if violations.len() > SHOWN {
                println!("  and {} more", violations.len() - SHOWN);
            }
        }
    }
    if !matches!(finished.verdict, Verdict::Pass) {
        println!("replay: {}", case.replay_line());
    }
}
