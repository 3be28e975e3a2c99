//! The long checks of the store, on real processes: large backlogs, restarts, full disks, and half an
//! hour of everything.
//!
//! A check fills a queue through [`load`], looks at the nodes from outside through [`footprint`], and
//! tells each figure to a [`report`]. [`ledger`] knows of each message how far it came, and so what
//! was lost. The checks know nothing of how the store works.

pub mod backlog;
pub mod footprint;
pub mod full_disk;
pub mod ledger;
pub mod load;
pub mod memory;
pub mod pauses;
pub mod report;
pub mod restart;
pub mod snapshots;
pub mod soak;
