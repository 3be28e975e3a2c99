//! What should follow from a fault: a function of the members, roles and links that are left.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::names;
use super::picture::{NodeState, Picture};

/// Followers wait so long for a sign of their leader before they ask for votes: 0.32 to 0.4 s,
/// as `raft_config` in `zonemq_raft` says.
const PATIENCE_MILLIS: u64 = 320;
/// The answer to a heartbeat counts for the leader's lease if it comes before the next one, and
/// without a lease Raft takes no writes; `heartbeat_interval` of the same.
const HEARTBEAT_MILLIS: u64 = 80;
/// A packet lost twice is late, and with such a share of losses one is every few seconds.
const OFTEN: f64 = 0.1;

/// The first word of a prediction that nobody knows who is new to Raft, with what it means.
const VOTERS: &str = "voters (nodes whose votes count)";

/// What should follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prediction {
    /// All voters.
    pub voters: usize,
    /// How many of them must agree.
    pub majority: usize,
    /// How many voters the leader reaches, itself among them; or whoever reaches most.
    pub connected: usize,
    /// Who should lead.
    pub leadership: Leadership,
    /// Where clients are served, by zone.
    pub zones: Vec<ZoneOutlook>,
    /// All of it in words.
    pub says: Vec<String>,
}

/// Who should lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outlook", rename_all = "kebab-case")]
pub enum Leadership {
    /// Whoever did.
    Stays {
        /// This node.
        leader: u64,
    },
    /// Whoever did, or one of these: heartbeats may come later than followers wait for them.
    MayChange {
        /// They reach a majority; whoever led is one of them.
        candidates: Vec<u64>,
    },
    /// One of these, after an election.
    Changes {
        /// They reach a majority.
        candidates: Vec<u64>,
    },
    /// Nobody.
    Nobody,
}

/// Where clients of a zone are served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZoneOutlook {
    /// Which zone.
    pub zone: String,
    /// These nodes of the zone serve its clients, whoever leads.
    pub served_by: Vec<u64>,
    /// These do only if the right one leads.
    pub perhaps_by: Vec<u64>,
}

/// What should follow when the cluster becomes `after`. Of the nodes in `restarted`, a running
/// leader hands its leadership over first.
pub fn predict(after: &Picture, restarted: &[u64], request_timeout: Duration) -> Prediction {
    let candidates: Vec<u64> = after.ids().filter(|id| after.can_lead(*id)).collect();
    let leadership = match after.leader {
        Some(leader) if candidates.contains(&leader) && !restarted.contains(&leader) => {
            if hear_in_time(after, leader) < after.majority() {
                Leadership::MayChange { candidates }
            } else {
                Leadership::Stays { leader }
            }
        }
        _ if candidates.is_empty() => Leadership::Nobody,
        _ => {
            let others: Vec<u64> = candidates
                .iter()
                .copied()
                .filter(|id| !restarted.contains(id))
                .collect();
            let candidates = if others.is_empty() {
                candidates
            } else {
                others
            };
            Leadership::Changes { candidates }
        }
    };
    let reach = |ids: &mut dyn Iterator<Item = u64>| ids.map(|id| after.reach(id)).max();
    let connected = reach(&mut leadership.leaders().iter().copied())
        .or_else(|| reach(&mut after.ids()))
        .unwrap_or(0);
    let mut prediction = Prediction {
        voters: after.nodes.len(),
        majority: after.majority(),
        connected,
        zones: zones(after, leadership.leaders()),
        leadership,
        says: Vec::new(),
    };
    let mut says = vec![says_who_leads(
        &prediction,
        after,
        restarted,
        request_timeout,
    )];
    says.extend(says_how_slow(&prediction, after));
    says.extend(says_what_is_full(&prediction, after));
    says.extend(says_who_is_served(&prediction, after));
    prediction.says = says;
    prediction
}

impl Leadership {
    /// All who may lead.
    pub fn leaders(&self) -> &[u64] {
        match self {
            Leadership::Stays { leader } => std::slice::from_ref(leader),
            Leadership::MayChange { candidates } | Leadership::Changes { candidates } => candidates,
            Leadership::Nobody => &[],
        }
    }
}

fn zones(after: &Picture, leaders: &[u64]) -> Vec<ZoneOutlook> {
    let mut zones: BTreeMap<&str, ZoneOutlook> = BTreeMap::new();
    for node in &after.nodes {
        let outlook = zones.entry(&node.zone).or_insert_with(|| ZoneOutlook {
            zone: node.zone.clone(),
            served_by: Vec::new(),
            perhaps_by: Vec::new(),
        });
        if !after.takes_clients(node.id) || leaders.is_empty() {
            continue;
        }
        // One hop to the leader: no third node passes on.
        let reached = leaders
            .iter()
            .filter(|leader| after.connected(node.id, **leader))
            .count();
        if reached == leaders.len() {
            outlook.served_by.push(node.id);
        } else if reached > 0 {
            outlook.perhaps_by.push(node.id);
        }
    }
    zones.into_values().collect()
}

fn says_who_leads(
    prediction: &Prediction,
    after: &Picture,
    restarted: &[u64],
    request_timeout: Duration,
) -> String {
    let Prediction {
        voters,
        majority,
        connected,
        ..
    } = prediction;
    let stay = format!("{connected} of {voters} {VOTERS} stay connected");
    let margin = if connected == majority {
        ". None of these can be spared"
    } else {
        ""
    };
    match &prediction.leadership {
        Leadership::Stays { leader } => {
            format!("{stay}: n{leader} keeps leading, and writes go on{margin}.")
        }
        Leadership::MayChange { candidates } => format!(
            "{stay}: writes go on{margin}. Heartbeats may come later than followers wait for them: \
             there may be elections, and {} leads.",
            either(candidates)
        ),
        Leadership::Changes { candidates } => {
            let who = either(candidates);
            let when = if after
                .leader
                .is_some_and(|leader| restarted.contains(&leader))
            {
                "when the leader has handed over"
            } else if is_noticed_late(after) {
                "after an election, which may take 4 s: the leader is heard, but hears nobody"
            } else {
                "after an election, in about half a second"
            };
            format!("{stay}: writes go on {when}. {who} leads{margin}.")
        }
        Leadership::Nobody => format!(
            "At most {connected} of {voters} {VOTERS} are connected, and a majority is {majority}: \
             nobody leads. Writes wait, and fail after {} s; nothing that was acknowledged is lost.",
            request_timeout.as_secs_f64()
        ),
    }
}

/// How many voters hear a leader in time, itself among them. The others ask for votes, and get none
/// from these.
fn hear_in_time(after: &Picture, leader: u64) -> usize {
    let links = after.links();
    let hears = |id: &u64| {
        let rule = links.link(leader, *id);
        let retransmission = if rule.loss < OFTEN {
            0
        } else {
            PATIENCE_MILLIS
        };
        let late = rule.latency_millis + rule.jitter_millis + retransmission;
        after.connected(leader, *id) && late < PATIENCE_MILLIS
    };
    after.ids().filter(hears).count()
}

/// Whether a leader goes on sending heartbeats, so that followers miss nothing.
fn is_noticed_late(after: &Picture) -> bool {
    let Some(leader) = after.leader.filter(|leader| after.runs(*leader)) else {
        return false;
    };
    let links = after.links();
    let hear_it = after
        .ids()
        .filter(|id| *id != leader && after.runs(*id))
        .filter(|id| links.link(leader, *id).passage.is_open())
        .count();
    hear_it + 1 >= after.majority()
}

/// What a write waits for beyond the usual, and what becomes of the leader's lease.
fn says_how_slow(prediction: &Prediction, after: &Picture) -> Option<String> {
    let links = after.links();
    let way = |from: u64, to: u64| {
        let rule = links.link(from, to);
        rule.latency_millis + rule.jitter_millis / 2
    };
    // The worst of all that may lead.
    let mut round_trip = 0;
    let mut write = 0;
    let mut slowest = 0;
    for &leader in prediction.leadership.leaders() {
        let voters: Vec<u64> = after
            .ids()
            .filter(|id| after.connected(leader, *id))
            .collect();
        let trip = |id: &u64| way(leader, *id) + way(*id, leader);
        let mut trips: Vec<u64> = voters.iter().map(trip).collect();
        let durable = voters.iter().map(|id| trip(id) + after.fsync_millis(*id));
        let mut writes: Vec<u64> = durable.collect();
        trips.sort_unstable();
        writes.sort_unstable();
        let of_majority = |times: &[u64]| times.get(after.majority() - 1).copied().unwrap_or(0);
        round_trip = round_trip.max(of_majority(&trips));
        write = write.max(of_majority(&writes));
        slowest = slowest.max(writes.last().copied().unwrap_or(0));
    }
    if slowest == 0 {
        return None;
    }
    if write == 0 {
        let says = "A write waits for the fastest majority only, which is as fast as before.";
        return Some(says.to_owned());
    }
    let lease = if round_trip > HEARTBEAT_MILLIS {
        format!(
            " Answers to heartbeats take longer than the {HEARTBEAT_MILLIS} ms in which they count: \
             a leader that was idle for a moment takes no writes until its links are faster."
        )
    } else {
        String::new()
    };
    Some(format!(
        "A write waits for its majority about {write} ms longer.{lease}"
    ))
}

fn says_what_is_full(prediction: &Prediction, after: &Picture) -> Option<String> {
    let leaders = prediction.leadership.leaders();
    let full: Vec<u64> = after.ids().filter(|id| after.is_full(*id)).collect();
    if full.is_empty() {
        return None;
    }
    Some(if leaders.iter().any(|leader| full.contains(leader)) {
        "A leader without space refuses sends within a second; receives and deletes go on."
            .to_owned()
    } else {
        format!(
            "{} {} followers: the leader has space, and takes sends. A follower that cannot write \
             stops, and comes back by a restart.",
            names(&full),
            if full.len() == 1 {
                "is one of the"
            } else {
                "are"
            }
        )
    })
}

fn says_who_is_served(prediction: &Prediction, after: &Picture) -> Vec<String> {
    let leaders = prediction.leadership.leaders();
    if leaders.is_empty() {
        return Vec::new();
    }
    let elsewhere: Vec<u64> = prediction
        .zones
        .iter()
        .flat_map(|zone| zone.served_by.iter().copied())
        .collect();
    let mut served = Vec::new();
    let mut says = Vec::new();
    for zone in &prediction.zones {
        let name = &zone.zone;
        if !zone.served_by.is_empty() {
            served.push((name.as_str(), names(&zone.served_by)));
        } else if !zone.perhaps_by.is_empty() {
            says.push(format!(
                "Clients of zone {name} are served only if a node leads that {} reaches.",
                names(&zone.perhaps_by)
            ));
        } else {
            let nodes = after.nodes.iter().filter(|node| node.zone == *name);
            let why: Vec<String> = nodes.map(|node| why_not(after, node.id)).collect();
            let advice = if elsewhere.is_empty() {
                String::new()
            } else {
                format!("; {} would serve them", either(&elsewhere))
            };
            says.push(format!(
                "Clients of zone {name} are not served there, for {}{advice}.",
                why.join(" and ")
            ));
        }
    }
    if !served.is_empty() {
        let all = served.len() == prediction.zones.len();
        let through: Vec<&str> = served.iter().map(|(_, nodes)| nodes.as_str()).collect();
        let zones: Vec<&str> = served.iter().map(|(zone, _)| *zone).collect();
        let whose = match (all, zones.len()) {
            (true, _) => "all zones".to_owned(),
            (false, 1) => format!("zone {}", zones[0]),
            (false, _) => format!("zones {}", zones.join(", ")),
        };
        says.insert(
            0,
            format!(
                "Clients of {whose} are served through {}.",
                through.join(", ")
            ),
        );
    }
    says
}

fn why_not(after: &Picture, id: u64) -> String {
    let state = after.node(id).map_or(NodeState::Down, |node| node.state);
    match state {
        NodeState::Down => format!("n{id} is down"),
        NodeState::Paused => format!("n{id} stands still"),
        NodeState::Running if !after.takes_clients(id) => {
            format!("n{id} and its clients do not hear each other")
        }
        NodeState::Running => format!("n{id} does not reach the leader"),
    }
}

/// `N2 or n3`, to begin a sentence or to go on with it.
fn either(ids: &[u64]) -> String {
    match ids {
        [] => String::new(),
        [one] => format!("n{one}"),
        [first @ .., last] => format!("{} or n{last}", names(first)),
    }
}

#[cfg(test)]
mod tests;
