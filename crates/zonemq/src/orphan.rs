//! Notices that the process for which this one works has ended, however it did.

use std::path::PathBuf;

use tracing::error;

use crate::lock;

/// Resolves when nobody holds this file's lock any more; never where there is no file.
pub(crate) async fn orphaned(stop_with: Option<PathBuf>) {
    let Some(path) = stop_with else {
        return std::future::pending().await;
    };
    let (free, freed) = tokio::sync::oneshot::channel();
    // A thread of its own: the wait has no end that a runtime could wait for.
    std::thread::spawn(move || {
        let waited = lock::wait_until_free(&path);
        let _ = free.send(waited);
    });
    match freed.await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => error!(%problem, "cannot follow the process that started this one"),
        Err(_) => error!("cannot follow the process that started this one"),
    }
}
