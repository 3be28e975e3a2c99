//! Segments made ready ahead of their use, and the removal of those that are not needed any more.
//!
//! A small write to blocks that are already allocated and written becomes durable in half the
//! time. So while one segment fills, the next is filled with zeros beside it. Large writes gain
//! nothing by that, and would have the disk write everything twice: for these the blocks are only
//! allocated. An old file is not used again: what it held would have to be told from what was kept
//! back of a new write.

mod removals;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use zonemq_planted::{Bug, is_planted};
use zonemq_world::{Disk, DiskFile, OpenMode, Urgency, World};

use crate::DiskError;
use crate::places::Readable;
use crate::recovery::Current;
use crate::segment::{RECORDS_START, SegmentHeader, SegmentId};
use removals::Removals;

const ZEROS: usize = 1 << 20;
/// Fewer are large ones: with 16 MiB a segment, above 64 KiB each. From there on a sync takes hardly
/// longer where the blocks were never written, and all others are spared what that writes.
pub(crate) const FEW_WRITES: u64 = 256;
/// Between two tries to find space for a segment.
const RETRY: Duration = Duration::from_secs(1);

/// What may pass when something else is removed. Nothing that was there before is harmed by it.
fn is_lack_of_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A file that is ready to become a segment: its header is durable, its name is not yet that of
/// a segment.
pub(crate) struct Prepared<F> {
    pub(crate) header: SegmentHeader,
    pub(crate) file: F,
    pub(crate) length: u64,
}

impl<F> From<Prepared<F>> for Current<F> {
    fn from(prepared: Prepared<F>) -> Self {
        Current {
            length: prepared.length,
            file: Arc::new(Readable {
                file: prepared.file,
                seed: prepared.header.seed(),
            }),
            header: prepared.header,
            end: RECORDS_START,
        }
    }
}

type PreparedSender<F> = oneshot::Sender<Result<Prepared<F>, DiskError>>;
type PreparedReceiver<F> = oneshot::Receiver<Result<Prepared<F>, DiskError>>;

/// How the blocks of a segment are made ready. They read as zeros in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// Written once: for small writes.
    Written,
    /// Allocated: for large ones.
    Allocated,
}

impl Blocks {
    /// What suits writes of which so many filled a segment.
    pub(crate) fn after(writes: u64) -> Blocks {
        if writes < FEW_WRITES {
            Blocks::Allocated
        } else {
            Blocks::Written
        }
    }
}

enum Order<F> {
    Prepare {
        id: SegmentId,
        length: u64,
        blocks: Blocks,
        reply: PreparedSender<F>,
    },
    Remove {
        id: SegmentId,
    },
    Summarize {
        id: SegmentId,
        summary: Vec<u8>,
    },
    Uncache {
        segment: Arc<Readable<F>>,
        length: u64,
    },
}

/// The desk at which the writer orders segments; the work is done beside it.
pub(crate) struct Spares<W: World> {
    orders: mpsc::UnboundedSender<Order<File<W>>>,
    next: PreparedReceiver<File<W>>,
    segment_bytes: u64,
    /// Its other end is dropped when the work has ended.
    ended: oneshot::Receiver<()>,
}

type File<W> = <<W as World>::Disk as Disk>::File;

impl<W: World> Spares<W> {
    /// Starts the work on the segment `first`.
    pub(crate) fn start(
        world: &W,
        directory: &Path,
        segment_bytes: u64,
        first: SegmentId,
    ) -> Result<Self, DiskError> {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let workshop = Workshop {
            world: world.clone(),
            directory: directory.to_owned(),
        };
        let work = async move {
            workshop.run(inbox).await;
            drop(end);
        };
        world
            .disk()
            .spawn("log-segments", Urgency::Foreground, work)
            .map_err(|source| DiskError::new(directory, source))?;
        let next = order(&orders, first, segment_bytes, Blocks::Written);
        Ok(Spares {
            orders,
            next,
            segment_bytes,
            ended,
        })
    }

    /// Waits for what is being prepared, so that nothing happens in the directory afterwards.
    pub(crate) async fn close(self) {
        drop(self.orders);
        // Nothing is ever sent: the error is the end.
        let _ = self.ended.await;
    }

    /// The segment `id`, with room for at least so many bytes of records, and under its own name
    /// durably. The one after it is ordered, with these blocks.
    pub(crate) async fn take(
        &mut self,
        world: &W,
        directory: &Path,
        id: SegmentId,
        record_bytes: u64,
        blocks: Blocks,
    ) -> Result<Prepared<File<W>>, DiskError> {
        let needed = RECORDS_START + record_bytes;
        if needed > self.segment_bytes {
            // Prepared anew under the same name, in the length that this write needs.
            self.next = order(&self.orders, id, needed, blocks);
        }
        let next = order(&self.orders, id.next(), self.segment_bytes, blocks);
        let prepared = std::mem::replace(&mut self.next, next)
            .await
            .map_err(|_| {
                let source = io::Error::other("the thread that prepares segments ended");
                DiskError::new(directory, source)
            })??;
        assert_eq!(prepared.header.id, id, "segments are used in order");
        let path = directory.join(id.file_name());
        let rename = async {
            let from = directory.join(id.unfinished_name());
            world.disk().rename(&from, &path).await?;
            if is_planted(Bug::DirectorySyncSkipped) {
                return Ok(());
            }
            world.disk().sync_dir(directory).await
        };
        rename
            .await
            .map_err(|source| DiskError::new(&path, source))?;
        Ok(prepared)
    }

    /// Puts an encoded summary beside its segment.
    pub(crate) fn summarize(&self, id: SegmentId, summary: Vec<u8>) {
        // Without a summary the segment is read.
        let _ = self.orders.send(Order::Summarize { id, summary });
    }

    /// Lets the system forget a segment that is durable: it is read from the disk from now on.
    pub(crate) fn uncache(&self, segment: Arc<Readable<File<W>>>, length: u64) {
        let _ = self.orders.send(Order::Uncache { segment, length });
    }

    /// Removes a segment that the log does not count on any more.
    pub(crate) fn remove(&self, id: SegmentId) {
        // The workshop ends after a failure that the writer is about to meet.
        let _ = self.orders.send(Order::Remove { id });
    }
}

fn order<F>(
    orders: &mpsc::UnboundedSender<Order<F>>,
    id: SegmentId,
    length: u64,
    blocks: Blocks,
) -> PreparedReceiver<F> {
    let (reply, prepared) = oneshot::channel();
    // An order that is not taken drops its reply, and the receiver learns of it.
    let _ = orders.send(Order::Prepare {
        id,
        length,
        blocks,
        reply,
    });
    prepared
}

/// Whether a file is one of those that are only worth something while the log is open.
pub(crate) fn is_leftover(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "unfinished")
}

/// Does what was ordered, one after the other.
struct Workshop<W> {
    world: W,
    directory: PathBuf,
}

impl<W: World> Workshop<W> {
    async fn run(self, mut inbox: mpsc::UnboundedReceiver<Order<File<W>>>) {
        // Those that found no space. What is removed meanwhile may make some.
        let mut waiting: VecDeque<Order<File<W>>> = VecDeque::new();
        let mut removals = Removals::new();
        while let Some(order) = self
            .next_order(&mut inbox, &mut waiting, &mut removals)
            .await
        {
            match order {
                Order::Prepare {
                    id,
                    length,
                    blocks,
                    reply,
                } => {
                    let path = self.directory.join(id.unfinished_name());
                    let prepared = self.prepare(&path, id, length, blocks).await;
                    match prepared {
                        Err(error) if is_lack_of_space(&error) => {
                            tracing::warn!(segment = id.0, "no space for the next segment yet");
                            // The writer may have ended, or ordered a longer one.
                            if !reply.is_closed() {
                                waiting.push_back(Order::Prepare {
                                    id,
                                    length,
                                    blocks,
                                    reply,
                                });
                            }
                        }
                        prepared => {
                            let failed = |source| DiskError::new(&path, source);
                            let _ = reply.send(prepared.map_err(failed));
                        }
                    }
                }
                Order::Remove { id } => removals.add(id),
                Order::Uncache { segment, length } => segment.file.uncache(0..length),
                Order::Summarize { id, summary } => {
                    let path = self.directory.join(id.summary_name());
                    if let Err(error) = self.put_summary(&path, &summary).await {
                        tracing::debug!(segment = id.0, %error, "no summary of a segment");
                        // Half of one would only take room.
                        let _ = self.world.disk().remove(&path).await;
                    }
                }
            }
        }
        while let Some(id) = removals.next() {
            self.remove(id).await;
        }
    }

    /// The next order, or one that waits and is tried again; nothing when nobody orders any more.
    /// Meanwhile one segment after the other goes.
    async fn next_order(
        &self,
        inbox: &mut mpsc::UnboundedReceiver<Order<File<W>>>,
        waiting: &mut VecDeque<Order<File<W>>>,
        removals: &mut Removals,
    ) -> Option<Order<File<W>>> {
        loop {
            match (removals.due_in(), waiting.is_empty()) {
                (None, true) => return inbox.recv().await,
                (None, false) => {
                    let next = timeout(RETRY, inbox.recv()).await;
                    return next.unwrap_or_else(|_| waiting.pop_front());
                }
                (Some(due), true) if !due.is_zero() => {
                    if let Ok(order) = timeout(due, inbox.recv()).await {
                        return order;
                    }
                }
                // It is due, whatever keeps coming, or its space is needed.
                (Some(_), _) => {}
            }
            if let Some(id) = removals.next() {
                self.remove(id).await;
            }
            if !waiting.is_empty() {
                return waiting.pop_front();
            }
        }
    }

    async fn remove(&self, id: SegmentId) {
        let path = self.directory.join(id.file_name());
        if let Err(error) = self.world.disk().remove(&path).await {
            // Nothing is lost but space: it is tried again when the log is opened.
            tracing::warn!(segment = id.0, %error, "an old segment stays");
        }
        // There may be none; one that stays goes when the log is opened.
        let summary = self.directory.join(id.summary_name());
        let _ = self.world.disk().remove(&summary).await;
    }

    async fn put_summary(&self, path: &Path, summary: &[u8]) -> io::Result<()> {
        let disk = self.world.disk();
        match disk.remove(path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.open(path, OpenMode::CreateNew).await?;
        // Not synced: its checksum tells whether it is there.
        file.write_at(0, summary).await
    }

    async fn prepare(
        &self,
        path: &Path,
        id: SegmentId,
        length: u64,
        blocks: Blocks,
    ) -> io::Result<Prepared<File<W>>> {
        let disk = self.world.disk();
        let header = SegmentHeader::new(id, self.world.chance());
        let file = match disk.open(path, OpenMode::CreateNew).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(path).await?;
                disk.open(path, OpenMode::CreateNew).await?
            }
            opened => opened?,
        };
        let filled = async {
            let allocated = match blocks {
                Blocks::Written => false,
                Blocks::Allocated => allocate(&file, length).await?,
            };
            if !allocated {
                write_zeros(&file, length).await?;
            }
            file.write_at(0, &header.encode()).await?;
            file.sync_data().await
        };
        if let Err(error) = filled.await {
            // Half a segment would keep room from what makes some.
            let _ = disk.remove(path).await;
            return Err(error);
        }
        Ok(Prepared {
            header,
            file,
            length,
        })
    }
}

/// Whether the system could allocate the blocks.
async fn allocate(file: &impl DiskFile, length: u64) -> io::Result<bool> {
    match file.allocate(length).await {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
        allocated => allocated.map(|()| true),
    }
}

/// Fills a new file with zeros, durably.
async fn write_zeros(file: &impl DiskFile, length: u64) -> io::Result<()> {
    let mut end = 0;
    while end < length {
        let start = end;
        end = length.min(start + ZEROS as u64);
        fill_with_zeros(file, start, end).await?;
        // One sync of all of it would hold up those of the log for a tenth of a second.
        file.sync_data().await?;
    }
    Ok(())
}

/// Fills a stretch of a file with zeros; it is not durable yet.
pub(crate) async fn fill_with_zeros(file: &impl DiskFile, from: u64, until: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS];
    let mut offset = from;
    while offset < until {
        let length = usize::try_from(until - offset).map_or(ZEROS, |left| left.min(ZEROS));
        file.write_at(offset, &zeros[..length]).await?;
        offset += length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::time::interval;
    use zonemq_world::real::RealWorld;

    use super::removals::REMOVAL_PAUSE;
    use super::*;

    #[tokio::test]
    async fn orders_that_keep_coming_do_not_keep_what_is_to_go() {
        let folder = tempfile::tempdir().unwrap();
        let world = RealWorld::new();
        let old = SegmentId(1);
        let path = folder.path().join(old.file_name());
        std::fs::write(&path, "old").unwrap();
        let spares = Spares::start(&world, folder.path(), 1 << 16, SegmentId(2)).unwrap();
        spares.remove(old);
        let removed = async {
            let mut orders = interval(REMOVAL_PAUSE / 10);
            while path.exists() {
                orders.tick().await;
                spares.summarize(SegmentId(3), b"a summary".to_vec());
            }
        };
        timeout(REMOVAL_PAUSE * 40, removed).await.unwrap();
        spares.close().await;
    }

    #[tokio::test]
    async fn a_new_segment_waits_for_none_that_is_removed_and_all_are_gone_when_the_log_is_closed()
    {
        let folder = tempfile::tempdir().unwrap();
        let world = RealWorld::new();
        let old = || (1..=100).map(SegmentId);
        for id in old() {
            std::fs::write(folder.path().join(id.file_name()), "old").unwrap();
        }
        let left = || {
            let is_there = |id: &SegmentId| folder.path().join(id.file_name()).exists();
            old().filter(is_there).count()
        };
        let first = SegmentId(101);
        let mut spares = Spares::start(&world, folder.path(), 1 << 16, first).unwrap();
        old().for_each(|id| spares.remove(id));
        let taken = spares.take(&world, folder.path(), first, 0, Blocks::Written);
        assert_eq!(taken.await.unwrap().header.id, first);
        // They take more than 20 seconds, a segment of 64 KiB far less.
        assert!(left() > 0);
        spares.close().await;
        assert_eq!(left(), 0);
    }
}
