//! A log that nobody writes, read in full and never changed: for those who want to know whether it
//! is whole.

use std::path::Path;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use zonemq_world::{Disk, World};

use crate::OpenError;
use crate::progress::Progress;
use crate::reader::{self, PartPlace, ReadError, SharedPlaces};
use crate::record::GroupId;
use crate::recovery;
use crate::replay::{Recovered, RecoveredEntry};

/// What may be done to a log beside reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// All that it needs to be continued.
    ToContinue,
    /// Nothing; and all of it is read, whatever summaries say.
    ToInspect,
}

/// A log as it lies on the disk. It can be read while this exists.
pub struct StoppedLog<W: World> {
    /// What a node would find that opens it.
    pub recovered: Recovered,
    /// How many segments it has, and their bytes.
    pub segments: usize,
    /// The bytes of all segments, prepared room included.
    pub bytes: u64,
    places: SharedPlaces<<W::Disk as Disk>::File>,
}

impl<W: World> std::fmt::Debug for StoppedLog<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoppedLog")
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

impl<W: World> StoppedLog<W> {
    /// Reads the whole log.
    pub async fn read(
        world: &W,
        directory: &Path,
        progress: &Progress,
    ) -> Result<StoppedLog<W>, OpenError> {
        let read = recovery::recover(world, directory, Access::ToInspect, progress);
        let (recovered, position) = read.await?;
        let sealed = position.sealed.iter().map(|sealed| sealed.length);
        let current = position.current.iter().map(|current| current.length);
        let lengths: Vec<u64> = sealed.chain(current).collect();
        Ok(StoppedLog {
            recovered,
            segments: lengths.len(),
            bytes: lengths.iter().sum(),
            places: Arc::new(RwLock::new(position.places)),
        })
    }

    /// Entries of a group that are not purged, at least one and then up to `limit_bytes`.
    pub async fn read_entries(
        &self,
        group: GroupId,
        from: u64,
        until: u64,
        limit_bytes: usize,
    ) -> Result<Vec<RecoveredEntry>, ReadError> {
        reader::read_entries(&self.places, group, from, until, limit_bytes).await
    }

    /// Stretches of entries of a group, as they lie there.
    pub async fn read_parts(
        &self,
        group: GroupId,
        places: &[PartPlace],
    ) -> Vec<Result<Bytes, ReadError>> {
        reader::read_parts(&self.places, group, places).await
    }
}
