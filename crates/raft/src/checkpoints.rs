//! Where a group keeps its latest checkpoint, and one that is on its way from a peer. Each is
//! written aside and renamed when it is durable; the disk work is done by a task of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use zonemq_wal::{GroupId, Progress};
use zonemq_world::{Chance, Disk, DiskFile, OpenMode, Urgency, World};

use crate::checkpoint::{
    self, Announced, AppliedState, Checkpoint, CheckpointError, FILE_HEADER_BYTES, file_header,
};

/// Between two tries to find space for a checkpoint.
const RETRY: Duration = Duration::from_secs(1);

enum Request {
    Save(Box<AppliedState>, oneshot::Sender<io::Result<Checkpoint>>),
    Load(
        Progress,
        oneshot::Sender<Result<Option<Loaded>, CheckpointError>>,
    ),
    Expect(Announced, oneshot::Sender<io::Result<u64>>),
    Take(Bytes, oneshot::Sender<Result<(), CheckpointError>>),
    Arrived(oneshot::Sender<io::Result<Checkpoint>>),
    Install(oneshot::Sender<Result<AppliedState, CheckpointError>>),
    Discard(oneshot::Sender<io::Result<()>>),
}

/// The latest checkpoint, open and in memory.
pub(crate) struct Loaded {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) applied: AppliedState,
}

/// The checkpoints of one group. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    requests: mpsc::Sender<Request>,
}

impl Checkpoints {
    /// Opens the folder of checkpoints, or creates it.
    pub(crate) fn open<W: World>(
        world: &W,
        group: GroupId,
        directory: &Path,
    ) -> io::Result<Checkpoints> {
        let (requests, waiting) = mpsc::channel(4);
        let folder = Folder {
            world: world.clone(),
            directory: directory.to_owned(),
            name: name(group),
            incoming: None,
        };
        world
            .disk()
            .spawn("snapshots", Urgency::Background, folder.serve(waiting))?;
        Ok(Checkpoints { requests })
    }

    /// Replaces the checkpoint; durable when it returns. The work is done beside the requests.
    pub(crate) async fn save(&self, applied: AppliedState) -> io::Result<Checkpoint> {
        let (done, result) = oneshot::channel();
        self.ask(Request::Save(Box::new(applied), done)).await?;
        result.await.map_err(|_| closed())?
    }

    /// The latest checkpoint.
    pub(crate) async fn load(&self, progress: Progress) -> Result<Option<Loaded>, CheckpointError> {
        let (done, result) = oneshot::channel();
        self.ask(Request::Load(progress, done)).await?;
        result.await.map_err(|_| closed())?
    }

    /// Makes ready for a peer's checkpoint; tells from where on it is missing: not from its start
    /// if a part of the same one came before.
    pub(crate) async fn expect(&self, announced: Announced) -> io::Result<u64> {
        let (done, result) = oneshot::channel();
        self.ask(Request::Expect(announced, done)).await?;
        result.await.map_err(|_| closed())?
    }

    /// Takes the next frame of it.
    pub(crate) async fn take(&self, frame: Bytes) -> Result<(), CheckpointError> {
        let (done, result) = oneshot::channel();
        self.ask(Request::Take(frame, done)).await?;
        result.await.map_err(|_| closed())?
    }

    /// All frames have come: the checkpoint is durable, but not yet in its place.
    pub(crate) async fn arrived(&self) -> io::Result<Checkpoint> {
        let (done, result) = oneshot::channel();
        self.ask(Request::Arrived(done)).await?;
        result.await.map_err(|_| closed())?
    }

    /// Puts a checkpoint in the place of the latest one, and reads it. What of it has not arrived
    /// yet is copied.
    pub(crate) async fn install(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<AppliedState, CheckpointError> {
        let mut offset = self.expect(checkpoint.announced.clone()).await?;
        while let Some(frame) = checkpoint.frame(offset).await? {
            offset += frame.len() as u64;
            self.take(frame.into()).await?;
        }
        let (done, result) = oneshot::channel();
        self.ask(Request::Install(done)).await?;
        result.await.map_err(|_| closed())?
    }

    /// Removes the checkpoint: what it holds is not to be believed.
    pub(crate) async fn discard(&self) -> io::Result<()> {
        let (done, result) = oneshot::channel();
        self.ask(Request::Discard(done)).await?;
        result.await.map_err(|_| closed())?
    }

    async fn ask(&self, request: Request) -> io::Result<()> {
        self.requests.send(request).await.map_err(|_| closed())
    }
}

fn closed() -> io::Error {
    io::Error::other("the task that writes snapshots has stopped")
}

/// A checkpoint of which the first `offset` bytes are here.
struct Incoming<F> {
    announced: Announced,
    file: Arc<F>,
    offset: u64,
}

struct Folder<W: World> {
    world: W,
    directory: PathBuf,
    name: String,
    incoming: Option<Incoming<File<W>>>,
}

type File<W> = <<W as World>::Disk as Disk>::File;

impl<W: World> Folder<W> {
    async fn serve(mut self, mut waiting: mpsc::Receiver<Request>) {
        while let Some(request) = waiting.recv().await {
            // Whoever asked may have stopped waiting.
            match request {
                Request::Save(applied, done) => drop(done.send(self.save(*applied).await)),
                Request::Load(progress, done) => drop(done.send(self.load(&progress).await)),
                Request::Expect(announced, done) => {
                    drop(done.send(self.expect(announced).await));
                }
                Request::Take(frame, done) => drop(done.send(self.take(&frame).await)),
                Request::Arrived(done) => drop(done.send(self.arrived().await)),
                Request::Install(done) => drop(done.send(self.install().await)),
                Request::Discard(done) => drop(done.send(self.discard().await)),
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(file_name(&self.name))
    }

    fn incoming_path(&self) -> PathBuf {
        self.directory.join(format!("{}.incoming", self.name))
    }

    fn open(&self, file: Arc<File<W>>, told: Announced) -> io::Result<Checkpoint> {
        Checkpoint::open(self.world.disk(), file, told)
    }

    async fn create(&self, path: &Path) -> io::Result<File<W>> {
        let disk = self.world.disk();
        match disk.remove(path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        disk.open(path, OpenMode::CreateNew).await
    }

    async fn put_in_place(&self, from: &Path) -> io::Result<()> {
        let disk = self.world.disk();
        disk.rename(from, &self.path()).await?;
        disk.sync_dir(&self.directory).await?;
        Ok(())
    }

    /// Waits where there is no space: the checkpoint before it is as good, and the log longer.
    async fn save(&self, applied: AppliedState) -> io::Result<Checkpoint> {
        loop {
            match self.try_to_save(applied.clone()).await {
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                    tracing::warn!("no space for a snapshot yet");
                    tokio::time::sleep(RETRY).await;
                }
                saved => return saved,
            }
        }
    }

    async fn try_to_save(&self, applied: AppliedState) -> io::Result<Checkpoint> {
        let unfinished = self.directory.join(format!("{}.unfinished", self.name));
        let file = self.create(&unfinished).await?;
        let id = self.world.chance().next_u64();
        let meta = applied.meta();
        let length = match checkpoint::write(&file, id, applied).await {
            Ok(length) => length,
            Err(error) => {
                // Half a snapshot would keep room from what makes some.
                let _ = self.world.disk().remove(&unfinished).await;
                return Err(error);
            }
        };
        self.put_in_place(&unfinished).await?;
        self.open(Arc::new(file), Announced { meta, id, length })
    }

    async fn load(&self, progress: &Progress) -> Result<Option<Loaded>, CheckpointError> {
        let disk = self.world.disk();
        disk.create_dir_all(&self.directory).await?;
        let file = match disk.open(&self.path(), OpenMode::Read).await {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (id, applied) = checkpoint::read(&*file, progress).await?;
        let length = file.len().await?;
        let meta = applied.meta();
        let checkpoint = self.open(file, Announced { meta, id, length })?;
        Ok(Some(Loaded {
            checkpoint,
            applied,
        }))
    }

    async fn discard(&self) -> io::Result<()> {
        match self.world.disk().remove(&self.path()).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.world.disk().sync_dir(&self.directory).await,
        }
    }

    async fn expect(&mut self, announced: Announced) -> io::Result<u64> {
        if let Some(incoming) = &self.incoming
            && incoming.announced.id == announced.id
        {
            return Ok(incoming.offset);
        }
        // Another one that was half here is given up.
        self.incoming = None;
        let file = self.create(&self.incoming_path()).await?;
        file.write_at(0, &file_header()).await?;
        self.incoming = Some(Incoming {
            announced,
            file: Arc::new(file),
            offset: FILE_HEADER_BYTES,
        });
        Ok(FILE_HEADER_BYTES)
    }

    async fn take(&mut self, frame: &[u8]) -> Result<(), CheckpointError> {
        let Some(incoming) = &mut self.incoming else {
            return Err(CheckpointError::Disk(unexpected()));
        };
        checkpoint::decode_frame(frame, incoming.offset)?;
        incoming.file.write_at(incoming.offset, frame).await?;
        incoming.offset += frame.len() as u64;
        Ok(())
    }

    async fn arrived(&mut self) -> io::Result<Checkpoint> {
        let Some(incoming) = &self.incoming else {
            return Err(unexpected());
        };
        if incoming.offset != incoming.announced.length {
            return Err(io::Error::other("the snapshot is not as long as announced"));
        }
        incoming.file.sync_data().await?;
        self.open(incoming.file.clone(), incoming.announced.clone())
    }

    async fn install(&mut self) -> Result<AppliedState, CheckpointError> {
        let Some(incoming) = self.incoming.take() else {
            return Err(CheckpointError::Disk(unexpected()));
        };
        let (_, applied) = checkpoint::read(&*incoming.file, &Progress::default()).await?;
        self.put_in_place(&self.incoming_path()).await?;
        Ok(applied)
    }
}

fn name(group: GroupId) -> String {
    format!("group-{}", group.0)
}

fn file_name(name: &str) -> String {
    format!("{name}.snapshot")
}

/// What a group's latest checkpoint holds, read without a change to anything.
pub(crate) async fn peek<W: World>(
    world: &W,
    group: GroupId,
    directory: &Path,
    progress: &Progress,
) -> Result<Option<AppliedState>, CheckpointError> {
    let path = directory.join(file_name(&name(group)));
    match world.disk().open(&path, OpenMode::Read).await {
        Ok(file) => Ok(Some(checkpoint::read(&file, progress).await?.1)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn unexpected() -> io::Error {
    io::Error::other("no snapshot is on its way")
}
