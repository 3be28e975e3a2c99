//! One bit is flipped on the disk of a node that is down; then the node is started, and must be
//! what it was: nothing lost, and all damage to what is wanted told and mended.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zonemq_history::event::What;
use zonemq_history::{Verdict, judge};
use zonemq_raft::GroupStatus;
use zonemq_world::World;

use super::scene::Scene;
use super::stored::Place;
use super::story::{Chapter, Story};
use crate::cluster::Crash;
use crate::run::panics;

/// The node is back and up to date by then, or never.
const WHOLE_WITHIN: Duration = Duration::from_secs(30);
/// The scrub has found and mended everything by then.
const MENDED_WITHIN: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
const DRAINED_WITHIN: Duration = Duration::from_mins(1);
/// Elections until the node must have won one.
const ELECTIONS: usize = 30;
/// Damage of which all is mended is told again at every start, until the segment is gone.
const STAYS: &str = "a write that was durable is damaged";

/// When the node told of the damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Notice {
    /// Never.
    #[default]
    Never,
    /// Before it was up to date.
    AtStart,
    /// When its scrub came by.
    ByScrub,
}

/// Whether all messages are received through the node at the end of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Drained,
    AsItIs,
}

/// What became of a flip.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) notice: Notice,
    /// Whether it never told, though what was damaged is wanted.
    pub(super) is_untold: bool,
    /// What is not there any more, or is wrong.
    pub(super) lost: Vec<String>,
    /// In which way the node is not what it was.
    pub(super) unrepaired: Vec<String>,
    /// Whether the next start tells of the damage again.
    pub(super) is_told_again: bool,
    pub(super) is_drained: bool,
    /// What the node warned of.
    pub(super) told: Vec<String>,
    /// Why the simulator failed.
    pub(super) failure: Option<String>,
}

/// Flips the bit, if there is one, and lets the scene go on.
pub(super) fn run(scene: &mut Scene, place: Option<&Place>, ending: Ending) -> Outcome {
    let mut trial = Trial {
        scene,
        outcome: Outcome::default(),
    };
    if let Err(error) = trial.go_on(place, ending) {
        trial.outcome.failure = Some(format!("{error:#}"));
    }
    let Trial { scene, mut outcome } = trial;
    outcome.is_untold = outcome.notice == Notice::Never && place.is_some_and(Place::must_be_told);
    let panics = panics();
    outcome
        .lost
        .extend(panics.iter().map(|panic| format!("panic: {panic}")));
    outcome.lost.append(&mut scene.invariants.violations);
    outcome
}

struct Trial<'s> {
    scene: &'s mut Scene,
    outcome: Outcome,
}

impl Trial<'_> {
    fn go_on(&mut self, place: Option<&Place>, ending: Ending) -> anyhow::Result<()> {
        let damaged = self.scene.damaged;
        if let Some(Place {
            file, byte, bit, ..
        }) = place
        {
            let disk = self.scene.cluster.host(damaged).world.disk();
            disk.flip(file, *byte, *bit)?;
        }
        self.scene.take_warnings();
        let first = self.start()?;
        if !self.is_repaired() {
            return Ok(());
        }
        self.note_warnings(Notice::AtStart);
        if let Some(first) = first {
            self.compare_with_before(first);
        }
        self.see_it_mended()?;
        self.note_warnings(Notice::ByScrub);
        if self.outcome.notice != Notice::Never && self.is_repaired() {
            self.scene.cluster.crash(damaged, Crash::Process);
            self.start_again()?;
        }
        if ending == Ending::Drained && self.is_repaired() {
            self.drain()?;
        }
        Ok(())
    }

    fn is_repaired(&self) -> bool {
        self.outcome.unrepaired.is_empty()
    }

    fn note_warnings(&mut self, when: Notice) {
        let mut told = self.scene.take_warnings();
        if !told.is_empty() && self.outcome.notice == Notice::Never {
            self.outcome.notice = when;
        }
        self.outcome.told.append(&mut told);
    }

    /// Starts the node and waits until it is up to date and votes; returns where it stood at first.
    fn start(&mut self) -> anyhow::Result<Option<GroupStatus>> {
        let damaged = self.scene.damaged;
        self.scene.cluster.restart(damaged);
        let mut first = None;
        let is_whole = self.scene.until(WHOLE_WITHIN, |scene| {
            first = first.or_else(|| scene.cluster.status(damaged));
            !scene.refusals.is_empty() || is_whole(scene)
        })?;
        let scene = &mut *self.scene;
        self.outcome.unrepaired.append(&mut scene.refusals);
        if !is_whole {
            let standing = scene.cluster.standing();
            let votes = scene.cluster.group(damaged).map(|group| group.votes());
            self.outcome.unrepaired.push(format!(
                "after {WHOLE_WITHIN:?} it is not up to date: {standing}; votes: {votes:?}"
            ));
            self.outcome.told.append(&mut scene.take_warnings());
        }
        Ok(first)
    }

    /// What it had acknowledged, or promised by its vote, must be there, or it must say that it is
    /// not.
    fn compare_with_before(&mut self, first: GroupStatus) {
        let Some(before) = self.scene.before else {
            return;
        };
        if first.vote_term < before.vote_term {
            self.outcome.lost.push(format!(
                "it has voted in term {} and knows of term {} only",
                before.vote_term, first.vote_term
            ));
        }
        if first.last_log_index < before.last_log_index && self.outcome.notice == Notice::Never {
            self.outcome.lost.push(format!(
                "its log ended at {} and ends at {}, and it tells nobody",
                before.last_log_index, first.last_log_index
            ));
        }
    }

    /// Reads everything on its own disk, until all can be read.
    fn see_it_mended(&mut self) -> anyhow::Result<()> {
        let damaged = self.scene.damaged;
        let end = self.scene.cluster.now() + MENDED_WITHIN;
        let found = loop {
            let found = self.scene.inspect(damaged)?.unwrap_or_default();
            let is_over = self.scene.cluster.now() > end;
            if is_over || found.problems.is_empty() && found.contents > 0 {
                break found;
            }
            self.scene.pass(BETWEEN_LOOKS)?;
        };
        let whole = &self.scene.whole;
        if !found.problems.is_empty() {
            self.outcome.unrepaired.extend(found.problems);
        } else if (found.contents, found.contents_hash) != (whole.contents, whole.contents_hash) {
            self.outcome.lost.push(format!(
                "it holds the contents of {} messages, which are not those of the {} that are there",
                found.contents, whole.contents
            ));
        }
        Ok(())
    }

    /// The next start finds nothing that has still to be mended.
    fn start_again(&mut self) -> anyhow::Result<()> {
        self.scene.take_warnings();
        self.start()?;
        if !self.is_repaired() {
            return Ok(());
        }
        let damaged = self.scene.damaged;
        let found = self.scene.inspect(damaged)?.unwrap_or_default();
        let after = |what: String| format!("after one more start: {what}");
        let unrepaired = &mut self.outcome.unrepaired;
        unrepaired.extend(found.problems.into_iter().map(after));
        let (stays, new): (Vec<String>, Vec<String>) = self
            .scene
            .take_warnings()
            .into_iter()
            .partition(|line| line.contains(STAYS));
        self.outcome.is_told_again = !stays.is_empty();
        unrepaired.extend(new.into_iter().map(after));
        Ok(())
    }

    /// Makes the node the leader, receives everything through it, and asks the judge.
    fn drain(&mut self) -> anyhow::Result<()> {
        let scene = &mut *self.scene;
        for _ in 0..ELECTIONS {
            if scene.cluster.leader() == Some(scene.damaged) {
                break;
            }
            scene.depose_leader()?;
        }
        if scene.cluster.leader() != Some(scene.damaged) {
            self.outcome.unrepaired.push(format!(
                "it wins none of {ELECTIONS} elections: {}",
                scene.cluster.standing()
            ));
            return Ok(());
        }
        scene.story.recorder.note(What::Healed);
        scene.story.begin(Chapter::Drain);
        let is_done = |scene: &Scene| scene.story.is_done(Chapter::Drain);
        if !scene.until(DRAINED_WITHIN, is_done)? {
            let what = format!("the queues are not drained within {DRAINED_WITHIN:?}");
            self.outcome.lost.push(what);
            return Ok(());
        }
        for (queue, _) in Story::queues() {
            let queue = queue.to_owned();
            scene.story.recorder.note(What::Drained { queue });
        }
        scene.invariants.check_states(&scene.cluster);
        match judge(&scene.story.recorder.history()?) {
            Verdict::Pass(_) => self.outcome.is_drained = true,
            Verdict::Violated(_, broken) => self.outcome.lost.extend(
                broken
                    .into_iter()
                    .map(|broken| format!("{}: {}", broken.invariant.as_str(), broken.story)),
            ),
            Verdict::Unknown(why) => anyhow::bail!("the judge cannot say: {why}"),
        }
        Ok(())
    }
}

/// Whether the damaged node follows, votes, and has the state of the others.
fn is_whole(scene: &Scene) -> bool {
    let cluster = &scene.cluster;
    let Some(group) = cluster.group(scene.damaged) else {
        return false;
    };
    let leader = cluster.leader().and_then(|leader| cluster.group(leader));
    group.votes()
        && cluster.is_settled(&std::collections::BTreeSet::new())
        && leader.is_some_and(|leader| leader.fingerprint() == group.fingerprint())
}
