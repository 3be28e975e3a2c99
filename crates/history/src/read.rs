//! From lines to a history.

use crate::event::Event;
use crate::history::{Disorder, History};

/// The longest line that is read.
const LINE_BYTES: usize = 32 << 20;

/// Why lines are no history.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A line is far too long.
    #[error("line {line} is longer than {LINE_BYTES} bytes: this is not a history")]
    TooLong {
        /// From 1 on.
        line: usize,
    },
    /// A line is no event.
    #[error("line {line} is not an event of a history: {source}")]
    NotAnEvent {
        /// From 1 on.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An event cannot have happened after those before it.
    #[error("line {line}: {source}")]
    OutOfOrder {
        /// From 1 on.
        line: usize,
        /// What is wrong.
        source: Disorder,
    },
}

/// Reads a history, one event a line. Empty lines are skipped.
pub fn read<'l>(lines: impl IntoIterator<Item = &'l str>) -> Result<History, ReadError> {
    let mut history = History::default();
    for (number, text) in lines.into_iter().enumerate() {
        let line = number + 1;
        if text.len() > LINE_BYTES {
            return Err(ReadError::TooLong { line });
        }
        if text.trim().is_empty() {
            continue;
        }
        let event: Event =
            serde_json::from_str(text).map_err(|source| ReadError::NotAnEvent { line, source })?;
        history
            .push(event)
            .map_err(|source| ReadError::OutOfOrder { line, source })?;
    }
    Ok(history)
}
