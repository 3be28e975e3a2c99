//! Segments made ready ahead of their use, and what becomes of those that are not needed any more.
//!
//! A file whose blocks are already allocated and written becomes durable in half the time. So
//! while one segment fills, the next is filled with zeros beside it, or made of an old one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::{mpsc, oneshot};
use zonemq_planted::{Bug, is_planted};
use zonemq_world::{Disk, DiskFile, OpenMode, World};

use crate::DiskError;
use crate::recovery::{Current, Sealed};
use crate::segment::{RECORDS_START, SegmentHeader, SegmentId};

/// Old segments kept for reuse; more are removed.
const SPARE_LIMIT: usize = 2;
const ZEROS: usize = 1 << 20;

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
            sealed: Sealed {
                id: prepared.header.id,
                length: prepared.length,
                last_indexes: BTreeMap::new(),
            },
            header: prepared.header,
            file: prepared.file,
            end: RECORDS_START,
        }
    }
}

type PreparedSender<F> = oneshot::Sender<Result<Prepared<F>, DiskError>>;
type PreparedReceiver<F> = oneshot::Receiver<Result<Prepared<F>, DiskError>>;

enum Order<F> {
    Prepare {
        id: SegmentId,
        length: u64,
        reply: PreparedSender<F>,
    },
    Retire {
        id: SegmentId,
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
            old: Vec::new(),
        };
        let work = async move {
            workshop.run(inbox).await;
            drop(end);
        };
        world
            .disk()
            .spawn("log-segments", work)
            .map_err(|source| DiskError::new(directory, source))?;
        let next = order(&orders, first, segment_bytes);
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
    /// durably. The one after it is ordered.
    pub(crate) async fn take(
        &mut self,
        world: &W,
        directory: &Path,
        id: SegmentId,
        record_bytes: u64,
    ) -> Result<Prepared<File<W>>, DiskError> {
        let needed = RECORDS_START + record_bytes;
        if needed > self.segment_bytes {
            // Prepared anew under the same name, in the length that this write needs.
            self.next = order(&self.orders, id, needed);
        }
        let next = order(&self.orders, id.next(), self.segment_bytes);
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

    /// Gives up a segment of which nothing is needed any more.
    pub(crate) fn retire(&self, id: SegmentId, length: u64) {
        // The workshop ends after a failure that the writer is about to meet.
        let _ = self.orders.send(Order::Retire { id, length });
    }
}

fn order<F>(
    orders: &mpsc::UnboundedSender<Order<F>>,
    id: SegmentId,
    length: u64,
) -> PreparedReceiver<F> {
    let (reply, prepared) = oneshot::channel();
    // An order that is not taken drops its reply, and the receiver learns of it.
    let _ = orders.send(Order::Prepare { id, length, reply });
    prepared
}

/// Whether a file is one of those that are only worth something while the log is open.
pub(crate) fn is_leftover(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "unfinished" || extension == "old")
}

/// Does what was ordered, one after the other.
struct Workshop<W> {
    world: W,
    directory: PathBuf,
    /// Under the names of the segments that they were, with `.old` for `.log`.
    old: Vec<(PathBuf, u64)>,
}

impl<W: World> Workshop<W> {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order<File<W>>>) {
        while let Some(order) = inbox.recv().await {
            match order {
                Order::Prepare { id, length, reply } => {
                    let path = self.directory.join(id.unfinished_name());
                    let prepared = self.prepare(&path, id, length).await;
                    // The writer may have ended, or ordered a longer one.
                    let _ = reply.send(prepared.map_err(|source| DiskError::new(&path, source)));
                }
                Order::Retire { id, length } => {
                    if let Err(error) = self.retire(id, length).await {
                        // Nothing is lost but space: it is tried again when the log is opened.
                        tracing::warn!(segment = id.0, %error, "an old segment stays");
                    }
                }
            }
        }
    }

    async fn prepare(
        &mut self,
        path: &Path,
        id: SegmentId,
        length: u64,
    ) -> io::Result<Prepared<File<W>>> {
        let disk = self.world.disk();
        let header = SegmentHeader::new(id, self.world.chance());
        let reusable = self.old.iter().position(|(_, old)| *old == length);
        let file = if let Some(at) = reusable {
            let (old, _) = self.old.swap_remove(at);
            disk.rename(&old, path).await?;
            disk.open(path, OpenMode::ReadWrite).await?
        } else {
            let file = match disk.open(path, OpenMode::CreateNew).await {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    disk.remove(path).await?;
                    disk.open(path, OpenMode::CreateNew).await?
                }
                opened => opened?,
            };
            fill_with_zeros(&file, 0, length).await?;
            file
        };
        file.write_at(0, &header.encode()).await?;
        file.sync_data().await?;
        Ok(Prepared {
            header,
            file,
            length,
        })
    }

    async fn retire(&mut self, id: SegmentId, length: u64) -> io::Result<()> {
        let disk = self.world.disk();
        let path = self.directory.join(id.file_name());
        if self.old.len() < SPARE_LIMIT {
            let old = path.with_extension("old");
            disk.rename(&path, &old).await?;
            self.old.push((old, length));
        } else {
            disk.remove(&path).await?;
        }
        // One after the other: a later segment must not be gone before an earlier one.
        disk.sync_dir(&self.directory).await
    }
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
