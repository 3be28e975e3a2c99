//! How a command fails: one sentence and an exit code.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller asked for what cannot be: exit code 2.
    Usage(String),
    /// It should have worked: exit code 1.
    Runtime(anyhow::Error),
    /// This node's disk failed, so that it must not go on: exit code 74 (`EX_IOERR`).
    Disk(String),
}

impl Failure {
    /// The exit code of a mistake in what was asked for.
    pub(crate) const USAGE: u8 = 2;
    /// The exit code of a node whose disk failed.
    pub(crate) const DISK: u8 = 74;

    /// What the process says to its parent.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => Self::USAGE.into(),
            Failure::Runtime(_) => ExitCode::FAILURE,
            Failure::Disk(_) => Self::DISK.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(sentence) => f.write_str(sentence),
            // With all causes, on one line.
            Failure::Runtime(error) => write!(f, "{error:#}"),
            Failure::Disk(reason) => write!(f, "the disk failed: {reason}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Runtime(error)
    }
}
