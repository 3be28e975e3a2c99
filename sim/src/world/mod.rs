//! The world that a simulated node lives in: everything in it follows from the seed.

mod clock;
pub(crate) mod disk;
pub(crate) mod network;

use std::net::IpAddr;
use std::time::Duration;

pub(crate) use zonemq_workload::Seeded as SimChance;
use zonemq_world::World;

pub(crate) use self::clock::SimClock;
pub(crate) use self::disk::SimDisk;
pub(crate) use self::network::{Fabric, SimNetwork};
use crate::coverage::Coverage;

/// When every simulation begins: 2026-01-01, so that the time of day is the same in each.
pub(crate) const EPOCH: Duration = Duration::from_hours(490_896);

/// Simulated time since the start, as the host that runs now sees it.
pub(crate) fn elapsed() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// One host's clock, disk, network and chance. They outlive the node that runs on it.
#[derive(Clone, Debug)]
pub(crate) struct SimWorld {
    clock: SimClock,
    disk: SimDisk,
    network: SimNetwork,
    chance: SimChance,
}

impl SimWorld {
    pub(crate) fn new(
        seed: u64,
        name: &str,
        address: IpAddr,
        fabric: &Fabric,
        coverage: &Coverage,
    ) -> SimWorld {
        SimWorld {
            clock: SimClock::new(coverage),
            disk: SimDisk::new(SimChance::new(seed, &format!("disk of {name}")), coverage),
            network: SimNetwork::new(fabric, address),
            chance: SimChance::new(seed, name),
        }
    }
}

impl World for SimWorld {
    type Clock = SimClock;
    type Disk = SimDisk;
    type Network = SimNetwork;
    type Chance = SimChance;

    fn clock(&self) -> &SimClock {
        &self.clock
    }
    fn disk(&self) -> &SimDisk {
        &self.disk
    }
    fn network(&self) -> &SimNetwork {
        &self.network
    }
    fn chance(&self) -> &SimChance {
        &self.chance
    }
}
