//! Scenarios as people write them: a cluster, its clients, and what befalls it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Deserializer};

use crate::cluster::{Size, Store};
use crate::faults::{Kind, Target};
use crate::kinds;
use crate::workload::Load;

/// What `run` and `explore` run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// One paragraph for a reader who wants to learn from it.
    pub(crate) teaches: String,
    #[serde(default)]
    pub(crate) cluster: Size,
    #[serde(default)]
    pub(crate) store: Store,
    #[serde(default)]
    pub(crate) workload: Load,
    #[serde(default)]
    pub(crate) run: RunLength,
    /// Faults at their times.
    #[serde(default)]
    pub(crate) fault: Vec<TimedFault>,
    /// Faults by chance.
    pub(crate) random: Option<RandomFaults>,
}

/// How long clients send while faults happen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunLength {
    #[serde(deserialize_with = "seconds")]
    pub(crate) seconds: Duration,
}

impl Default for RunLength {
    fn default() -> Self {
        RunLength {
            seconds: Duration::from_secs(20),
        }
    }
}

/// A fault with its time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimedFault {
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    #[serde(deserialize_with = "seconds")]
    pub(crate) at: Duration,
    /// And again and again, until the end.
    #[serde(default, deserialize_with = "some_seconds")]
    pub(crate) every: Option<Duration>,
    /// Until it is undone.
    #[serde(default, deserialize_with = "seconds")]
    pub(crate) lasts: Duration,
    /// How strong it is; by chance where it is left out.
    pub(crate) amount: Option<f64>,
}

/// Faults by chance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RandomFaults {
    /// From one fault to the next.
    pub(crate) pause_millis: [u64; 2],
    pub(crate) lasts_millis: [u64; 2],
    /// How often each kind; every kind equally often where there are none.
    #[serde(default)]
    pub(crate) weights: BTreeMap<Kind, u32>,
    /// Leave some kinds out, others in each run.
    #[serde(default)]
    pub(crate) swarm: bool,
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(from)?;
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}

fn some_seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    seconds(from).map(Some)
}

/// The scenarios that the program knows by name.
pub(crate) const BUNDLED: &[(&str, &str)] = &[
    ("smoke", include_str!("../scenarios/smoke.toml")),
    ("everything", include_str!("../scenarios/everything.toml")),
    ("retention", include_str!("../scenarios/retention.toml")),
    ("leader-kill", include_str!("../scenarios/leader-kill.toml")),
    (
        "leader-restart",
        include_str!("../scenarios/leader-restart.toml"),
    ),
    (
        "leader-in-the-minority",
        include_str!("../scenarios/leader-in-the-minority.toml"),
    ),
    ("halves", include_str!("../scenarios/halves.toml")),
    ("one-way", include_str!("../scenarios/one-way.toml")),
    ("one-link", include_str!("../scenarios/one-link.toml")),
    ("bridge", include_str!("../scenarios/bridge.toml")),
    ("all-apart", include_str!("../scenarios/all-apart.toml")),
    (
        "zone-power-loss",
        include_str!("../scenarios/zone-power-loss.toml"),
    ),
    (
        "power-loss-of-all",
        include_str!("../scenarios/power-loss-of-all.toml"),
    ),
    ("power-cuts", include_str!("../scenarios/power-cuts.toml")),
    ("slow-votes", include_str!("../scenarios/slow-votes.toml")),
    (
        "lost-response",
        include_str!("../scenarios/lost-response.toml"),
    ),
    (
        "failing-disks",
        include_str!("../scenarios/failing-disks.toml"),
    ),
    ("sync-calls", include_str!("../scenarios/sync-calls.toml")),
    ("bit-rot", include_str!("../scenarios/bit-rot.toml")),
    ("slow-leader", include_str!("../scenarios/slow-leader.toml")),
    ("stalled", include_str!("../scenarios/stalled.toml")),
    ("lossy", include_str!("../scenarios/lossy.toml")),
    ("clocks", include_str!("../scenarios/clocks.toml")),
    (
        "rolling-restart",
        include_str!("../scenarios/rolling-restart.toml"),
    ),
    ("swarm", include_str!("../scenarios/swarm.toml")),
];

/// A bundled scenario by its name, or one in a file.
pub(crate) fn load(name: &str) -> anyhow::Result<Scenario> {
    let bundled = BUNDLED.iter().find(|(known, _)| *known == name);
    let scenario = match bundled {
        Some((_, text)) => parse(text),
        None if name.starts_with(kinds::PREFIX) => {
            let kind = Kind::ALL.into_iter();
            let mut kinds = kind.filter(|kind| name[kinds::PREFIX.len()..] == kind.to_string());
            let kind = kinds.next().with_context(|| {
                format!("there is no kind of fault of the name in {name}: `faults` shows all")
            })?;
            parse(&kinds::scenario(kind))
        }
        None if Path::new(name).extension().is_some_and(|end| end == "toml") => {
            let text =
                std::fs::read_to_string(name).with_context(|| format!("{name} cannot be read"))?;
            parse(&text)
        }
        None => bail!("there is no scenario {name}: `list` names all; a file's name ends in .toml"),
    };
    scenario.with_context(|| format!("the scenario {name} is wrong"))
}

/// Reads a scenario.
pub(crate) fn parse(text: &str) -> anyhow::Result<Scenario> {
    let scenario: Scenario = toml::from_str(text)?;
    let Size {
        zones,
        nodes_per_zone,
    } = scenario.cluster;
    if zones == 0 || nodes_per_zone == 0 || zones > 26 || zones * nodes_per_zone > 15 {
        bail!("a cluster has 1 to 26 zones and 1 to 15 nodes");
    }
    for TimedFault { kind, target, .. } in &scenario.fault {
        if matches!(target, Target::Link { .. }) && !kind.befalls_links() {
            bail!(
                "{kind} cannot happen to the link {target}: isolate, half-open, delay, jitter, loss and slow-link can"
            );
        }
    }
    Ok(scenario)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_cannot_suffer_is_refused_in_a_sentence() {
        let scenario = |kind| {
            parse(&format!(
                "teaches = \"\"\n[[fault]]\nkind = \"{kind}\"\ntarget = \"n1->n2\"\nat = 1.0"
            ))
        };
        assert!(scenario("delay").is_ok());
        let refused = scenario("kill").unwrap_err().to_string();
        assert!(
            refused.starts_with("kill cannot happen to the link n1->n2"),
            "{refused}"
        );
    }

    #[test]
    fn every_bundled_scenario_can_be_read_and_teaches_something() {
        for (name, text) in BUNDLED {
            let scenario = parse(text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert!(scenario.teaches.len() > 100, "{name} teaches nothing");
        }
    }
}
