//! Whom a fault meets, found out when the fault begins.

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use zonemq_scenario::Target;

use crate::cluster::{Cluster, HostIndex};
use crate::world::SimChance;

/// The nodes that are meant now; none where there is no such node.
pub(crate) fn resolve(target: &Target, cluster: &Cluster, chance: &SimChance) -> Vec<HostIndex> {
    let all: Vec<HostIndex> = cluster.indexes().collect();
    let leader = cluster.leader();
    let zone_of = |index: HostIndex| cluster.host(index).zone.clone();
    let pick = |from: &[HostIndex]| -> Vec<HostIndex> {
        chance
            .draw(|dice| from.choose(dice).copied())
            .into_iter()
            .collect()
    };
    let in_zone = |zone: &str| -> Vec<HostIndex> {
        let nodes = all.iter().copied();
        nodes
            .filter(|index| cluster.host(*index).zone == zone)
            .collect()
    };
    match target {
        Target::Leader => leader.into_iter().collect(),
        Target::Follower => {
            let others: Vec<_> = all.iter().copied().filter(|i| Some(*i) != leader).collect();
            pick(&others)
        }
        Target::Any => pick(&all),
        Target::Minority | Target::LeaderMinority | Target::Majority => {
            let spare = (all.len() - 1) / 2;
            let count = if *target == Target::Majority {
                spare + 1
            } else {
                spare
            };
            let mut nodes = all.clone();
            chance.draw(|dice| nodes.shuffle(dice));
            if *target == Target::LeaderMinority {
                nodes.sort_by_key(|index| Some(*index) != leader);
            }
            nodes.truncate(count);
            nodes.sort();
            nodes
        }
        Target::All => all.clone(),
        Target::Zone(name) if name == "?" => {
            let index = all[chance.draw(|dice| dice.random_range(0..all.len()))];
            in_zone(&zone_of(index))
        }
        Target::Zone(name) => in_zone(name),
        Target::LeaderZone => leader.map(|l| in_zone(&zone_of(l))).unwrap_or_default(),
        Target::Node(name) => {
            let nodes = all.iter().copied();
            nodes
                .filter(|index| cluster.host(*index).name == *name)
                .collect()
        }
        Target::Link { from, to, .. } => {
            let nodes = all.iter().copied();
            nodes
                .filter(|index| [from, to].contains(&&cluster.host(*index).name))
                .collect()
        }
    }
}
