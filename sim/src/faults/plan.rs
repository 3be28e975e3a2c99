//! Which faults a run will meet, and when: decided before it begins, from the seed alone.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Fault, Kind, Target};
use crate::scenario::{RandomFaults, Scenario};
use crate::world::SimChance;

/// A fault with its time. Its number names it in a replay, whatever else is left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) number: usize,
    pub(crate) at: Duration,
    pub(crate) lasts: Duration,
    pub(crate) fault: Fault,
}

/// All faults of a run, in the order of their times.
pub(crate) fn plan(scenario: &Scenario, seed: u64) -> Vec<Planned> {
    let chance = SimChance::new(seed, "plan");
    let mut faults = Vec::new();
    for timed in &scenario.fault {
        let mut at = timed.at;
        loop {
            let (least, most) = timed.kind.amounts();
            let drawn = chance.draw(|dice| between(dice, least, most));
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
        chance.draw(|dice| draw_all(random, scenario.run.seconds, dice, &mut faults));
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

fn between(dice: &mut StdRng, least: f64, most: f64) -> f64 {
    // Small amounts are as likely as large ones where they are of the same sign.
    if least > 0.0 {
        dice.random_range(least.ln()..=most.ln()).exp()
    } else if least < most {
        dice.random_range(least..=most)
    } else {
        least
    }
}

fn draw_all(
    random: &RandomFaults,
    seconds: Duration,
    dice: &mut StdRng,
    faults: &mut Vec<(Duration, Duration, Fault)>,
) {
    let weights = weights(random, dice);
    if weights.is_empty() {
        return;
    }
    let millis = |dice: &mut StdRng, range: [u64; 2]| {
        #[expect(clippy::cast_precision_loss, reason = "some seconds in milliseconds")]
        let drawn = between(dice, range[0].max(1) as f64, range[1].max(1) as f64);
        Duration::from_secs_f64(drawn / 1000.0)
    };
    let mut at = Duration::from_secs(1);
    loop {
        at += millis(dice, random.pause_millis);
        if at >= seconds {
            return;
        }
        // The weights are not all nothing.
        let Ok((kind, _)) = weights.choose_weighted(dice, |(_, weight)| *weight) else {
            return;
        };
        let (least, most) = kind.amounts();
        faults.push((
            at,
            millis(dice, random.lasts_millis),
            Fault {
                kind: *kind,
                target: target(*kind, dice),
                amount: between(dice, least, most),
            },
        ));
    }
}

/// What chance may draw, and how often. A swarm leaves kinds out by chance, so that those that
/// are left meet in ways that a mix of all would hide.
fn weights(random: &RandomFaults, dice: &mut StdRng) -> Vec<(Kind, u32)> {
    let named = random.weights.iter().map(|(kind, weight)| (*kind, *weight));
    let mut weights: Vec<(Kind, u32)> = if random.weights.is_empty() {
        Kind::ALL.map(|kind| (kind, 1)).to_vec()
    } else {
        named.collect()
    };
    if random.swarm {
        weights.retain(|_| dice.random_bool(0.4));
        for (_, weight) in &mut weights {
            *weight *= dice.random_range(1..=5);
        }
    }
    weights.retain(|(_, weight)| *weight > 0);
    weights
}

fn target(kind: Kind, dice: &mut StdRng) -> Target {
    if kind.destroys_durable_data() {
        return Target::Node("n1".to_owned());
    }
    match dice.random_range(0..20) {
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
