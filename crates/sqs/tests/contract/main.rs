//! The contract with AWS, held over both protocols: requests as SDKs make them, carried out on
//! the real state of a queue, without a network between.
//!
//! Every test runs twice, in [`Protocol::Json`] and in [`Protocol::Query`]. What is said and
//! answered is written once, in the members of the model; `wire` knows how each protocol has it.

mod differences;
mod errors;
mod fifo;
#[path = "../../../queue/tests/log/mod.rs"]
mod log;
mod message_errors;
mod moves;
mod operations;
mod queues;
mod receives;
mod server;
mod wire;
