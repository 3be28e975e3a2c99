//! Shows that every kind of fault takes effect: a scenario for each, and what was counted.

use std::process::{Command, ExitCode};

use anyhow::Context;
use zonemq_scenario::{Kind, PREFIX};

use crate::report::HARNESS_FAILED;

/// What is counted when a fault of a kind really does something; one of them is enough.
fn effects(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Kill | Kind::RestartStorm | Kind::RollingRestart => &["node: crashes"],
        Kind::PowerLoss => &["disk: unsynced bytes lost", "disk: unsynced names lost"],
        Kind::TornPowerLoss => &["disk: writes torn"],
        Kind::Pause => &["disk: milliseconds stalled"],
        Kind::SlowNode | Kind::SlowDisk => &["disk: operations delayed"],
        Kind::Isolate
        | Kind::IsolateFromAll
        | Kind::Halves
        | Kind::Ring
        | Kind::Bridge
        | Kind::AllApart
        | Kind::CutInbound
        | Kind::CutOutbound
        | Kind::CutClients => &["network: packets held", "network: packets swallowed"],
        Kind::LoseResponses | Kind::HalfOpen => &["network: packets swallowed"],
        Kind::Delay | Kind::Jitter => &["network: packets delayed"],
        Kind::Loss => &["network: packets lost"],
        Kind::SlowLink => &["network: bytes throttled"],
        Kind::SyncError => &["disk: syncs failed"],
        Kind::WriteError => &["disk: writes failed"],
        Kind::ReadError => &["disk: reads failed"],
        Kind::DiskFull => &["disk: writes refused for lack of space"],
        Kind::BitFlip => &["disk: bits flipped"],
        Kind::MisdirectedWrite => &["disk: writes misdirected"],
        Kind::ClockJump | Kind::ClockDrift => &["clock: wrong readings"],
    }
}

/// Runs the scenario of each kind; fails if one had no effect, or broke a promise.
pub(crate) fn show(seed: u64) -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe().context("this program's own file is not known")?;
    let mut shown = 0;
    for kind in Kind::ALL {
        let output = Command::new(&program)
            .args(["run", &format!("{PREFIX}{kind}"), "--verbose"])
            .args(["--seed", &seed.to_string()])
            .output()
            .with_context(|| format!("the scenario of {kind} was not run"))?;
        let told = String::from_utf8_lossy(&output.stdout);
        let counted = effects(kind)
            .iter()
            .find_map(|effect| Some((*effect, count(&told, effect)?)));
        let verdict = match output.status.code() {
            Some(0) => "pass",
            Some(1) => "VIOLATION",
            Some(2) => "unknown",
            _ => "the simulator failed",
        };
        match counted {
            Some((effect, count)) => println!(
                "{:<20} {count:>8}  {effect:<40} {verdict}",
                kind.to_string()
            ),
            None => println!(
                "{:<20} {:>8}  {:<40} {verdict}",
                kind.to_string(),
                0,
                "had no effect"
            ),
        }
        let code = output.status.code();
        shown += usize::from(counted.is_some() && matches!(code, Some(0 | 2)));
    }
    println!("{shown} of {} kinds took effect", Kind::ALL.len());
    let is_whole = shown == Kind::ALL.len();
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(HARNESS_FAILED)
    })
}

/// What a run has counted of an effect; nothing where it never happened.
pub(crate) fn count(told: &str, effect: &str) -> Option<u64> {
    told.lines()
        .filter_map(|line| line.trim().split_once("  "))
        .find(|(_, name)| *name == effect)
        .and_then(|(count, _)| count.parse().ok())
        .filter(|count| *count > 0)
}
