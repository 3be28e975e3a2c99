//! What became of all flips, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::trial::{Notice, Outcome, Place};
use crate::report::HARNESS_FAILED;

impl Outcome {
    /// Whether nothing was lost, and all is as it was.
    pub(super) fn is_good(&self) -> bool {
        self.lost.is_empty() && self.unrepaired.is_empty() && self.failure.is_none()
    }
}

/// How many trials ended how.
#[derive(Debug, Default)]
pub(super) struct Counts {
    trials: u64,
    harmless: u64,
    at_start: u64,
    by_scrub: u64,
    repaired: u64,
    told_again: u64,
    lost: u64,
    unrepaired: u64,
    failures: u64,
    drained: u64,
    /// Of each file: how many were harmless, and how many were noticed.
    files: BTreeMap<PathBuf, (u64, u64)>,
}

impl Counts {
    pub(super) fn add(&mut self, place: &Place, outcome: &Outcome) {
        let one = u64::from;
        self.trials += 1;
        if outcome.failure.is_some() {
            self.failures += 1;
            return;
        }
        self.lost += one(!outcome.lost.is_empty());
        self.unrepaired += one(!outcome.unrepaired.is_empty());
        self.drained += one(outcome.is_drained);
        self.told_again += one(outcome.is_told_again);
        let (harmless, noticed) = self.files.entry(place.file.clone()).or_default();
        *harmless += one(outcome.notice == Notice::Never);
        *noticed += one(outcome.notice != Notice::Never);
        match outcome.notice {
            Notice::Never => self.harmless += one(outcome.is_good()),
            Notice::AtStart => self.at_start += 1,
            Notice::ByScrub => self.by_scrub += 1,
        }
        self.repaired += one(outcome.notice != Notice::Never && outcome.is_good());
    }

    /// How many trials were not as they should be; one may be lost and not repaired.
    pub(super) fn bad(&self) -> u64 {
        self.trials - self.harmless - self.repaired
    }

    pub(super) fn trials(&self) -> u64 {
        self.trials
    }

    pub(super) fn exit_code(&self) -> u8 {
        if self.lost > 0 || self.unrepaired > 0 {
            1
        } else if self.failures > 0 {
            HARNESS_FAILED
        } else {
            0
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            trials,
            harmless,
            at_start,
            by_scrub,
            repaired,
            told_again,
            lost,
            unrepaired,
            failures,
            drained,
            files,
        } = self;
        for (file, (harmless, noticed)) in files {
            let file = file.display();
            writeln!(f, "{harmless:>8} harmless {noticed:>8} noticed  {file}")?;
        }
        let noticed = at_start + by_scrub;
        write!(
            f,
            "{trials} bits flipped, one at a time: {harmless} harmless, {noticed} noticed \
             ({at_start} at the start, {by_scrub} by the scrub), {repaired} repaired, {lost} lost, \
             {unrepaired} not repaired, {failures} failures of the simulator; after {told_again} \
             the next start told again of damage that no longer matters; {drained} times all \
             messages were received through the node"
        )
    }
}
