//! What happens when a log is opened: read what is not yet purged, replay it, and leave the last
//! segment ready to be continued. Opening twice is opening once: nothing but the cut-off tail is
//! changed.
//!
//! Of a segment whose entries are all purged only the contents of messages are of interest, and
//! they are read when they are received: its summary tells where they lie. So what is read does not
//! grow with the backlog.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use zonemq_world::{Disk, DiskFile, OpenMode, World};

use crate::DiskError;
use crate::open_error::OpenError;
use crate::places::{Places, Readable};
use crate::progress::Progress;
use crate::record::{GroupId, Record, Stored};
use crate::replay::{DamagedWrite, Recovered};
use crate::segment::{self, Contents, HeaderError, SegmentHeader, SegmentId};
use crate::spares::{fill_with_zeros, is_leftover};
use crate::stopped::Access;
use crate::summary::Summary;
use crate::write::{self, Found, Tail};

/// The opening of a segment lies within so many bytes.
const OPENING_BYTES: usize = 256 << 10;

/// A segment that will not be written any more.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) id: SegmentId,
    pub(crate) length: u64,
    /// Where the last write ends.
    pub(crate) end: u64,
}

/// The segment that is written.
pub(crate) struct Current<F> {
    pub(crate) header: SegmentHeader,
    pub(crate) length: u64,
    pub(crate) file: Arc<Readable<F>>,
    /// Where the next write begins.
    pub(crate) end: u64,
}

impl<F> Current<F> {
    pub(crate) fn id(&self) -> SegmentId {
        self.header.id
    }

    pub(crate) fn seal(self) -> Sealed {
        Sealed {
            id: self.header.id,
            length: self.length,
            end: self.end,
        }
    }
}

/// What the writer goes on from.
pub(crate) struct Position<F> {
    pub(crate) sealed: Vec<Sealed>,
    /// `None` in an empty directory.
    pub(crate) current: Option<Current<F>>,
    /// How far the segment before the current one was written.
    pub(crate) previous_end: u64,
    pub(crate) places: Places<F>,
    /// Summaries that are missing, encoded.
    pub(crate) summaries: Vec<(SegmentId, Vec<u8>)>,
}

type File<W> = <<W as World>::Disk as Disk>::File;

/// A segment's file before its records are read.
struct Opened<F> {
    id: SegmentId,
    header: SegmentHeader,
    file: F,
    length: u64,
    /// Whether both copies of the header were as they had been written.
    header_is_whole: bool,
    /// `None` where nothing can be read of its opening, or it has none yet.
    opening: Option<Opening>,
}

struct Opening {
    previous_end: u64,
    segments: Vec<SegmentId>,
    /// The last entry of each group that was purged by then.
    purged: BTreeMap<GroupId, u64>,
}

/// Reads the log.
pub(crate) async fn recover<W: World>(
    world: &W,
    directory: &Path,
    access: Access,
    progress: &Progress,
) -> Result<(Recovered, Position<File<W>>), OpenError> {
    let ids = list_segments(world, directory, access)
        .await
        .map_err(|source| DiskError::new(directory, source))?;
    let mut recovery = Recovery {
        directory,
        recovered: Recovered::default(),
        position: Position {
            sealed: Vec::new(),
            current: None,
            previous_end: 0,
            places: Places::default(),
            summaries: Vec::new(),
        },
        expected: BTreeSet::new(),
        without_summary: Vec::new(),
    };
    let mut segments = VecDeque::new();
    for id in ids {
        segments.push_back(open_segment(world, directory, id, access).await?);
    }
    let latest = segments.back().and_then(|latest| latest.opening.as_ref());
    let purged = latest.map_or_else(BTreeMap::new, |opening| opening.purged.clone());
    progress.add_total(segments.iter().map(|segment| segment.length).sum());
    // Behind the first segment that is not, all are read: a truncation may take entries back.
    let mut all_is_purged = access == Access::ToContinue;
    while let Some(segment) = segments.pop_front() {
        let (id, length) = (segment.id, segment.length);
        if !segment.header_is_whole && access == Access::ToInspect {
            let (segment, offset) = (id, 0);
            let damage = &mut recovery.recovered.damage;
            damage.push(DamagedWrite { segment, offset });
        }
        let Some(next) = segments.front() else {
            let last_write = recovery.take(segment, Tail::MayBeTorn).await?;
            if access == Access::ToContinue {
                recovery.make_durable(world, &last_write).await?;
            }
            progress.add_done(length);
            break;
        };
        let opening = next.opening.as_ref().filter(|_| next.id == id.next());
        let end = opening.and_then(|opening| usize::try_from(opening.previous_end).ok());
        match load_summary(world, directory, &segment).await {
            Some(summary) if all_is_purged && is_purged(&summary, &purged) => {
                recovery.pass(segment, summary);
            }
            summary => {
                let damage = recovery.recovered.damage.len();
                let header = segment.header;
                drop(recovery.take(segment, Tail::Durable { end }).await?);
                if summary.is_none() && recovery.recovered.damage.len() == damage {
                    recovery.without_summary.push(header);
                }
                all_is_purged &= recovery.position.is_purged(id, &purged);
            }
        }
        recovery.seal();
        progress.add_done(length);
    }
    recovery.remove_what_was_retired(world, access).await?;
    recovery.summarize();
    for log in recovery.recovered.groups.values_mut() {
        log.finish();
    }
    Ok((recovery.recovered, recovery.position))
}

/// The segments in order. What was never finished, and summaries of what is gone, are removed.
async fn list_segments<W: World>(
    world: &W,
    directory: &Path,
    access: Access,
) -> io::Result<Vec<SegmentId>> {
    let disk = world.disk();
    if access == Access::ToContinue {
        disk.create_dir_all(directory).await?;
    }
    let names = disk.list(directory).await?;
    let mut ids: Vec<SegmentId> = names
        .iter()
        .filter_map(|name| SegmentId::of_file_name(name))
        .collect();
    ids.sort_unstable();
    let is_useless = |name: &&String| {
        let summarized = SegmentId::of_summary_name(name);
        is_leftover(name) || summarized.is_some_and(|id| ids.binary_search(&id).is_err())
    };
    for name in names.iter().filter(is_useless) {
        if access == Access::ToContinue {
            disk.remove(&directory.join(name)).await?;
        }
    }
    Ok(ids)
}

/// The summary of a segment, if there is one that fits.
async fn load_summary<W: World>(
    world: &W,
    directory: &Path,
    segment: &Opened<File<W>>,
) -> Option<Summary> {
    let path = directory.join(segment.id.summary_name());
    let file = world.disk().open(&path, OpenMode::Read).await.ok()?;
    let length = usize::try_from(file.len().await.ok()?).ok()?;
    let summary = Summary::decode(&file.read_at(0, length).await.ok()?, &segment.header)?;
    (summary.length == segment.length).then_some(summary)
}

/// Whether a segment has nothing that the log needs as an entry.
fn is_purged(summary: &Summary, purged: &BTreeMap<GroupId, u64>) -> bool {
    let mut groups = summary.groups.iter();
    groups.all(|(id, group)| purged.get(id) >= Some(&group.last_index))
}

impl<F> Position<F> {
    /// The same of a segment that was read.
    fn is_purged(&self, segment: SegmentId, purged: &BTreeMap<GroupId, u64>) -> bool {
        let last_indexes = self.places.last_indexes(segment).into_iter().flatten();
        last_indexes
            .into_iter()
            .all(|(group, last)| purged.get(group) >= Some(last))
    }
}

async fn open_segment<W: World>(
    world: &W,
    directory: &Path,
    id: SegmentId,
    access: Access,
) -> Result<Opened<File<W>>, OpenError> {
    let path = directory.join(id.file_name());
    let mode = match access {
        Access::ToContinue => OpenMode::ReadWrite,
        Access::ToInspect => OpenMode::Read,
    };
    let load = async {
        let file = world.disk().open(&path, mode).await?;
        let length = file.len().await?;
        let begin =
            usize::try_from(length).map_or(OPENING_BYTES, |length| length.min(OPENING_BYTES));
        let begin = file.read_at(0, begin).await?;
        Ok((file, length, Bytes::from(begin)))
    };
    let (file, length, begin) = load.await.map_err(|source| DiskError::new(&path, source))?;
    let (header, header_is_whole) =
        SegmentHeader::decode(id, &begin).map_err(|error| match error {
            HeaderError::NotASegment => OpenError::NotASegment { path: path.clone() },
            HeaderError::Version(version) => OpenError::Version {
                path: path.clone(),
                version,
            },
        })?;
    if !header_is_whole && access == Access::ToContinue {
        tracing::warn!(segment = %path.display(), "one copy of the header is damaged and is mended");
        let mend = async {
            file.write_at(0, &header.encode()).await?;
            file.sync_data().await
        };
        mend.await.map_err(|source| DiskError::new(&path, source))?;
    }
    let start = segment::records_start();
    let records = match write::read(&begin, start, header.seed(), Tail::MayBeTorn) {
        Found::Nothing => Vec::new(),
        Found::Whole(write) | Found::Damaged(write) => write.records,
    };
    let purged = records.iter().filter_map(|(_, stored)| match stored {
        Stored::Record(Record::PurgeThrough { group, index, .. }) => Some((*group, *index)),
        Stored::Opening { .. } | Stored::Retired { .. } | Stored::Record(_) => None,
    });
    let purged: BTreeMap<GroupId, u64> = purged.collect();
    let opening = records.into_iter().find_map(|(_, stored)| match stored {
        Stored::Opening {
            previous_end,
            segments,
        } => Some(Opening {
            previous_end,
            segments,
            purged: purged.clone(),
        }),
        Stored::Retired { .. } | Stored::Record(_) => None,
    });
    Ok(Opened {
        id,
        header,
        file,
        length,
        header_is_whole,
        opening,
    })
}

/// The log as far as it has been read.
struct Recovery<'d, F> {
    directory: &'d Path,
    recovered: Recovered,
    position: Position<F>,
    /// The segments that must be there, as the last opening says and what was retired since.
    expected: BTreeSet<SegmentId>,
    without_summary: Vec<SegmentHeader>,
}

/// The last write of a segment. It is what can be read, and may not be what is durable: if its
/// fdatasync failed, the system has forgotten that it is not, and shows it until the power fails.
struct LastWrite {
    start: u64,
    bytes: Bytes,
}

impl<F: DiskFile> Recovery<'_, F> {
    fn path(&self, id: SegmentId) -> PathBuf {
        self.directory.join(id.file_name())
    }

    /// Replays a segment, which is the current one from now on.
    async fn take(&mut self, segment: Opened<F>, tail: Tail) -> Result<LastWrite, OpenError> {
        let path = self.path(segment.id);
        let length = usize::try_from(segment.length).unwrap_or(usize::MAX);
        let bytes = segment.file.read_at(0, length).await;
        let bytes = Bytes::from(bytes.map_err(|source| DiskError::new(&path, source))?);
        let contents = segment::read(&segment.header, &bytes, tail);
        for &offset in &contents.damaged {
            tracing::error!(segment = %path.display(), offset, "a write that was durable is damaged");
            self.recovered.damage.push(DamagedWrite {
                segment: segment.id,
                offset,
            });
        }
        let last_write = LastWrite {
            start: contents.last_write_start as u64,
            bytes: bytes.slice(contents.last_write_start..contents.end),
        };
        let id = segment.id;
        self.begin(segment, contents.end as u64);
        self.replay(contents, id);
        Ok(last_write)
    }

    /// Passes a segment of which nothing is needed now.
    fn pass(&mut self, segment: Opened<F>, summary: Summary) {
        let id = segment.id;
        self.begin(segment, summary.end);
        self.position.places.note_summary(id, summary);
    }

    /// Makes a segment the current one.
    fn begin(&mut self, segment: Opened<F>, end: u64) {
        if let Some(opening) = segment.opening {
            self.expected = opening.segments.into_iter().collect();
            if self
                .position
                .sealed
                .last()
                .is_some_and(|last| last.id.next() == segment.id)
            {
                self.position.previous_end = opening.previous_end;
            }
        }
        self.expected.insert(segment.id);
        let file = Arc::new(Readable {
            file: segment.file,
            seed: segment.header.seed(),
        });
        self.position.places.add_segment(segment.id, file.clone());
        self.position.current = Some(Current {
            header: segment.header,
            length: segment.length,
            file,
            end,
        });
    }

    fn replay(&mut self, contents: Contents, segment: SegmentId) {
        for write in contents.writes {
            for (offset, stored) in write.records {
                match stored {
                    Stored::Opening { .. } => {}
                    Stored::Retired { segments } => {
                        for id in segments {
                            self.expected.remove(&id);
                        }
                    }
                    Stored::Record(record) => {
                        self.position.places.note(&record, segment, offset);
                        let log = self.recovered.groups.entry(record.group()).or_default();
                        log.replay(&record);
                    }
                }
            }
            for top in write.tops {
                let log = self.recovered.groups.entry(top.group).or_default();
                log.note_top(top);
            }
        }
    }

    fn seal(&mut self) {
        if let Some(current) = self.position.current.take() {
            self.position.previous_end = current.end;
            self.position.sealed.push(current.seal());
        }
    }

    /// Makes what was read durable, and all behind it zeros: nothing of a write that was cut off
    /// may be taken for a part of a later one. The last write is written once more, because a
    /// sync alone does nothing for a write whose sync has failed before; and the directory is
    /// synced, because the last one of a new segment may have failed, too.
    async fn make_durable<W: World>(
        &self,
        world: &W,
        last_write: &LastWrite,
    ) -> Result<(), OpenError> {
        let Some(current) = &self.position.current else {
            return Ok(());
        };
        let file = &current.file.file;
        let rewrite = async {
            file.write_at(last_write.start, &last_write.bytes).await?;
            fill_with_zeros(file, current.end, current.length).await?;
            file.sync_data().await?;
            world.disk().sync_dir(self.directory).await
        };
        let path = self.path(current.id());
        Ok(rewrite
            .await
            .map_err(|source| DiskError::new(&path, source))?)
    }

    /// A crash may have come between the record of a segment's end and the removal of its file.
    async fn remove_what_was_retired<W: World>(
        &mut self,
        world: &W,
        access: Access,
    ) -> Result<(), OpenError> {
        let is_there = |id: &SegmentId| self.position.places.segment(*id).is_some();
        if let Some(missing) = self.expected.iter().find(|id| !is_there(id)) {
            return Err(OpenError::SegmentMissing {
                path: self.path(*missing),
            });
        }
        let (sealed, retired): (Vec<Sealed>, Vec<Sealed>) =
            std::mem::take(&mut self.position.sealed)
                .into_iter()
                .partition(|segment| self.expected.contains(&segment.id));
        self.position.sealed = sealed;
        for segment in retired {
            let path = self.path(segment.id);
            self.position.places.forget(&[segment.id]);
            if access == Access::ToContinue {
                let removed = world.disk().remove(&path).await;
                removed.map_err(|source| DiskError::new(&path, source))?;
            }
        }
        Ok(())
    }

    /// Makes the summaries that a crash or damage took.
    fn summarize(&mut self) {
        for header in std::mem::take(&mut self.without_summary) {
            let Position { sealed, places, .. } = &mut self.position;
            let Some(sealed) = sealed.iter().find(|sealed| sealed.id == header.id) else {
                continue;
            };
            let summary = places.summarize(header.id, sealed.length, sealed.end);
            let encoded = summary.map(|summary| (header.id, summary.encode(&header)));
            self.position.summaries.extend(encoded);
        }
    }
}
