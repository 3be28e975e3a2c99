//! What became of all flips, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::stored::{Place, Saying};
use super::trial::{Notice, Outcome};
use crate::report::HARNESS_FAILED;

impl Outcome {
    /// Whether nothing was lost, all is as it was, and what had to be told was.
    pub(super) fn is_good(&self) -> bool {
        !self.is_untold
            && self.lost.is_empty()
            && self.unrepaired.is_empty()
            && self.failure.is_none()
    }
}

/// How many trials ended how.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    flipped: u64,
    harmless: u64,
    at_start: u64,
    by_scrub: u64,
    repaired: u64,
    untold: u64,
    lost: u64,
    unrepaired: u64,
    failures: u64,
}

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        let one = u64::from;
        self.flipped += 1;
        if outcome.failure.is_some() {
            self.failures += 1;
            return;
        }
        match outcome.notice {
            Notice::Never => self.harmless += one(outcome.is_good()),
            Notice::AtStart => self.at_start += 1,
            Notice::ByScrub => self.by_scrub += 1,
        }
        self.repaired += one(outcome.notice != Notice::Never && outcome.is_good());
        self.untold += one(outcome.is_untold);
        self.lost += one(!outcome.lost.is_empty());
        self.unrepaired += one(!outcome.unrepaired.is_empty());
    }

    /// How many were not as they should be; one may be lost and not repaired.
    fn bad(&self) -> u64 {
        self.flipped - self.harmless - self.repaired
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            flipped,
            harmless,
            at_start,
            by_scrub,
            repaired,
            ..
        } = self;
        let bad = self.bad();
        write!(
            f,
            "{flipped:>8} {harmless:>8} {at_start:>8} {by_scrub:>8} {repaired:>8} {bad:>5}"
        )
    }
}

const COLUMNS: &str = " flipped harmless at start by scrub repaired   bad";

/// How many trials ended how: of all, of each file, and of each kind of what lay there.
#[derive(Debug, Default)]
pub(super) struct Counts {
    all: Tally,
    told_again: u64,
    drained: u64,
    files: BTreeMap<PathBuf, Tally>,
    /// And whether the start reads it.
    sayings: BTreeMap<(bool, Saying), Tally>,
}

impl Counts {
    pub(super) fn add(&mut self, place: &Place, outcome: &Outcome) {
        self.all.add(outcome);
        let file = self.files.entry(place.file.clone()).or_default();
        file.add(outcome);
        let saying = (!place.is_read, place.saying);
        self.sayings.entry(saying).or_default().add(outcome);
        self.drained += u64::from(outcome.is_drained);
        self.told_again += u64::from(outcome.is_told_again);
    }

    pub(super) fn bad(&self) -> u64 {
        self.all.bad()
    }

    pub(super) fn trials(&self) -> u64 {
        self.all.flipped
    }

    pub(super) fn exit_code(&self) -> u8 {
        if self.all.lost > 0 || self.all.unrepaired > 0 || self.all.untold > 0 {
            1
        } else if self.all.failures > 0 {
            HARNESS_FAILED
        } else {
            0
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{COLUMNS}")?;
        for (file, tally) in &self.files {
            writeln!(f, "{tally}  {}", file.display())?;
        }
        writeln!(f, "{COLUMNS}")?;
        for ((is_passed_over, saying), tally) in &self.sayings {
            let where_ = if *is_passed_over {
                ", in segments that the start passes over"
            } else {
                ""
            };
            writeln!(f, "{tally}  {saying}{where_}")?;
        }
        let Tally {
            flipped,
            harmless,
            at_start,
            by_scrub,
            repaired,
            untold,
            lost,
            unrepaired,
            failures,
        } = self.all;
        let (told_again, drained) = (self.told_again, self.drained);
        let noticed = at_start + by_scrub;
        write!(
            f,
            "{flipped} bits flipped, one at a time: {harmless} harmless, {noticed} noticed \
             ({at_start} at the start, {by_scrub} by the scrub), {repaired} repaired, {untold} \
             wanted and never noticed, {lost} lost, {unrepaired} not repaired, {failures} failures \
             of the simulator; after {told_again} the next start told again of damage that no \
             longer matters; {drained} times all messages were received through the node"
        )
    }
}
