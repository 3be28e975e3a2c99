//! End-to-end tests: real processes, real disks, the real SDK.
//!
//! [`cluster::TestCluster`] starts the built `zonemq` binary as a person would; [`client`] makes
//! SDK clients that never retry; [`senders`] is the load under which things are broken, and
//! remembers what was acknowledged; [`drain`] empties a queue and compares.

pub mod binary;
pub mod client;
pub mod cluster;
pub mod drain;
pub mod senders;
