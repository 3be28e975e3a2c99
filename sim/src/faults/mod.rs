//! What the faults of a scenario do here: whom they meet, and what happens to them.

mod effects;
mod injector;
mod target;

use zonemq_scenario::{Planned, Scenario};
use zonemq_workload::Seeded;

pub(crate) use self::injector::{Happened, Injector};

/// All faults of a run, in the order of their times: they follow from the seed alone.
pub(crate) fn plan(scenario: &Scenario, seed: u64) -> Vec<Planned> {
    zonemq_scenario::plan(scenario, &mut Seeded::for_plan(seed))
}
