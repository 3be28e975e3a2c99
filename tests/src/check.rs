//! Runs a long check as a command.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::binary;
use crate::store::report::Report;

/// Runs a check and tells its report. Exit codes: 0 every figure holds, 1 one was missed; 130 and
/// 143 it was interrupted.
pub fn run(
    title: &str,
    check: impl AsyncFnOnce(&mut Report) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    // Before any clock runs.
    binary::path();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut report = Report::begin(title);
        let mut terminate = signal(SignalKind::terminate())?;
        // Whoever interrupts a check drops its cluster, and with it all processes and files.
        tokio::select! {
            done = check(&mut report) => done?,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
            _ = terminate.recv() => return Ok(ExitCode::from(143)),
        }
        Ok(ExitCode::from(u8::from(!report.end())))
    })
}
