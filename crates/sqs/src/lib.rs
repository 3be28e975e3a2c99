//! The words of SQS, and nothing else.
//!
//! A whole HTTP request goes in, a valid [`Call`] comes out: the command to ask of the replicated
//! state, and all that is needed to tell its reply in the caller's words. What is wrong with a
//! request is said here, in AWS's code, status and text, before it costs a log entry. The crate
//! knows no clock, socket, file or thread.
//!
//! Start with [`decode`], then `operations` (one file for each operation: its shape, its limits,
//! its answer), then `protocol` (how shapes and errors look on the wire).

mod batch;
mod call;
mod caller;
mod error;
mod limits;
mod message_attributes;
mod message_body;
mod operation_name;
mod operations;
mod page;
mod protocol;
mod queue_address;
mod queue_attributes;
mod shapes;
mod sums;
mod tags;

pub use call::{Call, Failure, Unreadable, decode};
pub use caller::Defaults;
pub use operation_name::OperationName;
pub use protocol::OutcomeCode;
