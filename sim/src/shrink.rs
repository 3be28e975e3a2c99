//! Makes a failing run small: the shortest time, the fewest faults and the fewest calls with which
//! the same promise is still broken.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use zonemq_history::event::{Event, Operation, What};

use crate::args::ShrinkArgs;
use crate::case::{Calls, Case};
use crate::{case, faults};

/// The lengths of work that are tried, in seconds.
const LENGTHS: [f64; 9] = [0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0];

/// How many timings are tried of a case that leaves out half of what is left, and at least of every
/// case. To halve a case is worth more than to take one call out of it.
const MOST_TIMINGS: usize = 64;
const LEAST_TIMINGS: usize = 6;

/// A call by its client, its number there, and its time in milliseconds.
type CallName = (String, u64, u64);

/// Finds a small case that fails like the one that is given, and keeps it in a file.
pub(crate) fn shrink(args: &ShrinkArgs) -> anyhow::Result<ExitCode> {
    let case = Case::of(&args.case)?;
    let out = args.out.clone().unwrap_or_else(|| case.default_file());
    let folder = tempfile::tempdir().context("no folder for the tries")?;
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {elapsed} {msg}")
            .context("the template of the progress bar")?,
    );
    let mut shrinker = Shrinker {
        program: std::env::current_exe().context("this program's own file is not known")?,
        folder: folder.path().to_owned(),
        tries: AtomicU64::new(0),
        ends: Instant::now() + Duration::from_secs(args.within_seconds),
        jobs: std::thread::available_parallelism().map_or(1, usize::from),
        promises: BTreeSet::new(),
        bar,
    };
    let first = shrinker.attempt(&case)?;
    if first.promises.is_empty() {
        bail!(
            "{} breaks no promise: there is nothing to make small",
            case.title()
        );
    }
    shrinker.promises = first.promises;
    let before = size(&case, &first.calls)?;
    let small = shrinker.run(case)?;
    let small = small.in_file(Path::new(&out))?;
    let last = shrinker.attempt(&small)?;
    let after = size(&small, &last.calls)?;
    shrinker.bar.finish_and_clear();
    print!("{}", last.told);
    println!(
        "shrunk from {} faults and {} calls to {} and {} in {} runs: {out}",
        before.0,
        before.1,
        after.0,
        after.1,
        shrinker.tries.load(Ordering::Relaxed)
    );
    Ok(ExitCode::SUCCESS)
}

/// How many faults and calls a case has.
fn size(case: &Case, calls: &[CallName]) -> anyhow::Result<(usize, usize)> {
    Ok((fault_numbers(case)?.len(), calls.len()))
}

/// The faults that a case can meet while its clients work.
fn fault_numbers(case: &Case) -> anyhow::Result<Vec<usize>> {
    let scenario = case::scenario(&case.scenario)?;
    let busy = case.seconds.map(Duration::from_secs_f64);
    let planned = faults::plan(&scenario, case.seed).into_iter();
    let planned = planned.filter(|planned| busy.is_none_or(|busy| planned.at < busy));
    let numbers = planned.map(|planned| planned.number);
    let kept = |number: &usize| {
        let faults = case.faults.as_ref();
        faults.is_none_or(|faults| faults.contains(number))
    };
    Ok(numbers.filter(kept).collect())
}

/// What one try has shown.
struct Attempt {
    /// The promises that were broken.
    promises: BTreeSet<String>,
    /// What was called while there was work, in the order of time.
    calls: Vec<CallName>,
    told: String,
}

struct Shrinker {
    program: PathBuf,
    folder: PathBuf,
    tries: AtomicU64,
    ends: Instant,
    jobs: usize,
    /// One of these must stay broken.
    promises: BTreeSet<String>,
    bar: ProgressBar,
}

impl Shrinker {
    fn run(&self, mut case: Case) -> anyhow::Result<Case> {
        let lengths: Vec<Case> = LENGTHS
            .iter()
            .map(|seconds| Case {
                seconds: Some(*seconds),
                ..case.clone()
            })
            .collect();
        for some in lengths.chunks(self.jobs) {
            if let Some((_, shorter)) = self.first_that_fails(some, LEAST_TIMINGS)? {
                case = shorter;
                break;
            }
        }
        let faults = fault_numbers(&case)?;
        self.fewest(&mut case, faults, |case, faults| {
            case.faults = Some(faults.to_vec());
        })?;
        // Other faults have other calls.
        let calls = match &case.calls {
            None => self.attempt(&case)?.calls,
            Some(kept) => kept
                .iter()
                .flat_map(|(client, calls)| calls.iter().map(|(n, at)| (client.clone(), *n, *at)))
                .collect(),
        };
        let clients: BTreeSet<String> = calls.iter().map(|(client, ..)| client.clone()).collect();
        let of = |clients: &[String]| -> Vec<CallName> {
            let kept = calls.iter().filter(|(client, ..)| clients.contains(client));
            kept.cloned().collect()
        };
        let clients = clients.into_iter().collect();
        let clients = self.fewest(&mut case, clients, |case, clients| {
            case.calls = Some(by_client(&of(clients)));
        })?;
        let mut calls = of(&clients);
        loop {
            let before = calls.len();
            calls = self.fewest(&mut case, calls, |case, calls| {
                case.calls = Some(by_client(calls));
            })?;
            if calls.len() == before {
                break;
            }
        }
        let faults = case.faults.clone().unwrap_or_default();
        self.fewest(&mut case, faults, |case, faults| {
            case.faults = Some(faults.to_vec());
        })?;
        Ok(case)
    }

    /// Leaves out what can be left out: long runs of items first, single ones at the end.
    fn fewest<T: Clone>(
        &self,
        case: &mut Case,
        mut items: Vec<T>,
        put: impl Fn(&mut Case, &[T]),
    ) -> anyhow::Result<Vec<T>> {
        let mut length = items.len();
        while length > 0 {
            let timings = (MOST_TIMINGS * length / items.len().max(1)).max(LEAST_TIMINGS);
            let mut at = 0;
            while at < items.len() && Instant::now() < self.ends {
                self.bar.set_message(format!("{} left", items.len()));
                // The next few are tried at the same time; the first that still fails is taken.
                let tried: Vec<(usize, Vec<T>)> = (0..self.jobs)
                    .map(|step| at + step * length)
                    .filter(|from| *from < items.len())
                    .map(|from| {
                        let until = (from + length).min(items.len());
                        (from, [&items[..from], &items[until..]].concat())
                    })
                    .collect();
                let without = |(_, items): &(usize, Vec<T>)| {
                    let mut case = case.clone();
                    put(&mut case, items);
                    case
                };
                let cases: Vec<Case> = tried.iter().map(without).collect();
                if let Some((place, smaller)) = self.first_that_fails(&cases, timings)? {
                    *case = smaller;
                    (at, items) = tried.into_iter().nth(place).unwrap_or_default();
                } else {
                    at += self.jobs * length;
                }
            }
            length /= 2;
        }
        Ok(items)
    }

    /// Tries all at the same time; returns the place of the first that fails, and how it does.
    fn first_that_fails(
        &self,
        cases: &[Case],
        timings: usize,
    ) -> anyhow::Result<Option<(usize, Case)>> {
        let tries: Vec<anyhow::Result<Option<Case>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = cases
                .iter()
                .map(|case| scope.spawn(|| self.with_some_timing(case, timings)))
                .collect();
            let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined
                .map(|tried| tried.unwrap_or_else(|_| bail!("a try panicked")))
                .collect()
        });
        for (place, tried) in tries.into_iter().enumerate() {
            if let Some(case) = tried? {
                return Ok(Some((place, case)));
            }
        }
        Ok(None)
    }

    /// What is left out shifts all that comes after it, and the moment that mattered is missed: so
    /// each case is given some chances.
    fn with_some_timing(&self, case: &Case, timings: usize) -> anyhow::Result<Option<Case>> {
        let others = (case.timing.unwrap_or(0) + 1..).map(Some);
        let timings = std::iter::once(case.timing).chain(others).take(timings);
        for timing in timings.take_while(|_| Instant::now() < self.ends) {
            let timed = Case {
                timing,
                ..case.clone()
            };
            if !self.attempt(&timed)?.promises.is_disjoint(&self.promises) {
                return Ok(Some(timed));
            }
        }
        Ok(None)
    }

    /// Runs a case in a process of its own.
    fn attempt(&self, case: &Case) -> anyhow::Result<Attempt> {
        let number = self.tries.fetch_add(1, Ordering::Relaxed);
        let file = self.folder.join(format!("{number}.failure.toml"));
        let history = self.folder.join(format!("{number}.jsonl"));
        case.write(&file)?;
        let output = Command::new(&self.program)
            .arg("replay")
            .arg(&file)
            .arg("--history")
            .arg(&history)
            .output()
            .context("a try was not run")?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = told.replace(&file.display().to_string(), "the file below");
        let lines = told.lines().filter_map(|line| line.strip_prefix("  "));
        let promises = lines.filter_map(|line| line.split_once(':'));
        Ok(Attempt {
            promises: promises.map(|(promise, _)| promise.to_owned()).collect(),
            calls: calls_in(&history).unwrap_or_default(),
            told,
        })
    }
}

fn by_client(calls: &[CallName]) -> Calls {
    let mut clients = Calls::new();
    for (client, number, at) in calls {
        let calls = clients.entry(client.clone()).or_default();
        calls.push((*number, *at));
    }
    clients
}

/// The calls of a history up to the moment when everything was healed, but for those that create
/// queues. They are numbered for each client as [`zonemq_workload::Permits`] does.
fn calls_in(history: &Path) -> anyhow::Result<Vec<CallName>> {
    let mut calls: Vec<CallName> = Vec::new();
    let mut numbers = std::collections::BTreeMap::<String, u64>::new();
    for line in std::fs::read_to_string(history)?.lines() {
        let Event { at, what } = serde_json::from_str(line)?;
        if what == What::Healed {
            break;
        }
        if let What::Invoke {
            client, operation, ..
        } = what
            && !matches!(operation, Operation::CreateQueue { .. })
        {
            let number = numbers.entry(client.clone()).or_default();
            *number += 1;
            calls.push((client, *number, at / 1000));
        }
    }
    Ok(calls)
}
