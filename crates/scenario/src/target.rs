//! Whom a fault meets, by meaning: found out when the fault begins.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Nodes, by what they are at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Target {
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
        /// One end.
        from: String,
        /// The other.
        to: String,
        /// Which way.
        direction: Direction,
    },
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first to the second.
    OneWay,
    /// And back.
    BothWays,
}

impl Target {
    /// Whether it stands for a place rather than for single nodes: clients there share its fate.
    pub fn is_zone(&self) -> bool {
        matches!(self, Target::Zone(_) | Target::LeaderZone)
    }
}

/// The text names no target.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no target: say leader, follower, any, minority, leader-minority, majority, all, leader-zone, zone:NAME, a node's name like n2, or a link like n1-n2 or n1->n2"
)]
pub struct NoTarget(String);

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
