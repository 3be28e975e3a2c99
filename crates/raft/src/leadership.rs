//! Who leads a group, as this node knows it.

use crate::types::NodeId;

/// Who leads a group, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The term that this node is in.
    pub term: u64,
    /// The leader of that term, once this node has heard of it.
    pub leader: Option<NodeId>,
}
