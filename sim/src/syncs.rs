//! Fails each call of a run that makes data durable, once and one in each run, and has every run
//! judged: an error that nobody heeds is a message that a loss of power takes away.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use zonemq_planted::Bug;
use zonemq_world::World;

use crate::args::SyncsArgs;
use crate::cluster::Cluster;
use crate::kinds::count;
use crate::report::HARNESS_FAILED;

/// One call that fails: the node, and the number of the call among all that its lives make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct FailingSync {
    node: String,
    number: u64,
}

impl FailingSync {
    /// Lets the call fail when it comes.
    pub(crate) fn arm(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let mut hosts = cluster.hosts.iter();
        let host = hosts
            .find(|host| host.name == self.node)
            .with_context(|| format!("there is no node {}", self.node))?;
        host.world.disk().fail_sync(self.number);
        Ok(())
    }
}

impl fmt::Display for FailingSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.node, self.number)
    }
}

impl FromStr for FailingSync {
    type Err = String;

    fn from_str(text: &str) -> Result<FailingSync, String> {
        let parsed = text.split_once(':').and_then(|(node, number)| {
            let number = number.parse().ok().filter(|number| *number > 0)?;
            let node = node.to_owned();
            Some(FailingSync { node, number })
        });
        parsed.ok_or_else(|| "write it like n1:17".to_owned())
    }
}

impl TryFrom<String> for FailingSync {
    type Error = String;

    fn try_from(text: String) -> Result<FailingSync, String> {
        text.parse()
    }
}

impl From<FailingSync> for String {
    fn from(failing: FailingSync) -> String {
        failing.to_string()
    }
}

/// What a run counts the calls of a node under.
pub(crate) fn counter(node: &str) -> String {
    format!("disk: syncs of {node}")
}

/// Counts the calls of a run, runs it once for each, and tells how many of the runs ended how.
pub(crate) fn syncs(args: &SyncsArgs) -> anyhow::Result<ExitCode> {
    let runs = Runs {
        program: std::env::current_exe().context("this program's own file is not known")?,
        scenario: &args.scenario,
        seed: args.seed,
        plant: args.plant,
    };
    let calls = runs.calls(args.node.as_deref())?;
    let stride = usize::try_from(args.stride).unwrap_or(usize::MAX);
    let calls: Vec<FailingSync> = calls.into_iter().step_by(stride).collect();
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let bar = ProgressBar::new(calls.len() as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} calls, {eta} left  {msg}")
            .context("the template of the progress bar")?,
    );
    let next = AtomicUsize::new(0);
    let counts: Mutex<Counts> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ran = runs.with(call);
                    if ran.code != 0 {
                        bar.suspend(|| println!("{}", ran.text.trim_end()));
                    }
                    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                    counts.add(&ran);
                    bar.set_message(format!("{} not passed", counts.not_passed()));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish();
    let counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{counts}");
    Ok(ExitCode::from(counts.exit_code()))
}

/// How the runs ended.
#[derive(Debug, Default)]
struct Counts {
    passed: u64,
    violations: u64,
    unknown: u64,
    failures: u64,
    /// In so many runs the call was on the log.
    of_log: u64,
    /// In so many of these a node stopped by itself.
    stopped: u64,
}

impl Counts {
    fn add(&mut self, ran: &Ran) {
        match ran.code {
            0 => self.passed += 1,
            1 => self.violations += 1,
            2 => self.unknown += 1,
            _ => self.failures += 1,
        }
        self.of_log += u64::from(ran.call == Call::OfLog);
        self.stopped += u64::from(ran.call == Call::OfLog && ran.stops > 0);
    }

    fn not_passed(&self) -> u64 {
        self.violations + self.unknown + self.failures
    }

    fn exit_code(&self) -> u8 {
        // As in `explore`: a broken promise is worse than a broken simulator.
        if self.violations > 0 {
            1
        } else if self.failures > 0 {
            HARNESS_FAILED
        } else if self.unknown > 0 {
            2
        } else {
            0
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.passed + self.not_passed();
        let Counts {
            passed,
            violations,
            unknown,
            failures,
            of_log,
            stopped,
        } = self;
        write!(
            f,
            "{total} sync calls failed once each: {passed} passed, {violations} violations, \
             {unknown} unknown, {failures} failures of the simulator; {of_log} of the calls were \
             on the log, and the node stopped after {stopped} of these"
        )
    }
}

/// What the call that failed was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    OfLog,
    OfSnapshots,
}

/// A run that has ended.
struct Ran {
    code: u8,
    call: Call,
    /// How often a node gave up by itself.
    stops: u64,
    text: String,
}

struct Runs<'r> {
    program: PathBuf,
    scenario: &'r str,
    seed: u64,
    plant: Option<Bug>,
}

impl Runs<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", self.scenario, "--verbose"]);
        command.args(["--seed", &self.seed.to_string()]);
        if let Some(bug) = self.plant {
            command.args(["--plant", bug.as_str()]);
        }
        command
    }

    /// All calls of a node, or of all, when none fails.
    fn calls(&self, only: Option<&str>) -> anyhow::Result<Vec<FailingSync>> {
        let output = self.command().output();
        let output = output.context("the first run was not run")?;
        let told = String::from_utf8_lossy(&output.stdout);
        if output.status.code() != Some(0) {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("the run does not pass when no call fails:\n{told}{errors}");
        }
        let mut calls = Vec::new();
        let nodes = (1_u64..).map(|number| format!("n{number}"));
        let counted = nodes.map_while(|node| Some((count(&told, &counter(&node))?, node)));
        for (count, node) in counted {
            if only.is_none_or(|only| only == node) {
                calls.extend((1..=count).map(|number| FailingSync {
                    node: node.clone(),
                    number,
                }));
            }
        }
        if calls.is_empty() {
            bail!("there is no such node, or it makes nothing durable");
        }
        Ok(calls)
    }

    /// The run in which this call fails.
    fn with(&self, call: &FailingSync) -> Ran {
        let mut command = self.command();
        let output = command.args(["--failing-sync", &call.to_string()]).output();
        let failed = |text: String| Ran {
            code: HARNESS_FAILED,
            call: Call::OfSnapshots,
            stops: 0,
            text: format!("{text}the simulator failed: sync call {call}"),
        };
        let output = match output {
            Ok(output) => output,
            Err(error) => return failed(format!("{error}\n")),
        };
        let told = String::from_utf8_lossy(&output.stdout);
        let code = output
            .status
            .code()
            .and_then(|code| u8::try_from(code).ok());
        let code = code.filter(|code| *code < HARNESS_FAILED);
        // The runs are the same up to the call: if none failed, nothing was shown.
        let (Some(code), Some(1)) = (code, count(&told, "disk: syncs failed")) else {
            return failed(format!("{told}{}", String::from_utf8_lossy(&output.stderr)));
        };
        let of_log = count(&told, "disk: syncs of the log failed");
        Ran {
            code,
            call: of_log.map_or(Call::OfSnapshots, |_| Call::OfLog),
            stops: count(&told, "node: gave up by itself").unwrap_or(0),
            text: verdict(&told),
        }
    }
}

/// What a run that tells everything says in the end.
fn verdict(told: &str) -> String {
    let begins = |line: &&str| {
        let words = ["pass: ", "violation: ", "unknown: "];
        words.iter().any(|word| line.starts_with(word))
    };
    let lines: Vec<&str> = told.lines().skip_while(|line| !begins(line)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_call_is_written_as_it_is_read() {
        let failing: FailingSync = "n1:17".parse().unwrap();
        assert_eq!(failing.to_string(), "n1:17");
        for text in ["n1", "n1:0", "n1:x", "17"] {
            assert!(text.parse::<FailingSync>().is_err(), "{text}");
        }
    }
}
