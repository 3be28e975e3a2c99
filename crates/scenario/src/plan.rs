//! Which faults a run will meet, and when: decided before it begins, from the seed alone.

use std::time::Duration;

use crate::kind::Kind;
use crate::scenario::{RandomFaults, Scenario};
use crate::target::Target;

/// A fault as a run meets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// Whom it meets.
    pub target: Target,
    /// How strong it is.
    pub amount: f64,
}

/// A fault with its time. Its number names it in a replay, whatever else is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// From 0 on.
    pub number: usize,
    /// When it begins.
    pub at: Duration,
    /// Until it is undone.
    pub lasts: Duration,
    /// What happens.
    pub fault: Fault,
}

/// Where chance comes from: a generator that a seed was put into.
pub trait Dice {
    /// Anything between the two, both among it.
    fn between(&mut self, least: f64, most: f64) -> f64;
    /// A whole number from 0 on, less than this.
    fn below(&mut self, limit: u32) -> u32;
    /// Whether something happens that does so in this share of cases.
    fn happens(&mut self, share: f64) -> bool;
    /// One place of these, by its weight; none where all weigh nothing.
    fn weighted(&mut self, weights: &[u32]) -> Option<usize>;
}

/// All faults of a run, in the order of their times.
pub fn plan(scenario: &Scenario, dice: &mut impl Dice) -> Vec<Planned> {
    let mut faults = Vec::new();
    for timed in &scenario.fault {
        let mut at = timed.at;
        loop {
            let drawn = strength(timed.kind.amounts(), dice);
            faults.push((
                at,
                timed.lasts,
                Fault {
                    kind: timed.kind,
                    target: timed.target.clone(),
                    amount: timed.amount.unwrap_or(drawn),
                },
            ));
            match timed.every {
                Some(every) if at + every < scenario.run.seconds => at += every,
                _ => break,
            }
        }
    }
    if let Some(random) = &scenario.random {
        draw_all(random, scenario.run.seconds, dice, &mut faults);
    }
    // Stable: what has the same time keeps its order.
    faults.sort_by_key(|(at, _, _)| *at);
    let numbered = faults.into_iter().enumerate();
    numbered
        .map(|(number, (at, lasts, fault))| Planned {
            number,
            at,
            lasts,
            fault,
        })
        .collect()
}

fn strength((least, most): (f64, f64), dice: &mut impl Dice) -> f64 {
    // Small amounts are as likely as large ones where they are of the same sign.
    if least > 0.0 {
        dice.between(least.ln(), most.ln()).exp()
    } else if least < most {
        dice.between(least, most)
    } else {
        least
    }
}

fn draw_all(
    random: &RandomFaults,
    seconds: Duration,
    dice: &mut impl Dice,
    faults: &mut Vec<(Duration, Duration, Fault)>,
) {
    let kinds = drawn_kinds(random, dice);
    let weights: Vec<u32> = kinds.iter().map(|(_, weight)| *weight).collect();
    let mut at = Duration::from_secs(1);
    if kinds.is_empty() {
        return;
    }
    loop {
        at += span(random.pause_millis, dice);
        if at >= seconds {
            return;
        }
        // The weights are not all nothing.
        let Some(place) = dice.weighted(&weights) else {
            return;
        };
        let (kind, _) = kinds[place];
        let lasts = span(random.lasts_millis, dice);
        let target = target(kind, dice);
        let amount = strength(kind.amounts(), dice);
        let fault = Fault {
            kind,
            target,
            amount,
        };
        faults.push((at, lasts, fault));
    }
}

fn span([least, most]: [u64; 2], dice: &mut impl Dice) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "some seconds in milliseconds")]
    let drawn = strength((least.max(1) as f64, most.max(1) as f64), dice);
    Duration::from_secs_f64(drawn / 1000.0)
}

/// What chance may draw, and how often. A swarm leaves kinds out by chance, so that those that
/// are left meet in ways that a mix of all would hide.
fn drawn_kinds(random: &RandomFaults, dice: &mut impl Dice) -> Vec<(Kind, u32)> {
    let mut weights = random.weights();
    if random.swarm {
        weights.retain(|_| dice.happens(0.4));
        for (_, weight) in &mut weights {
            *weight *= 1 + dice.below(5);
        }
    }
    weights.retain(|(_, weight)| *weight > 0);
    weights
}

fn target(kind: Kind, dice: &mut impl Dice) -> Target {
    if kind.destroys_durable_data() {
        return Target::Node("n1".to_owned());
    }
    match dice.below(20) {
        0..=6 => Target::Leader,
        7..=10 => Target::Follower,
        11..=12 => Target::Any,
        13 => Target::Minority,
        14 => Target::LeaderMinority,
        15 => Target::Majority,
        16 => Target::All,
        17 => Target::LeaderZone,
        _ => Target::Zone("?".to_owned()),
    }
}
