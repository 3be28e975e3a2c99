//! The disk: one write-ahead log for all Raft groups of a node.
//!
//! [`Wal::append`] only hands records over. A writer takes everything that waits, writes it with
//! one write, makes it durable with one fdatasync, and then says so, in order. [`Wal::open`]
//! replays what an earlier life wrote, and tells a write that was cut off by a crash (cut away:
//! nobody was told that it is durable) from damage to what was durable (its group is told what it
//! lost).
//!
//! The README of this crate shows the files and gives the rules; read `record`, `segment` and
//! `recovery` in this order to see them at work.

mod inbox;
mod layout;
mod live;
mod open_error;
mod places;
mod progress;
mod reader;
mod record;
mod recovery;
mod replay;
mod segment;
mod spares;
mod stats;
mod stopped;
mod summary;
mod write;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use zonemq_world::{Disk, DiskFile, Urgency, World};

use crate::inbox::{Inbox, Message, WriteInPlace};
pub use crate::layout::{Stretch, Stretched, stretches};
pub use crate::live::Live;
pub use crate::open_error::OpenError;
pub use crate::places::SealedSegment;
pub use crate::progress::Progress;
pub use crate::reader::{PartPlace, ReadError};
use crate::reader::{Question, SharedPlaces};
use crate::record::Stored;
pub use crate::record::{GroupId, Part, Record};
pub use crate::replay::{DamagedWrite, EntryId, Recovered, RecoveredEntry, RecoveredGroup};
pub use crate::segment::SegmentId;
pub use crate::stats::{Stats, SyncTimes};
pub use crate::stopped::StoppedLog;
use crate::writer::Writer;

/// Is called once, when the records of an append are durable or never will be. It runs where they
/// were written, on the log's thread as a rule, and must not block.
pub type Completion = Box<dyn FnOnce(Result<(), WalFailed>) + Send>;

/// Where the log lies and how it is cut.
#[derive(Clone, Debug)]
pub struct Options {
    /// Holds the segments and nothing else; created where it is missing.
    pub directory: PathBuf,
    /// The length of a segment: prepared ahead, and the unit in which space is freed.
    pub segment_bytes: u64,
    /// Tells how far the opening is.
    pub progress: Progress,
}

/// The disk refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct DiskError {
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: Arc<io::Error>,
}

impl DiskError {
    fn new(path: &Path, source: io::Error) -> Self {
        DiskError {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}

/// The log does not take records any more. What was not acknowledged before may or may not be
/// there when it is opened again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WalFailed {
    /// The disk refused. A write or fdatasync that failed is never tried again: the kernel may
    /// have dropped the data and called the next one a success.
    #[error("the log cannot be written: {0}")]
    Disk(#[from] DiskError),
    /// [`Wal::close`] was called.
    #[error("the log was closed")]
    Closed,
}

/// Reads that run at one time; each waits for the disk on a thread of its own.
const READERS: usize = 4;
/// Reads that wait for one of them; more wait to be asked.
const WAITING_READS: usize = 256;

/// The log of a node. Clones share it.
#[derive(Clone, Debug)]
pub struct Wal {
    // Unbounded in itself; what is under way is bounded above: the proposer and openraft's
    // replication limit the entries that are not yet durable.
    messages: mpsc::UnboundedSender<Message>,
    /// Each calls the log's thread. It holds the inbox: what waits there may itself hold a log.
    calls: mpsc::UnboundedSender<()>,
    inbox: Weak<dyn WriteInPlace>,
    failure: watch::Receiver<Option<WalFailed>>,
    stats: Arc<Stats>,
    readers: Arc<Readers>,
    map: Arc<dyn Map>,
}

#[derive(Debug)]
struct Readers {
    questions: Vec<mpsc::Sender<Question>>,
    next: AtomicUsize,
}

/// All that was written, and where, whatever the files are.
trait Map: std::fmt::Debug + Send + Sync {
    fn read_cached(&self, group: GroupId, place: PartPlace) -> Option<Bytes>;
    fn segment_of(&self, group: GroupId, index: u64) -> Option<SegmentId>;
    fn current(&self) -> SegmentId;
    fn sealed(&self, group: GroupId) -> Vec<SealedSegment>;
}

impl<F: DiskFile> Map for SharedPlaces<F> {
    fn read_cached(&self, group: GroupId, place: PartPlace) -> Option<Bytes> {
        reader::read_cached(self, group, place)
    }

    fn segment_of(&self, group: GroupId, index: u64) -> Option<SegmentId> {
        let places = self.read().unwrap_or_else(PoisonError::into_inner);
        let place = places.locate(group, index)?;
        Some(place.spot().segment)
    }

    fn current(&self) -> SegmentId {
        self.read()
            .unwrap_or_else(PoisonError::into_inner)
            .current()
    }

    fn sealed(&self, group: GroupId) -> Vec<SealedSegment> {
        self.read()
            .unwrap_or_else(PoisonError::into_inner)
            .sealed(group)
    }
}

impl Wal {
    /// Opens the log, or creates it, and replays it.
    pub async fn open<W: World>(
        world: &W,
        options: Options,
    ) -> Result<(Wal, Recovered), OpenError> {
        let (messages, waiting) = mpsc::unbounded_channel();
        let (calls, called) = mpsc::unbounded_channel();
        let (failure_sender, failure) = watch::channel(None);
        let stats = Arc::new(Stats::default());
        let (opened_sender, opened) = oneshot::channel();
        let places: SharedPlaces<<W::Disk as Disk>::File> = Arc::default();

        let directory = options.directory.clone();
        let spawned = world.disk().spawn("log-writer", Urgency::Foreground, {
            let world = world.clone();
            let stats = stats.clone();
            let places = places.clone();
            async move {
                match Writer::open(world, options, stats, failure_sender, places).await {
                    Ok((writer, recovered)) => {
                        let inbox = Arc::new(Inbox::new(writer, waiting));
                        // Whoever opened it may be gone: then nobody calls.
                        let _ = opened_sender.send(Ok((Arc::downgrade(&inbox), recovered)));
                        inbox.answer(called).await;
                    }
                    Err(error) => drop(opened_sender.send(Err(error))),
                }
            }
        });
        spawned.map_err(|source| DiskError::new(&directory, source))?;
        let (inbox, recovered) = opened.await.map_err(|_| {
            DiskError::new(&directory, io::Error::other("the thread of the log ended"))
        })??;
        let mut questions = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let (sender, receiver) = mpsc::channel(WAITING_READS);
            world
                .disk()
                .spawn(
                    "log-reader",
                    Urgency::Foreground,
                    reader::run(places.clone(), receiver),
                )
                .map_err(|source| DiskError::new(&directory, source))?;
            questions.push(sender);
        }
        let wal = Wal {
            messages,
            calls,
            inbox,
            failure,
            stats,
            readers: Arc::new(Readers {
                questions,
                next: AtomicUsize::new(0),
            }),
            map: Arc::new(places),
        };
        Ok((wal, recovered))
    }

    /// Reads entries of a group that are durable, at least one and then up to `limit_bytes`.
    pub async fn read_entries(
        &self,
        group: GroupId,
        from: u64,
        until: u64,
        limit_bytes: usize,
    ) -> Result<Vec<RecoveredEntry>, ReadError> {
        let (reply, entries) = oneshot::channel();
        let question = Question::Entries {
            group,
            from,
            until,
            limit_bytes,
            reply,
        };
        self.ask(question).await?;
        entries.await.map_err(|_| ReadError::Closed)?
    }

    /// Reads stretches of entries of a group, as they lie there: whether the bytes are those that
    /// were written is for their owner to check.
    pub async fn read_parts(
        &self,
        group: GroupId,
        places: Vec<PartPlace>,
    ) -> Result<Vec<Result<Bytes, ReadError>>, ReadError> {
        let (reply, parts) = oneshot::channel();
        let question = Question::Parts {
            group,
            places,
            reply,
        };
        self.ask(question).await?;
        parts.await.map_err(|_| ReadError::Closed)
    }

    /// The same of one stretch, if the system has it in memory: nothing waits for the disk, and no
    /// thread for another one.
    pub fn read_cached(&self, group: GroupId, place: PartPlace) -> Option<Bytes> {
        self.map.read_cached(group, place)
    }

    async fn ask(&self, question: Question) -> Result<(), ReadError> {
        let next = self.readers.next.fetch_add(1, Ordering::Relaxed);
        let reader = &self.readers.questions[next % READERS];
        reader.send(question).await.map_err(|_| ReadError::Closed)
    }

    /// The segment in which an entry lies, or what was kept of it.
    pub fn segment_of(&self, group: GroupId, index: u64) -> Option<SegmentId> {
        self.map.segment_of(group, index)
    }

    /// The segment that is written now.
    pub fn current_segment(&self) -> SegmentId {
        self.map.current()
    }

    /// The segments in which a group has anything, but for the current one.
    pub fn sealed_segments(&self, group: GroupId) -> Vec<SealedSegment> {
        self.map.sealed(group)
    }

    /// Says what of a group is still wanted; segments in which nothing is, and whose entries are
    /// all purged, are removed.
    pub fn retire(&self, group: GroupId, live: Live) {
        // A log that has failed or was closed removes nothing.
        let _ = self.messages.send(Message::Live { group, live });
        self.call();
    }

    /// Hands records over; they take effect in the order of the calls. They are durable when
    /// `done` is called with `Ok`.
    pub fn append(&self, records: Vec<Record>, done: Completion) {
        self.hand_over(stored(records), done);
        self.call();
    }

    /// The same for an append that has no company: nobody else is about to append, or to ask this
    /// runtime for anything. If it is small and the disk is quick, a task of the caller's runtime
    /// writes it, after all else that is ready there: no thread has to wake up. Must be called from
    /// within a tokio runtime.
    pub fn append_alone(&self, records: Vec<Record>, done: Completion) {
        let records = stored(records);
        let bytes = inbox::bytes_of(&records);
        self.hand_over(records, done);
        let inbox = self.inbox.clone();
        let mut call = CallWhenDropped(Some(self.calls.clone()));
        tokio::spawn(async move {
            if let Some(inbox) = inbox.upgrade()
                && inbox.write_in_place(bytes).await
            {
                call.0.take();
            }
        });
    }

    fn hand_over(&self, records: Vec<Stored>, done: Completion) {
        if let Err(mpsc::error::SendError(Message::Append { done, .. })) =
            self.messages.send(Message::Append { records, done })
        {
            let failure = self.failure.borrow().clone();
            done(Err(failure.unwrap_or(WalFailed::Closed)));
        }
    }

    /// Has the log's thread write what waits.
    fn call(&self) {
        // Where it has ended, there is nothing that it might do.
        let _ = self.calls.send(());
    }

    /// Becomes `Some` when the log has failed, and stays so.
    pub fn failure(&self) -> watch::Receiver<Option<WalFailed>> {
        self.failure.clone()
    }

    /// What the log has done so far.
    pub fn stats(&self) -> Arc<Stats> {
        self.stats.clone()
    }

    /// Finishes what was handed over before and lets go of the files. Later appends on clones
    /// fail.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.messages.send(Message::Close { done }).is_ok() {
            self.call();
            // An error means that the writer has already ended.
            let _ = closed.await;
        }
    }
}

/// Calls the log's thread in the end, unless nothing is left for it: so also if the task that was to
/// write ends with its runtime.
struct CallWhenDropped(Option<mpsc::UnboundedSender<()>>);

impl Drop for CallWhenDropped {
    fn drop(&mut self) {
        if let Some(calls) = self.0.take() {
            // As in `call`.
            let _ = calls.send(());
        }
    }
}

fn stored(records: Vec<Record>) -> Vec<Stored> {
    records.into_iter().map(Stored::Record).collect()
}
