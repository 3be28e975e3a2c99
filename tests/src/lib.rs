//! End-to-end tests: real processes, real disks, the real SDK.
//!
//! [`cluster::TestCluster`] starts the built `zonemq` binary as a person would; [`client`] makes
//! SDK clients that never retry; [`queue`] is a queue behind such a client; [`senders`] is the load
//! under which things are broken, and remembers what was acknowledged; [`drain`] empties a queue and
//! compares. [`groups`] is a load on a FIFO queue, and [`first_in_first_out`] what must be so about
//! it. [`recording`] writes down all that clients do and see, for the judge, and [`recorded_load`] is
//! a load that does so. [`faulted`] is a cluster to be broken. [`raw_http`] speaks to a node without
//! an SDK. [`store`] holds the long checks of the store, which `store-checks` runs, and [`speed`] the
//! standard set of loads, which `standard-set` runs, and the long checks of speed for `speed-checks`;
//! [`mod@check`] runs such checks.

pub mod binary;
pub mod check;
pub mod client;
pub mod cluster;
pub mod drain;
pub mod faulted;
pub mod first_in_first_out;
pub mod groups;
pub mod queue;
pub mod raw_http;
pub mod recorded_load;
pub mod recording;
pub mod senders;
pub mod speed;
pub mod store;
