//! The cluster as a prediction sees it: who runs, who led, and what passes between whom. Pure data.

use serde::Deserialize;
use zonemq_world::faulty::Rules;

use crate::faults::Effect;

/// Members, roles and links at one moment.
#[derive(Clone, Debug, Deserialize)]
pub struct Picture {
    /// In the order of their ids.
    pub nodes: Vec<PictureNode>,
    /// Who led.
    pub leader: Option<u64>,
    /// What is broken.
    pub effects: Vec<Effect>,
}

/// A voter.
#[derive(Clone, Debug, Deserialize)]
pub struct PictureNode {
    /// Its number.
    pub id: u64,
    /// Where it stands.
    pub zone: String,
    /// What its process does.
    pub state: NodeState,
}

/// What the process of a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// It answers.
    Running,
    /// It lives and says nothing.
    Paused,
    /// It is gone.
    Down,
}

impl Picture {
    /// A whole cluster: node 1 in the first zone, node 2 in the second, and so on.
    pub fn of_zones<'z>(zones: impl IntoIterator<Item = &'z str>, leader: Option<u64>) -> Picture {
        let nodes = (1..).zip(zones).map(|(id, zone)| PictureNode {
            id,
            zone: zone.to_owned(),
            state: NodeState::Running,
        });
        Picture {
            nodes: nodes.collect(),
            leader,
            effects: Vec::new(),
        }
    }

    /// All nodes.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.nodes.iter().map(|node| node.id)
    }

    /// A node by its number.
    pub fn node(&self, id: u64) -> Option<&PictureNode> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Whether its process answers.
    pub fn runs(&self, id: u64) -> bool {
        let node = self.node(id);
        node.is_some_and(|node| node.state == NodeState::Running)
    }

    /// How many voters must agree.
    pub fn majority(&self) -> usize {
        self.nodes.len() / 2 + 1
    }

    /// The same with more that is broken.
    #[must_use]
    pub fn with_effects(&self, more: &[Effect]) -> Picture {
        let mut after = self.clone();
        after.effects.extend_from_slice(more);
        after
    }

    /// The same with these processes in another state.
    #[must_use]
    pub fn with_state(&self, ids: &[u64], state: NodeState) -> Picture {
        let mut after = self.clone();
        for node in &mut after.nodes {
            if ids.contains(&node.id) {
                node.state = state;
            }
        }
        after
    }

    /// The rules of all links together.
    pub fn links(&self) -> Rules {
        let mut rules = Rules::default();
        for effect in &self.effects {
            if let Effect::Link { from, to, rule } = *effect {
                rules.add_link(from, to, rule);
            }
        }
        rules
    }

    /// Whether both run and hear each other.
    pub fn connected(&self, one: u64, other: u64) -> bool {
        let links = self.links();
        let heard = links.can_connect(one, other);
        one == other || heard && self.runs(one) && self.runs(other)
    }

    /// How many voters a node reaches that reach it, itself among them.
    pub fn reach(&self, id: u64) -> usize {
        if !self.runs(id) {
            return 0;
        }
        self.ids()
            .filter(|other| self.connected(id, *other))
            .count()
    }

    /// Whether it reaches a majority.
    pub fn can_lead(&self, id: u64) -> bool {
        self.reach(id) >= self.majority()
    }

    /// Whether clients of a node reach it, and its answers them.
    pub fn takes_clients(&self, id: u64) -> bool {
        self.runs(id)
            && self.effects.iter().all(|effect| match effect {
                Effect::Clients { node, rule } if *node == id => {
                    rule.requests.is_open() && rule.answers.is_open()
                }
                _ => true,
            })
    }

    /// How much longer than usual a node's disk takes for an fsync.
    pub fn fsync_millis(&self, id: u64) -> u64 {
        let slow = self.effects.iter().filter_map(|effect| match effect {
            Effect::Disk { node, rule } if *node == id => Some(rule.fsync_millis),
            _ => None,
        });
        slow.sum()
    }

    /// Whether a node's disk has no space left.
    pub fn is_full(&self, id: u64) -> bool {
        self.effects.iter().any(
            |effect| matches!(effect, Effect::Disk { node, rule } if *node == id && rule.is_full),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_reaches_who_runs_and_answers_it() {
        let three = Picture::of_zones(["a", "b", "c"], Some(1));
        assert_eq!(three.reach(1), 3);
        let one_is_down = three.with_state(&[3], NodeState::Down);
        assert_eq!((one_is_down.reach(1), one_is_down.reach(3)), (2, 0));
        assert!(one_is_down.can_lead(2) && !one_is_down.can_lead(3));
    }
}
