//! The hand that breaks: says each word at its time, and remembers what came of it.

use std::time::Duration;

use zonemq_history::event::What;
use zonemq_scenario::Kind;
use zonemq_workload::Recorder;

use super::stage::Stage;
use super::steps::Step;
use crate::fault::{self, Set};

/// A word with the fault that it is of.
#[derive(Debug)]
pub(super) struct Cue {
    /// The fault's number in the plan.
    pub(super) number: usize,
    pub(super) kind: Kind,
    pub(super) step: Step,
}

/// A word that was said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) number: usize,
    pub(super) kind: Kind,
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    /// What was broken; or why nothing was.
    pub(super) done: Result<Set, String>,
}

/// Says all words that begin before the end, each at its time. `tell` hears of each, and all are
/// returned.
pub(super) async fn say_all(
    cues: Vec<Cue>,
    end: Duration,
    stage: &Stage,
    recorder: &Recorder,
    tell: impl Fn(&Said),
) -> Vec<Said> {
    let mut all = Vec::new();
    for cue in cues.into_iter().filter(|cue| cue.step.at < end) {
        tokio::time::sleep(cue.step.at.saturating_sub(recorder.elapsed())).await;
        let at = recorder.elapsed();
        let done = fault::set(&cue.step.word, &stage.data).await;
        let said = Said {
            number: cue.number,
            kind: cue.kind,
            at,
            lasts: cue.step.lasts,
            // Where nobody leads there is no leader to break, and a dead node is not killed again.
            done: done.map_err(|failure| failure.to_string()),
        };
        if let Ok(set) = &said.done {
            recorder.note(What::Note {
                text: set.words.clone(),
            });
        }
        tell(&said);
        all.push(said);
    }
    all
}
