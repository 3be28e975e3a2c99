//! The report of a run: a [`Timeline`] goes in, one HTML page comes out that needs nothing else.
//!
//! The page's own parts lie in `page/`: the markup, the style, and the scripts, each of which says in
//! its first line what it is for.

mod page;
mod timeline;

pub use page::render;
pub use timeline::{
    Call, CallEnd, Fault, LogLine, Node, Progress, Role, RoleChange, Rpc, Timeline, Verdict,
    Violation,
};
