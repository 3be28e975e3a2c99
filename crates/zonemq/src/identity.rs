//! To whom a node's folder belongs, for ever: a log must not wander into another cluster.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The owner of a node's folder.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) cluster: String,
    pub(crate) id: u64,
    pub(crate) zone: String,
}

impl Identity {
    /// Whose this folder is; `None` where nobody has claimed it.
    pub(crate) fn read(folder: &Path) -> Result<Option<Identity>, Failure> {
        let file = identity_file(folder);
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
                Failure::Usage(format!(
                    "{} is no identity of a node: {error}",
                    file.display()
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(anyhow!(error)
                .context(format!("{} cannot be read", file.display()))
                .into()),
        }
    }

    /// Claims a folder; durable when it returns.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let new = folder.join("identity.json.new");
        let text = serde_json::to_string(self)?;
        // Durable before the first entry of the log is: a log without an owner is refused.
        fs::write(&new, text + "\n")
            .and_then(|()| fs::File::open(&new)?.sync_all())
            .and_then(|()| fs::rename(&new, identity_file(folder)))
            .and_then(|()| fs::File::open(folder)?.sync_all())
            .with_context(|| format!("{} cannot be written", identity_file(folder).display()))
    }
}

fn identity_file(folder: &Path) -> PathBuf {
    folder.join("identity.json")
}
