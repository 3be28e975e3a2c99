//! What happens when a log is opened: read every segment, replay it, and leave the last one ready
//! to be continued. Opening twice is opening once: nothing but the cut-off tail is changed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use zonemq_world::{Disk, DiskFile, OpenMode, World};

use crate::DiskError;
use crate::record::{GroupId, Record, Stored};
use crate::replay::{Gap, Recovered};
use crate::segment::{self, Contents, HeaderError, RECORDS_START, SegmentHeader, SegmentId};
use crate::spares::{fill_with_zeros, is_leftover};

/// Why a log was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("cannot open the log: {0}")]
    Disk(#[from] DiskError),
    /// What was durable cannot be read any more. Going on without it could undo what was
    /// acknowledged.
    #[error(
        "the log is damaged: {} cannot be read at byte {offset}; \
         replace this node's data from a copy, or remove it and let the node join anew",
        path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
    },
    /// A segment between others is not there.
    #[error("the log is damaged: {} is missing", path.display())]
    SegmentMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The segments can be read but do not fit together.
    #[error(
        "the log is damaged: group {} has entry {found} where {expected} should be",
        group.0
    )]
    EntryMissing {
        /// Whose log.
        group: GroupId,
        /// The index that should come next.
        expected: u64,
        /// The index that came.
        found: u64,
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

impl From<Gap> for OpenError {
    fn from(gap: Gap) -> Self {
        OpenError::EntryMissing {
            group: gap.group,
            expected: gap.expected,
            found: gap.found,
        }
    }
}

/// A segment that will not be written any more.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) id: SegmentId,
    pub(crate) length: u64,
    /// The highest index of each group that has entries in it.
    pub(crate) last_indexes: BTreeMap<GroupId, u64>,
}

/// The segment that is written.
pub(crate) struct Current<F> {
    pub(crate) sealed: Sealed,
    pub(crate) header: SegmentHeader,
    pub(crate) file: F,
    /// Where the next write begins.
    pub(crate) end: u64,
}

/// The last write of a segment. It is what can be read, and may not be what is durable: if its
/// fdatasync failed, the system has forgotten that it is not, and shows it until the power fails.
struct LastWrite {
    start: u64,
    bytes: Bytes,
}

/// What the writer goes on from.
pub(crate) struct Position<F> {
    pub(crate) sealed: Vec<Sealed>,
    /// `None` in an empty directory.
    pub(crate) current: Option<Current<F>>,
    /// How far the segment before the current one was written.
    pub(crate) previous_end: u64,
}

type File<W> = <<W as World>::Disk as Disk>::File;

impl Sealed {
    /// Notes a record that lies in the segment.
    pub(crate) fn note(&mut self, record: &Record) {
        if let Record::Entry { group, index, .. } = record {
            let last = self.last_indexes.entry(*group).or_default();
            *last = (*last).max(*index);
        }
    }
}

/// Reads the whole log.
pub(crate) async fn recover<W: World>(
    world: &W,
    directory: &Path,
) -> Result<(Recovered, Position<File<W>>), OpenError> {
    let ids = list_segments(world, directory)
        .await
        .map_err(|source| DiskError::new(directory, source))?;
    let mut recovered = Recovered::default();
    let mut sealed = Vec::new();
    let mut previous_end = 0;
    let mut current: Option<(Current<File<W>>, LastWrite)> = None;
    for id in ids {
        if let Some((previous, _)) = current.take() {
            let expected = previous.sealed.id.next();
            if id != expected {
                return Err(OpenError::SegmentMissing {
                    path: directory.join(expected.file_name()),
                });
            }
            current =
                Some(read_segment(world, directory, id, Some(&previous), &mut recovered).await?);
            previous_end = previous.end;
            sealed.push(previous.sealed);
        } else {
            current = Some(read_segment(world, directory, id, None, &mut recovered).await?);
        }
    }
    for (group, log) in &recovered.groups {
        log.check_whole(*group)?;
    }
    if let Some((current, last_write)) = &current {
        make_durable(world, directory, current, last_write)
            .await
            .map_err(|source| {
                let path = directory.join(current.sealed.id.file_name());
                DiskError::new(&path, source)
            })?;
    }
    let position = Position {
        sealed,
        current: current.map(|(current, _)| current),
        previous_end,
    };
    Ok((recovered, position))
}

/// The segments in order; what was never finished, or not needed any more, is removed.
async fn list_segments<W: World>(world: &W, directory: &Path) -> io::Result<Vec<SegmentId>> {
    let disk = world.disk();
    disk.create_dir_all(directory).await?;
    let mut ids = Vec::new();
    for name in disk.list(directory).await? {
        if let Some(id) = SegmentId::of_file_name(&name) {
            ids.push(id);
        } else if is_leftover(&name) {
            disk.remove(&directory.join(name)).await?;
        }
    }
    ids.sort_unstable();
    Ok(ids)
}

async fn read_segment<W: World>(
    world: &W,
    directory: &Path,
    id: SegmentId,
    previous: Option<&Current<File<W>>>,
    recovered: &mut Recovered,
) -> Result<(Current<File<W>>, LastWrite), OpenError> {
    let path = directory.join(id.file_name());
    let (file, bytes) = load(world, &path)
        .await
        .map_err(|source| DiskError::new(&path, source))?;
    let header = SegmentHeader::decode(id, &bytes).map_err(|error| match error {
        HeaderError::NotASegment => OpenError::Damaged {
            path: path.clone(),
            offset: 0,
        },
        HeaderError::Version(version) => OpenError::Version {
            path: path.clone(),
            version,
        },
    })?;
    let contents = segment::read(&header, &bytes).map_err(|damage| OpenError::Damaged {
        path,
        offset: damage.offset,
    })?;
    let mut sealed = Sealed {
        id,
        length: bytes.len() as u64,
        last_indexes: BTreeMap::new(),
    };
    check_fits(directory, previous, &contents)?;
    // Both lie within the segment, which was read whole.
    let place = |offset: u64| usize::try_from(offset).unwrap_or(bytes.len());
    let last_write = LastWrite {
        start: contents.last_write_start,
        bytes: bytes.slice(place(contents.last_write_start)..place(contents.end)),
    };
    for stored in contents.records {
        match stored {
            Stored::PreviousEnd { .. } => {}
            Stored::Record(record) => {
                sealed.note(&record);
                let log = recovered.groups.entry(record.group()).or_default();
                log.replay(record)?;
            }
        }
    }
    let current = Current {
        sealed,
        header,
        file,
        end: contents.end,
    };
    Ok((current, last_write))
}

async fn load<W: World>(world: &W, path: &Path) -> io::Result<(File<W>, Bytes)> {
    let file = world.disk().open(path, OpenMode::ReadWrite).await?;
    let length = file.len().await?;
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let bytes = file.read_at(0, length).await?;
    Ok((file, bytes.into()))
}

/// A segment is begun when all of the one before it is durable, and says how far that went.
fn check_fits<F>(
    directory: &Path,
    previous: Option<&Current<F>>,
    contents: &Contents,
) -> Result<(), OpenError> {
    let Some(previous) = previous else {
        return Ok(());
    };
    let damaged = |offset| OpenError::Damaged {
        path: directory.join(previous.sealed.id.file_name()),
        offset,
    };
    match contents.records.first() {
        Some(Stored::PreviousEnd { offset }) if *offset == previous.end => Ok(()),
        // It was begun, and nothing was written to it.
        None if previous.end > RECORDS_START => Ok(()),
        Some(_) | None => Err(damaged(previous.end)),
    }
}

/// Makes what was read durable, and all behind it zeros: nothing of a write that was cut off may
/// be taken for a record once more was written before it. The last write is written once more,
/// because a sync alone does nothing for a write whose sync has failed before; and the directory is
/// synced, because the last one of a new segment may have failed, too.
async fn make_durable<W: World>(
    world: &W,
    directory: &Path,
    current: &Current<File<W>>,
    last_write: &LastWrite,
) -> io::Result<()> {
    let file = &current.file;
    file.write_at(last_write.start, &last_write.bytes).await?;
    fill_with_zeros(file, current.end, current.sealed.length).await?;
    file.sync_data().await?;
    world.disk().sync_dir(directory).await
}
