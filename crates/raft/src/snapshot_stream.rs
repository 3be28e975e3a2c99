//! A snapshot on its way to a peer: the checkpoint frame by frame, then the contents that the peer
//! does not have, in the order of the log. What has arrived stays when the connection breaks.

use std::io;

use bytes::Bytes;
use openraft::raft::SnapshotResponse;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};
use zonemq_queue::message::ContentPlace;
use zonemq_wal::{GroupId, Part, Wal};

use crate::checkpoint::{self, Announced, Checkpoint, CheckpointError, FILE_HEADER_BYTES};
use crate::checkpoints::Checkpoints;
use crate::codec;
use crate::entry;
use crate::link::{ExchangeError, Peers};
use crate::log_store::LogStore;
use crate::mending::append_kept;
use crate::storekeeper::whole_entries;
use crate::types::{NodeId, Snapshot, TypeConfig, Vote};
use crate::wire::Service;

/// Contents are sent together up to about this size.
const MESSAGE_BYTES: usize = 1 << 20;

/// What goes before a snapshot that a leader sends.
#[derive(Serialize, Deserialize)]
pub(crate) struct SnapshotHeader {
    pub(crate) vote: Vote,
    pub(crate) announced: Announced,
}

/// What the receiver has already.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Resume {
    /// The bytes of the checkpoint that arrived before.
    pub(crate) offset: u64,
    /// Contents of entries through this one are there.
    pub(crate) contents_through: Option<u64>,
}

/// Grows at the end only.
#[derive(Serialize, Deserialize)]
enum SnapshotMessage {
    Frame(Bytes),
    Contents(Vec<EntryContents>),
    /// All has been said. A connection that breaks ends without it.
    End,
}

/// All contents of an entry that are wanted, with their offsets.
#[derive(Serialize, Deserialize)]
struct EntryContents {
    index: u64,
    parts: Vec<(u32, Bytes)>,
}

/// Why a snapshot could not be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("the snapshot cannot be read: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("the peer's answer cannot be read: {0}")]
    Answer(#[from] codec::DecodeError),
}

/// Sends a leader's snapshot; returns when it is installed there.
pub(crate) async fn send(
    peers: &Peers,
    target: NodeId,
    group: GroupId,
    log: &LogStore,
    vote: Vote,
    snapshot: Snapshot,
) -> Result<SnapshotResponse<TypeConfig>, SendError> {
    let checkpoint = snapshot.snapshot;
    let header = SnapshotHeader {
        vote,
        announced: checkpoint.announced.clone(),
    };
    let out_of_turn = || ExchangeError::OutOfTurn(target);
    let (sender, mut receiver) = peers.open(target, Service::Snapshot, group)?;
    sender.send(codec::encode(&header).into()).await?;
    let resume = receiver.next().await?.ok_or_else(out_of_turn)?;
    let resume: Resume = codec::decode(&resume)?;
    let bytes = checkpoint.announced.length;
    tracing::info!(target, bytes, ?resume, "sending a snapshot");
    let mut parts = Parts::new(checkpoint, log.clone(), resume);
    while let Some(part) = parts.next().await? {
        sender.send(part.into()).await?;
    }
    sender.end().await?;
    let reply = receiver.next().await?.ok_or_else(out_of_turn)?;
    Ok(codec::decode(&reply)?)
}

/// All that the receiver does not have, part by part.
pub(crate) struct Parts {
    checkpoint: Checkpoint,
    log: LogStore,
    resume: Resume,
    offset: u64,
    /// Contents that are missing there: gathered while the frames are read, then sorted once.
    places: Vec<ContentPlace>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Frames,
    /// From this one of the places on.
    Contents(usize),
    End,
}

impl Parts {
    pub(crate) fn new(checkpoint: Checkpoint, log: LogStore, resume: Resume) -> Parts {
        Parts {
            checkpoint,
            log,
            resume,
            offset: FILE_HEADER_BYTES,
            places: Vec::new(),
            step: Step::Frames,
        }
    }

    /// The next part as it is sent; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        while self.step == Step::Frames {
            let offset = self.offset;
            let Some(bytes) = self.checkpoint.frame(offset).await? else {
                self.places.sort_unstable();
                self.places.dedup();
                self.step = Step::Contents(0);
                break;
            };
            let frame = checkpoint::decode_frame(&bytes, offset)?;
            let through = self.resume.contents_through;
            let is_missing = |place: &ContentPlace| Some(place.index) > through;
            self.places
                .extend(frame.content_places().into_iter().filter(is_missing));
            self.offset += bytes.len() as u64;
            if offset >= self.resume.offset {
                let message = SnapshotMessage::Frame(bytes.into());
                return Ok(Some(codec::encode(&message)));
            }
        }
        let Step::Contents(from) = self.step else {
            return Ok(None);
        };
        let Some(places) = whole_entries(&self.places[from..], MESSAGE_BYTES).next() else {
            self.step = Step::End;
            return Ok(Some(codec::encode(&SnapshotMessage::End)));
        };
        self.step = Step::Contents(from + places.len());
        let contents = read_contents(&self.log, places).await;
        Ok(Some(codec::encode(&SnapshotMessage::Contents(contents))))
    }
}

/// What can be read. The rest was deleted since the checkpoint, or is damaged: then the receiver
/// will miss it and ask all nodes for it.
async fn read_contents(log: &LogStore, places: &[ContentPlace]) -> Vec<EntryContents> {
    let mut entries: Vec<EntryContents> = Vec::new();
    for (place, read) in places.iter().zip(log.contents(places).await) {
        let Some(bytes) = read.ok().filter(|bytes| entry::is_content(bytes)) else {
            continue;
        };
        let part = (place.offset, bytes);
        match entries.last_mut() {
            Some(entry) if entry.index == place.index => entry.parts.push(part),
            _ => entries.push(EntryContents {
                index: place.index,
                parts: vec![part],
            }),
        }
    }
    entries
}

/// How far the contents of a snapshot have come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrived {
    id: u64,
    contents_through: Option<u64>,
}

/// The receiving side in one group.
#[derive(Debug)]
pub(crate) struct Arrivals {
    pub(crate) group: GroupId,
    pub(crate) wal: Wal,
    pub(crate) checkpoints: Checkpoints,
    /// Of the latest snapshot. One at a time: a second sender waits for the first to give up.
    pub(crate) latest: Mutex<Arrived>,
}

/// Why a snapshot did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArrivalError {
    #[error("a part of a snapshot cannot be decoded: {0}")]
    Message(#[from] codec::DecodeError),
    #[error("a snapshot cannot be taken: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("the disk refuses: {0}")]
    Disk(#[from] io::Error),
    #[error("the log has failed")]
    Log,
    #[error("the sender broke off before the end")]
    BrokenOff,
}

impl Arrivals {
    /// Begins to take a snapshot. `contents_through` is the last entry of which this node has the
    /// contents itself.
    pub(crate) async fn begin(
        &self,
        announced: Announced,
        contents_through: Option<u64>,
    ) -> Result<Arrival<'_>, ArrivalError> {
        let mut latest = self.latest.lock().await;
        if latest.id != announced.id {
            *latest = Arrived {
                id: announced.id,
                contents_through: None,
            };
        }
        let resume = Resume {
            offset: self.checkpoints.expect(announced).await?,
            contents_through: latest.contents_through.max(contents_through),
        };
        Ok(Arrival {
            arrivals: self,
            latest,
            resume,
            is_whole: false,
        })
    }
}

/// A snapshot that is arriving.
pub(crate) struct Arrival<'a> {
    arrivals: &'a Arrivals,
    latest: MutexGuard<'a, Arrived>,
    /// What is there already, to be told to the sender.
    pub(crate) resume: Resume,
    is_whole: bool,
}

impl Arrival<'_> {
    /// Takes the next part.
    pub(crate) async fn take(&mut self, part: &[u8]) -> Result<(), ArrivalError> {
        match codec::decode(part)? {
            SnapshotMessage::Frame(frame) => self.arrivals.checkpoints.take(frame).await?,
            SnapshotMessage::Contents(entries) => {
                let last = entries.last().map(|entry| entry.index);
                let Arrivals { wal, group, .. } = self.arrivals;
                if !append_kept(wal, *group, kept(entries)).await {
                    return Err(ArrivalError::Log);
                }
                self.latest.contents_through = self.latest.contents_through.max(last);
            }
            SnapshotMessage::End => self.is_whole = true,
        }
        Ok(())
    }

    /// Nothing comes any more. If all parts have come, it can be installed.
    pub(crate) async fn finish(self) -> Result<Checkpoint, ArrivalError> {
        if !self.is_whole {
            return Err(ArrivalError::BrokenOff);
        }
        Ok(self.arrivals.checkpoints.arrived().await?)
    }
}

fn kept(entries: Vec<EntryContents>) -> Vec<(u64, Vec<Part>)> {
    let part = |(offset, bytes)| Part { offset, bytes };
    entries
        .into_iter()
        .map(|entry| (entry.index, entry.parts.into_iter().map(part).collect()))
        .collect()
}
