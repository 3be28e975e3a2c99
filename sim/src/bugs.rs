//! Plants bugs, and counts the seeds until each is caught: a judge that catches nothing would pass
//! everything.

use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use zonemq_planted::Bug;

use crate::args::BugsArgs;

/// The exit code of a run in which a promise was broken.
const BROKEN: i32 = 1;

/// What came of the hunt for one bug.
struct Hunted {
    bug: Bug,
    /// The seed that caught it, and the first words of the verdict.
    caught: Option<(u64, String)>,
}

/// Hunts all bugs that are named; fails if one gets away.
pub(crate) fn hunt(args: &BugsArgs) -> anyhow::Result<ExitCode> {
    let bugs = if args.bugs.is_empty() {
        Bug::ALL.to_vec()
    } else {
        args.bugs.clone()
    };
    let program = std::env::current_exe().context("this program's own file is not known")?;
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let bar = ProgressBar::new(bugs.len() as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} bugs")
            .context("the template of the progress bar")?,
    );
    let next = AtomicUsize::new(0);
    let hunted: Mutex<Vec<Hunted>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(&bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let caught = (1..=args.seeds).find_map(|seed| {
                        let mut command = Command::new(&program);
                        match hunting_ground(bug) {
                            FLIPS => command.args(["flips", "--stride", "4001", "--jobs", "1"]),
                            scenario => command.args(["run", scenario]),
                        };
                        command.args(["--plant", bug.as_str()]);
                        let output = command.args(["--seed", &seed.to_string()]).output();
                        let output = output.ok()?;
                        let told = String::from_utf8_lossy(&output.stdout);
                        let mut lines = told.lines();
                        // The first line names the run, or the bit.
                        lines.find(|line| {
                            line.starts_with("violation: ") || line.starts_with("bit ")
                        });
                        let story = lines.next().unwrap_or_default();
                        let story = story.trim().chars().take(60).collect();
                        (output.status.code() == Some(BROKEN)).then_some((seed, story))
                    });
                    bar.inc(1);
                    let mut hunted = hunted.lock().unwrap_or_else(PoisonError::into_inner);
                    hunted.push(Hunted { bug, caught });
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut hunted = hunted.into_inner().unwrap_or_else(PoisonError::into_inner);
    hunted.sort_by_key(|hunted| hunted.bug);
    Ok(tell(&hunted))
}

fn tell(hunted: &[Hunted]) -> ExitCode {
    println!("{:<32} {:<22} {:>6}  caught by", "bug", "scenario", "seeds");
    for Hunted { bug, caught } in hunted {
        let (name, scenario) = (bug.as_str(), hunting_ground(*bug));
        match caught {
            Some((seed, story)) => println!("{name:<32} {scenario:<22} {seed:>6}  {story}"),
            None => println!("{name:<32} {scenario:<22}      -  it got away"),
        }
    }
    let caught = hunted
        .iter()
        .filter(|hunted| hunted.caught.is_some())
        .count();
    println!("{caught} of {} bugs caught", hunted.len());
    if caught == hunted.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// No scenario, but the command that flips bits.
const FLIPS: &str = "flips";

/// The scenario in which a bug has an occasion to show.
fn hunting_ground(bug: Bug) -> &'static str {
    match bug {
        Bug::SyncSkipped | Bug::AppendAcknowledgedAtOnce => "power-loss-of-all",
        Bug::SyncErrorIgnored | Bug::DirectorySyncSkipped => "failing-disks",
        Bug::DamageCutOff => "bit-rot",
        Bug::MendedNotKept => FLIPS,
        Bug::VoteNotAwaited => "slow-votes",
        Bug::AnsweredBeforeCommitted => "leader-in-the-minority",
        Bug::LeaderRestored => "leader-restart",
        Bug::ClockOfTheReplica
        | Bug::SnapshotWithoutDeduplication
        | Bug::SnapshotWithoutRequestIds
        | Bug::RequestIdsForgotten
        | Bug::RetryUnderANewId => "leader-kill",
        Bug::RetentionIgnored => "retention",
        Bug::ReceiveHidesNothing
        | Bug::ReceiveCountStays
        | Bug::OldHandleWorks
        | Bug::DeleteOnlyAnswers
        | Bug::DelayIgnored
        | Bug::PurgeMissesInFlight
        | Bug::GroupLockLost
        | Bug::GroupOrderReversed
        | Bug::SequenceNumberReused
        | Bug::DeduplicationForgottenOnDelete
        | Bug::DeadLetterTooEarly
        | Bug::DeadLetterLost
        | Bug::DeadLetterCopied
        | Bug::MoveCopies
        | Bug::MoveLoses
        | Bug::BatchKeepsTheFirst => "everything",
    }
}
