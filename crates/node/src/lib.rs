//! One server of the cluster: takes SQS requests from clients, finds the leader that can answer
//! them, and tells what it knows of itself.
//!
//! A request goes down: `http` -> `zonemq_sqs` -> `router` -> `leader` (here or on a
//! peer) -> `zonemq_raft`, and its reply comes back the same way.

mod admin;
mod config;
mod console;
mod edge;
mod faults;
mod forward;
mod http;
mod leader;
mod listening;
mod local;
mod metrics;
mod move_pump;
pub mod outlook;
mod paths;
mod patience;
mod router;
mod server;
mod session;
mod space;
mod stored;
mod traffic;
mod turns;
mod waiters;

pub use config::{Member, NodeConfig};
pub use faults::{Effect, Fault, FaultBoard, FaultError};
pub use server::{Node, StartError};
pub use stored::Stored;
pub use zonemq_queue::command::Cooldown;
pub use zonemq_wal::{OpenError, Progress};
