//! The one task that writes. It takes all that waits, writes it with one write, makes it durable
//! with one fdatasync, and then calls the completions in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use zonemq_planted::{Bug, is_planted};
use zonemq_world::{Clock, Disk, DiskFile, World};

use crate::record::{self, GroupId, Record, Stored};
use crate::recovery::{self, Current, OpenError, Sealed};
use crate::replay::Recovered;
use crate::segment::{RECORDS_START, SegmentId};
use crate::spares::Spares;
use crate::stats::Stats;
use crate::{Completion, DiskError, Options, WalFailed};

/// More than this does not wait for the same fdatasync, so that the first of a long queue is not
/// held up by the last. One append is never split.
const WRITE_BYTES: u64 = 2 << 20;

pub(crate) enum Message {
    Append {
        records: Vec<Record>,
        done: Completion,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

/// What a new segment must repeat, because the segments before it may be removed.
#[derive(Default)]
struct Carried {
    vote: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
}

pub(crate) struct Writer<W: World> {
    world: W,
    directory: PathBuf,
    stats: Arc<Stats>,
    failure: watch::Sender<Option<WalFailed>>,
    spares: Spares<W>,
    sealed: Vec<Sealed>,
    current: Current<File<W>>,
    carried: BTreeMap<GroupId, Carried>,
}

type File<W> = <<W as World>::Disk as Disk>::File;

/// Appends that become durable together.
#[derive(Default)]
struct Group {
    records: Vec<Record>,
    bytes: u64,
    completions: Vec<Completion>,
    close: Option<oneshot::Sender<()>>,
}

impl Group {
    fn add(&mut self, message: Message) {
        match message {
            Message::Append { records, done } => {
                self.bytes += records.iter().map(record::stored_bytes).sum::<u64>();
                self.records.extend(records);
                self.completions.push(done);
            }
            Message::Close { done } => self.close = Some(done),
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= WRITE_BYTES || self.close.is_some()
    }
}

impl<W: World> Writer<W> {
    pub(crate) async fn open(
        world: W,
        options: Options,
        stats: Arc<Stats>,
        failure: watch::Sender<Option<WalFailed>>,
    ) -> Result<(Self, Recovered), OpenError> {
        let directory = options.directory;
        let (recovered, position) = recovery::recover(&world, &directory).await?;
        let first_new = match &position.current {
            Some(current) => current.sealed.id.next(),
            None => SegmentId(1),
        };
        let mut spares = Spares::start(&world, &directory, options.segment_bytes, first_new)?;
        let current = match position.current {
            Some(current) => current,
            None => spares.take(&world, &directory, first_new, 0).await?.into(),
        };
        let carried = recovered.groups.iter().map(|(group, log)| {
            let carried = Carried {
                vote: log.vote.clone(),
                purged: log.purged.clone(),
            };
            (*group, carried)
        });
        let mut writer = Writer {
            carried: carried.collect(),
            world,
            directory,
            stats,
            failure,
            spares,
            sealed: position.sealed,
            current,
        };
        if writer.current.end == RECORDS_START {
            let opening = writer.opening(position.previous_end);
            writer.write_out(&opening).await?;
        }
        writer.retire_purged();
        Ok((writer, recovered))
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = inbox.recv().await {
            let mut group = Group::default();
            group.add(message);
            while !group.is_full()
                && let Ok(message) = inbox.try_recv()
            {
                group.add(message);
            }
            let written = self.write(group.records).await.map_err(WalFailed::Disk);
            if let Err(failure) = &written {
                tracing::error!(%failure, "the log has failed");
                self.failure.send_replace(Some(failure.clone()));
            }
            for done in group.completions {
                done(written.clone());
            }
            if let Err(failure) = written {
                refuse_all(inbox, &failure);
                return;
            }
            if let Some(closed) = group.close {
                self.spares.close().await;
                refuse_all(inbox, &WalFailed::Closed);
                // Nobody waits for it if the closing was given up.
                let _ = closed.send(());
                return;
            }
        }
    }

    /// Makes records durable. After an error nothing may be written any more.
    async fn write(&mut self, records: Vec<Record>) -> Result<(), DiskError> {
        let bytes: u64 = records.iter().map(record::stored_bytes).sum();
        if bytes == 0 {
            return Ok(());
        }
        if self.current.end + bytes > self.current.sealed.length {
            self.begin_segment(bytes).await?;
        }
        for record in &records {
            self.current.sealed.note(record);
            self.carry(record);
        }
        let stored: Vec<Stored> = records.into_iter().map(Stored::Record).collect();
        self.write_out(&stored).await?;
        self.retire_purged();
        Ok(())
    }

    async fn begin_segment(&mut self, bytes: u64) -> Result<(), DiskError> {
        let opening = self.opening(self.current.end);
        let needed = bytes + opening.iter().map(Stored::bytes).sum::<u64>();
        let id = self.current.sealed.id.next();
        let prepared = self
            .spares
            .take(&self.world, &self.directory, id, needed)
            .await?;
        let full = std::mem::replace(&mut self.current, prepared.into());
        self.sealed.push(full.sealed);
        self.write_out(&opening).await
    }

    /// How a segment begins: with the end of the one before it, and with the votes and purges
    /// that would be lost with earlier segments.
    fn opening(&self, previous_end: u64) -> Vec<Stored> {
        let mut opening = vec![Stored::PreviousEnd {
            offset: previous_end,
        }];
        for (&group, carried) in &self.carried {
            if let Some(payload) = carried.vote.clone() {
                opening.push(Stored::Record(Record::Vote { group, payload }));
            }
            if let Some((index, payload)) = carried.purged.clone() {
                opening.push(Stored::Record(Record::PurgeThrough {
                    group,
                    index,
                    payload,
                }));
            }
        }
        opening
    }

    /// One write and one fdatasync.
    async fn write_out(&mut self, stored: &[Stored]) -> Result<(), DiskError> {
        let seed = self.current.header.seed();
        let start = self.current.end;
        let mut bytes = Vec::new();
        for stored in stored {
            record::encode(stored, seed, start, &mut bytes);
        }
        let end = start + bytes.len() as u64;
        assert!(
            end <= self.current.sealed.length,
            "a write stays in its segment"
        );
        let file = &self.current.file;
        let clock = self.world.clock();
        let durable = async {
            file.write_at(start, &bytes).await?;
            let written = clock.elapsed();
            if !is_planted(Bug::SyncSkipped) {
                let synced = file.sync_data().await;
                if !is_planted(Bug::SyncErrorIgnored) {
                    synced?;
                }
            }
            Ok(clock.elapsed().saturating_sub(written))
        };
        let sync = durable.await.map_err(|source| {
            let path = self.directory.join(self.current.sealed.id.file_name());
            DiskError::new(&path, source)
        })?;
        self.stats.count_write(bytes.len(), sync);
        self.current.end = end;
        Ok(())
    }

    fn carry(&mut self, record: &Record) {
        let carried = self.carried.entry(record.group()).or_default();
        match record {
            Record::Vote { payload, .. } => carried.vote = Some(payload.clone()),
            Record::PurgeThrough { index, payload, .. } => {
                carried.purged = Some((*index, payload.clone()));
            }
            Record::Entry { .. } | Record::TruncateAfter { .. } => {}
        }
    }

    /// Gives up the oldest segments, as far as all entries in them are purged.
    fn retire_purged(&mut self) {
        let is_purged = |segment: &Sealed| {
            segment.last_indexes.iter().all(|(group, last)| {
                let purged = self.carried.get(group).and_then(|log| log.purged.as_ref());
                purged.is_some_and(|(index, _)| last <= index)
            })
        };
        let count = self
            .sealed
            .iter()
            .take_while(|segment| is_purged(segment))
            .count();
        for segment in self.sealed.drain(..count) {
            self.spares.retire(segment.id, segment.length);
        }
    }
}

/// Answers what is still in the inbox.
fn refuse_all(mut inbox: mpsc::UnboundedReceiver<Message>, failure: &WalFailed) {
    inbox.close();
    while let Ok(message) = inbox.try_recv() {
        match message {
            Message::Append { done, .. } => done(Err(failure.clone())),
            // Closed it is, and nobody needs to know how.
            Message::Close { done } => drop(done),
        }
    }
}
