//! What a scenario says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::kind::Kind;
use crate::lane::Load;
use crate::target::Target;

/// A cluster, its clients, and what befalls it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One paragraph for a reader who wants to learn from it.
    pub teaches: String,
    /// How large the cluster is.
    #[serde(default)]
    pub cluster: Size,
    /// How its nodes keep what they store.
    #[serde(default)]
    pub store: Store,
    /// What its clients do.
    #[serde(default)]
    pub workload: Load,
    /// How long they do it.
    #[serde(default)]
    pub run: RunLength,
    /// Faults at their times.
    #[serde(default)]
    pub fault: Vec<TimedFault>,
    /// Faults by chance.
    pub random: Option<RandomFaults>,
}

/// Zones and the nodes in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenSize")]
pub struct Size {
    /// `a`, `b`, and so on.
    pub zones: u8,
    /// In each of them.
    pub nodes_per_zone: u8,
}

/// The same before anybody has looked at it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSize {
    zones: u8,
    nodes_per_zone: u8,
}

impl TryFrom<WrittenSize> for Size {
    type Error = &'static str;

    fn try_from(written: WrittenSize) -> Result<Size, &'static str> {
        let WrittenSize {
            zones,
            nodes_per_zone,
        } = written;
        let nodes = u16::from(zones) * u16::from(nodes_per_zone);
        if zones > 26 || nodes == 0 || nodes > 15 {
            return Err("a cluster has 1 to 26 zones and 1 to 15 nodes");
        }
        Ok(Size {
            zones,
            nodes_per_zone,
        })
    }
}

impl Default for Size {
    fn default() -> Self {
        Size {
            zones: 3,
            nodes_per_zone: 1,
        }
    }
}

/// How a node of the simulator keeps its store: in small files, so that they change and snapshots
/// are taken within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// How large a file of the log is.
    pub segment_bytes: u64,
    /// After how much log a snapshot is taken.
    pub snapshot_log_bytes: u64,
    /// Between two readings of all that is stored.
    pub scrub_pause_millis: u64,
}

impl Default for Store {
    fn default() -> Self {
        Store {
            segment_bytes: 64 << 10,
            snapshot_log_bytes: 128 << 10,
            scrub_pause_millis: 5_000,
        }
    }
}

/// How long clients send while faults happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLength {
    /// So long.
    #[serde(deserialize_with = "seconds")]
    pub seconds: Duration,
}

impl Default for RunLength {
    fn default() -> Self {
        RunLength {
            seconds: Duration::from_secs(20),
        }
    }
}

/// A fault with its time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "WrittenFault")]
pub struct TimedFault {
    /// What goes wrong.
    pub kind: Kind,
    /// Whom it meets.
    pub target: Target,
    /// When it begins.
    pub at: Duration,
    /// And again and again, until the end.
    pub every: Option<Duration>,
    /// Until it is undone.
    pub lasts: Duration,
    /// How strong it is; by chance where it is left out.
    pub amount: Option<f64>,
}

/// The same before anybody has looked at it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFault {
    kind: Kind,
    target: Target,
    #[serde(deserialize_with = "seconds")]
    at: Duration,
    #[serde(default, deserialize_with = "some_seconds")]
    every: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    lasts: Duration,
    amount: Option<f64>,
}

impl TryFrom<WrittenFault> for TimedFault {
    type Error = String;

    fn try_from(written: WrittenFault) -> Result<TimedFault, String> {
        let WrittenFault {
            kind,
            target,
            at,
            every,
            lasts,
            amount,
        } = written;
        if matches!(target, Target::Link { .. }) && !kind.befalls_links() {
            return Err(format!(
                "{kind} cannot happen to the link {target}: isolate, half-open, delay, jitter, loss \
                 and slow-link can"
            ));
        }
        if every.is_some_and(|every| every.is_zero()) {
            return Err(format!("{kind} cannot happen every 0 seconds"));
        }
        Ok(TimedFault {
            kind,
            target,
            at,
            every,
            lasts,
            amount,
        })
    }
}

/// Faults by chance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// From one fault to the next.
    pub pause_millis: [u64; 2],
    /// How long each lasts.
    pub lasts_millis: [u64; 2],
    /// How often each kind; every kind equally often where there are none.
    #[serde(default)]
    pub weights: BTreeMap<Kind, u32>,
    /// Leave some kinds out, others in each run.
    #[serde(default)]
    pub swarm: bool,
}

impl Scenario {
    /// The kinds of faults that a run may meet.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.fault.iter().map(|fault| fault.kind).collect();
        if let Some(random) = &self.random {
            let weights = random.weights().into_iter();
            kinds.extend(
                weights
                    .filter(|(_, weight)| *weight > 0)
                    .map(|(kind, _)| kind),
            );
        }
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

impl RandomFaults {
    /// How often each kind comes that comes at all.
    pub(crate) fn weights(&self) -> Vec<(Kind, u32)> {
        if self.weights.is_empty() {
            return Kind::ALL.map(|kind| (kind, 1)).to_vec();
        }
        let named = self.weights.iter().map(|(kind, weight)| (*kind, *weight));
        named.collect()
    }
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(from)?;
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}

fn some_seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    seconds(from).map(Some)
}
