//! `zonemq down`: stops the local cluster, however it was started.

use std::time::Duration;

use anyhow::anyhow;
use nix::sys::signal::Signal;

use crate::args::DataArgs;
use crate::cluster::DataFolder;
use crate::failure::Failure;
use crate::fault;
use crate::launch;
use crate::say::{complain, say};

/// A supervising `up` stops its nodes first; each may take its time.
const UP_ENDS_WITHIN: Duration = Duration::from_secs(45);

pub(crate) async fn run(args: DataArgs) -> Result<(), Failure> {
    let (folder, cluster) = DataFolder::existing(&args.data)?;
    let running = folder.living(&cluster.nodes)?.len();
    if let Some(up) = folder.up_pid()? {
        launch::signal(up, Signal::SIGTERM)?;
        if !launch::wait_until(UP_ENDS_WITHIN, || Ok(folder.up_pid()? != Some(up))).await? {
            return Err(anyhow!("`zonemq up` (pid {up}) did not end").into());
        }
    }
    fault::forget(&folder)?;
    let killed = launch::stop(&folder, &cluster.nodes).await?;
    for name in &killed {
        complain!("{name} did not stop in time and was killed");
    }
    if running == 0 {
        say!("No node was running.");
    } else {
        say!(
            "Stopped {running} of {} nodes; the data stays in {}.",
            cluster.nodes.len(),
            folder.path().display()
        );
    }
    Ok(())
}
