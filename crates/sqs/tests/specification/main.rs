//! What this crate promises, operation by operation, told through its public door: an HTTP
//! request in, a command out; a reply in, an HTTP response out.

mod batches;
mod caller;
mod deliveries;
mod errors;
mod message_attributes;
mod never_panics;
mod protocol;
mod query;
mod queues;
mod receive;
mod send;
mod talk;
