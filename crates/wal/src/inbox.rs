//! What waits to be written, and who writes it.
//!
//! As a rule the log's own thread does. It is called, and whoever hands over goes on; while it waits
//! for the disk, more gathers. But a call wakes a thread, and so does the word that all is durable:
//! together a tenth of the time of a client that asks alone. So a small append that has no company
//! can be written by a task of whoever hands it over, once all else that is ready there has gone on.
//! Nothing else goes on there while the disk works: therefore only while the disk is quick.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::yield_now;
use zonemq_world::World;

use crate::live::Live;
use crate::record::{GroupId, Stored};
use crate::writer::Writer;
use crate::{Completion, WalFailed};

/// More than this does not wait for the same fdatasync, so that the first of a long queue is not
/// held up by the last. One append is never split.
const WRITE_BYTES: u64 = 2 << 20;
/// What is longer is not written in place: by then, to wake two threads is little beside the rest.
const IN_PLACE_BYTES: u64 = 16 << 10;
/// So often whatever is ready goes first: what waits for the append, and then what that has woken, which
/// sends it to the peers.
const YIELDS: usize = 2;

pub(crate) enum Message {
    Append {
        records: Vec<Stored>,
        done: Completion,
    },
    Live {
        group: GroupId,
        live: Live,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

/// What waits, and the one who writes it.
pub(crate) struct Inbox<W: World> {
    /// Whoever works takes it out and puts it back: it is gone when the log has failed, was closed, or
    /// when the runtime of whoever wrote has ended in the middle of a write.
    at_work: Mutex<Option<AtWork<W>>>,
}

/// An [`Inbox`] of any world.
pub(crate) trait WriteInPlace: fmt::Debug + Send + Sync {
    /// Writes what waits, if an append of so many bytes can be written in place and has remained alone.
    /// It may be written already, and something else wait that came since: that is written, too. Where
    /// this is false, the log's thread is to be called.
    fn write_in_place(&self, bytes: u64) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}

impl<W: World> fmt::Debug for Inbox<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl<W: World> WriteInPlace for Inbox<W> {
    fn write_in_place(&self, bytes: u64) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async move {
            if bytes > IN_PLACE_BYTES {
                return false;
            }
            for _ in 0..YIELDS {
                yield_now().await;
            }
            let Ok(mut at_work) = self.at_work.try_lock() else {
                return false;
            };
            let is_for_here = |at_work: &mut AtWork<W>| {
                at_work.messages.len() <= 1 && at_work.writer.can_write_in_place(bytes)
            };
            let Some(taken) = at_work.take_if(is_for_here) else {
                return false;
            };
            *at_work = taken.write_group().await;
            true
        })
    }
}

impl<W: World> Inbox<W> {
    pub(crate) fn new(writer: Writer<W>, messages: mpsc::UnboundedReceiver<Message>) -> Self {
        let at_work = AtWork { writer, messages };
        Inbox {
            at_work: Mutex::new(Some(at_work)),
        }
    }

    /// Writes whenever it is called, until nobody can call any more or nothing may be written.
    pub(crate) async fn answer(&self, mut calls: mpsc::UnboundedReceiver<()>) {
        loop {
            let call = calls.recv().await;
            if !self.write_all().await || call.is_none() {
                return;
            }
        }
    }

    /// Whether more may be written.
    async fn write_all(&self) -> bool {
        let mut at_work = self.at_work.lock().await;
        while let Some(taken) = at_work.take_if(|at_work| !at_work.messages.is_empty()) {
            *at_work = taken.write_group().await;
        }
        at_work.is_some()
    }
}

struct AtWork<W: World> {
    writer: Writer<W>,
    messages: mpsc::UnboundedReceiver<Message>,
}

impl<W: World> AtWork<W> {
    /// Writes what waits, as far as it becomes durable together. `None` when nothing may be written any
    /// more.
    async fn write_group(mut self) -> Option<Self> {
        let Some(group) = Group::gather(&mut self.messages) else {
            return Some(self);
        };
        let work = self.writer.work(&group.records, group.live);
        let written = work.await.map_err(WalFailed::Disk);
        if let Err(failure) = &written {
            self.writer.fail(failure);
        }
        for done in group.completions {
            done(written.clone());
        }
        if let Err(failure) = written {
            refuse_all(self.messages, &failure).await;
            return None;
        }
        if let Some(closed) = group.close {
            self.writer.close().await;
            refuse_all(self.messages, &WalFailed::Closed).await;
            // Nobody waits for it if the closing was given up.
            let _ = closed.send(());
            return None;
        }
        Some(self)
    }
}

/// What is worked on together: appends become durable together.
#[derive(Default)]
struct Group {
    records: Vec<Stored>,
    bytes: u64,
    completions: Vec<Completion>,
    live: Vec<(GroupId, Live)>,
    close: Option<oneshot::Sender<()>>,
}

impl Group {
    /// All that waits, as far as it becomes durable together.
    fn gather(messages: &mut mpsc::UnboundedReceiver<Message>) -> Option<Group> {
        let mut group = Group::default();
        group.add(messages.try_recv().ok()?);
        while !group.is_full()
            && let Ok(message) = messages.try_recv()
        {
            group.add(message);
        }
        Some(group)
    }

    fn add(&mut self, message: Message) {
        match message {
            Message::Append { records, done } => {
                self.bytes += bytes_of(&records);
                self.records.extend(records);
                self.completions.push(done);
            }
            Message::Live { group, live } => self.live.push((group, live)),
            Message::Close { done } => self.close = Some(done),
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= WRITE_BYTES || self.close.is_some()
    }
}

/// The bytes that records take in a segment.
pub(crate) fn bytes_of(records: &[Stored]) -> u64 {
    records.iter().map(Stored::bytes).sum()
}

/// Answers what still waits, and what is being handed over.
async fn refuse_all(mut messages: mpsc::UnboundedReceiver<Message>, failure: &WalFailed) {
    messages.close();
    while let Some(message) = messages.recv().await {
        match message {
            Message::Append { done, .. } => done(Err(failure.clone())),
            // It is worked out anew when the log is opened again.
            Message::Live { .. } => {}
            // Closed it is, and nobody needs to know how.
            Message::Close { done } => drop(done),
        }
    }
}
