//! `zonemq fault`: breaks the local cluster on purpose, and mends it.
//!
//! A word becomes a `plan` on the cluster as it is; `zonemq_node::outlook` says what should
//! follow; the
//! nodes are told ([`site`]) or their processes stopped ([`processes`]); [`observe`] says what did.

mod active;
mod args;
mod margin;
mod mend;
mod observe;
mod plan;
mod processes;
mod record;
mod site;
mod target;

use nix::sys::signal::Signal;
use serde::Serialize;
use zonemq_node::Fault;
use zonemq_node::outlook::{Prediction, names, predict};

pub(crate) use self::args::{FaultArgs, How, Slowness, Telling, Word};
pub(crate) use self::margin::beside;
pub(crate) use self::mend::heal_quietly;
use self::observe::{Observation, Watch};
use self::plan::{Deed, Plan, plan};
use self::record::{Stop, Stopped};
pub(crate) use self::record::{forget, stopped_nodes};
use self::site::{Seen, Site};
pub(crate) use self::target::{Links, Target};
use crate::args::{DataArgs, Timeout};
use crate::failure::Failure;
use crate::say::say;

pub(crate) async fn run(args: FaultArgs) -> Result<(), Failure> {
    match args.word {
        Word::Status { json, data } => active::show(&data, json).await,
        Word::Heal { telling } => mend::heal(&telling).await,
        Word::Undo {
            number,
            when_due,
            telling,
        } => {
            if when_due {
                mend::undo_when_due(number, &telling).await
            } else {
                mend::undo(number, &telling).await
            }
        }
        Word::Partition { ref how, .. }
        | Word::Isolate { ref how, .. }
        | Word::Cut { ref how, .. }
        | Word::Slow { ref how, .. }
        | Word::HalfOpen { ref how, .. }
        | Word::Refuse { ref how, .. }
        | Word::SlowDisk { ref how, .. }
        | Word::FullDisk { ref how, .. }
        | Word::ClientsOnly { ref how, .. }
        | Word::LoseResponses { ref how, .. }
        | Word::Pause { ref how, .. }
        | Word::Kill { ref how, .. } => change(&args.word, &how.telling).await,
        Word::Resume { ref telling, .. } | Word::Restart { ref telling, .. } => {
            change(&args.word, telling).await
        }
    }
}

/// What `--json` prints of a change. Its shape is a promise.
#[derive(Debug, Serialize)]
struct Told<'t> {
    fault: &'t str,
    /// For its undo; none where nothing is left to undo, or nothing was done.
    number: Option<u64>,
    for_millis: Option<u64>,
    #[serde(skip)]
    lasts: Option<Timeout>,
    /// Nodes that do not answer and were not told.
    untold: Vec<u64>,
    prediction: &'t Prediction,
    observation: Option<Observation>,
}

/// What came of an act.
#[derive(Debug, Default)]
struct Done {
    number: Option<u64>,
    untold: Vec<u64>,
}

/// A fault that was set.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    /// What people call it, with the nodes that it meets.
    pub(crate) words: String,
    /// The nodes that it meets.
    pub(crate) nodes: Vec<u64>,
}

/// Does what a word says, and prints nothing.
pub(crate) async fn set(word: &Word, data: &DataArgs) -> Result<Set, Failure> {
    let site = Site::open(data)?;
    let (before, plan) = planned(&site, word).await?;
    act(&site, &before, &plan).await?;
    Ok(Set {
        nodes: plan.deed.nodes(),
        words: plan.words,
    })
}

/// All that is broken on purpose, in words.
pub(crate) async fn active(data: &DataArgs) -> Result<Vec<String>, Failure> {
    let site = Site::open(data)?;
    let seen = site.look().await?;
    let told = seen.active.into_values().map(|active| active.fault.words);
    let stopped = record::read(&site.folder).stopped.into_iter();
    Ok(told.chain(stopped.map(|stopped| stopped.words)).collect())
}

/// The cluster as it is, and what the word means on it.
async fn planned(site: &Site, word: &Word) -> Result<(Seen, Plan), Failure> {
    let before = site.look().await?;
    let plan = plan(word, &before.picture)?;
    if !matches!(plan.deed, Deed::Resume(_) | Deed::Restart(_)) {
        before.allows_faults()?;
    }
    Ok((before, plan))
}

/// Predicts, acts, and watches.
async fn change(word: &Word, telling: &Telling) -> Result<(), Failure> {
    let site = Site::open(&telling.data)?;
    let (before, plan) = planned(&site, word).await?;
    let after = plan.deed.after(&before.picture);
    let prediction = predict(&after, plan.deed.restarted(), site.request_timeout());
    if !telling.json {
        say_expected(&plan.words, &prediction);
    }
    let (done, observation) = if telling.dry_run {
        (Done::default(), None)
    } else if telling.no_watch {
        (act(&site, &before, &plan).await?, None)
    } else {
        let watch = Watch::begin(&site);
        let acting = act(&site, &before, &plan);
        let watched = watch.over(&before, &after, &prediction.leadership, acting);
        let (done, observation) = watched.await?;
        (done, Some(observation))
    };
    let told = Told {
        fault: &plan.words,
        number: done.number,
        for_millis: plan.lasts.map(plan::millis),
        lasts: plan.lasts,
        untold: done.untold,
        prediction: &prediction,
        observation,
    };
    if telling.json {
        let text = serde_json::to_string_pretty(&told).map_err(anyhow::Error::from)?;
        say!("{text}");
    } else {
        say_done(&told, telling);
    }
    Ok(())
}

fn say_expected(words: &str, prediction: &Prediction) {
    say!("{words}");
    for (number, sentence) in prediction.says.iter().enumerate() {
        let margin = if number == 0 { "Expected:" } else { "" };
        say!("{}", beside(margin, sentence));
    }
}

fn say_done(told: &Told<'_>, telling: &Telling) {
    if telling.dry_run {
        say!("Nothing was done.");
        return;
    }
    if let Some(number) = told.number {
        let lasts = told.lasts.map(|lasts| format!(" for {lasts}"));
        let done = format!(
            "fault {number}{}; `zonemq fault undo {number}` ends it, `zonemq fault heal` ends all.",
            lasts.unwrap_or_default()
        );
        say!("{}", beside("Done:", &done));
    } else {
        say!("Done.");
    }
    if !told.untold.is_empty() {
        let untold = format!(
            "{} did not answer; it is told by `zonemq fault resume` or `restart`.",
            names(&told.untold)
        );
        say!("{}", beside("", &untold));
    }
    if let Some(observation) = &told.observation {
        say!("{}", beside("Seen:", &observation.says()));
    }
}

async fn act(site: &Site, before: &Seen, plan: &Plan) -> Result<Done, Failure> {
    let _alone = record::alone(&site.folder).await?;
    match &plan.deed {
        Deed::Break(effects) => {
            let running = before.running()?;
            let number = next_number(site, before).await?;
            let fault = Fault {
                number,
                words: plan.words.clone(),
                effects: effects.clone(),
                left_millis: plan.lasts.map(plan::millis),
            };
            let mut untold = site.tell(&fault, &running).await?;
            untold.extend(before.picture.ids().filter(|id| !running.contains(id)));
            untold.sort_unstable();
            Ok(Done {
                number: Some(number),
                untold,
            })
        }
        Deed::Pause(ids) => stop(site, before, plan, Stop::Paused, ids).await,
        Deed::Kill(ids) => stop(site, before, plan, Stop::Killed, ids).await,
        Deed::Resume(ids) => {
            site.signal(ids, Signal::SIGCONT)?;
            record::run_again(&site.folder, ids).await?;
            site.catch_up(ids).await?;
            Ok(Done::default())
        }
        Deed::Restart(ids) => {
            let now = site.look().await?;
            site.restart(ids, &now.faults()).await?;
            record::run_again(&site.folder, ids).await?;
            Ok(Done::default())
        }
    }
}

async fn stop(
    site: &Site,
    before: &Seen,
    plan: &Plan,
    how: Stop,
    ids: &[u64],
) -> Result<Done, Failure> {
    match how {
        Stop::Paused => site.signal(ids, Signal::SIGSTOP)?,
        Stop::Killed => site.kill(ids).await?,
    }
    let least = before.active.keys().next_back().copied().unwrap_or(0);
    let until = plan.lasts.map(|lasts| record::until(lasts.0));
    let number = record::change(&site.folder, |record| {
        record.last_number = record.last_number.max(least) + 1;
        // Another fault that stopped the same nodes has nothing left to undo.
        for stopped in &mut record.stopped {
            stopped.nodes.retain(|id| !ids.contains(id));
        }
        record.stopped.push(Stopped {
            number: record.last_number,
            words: plan.words.clone(),
            how,
            nodes: ids.to_vec(),
            until_unix_millis: until,
        });
        record.last_number
    })
    .await?;
    if until.is_some() {
        site.keep_time(number)?;
    }
    Ok(Done {
        number: Some(number),
        untold: Vec::new(),
    })
}

/// A number that no fault of this cluster has.
async fn next_number(site: &Site, before: &Seen) -> Result<u64, Failure> {
    let least = before.active.keys().next_back().copied().unwrap_or(0);
    let number = record::change(&site.folder, |record| {
        record.last_number = record.last_number.max(least) + 1;
        record.last_number
    });
    Ok(number.await?)
}
