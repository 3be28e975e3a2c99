//! Snapshots on the disk: one whole file each, written aside and renamed when it is durable.
//!
//! A file is a magic number, a format version, the length and the CRC32C of what follows, and the
//! encoded [`StoredSnapshot`]. The files are small while bodies of messages lie in them only until
//! the store keeps them in the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use zonemq_queue::state::State;
use zonemq_wal::GroupId;
use zonemq_world::{Disk, DiskFile, OpenMode, World};

use crate::codec;
use crate::types::{LogId, StoredMembership};

const MAGIC: &[u8; 8] = b"zonemqSN";
const FORMAT_VERSION: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 4 + 8;
const WRITE_BYTES: usize = 1 << 20;

/// All that a replica needs to go on from where the snapshot was taken.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StoredSnapshot {
    pub(crate) last_applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
    pub(crate) state: State,
}

/// A snapshot file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("cannot read or write snapshots in {directory}: {source}")]
    Io {
        directory: PathBuf,
        source: io::Error,
    },
    #[error(
        "snapshot {file} is damaged ({what}): restore the node's folder from a copy, or remove the folder and let the node join again as a new one"
    )]
    Damaged { file: PathBuf, what: String },
}

/// The encoded form of a snapshot, as files hold it and the network carries it.
pub(crate) fn to_bytes(snapshot: &StoredSnapshot) -> Bytes {
    let content = codec::encode(snapshot);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&content).to_be_bytes());
    bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
    bytes.extend_from_slice(&content);
    bytes.into()
}

/// The reverse of [`to_bytes`]; says what is wrong with bytes that are no snapshot.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<StoredSnapshot, String> {
    let Some((header, content)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err("it is too short".to_owned());
    };
    if &header[..8] != MAGIC {
        return Err("it is no snapshot of zonemq".to_owned());
    }
    if header[8..12] != FORMAT_VERSION.to_be_bytes() {
        return Err("it has a format that this release does not know".to_owned());
    }
    if header[16..24] != (content.len() as u64).to_be_bytes() {
        return Err("its length is not the one in its header".to_owned());
    }
    if header[12..16] != crc32c::crc32c(content).to_be_bytes() {
        return Err("its checksum does not match".to_owned());
    }
    codec::decode(content).map_err(|error| error.to_string())
}

enum Request {
    EncodeAndSave(Box<StoredSnapshot>, oneshot::Sender<io::Result<Bytes>>),
    Save(Bytes, oneshot::Sender<io::Result<()>>),
    Load(oneshot::Sender<io::Result<Option<Bytes>>>),
}

/// Where one group keeps its latest snapshot. The disk work is done by a task of its own.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFile {
    requests: mpsc::Sender<Request>,
    size_bytes: Arc<AtomicU64>,
}

impl SnapshotFile {
    /// Opens the folder of snapshots and reads the latest one.
    pub(crate) async fn open<W: World>(
        world: &W,
        group: GroupId,
        directory: &Path,
    ) -> Result<(SnapshotFile, Option<StoredSnapshot>), SnapshotError> {
        let (requests, waiting) = mpsc::channel(4);
        let folder = Folder {
            disk: world.disk().clone(),
            directory: directory.to_owned(),
            name: format!("group-{}.snapshot", group.0),
        };
        let path = directory.join(&folder.name);
        let failed = |source| SnapshotError::Io {
            directory: directory.to_owned(),
            source,
        };
        world
            .disk()
            .spawn("snapshots", folder.serve(waiting))
            .map_err(failed)?;
        let file = SnapshotFile {
            requests,
            size_bytes: Arc::default(),
        };
        let Some(bytes) = file.load().await.map_err(failed)? else {
            return Ok((file, None));
        };
        file.note_size(&bytes);
        let snapshot =
            from_bytes(&bytes).map_err(|what| SnapshotError::Damaged { file: path, what })?;
        Ok((file, Some(snapshot)))
    }

    /// Replaces the snapshot; durable when it returns. The work is done beside the requests.
    pub(crate) async fn encode_and_save(&self, snapshot: StoredSnapshot) -> io::Result<Bytes> {
        let (done, result) = oneshot::channel();
        self.ask(Request::EncodeAndSave(Box::new(snapshot), done))
            .await?;
        let bytes = result.await.map_err(|_| closed())??;
        self.note_size(&bytes);
        Ok(bytes)
    }

    /// Replaces the snapshot; durable when it returns.
    pub(crate) async fn save(&self, bytes: Bytes) -> io::Result<()> {
        let (done, result) = oneshot::channel();
        self.note_size(&bytes);
        self.ask(Request::Save(bytes, done)).await?;
        result.await.map_err(|_| closed())?
    }

    /// The length of the latest snapshot; zero where there is none.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Relaxed)
    }

    fn note_size(&self, bytes: &Bytes) {
        self.size_bytes.store(bytes.len() as u64, Ordering::Relaxed);
    }

    /// The latest snapshot, as it was saved.
    pub(crate) async fn load(&self) -> io::Result<Option<Bytes>> {
        let (done, result) = oneshot::channel();
        self.ask(Request::Load(done)).await?;
        result.await.map_err(|_| closed())?
    }

    async fn ask(&self, request: Request) -> io::Result<()> {
        self.requests.send(request).await.map_err(|_| closed())
    }
}

fn closed() -> io::Error {
    io::Error::other("the task that writes snapshots has stopped")
}

struct Folder<D> {
    disk: D,
    directory: PathBuf,
    name: String,
}

impl<D: Disk> Folder<D> {
    async fn serve(self, mut waiting: mpsc::Receiver<Request>) {
        while let Some(request) = waiting.recv().await {
            // Whoever asked may have stopped waiting.
            match request {
                Request::EncodeAndSave(snapshot, done) => {
                    let bytes = to_bytes(&snapshot);
                    drop(done.send(self.save(&bytes).await.map(|()| bytes)));
                }
                Request::Save(bytes, done) => drop(done.send(self.save(&bytes).await)),
                Request::Load(done) => drop(done.send(self.load().await)),
            }
        }
    }

    async fn save(&self, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.directory.join(format!("{}.unfinished", self.name));
        match self.disk.remove(&unfinished).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.open(&unfinished, OpenMode::CreateNew).await?;
        let mut offset = 0;
        for chunk in bytes.chunks(WRITE_BYTES) {
            file.write_at(offset, chunk).await?;
            offset += chunk.len() as u64;
        }
        file.sync_data().await?;
        self.disk
            .rename(&unfinished, &self.directory.join(&self.name))
            .await?;
        self.disk.sync_dir(&self.directory).await
    }

    async fn load(&self) -> io::Result<Option<Bytes>> {
        self.disk.create_dir_all(&self.directory).await?;
        let path = self.directory.join(&self.name);
        let file = match self.disk.open(&path, OpenMode::Read).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = usize::try_from(file.len().await?).map_err(io::Error::other)?;
        Ok(Some(file.read_at(0, length).await?.into()))
    }
}
