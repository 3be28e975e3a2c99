//! What each kind of fault does to links and to disks.

use std::net::IpAddr;
use std::time::Duration;

use rand::Rng;
use rand::seq::SliceRandom;
use zonemq_scenario::{Direction, Kind, Target};

use super::injector::Injector;
use crate::cluster::{Cluster, HostIndex};
use crate::world::disk::DiskFaults;
use crate::world::network::{LinkRule, Passage};

/// What goes from one of the first to one of the second passes the rule.
pub(super) type Links = (Vec<IpAddr>, Vec<IpAddr>, LinkRule);

impl Injector {
    /// Which links a fault changes, and how.
    pub(super) fn links(
        &self,
        cluster: &Cluster,
        kind: Kind,
        amount: f64,
        hosts: &[HostIndex],
        target: &Target,
    ) -> Vec<Links> {
        if let Target::Link {
            from,
            to,
            direction,
        } = target
        {
            return self.link(cluster, kind, amount, [from, to], *direction);
        }
        let is_zone = target.is_zone();
        let mut inside: Vec<IpAddr> = hosts.iter().map(|i| cluster.host(*i).ip).collect();
        let mut nodes: Vec<IpAddr> = cluster
            .node_ips()
            .filter(|ip| !inside.contains(ip))
            .collect();
        let mut clients: Vec<IpAddr> = cluster.client_ips().collect();
        if is_zone && matches!(kind, Kind::Isolate | Kind::IsolateFromAll) {
            // Who lives in the zone stays with it; the rest of the world is outside.
            let zone = &cluster.host(hosts[0]).zone;
            let (here, there): (Vec<IpAddr>, Vec<IpAddr>) = clients
                .iter()
                .partition(|ip| cluster.client_zone(**ip) == Some(zone));
            inside.extend(here);
            nodes.extend(&there);
            clients = there;
        }
        let everyone: Vec<IpAddr> = nodes.iter().chain(&clients).copied().collect();
        let mut all: Vec<IpAddr> = cluster.node_ips().collect();
        self.chance.draw(|dice| all.shuffle(dice));
        let cut = self.cut();
        let held = passing(Passage::Held);
        let swallowed = passing(Passage::Swallowed);
        let both = |a: &[IpAddr], b: &[IpAddr], rule: LinkRule| {
            vec![
                (a.to_vec(), b.to_vec(), rule),
                (b.to_vec(), a.to_vec(), rule),
            ]
        };
        match kind {
            Kind::Isolate => both(&inside, &nodes, cut),
            Kind::IsolateFromAll => both(&inside, &everyone, cut),
            Kind::Pause => both(&inside, &everyone, held),
            Kind::Halves => {
                let (one, other) = all.split_at(all.len() / 2);
                both(one, other, cut)
            }
            Kind::Bridge => {
                let (one, other) = all[1..].split_at((all.len() - 1) / 2);
                both(one, other, cut)
            }
            Kind::Ring => ring(&all, cut),
            Kind::AllApart => all
                .iter()
                .map(|one| (vec![*one], all.clone(), cut))
                .collect(),
            Kind::CutInbound => vec![(nodes, inside, cut)],
            Kind::CutOutbound => vec![(inside, nodes, cut)],
            Kind::CutClients => both(&inside, &clients, cut),
            Kind::LoseResponses => vec![(inside, clients, swallowed)],
            Kind::HalfOpen => both(&inside, &everyone, swallowed),
            Kind::Delay | Kind::SlowNode | Kind::Jitter | Kind::Loss | Kind::SlowLink => {
                both(&inside, &everyone, quality(kind, amount))
            }
            Kind::Kill
            | Kind::PowerLoss
            | Kind::TornPowerLoss
            | Kind::RestartStorm
            | Kind::RollingRestart
            | Kind::SyncError
            | Kind::WriteError
            | Kind::ReadError
            | Kind::DiskFull
            | Kind::SlowDisk
            | Kind::BitFlip
            | Kind::MisdirectedWrite
            | Kind::ClockJump
            | Kind::ClockDrift => Vec::new(),
        }
    }
}

impl Injector {
    /// What is cut off may be retransmitted later, or lost with the connection.
    fn cut(&self) -> LinkRule {
        let is_lost = self.chance.draw(|dice| dice.random_bool(0.25));
        passing(if is_lost {
            Passage::Swallowed
        } else {
            Passage::Held
        })
    }

    /// The same kinds of faults between two nodes alone.
    fn link(
        &self,
        cluster: &Cluster,
        kind: Kind,
        amount: f64,
        names: [&String; 2],
        direction: Direction,
    ) -> Vec<Links> {
        let host = |name: &String| cluster.hosts.iter().find(|host| host.name == *name);
        let [from, to] = names.map(host);
        let (Some(from), Some(to)) = (from, to) else {
            return Vec::new();
        };
        let rule = match kind {
            Kind::Isolate => self.cut(),
            Kind::HalfOpen => passing(Passage::Swallowed),
            _ => quality(kind, amount),
        };
        let there = (vec![from.ip], vec![to.ip], rule);
        let back = (vec![to.ip], vec![from.ip], rule);
        match direction {
            Direction::OneWay => vec![there],
            Direction::BothWays => vec![there, back],
        }
    }
}

fn passing(passage: Passage) -> LinkRule {
    LinkRule {
        passage,
        ..LinkRule::default()
    }
}

/// How well a link works that lets everything through.
fn quality(kind: Kind, amount: f64) -> LinkRule {
    let good = LinkRule::default();
    match kind {
        Kind::Delay => LinkRule {
            delay: millis(amount),
            ..good
        },
        Kind::SlowNode => LinkRule {
            delay: millis(amount / 2.0),
            jitter: millis(amount / 2.0),
            ..good
        },
        Kind::Jitter => LinkRule {
            jitter: millis(amount),
            ..good
        },
        Kind::Loss => LinkRule {
            loss: amount.clamp(0.0, 1.0),
            ..good
        },
        Kind::SlowLink => LinkRule {
            bytes_per_second: Some(amount.max(1.0)),
            ..good
        },
        _ => good,
    }
}

/// Cuts all links but those between neighbours; with three nodes, one of the three.
fn ring(nodes: &[IpAddr], cut: LinkRule) -> Vec<Links> {
    let count = nodes.len();
    let mut links = Vec::new();
    for one in 0..count {
        for other in 0..count {
            let distance = (one + count - other) % count;
            let is_neighbour = if count == 3 {
                one + other != 1
            } else {
                distance <= 1 || distance == count - 1
            };
            if !is_neighbour {
                links.push((vec![nodes[one]], vec![nodes[other]], cut));
            }
        }
    }
    links
}

pub(super) fn disk_faults(kind: Kind, amount: f64) -> DiskFaults {
    let healthy = DiskFaults::default();
    match kind {
        Kind::Pause => DiskFaults {
            is_stalled: true,
            ..healthy
        },
        Kind::SlowNode | Kind::SlowDisk => DiskFaults {
            delay: millis(amount),
            ..healthy
        },
        Kind::SyncError => DiskFaults {
            syncs_fail: true,
            ..healthy
        },
        Kind::WriteError => DiskFaults {
            writes_fail: true,
            ..healthy
        },
        Kind::ReadError => DiskFaults {
            reads_fail: true,
            ..healthy
        },
        Kind::DiskFull => DiskFaults {
            is_full: true,
            ..healthy
        },
        _ => healthy,
    }
}

pub(super) fn millis(amount: f64) -> Duration {
    Duration::from_secs_f64(amount.max(0.0) / 1000.0)
}
