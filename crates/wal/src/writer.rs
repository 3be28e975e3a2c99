//! What writes: it puts records into the current segment with one write, makes them durable with one
//! fdatasync, and notes where they lie. Segments begin and end here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use zonemq_planted::{Bug, is_planted};
use zonemq_world::{Clock, Disk, DiskFile, World};

use crate::live::{Live, is_dead};
use crate::reader::SharedPlaces;
use crate::record::{GroupId, Record, Stored};
use crate::recovery::{self, Current, Sealed};
use crate::replay::Recovered;
use crate::segment::{RECORDS_START, SegmentId};
use crate::spares::{Blocks, FEW_WRITES, Spares};
use crate::stats::Stats;
use crate::stopped::Access;
use crate::write::{self, SECTOR_BYTES};
use crate::{DiskError, OpenError, Options, WalFailed};

/// A longer write, which is rare, gives its memory back.
const BUFFER_BYTES: usize = 4 << 20;
/// So many of the latest sealed segments stay in the system's cache, half a GiB with segments of
/// 16 MiB. Memory that was just given back is faster to write to than some that was never used, up
/// to 1.5 times where a virtual machine asks its host for each page; and three nodes on one machine
/// leave the rest of it to others. Who reads on from an older message brings the next ones in.
const CACHED_SEGMENTS: usize = 32;

/// After a write that took longer until it was durable, the disk is no longer waited for in place:
/// heartbeats and votes would wait, too, and where one takes long, the next may. It is this long because
/// busy processors alone make one in a hundred take more than a millisecond.
const QUICK_WRITE: Duration = Duration::from_millis(4);
/// Until so many in a row were quick again.
const WARY_WRITES: u32 = 64;

/// What a new segment must repeat, because the segments before it may be removed.
#[derive(Default)]
struct Carried {
    vote: Option<Bytes>,
    note: Option<Bytes>,
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
    /// To the current segment. What was before the log was opened counts as many.
    writes: u64,
    /// So many more go by before one is written in place.
    wary_writes: u32,
    /// For the next write: memory that is used again need not be fetched from the system.
    buffer: Vec<u8>,
    carried: BTreeMap<GroupId, Carried>,
    live: BTreeMap<GroupId, Live>,
    places: SharedPlaces<File<W>>,
}

type File<W> = <<W as World>::Disk as Disk>::File;

impl<W: World> Writer<W> {
    pub(crate) async fn open(
        world: W,
        options: Options,
        stats: Arc<Stats>,
        failure: watch::Sender<Option<WalFailed>>,
        places: SharedPlaces<File<W>>,
    ) -> Result<(Self, Recovered), OpenError> {
        let directory = options.directory;
        let access = Access::ToContinue;
        let (recovered, position) =
            recovery::recover(&world, &directory, access, &options.progress).await?;
        let first_new = match &position.current {
            Some(current) => current.id().next(),
            None => SegmentId(1),
        };
        *places.write().unwrap_or_else(PoisonError::into_inner) = position.places;
        let mut spares = Spares::start(&world, &directory, options.segment_bytes, first_new)?;
        let current = if let Some(current) = position.current {
            current
        } else {
            let first = spares.take(&world, &directory, first_new, 0, Blocks::Written);
            let first = first.await?;
            let first = Current::from(first);
            add_segment(&places, &first);
            first
        };
        for (id, summary) in position.summaries {
            spares.summarize(id, summary);
        }
        let carried = recovered.groups.iter().map(|(group, log)| {
            let carried = Carried {
                vote: log.vote.clone(),
                note: log.note.clone(),
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
            writes: FEW_WRITES,
            wary_writes: 0,
            buffer: Vec::new(),
            live: BTreeMap::new(),
            places,
        };
        if writer.current.end == RECORDS_START {
            let opening = writer.opening(writer.current.id(), position.previous_end);
            writer.write_out(&opening).await?;
        }
        Ok((writer, recovered))
    }

    /// Makes records durable, and removes what is no longer wanted. After an error nothing may be
    /// written any more.
    pub(crate) async fn work(
        &mut self,
        records: &[Stored],
        live: Vec<(GroupId, Live)>,
    ) -> Result<(), DiskError> {
        if !records.is_empty() {
            self.write(records).await?;
        }
        if !live.is_empty() {
            self.live.extend(live);
            self.retire_dead().await?;
        }
        Ok(())
    }

    /// Tells everybody that the log has failed.
    pub(crate) fn fail(&self, failure: &WalFailed) {
        tracing::error!(%failure, "the log has failed");
        self.failure.send_replace(Some(failure.clone()));
    }

    /// Lets go of the files.
    pub(crate) async fn close(self) {
        self.spares.close().await;
    }

    /// Whether so many bytes of records would be durable soon: the disk is quick, and no segment must
    /// be begun for them.
    pub(crate) fn can_write_in_place(&self, bytes: u64) -> bool {
        // What a write adds to its records is less than as much again and a sector.
        let needed = 2 * bytes + SECTOR_BYTES as u64;
        self.wary_writes == 0 && self.current.end + needed <= self.current.length
    }

    /// Makes records durable, in a new segment if they do not fit.
    async fn write(&mut self, stored: &[Stored]) -> Result<(), DiskError> {
        if self.current.end + encoded_bytes(stored, self.current.end) > self.current.length {
            self.begin_segment(stored).await?;
        }
        self.write_out(stored).await
    }

    async fn begin_segment(&mut self, stored: &[Stored]) -> Result<(), DiskError> {
        let id = self.current.id().next();
        let opening = self.opening(id, self.current.end);
        let opened = RECORDS_START + encoded_bytes(&opening, RECORDS_START);
        let needed = opened + encoded_bytes(stored, opened) - RECORDS_START;
        let blocks = Blocks::after(std::mem::take(&mut self.writes));
        let prepared = self
            .spares
            .take(&self.world, &self.directory, id, needed, blocks)
            .await?;
        let full = std::mem::replace(&mut self.current, prepared.into());
        add_segment(&self.places, &self.current);
        self.summarize(&full);
        self.sealed.push(full.seal());
        self.uncache_old();
        self.write_out(&opening).await
    }

    /// Takes the segment that is now one too many out of the system's cache.
    fn uncache_old(&self) {
        let Some(old) = self.sealed.iter().nth_back(CACHED_SEGMENTS) else {
            return;
        };
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = places.segment(old.id) {
            self.spares.uncache(segment, old.length);
        }
    }

    fn summarize(&self, full: &Current<File<W>>) {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(summary) = places.summarize(full.id(), full.length, full.end) {
            drop(places);
            let encoded = summary.encode(&full.header);
            self.spares.summarize(full.id(), encoded);
        }
    }

    /// How a segment begins: with the end of the one before it, with all that there are, and with
    /// what would be lost with earlier segments.
    fn opening(&self, id: SegmentId, previous_end: u64) -> Vec<Stored> {
        let mut segments: Vec<SegmentId> = self.sealed.iter().map(|sealed| sealed.id).collect();
        if self.current.id() != id {
            segments.push(self.current.id());
        }
        segments.push(id);
        let mut opening = vec![Stored::Opening {
            previous_end,
            segments,
        }];
        for (&group, carried) in &self.carried {
            if let Some(payload) = carried.vote.clone() {
                opening.push(Stored::Record(Record::Vote { group, payload }));
            }
            if let Some(payload) = carried.note.clone() {
                opening.push(Stored::Record(Record::Note { group, payload }));
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
        let start = self.current.end;
        let seed = self.current.header.seed();
        let tops = write::tops_of(records_of(stored));
        // A segment is in memory while it is read: its offsets fit.
        let at = usize::try_from(start).unwrap_or(usize::MAX);
        let mut bytes = std::mem::take(&mut self.buffer);
        let offsets = write::encode(stored, &tops, seed, at, &mut bytes);
        let end = start + bytes.len() as u64;
        assert!(end <= self.current.length, "a write stays in its segment");
        let file = &self.current.file.file;
        let clock = self.world.clock();
        let began = clock.elapsed();
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
            let path = self.directory.join(self.current.id().file_name());
            DiskError::new(&path, source)
        })?;
        self.stats.count_write(bytes.len(), sync);
        self.writes += 1;
        // A write may be held up, too: by much that is written beside the log.
        let took = clock.elapsed().saturating_sub(began);
        self.wary_writes = if took <= QUICK_WRITE {
            self.wary_writes.saturating_sub(1)
        } else {
            WARY_WRITES
        };
        self.current.end = end;
        if bytes.capacity() <= BUFFER_BYTES {
            bytes.clear();
            self.buffer = bytes;
        }
        self.note(stored, &offsets);
        Ok(())
    }

    fn note(&mut self, stored: &[Stored], offsets: &[usize]) {
        for record in records_of(stored) {
            let carried = self.carried.entry(record.group()).or_default();
            match record {
                Record::Vote { payload, .. } => carried.vote = Some(payload.clone()),
                Record::Note { payload, .. } => carried.note = Some(payload.clone()),
                Record::PurgeThrough { index, payload, .. } => {
                    carried.purged = Some((*index, payload.clone()));
                }
                Record::Entry { .. } | Record::TruncateAfter { .. } | Record::Kept { .. } => {}
            }
        }
        let segment = self.current.id();
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        for (stored, offset) in stored.iter().zip(offsets) {
            if let Stored::Record(record) = stored {
                places.note(record, segment, *offset);
            }
        }
    }

    /// Removes the segments in which nothing is wanted any more. That they are gone is durable
    /// before they are: a segment that is missing is damage otherwise.
    async fn retire_dead(&mut self) -> Result<(), DiskError> {
        let purged = |group| {
            let carried: &Carried = self.carried.get(&group)?;
            carried.purged.as_ref().map(|(index, _)| *index)
        };
        let is_dead = |segment: &Sealed| {
            let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
            let last_indexes = places.last_indexes(segment.id);
            last_indexes.is_some_and(|last| is_dead(segment.id, last, &self.live, purged))
        };
        let dead = self.sealed.iter().filter(|segment| is_dead(segment));
        let segments: Vec<SegmentId> = dead.map(|segment| segment.id).collect();
        if segments.is_empty() {
            return Ok(());
        }
        let retired = Stored::Retired {
            segments: segments.clone(),
        };
        self.write(&[retired]).await?;
        self.sealed
            .retain(|segment| !segments.contains(&segment.id));
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.forget(&segments);
        for id in segments {
            self.spares.remove(id);
        }
        Ok(())
    }
}

fn add_segment<F>(places: &SharedPlaces<F>, segment: &Current<F>) {
    let mut places = places.write().unwrap_or_else(PoisonError::into_inner);
    places.add_segment(segment.id(), segment.file.clone());
}

fn records_of(stored: &[Stored]) -> impl Iterator<Item = &Record> {
    stored.iter().filter_map(|stored| match stored {
        Stored::Record(record) => Some(record),
        Stored::Opening { .. } | Stored::Retired { .. } => None,
    })
}

/// The bytes of a write that begins at `start` of a segment.
fn encoded_bytes(stored: &[Stored], start: u64) -> u64 {
    let tops = write::tops_of(records_of(stored)).len();
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    write::encoded_bytes(stored, tops, start) as u64
}
