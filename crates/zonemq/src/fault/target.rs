//! Whom a fault meets, by meaning: the simulator's words, found out on the cluster as it is.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use zonemq_node::outlook::{Picture, names};

use crate::args::zone;
use crate::failure::Failure;

/// Nodes, by what they are at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The node with this id.
    Node(u64),
    /// The node that leads.
    Leader,
    /// One that does not.
    Follower,
    /// As many as the others can do without; followers, as far as there are.
    Minority,
    /// The same, with the leader among them.
    LeaderMinority,
    /// One more than the others can do without, the leader among them.
    Majority,
    /// All.
    All,
    /// The nodes of a zone.
    Zone(String),
    /// The nodes of the leader's zone.
    LeaderZone,
    /// All of these.
    List(Vec<Target>),
}

/// What passes between nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// From each of the first to each of the second.
    OneWay(Target, Target),
    /// And back.
    BothWays(Target, Target),
    /// Between these and all others.
    Of(Target),
}

/// The sides of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sides(Vec<Side>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Side {
    Of(Target),
    Rest,
}

impl Target {
    /// The nodes that are meant now, at least one.
    pub(super) fn resolve(&self, picture: &Picture) -> Result<Vec<u64>, Failure> {
        let all: Vec<u64> = picture.ids().collect();
        let leader = || {
            picture
                .leader
                .ok_or_else(|| Failure::Runtime(anyhow::anyhow!("no node leads at this moment")))
        };
        let in_zone = |name: &str| -> Vec<u64> {
            let nodes = picture.nodes.iter().filter(|node| node.zone == name);
            nodes.map(|node| node.id).collect()
        };
        let spare = (all.len().saturating_sub(1)) / 2;
        let ordered = |is_first: fn(bool) -> bool| {
            let mut nodes = all.clone();
            nodes.sort_by_key(|id| (!is_first(Some(*id) == picture.leader), Reverse(*id)));
            nodes
        };
        let followers_first = || ordered(|leads| !leads);
        let leader_first = || ordered(|leads| leads);
        let mut found = match self {
            Target::Node(id) if all.contains(id) => vec![*id],
            Target::Node(_) => {
                let names = names(&all);
                return Err(Failure::Usage(format!("this cluster has only {names}")));
            }
            Target::Leader => vec![leader()?],
            Target::Follower => {
                let leader = leader()?;
                let runs = |id: &u64| picture.runs(*id);
                let mut others = all.iter().copied().filter(|id| *id != leader).filter(runs);
                vec![others.next().ok_or_else(|| {
                    Failure::Runtime(anyhow::anyhow!("no node follows at this moment"))
                })?]
            }
            Target::Minority => followers_first()[..spare].to_vec(),
            Target::LeaderMinority => {
                leader()?;
                leader_first()[..spare].to_vec()
            }
            Target::Majority => leader_first()[..=spare].to_vec(),
            Target::All => all,
            Target::Zone(name) => {
                let nodes = in_zone(name);
                if nodes.is_empty() {
                    return Err(Failure::Usage(format!("this cluster has no zone {name}")));
                }
                nodes
            }
            Target::LeaderZone => {
                let leader = leader()?;
                picture
                    .node(leader)
                    .map_or(vec![], |node| in_zone(&node.zone))
            }
            Target::List(targets) => {
                let mut nodes = BTreeSet::new();
                for target in targets {
                    nodes.extend(target.resolve(picture)?);
                }
                nodes.into_iter().collect()
            }
        };
        found.sort_unstable();
        if found.is_empty() {
            return Err(Failure::Usage(format!(
                "{self} is no node of this cluster: it is too small to lose one"
            )));
        }
        Ok(found)
    }
}

impl Links {
    /// Each direction that is meant, as sender and receiver; at least one.
    pub(super) fn resolve(&self, picture: &Picture) -> Result<BTreeSet<(u64, u64)>, Failure> {
        let between = |from: &[u64], to: &[u64]| -> BTreeSet<(u64, u64)> {
            let pairs = from.iter().flat_map(|f| to.iter().map(|t| (*f, *t)));
            pairs.filter(|(from, to)| from != to).collect()
        };
        let mut found = match self {
            Links::OneWay(from, to) | Links::BothWays(from, to) => {
                between(&from.resolve(picture)?, &to.resolve(picture)?)
            }
            Links::Of(target) => {
                let inside = target.resolve(picture)?;
                let all: Vec<u64> = picture.ids().collect();
                let outside: Vec<u64> = all
                    .iter()
                    .copied()
                    .filter(|id| !inside.contains(id))
                    .collect();
                let others = if outside.is_empty() { &all } else { &outside };
                between(&inside, others)
            }
        };
        if !matches!(self, Links::OneWay(..)) {
            let back: Vec<_> = found.iter().map(|(from, to)| (*to, *from)).collect();
            found.extend(back);
        }
        if found.is_empty() {
            return Err(Failure::Usage(format!(
                "{self} is no link between two nodes"
            )));
        }
        Ok(found)
    }
}

impl Sides {
    /// The nodes of each side.
    pub(super) fn resolve(&self, picture: &Picture) -> Result<Vec<Vec<u64>>, Failure> {
        let mut taken = BTreeSet::new();
        let mut sides = Vec::new();
        for side in &self.0 {
            let Side::Of(target) = side else { continue };
            let nodes = target.resolve(picture)?;
            if let Some(twice) = nodes.iter().find(|id| !taken.insert(**id)) {
                return Err(Failure::Usage(format!(
                    "n{twice} is on two sides of {self}"
                )));
            }
            sides.push(nodes);
        }
        if self.0.contains(&Side::Rest) {
            sides.push(picture.ids().filter(|id| !taken.contains(id)).collect());
        }
        sides.retain(|side| !side.is_empty());
        if sides.len() < 2 {
            return Err(Failure::Usage(format!(
                "a partition has two sides at least, as in 'a|b,c'; {self} has one"
            )));
        }
        Ok(sides)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(',') {
            let targets: Result<Vec<Target>, String> = text.split(',').map(str::parse).collect();
            return Ok(Target::List(targets?));
        }
        Ok(match text {
            "leader" => Target::Leader,
            "follower" => Target::Follower,
            "minority" => Target::Minority,
            "leader-minority" => Target::LeaderMinority,
            "majority" => Target::Majority,
            "all" => Target::All,
            "leader-zone" => Target::LeaderZone,
            _ => return zone_or_node(text),
        })
    }
}

fn zone_or_node(text: &str) -> Result<Target, String> {
    if let Some(name) = text.strip_prefix("zone:") {
        return Ok(Target::Zone(zone(name)?));
    }
    let number = text.strip_prefix('n').unwrap_or(text).parse();
    number.map(Target::Node).map_err(|_| {
        "not a node (n1), leader, follower, minority, leader-minority, majority, all, zone:NAME or \
         leader-zone"
            .to_owned()
    })
}

impl FromStr for Links {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((from, to)) = text.split_once("->") {
            return Ok(Links::OneWay(from.parse()?, to.parse()?));
        }
        // `leader-zone` has a hyphen too: both ends of a pair are single nodes.
        if let Some((from, to)) = text.split_once('-')
            && let (Ok(from @ Target::Node(_)), Ok(to @ Target::Node(_))) =
                (from.parse(), to.parse())
        {
            return Ok(Links::BothWays(from, to));
        }
        let nodes = text.parse().map(Links::Of);
        nodes.map_err(|error| format!("not a link (n1-n2, or 'n1->n2' in quotes), and {error}"))
    }
}

impl FromStr for Sides {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let member = |name: &str| -> Result<Target, String> {
            // Zones go by their bare names here.
            name.parse().or_else(|_| zone(name).map(Target::Zone))
        };
        let side = |text: &str| -> Result<Side, String> {
            if text == "rest" {
                return Ok(Side::Rest);
            }
            let mut members = Vec::new();
            for name in text.split(',') {
                members.push(member(name)?);
            }
            Ok(Side::Of(Target::List(members)))
        };
        let sides: Result<Vec<Side>, String> = text.split('|').map(side).collect();
        sides.map(Sides)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(id) => write!(f, "n{id}"),
            Target::Leader => f.write_str("leader"),
            Target::Follower => f.write_str("follower"),
            Target::Minority => f.write_str("minority"),
            Target::LeaderMinority => f.write_str("leader-minority"),
            Target::Majority => f.write_str("majority"),
            Target::All => f.write_str("all"),
            Target::Zone(name) => write!(f, "zone:{name}"),
            Target::LeaderZone => f.write_str("leader-zone"),
            Target::List(targets) => {
                let names: Vec<String> = targets.iter().map(Target::to_string).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

impl fmt::Display for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Links::OneWay(from, to) => write!(f, "{from}->{to}"),
            Links::BothWays(from, to) => write!(f, "{from}-{to}"),
            Links::Of(nodes) => nodes.fmt(f),
        }
    }
}

impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = self.0.iter().map(|side| match side {
            Side::Of(nodes) => nodes.to_string(),
            Side::Rest => "rest".to_owned(),
        });
        f.write_str(&sides.collect::<Vec<_>>().join("|"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn five(leader: Option<u64>) -> Picture {
        Picture::of_zones(["a", "b", "c", "a", "b"], leader)
    }

    fn nodes(target: &str) -> Vec<u64> {
        let target: Target = target.parse().expect("well formed");
        target
            .resolve(&five(Some(2)))
            .expect("there are such nodes")
    }

    #[test]
    fn a_target_is_a_node_a_role_or_a_zone() {
        assert_eq!(nodes("n3"), [3]);
        assert_eq!(nodes("3"), [3]);
        assert_eq!(nodes("leader"), [2]);
        assert_eq!(nodes("follower"), [1]);
        assert_eq!(nodes("minority"), [4, 5]);
        assert_eq!(nodes("leader-minority"), [2, 5]);
        assert_eq!(nodes("majority"), [2, 4, 5]);
        assert_eq!(nodes("zone:a"), [1, 4]);
        assert_eq!(nodes("leader-zone"), [2, 5]);
        assert_eq!(nodes("all"), [1, 2, 3, 4, 5]);
        assert_eq!(nodes("n4,leader,zone:a"), [1, 2, 4]);
        for wrong in ["zone:", "nobody", "n", "n1-n2", ""] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
        for absent in ["n6", "zone:d"] {
            let target: Target = absent.parse().expect("well formed");
            assert!(target.resolve(&five(Some(2))).is_err(), "{absent}");
        }
        assert!(Target::Leader.resolve(&five(None)).is_err());
    }

    #[test]
    fn links_are_directions_between_nodes() {
        let links = |text: &str| -> Vec<(u64, u64)> {
            let links: Links = text.parse().expect("well formed");
            let links = links.resolve(&five(Some(2))).expect("there are such links");
            links.into_iter().collect()
        };
        assert_eq!(links("n1->n3"), [(1, 3)]);
        assert_eq!(links("n1-n3"), [(1, 3), (3, 1)]);
        assert_eq!(links("all->leader"), [(1, 2), (3, 2), (4, 2), (5, 2)]);
        assert_eq!(links("n5").len(), 8);
        assert_eq!(links("leader-zone").len(), 12);
        assert_eq!(links("all").len(), 20);
        assert!("n1-leader".parse::<Links>().is_err());
        assert!("n1->".parse::<Links>().is_err());
        let itself: Links = "n1-n1".parse().expect("well formed");
        assert!(itself.resolve(&five(None)).is_err());
    }

    #[test]
    fn sides_are_zones_or_nodes_and_a_node_is_on_one() {
        let sides = |text: &str| {
            let sides: Sides = text.parse().expect("well formed");
            sides.resolve(&five(Some(2)))
        };
        let is = |text: &str| sides(text).expect("two sides");
        assert_eq!(is("a|b,c"), [vec![1, 4], vec![2, 3, 5]]);
        assert_eq!(is("leader|rest"), [vec![2], vec![1, 3, 4, 5]]);
        assert_eq!(is("n1|n2|n3"), [vec![1], vec![2], vec![3]]);
        assert!(sides("a").is_err());
        assert!(sides("a|n1").is_err());
        assert!(sides("a|d").is_err());
        assert!("a||b".parse::<Sides>().is_err());
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in ["n1->n3", "n1-n2", "leader-zone", "n1,zone:b", "all->leader"] {
            let links: Links = text.parse().expect("well formed");
            assert_eq!(links.to_string(), text);
        }
    }
}
