//! The judge: a history of what clients asked and were told goes in, a verdict comes out.
//!
//! A history is a list of events, one JSON object a line: a call begins, and later it is answered,
//! refused, or nobody knows. Each promise of a queue is one file under `invariants`. What is not
//! known is taken as it suits the queue best, so that a violation is one beyond doubt.
//!
//! Start with [`event`], then [`History`], then [`judge`].

pub mod event;
mod history;
mod invariants;
mod messages;
mod read;
mod verdict;

pub use history::{Call, Disorder, End, History};
pub use read::{ReadError, read};
pub use verdict::{Invariant, Summary, Verdict, Violation, judge};
