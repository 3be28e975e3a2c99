//! Why a log does not open, in words that say what to do.

use std::path::PathBuf;

use crate::DiskError;

/// Why a log was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("cannot open the log: {0}")]
    Disk(#[from] DiskError),
    /// A file cannot be told to be a segment. Its votes may be lost with it.
    #[error(
        "the log is damaged: {} is no segment any more; \
         replace this node's data from a copy, or remove it and let the node join anew",
        path.display()
    )]
    NotASegment {
        /// The file.
        path: PathBuf,
    },
    /// A segment that is needed is not there.
    #[error(
        "the log is damaged: {} is missing; \
         put it back, or remove this node's data and let the node join anew",
        path.display()
    )]
    SegmentMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another version of zonemq wrote this log.
    #[error("{} was written by another version of zonemq (log format {version})", path.display())]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
}
