//! Hands a scenario over to the simulator, which is a program of its own: the server has no part of
//! it.

use std::env;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::Context;
use serde_json::json;
use tokio::process::Command;

use super::args::RunArgs;
use super::told::UNJUDGED;
use crate::failure::Failure;
use crate::say::{self, say};

const PROGRAM: &str = "zonemq-sim";
/// What it is built in, which names the folder beside that of zonemq.
const PROFILE: &str = "simulator";

/// Runs the simulator, and says what it says.
pub(super) async fn hand_over(args: &RunArgs) -> Result<ExitCode, Failure> {
    if args.data.is_some() {
        return Err(Failure::Usage(
            "the simulator has a cluster of its own: leave --data out, or --engine sim".to_owned(),
        ));
    }
    let program = find().ok_or_else(|| {
        Failure::Usage(format!(
            "the simulator {PROGRAM} lies neither beside zonemq nor in PATH: \
             `cargo build --profile {PROFILE} -p {PROGRAM}` builds it into target/{PROFILE}"
        ))
    })?;
    let mut command = Command::new(&program);
    command.arg("run").arg(&args.scenario);
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(seconds) = args.seconds {
        command.args(["--seconds", &seconds.to_string()]);
    }
    if let Some(report) = &args.report {
        command.arg("--report").arg(report);
    }
    command.stdin(Stdio::null());
    let failed = || format!("{} cannot be run", program.display());
    let code = if args.json {
        let output = command.output().await.with_context(failed)?;
        let code = output.status.code();
        if let Some(verdict) = verdict(code) {
            let says = String::from_utf8_lossy(&output.stdout);
            let says: Vec<&str> = says.lines().collect();
            let told = json!({
                "scenario": args.scenario,
                "engine": "sim",
                "verdict": verdict,
                "says": says,
                "report": args.report,
            });
            say!("{told:#}");
        } else {
            say::pass_on(&output.stderr);
        }
        code
    } else {
        command.status().await.with_context(failed)?.code()
    };
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(UNJUDGED).into())
}

/// What the simulator says with its exit code.
fn verdict(code: Option<i32>) -> Option<&'static str> {
    match code {
        Some(0) => Some("pass"),
        Some(1) => Some("violation"),
        Some(2) => Some("unknown"),
        _ => None,
    }
}

/// Where the simulator lies.
fn find() -> Option<PathBuf> {
    let me = env::current_exe().unwrap_or_default();
    let mut built_into = me.ancestors().skip(1);
    let beside = built_into.next().map(|folder| folder.join(PROGRAM));
    let in_its_profile = built_into
        .next()
        .map(|target| target.join(PROFILE).join(PROGRAM));
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).map(|folder| folder.join(PROGRAM));
    beside
        .into_iter()
        .chain(in_its_profile)
        .chain(in_path)
        .find(|file| file.is_file())
}
