//! The rules of a queue, and nothing else.
//!
//! This crate is a function over data: commands and a time stamp go in, replies and events come
//! out. It knows no clock, socket, file, thread or random number, so that every replica that
//! applies the same commands holds the same state, and the simulator can run the real thing.
//!
//! Start with [`command`] (what can be asked), then [`state`] (how it is answered).

mod attempts;
pub mod attributes;
mod catalog;
mod clock;
pub mod command;
mod command_error;
mod deduplication;
pub mod discarded;
mod fair_order;
mod fifo_order;
mod hash;
mod identity;
pub mod ids;
mod key_set;
pub mod look;
pub mod message;
mod messages;
pub mod move_task;
mod moves;
mod paged_map;
mod paged_set;
pub mod pieces;
mod policy;
pub mod receipt;
mod sessions;
pub mod state;
pub mod time;
mod traffic;
mod upkeep;
