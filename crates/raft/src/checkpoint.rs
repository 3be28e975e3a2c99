//! Checkpoints: the index of all messages as a file, written beside traffic. openraft calls them
//! snapshots; what the messages contain stays in the log.
//!
//! ```text
//! file:   magic | format version | frame | frame | ...
//! frame:  length | CRC32C, from the frame's place in the file | encoded Frame
//! ```
//!
//! The first frame says what it is a checkpoint of and the last one that it is whole. Frames are
//! small and checked one by one: so a checkpoint is written, read and sent in little memory.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use zonemq_queue::message::ContentPlace;
use zonemq_queue::pieces::{Assembly, Piece};
use zonemq_queue::state::State;
use zonemq_wal::Progress;
use zonemq_world::{Disk, DiskFile, Urgency};

use crate::codec;
use crate::types::{LogId, SnapshotMeta, StoredMembership};

const MAGIC: &[u8; 8] = b"zonemqCP";
const FORMAT_VERSION: u32 = 1;
pub(crate) const FILE_HEADER_BYTES: u64 = 12;
const FRAME_HEADER_BYTES: usize = 8;
/// Longer frames are not believed.
const FRAME_LIMIT: usize = 1 << 30;
/// Frames are written together up to this size.
const WRITE_BYTES: usize = 1 << 20;

/// All that a replica needs, beside the log, to go on from where the checkpoint was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppliedState {
    pub(crate) last_applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
    pub(crate) state: State,
}

impl AppliedState {
    pub(crate) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.last_applied,
            last_membership: self.membership.clone(),
        }
    }
}

/// Grows at the end only.
#[derive(Serialize, Deserialize)]
pub(crate) enum Frame {
    Begin {
        /// Random: tells two checkpoints of the same moment apart.
        id: u64,
        last_applied: Option<LogId>,
        membership: StoredMembership,
    },
    Piece(Piece),
    End,
}

impl Frame {
    /// Where the contents of the messages in it lie.
    pub(crate) fn content_places(&self) -> Vec<ContentPlace> {
        match self {
            Frame::Piece(piece) => piece.content_places().collect(),
            Frame::Begin { .. } | Frame::End => Vec::new(),
        }
    }
}

/// What a checkpoint is, and how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Announced {
    pub(crate) meta: SnapshotMeta,
    pub(crate) id: u64,
    pub(crate) length: u64,
}

/// Why a file is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error("the disk refuses: {0}")]
    Disk(#[from] io::Error),
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl CheckpointError {
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    fn damaged(what: impl ToString) -> CheckpointError {
        CheckpointError::Damaged(what.to_string())
    }
}

/// Appends a frame as it lies in the file that begins, with it, at `offset`.
pub(crate) fn encode_frame(frame: &Frame, offset: u64, into: &mut Vec<u8>) {
    let start = into.len();
    into.extend([0; FRAME_HEADER_BYTES]);
    codec::encode_into(frame, into);
    let (header, content) = into[start..].split_at_mut(FRAME_HEADER_BYTES);
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..].copy_from_slice(&checksum(offset, content).to_le_bytes());
}

fn checksum(offset: u64, content: &[u8]) -> u32 {
    let seed = crc32c::crc32c(&offset.to_le_bytes());
    crc32c::crc32c_append(seed, content)
}

/// The reverse of [`encode_frame`]; the bytes are those of exactly one frame.
pub(crate) fn decode_frame(bytes: &[u8], offset: u64) -> Result<Frame, CheckpointError> {
    let Some((header, content)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Err(CheckpointError::damaged("a frame is too short"));
    };
    let expected = checksum(offset, content).to_le_bytes();
    if header[4..] != expected || header[..4] != (content.len() as u64).to_le_bytes()[..4] {
        return Err(CheckpointError::Damaged(format!(
            "the checksum at byte {offset} does not match"
        )));
    }
    codec::decode(content).map_err(CheckpointError::damaged)
}

/// Writes a checkpoint into an empty file; durable when it returns. Returns its length.
pub(crate) async fn write<F: DiskFile>(
    file: &F,
    id: u64,
    applied: AppliedState,
) -> io::Result<u64> {
    let mut buffer = file_header();
    let mut written = 0;
    let begin = Frame::Begin {
        id,
        last_applied: applied.last_applied,
        membership: applied.membership,
    };
    let pieces = applied.state.into_pieces().map(Frame::Piece);
    for frame in std::iter::once(begin).chain(pieces).chain([Frame::End]) {
        let offset = written + buffer.len() as u64;
        encode_frame(&frame, offset, &mut buffer);
        if buffer.len() >= WRITE_BYTES {
            file.write_at(written, &buffer).await?;
            // One sync of all of it would hold up those of the log.
            file.sync_data().await?;
            written += buffer.len() as u64;
            buffer.clear();
            // It is written often and hardly ever read: what clients ask for is kept in its place.
            file.uncache(0..written);
        }
    }
    file.write_at(written, &buffer).await?;
    file.sync_data().await?;
    Ok(written + buffer.len() as u64)
}

pub(crate) fn file_header() -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend(FORMAT_VERSION.to_le_bytes());
    header
}

/// The bytes of the frame at an offset of a file; `None` at its end.
async fn frame_bytes<F: DiskFile>(
    file: &F,
    offset: u64,
    length: u64,
) -> Result<Option<Vec<u8>>, CheckpointError> {
    if offset == length {
        return Ok(None);
    }
    let rest = length.saturating_sub(offset);
    if rest < FRAME_HEADER_BYTES as u64 {
        return Err(CheckpointError::damaged("it ends within a frame"));
    }
    let header = file.read_at(offset, FRAME_HEADER_BYTES).await?;
    let content = header
        .first_chunk::<4>()
        .map_or(0, |length| u32::from_le_bytes(*length));
    let whole = FRAME_HEADER_BYTES + content as usize;
    if content as usize > FRAME_LIMIT || whole as u64 > rest {
        return Err(CheckpointError::damaged("a frame is longer than the file"));
    }
    Ok(Some(file.read_at(offset, whole).await?))
}

async fn check_file_header<F: DiskFile>(file: &F, length: u64) -> Result<(), CheckpointError> {
    if length < FILE_HEADER_BYTES {
        return Err(CheckpointError::damaged("it is too short"));
    }
    let header = file.read_at(0, file_header().len()).await?;
    if header == file_header() {
        Ok(())
    } else {
        Err(CheckpointError::damaged(
            "it is no checkpoint that this release knows",
        ))
    }
}

/// Reads all of a checkpoint.
pub(crate) async fn read<F: DiskFile>(
    file: &F,
    progress: &Progress,
) -> Result<(u64, AppliedState), CheckpointError> {
    let length = file.len().await?;
    progress.add_total(length);
    progress.add_done(length.min(FILE_HEADER_BYTES));
    check_file_header(file, length).await?;
    let mut offset = FILE_HEADER_BYTES;
    let mut begun = None;
    let mut assembly = Assembly::default();
    let mut is_whole = false;
    while let Some(bytes) = frame_bytes(file, offset, length).await? {
        match decode_frame(&bytes, offset)? {
            Frame::Begin {
                id,
                last_applied,
                membership,
            } => begun = Some((id, last_applied, membership)),
            Frame::Piece(piece) => assembly.push(piece).map_err(CheckpointError::damaged)?,
            Frame::End => is_whole = true,
        }
        offset += bytes.len() as u64;
        progress.add_done(bytes.len() as u64);
    }
    let (Some((id, last_applied, membership)), true) = (begun, is_whole) else {
        return Err(CheckpointError::damaged("frames are missing"));
    };
    let applied = AppliedState {
        last_applied,
        membership,
        state: assembly.finish().map_err(CheckpointError::damaged)?,
    };
    Ok((id, applied))
}

struct FrameRequest {
    offset: u64,
    reply: oneshot::Sender<Result<Option<Vec<u8>>, CheckpointError>>,
}

/// A checkpoint on the disk, open: it can be read until it is dropped, even if a later one has
/// taken its place.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) announced: Announced,
    requests: mpsc::Sender<FrameRequest>,
}

impl Checkpoint {
    /// Serves the frames of a file that holds a checkpoint.
    pub(crate) fn open<D: Disk>(
        disk: &D,
        file: Arc<D::File>,
        announced: Announced,
    ) -> io::Result<Checkpoint> {
        let length = announced.length;
        let (requests, mut waiting) = mpsc::channel::<FrameRequest>(2);
        disk.spawn("snapshot-reader", Urgency::Background, async move {
            while let Some(FrameRequest { offset, reply }) = waiting.recv().await {
                // Who asked may have stopped waiting.
                let _ = reply.send(frame_bytes(&*file, offset, length).await);
            }
        })?;
        Ok(Checkpoint {
            announced,
            requests,
        })
    }

    /// The bytes of the frame at an offset; `None` at the end.
    pub(crate) async fn frame(&self, offset: u64) -> Result<Option<Vec<u8>>, CheckpointError> {
        let (reply, frame) = oneshot::channel();
        let closed = || CheckpointError::Disk(io::Error::other("the reader of snapshots ended"));
        let request = FrameRequest { offset, reply };
        self.requests.send(request).await.map_err(|_| closed())?;
        frame.await.map_err(|_| closed())?
    }
}
