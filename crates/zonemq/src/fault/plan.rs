//! From a word of the command line to what it does to which nodes.

use zonemq_node::Effect;
use zonemq_node::outlook::{NodeState, Picture, names};
use zonemq_world::faulty::{ClientRule, DiskRule, LinkRule, Passage};

use super::args::{self, How, Slowness, Word};
use super::target::Target;
use crate::args::Timeout;
use crate::failure::Failure;

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What people call it, with the nodes that it meets.
    pub(super) words: String,
    pub(super) deed: Deed,
    pub(super) lasts: Option<Timeout>,
}

/// Who does it, and to whom.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// The nodes themselves, when they are told.
    Break(Vec<Effect>),
    /// Signals to these processes.
    Pause(Vec<u64>),
    Kill(Vec<u64>),
    Resume(Vec<u64>),
    /// A new process for each of these nodes.
    Restart(Vec<u64>),
}

impl Deed {
    /// What the cluster is after it.
    pub(super) fn after(&self, before: &Picture) -> Picture {
        match self {
            Deed::Break(effects) => before.with_effects(effects),
            Deed::Pause(nodes) => before.with_state(nodes, NodeState::Paused),
            Deed::Kill(nodes) => before.with_state(nodes, NodeState::Down),
            Deed::Resume(nodes) | Deed::Restart(nodes) => {
                before.with_state(nodes, NodeState::Running)
            }
        }
    }

    /// The nodes that it meets, in the order of their ids.
    pub(super) fn nodes(&self) -> Vec<u64> {
        let mut nodes = match self {
            Deed::Break(effects) => effects.iter().flat_map(met_by).collect(),
            Deed::Pause(nodes) | Deed::Kill(nodes) | Deed::Resume(nodes) | Deed::Restart(nodes) => {
                nodes.clone()
            }
        };
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// The nodes that hand over what they lead.
    pub(super) fn restarted(&self) -> &[u64] {
        match self {
            Deed::Restart(nodes) => nodes,
            _ => &[],
        }
    }
}

fn met_by(effect: &Effect) -> Vec<u64> {
    match *effect {
        Effect::Link { from, to, .. } => vec![from, to],
        Effect::Disk { node, .. } | Effect::Clients { node, .. } => vec![node],
    }
}

/// What a word means on the cluster as it is. Words that only look or mend are none of these.
pub(super) fn plan(word: &Word, picture: &Picture) -> Result<Plan, Failure> {
    let (words, deed, lasts) = match word {
        Word::Pause { target, how } => {
            let nodes = target.resolve(picture)?;
            let words = met("pause", target, &nodes);
            (words, Deed::Pause(nodes), how.lasts)
        }
        Word::Kill { target, how } => {
            let nodes = target.resolve(picture)?;
            (met("kill", target, &nodes), Deed::Kill(nodes), how.lasts)
        }
        Word::Resume { target, .. } => {
            let nodes = target.resolve(picture)?;
            (met("resume", target, &nodes), Deed::Resume(nodes), None)
        }
        Word::Restart { target, .. } => {
            let nodes = target.resolve(picture)?;
            (met("restart", target, &nodes), Deed::Restart(nodes), None)
        }
        _ => {
            let (words, effects, how) = match on_links(word, picture)? {
                Some(broken) => broken,
                None => on_nodes(word, picture)?,
            };
            (words, Deed::Break(effects), how.lasts)
        }
    };
    Ok(Plan { words, deed, lasts })
}

type Broken<'w> = (String, Vec<Effect>, &'w How);

/// What a word does to links, if it does.
fn on_links<'w>(word: &'w Word, picture: &Picture) -> Result<Option<Broken<'w>>, Failure> {
    let (verb, links, rule, how) = match word {
        Word::Partition { sides, how } => {
            let words = format!("partition {}", sides.join("|"));
            let sides = args::sides(sides).map_err(Failure::Usage)?;
            let effects = between_sides(&sides.resolve(picture)?);
            return Ok(Some((words, effects, how)));
        }
        Word::Isolate { target, how } => {
            let inside = target.resolve(picture)?;
            let outside = picture.ids().filter(|id| !inside.contains(id)).collect();
            let words = met("isolate", target, &inside);
            let effects = between_sides(&[inside, outside]);
            if effects.is_empty() {
                return Err(Failure::Usage(format!(
                    "{target} is the whole cluster: there is nobody to cut it off from"
                )));
            }
            return Ok(Some((words, effects, how)));
        }
        Word::Cut { links, how } => ("cut", links, LinkRule::passing(Passage::Held), how),
        Word::HalfOpen { links, how } => {
            let rule = LinkRule::passing(Passage::Swallowed);
            ("half-open", links, rule, how)
        }
        Word::Refuse { links, how } => {
            let rule = LinkRule::passing(Passage::Refused);
            ("refuse", links, rule, how)
        }
        Word::Slow {
            links,
            slowness,
            how,
        } => {
            let words = format!("slow {links}{}", described(*slowness));
            let effects = on(&links.resolve(picture)?, slow(*slowness));
            return Ok(Some((words, effects, how)));
        }
        _ => return Ok(None),
    };
    let effects = on(&links.resolve(picture)?, rule);
    Ok(Some((format!("{verb} {links}"), effects, how)))
}

/// What a word does to disks and clients of nodes.
fn on_nodes<'w>(word: &'w Word, picture: &Picture) -> Result<Broken<'w>, Failure> {
    let on_disk = |verb: &str, target: &Target, rule: DiskRule| {
        let nodes = target.resolve(picture)?;
        let effects = nodes.iter().map(|node| Effect::Disk { node: *node, rule });
        Ok::<_, Failure>((met(verb, target, &nodes), effects.collect()))
    };
    let on_clients = |verb: &str, target: &Target, rule: ClientRule| {
        let nodes = target.resolve(picture)?;
        let effects = nodes
            .iter()
            .map(|node| Effect::Clients { node: *node, rule });
        Ok::<_, Failure>((met(verb, target, &nodes), effects.collect()))
    };
    let ((words, effects), how) = match word {
        Word::SlowDisk { target, fsync, how } => {
            let rule = DiskRule {
                fsync_millis: millis(*fsync),
                is_full: false,
            };
            let (words, effects) = on_disk("slow-disk", target, rule)?;
            ((format!("{words} by {fsync}"), effects), how)
        }
        Word::FullDisk { target, how } => {
            let rule = DiskRule {
                fsync_millis: 0,
                is_full: true,
            };
            (on_disk("full-disk", target, rule)?, how)
        }
        Word::ClientsOnly { target, how } => {
            let rule = ClientRule {
                requests: Passage::Held,
                answers: Passage::Held,
            };
            (on_clients("clients-only", target, rule)?, how)
        }
        Word::LoseResponses { target, how } => {
            let rule = ClientRule {
                requests: Passage::Open,
                answers: Passage::Swallowed,
            };
            (on_clients("lose-responses", target, rule)?, how)
        }
        _ => return Err(Failure::Usage("this word breaks nothing".to_owned())),
    };
    Ok((words, effects, how))
}

/// `kill leader (n2)`; a target that says its nodes itself is not told twice.
fn met(verb: &str, target: &Target, nodes: &[u64]) -> String {
    let (target, nodes) = (target.to_string(), names(nodes));
    if target.replace(',', ", ") == nodes {
        format!("{verb} {target}")
    } else {
        format!("{verb} {target} ({nodes})")
    }
}

fn on<'a>(links: impl IntoIterator<Item = &'a (u64, u64)>, rule: LinkRule) -> Vec<Effect> {
    let effect = |(from, to): &(u64, u64)| Effect::Link {
        from: *from,
        to: *to,
        rule,
    };
    links.into_iter().map(effect).collect()
}

fn between_sides(sides: &[Vec<u64>]) -> Vec<Effect> {
    let mut links = Vec::new();
    for (number, side) in sides.iter().enumerate() {
        let others = sides.iter().enumerate();
        for (_, other) in others.filter(|(other, _)| *other != number) {
            links.extend(
                side.iter()
                    .flat_map(|from| other.iter().map(|to| (*from, *to))),
            );
        }
    }
    on(&links, LinkRule::passing(Passage::Held))
}

pub(super) fn millis(time: Timeout) -> u64 {
    u64::try_from(time.0.as_millis()).unwrap_or(u64::MAX)
}

fn slow(slowness: Slowness) -> LinkRule {
    LinkRule {
        passage: Passage::Open,
        latency_millis: slowness.latency.map_or(0, millis),
        jitter_millis: slowness.jitter.map_or(0, millis),
        loss: slowness.loss.unwrap_or(0.0),
        bytes_per_second: slowness.bytes_per_second,
    }
}

fn described(slowness: Slowness) -> String {
    let parts = [
        slowness.latency.map(|time| format!(" by {time}")),
        slowness.jitter.map(|time| format!(" jitter {time}")),
        slowness
            .loss
            .map(|share| format!(" loss {}%", share * 100.0)),
        slowness
            .bytes_per_second
            .map(|rate| format!(" at {rate} bytes/s")),
    ];
    parts.into_iter().flatten().collect()
}
