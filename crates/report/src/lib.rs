//! The report of a run: a [`Timeline`] goes in, one HTML page comes out that needs nothing else.

mod timeline;

pub use timeline::{
    Call, CallEnd, Fault, LogLine, Node, Progress, Role, RoleChange, Rpc, Timeline, Verdict,
    Violation,
};
