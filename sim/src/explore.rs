//! Many seeds, each in a process of its own, on all cores.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::ExploreArgs;
use crate::report::HARNESS_FAILED;

/// Runs all seeds and tells how many of them ended how.
pub(crate) fn explore(args: &ExploreArgs) -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe().context("this program's own file is not known")?;
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let total = args.seeds.end - args.seeds.start;
    let bar = ProgressBar::new(total).with_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} seeds, {eta} left  {msg}")
            .context("the template of the progress bar")?,
    );
    let next = AtomicU64::new(args.seeds.start);
    let stops = AtomicBool::new(false);
    let codes: Mutex<BTreeMap<u8, u64>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !stops.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.seeds.end {
                        return;
                    }
                    let run = Run {
                        program: &program,
                        scenario: &args.scenario,
                        seed,
                    };
                    let (code, text) = if args.twice {
                        run.twice()
                    } else {
                        run.once(&[])
                    };
                    if code != 0 {
                        bar.suspend(|| println!("{}", text.trim_end()));
                    }
                    let mut codes = codes
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    *codes.entry(code).or_default() += 1;
                    let failed = codes.iter().filter(|(code, _)| **code != 0).map(|(_, n)| n);
                    bar.set_message(format!("{} not passed", failed.sum::<u64>()));
                    bar.inc(1);
                    if code != 0 && !args.keep_going {
                        stops.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    bar.finish();
    let codes = codes
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let count = |code: u8| codes.get(&code).copied().unwrap_or(0);
    println!(
        "{}: {} passed, {} violations, {} unknown, {} failures of the simulator",
        args.scenario,
        count(0),
        count(1),
        count(2),
        count(HARNESS_FAILED),
    );
    // A broken promise is worse than a broken simulator, and that is worse than no answer.
    let worst = [1, HARNESS_FAILED, 2]
        .into_iter()
        .find(|code| count(*code) > 0);
    Ok(ExitCode::from(worst.unwrap_or(0)))
}

/// One seed.
struct Run<'r> {
    program: &'r Path,
    scenario: &'r str,
    seed: u64,
}

impl Run<'_> {
    /// The exit code, and what was printed.
    fn once(&self, more: &[&str]) -> (u8, String) {
        let Run {
            program,
            scenario,
            seed,
        } = self;
        let output = Command::new(program)
            .args(["run", scenario, "--seed", &seed.to_string()])
            .args(more)
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) => return (HARNESS_FAILED, format!("seed {seed} was not run: {error}")),
        };
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code();
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(code) if code < HARNESS_FAILED => (code, text),
            _ => {
                text.push_str(&String::from_utf8_lossy(&output.stderr));
                text = format!("{text}the simulator failed: {scenario} with seed {seed}");
                (HARNESS_FAILED, text)
            }
        }
    }

    /// The same of the first of two runs, which must not differ.
    fn twice(&self) -> (u8, String) {
        let [one, other] = [(); 2].map(|()| self.once(&["--trace-hash"]));
        if one == other {
            return one;
        }
        let text = format!(
            "two runs of {} with seed {} differ:\n{}{}",
            self.scenario, self.seed, one.1, other.1
        );
        (HARNESS_FAILED, text)
    }
}
