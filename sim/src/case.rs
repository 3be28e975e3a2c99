//! What a run follows from: a scenario, a seed, and what is left out. A failure that was made small
//! is kept as a file of this.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use zonemq_planted::Bug;
use zonemq_scenario::Scenario;

use crate::args::CaseArgs;
use crate::syncs::FailingSync;

const FILE_END: &str = ".failure.toml";
const DEFAULT_SEED: u64 = 1;

/// Client by client, the calls that they make: the number of each, and the millisecond before which
/// it is not made, so that what is left out does not shift what is left.
pub(crate) type Calls = BTreeMap<String, Vec<(u64, u64)>>;

/// A bundled scenario by its name, or one in a file.
pub(crate) fn scenario(name: &str) -> anyhow::Result<Scenario> {
    Ok(zonemq_scenario::load(name, |file| {
        std::fs::read_to_string(file)
    })?)
}

/// Everything that one run follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// A bundled scenario, or a file.
    pub(crate) scenario: String,
    pub(crate) seed: u64,
    /// Another course of the same events: how long the network takes, what clients choose.
    pub(crate) timing: Option<u64>,
    /// The name of a planted bug.
    pub(crate) plant: Option<String>,
    /// Clients work for so long, instead of as long as the scenario says.
    pub(crate) seconds: Option<f64>,
    /// Only these faults, by their numbers in the plan; all if absent.
    pub(crate) faults: Option<Vec<usize>>,
    /// Only these calls, beside those that create queues and drain them; all if absent.
    pub(crate) calls: Option<Calls>,
    /// One call that makes data durable, of one node, fails.
    pub(crate) failing_sync: Option<FailingSync>,
    /// Where this was read from.
    #[serde(skip)]
    pub(crate) file: Option<String>,
}

impl Case {
    /// What the command line asks for: a scenario with a seed, or the file of a failure.
    pub(crate) fn of(args: &CaseArgs) -> anyhow::Result<Case> {
        if !args.scenario.ends_with(FILE_END) {
            return Ok(Case {
                scenario: args.scenario.clone(),
                seed: args.seed.unwrap_or(DEFAULT_SEED),
                timing: None,
                plant: args.plant.map(|bug| bug.as_str().to_owned()),
                seconds: args.seconds,
                faults: args.only.clone(),
                calls: None,
                failing_sync: args.failing_sync.clone(),
                file: None,
            });
        }
        let says_more = args.seed.is_some()
            || args.only.is_some()
            || args.plant.is_some()
            || args.seconds.is_some()
            || args.failing_sync.is_some();
        if says_more {
            bail!(
                "a failure's file says by itself what its seed, length, faults and bug are: leave them out"
            );
        }
        let path = &args.scenario;
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
        let case: Case = toml::from_str(&text).with_context(|| format!("{path} is wrong"))?;
        Ok(Case {
            file: Some(path.clone()),
            ..case
        })
    }

    /// Writes the file that `replay` and `shrink` read.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = toml::to_string(self)?;
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Where a failure is kept if nobody says otherwise.
    pub(crate) fn default_file(&self) -> String {
        let name = Path::new(&self.scenario).file_stem().unwrap_or_default();
        format!("{}-{}{FILE_END}", name.display(), self.seed)
    }

    /// What all chance follows from but the plan of the faults.
    pub(crate) fn chance_seed(&self) -> u64 {
        self.seed.wrapping_add(self.timing.unwrap_or(0) << 32)
    }

    pub(crate) fn bug(&self) -> anyhow::Result<Option<Bug>> {
        let Some(name) = &self.plant else {
            return Ok(None);
        };
        let bug = Bug::named(name).with_context(|| format!("there is no bug {name}"))?;
        Ok(Some(bug))
    }

    /// Which scenario, and which of its runs.
    pub(crate) fn title(&self) -> String {
        format!("{} with seed {}", self.scenario, self.seed)
    }

    /// The line that runs the same again.
    pub(crate) fn replay_line(&self) -> String {
        let command = "cargo sim replay";
        if let Some(file) = &self.file {
            return format!("{command} {file}");
        }
        let mut line = format!("{command} {} --seed {}", self.scenario, self.seed);
        if let Some(bug) = &self.plant {
            line = format!("{line} --plant {bug}");
        }
        if let Some(faults) = &self.faults {
            let numbers: Vec<String> = faults.iter().map(ToString::to_string).collect();
            line = format!("{line} --only {}", numbers.join(","));
        }
        if let Some(seconds) = self.seconds {
            line = format!("{line} --seconds {seconds}");
        }
        if let Some(failing) = &self.failing_sync {
            line = format!("{line} --failing-sync {failing}");
        }
        line
    }

    /// The same, kept in a file.
    pub(crate) fn in_file(mut self, path: &Path) -> anyhow::Result<Case> {
        self.write(path)?;
        self.file = Some(path.display().to_string());
        Ok(self)
    }
}
