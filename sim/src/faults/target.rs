//! Whom a fault meets, by meaning: found out when the fault begins.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use serde::Deserialize;

use crate::cluster::{Cluster, HostIndex};
use crate::world::SimChance;

/// Nodes, by what they are at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Target {
    /// Whoever leads.
    Leader,
    /// One that does not lead.
    Follower,
    /// Any one.
    Any,
    /// As many as the others can do without.
    Minority,
    /// The same, with the leader among them.
    LeaderMinority,
    /// One more than the others can do without.
    Majority,
    /// All.
    All,
    /// The nodes of a zone; `?` is any zone.
    Zone(String),
    /// The zone of the leader.
    LeaderZone,
    /// One node by its name.
    Node(String),
    /// What passes between two nodes: `n1->n3` one way, `n1-n3` both ways.
    Link {
        from: String,
        to: String,
        direction: Direction,
    },
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    OneWay,
    BothWays,
}

impl Target {
    /// The nodes that are meant now; none where there is no such node.
    pub(crate) fn resolve(&self, cluster: &Cluster, chance: &SimChance) -> Vec<HostIndex> {
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
        match self {
            Target::Leader => leader.into_iter().collect(),
            Target::Follower => {
                let others: Vec<_> = all.iter().copied().filter(|i| Some(*i) != leader).collect();
                pick(&others)
            }
            Target::Any => pick(&all),
            Target::Minority | Target::LeaderMinority | Target::Majority => {
                let spare = (all.len() - 1) / 2;
                let count = if *self == Target::Majority {
                    spare + 1
                } else {
                    spare
                };
                let mut nodes = all.clone();
                chance.draw(|dice| nodes.shuffle(dice));
                if *self == Target::LeaderMinority {
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

    /// Whether it stands for a place rather than for single nodes: clients there share its fate.
    pub(crate) fn is_zone(&self) -> bool {
        matches!(self, Target::Zone(_) | Target::LeaderZone)
    }
}

/// The text names no target.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no target: say leader, follower, any, minority, leader-minority, majority, all, leader-zone, zone:NAME, a node's name like n2, or a link like n1-n2 or n1->n2"
)]
pub(crate) struct NoTarget(String);

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Target, NoTarget> {
        Ok(match text {
            "leader" => Target::Leader,
            "follower" => Target::Follower,
            "any" => Target::Any,
            "minority" => Target::Minority,
            "leader-minority" => Target::LeaderMinority,
            "majority" => Target::Majority,
            "all" => Target::All,
            "leader-zone" => Target::LeaderZone,
            _ => match text.strip_prefix("zone:") {
                Some(zone) => Target::Zone(zone.to_owned()),
                None if is_node(text) => Target::Node(text.to_owned()),
                None => return link(text).ok_or_else(|| NoTarget(text.to_owned())),
            },
        })
    }
}

fn is_node(text: &str) -> bool {
    let number = text.strip_prefix('n');
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}

fn link(text: &str) -> Option<Target> {
    let one_way = text.split_once("->").map(|ends| (ends, Direction::OneWay));
    let both_ways = || text.split_once('-').map(|ends| (ends, Direction::BothWays));
    let ((from, to), direction) = one_way.or_else(both_ways)?;
    (is_node(from) && is_node(to) && from != to).then(|| Target::Link {
        from: from.to_owned(),
        to: to.to_owned(),
        direction,
    })
}

impl TryFrom<String> for Target {
    type Error = NoTarget;

    fn try_from(text: String) -> Result<Target, NoTarget> {
        text.parse()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Leader => f.write_str("leader"),
            Target::Follower => f.write_str("follower"),
            Target::Any => f.write_str("any"),
            Target::Minority => f.write_str("minority"),
            Target::LeaderMinority => f.write_str("leader-minority"),
            Target::Majority => f.write_str("majority"),
            Target::All => f.write_str("all"),
            Target::Zone(name) => write!(f, "zone:{name}"),
            Target::LeaderZone => f.write_str("leader-zone"),
            Target::Node(name) => f.write_str(name),
            Target::Link {
                from,
                to,
                direction: Direction::OneWay,
            } => write!(f, "{from}->{to}"),
            Target::Link { from, to, .. } => write!(f, "{from}-{to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_written_as_it_is_read() {
        for text in [
            "leader",
            "leader-minority",
            "zone:b",
            "n2",
            "n1-n2",
            "n1->n3",
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), text);
        }
        for text in ["n", "n1-", "n1-n1", "n1>n2", "leader->n2", ""] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
