//! Scenarios as people write them: a cluster, its clients, and what befalls it. Pure data.
//!
//! The simulator and `zonemq run` read the same files; what a fault does is theirs. A [`Scenario`]
//! says it all, [`load`] finds one by its name, and [`plan`] draws from a seed which faults a run
//! meets, and when.

mod bundled;
mod kind;
mod lane;
mod plan;
mod read;
mod scenario;
mod single;
mod target;

pub use bundled::BUNDLED;
pub use kind::Kind;
pub use lane::{Lane, Load, Role};
pub use plan::{Dice, Fault, Planned, plan};
pub use read::{ScenarioError, load, parse};
pub use scenario::{RandomFaults, RunLength, Scenario, Size, Store, TimedFault};
pub use single::{PREFIX, of_kind};
pub use target::{Direction, NoTarget, Target};
