//! What a fault of a scenario is on real processes: words of `zonemq fault` at their times. Pure.

use std::time::Duration;

use zonemq_scenario::{Dice, Direction, Kind, Planned, Target as Meant};

use crate::args::{DataArgs, Timeout};
use crate::fault::{How, Links, Slowness, Target, Telling, Word};

/// A process is down, and a link is cut, for no less.
const SHORTEST: Duration = Duration::from_millis(1);

/// Between two restarts of a node: a process has to start.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// One word at its time.
#[derive(Debug)]
pub(super) struct Step {
    /// When it is said.
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) word: Word,
}

/// A node, as far as a fault must know.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) zone: String,
}

/// Whether only the simulator can do it: processes share this machine's power, disk and clock.
pub(super) fn is_simulated_only(kind: Kind) -> bool {
    match kind {
        Kind::PowerLoss
        | Kind::TornPowerLoss
        | Kind::SyncError
        | Kind::WriteError
        | Kind::ReadError
        | Kind::BitFlip
        | Kind::MisdirectedWrite
        | Kind::ClockJump
        | Kind::ClockDrift => true,
        Kind::Kill
        | Kind::RestartStorm
        | Kind::RollingRestart
        | Kind::Pause
        | Kind::SlowNode
        | Kind::Isolate
        | Kind::IsolateFromAll
        | Kind::Halves
        | Kind::Ring
        | Kind::Bridge
        | Kind::AllApart
        | Kind::CutInbound
        | Kind::CutOutbound
        | Kind::CutClients
        | Kind::LoseResponses
        | Kind::HalfOpen
        | Kind::Delay
        | Kind::Jitter
        | Kind::Loss
        | Kind::SlowLink
        | Kind::DiskFull
        | Kind::SlowDisk => false,
    }
}

/// The words of one fault. Who is any node, or on which side, is drawn here; who leads is found out
/// when the word is said.
pub(super) fn steps(
    planned: &Planned,
    members: &[Member],
    dice: &mut impl Dice,
    data: &DataArgs,
) -> Vec<Step> {
    let fault = &planned.fault;
    let lasts = planned.lasts.max(SHORTEST);
    let target = met(&fault.target, members, dice);
    let step = |after: Duration, lasts: Duration, word: Word| Step {
        at: planned.at + after,
        lasts,
        word,
    };
    let how = How {
        lasts: Some(Timeout(lasts)),
        telling: Telling::quiet(data),
    };
    let killed = |target: Target, lasts: Duration| Word::Kill {
        target,
        how: How {
            lasts: Some(Timeout(lasts)),
            ..how.clone()
        },
    };
    let pause = millis(fault.amount).max(SHORTEST_PAUSE);
    match fault.kind {
        Kind::RestartStorm => moments(lasts, pause)
            .map(|after| step(after, SHORTEST, killed(target.clone(), SHORTEST)))
            .collect(),
        Kind::RollingRestart => moments(lasts, pause)
            .zip(members)
            .map(|(after, member)| step(after, pause, killed(Target::Node(member.id), pause)))
            .collect(),
        kind => {
            let links = links(&fault.target, &target);
            let words = words(kind, fault.amount, target, links, &how);
            let words = words.into_iter().chain(splits(kind, members, dice, &how));
            words
                .map(|word| step(Duration::ZERO, lasts, word))
                .collect()
        }
    }
}

/// The words of a fault that meets nodes or links by their names.
fn words(kind: Kind, amount: f64, target: Target, links: Links, how: &How) -> Vec<Word> {
    let how = how.clone();
    let slow = |slowness: Slowness, links: Links| Word::Slow {
        links,
        slowness,
        how: how.clone(),
    };
    let late = Some(Timeout(millis(amount).max(SHORTEST)));
    let even = Slowness::default();
    match kind {
        Kind::Kill => vec![Word::Kill { target, how }],
        Kind::Pause => vec![Word::Pause { target, how }],
        Kind::Isolate => match links {
            Links::Of(_) => vec![Word::Isolate { target, how }],
            Links::OneWay(..) | Links::BothWays(..) => vec![Word::Cut { links, how }],
        },
        Kind::IsolateFromAll => {
            let clients = Word::ClientsOnly {
                target: target.clone(),
                how: how.clone(),
            };
            vec![Word::Isolate { target, how }, clients]
        }
        Kind::CutInbound => {
            let links = Links::OneWay(Target::All, target);
            vec![Word::Cut { links, how }]
        }
        Kind::CutOutbound => {
            let links = Links::OneWay(target, Target::All);
            vec![Word::Cut { links, how }]
        }
        Kind::CutClients => vec![Word::ClientsOnly { target, how }],
        Kind::LoseResponses => vec![Word::LoseResponses { target, how }],
        Kind::HalfOpen => vec![Word::HalfOpen { links, how }],
        Kind::Delay => {
            let latency = late;
            vec![slow(Slowness { latency, ..even }, links)]
        }
        Kind::Jitter => {
            let jitter = late;
            vec![slow(Slowness { jitter, ..even }, links)]
        }
        Kind::Loss => {
            let loss = Some(amount.clamp(0.0, 1.0));
            vec![slow(Slowness { loss, ..even }, links)]
        }
        Kind::SlowLink => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at least one, and no link has more than u64 says"
            )]
            let bytes_per_second = Some(amount.max(1.0) as u64);
            let slowness = Slowness {
                bytes_per_second,
                ..even
            };
            vec![slow(slowness, links)]
        }
        Kind::SlowNode => {
            let half = Some(Timeout(millis(amount / 2.0).max(SHORTEST)));
            let slowness = Slowness {
                latency: half,
                jitter: half,
                ..even
            };
            let fsync = millis(amount).max(SHORTEST);
            let links = slow(slowness, links);
            let fsync = Timeout(fsync);
            vec![links, Word::SlowDisk { target, fsync, how }]
        }
        Kind::DiskFull => vec![Word::FullDisk { target, how }],
        Kind::SlowDisk => {
            let fsync = Timeout(millis(amount).max(SHORTEST));
            vec![Word::SlowDisk { target, fsync, how }]
        }
        // Those of a time each, those that split the cluster, and those that nobody can do here.
        Kind::RestartStorm
        | Kind::RollingRestart
        | Kind::Halves
        | Kind::Ring
        | Kind::Bridge
        | Kind::AllApart
        | Kind::PowerLoss
        | Kind::TornPowerLoss
        | Kind::SyncError
        | Kind::WriteError
        | Kind::ReadError
        | Kind::BitFlip
        | Kind::MisdirectedWrite
        | Kind::ClockJump
        | Kind::ClockDrift => Vec::new(),
    }
}

/// The words of a fault that splits the cluster, whoever it is said to meet.
fn splits(kind: Kind, members: &[Member], dice: &mut impl Dice, how: &How) -> Vec<Word> {
    let partition = |sides: &[&[u64]]| {
        let sides = sides.iter().filter(|side| !side.is_empty());
        let sides: Vec<String> = sides.map(|side| listed(side)).collect();
        let how = how.clone();
        // One side alone is no partition: the cluster is too small for the fault.
        (sides.len() > 1).then_some(Word::Partition { sides, how })
    };
    match kind {
        Kind::Halves => {
            let all = shuffled(members, dice);
            let (one, other) = all.split_at(all.len() / 2);
            partition(&[one, other]).into_iter().collect()
        }
        Kind::Bridge => {
            let all = shuffled(members, dice);
            let ends = all.get(1..).unwrap_or_default();
            let (one, other) = ends.split_at(ends.len() / 2);
            partition(&[one, other]).into_iter().collect()
        }
        Kind::AllApart => {
            let ids: Vec<u64> = members.iter().map(|member| member.id).collect();
            let sides: Vec<&[u64]> = ids.chunks(1).collect();
            partition(&sides).into_iter().collect()
        }
        Kind::Ring => {
            let strangers = strangers(&shuffled(members, dice));
            let cut = strangers.into_iter().map(|(one, other)| Word::Cut {
                links: Links::BothWays(Target::Node(one), Target::Node(other)),
                how: how.clone(),
            });
            cut.collect()
        }
        _ => Vec::new(),
    }
}

/// Each pair that are no neighbours on a ring; of three nodes, one pair.
fn strangers(ring: &[u64]) -> Vec<(u64, u64)> {
    let count = ring.len();
    let mut pairs = Vec::new();
    for one in 0..count {
        for other in one + 1..count {
            let distance = other - one;
            let are_neighbours = if count == 3 {
                (one, other) != (0, 1)
            } else {
                distance == 1 || distance == count - 1
            };
            if !are_neighbours {
                pairs.push((ring[one], ring[other]));
            }
        }
    }
    pairs
}

/// The nodes that are meant, where that does not depend on who leads.
fn met(meant: &Meant, members: &[Member], dice: &mut impl Dice) -> Target {
    match meant {
        Meant::Leader => Target::Leader,
        Meant::Follower => Target::Follower,
        Meant::Any => one_of(members, dice).map_or(Target::All, |member| Target::Node(member.id)),
        Meant::Minority => Target::Minority,
        Meant::LeaderMinority => Target::LeaderMinority,
        Meant::Majority => Target::Majority,
        Meant::All => Target::All,
        Meant::Zone(name) if name == "?" => {
            one_of(members, dice).map_or(Target::All, |member| Target::Zone(member.zone.clone()))
        }
        Meant::Zone(name) => Target::Zone(name.clone()),
        Meant::LeaderZone => Target::LeaderZone,
        Meant::Node(name) => node(name),
        Meant::Link { from, to, .. } => Target::List(vec![node(from), node(to)]),
    }
}

fn links(meant: &Meant, target: &Target) -> Links {
    match meant {
        Meant::Link {
            from,
            to,
            direction,
        } => match direction {
            Direction::OneWay => Links::OneWay(node(from), node(to)),
            Direction::BothWays => Links::BothWays(node(from), node(to)),
        },
        _ => Links::Of(target.clone()),
    }
}

/// A scenario names nodes as `n2`.
fn node(name: &str) -> Target {
    let id = name.trim_start_matches('n').parse();
    id.map_or(Target::All, Target::Node)
}

fn one_of<'m>(members: &'m [Member], dice: &mut impl Dice) -> Option<&'m Member> {
    let count = u32::try_from(members.len())
        .ok()
        .filter(|count| *count > 0)?;
    members.get(dice.below(count) as usize)
}

fn shuffled(members: &[Member], dice: &mut impl Dice) -> Vec<u64> {
    let mut left: Vec<u64> = members.iter().map(|member| member.id).collect();
    let mut ids = Vec::new();
    while let Some(limit) = u32::try_from(left.len()).ok().filter(|limit| *limit > 0) {
        ids.push(left.swap_remove(dice.below(limit) as usize));
    }
    ids
}

fn listed(ids: &[u64]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("n{id}")).collect();
    names.join(",")
}

/// From the beginning to the end, at every pause.
fn moments(lasts: Duration, pause: Duration) -> impl Iterator<Item = Duration> {
    (0_u32..)
        .map(move |number| pause * number)
        .take_while(move |after| *after < lasts)
}

fn millis(amount: f64) -> Duration {
    Duration::try_from_secs_f64(amount.max(0.0) / 1000.0).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests;
